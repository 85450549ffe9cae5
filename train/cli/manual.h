/* manual - man pages and completion for shells, written from the tables of commands and options.
 * Part of the program. */
#ifndef OCTET_TRAIN_CLI_MANUAL_H
#define OCTET_TRAIN_CLI_MANUAL_H

#include <stdio.h>

#include "train/cli/command.h"

/* What there is to describe; borrowed. */
typedef struct train_manual {
    const train_command *const *commands; /* [n] */
    int n;
    const train_rows *common; /* options of every command */
} train_manual;

/* The page of section 1 of one command, octet-COMMAND(1), or with NULL that of the program,
 * octet(1); in the macros of man(7). */
void train_manual_page(const train_manual *m, const train_command *c, FILE *to);

/* A script that completes commands, options, the names that an option takes, and files.
 * Errors: NN_EINVAL (neither bash nor zsh). */
nn_status train_manual_completion(const train_manual *m, const char *shell, FILE *to);

#endif
