/* inspect - what `octet inspect` prints of each kind of file.  Part of the program. */
#ifndef OCTET_TRAIN_CLI_INSPECT_H
#define OCTET_TRAIN_CLI_INSPECT_H

#include "train/cli/command.h"
#include "train/session.h"

typedef struct train_inspect_options {
    bool plan; /* of a checkpoint: how each tensor is quantized, or why not */
    bool dot;  /* a drawing for Graphviz instead */
    bool json;
} train_inspect_options;

nn_status train_inspect_tflite(const char *path, const train_limits *limits,
                               const train_inspect_options *o);
nn_status train_inspect_checkpoint(const char *path, const train_limits *limits,
                                   const train_inspect_options *o);

#endif
