/* checkpoint - a network's state in a safetensors file.
 *
 * Tensors: every parameter under its name; "opt/<slot>/<name>" for each slot of the optimizer and each
 * trained parameter; "ema/<name>" with weight averaging; "counter/step" and the others as I64.
 * Strings: "format", "recipe.<option>" for the options that change the mathematics, "input.size",
 * "input.mean", "input.std", "input.resize", "classes" (one a line), "crc32".
 * Nothing else is in it - no time, path, host or thread count - so equal runs give equal files. */
#ifndef OCTET_TRAIN_CHECKPOINT_H
#define OCTET_TRAIN_CHECKPOINT_H

#include "optim/average.h"
#include "optim/optim.h"
#include "train/safetensors.h"
#include "train/session.h"

/* What a run has besides its network; the pointers may be NULL. */
typedef struct train_state {
    opt *optimizer;
    opt_average *average;
    int64_t step;      /* steps done */
    int64_t best_step; /* step of the best validation so far; -1: none yet */
    double best;       /* its accuracy */
} train_state;

/* Writes network and state.  Errors: NN_EIO, NN_ENOMEM. */
nn_status train_checkpoint_save(const char *path, const train_network *n, const train_state *s);

/* Reads the description alone; texts live in `arena`.  Errors: NN_EFORMAT naming the string. */
nn_status train_checkpoint_info(train_info *out, nn_arena *arena, const train_tensors *file);

/* Fills parameters and state exactly as they were saved.
 * Errors: NN_EFORMAT naming the tensor that is missing or has another shape. */
nn_status train_checkpoint_restore(const train_tensors *file, train_network *n, train_state *s);

/* Fills what the file has of the network's parameters, by name and shape, and reports. */
typedef struct train_match {
    int matched;
    int n_skipped, n_missing;
    const char **skipped; /* tensors of the file of another shape, or of no parameter here */
    const char **missing; /* parameters that keep their initial values */
} train_match;
nn_status train_checkpoint_init(train_match *out, nn_arena *arena, const train_tensors *file,
                                train_network *n);

/* The file's ranges and scales are those of the network's quantization: none is missing or 0. */
bool train_checkpoint_has_ranges(const train_network *n);

#endif
