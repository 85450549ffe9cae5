/* args - options as data.
 *
 * An option is a row: name, kind, where its value lies in the settings, default, bounds, help.  The
 * same rows parse the command line (`--name value`, `--name=value`, `--flag`), the recipe file
 * (INI, `name = value`), print the help, write a recipe back complete, carry settings in a
 * checkpoint, and find the nearest name to one that is not known.  Values are parsed whole: "10x"
 * is not 10. */
#ifndef OCTET_TRAIN_ARGS_H
#define OCTET_TRAIN_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nn/base/arena.h"
#include "nn/base/status.h"

typedef enum train_kind {
    TRAIN_FLAG,   /* bool: --name, --name=false; in a recipe true or false */
    TRAIN_INT,    /* int */
    TRAIN_COUNT,  /* uint64_t: a whole number, which may end in k, M, G or T (powers of 1000) */
    TRAIN_REAL,   /* double, finite */
    TRAIN_TEXT,   /* const char *, borrowed; NULL for an empty one */
    TRAIN_CHOICE, /* int: index into `choices` */
    TRAIN_SPAN,  /* train_span: "2000" steps, "2ep" epochs, and "10min" where `minutes` allows it */
    TRAIN_SPANS, /* train_spans: one span for both, or two: "2000,1ep" */
    TRAIN_EXTENT, /* train_extent: "32x48", height first; "0x0" is none */
    TRAIN_REALS,  /* train_reals: "0.5" or "1,2,3"; empty is none */
} train_kind;

typedef enum train_unit { TRAIN_STEPS, TRAIN_EPOCHS, TRAIN_MINUTES } train_unit;

typedef struct train_span {
    int64_t n; /* >= 0 */
    train_unit unit;
} train_span;

typedef struct train_spans {
    train_span first, second;
} train_spans;

typedef struct train_extent {
    int height, width;
} train_extent;

enum { TRAIN_MAX_REALS = 4 };
typedef struct train_reals {
    int n;
    double v[TRAIN_MAX_REALS];
} train_reals;

enum train_arg_flag {
    TRAIN_MATHS = 1,   /* it changes what is computed: a checkpoint carries it */
    TRAIN_PASSING = 2, /* concerns this call only: a recipe that is written leaves it out */
    TRAIN_MINUTES_OK = 4,
};

typedef struct train_arg {
    const char *name; /* without dashes */
    train_kind kind;
    size_t at;         /* offset of the value in the struct */
    const char *value; /* the default as a user would write it; NULL: false, 0, none */
    const char *form;  /* what stands for the value in the help: "FILE"; NULL: by kind */
    const char *help;
    double min, max;            /* TRAIN_INT, TRAIN_REAL, TRAIN_REALS: bounds, unless both are 0 */
    const char *const *choices; /* TRAIN_CHOICE: names, ended by NULL */
    const char *bare;           /* TRAIN_CHOICE: what the option without a value means; NULL: it
                                   needs one */
    unsigned flags;
    const char *section; /* TRAIN_TEXT "a=1,b=2": in a recipe a section of its own, with a line for
                            each entry; NULL: a line like any other */
    const char *(*name_at)(int i); /* TRAIN_TEXT: the i-th name that it may have, NULL behind the
                                      last; for help and completion, not checked here */
} train_arg;

/* Rows over one struct, and where that struct lies in a command's settings.  Where two groups of a
 * command have a row of one name, the first group's is meant and the other keeps its default. */
typedef struct train_rows {
    const char *title; /* heading in the help, section in a recipe: "training"; one word */
    const train_arg *args;
    int n;
} train_rows;

typedef struct train_group {
    const train_rows *rows;
    size_t at;
} train_group;

/* Sets every value to its default.  Errors: NN_EINVAL (a default that its own row refuses). */
nn_status train_args_defaults(const train_group *groups, int n, void *settings);

/* Sets one value from text, which TRAIN_TEXT borrows.
 * Errors: NN_EINVAL, "--name: ...", with the value and what is wanted. */
nn_status train_arg_store(const train_arg *arg, void *base, const char *text);

/* The value as text that train_arg_store reads back exactly; in buffer, or the text itself. */
enum { TRAIN_ARG_TEXT = 128 };
const char *train_arg_text(const train_arg *arg, const void *base, char buffer[TRAIN_ARG_TEXT]);

/* What stands for the value in the help: "FILE", "N"; "" of a flag. */
const char *train_arg_form(const train_arg *arg);

/* The i-th name that may be its value, of `choices` or `name_at`; NULL behind the last. */
const char *train_arg_choice(const train_arg *arg, int i);

/* The row of that name and where its struct is, or NULL. */
const train_arg *train_arg_find(const train_group *groups, int n, const char *name, size_t *base);

/* What was read, besides the settings. */
typedef struct train_args {
    const train_group *groups;
    int n_groups;
    void *settings;
    char **operand; /* what is not an option, in order; points into argv */
    int n_operands;
    int n_recipes;        /* read so far */
    nn_arena *arena;      /* of the texts of a recipe */
    unsigned char *given; /* for each row: 1 by the recipe, 2 on the command line */
} train_args;

/* Sets defaults, then reads argv[0 .. argc-1], which it reorders.  "--" ends the options; "-" is an
 * operand.  An unknown option is answered with the nearest one.  Free with train_args_free also
 * after an error.  Errors: NN_EINVAL, NN_ENOMEM. */
nn_status train_args_parse(train_args *a, const train_group *groups, int n, void *settings,
                           int argc, char **argv);
void train_args_free(train_args *a);

/* Reads a recipe; what stood on the command line keeps its value.  Sections are the groups' titles
 * or none; a text too long for a line goes on in lines "name+ = ...".
 * Errors: NN_EIO, NN_EINVAL with the line (unknown name or section, value, a name given twice). */
nn_status train_args_recipe(train_args *a, const char *path);

/* Was the option on the command line or in the recipe? */
bool train_args_given(const train_args *a, const char *name);

/* Writes all options but TRAIN_PASSING ones as a recipe.  Errors: NN_EIO; NN_EINVAL if a text
 * cannot stand in one (it begins or ends with a blank, contains " ;" or a new line). */
nn_status train_args_write(const train_args *a, const char *path, const char *heading);

/* Does the recipe at `path` say what `a` does?  It is read with today's rows: an option that it
 * does not have, because an older octet wrote it, has its default; TRAIN_PASSING ones do not count.
 *
 *   settings_bytes   of the struct that the groups are about
 *
 * Errors: NN_EINVAL with the first option that differs, as it was and as it is;
 * train_args_recipe's; NN_ENOMEM. */
nn_status train_args_same(const train_args *a, const char *path, size_t settings_bytes);

/* The options with their defaults, in groups. */
void train_args_help(const train_group *groups, int n, FILE *to);

#endif
