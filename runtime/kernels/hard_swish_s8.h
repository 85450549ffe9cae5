/* hard_swish_s8 - y = x relu6(x + 3) / 6 of one code, in 16-bit fixed point.
 *
 * Bit-exact with TensorFlow Lite's reference/hard_swish.h and activations.cc (HardSwishPrepare). */
#ifndef OCTET_RUNTIME_KERNELS_HARD_SWISH_S8_H
#define OCTET_RUNTIME_KERNELS_HARD_SWISH_S8_H

#include "runtime/requant.h"

typedef struct rt_hard_swish_s8 {
    int16_t out, relu; /* Q0.15 multipliers */
    int out_shift, relu_shift;
} rt_hard_swish_s8;

/* The reals whose multipliers rt_hard_swish_set takes: of codes raised by 7 bits, to codes of the
 * output and to the relu's. */
static inline float rt_hard_swish_out(float x_scale, float y_scale)
{
    float raised = 1.0f / 128 * x_scale;
    return raised / y_scale;
}
static inline float rt_hard_swish_relu(float x_scale)
{
    float raised = 1.0f / 128 * x_scale, three = 3.0f / 32768;
    return raised / three;
}

/* out.shift is at most 0. */
void rt_hard_swish_set(rt_hard_swish_s8 *p, rt_multiplier out, rt_multiplier relu);

/* The output's code less its zero point, not clamped, of the input's less its own. */
int32_t rt_hard_swish_of(const rt_hard_swish_s8 *p, int32_t v);

#endif
