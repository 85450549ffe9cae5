/* command - what a subcommand of the program is: a row that main.c reads.
 *
 * main parses the options into the settings, sets threads and instruction set, calls `run`, prints
 * the one line of an error and chooses the exit code.  A command writes its result to stdout (with
 * --json: one object on one line) and its notes to stderr, through train/cli/log.h. */
#ifndef OCTET_TRAIN_CLI_COMMAND_H
#define OCTET_TRAIN_CLI_COMMAND_H

#include "train/args.h"

/* Options of every command: the first member of every command's settings. */
typedef struct train_common {
    bool quiet, json, help;
    int threads; /* 0: all cores */
    uint64_t seed;
    int isa;                                   /* index into train_isa_names */
    uint64_t max_pixels, max_macs, max_memory; /* of a picture; of one item; bytes */
} train_common;

/* "c", "avx2", "avx512", "neon", "best", NULL. */
extern const char *const train_isa_names[];

typedef struct train_call {
    const void *settings; /* of the command's type */
    train_args *args;     /* operands, which options were given; its settings are the same */
    int exit_code;        /* what main exits with if it is not 0, whatever run returns */
} train_call;

/* What an operand or option can be, with a line about each. */
typedef struct train_names {
    const char *title;
    const char *(*name_at)(int i); /* NULL behind the last */
    const char *(*about_at)(int i);
} train_names;

typedef struct train_command {
    const char *name;
    const char *operands;     /* for the usage line: "FILE.tflite IMAGE..." or "" */
    const char *about;        /* one line */
    const train_names *names; /* listed behind the options; or NULL */
    const char *more;         /* further lines of the help: the keys of --json, examples; or NULL */
    int operands_min, operands_max;
    bool recipe; /* the first operand, if there is one, is a recipe; it is not in call->args */
    size_t settings_bytes;
    const train_group *groups; /* besides the common one */
    int n_groups;
    /* Errors: any; NN_EINVAL exits with 2, all others with 1.  A gate that is not met
     * (`--min-top1`) sets call->exit_code = 1 and fails with the numbers. */
    nn_status (*run)(train_call *call);
} train_command;

#define TRAIN_COMMAND(name) extern const train_command train_command_##name;
#include "train/cli/commands.def"
#undef TRAIN_COMMAND

/* Elements of an array of rows. */
#define TRAIN_N(array) ((int)(sizeof(array) / sizeof((array)[0])))

#endif
