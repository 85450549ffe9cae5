/* fakequant_learn - what a fakequant does besides, if its range is learned. */
#ifndef OCTET_NN_OPS_FAKEQUANT_LEARN_H
#define OCTET_NN_OPS_FAKEQUANT_LEARN_H

#include "nn/op.h"
#include "nn/ops/channels.h"

/* Bytes kept of `count` elements for backward, and bytes of scratch in it. */
size_t nn_fakequant_learn_saved(size_t count);
size_t nn_fakequant_learn_scratch(nn_channels l);

/* Whether this pass gives the range its first learned values, and doing it, from x and the range
 * that was observed. */
bool nn_fakequant_must_begin(const nn_call *c);
void nn_fakequant_begin(const nn_call *c, nn_channels l);

/* Forward, before y is written (it may be x): keeps x. */
void nn_fakequant_keep(const nn_call *c);
void nn_fakequant_learn_backward(const nn_call *c, nn_channels l);

#endif
