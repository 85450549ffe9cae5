/* weights - what convolution, depthwise convolution and dense layers have in common: constant
 * weights of int8, uint8 or int4 with one scale or one per output channel, an int32 bias, and the
 * multipliers that bring accumulators to the output's scale. */
#ifndef OCTET_RUNTIME_OPS_WEIGHTS_H
#define OCTET_RUNTIME_OPS_WEIGHTS_H

#include "runtime/op.h"

/* Activations int8 with weights int8 or int4, or uint8 with uint8; weights constant, with one scale
 * or one for each of the `channels` along dimension `axis`; input and output with one scale each;
 * bias absent or int32, constant, of `channels` elements with zero point 0. */
rt_status rt_weights_check(rt_build *b, const rt_node *n, int channels, int axis);

/* The same for float: all tensors float32, weights and bias constant, `channels` biases.  Whether
 * they are constant is known only when the model is opened: a DEQUANTIZE may have been folded.
 * Weights may also be int8 or int4 (rt_weights_hybrid), with zero point 0. */
rt_status rt_weights_check_float(rt_build *b, const rt_node *n, int channels, int axis);

/* Whether a float layer has weights of 8 or 4 bits (ops/hybrid.h). */
bool rt_weights_hybrid(const rt_build *b);

/* Weight (or bias) i of the tensor, which belongs to output channel c, as a real number. */
float rt_weights_real(const rt_build *b, const rt_tensor *w, size_t i, int c);

/* The weights as int8: where the file holds them if they are, else a copy (uint8 less 128, int4
 * unpacked); NULL while measuring if a copy would be made. */
const int8_t *rt_weights_int8(rt_build *b, const rt_tensor *w);

/* The most that an accumulator of the layer can be in magnitude, or a part of its sum, for any
 * input of 8 bits: the largest sum over the k weights of a row (as rt_weights_int8 gives them)
 * times 255, and what is left of the bias without in_zero times their sum.  Known while measuring,
 * too. */
int64_t rt_weights_most(const rt_tensor *w, const rt_tensor *bias, size_t rows, size_t k,
                        int32_t in_zero);

/* The zero point of the weights as rt_weights_int8 gives them. */
int32_t rt_weights_zero(const rt_tensor *w);

/* A copy of the bias that may be changed, zeros if there is none; NULL while measuring. */
int32_t *rt_weights_bias(rt_build *b, const rt_tensor *bias, int channels);

/* The real factor s_in * s_w[c] / s_out, with the product in binary32 if `narrow` (uint8
 * convolutions), else in double. */
double rt_weights_factor(const rt_build *b, int c, bool narrow);

/* Fills mult, shift and zero; lo and hi follow the fused activation; narrow says whether no shift
 * goes left. */
rt_status rt_weights_requant(rt_build *b, const rt_node *n, int channels, int32_t activation,
                             rt_requant_rows *r);

#endif
