/* fakequant_device - a fakequant whose codes are those that the integer network computes, from its
 * accumulators or from the codes of the operands: nn/ops/fakequant.c has the inputs. */
#ifndef OCTET_NN_OPS_FAKEQUANT_DEVICE_H
#define OCTET_NN_OPS_FAKEQUANT_DEVICE_H

#include "nn/op.h"

/* The inputs behind the range's state, if there are any and they are not learned. */
nn_status nn_fakequant_check_device(const nn_node *n);

/* Writes y; false, and nothing is written, if these inputs are not there, their scales are not
 * known yet, or this is a pass of training. */
bool nn_fakequant_on_device(const nn_call *c);

#endif
