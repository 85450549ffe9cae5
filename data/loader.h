/* loader - batches of a split, made ahead by a thread of its own.
 *
 * Two batches exist: one is in the caller's hands while the other is filled.  What a batch holds is
 * a function of (set, options, epoch, number) alone: the order of epoch e is a permutation drawn
 * from stream ("shuffle", e), item i of epoch e is augmented by stream ("augment", e, i); timing,
 * threads and interruptions cannot change it.  After the start nothing is allocated, except to
 * decode files. */
#ifndef OCTET_DATA_LOADER_H
#define OCTET_DATA_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/augment.h"
#include "data/dataset.h"
#include "nn/base/real.h"
#include "nn/base/status.h"

typedef struct ds_loader_options {
    int batch;     /* items in a batch, >= 1 */
    bool train;    /* shuffled, augmented, without end, without a last partial batch; else in order,
                      once, the last batch may be smaller */
    uint64_t seed; /* of shuffling and augmentation */
    ds_augment augment;                                 /* with train only */
    double mean[DS_MAX_CHANNELS], std[DS_MAX_CHANNELS]; /* of the pixel codes 0..255; std > 0 */
    bool pixels_only; /* no normalized images: ds_batch.image is NULL, mean and std are not read
                         (augmentation then fills with 0) */
} ds_loader_options;

/* Valid until the next call of ds_loader_next, ds_loader_seek or ds_loader_free. */
typedef struct ds_batch {
    int n;                 /* items; 1 <= n <= batch */
    const nn_real *image;  /* [n, H, W, C] (code - mean[c]) / std[c] */
    const nn_real *label;  /* [n] class index */
    const uint8_t *pixels; /* [n, H, W, C] the codes that image was made of, augmented */
    const int32_t *index;  /* [n] index of each item in the split */
    int64_t epoch, number; /* position: number counts batches within the epoch */
    bool last;             /* of its epoch */
} ds_batch;

typedef struct ds_loader ds_loader;

/* Starts at epoch 0, batch 0.  The set must outlive the loader; free with ds_loader_free.
 * Errors: NN_EINVAL (options; a split without pictures, or with fewer than a batch), NN_ENOMEM. */
nn_status ds_loader_new(ds_loader **out, const ds_set *set, ds_split split,
                        const ds_loader_options *opt);
void ds_loader_free(ds_loader *l); /* NULL is allowed; waits for the thread */

/* Batches in an epoch. */
int64_t ds_loader_batches(const ds_loader *l);

/* The next batch is `number` of `epoch`; 0 <= number < ds_loader_batches.  Resume, and evaluation
 * from the start again.  Errors: NN_EINVAL. */
nn_status ds_loader_seek(ds_loader *l, int64_t epoch, int64_t number);

/* The next batch, or *out = NULL at the end of an evaluation.  A picture that cannot be read is an
 * error here, and again on every call until ds_loader_seek; if the set skips bad pictures, training
 * takes the next good one in its place, and evaluation leaves it out (n is smaller). */
nn_status ds_loader_next(ds_loader *l, const ds_batch **out);

#endif
