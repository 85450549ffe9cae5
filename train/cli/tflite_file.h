/* tflite_file - a .tflite file as the commands use it: bytes, model, and which kind a file is. */
#ifndef OCTET_TRAIN_CLI_TFLITE_FILE_H
#define OCTET_TRAIN_CLI_TFLITE_FILE_H

#include "export/integer.h"
#include "nn/base/file.h"
#include "train/cli/command.h"
#include "train/session.h"

typedef enum train_file_kind { TRAIN_FILE_CHECKPOINT, TRAIN_FILE_TFLITE } train_file_kind;

/* By content, whatever the name: "TFL3" at byte 4 is a .tflite file, "{" at byte 8 a checkpoint.
 * Errors: NN_EIO; NN_EFORMAT if it is neither. */
nn_status train_file_kind_of(train_file_kind *out, const char *path);

/* What a .tflite file may cost: --max-macs, and --max-memory if it was given.  Its default is meant
 * for training; a file from elsewhere gets 1 GiB. */
train_limits train_tflite_limits(const train_call *call);

typedef struct train_tflite {
    nn_bytes file;
    ex_integer integer;
    const rt_model *model; /* of integer */
} train_tflite;

/* Free with train_tflite_free, also after an error.
 *   keep_all   as in rt_options
 * Errors: NN_EIO, NN_EFORMAT, NN_ENOTSUP, NN_ENOMEM, with the path. */
nn_status train_tflite_load(train_tflite *out, const char *path, const train_limits *limits,
                            bool keep_all);
void train_tflite_free(train_tflite *t); /* { 0 } is allowed */

#endif
