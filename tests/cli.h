/* Running the program from a test: `octet ARGUMENTS` through the shell, its exit code, what it
 * wrote, JSON, and two small models to try commands on. */
#ifndef TESTS_CLI_H
#define TESTS_CLI_H

#include <cjson/cJSON.h>

#include "nn/base/file.h"
#include "nn/base/status.h"
#include "tests/testing.h"

enum { PATH = 1024, COMMAND = 4096 };

typedef struct outcome {
    int code;
    nn_bytes out, err; /* freed by the next call; with a 0 behind, which size does not count */
} outcome;

/* The program's path; set by find_program. */
extern char program[PATH];

/* Where stdout and stderr of the last call lie. */
extern char stdout_path[PATH], stderr_path[PATH];

/* A whole file with a 0 behind, which size does not count; free its data. */
nn_bytes read_text(const char *path);

/* Runs `octet ARGUMENTS`; octet_with puts `before` in front ("cat file |"). */
const outcome *octet(const char *fmt, ...) NN_PRINTF(1, 2);
const outcome *octet_with(const char *before, const char *arguments);

const char *text_of(nn_bytes b);

/* Fails unless the exit code is 0. */
void check_done(const outcome *o);

/* One line on stderr that begins with the program and has `part` in it; nothing on stdout. */
void check_error(const outcome *o, int code, const char *part);

/* stdout as one object on one line; delete it. */
cJSON *object_of(const outcome *o);

/* Fails unless the object has exactly the keys that the list names, in its order. */
void check_keys(const cJSON *object, const char *keys);

/* Members that must be there. */
double number(const cJSON *object, const char *key);
const char *string(const cJSON *object, const char *key);
const cJSON *item(const cJSON *object, const char *key, int i);

/* Group set-up and tear-down.  A few steps are enough: nothing here depends on how good a network
 * is.
 *
 *   q/   lenet with fake quantization
 *   f/   the smallest float network, on noise of another size and with other classes */
int train_models(void **state);
int find_program(void **state); /* set-up of a group that needs no models; part of train_models */
int forget(void **state);

/* Files of the two. */
const char *q(const char *name);
const char *f(const char *name);

#endif
