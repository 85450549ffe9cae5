/* output - results of a command: files, "-" for the standard streams, JSON, and text that a
 * terminal can be given.  Part of the program, not of the library. */
#ifndef OCTET_TRAIN_CLI_OUTPUT_H
#define OCTET_TRAIN_CLI_OUTPUT_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "nn/base/arena.h"
#include "nn/base/file.h"

/* The whole file, or with "-" standard input up to its end; free with nn_bytes_free.
 * Errors: NN_EIO, NN_EFORMAT (more than `limit` bytes, 0: none), NN_ENOMEM. */
nn_status train_input_read(nn_bytes *out, const char *path, size_t limit);

/* Writes a file as nn_file_write, or with "-" to standard output.  Errors: NN_EIO. */
nn_status train_output_write(const char *path, const void *data, size_t size);

bool train_output_is_stdout(const char *path);

/* NN_EINVAL if `path`, the value of --`option`, is the file that is read: it would be lost.  NULL
 * is allowed. */
nn_status train_output_check(const char *option, const char *path, const char *input);

/* What a terminal is sent before a text to make it stand out, and TRAIN_PLAIN after it; "" unless
 * standard output is a terminal that knows such codes and NO_COLOR is not set (no-color.org). */
typedef enum train_style { TRAIN_PLAIN, TRAIN_BOLD, TRAIN_RED } train_style;
const char *train_output_style(train_style style);

/* Prints the object on one line of standard output, what is not UTF-8 as '?', and deletes it.
 * Errors: NN_ENOMEM. */
nn_status train_output_json(cJSON *object);

/* A text from a file as a terminal and JSON can have it: control characters and what is not UTF-8
 * become '?'; NULL becomes "".  Lives in `a`; "" if memory is out. */
const char *train_output_clean(nn_arena *a, const char *text);

#endif
