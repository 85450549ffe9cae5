#include "train/cli/manual.h"

#include <string.h>

#include "data/dataset.h"
#include "nn/base/suggest.h"

/* The rows of the r-th group of a command, the common ones last; NULL when there are no more. */
static const train_rows *rows_at(const train_manual *m, const train_command *c, int r)
{
    if (r < c->n_groups)
        return c->groups[r].rows;
    return r == c->n_groups ? m->common : NULL;
}

/* Is it the row of its name, and not out of reach behind one of an earlier group?  (train/args.h)
 */
static bool is_meant(const train_manual *m, const train_command *c, int r, const train_arg *arg)
{
    const train_rows *rows;
    for (int k = 0; k < r && (rows = rows_at(m, c, k)) != NULL; k++)
        for (int i = 0; i < rows->n; i++)
            if (strcmp(rows->args[i].name, arg->name) == 0)
                return false;
    return true;
}

/* ---- man pages ------------------------------------------------------------------------------- */

/* One character of text: roff reads some as its own, and makes a hyphen of every minus. */
static void put_roff(char c, FILE *to)
{
    static const char special[] = "\\-'`^~\"";
    static const char *const written[] = {
        "\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti", "\\(dq"
    };
    const char *at = strchr(special, c);
    if (at != NULL && c != '\0')
        fputs(written[at - special], to);
    else
        fputc(c, to);
}

/* A text as it stands; \& keeps a dot at the start of a line from being a request. */
static void roff(const char *text, FILE *to)
{
    for (const char *s = text; *s != '\0'; s++) {
        if ((s == text || s[-1] == '\n') && *s == '.')
            fputs("\\&", to);
        put_roff(*s, to);
    }
}

static void upper_roff(const char *text, FILE *to)
{
    for (; *text != '\0'; text++)
        put_roff((char)(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text), to);
}

static void title(const char *name, FILE *to)
{
    fputs(".TH OCTET", to);
    if (name != NULL) {
        fputs("\\-", to);
        upper_roff(name, to);
    }
    fprintf(to, " 1 \"\" \"octet %s\" \"octet\"\n", OCTET_VERSION);
}

static void option_page(const train_arg *arg, FILE *to)
{
    fputs(".TP\n\\fB\\-\\-", to);
    roff(arg->name, to);
    fputs("\\fR", to);
    if (train_arg_form(arg)[0] != '\0') {
        fputs(" \\fI", to);
        roff(train_arg_form(arg), to);
        fputs("\\fR", to);
    }
    fputc('\n', to);
    roff(arg->help, to);
    for (int i = 0; train_arg_choice(arg, i) != NULL; i++) {
        fputs(i > 0 ? ",\n" : ":\n", to);
        roff(train_arg_choice(arg, i), to);
    }
    if (arg->value != NULL && arg->kind != TRAIN_FLAG) {
        fputs("\n[default ", to);
        roff(arg->value, to);
        fputc(']', to);
    }
    fputc('\n', to);
}

static void rows_heading(const train_rows *rows, FILE *to)
{
    fputs(".SS ", to);
    roff(rows->title, to);
    fputc('\n', to);
}

/* The r-th group of a command. */
static void rows_page(const train_manual *m, const train_command *c, int r, FILE *to)
{
    const train_rows *rows = rows_at(m, c, r);
    rows_heading(rows, to);
    for (int i = 0; i < rows->n; i++)
        if (is_meant(m, c, r, &rows->args[i]))
            option_page(&rows->args[i], to);
}

static void names_page(const train_names *names, FILE *to)
{
    const char *name;
    fputs(".SS ", to);
    roff(names->title, to);
    fputc('\n', to);
    for (int i = 0; (name = names->name_at(i)) != NULL; i++) {
        fputs(".TP\n", to);
        roff(name, to);
        fputc('\n', to);
        roff(names->about_at(i), to);
        fputc('\n', to);
    }
}

static void exit_page(FILE *to)
{
    fputs(".SH EXIT STATUS\n"
          ".TP\n0\ndone\n"
          ".TP\n1\nfailed: a file, the data, memory, divergence, or a gate that is not met\n"
          ".TP\n2\nthe command line or the recipe is wrong\n"
          ".TP\n130, 143\ninterrupted by SIGINT or SIGTERM, with the state saved\n",
          to);
}

static void command_page(const train_manual *m, const train_command *c, FILE *to)
{
    title(c->name, to);
    fprintf(to, ".SH NAME\noctet\\-%s \\- ", c->name);
    roff(c->about, to);
    fprintf(to, "\n.SH SYNOPSIS\n.B octet %s\n", c->name);
    roff(c->operands, to);
    fputs("\n[options]\n.SH OPTIONS\nA flag may be given a value, as in \\-\\-quiet=false.\n", to);
    if (c->recipe)
        fputs("The recipe, an INI file, holds options as lines name = value;\n"
              "what stands on the command line counts.\n",
              to);
    for (int r = 0; rows_at(m, c, r) != NULL; r++)
        rows_page(m, c, r, to);
    if (c->names != NULL)
        names_page(c->names, to);
    exit_page(to);
    if (c->more != NULL) {
        fputs(".SH NOTES\n.nf\n", to);
        roff(c->more, to);
        fputs("\n.fi\n", to);
    }
    fputs(".SH SEE ALSO\n.BR octet (1)\n", to);
}

static void program_page(const train_manual *m, FILE *to)
{
    title(NULL, to);
    fputs(".SH NAME\noctet \\- train convolutional networks that end as integers\n"
          ".SH SYNOPSIS\n.B octet\nCOMMAND [options]\n.br\n"
          ".B octet help\n[COMMAND | \\-\\-man [COMMAND] | \\-\\-completion bash|zsh]\n.br\n"
          ".B octet \\-\\-version\n"
          ".SH DESCRIPTION\nEach command has a page of its own.  Results go to standard output,\n"
          "progress, notes and the one line of an error to standard error.\n"
          ".SH COMMANDS\n",
          to);
    for (int i = 0; i < m->n; i++) {
        fprintf(to, ".TP\n.BR octet\\-%s (1)\n", m->commands[i]->name);
        roff(m->commands[i]->about, to);
        fputc('\n', to);
    }
    fputs(".SH OPTIONS\n", to);
    rows_heading(m->common, to);
    for (int i = 0; i < m->common->n; i++)
        option_page(&m->common->args[i], to);
    exit_page(to);
    fputs(".SH ENVIRONMENT\n"
          ".TP\nNO_COLOR\nif it is set and not empty, nothing is coloured on a terminal\n"
          ".TP\nGOMP_SPINCOUNT, OMP_WAIT_POLICY\n"
          "how long threads spin while they wait; short unless one of them is set\n",
          to);
}

void train_manual_page(const train_manual *m, const train_command *c, FILE *to)
{
    if (c == NULL)
        program_page(m, to);
    else
        command_page(m, c, to);
}

/* ---- what an option or an operand can be ----------------------------------------------------- */

typedef enum offer { NOTHING, WORDS, FILES, FOLDERS, PICTURES } offer;

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What stands for it in the help says what it is. */
static offer offer_of_form(const char *form)
{
    if (begins(form, "DATA"))
        return PICTURES;
    if (begins(form, "DIR"))
        return FOLDERS;
    if (begins(form, "FILE") || begins(form, "CHECKPOINT") || begins(form, "[RECIPE") ||
        strcmp(form, "IN") == 0 || strcmp(form, "OUT") == 0)
        return FILES;
    return NOTHING;
}

/* "crop|stretch": a choice of words, up to a blank or the end. */
static bool is_list_of_words(const char *form)
{
    size_t n = strcspn(form, " ");
    return strspn(form, "abcdefghijklmnopqrstuvwxyz|") == n && memchr(form, '|', n) != NULL;
}

static offer offer_of_option(const train_arg *arg)
{
    const char *form = train_arg_form(arg);
    offer o = offer_of_form(form);
    if (o == NOTHING && (train_arg_choice(arg, 0) != NULL || is_list_of_words(form)))
        return WORDS;
    return o;
}

static offer offer_of_operands(const char *operands)
{
    return is_list_of_words(operands) ? WORDS : offer_of_form(operands);
}

/* "a|b ..." as "a b". */
static void put_list(const char *form, FILE *to)
{
    for (; *form != '\0' && *form != ' '; form++)
        fputc(*form == '|' ? ' ' : *form, to);
}

static void put_choices(const train_arg *arg, FILE *to)
{
    if (train_arg_choice(arg, 0) == NULL)
        put_list(train_arg_form(arg), to);
    for (int i = 0; train_arg_choice(arg, i) != NULL; i++)
        fprintf(to, "%s%s", i > 0 ? " " : "", train_arg_choice(arg, i));
}

static void put_commands(const train_manual *m, FILE *to)
{
    for (int i = 0; i < m->n; i++)
        fprintf(to, "%s%s", i > 0 ? " " : "", m->commands[i]->name);
}

/* "idx:DIR" as "idx:", "fashion-mnist[:DIR]" as "fashion-mnist". */
static void put_kinds(FILE *to)
{
    for (int i = 0; i < ds_n_kinds(); i++) {
        const char *form = ds_kind_form(i);
        size_t n = strcspn(form, "[:");
        fprintf(to, "%s%.*s", i > 0 ? " " : "", (int)(n + (form[n] == ':')), form);
    }
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void put_bash_options(const train_manual *m, const train_command *c, FILE *to)
{
    const train_rows *rows;
    const char *blank = "";
    fputs("        options='", to);
    for (int r = 0; (rows = rows_at(m, c, r)) != NULL; r++)
        for (int i = 0; i < rows->n; i++, blank = " ")
            if (is_meant(m, c, r, &rows->args[i]))
                fprintf(to, "%s--%s", blank, rows->args[i].name);
    fputs("'\n", to);
}

static void put_bash_values(const train_arg *arg, FILE *to)
{
    static const char *const special[] = {
        [NOTHING] = "@none", [FILES] = "@file", [FOLDERS] = "@folder", [PICTURES] = "@data"
    };
    offer o = offer_of_option(arg);
    if (arg->kind == TRAIN_FLAG)
        return;
    fprintf(to, "        --%s) values='", arg->name);
    if (o == WORDS)
        put_choices(arg, to);
    else
        fputs(special[o], to);
    fputs("' ;;\n", to);
}

static void put_bash_operands(const char *operands, FILE *to)
{
    switch (offer_of_operands(operands)) {
    case WORDS:
        fputs("        [ \"$COMP_CWORD\" -eq 2 ] && operands='", to);
        put_list(operands, to);
        fputs("'\n", to);
        break;
    case PICTURES:
        fputs("        operands=@data\n", to);
        break;
    default:
        break; /* files, as whatever has no rule */
    }
}

static void put_bash_command(const train_manual *m, const train_command *c, FILE *to)
{
    const train_rows *rows;
    fprintf(to, "    %s)\n", c->name);
    put_bash_options(m, c, to);
    put_bash_operands(c->operands, to);
    fputs("        case $prev in\n", to);
    for (int r = 0; (rows = rows_at(m, c, r)) != NULL; r++)
        for (int i = 0; i < rows->n; i++)
            if (is_meant(m, c, r, &rows->args[i]))
                put_bash_values(&rows->args[i], to);
    fputs("        esac\n        ;;\n", to);
}

/* bash hands "--name=value" over as three words, and "kind:folder" too. */
static const char bash_begin[] =
    "_octet()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local options= operands=@file values= equals=\n"
    "    COMPREPLY=()\n"
    "    if [ \"$cur\" = : ] || [ \"$prev\" = : ]; then\n"
    "        values=@folder cur=${cur#:}\n"
    "    elif [ \"$cur\" = = ]; then\n"
    "        equals=1 cur=\n"
    "    elif [ \"$prev\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
    "        equals=1 prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n";

static const char bash_end[] =
    "    esac\n"
    "    if [ -n \"$equals\" ]; then\n"
    "        values=${values:-true false}\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        values=$options\n"
    "    fi\n"
    "    case ${values:-$operands} in\n"
    "    @none) ;;\n"
    "    @file)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
    "    @folder)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
    "    @data)\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$kinds\" -- \"$cur\")\n"
    "        [[ ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -W \"${values:-$operands}\" -- \"$cur\") ;;\n"
    "    esac\n"
    "    return 0\n"
    "} && complete -F _octet octet\n";

static void bash(const train_manual *m, FILE *to)
{
    fprintf(to, "# bash completion of octet %s, by `octet help --completion bash`\n",
            OCTET_VERSION);
    fputs(bash_begin, to);
    fputs("    local kinds='", to);
    put_kinds(to);
    fputs("' commands='", to);
    put_commands(m, to);
    fputs("'\n"
          "    case $([ \"$COMP_CWORD\" -gt 1 ] && echo \"${COMP_WORDS[1]}\") in\n"
          "    '') options='--help --version' operands=\"$commands help\" ;;\n"
          "    help)\n"
          "        options='--man --completion' operands=$commands\n"
          "        [ \"$prev\" = --completion ] && values='bash zsh'\n"
          "        ;;\n",
          to);
    for (int i = 0; i < m->n; i++)
        put_bash_command(m, m->commands[i], to);
    fputs(bash_end, to);
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Inside '...', as a part of a specification of _arguments or _describe. */
static void quote_zsh(const char *text, FILE *to)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", to);
        else if (strchr("[]:\\", *text) != NULL)
            fprintf(to, "\\%c", *text);
        else
            fputc(*text, to);
    }
}

static const char *const zsh_action[] = {
    [NOTHING] = " ", [FILES] = "_files", [FOLDERS] = "_files -/", [PICTURES] = "_octet_data"
};

static void put_zsh_option(const train_arg *arg, FILE *to)
{
    offer o = offer_of_option(arg);
    fprintf(to, "        '--%s%s[", arg->name, arg->kind == TRAIN_FLAG ? "" : "=");
    quote_zsh(arg->help, to);
    fputc(']', to);
    if (arg->kind != TRAIN_FLAG) {
        fputs(arg->bare != NULL ? "::" : ":", to);
        quote_zsh(train_arg_form(arg), to);
        fputs(o == WORDS ? ":(" : ":", to);
        if (o == WORDS)
            put_choices(arg, to);
        fputs(o == WORDS ? ")" : zsh_action[o], to);
    }
    fputs("' \\\n", to);
}

static void put_zsh_operands(const char *operands, FILE *to)
{
    offer o = offer_of_operands(operands);
    if (o == WORDS) {
        fputs("        '1:what:(", to);
        put_list(operands, to);
        fputs(")' \\\n", to);
    }
    fprintf(to, "        '*:operand:%s' ;;\n", o == PICTURES ? zsh_action[o] : "_files");
}

static void put_zsh_command(const train_manual *m, const train_command *c, FILE *to)
{
    const train_rows *rows;
    fprintf(to, "    %s) _arguments \\\n", c->name);
    for (int r = 0; (rows = rows_at(m, c, r)) != NULL; r++)
        for (int i = 0; i < rows->n; i++)
            if (is_meant(m, c, r, &rows->args[i]))
                put_zsh_option(&rows->args[i], to);
    put_zsh_operands(c->operands, to);
}

static void zsh(const train_manual *m, FILE *to)
{
    fprintf(to,
            "#compdef octet\n"
            "# zsh completion of octet %s, by `octet help --completion zsh`\n"
            "_octet_data() {\n"
            "    if compset -P '*:'; then _files -/; else compadd -S '' -- ",
            OCTET_VERSION);
    put_kinds(to);
    fputs("; fi\n}\n_octet() {\n    local -a commands=(\n", to);
    for (int i = 0; i < m->n; i++) {
        fprintf(to, "        '%s:", m->commands[i]->name);
        quote_zsh(m->commands[i]->about, to);
        fputs("'\n", to);
    }
    fputs("        'help:list the commands, or the options of one'\n    )\n"
          "    if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $words[1] in\n",
          to);
    for (int i = 0; i < m->n; i++)
        put_zsh_command(m, m->commands[i], to);
    fputs("    help) _arguments \\\n"
          "        '--man[the manual page]' \\\n"
          "        '--completion[completion for a shell]:shell:(bash zsh)' \\\n"
          "        '1:command:(",
          to);
    put_commands(m, to);
    fputs(")' ;;\n    esac\n}\n_octet \"$@\"\n", to);
}

nn_status train_manual_completion(const train_manual *m, const char *shell, FILE *to)
{
    static const char *const shells[] = { "bash", "zsh" };
    if (strcmp(shell, "bash") == 0)
        bash(m, to);
    else if (strcmp(shell, "zsh") == 0)
        zsh(m, to);
    else
        return nn_fail_unknown("--completion: ", shell, shells, TRAIN_N(shells));
    return NN_OK;
}
