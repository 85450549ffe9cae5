/* channels - a tensor as [outer, channels, inner]: the dimension that its ranges or factors belong
 * to, between those before and those behind it. */
#ifndef OCTET_NN_OPS_CHANNELS_H
#define OCTET_NN_OPS_CHANNELS_H

#include "nn/shape.h"

typedef struct nn_channels {
    size_t outer, channels, inner;
} nn_channels;

/* Of `batch` items, where s has a batch.  axis: the channels' dimension; -1: one channel that is
 * the whole. */
static inline nn_channels nn_channels_of(nn_shape s, int axis, int batch)
{
    nn_channels c = { 1, 1, 1 };
    for (int i = 0; i < s.rank; i++) {
        size_t *part = i < axis ? &c.outer : i == axis ? &c.channels : &c.inner;
        *part *= (size_t)(s.dim[i] == NN_BATCH ? batch : s.dim[i]);
    }
    return c;
}

#endif
