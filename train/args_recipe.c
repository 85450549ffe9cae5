/* args_recipe - options in a recipe: read, written, and compared with another one. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "nn/base/suggest.h"
#include "train/args_internal.h"

/* ---- reading --------------------------------------------------------------------------------- */

enum { LONGEST_LINE = 198, LARGEST_RECIPE = 1 << 20 }; /* inih cuts longer lines in two */

typedef struct recipe_reader {
    train_args *args;
    nn_status status;
    unsigned char *seen; /* rows that stood in this file */
} recipe_reader;

/* The row whose entries have a section of this name. */
static bool find_list(const train_args *a, const char *section, train_place *out)
{
    int number = 0;
    for (int g = 0; g < a->n_groups; g++)
        for (int i = 0; i < a->groups[g].rows->n; i++, number++) {
            const train_arg *arg = &a->groups[g].rows->args[i];
            *out = (train_place){ arg, a->groups[g].at, number };
            if (arg->section != NULL && strcmp(arg->section, section) == 0)
                return true;
        }
    return false;
}

/* Appends "name=value" to the text of a row. */
static nn_status store_entry(train_args *a, const train_place *p, const char *name,
                             const char *value)
{
    const char **text = (const char **)((char *)train_args__struct_at(a, p->base) + p->arg->at);
    if (a->given[p->number] == TRAIN_BY_COMMAND_LINE)
        return NN_OK;
    const char *before = a->given[p->number] == TRAIN_BY_RECIPE && *text != NULL ? *text : "";
    const char *comma = before[0] != '\0' ? "," : "";
    *text = nn_arena_printf(a->arena, "%s%s%s=%s", before, comma, name, value);
    a->given[p->number] = TRAIN_BY_RECIPE;
    return *text != NULL ? NN_OK : NN_ENOMEM;
}

static nn_status check_section(const train_args *a, const char *section)
{
    nn_suggestion s = { .given = section };
    if (section[0] == '\0')
        return NN_OK;
    for (int g = 0; g < a->n_groups; g++) {
        if (strcmp(a->groups[g].rows->title, section) == 0)
            return NN_OK;
        nn_suggest_offer(&s, a->groups[g].rows->title);
    }
    if (s.best != NULL)
        return nn_fail(NN_EINVAL, "[%.60s]: unknown section; did you mean [%s]?", section, s.best);
    return nn_fail(NN_EINVAL, "[%.60s]: unknown section; it may be left out", section);
}

/* "name+ = value" goes on with the text of a line before it: so a text may be longer than a line.
 */
static nn_status store_more(recipe_reader *r, const char *name, const char *value)
{
    train_args *a = r->args;
    train_place p;
    const char *whole = nn_arena_printf(a->arena, "%.*s", (int)strlen(name) - 1, name);
    if (whole == NULL)
        return NN_ENOMEM;
    if (!train_args__find(a->groups, a->n_groups, whole, &p) || p.arg->kind != TRAIN_TEXT ||
        !r->seen[p.number])
        return nn_fail(NN_EINVAL, "%.60s: goes on with a text, and no line before it begins one",
                       name);
    const char **text = (const char **)((char *)train_args__struct_at(a, p.base) + p.arg->at);
    if (a->given[p.number] == TRAIN_BY_COMMAND_LINE)
        return NN_OK;
    *text = nn_arena_printf(a->arena, "%s%s", *text != NULL ? *text : "", value);
    return *text != NULL ? NN_OK : NN_ENOMEM;
}

static nn_status store_line(recipe_reader *r, const char *section, const char *name,
                            const char *value)
{
    train_args *a = r->args;
    train_place p;
    if (find_list(a, section, &p))
        return store_entry(a, &p, name, value);
    NN_TRY(check_section(a, section));
    if (name[0] != '\0' && name[strlen(name) - 1] == '+')
        return store_more(r, name, value);
    if (!train_args__find(a->groups, a->n_groups, name, &p)) {
        const char *near = train_args__nearest(a, name);
        return nn_fail(NN_EINVAL, "%.60s: unknown name; %s%s%s", name,
                       near != NULL ? "did you mean " : "`octet help COMMAND` lists all",
                       near != NULL ? near : "", near != NULL ? "?" : "");
    }
    if (r->seen[p.number])
        return nn_fail(NN_EINVAL, "%s: given twice; a value is one line", name);
    r->seen[p.number] = 1;
    if (a->given[p.number] == TRAIN_BY_COMMAND_LINE)
        return NN_OK;
    const char *kept = nn_arena_strdup(a->arena, value);
    if (kept == NULL)
        return NN_ENOMEM;
    a->given[p.number] = TRAIN_BY_RECIPE;
    return train_arg_store(p.arg, train_args__struct_at(a, p.base), kept);
}

static int take_line(void *ctx, const char *section, const char *name, const char *value)
{
    recipe_reader *r = ctx;
    if (r->status == NN_OK) /* inih goes on after a refusal; the first one counts */
        r->status = store_line(r, section, name, value != NULL ? value : "");
    return r->status == NN_OK;
}

/* What inih would misread in silence. */
static nn_status check_lines(const char *text, size_t size)
{
    size_t line = 1, column = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0')
            return nn_fail(NN_EFORMAT, "line %zu: a zero byte; this is no text file", line);
        column = text[i] == '\n' ? 0 : column + 1;
        line += text[i] == '\n';
        if (column > LONGEST_LINE)
            return nn_fail(NN_EINVAL,
                           "line %zu: longer than %d characters; a text may go on in a line "
                           "\"name+ = ...\"",
                           line, (int)LONGEST_LINE);
    }
    return NN_OK;
}

static nn_status read_recipe(recipe_reader *r, const char *text, size_t size)
{
    NN_TRY(check_lines(text, size));
    char *copy = nn_arena_alloc(r->args->arena, size + 1);
    size_t rows = 1;
    for (int g = 0; g < r->args->n_groups; g++)
        rows += (size_t)r->args->groups[g].rows->n;
    r->seen = nn_arena_alloc(r->args->arena, rows);
    if (copy == NULL || r->seen == NULL)
        return NN_ENOMEM;
    if (size > 0)
        memcpy(copy, text, size);
    int bad_line = ini_parse_string(copy, take_line, r);
    if (r->status != NN_OK)
        return nn_fail_context(r->status, "line %d", bad_line);
    if (bad_line != 0)
        return nn_fail(NN_EINVAL, "line %d: neither [section] nor name = value", bad_line);
    return NN_OK;
}

nn_status train_args_recipe(train_args *a, const char *path)
{
    nn_bytes file;
    NN_TRY(nn_file_read(&file, path, LARGEST_RECIPE));
    recipe_reader r = { .args = a };
    nn_status st = read_recipe(&r, (const char *)file.data, file.size);
    nn_bytes_free(&file);
    a->n_recipes++;
    return st == NN_OK ? NN_OK : nn_fail_context(st, "%s", path);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Does it read back as it is, without quotes, which recipes do not have? */
static bool has_plain_form(const char *text)
{
    size_t n = strlen(text);
    if (n == 0)
        return true;
    return strpbrk(text, "\r\n") == NULL && strstr(text, " ;") == NULL &&
           strstr(text, "\t;") == NULL && !isspace((unsigned char)text[0]) && text[0] != ';' &&
           !isspace((unsigned char)text[n - 1]);
}

/* May a text be cut here, and both parts stand in a line?  Characters of UTF-8 stay whole. */
static bool may_cut(const char *text, size_t at)
{
    const unsigned char before = (unsigned char)text[at - 1], behind = (unsigned char)text[at];
    return !isspace(before) && !isspace(behind) && behind != ';' && (behind & 0xC0) != 0x80;
}

/* "name = text"; what is too long for a line goes on in lines "name+ = ...".  False if it cannot.
 */
static bool write_value(const char *name, const char *text, FILE *to)
{
    const size_t room = LONGEST_LINE - strlen("+ = ") - strlen(name);
    fprintf(to, "%s = ", name);
    while (strlen(text) > room) {
        size_t n = room;
        while (n > 0 && !may_cut(text, n))
            n--;
        if (n == 0)
            return false;
        fprintf(to, "%.*s\n%s+ = ", (int)n, text, name);
        text += n;
    }
    fprintf(to, "%s\n", text);
    return true;
}

/* "a=1,b=2" as a section of two lines.  False if one is too long. */
static bool write_list(const char *section, const char *text, FILE *to)
{
    fprintf(to, "\n[%s]\n", section);
    while (*text != '\0') {
        size_t n = strcspn(text, ","), name = strcspn(text, "=,");
        if (n + strlen("  ") > LONGEST_LINE)
            return false;
        fprintf(to, "%.*s = %.*s\n", (int)name, text, (int)(n > name ? n - name - 1 : 0),
                text + name + 1);
        text += text[n] == ',' ? n + 1 : n;
    }
    return true;
}

static nn_status write_group(const train_args *a, int index, bool lists, FILE *to)
{
    char buffer[TRAIN_ARG_TEXT];
    const train_group *g = &a->groups[index];
    if (!lists)
        fprintf(to, "\n[%s]\n", g->rows->title);
    for (int i = 0; i < g->rows->n; i++) {
        const train_arg *arg = &g->rows->args[i];
        if ((arg->flags & TRAIN_PASSING) || (arg->section != NULL) != lists ||
            train_args__is_hidden(a->groups, a->n_groups, index, i))
            continue;
        const char *text = train_arg_text(arg, train_args__struct_at(a, g->at), buffer);
        bool fits = has_plain_form(text);
        if (!lists)
            fits = fits && write_value(arg->name, text, to);
        else if (text[0] != '\0')
            fits = fits && write_list(arg->section, text, to);
        if (!fits)
            return nn_fail(NN_EINVAL, "--%s: \"%.80s\" cannot stand in a recipe; rename it",
                           arg->name, text);
    }
    return NN_OK;
}

/* The recipe as a text to be freed.  Errors: as train_args_write. */
static nn_status write_text(const train_args *a, const char *heading, char **text, size_t *size)
{
    *text = NULL;
    FILE *to = open_memstream(text, size);
    if (to == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a recipe");
    fprintf(to, "; %s\n", heading);
    nn_status st = NN_OK;
    for (int g = 0; g < a->n_groups && st == NN_OK; g++)
        st = write_group(a, g, false, to);
    for (int g = 0; g < a->n_groups && st == NN_OK; g++)
        st = write_group(a, g, true, to);
    if (fclose(to) != 0 && st == NN_OK)
        st = nn_fail(NN_ENOMEM, "out of memory: a recipe");
    return st;
}

nn_status train_args_write(const train_args *a, const char *path, const char *heading)
{
    char *text;
    size_t size = 0;
    nn_status st = write_text(a, heading, &text, &size);
    if (st == NN_OK)
        st = nn_file_write(path, text, size);
    free(text);
    return st;
}

/* ---- two recipes ----------------------------------------------------------------------------- */

/* The next line that is not empty, or the text's end. */
static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return at + strspn(at, "\n");
}

/* Both texts are of the same rows, so up to the first difference line stands beside line. */
static nn_status same_lines(const char *was, const char *is)
{
    while (*was != '\0' || *is != '\0') {
        const size_t n = strcspn(was, "\n"), m = strcspn(is, "\n");
        if (n != m || strncmp(was, is, n) != 0)
            return nn_fail(NN_EINVAL, "\"%.*s\" then, \"%.*s\" now", n < 80 ? (int)n : 80, was,
                           m < 80 ? (int)m : 80, is);
        was = next_line(was);
        is = next_line(is);
    }
    return NN_OK;
}

static nn_status compare_with(const train_args *a, const char *path, void *settings)
{
    train_args old;
    char *was = NULL, *is = NULL;
    size_t size;
    nn_status st = train_args_parse(&old, a->groups, a->n_groups, settings, 0, NULL);
    if (st == NN_OK)
        st = train_args_recipe(&old, path);
    if (st == NN_OK)
        st = write_text(&old, "", &was, &size);
    if (st == NN_OK)
        st = write_text(a, "", &is, &size);
    if (st == NN_OK)
        st = same_lines(was, is);
    free(was);
    free(is);
    train_args_free(&old);
    return st;
}

nn_status train_args_same(const train_args *a, const char *path, size_t settings_bytes)
{
    void *settings = nn_mem_alloc(settings_bytes);
    if (settings == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: settings of %zu bytes", settings_bytes);
    nn_status st = compare_with(a, path, settings);
    nn_mem_free(settings);
    return st;
}
