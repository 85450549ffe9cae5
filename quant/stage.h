/* stage - one stage's graph of a network, ready to run: for what looks at pictures without
 * training. */
#ifndef OCTET_QUANT_STAGE_H
#define OCTET_QUANT_STAGE_H

#include "nn/exec.h"
#include "quant/quant.h"

/* Gives the next batch: *n pictures (0: no more), normalized, valid until the next call. Errors are
 * passed on. */
typedef nn_status quant_next_batch(void *ctx, const nn_real **image, int *n);

/* Calibration pictures, which are looked at as often as needed, always in the same order. */
typedef struct quant_pictures {
    void *ctx;
    int batch; /* largest n */
    /* The next pictures come from the start again.  Errors are passed on. */
    nn_status (*rewind)(void *ctx);
    quant_next_batch *next;
} quant_pictures;

/* Pictures that lie in memory, [n, H, W, C] of `item` elements each. */
typedef struct quant_array {
    const nn_real *image;
    size_t item;
    int n, batch;
    int next; /* the first that was not given yet */
} quant_array;
quant_pictures quant_pictures_of(quant_array *a);

typedef struct quant_run {
    nn_graph *graph;
    nn_plan *plan;
    nn_exec *exec;
    const nn_node *image;
    int batch; /* pictures that it takes at a time */
} quant_run;

/* Builds the graph of that stage over the parameters of `from`, which are collated, and gives it
 * memory.
 *
 *   batch      pictures at a time, at most; fewer if `keep_all` would need much memory
 *   keep_all   every node can be read after a pass
 *
 * Close with quant_run_close, also after an error.  Errors: NN_ENOTSUP, NN_ENOMEM. */
nn_status quant_run_open(quant_run *r, const nn_graph *from, const quant_config *config,
                         quant_stage stage, int batch, bool keep_all);
void quant_run_close(quant_run *r); /* { 0 } is allowed */

/* Runs all pictures from the start and calls `see` after each pass, if it is not NULL.
 *
 *   observe   ranges follow the data
 *   last      the last node that is computed; NULL: all
 *
 * Errors: those of the pictures and of `see`; NN_EINVAL if there was no picture. */
typedef nn_status quant_see(void *ctx, const quant_run *r, int n);
nn_status quant_run_all(quant_run *r, const quant_pictures *pictures, bool observe,
                        const nn_node *last, quant_see *see, void *ctx);

/* Exchanges the trained vector (nn_params_trained) with another one of the same length: the float
 * network and one whose weights were changed run in turn on one set of parameters.  NULL:
 * nothing. */
void quant_swap_trained(nn_params *params, nn_real *other);

#endif
