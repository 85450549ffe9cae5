/* moments - mean and variance of each channel of each tensor, out of the batch norms alone.
 *
 *   batch norm     normal with mean beta, deviation |gamma|
 *   relu, relu6    the clipped normal's moments
 *   add            means and variances add up (the operands are taken as independent)
 *   average pools, pad, reshape, dropout     keep the mean; concat, and channels of zeros that pad
 *                  adds, are put side by side
 *
 * Anything else, and the image, is unknown.  Nagel et al., ICCV 2019 (arXiv 1906.04721), section
 * 4.2.1 and its appendix for the means; the second moments follow by the same integrals. */
#ifndef OCTET_QUANT_MOMENTS_H
#define OCTET_QUANT_MOMENTS_H

#include "nn/base/arena.h"
#include "nn/graph.h"

typedef struct quant_moments {
    double mean, variance;
} quant_moments;

/* Of min(max(x, 0), ceiling) for a normal x; ceiling may be INFINITY. */
quant_moments quant_clipped_normal(quant_moments x, double ceiling);

/* Of one tensor: n of its channels; n = 0: unknown. */
typedef struct quant_channel_moments {
    size_t n;
    const quant_moments *of;
} quant_channel_moments;

/* Of each node of the float graph, by index; in `arena`.  Errors: NN_ENOMEM. */
nn_status quant_moments_find(const quant_channel_moments **out, nn_arena *arena, const nn_graph *g);

#endif
