/* Manual pages and completion: that nothing is missing, held against what `octet help` prints; that
 * man and mandoc have nothing against a page; and what a real bash and zsh make of the scripts. */
#define _XOPEN_SOURCE 700
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/cli.h"

static const char *const commands[] = {
#define TRAIN_COMMAND(name) #name,
#include "train/cli/commands.def"
#undef TRAIN_COMMAND
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0], NAME = 64 };

/* What the program prints, until the test frees it. */
static char *text_from(const char *arguments)
{
    const outcome *o = octet("%s", arguments);
    check_done(o);
    assert_int_equal(o->err.size, 0);
    return strdup(text_of(o->out));
}

/* The next option in a help text, at the start of its line; NULL behind the last. */
static const char *next_option(const char *help, char name[NAME])
{
    const char *at = strstr(help, "\n  --");
    if (at == NULL)
        return NULL;
    at += 5;
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
    assert_in_range(n, 1, NAME - 1);
    snprintf(name, NAME, "%.*s", (int)n, at);
    return at;
}

/* "min-top1" as a page has it: "\fB\-\-min\-top1\fR". */
static const char *in_page(const char *name)
{
    static char text[4 * NAME];
    size_t n = (size_t)snprintf(text, sizeof text, "\\fB\\-\\-");
    for (; *name != '\0'; name++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%c", *name == '-' ? "\\" : "", *name);
    snprintf(text + n, sizeof text - n, "\\fR");
    return text;
}

/* The part of a completion script about one command, up to what ends it. */
static char *part_about(const char *script, const char *command, const char *last)
{
    char head[NAME];
    snprintf(head, sizeof head, "\n    %s)", command);
    const char *at = strstr(script, head), *end = at != NULL ? strstr(at, last) : NULL;
    if (end == NULL)
        fail_msg("the script knows no %s", command);
    return strndup(at, (size_t)(end - at));
}

/* Where the option stands, with one of the characters `behind` it; NULL: nowhere. */
static const char *find_word(const char *text, const char *before, const char *name,
                             const char *behind)
{
    char word[2 * NAME];
    const char *at = NULL;
    for (const char *b = behind; at == NULL && *b != '\0'; b++) {
        snprintf(word, sizeof word, "%s--%s%c", before, name, *b);
        at = strstr(text, word);
    }
    return at;
}

/* ---- nothing is missing ---------------------------------------------------------------------- */

static void every_option_is_in_the_page_and_the_scripts(void **state)
{
    (void)state;
    char *bash = text_from("help --completion bash"), *zsh = text_from("help --completion zsh");
    for (int i = 0; i < N_COMMANDS; i++) {
        char arguments[NAME], name[NAME];
        int n = 0;
        snprintf(arguments, sizeof arguments, "help %s", commands[i]);
        char *help = text_from(arguments);
        snprintf(arguments, sizeof arguments, "help --man %s", commands[i]);
        char *page = text_from(arguments);
        char *in_bash = part_about(bash, commands[i], "\n        ;;");
        char *in_zsh = part_about(zsh, commands[i], "operand:");
        for (const char *at = help; (at = next_option(at, name)) != NULL; n++) {
            const char *on_page = strstr(page, in_page(name));
            if (on_page == NULL)
                fail_msg("octet-%s(1) lacks --%s", commands[i], name);
            if (strstr(on_page + 1, in_page(name)) != NULL)
                fail_msg("octet-%s(1) has --%s twice", commands[i], name);
            if (find_word(in_bash, "", name, " '") == NULL)
                fail_msg("completion of %s for bash lacks --%s", commands[i], name);
            const char *in_script = find_word(in_zsh, "'", name, "=[");
            if (in_script == NULL)
                fail_msg("completion of %s for zsh lacks --%s", commands[i], name);
            if (find_word(in_script + 1, "'", name, "=[") != NULL)
                fail_msg("completion of %s for zsh has --%s twice", commands[i], name);
        }
        assert_true(n >= 9); /* the common ones at least */
        free(help), free(page), free(in_bash), free(in_zsh);
    }
    free(bash), free(zsh);
}

static void every_command_is_in_the_program_s_page(void **state)
{
    (void)state;
    char *page = text_from("help --man"), name[NAME];
    for (int i = 0; i < N_COMMANDS; i++) {
        snprintf(name, sizeof name, "octet\\-%s (1)", commands[i]);
        if (strstr(page, name) == NULL)
            fail_msg("octet(1) lacks %s", commands[i]);
    }
    free(page);
}

static void what_is_unknown_is_refused(void **state)
{
    (void)state;
    check_error(octet("help --man evil"), 2, "did you mean eval?");
    check_error(octet("help --completion"), 2, "bash or zsh");
    check_error(octet("help --completion bsah"), 2, "did you mean bash?");
    check_error(octet("help --completion fish"), 2, "there are bash, zsh");
}

/* ---- judged by others ------------------------------------------------------------------------ */

static bool is_installed(const char *tool)
{
    char command[NAME];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", tool);
    return system(command) == 0;
}

/* Runs a command on a file; fails with what it said if it said anything. */
static void check_silent(const char *command, const char *path)
{
    char line[COMMAND];
    snprintf(line, sizeof line, "%s '%s' >/dev/null 2>'%s'", command, path, test_path("said"));
    int code = system(line);
    nn_bytes said = read_text(test_path("said"));
    if (code != 0 || said.size > 0)
        fail_msg("%s: %d\n%s", line, code, text_of(said));
    free(said.data);
}

static const char *save(const char *arguments, const char *name)
{
    char *text = text_from(arguments);
    const char *path = test_path(name);
    assert_ok(nn_file_write(path, text, strlen(text)));
    free(text);
    return path;
}

static void man_and_mandoc_read_the_pages(void **state)
{
    (void)state;
    bool man = is_installed("man") && is_installed("groff"), mandoc = is_installed("mandoc");
    if (!man && !mandoc)
        test_skip("neither man nor mandoc is installed");
    for (int i = -1; i < N_COMMANDS; i++) {
        char arguments[NAME];
        snprintf(arguments, sizeof arguments, "help --man %s", i < 0 ? "" : commands[i]);
        const char *page = save(arguments, "page.1");
        if (man)
            check_silent("LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l", page);
        if (mandoc)
            check_silent("mandoc -T lint -W error", page);
    }
}

/* Words, the last of which is being typed -> what bash offers, with a blank behind each. */
static const struct {
    const char *words, *offers;
} typed[] = {
    { "octet ev", "eval " },
    { "octet --v", "--version " },
    { "octet help qu", "quantize " },
    { "octet help --c", "--completion " },
    { "octet help --completion ''", "bash zsh " },
    { "octet train --quant-d", "--quant-delay " },
    { "octet train --optimizer a", "adam adamw " },
    { "octet train --optimizer = a", "adam adamw " },
    { "octet train --ship =", "last best " },
    { "octet train --qat =", "true false " },
    { "octet train --qat = f", "false " },
    { "octet train --model resnet5", "resnet56 " },
    { "octet train --resize s", "stretch " },
    { "octet train --lr ''", "" },
    { "octet train --data fa", "fashion-mnist " },
    { "octet train --data fo", "folder: " },
    { "octet train --data folder :", "pictures " },
    { "octet train --data = folder : pic", "pictures " },
    { "octet train --out p", "pictures " },
    { "octet train re", "recipe\\ one.ini " },
    { "octet quantize --method e", "ema entropy " },
    { "octet export --format tflite-u", "tflite-uint8 " },
    { "octet data sa", "sample " },
    { "octet bench i", "infer " },
    { "octet bench infer re", "recipe\\ one.ini " },
    { "octet run re", "recipe\\ one.ini " },
    { "octet nothing --", "" },
};

static void bash_completes(void **state)
{
    (void)state;
    if (!is_installed("bash"))
        test_skip("bash is not installed");
    const char *script = save("help --completion bash", "octet.bash");
    const char *driver = test_path("driver.bash"), *at = test_path("at");
    char line[COMMAND];
    assert_int_equal(mkdir(at, 0777), 0);
    snprintf(line, sizeof line, "mkdir '%s/pictures' && touch '%s/recipe one.ini'", at, at);
    assert_int_equal(system(line), 0);
    FILE *to = fopen(driver, "w");
    assert_non_null(to);
    fprintf(to,
            "cd '%s' && source '%s' && complete -p octet >/dev/null || exit 1\n"
            "t() { COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)) COMPREPLY=(); _octet octet\n"
            "for w in \"${COMPREPLY[@]}\"; do printf '%%q ' \"$w\"; done; echo; }\n",
            at, script);
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++)
        fprintf(to, "t %s\n", typed[i].words);
    assert_int_equal(fclose(to), 0);
    snprintf(line, sizeof line, "bash --norc '%s' >'%s' 2>&1", driver, test_path("offers"));
    assert_int_equal(system(line), 0);
    nn_bytes said = read_text(test_path("offers"));
    char *offer = (char *)said.data;
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        char *end = strchr(offer, '\n');
        assert_non_null(end);
        *end = '\0';
        if (strcmp(offer, typed[i].offers) != 0)
            fail_msg("\"%s\": \"%s\" is offered, not \"%s\"", typed[i].words, offer,
                     typed[i].offers);
        offer = end + 1;
    }
    assert_int_equal(*offer, '\0');
    free(said.data);
}

static void zsh_reads_its_script(void **state)
{
    (void)state;
    if (!is_installed("zsh"))
        test_skip("zsh is not installed");
    check_silent("zsh -f -n", save("help --completion zsh", "_octet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_in_the_page_and_the_scripts),
        cmocka_unit_test(every_command_is_in_the_program_s_page),
        cmocka_unit_test(what_is_unknown_is_refused),
        cmocka_unit_test(man_and_mandoc_read_the_pages),
        cmocka_unit_test(bash_completes),
        cmocka_unit_test(zsh_reads_its_script),
    };
    return cmocka_run_group_tests(tests, find_program, forget);
}
