/* bnorm - the steps of batch normalization, for those who take them strip by strip (nn/chain.h) or
 * otherwise (nn/ops/bncorrect.c).
 *
 * Forward: `find` takes the statistics, by a pass over x if the batch has its own, and forms the
 * factors of y = p x + q; `apply` computes rows of y.  Backward: `clear` and `add` collect the sums
 * of each chunk of rows, `solve` makes of them the gradients of gamma and beta and the factors of
 * dx = p dy + q x + r; `grad` computes rows of dx.  A chunk's rows are added in their order. */
#ifndef OCTET_NN_OPS_BNORM_H
#define OCTET_NN_OPS_BNORM_H

#include "nn/op.h"
#include "nn/ops/rows.h"

/* Inputs; the last one may be missing. */
enum { NN_BNORM_X, NN_BNORM_GAMMA, NN_BNORM_BETA, NN_BNORM_MEAN, NN_BNORM_VAR, NN_BNORM_BIAS };

/* Where it works, in the call's scratch. */
typedef struct nn_bnorm_work {
    nn_rows cut;
    size_t stride;      /* elements from one vector of channels to the next */
    double *sums;       /* chunk k: first sums at 2 k stride, second ones at (2 k + 1) stride */
    nn_real *bounds;    /* chunk k: least values at 2 k stride, greatest at (2 k + 1) stride */
    nn_real *p, *q, *r; /* factors */
} nn_bnorm_work;

/* Where the sums of a chunk lie: two vectors, the second one w->stride behind. */
static inline double *nn_bnorm_sums(const nn_bnorm_work *w, int chunk)
{
    return w->sums + 2 * (size_t)chunk * w->stride;
}

/* Fails with NN_ESHAPE unless input k is [channels], and a parameter that holds state if it shall
 * be. */
nn_status nn_bnorm_check_vector(const nn_node *n, int k, bool state);

size_t nn_bnorm_scratch(const nn_node *n, int batch); /* bytes */
nn_bnorm_work nn_bnorm_begin(const nn_call *c);

/* If `ends` is not NULL, the least and the greatest value that y will have go there.  They come
 * from those of x: y is monotone in x channel by channel, and so is its rounding. */
void nn_bnorm_find(const nn_call *c, const nn_bnorm_work *w, nn_real ends[2]);
void nn_bnorm_apply(const nn_bnorm_work *w, nn_real *y, const nn_real *x, size_t rows);

/* One running statistic follows the batch's. */
void nn_bnorm_follow(const nn_call *c, nn_real *state, double batch);

void nn_bnorm_clear(const nn_bnorm_work *w, int chunk);
void nn_bnorm_add(const nn_bnorm_work *w, int chunk, const nn_real *dy, const nn_real *x,
                  size_t rows);
/* Adds the chunks' sums, in their order, to those of the first chunk. */
void nn_bnorm_join(const nn_bnorm_work *w);
void nn_bnorm_solve(const nn_call *c, const nn_bnorm_work *w);
void nn_bnorm_grad(const nn_bnorm_work *w, nn_real *dx, const nn_real *dy, const nn_real *x,
                   bool add, size_t rows);

#endif
