/* linear - what convolution, depthwise convolution and dense share: geometry, scratch memory in
 * slots, the bias gradient, sums of partial weight gradients.
 *
 * Threads take chunks of work that the shape defines, as they come (which thread took a chunk
 * changes no bits); each works in a slot of scratch of its own, of which there are NN_SLOTS
 * whatever the machine, so a plan serves any number of threads. */
#ifndef OCTET_NN_OPS_LINEAR_H
#define OCTET_NN_OPS_LINEAR_H

#include "nn/base/chunk.h"
#include "nn/base/mem.h"
#include "nn/kernels/conv.h"
#include "nn/op.h"

enum { NN_LINEAR_X, NN_LINEAR_W, NN_LINEAR_BIAS }; /* inputs */

enum { NN_SLOTS = 32 };

/* Threads for a loop over `chunks`: at most NN_SLOTS, and one a chunk. */
int nn_linear_threads(int chunks);

/* Takes `bytes` from *at on, rounded up to NN_ALIGN.  From NULL it only counts: how scratch is
 * measured and laid out by the same code. */
void *nn_linear_carve(char **at, size_t bytes);

/* The geometry of a convolution node whose shapes are inferred, for a pass over `batch` items. */
nn_conv_geom nn_linear_geom(const nn_node *n, int batch);

/* Fails with NN_ESHAPE unless input 2, if there is one, is [channels]. */
nn_status nn_linear_infer_bias(const nn_node *n, int channels);

/* Bytes of scratch for, and the gradient of the bias: db[j] (= or +=) sum over rows of dy[i][j], in
 * double, over a fixed cut of the rows.  Does nothing if nobody wants it. */
size_t nn_linear_bias_scratch(int channels);
void nn_linear_bias_grad(const nn_call *c, size_t rows, int channels);

/* dw (= or +=) partial[0] + partial[1] + ..., in this order; each has `count` elements. */
void nn_linear_sum(nn_real *dw, bool add, const nn_real *partial, int parts, size_t count);

#endif
