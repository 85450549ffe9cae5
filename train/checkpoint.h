/* checkpoint - a network's state in a safetensors file.
 *
 * Tensors: every parameter under its name; "opt/<slot>/<name>" for each slot of the optimizer and
 * each trained parameter; "ema/<name>" with weight averaging; "counter/step" and the others as I64.
 * Strings: "format", "recipe.<option>" for the options that change the mathematics, "input.size",
 * "input.mean", "input.std", "input.resize", "classes" (one a line), "made" (how it was quantized
 * without training, if it was), "crc32".
 * Nothing else is in it - no time, path, host or thread count - so equal runs give equal files. */
#ifndef OCTET_TRAIN_CHECKPOINT_H
#define OCTET_TRAIN_CHECKPOINT_H

#include "optim/average.h"
#include "optim/optim.h"
#include "train/safetensors.h"
#include "train/session.h"

/* What a run has besides its network. */
typedef struct train_state {
    opt *optimizer;       /* NULL: not saved */
    opt_average *average; /* NULL: none */
    int64_t step;         /* steps done */
    int64_t best_correct; /* the best validation so far: pictures it got right; -1: none yet */
    int64_t best_step;
    int64_t halvings; /* of the schedule's learning rate, by --on-divergence halve-lr */
    int64_t pictures; /* that the run is trained on; 0: not known */
    /* Running sums of the training pictures since the last line of the log. */
    int64_t seen, correct;
    double loss;
} train_state;

/* Writes network and state.  Errors: NN_EIO, NN_ENOMEM. */
nn_status train_checkpoint_save(const char *path, const train_network *n, const train_state *s);

/* Reads the description alone; texts live in `arena`.  Errors: NN_EFORMAT naming the string. */
nn_status train_checkpoint_info(train_info *out, nn_arena *arena, const train_tensors *file);

/* Fills parameters and state exactly as they were saved: for `--resume`.
 * Errors: NN_EFORMAT naming the tensor that is missing or has another shape. */
nn_status train_checkpoint_restore(const train_tensors *file, train_network *n, train_state *s);

/* Fills what the file has of the network, for a network that is to be used, not trained further:
 * all float parameters must be there; averages, if the file has them, are taken for the weights;
 * ranges may be missing, then n->has_ranges is false.  Errors: NN_EFORMAT as above. */
nn_status train_checkpoint_fill(const train_tensors *file, train_network *n);

/* Fills what matches by name and shape, and says what did not: for `--init`. */
typedef struct train_match {
    int matched;
    int n_skipped, n_missing;
    const char **skipped; /* the file's parameters of another shape, or of none here */
    const char **missing; /* parameters that keep their initial values */
} train_match;
nn_status train_checkpoint_init(train_match *out, nn_arena *arena, const train_tensors *file,
                                train_network *n);

#endif
