/* fakequant - the steps of fake quantization of one range, for those who take them strip by strip
 * (nn/chain.h); the step that quantizes is the op's gate. */
#ifndef OCTET_NN_OPS_FAKEQUANT_H
#define OCTET_NN_OPS_FAKEQUANT_H

#include "nn/op.h"

enum { NN_FAKEQUANT_FIXED_INPUTS = 6 }; /* x and its state; more: the scales of the layer before */

/* Whether the range follows the data of this pass. */
bool nn_fakequant_observes(const nn_call *c);
/* The range's new value by the least and the greatest element of x. */
void nn_fakequant_observe(const nn_call *c, nn_real min, nn_real max);
/* Whether y = x: only observed, or no range yet. */
bool nn_fakequant_passes_on(const nn_call *c);

#endif
