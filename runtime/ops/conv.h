/* conv - preparing and running a product of patches and weights, for CONV_2D and
 * FULLY_CONNECTED. */
#ifndef OCTET_RUNTIME_OPS_CONV_H
#define OCTET_RUNTIME_OPS_CONV_H

#include "runtime/kernels/conv_s8.h"
#include "runtime/op.h"

/* Completes p, whose geometry and requantization stand, with the weights (input 1) and the bias
 * (input 2) of the operator as the model's kernels want them, and makes it what the operator
 * runs. */
rt_status rt_use_conv(rt_build *b, rt_node *n, rt_conv_s8 *p);

/* Makes the operator run a float convolution of the geometry `win` over input 0, with weights
 * (input 1: out_c rows of a patch's length; int8 and int4 ones are made float) and bias (input 2,
 * may be left out). */
rt_status rt_use_conv_f32(rt_build *b, rt_node *n, const rt_window *win, int32_t groups,
                          int32_t activation);

#endif
