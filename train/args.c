#include "train/args_internal.h"

#include <string.h>

#include "nn/base/suggest.h"

/* ---- finding a row --------------------------------------------------------------------------- */

bool train_args__find(const train_group *groups, int n, const char *name, train_place *out)
{
    int number = 0;
    for (int g = 0; g < n; g++)
        for (int i = 0; i < groups[g].rows->n; i++, number++)
            if (strcmp(groups[g].rows->args[i].name, name) == 0) {
                *out = (train_place){ &groups[g].rows->args[i], groups[g].at, number };
                return true;
            }
    return false;
}

const train_arg *train_arg_find(const train_group *groups, int n, const char *name, size_t *base)
{
    train_place p;
    if (!train_args__find(groups, n, name, &p))
        return NULL;
    *base = p.base;
    return p.arg;
}

bool train_args__is_hidden(const train_group *groups, int n, int g, int i)
{
    train_place p;
    const train_arg *arg = &groups[g].rows->args[i];
    return train_args__find(groups, n, arg->name, &p) && p.arg != arg;
}

const char *train_args__nearest(const train_args *a, const char *name)
{
    nn_suggestion s = { .given = name };
    for (int g = 0; g < a->n_groups; g++)
        for (int i = 0; i < a->groups[g].rows->n; i++)
            nn_suggest_offer(&s, a->groups[g].rows->args[i].name);
    return s.best;
}

void *train_args__struct_at(const train_args *a, size_t base)
{
    return (char *)a->settings + base;
}

/* ---- defaults -------------------------------------------------------------------------------- */

nn_status train_args_defaults(const train_group *groups, int n, void *settings)
{
    for (int g = 0; g < n; g++)
        for (int i = 0; i < groups[g].rows->n; i++) {
            const train_arg *arg = &groups[g].rows->args[i];
            if (arg->value != NULL)
                NN_TRY(train_arg_store(arg, (char *)settings + groups[g].at, arg->value));
        }
    return NN_OK;
}

/* ---- the command line ------------------------------------------------------------------------ */

static nn_status unknown_option(const train_args *a, const char *name)
{
    const char *near = train_args__nearest(a, name);
    if (near != NULL)
        return nn_fail(NN_EINVAL, "--%.60s: unknown option; did you mean --%s?", name, near);
    return nn_fail(NN_EINVAL, "--%.60s: unknown option; see --help", name);
}

static bool is_choice(const train_arg *arg, const char *text)
{
    for (int i = 0; arg->choices[i] != NULL; i++)
        if (text != NULL && strcmp(arg->choices[i], text) == 0)
            return true;
    return false;
}

/* What an option without "=" means if the next word is not its value; NULL: that it is. */
static const char *bare_value(const train_arg *arg, const char *next)
{
    if (arg->kind == TRAIN_FLAG)
        return "true";
    return arg->bare != NULL && !is_choice(arg, next) ? arg->bare : NULL;
}

/* Reads the option at argv[i]; returns in *used how many words it took. */
static nn_status read_option(train_args *a, int argc, char **argv, int i, int *used)
{
    char name[64];
    const char *word = argv[i] + 2, *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    train_place p;
    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : 63, word);
    if (!train_args__find(a->groups, a->n_groups, name, &p))
        return unknown_option(a, name);
    const char *value = equals != NULL ? equals + 1 : NULL;
    *used = 1;
    if (value == NULL)
        value = bare_value(p.arg, i + 1 < argc ? argv[i + 1] : NULL);
    if (value == NULL && i + 1 >= argc)
        return nn_fail(NN_EINVAL, "--%s: needs a value", name);
    if (value == NULL) {
        value = argv[i + 1];
        *used = 2;
    }
    a->given[p.number] = TRAIN_BY_COMMAND_LINE;
    return train_arg_store(p.arg, train_args__struct_at(a, p.base), value);
}

static nn_status read_words(train_args *a, int argc, char **argv)
{
    bool options = true;
    a->operand = argv;
    for (int i = 0, used; i < argc; i += used) {
        used = 1;
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && strncmp(argv[i], "--", 2) == 0)
            NN_TRY(read_option(a, argc, argv, i, &used));
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            return nn_fail(NN_EINVAL, "%.60s: options begin with two dashes; see --help", argv[i]);
        else
            a->operand[a->n_operands++] = argv[i];
    }
    return NN_OK;
}

nn_status train_args_parse(train_args *a, const train_group *groups, int n, void *settings,
                           int argc, char **argv)
{
    size_t rows = 1;
    for (int g = 0; g < n; g++)
        rows += (size_t)groups[g].rows->n;
    *a = (train_args){ .groups = groups, .n_groups = n, .settings = settings };
    NN_TRY(nn_arena_new(&a->arena));
    a->given = nn_arena_alloc(a->arena, rows);
    if (a->given == NULL)
        return NN_ENOMEM;
    NN_TRY(train_args_defaults(groups, n, settings));
    return read_words(a, argc, argv);
}

void train_args_free(train_args *a)
{
    nn_arena_free(a->arena);
}

bool train_args_given(const train_args *a, const char *name)
{
    train_place p;
    return train_args__find(a->groups, a->n_groups, name, &p) && a->given[p.number] != 0;
}

/* ---- help ------------------------------------------------------------------------------------ */

const char *train_arg_form(const train_arg *arg)
{
    static const char *const forms[] = {
        [TRAIN_FLAG] = "",      [TRAIN_INT] = "N",
        [TRAIN_COUNT] = "N",    [TRAIN_REAL] = "X",
        [TRAIN_TEXT] = "TEXT",  [TRAIN_CHOICE] = "NAME",
        [TRAIN_SPAN] = "N[ep]", [TRAIN_SPANS] = "N[ep][,N[ep]]",
        [TRAIN_EXTENT] = "HxW", [TRAIN_REALS] = "X[,X...]",
    };
    return arg->form != NULL ? arg->form : forms[arg->kind];
}

const char *train_arg_choice(const train_arg *arg, int i)
{
    if (arg->name_at != NULL)
        return arg->name_at(i);
    return arg->choices != NULL ? arg->choices[i] : NULL;
}

static void help_row(const train_arg *arg, FILE *to)
{
    char left[64];
    const char *form = train_arg_form(arg), *choice;
    snprintf(left, sizeof left, "--%s%s%s", arg->name, form[0] != '\0' ? " " : "", form);
    fprintf(to, "  %-25s %s", left, arg->help);
    for (int i = 0; (choice = train_arg_choice(arg, i)) != NULL; i++)
        fprintf(to, "%s%s", i > 0 ? ", " : ": ", choice);
    if (arg->value != NULL && arg->kind != TRAIN_FLAG)
        fprintf(to, " [%s]", arg->value);
    fputc('\n', to);
}

void train_args_help(const train_group *groups, int n, FILE *to)
{
    for (int g = 0; g < n; g++) {
        fprintf(to, "\n%s\n", groups[g].rows->title);
        for (int i = 0; i < groups[g].rows->n; i++)
            if (!train_args__is_hidden(groups, n, g, i))
                help_row(&groups[g].rows->args[i], to);
    }
}
