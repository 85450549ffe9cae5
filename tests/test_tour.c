/* docs/tour: every quotation is in the file that it names, every command prints what the page says,
 * every picture is the one that the program draws.
 *
 * Pages are read in order and share one folder, as a reader's do.  `...` in an expected output
 * stands for any text, on a line of its own for any lines. */
#define _XOPEN_SOURCE 700
#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn/kernels/kernels.h"
#include "tests/cli.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

enum { LINE = 1024, MOST_LINES = 600, LARGEST_PICTURE = 30000 };

/* ---- a page in lines ------------------------------------------------------------------------- */

typedef struct page {
    const char *path;
    nn_bytes text;
    char *line[MOST_LINES];
    int n;
} page;

static void cut(page *p)
{
    p->n = 0;
    for (char *at = (char *)p->text.data; *at != '\0' && p->n < MOST_LINES;) {
        char *end = strchr(at, '\n');
        p->line[p->n++] = at;
        if (end == NULL)
            break;
        *end = '\0';
        at = end + 1;
    }
    assert_true(p->n < MOST_LINES);
}

static void open_page(page *p, const char *path)
{
    p->path = path;
    p->text = read_text(path);
    cut(p);
}

static void close_page(page *p)
{
    free(p->text.data);
}

/* Calls `see` for every page. */
static void each_page(void (*see)(const page *p))
{
    glob_t found;
    page p;
    assert_int_equal(glob("docs/tour/[0-9]*.md", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 8);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        open_page(&p, found.gl_pathv[i]);
        see(&p);
        close_page(&p);
    }
    globfree(&found);
}

/* The line behind the block that begins at `from`. */
static int block_end(const page *p, int from)
{
    int end = from + 1;
    while (end < p->n && strcmp(p->line[end], "```") != 0)
        end++;
    if (end == p->n)
        fail_msg("%s:%d: the block has no end", p->path, from + 1);
    return end;
}

/* ---- quotations ------------------------------------------------------------------------------ */

/* `path: name`, alone on the last line before the block that has text. */
static void find_reference(const page *p, int at, char path[LINE], char name[LINE])
{
    int line = at - 1, end = 0;
    while (line > 0 && p->line[line][0] == '\0')
        line--;
    if (line < 0 ||
        sscanf(p->line[line], "`%1000[^:`]: %1000[a-zA-Z0-9_]`%n", path, name, &end) != 2 ||
        end == 0 || p->line[line][end] != '\0')
        fail_msg("%s:%d: no line `file: name` before the quotation", p->path, at + 1);
}

/* Where lines [from, end) of the page follow each other in `file`, at or behind line `start`. */
static int find_lines(const page *file, int start, const page *p, int from, int end)
{
    for (int at = start; at + end - from <= file->n; at++) {
        int same = 0;
        while (same < end - from && strcmp(file->line[at + same], p->line[from + same]) == 0)
            same++;
        if (same == end - from)
            return at + same;
    }
    return -1;
}

/* `...` on a line of its own leaves lines out. */
static void check_quotation(const page *p, int at)
{
    char path[LINE], name[LINE];
    page file;
    find_reference(p, at, path, name);
    if (access(path, R_OK) != 0)
        fail_msg("%s:%d: there is no %s", p->path, at + 1, path);
    open_page(&file, path);
    const int end = block_end(p, at);
    int from = at + 1, place = 0;
    bool named = false;
    for (int i = from; i <= end; i++) {
        named = named || (i < end && strstr(p->line[i], name) != NULL);
        if (i < end && strcmp(p->line[i], "...") != 0)
            continue;
        place = find_lines(&file, place, p, from, i);
        if (place < 0)
            fail_msg("%s:%d: these lines are not in %s", p->path, from + 1, path);
        from = i + 1;
    }
    if (!named)
        fail_msg("%s:%d: %s is not in the quotation", p->path, at + 1, name);
    close_page(&file);
}

static void check_quotations(const page *p)
{
    int quotations = 0;
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->line[i], "```c") == 0) {
            check_quotation(p, i);
            quotations++;
        }
    if (quotations == 0)
        fail_msg("%s: quotes no code", p->path);
}

static void quotations(void **state)
{
    (void)state;
    each_page(check_quotations);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* Is `text` what `pattern` says, where "..." stands for anything? */
static bool matches(const char *pattern, const char *text)
{
    const char *gap = strstr(pattern, "...");
    if (gap == NULL)
        return strcmp(pattern, text) == 0;
    if (strncmp(pattern, text, (size_t)(gap - pattern)) != 0)
        return false;
    for (text += gap - pattern; !matches(gap + 3, text); text++)
        if (*text == '\0')
            return false;
    return true;
}

/* Do lines [at, n) of `said` have the form of lines [from, end) of the page? */
static bool fits(const page *p, int from, int end, const page *said, int at)
{
    for (; from < end; from++, at++) {
        if (strcmp(p->line[from], "...") == 0) {
            for (int skip = at; skip <= said->n; skip++)
                if (fits(p, from + 1, end, said, skip))
                    return true;
            return false;
        }
        if (at == said->n || !matches(p->line[from], said->line[at]))
            return false;
    }
    return at == said->n;
}

/* Where octet and tour were built. */
static char tools[PATH];

static int find_tools(void **state)
{
    find_program(state);
    char *path = realpath(program, NULL);
    assert_non_null(path);
    snprintf(tools, sizeof tools, "%.*s", (int)(strrchr(path, '/') - path), path);
    free(path);
    return 0;
}

static void run_in_folder(const page *p, int at)
{
    char command[4 * LINE];
    snprintf(command, sizeof command, "cd '%s' && PATH='%s':\"$PATH\" && { %s; } >'%s' 2>'%s'",
             test_folder(), tools, p->line[at] + 2, stdout_path, stderr_path);
    if (system(command) != 0)
        fail_msg("%s:%d: %s\n%s", p->path, at + 1, p->line[at], text_of(read_text(stderr_path)));
}

/* One command and its output, up to the next command or the end of the block. */
static int check_command(const page *p, int at, int end)
{
    page said = { .path = "stdout" };
    int next = at + 1;
    while (next < end && strncmp(p->line[next], "$ ", 2) != 0)
        next++;
    run_in_folder(p, at);
    nn_bytes shown = read_text(stdout_path);
    said.text = read_text(stdout_path);
    cut(&said);
    if (!fits(p, at + 1, next, &said, 0))
        fail_msg("%s:%d: %s printed\n%s", p->path, at + 1, p->line[at], text_of(shown));
    free(shown.data);
    close_page(&said);
    return next;
}

static void check_commands(const page *p)
{
    int commands = 0;
    for (int i = 0; i < p->n; i++) {
        if (strcmp(p->line[i], "```console") != 0)
            continue;
        const int end = block_end(p, i);
        for (int at = i + 1; at < end; commands++)
            at = check_command(p, at, end);
        i = end;
    }
    if (commands == 0)
        fail_msg("%s: has no command", p->path);
}

/* The pages' numbers are those of fused multiply-adds, which portable C does without. */
static void commands(void **state)
{
    (void)state;
#ifdef SANITIZED
    test_skip("the tour's trainings take minutes under a sanitizer, which other tests train under");
#endif
    nn_kernels_init();
    if (strcmp(nn_kernel.isa, "c") == 0)
        test_skip("the tour's numbers need a processor with fused multiply-adds");
    each_page(check_commands);
}

/* ---- pictures -------------------------------------------------------------------------------- */

static bool has_picture(const page *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (strncmp(p->line[i], "![", 2) == 0 && strstr(p->line[i], name) != NULL)
            return true;
    return false;
}

static void check_has_picture(const page *p)
{
    if (!has_picture(p, "](pictures/"))
        fail_msg("%s: has no picture", p->path);
}

static void check_picture(const char *path)
{
    char drawn[PATH];
    nn_bytes file;
    snprintf(drawn, sizeof drawn, "%s/%s", test_folder(), strrchr(path, '/') + 1);
    if (access(drawn, R_OK) != 0)
        fail_msg("%s: is not drawn any more; remove it", path);
    assert_ok(nn_file_read(&file, path, 0));
    assert_true(file.size < LARGEST_PICTURE);
    nn_bytes_free(&file);
    assert_same_files(path, drawn);
}

static void pictures(void **state)
{
    (void)state;
    char command[3 * PATH];
    glob_t committed, drawn;
    each_page(check_has_picture);
    snprintf(command, sizeof command, "'%s/tour' --pictures '%s'", tools, test_folder());
    assert_int_equal(system(command), 0);
    assert_int_equal(glob("docs/tour/pictures/*.svg", 0, NULL, &committed), 0);
    for (size_t i = 0; i < committed.gl_pathc; i++)
        check_picture(committed.gl_pathv[i]);
    assert_int_equal(glob(test_path("*.svg"), 0, NULL, &drawn), 0);
    assert_int_equal(drawn.gl_pathc, committed.gl_pathc); /* else `make tour`, and commit */
    globfree(&drawn);
    globfree(&committed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(quotations), cmocka_unit_test(pictures),
                                        cmocka_unit_test(commands) };
    return cmocka_run_group_tests(tests, find_tools, NULL);
}
