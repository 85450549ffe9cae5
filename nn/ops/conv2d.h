/* conv2d - the two parts of a convolution: passes over pixels (conv2d_pass.c: forward, and the
 * input gradient at each phase of the stride) and the weight gradient (conv2d_grad.c). */
#ifndef OCTET_NN_OPS_CONV2D_H
#define OCTET_NN_OPS_CONV2D_H

#include "nn/kernels/gemm.h"
#include "nn/ops/linear.h"

/* Elements of w [O,KH,KW,C]. */
static inline size_t nn_conv2d_weights(const nn_conv_geom *g)
{
    return (size_t)g->o * (size_t)g->kh * (size_t)g->kw * (size_t)g->c;
}

/* ---- a thread's slot ------------------------------------------------------------------------- */

/* One thread's working memory for a chunk of a pass. */
typedef struct nn_conv2d_slot {
    nn_real *copy;
    nn_real *planes;   /* of a line's result, if it is computed so */
    const nn_real **a; /* lines of pixels */
    nn_real **c;
    ptrdiff_t *tap, *a_run, *b_run;
    ptrdiff_t *a_some, *b_some; /* of the runs, those that are wanted */
} nn_conv2d_slot;

size_t nn_conv2d_slot_bytes(const nn_conv_pass *p);

/* The slot of the thread that asks, among those that begin at `slots`. */
nn_conv2d_slot nn_conv2d_slot_here(char *slots, const nn_conv_pass *p);

/* What a chunk reads of the source; nothing from p->chunks on. */
nn_span nn_conv2d_reach(const nn_conv_pass *p, int chunk, const nn_real *src);

/* ---- passes ---------------------------------------------------------------------------------- */

/* What a pass multiplies and where the result goes: dst [n,h,w,c]. */
typedef struct nn_conv2d_target {
    const nn_real *src, *bias;
    nn_real *dst;
    int h, w, c;
    bool add;
} nn_conv2d_target;

/* The weights that a pass meets, as a matrix [taps, source channels] x [destination channels];
 * `step` and `column` are the distances of those two channels in w, `size` that of taps. */
typedef struct nn_conv2d_filters {
    const nn_real *w;
    ptrdiff_t step, column, size;
    int kw;
} nn_conv2d_filters;

/* The passes that run best: by planes where the destination has few channels. */
nn_conv_pass nn_conv2d_forward_pass(const nn_conv_geom *g);
nn_conv_pass nn_conv2d_backward_pass(const nn_conv_geom *g, int phase);

size_t nn_conv2d_pass_bytes(const nn_conv_geom *g, const nn_conv_pass *p);
void nn_conv2d_run_pass(const nn_conv_pass *p, const nn_conv2d_target *t,
                        const nn_conv2d_filters *f, char *scratch);

/* ---- weight gradient ------------------------------------------------------------------------- */

/* For any batch of at most g->n. */
size_t nn_conv2d_grad_bytes(const nn_conv_geom *g);
/* c->dx[NN_LINEAR_W] (= or +=) the gradient, in c->scratch. */
void nn_conv2d_grad(const nn_call *c, const nn_conv_geom *g);

#endif
