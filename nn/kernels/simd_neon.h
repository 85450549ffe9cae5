/* simd_neon - four floats at a time, as the kernel bodies (*_body.h) name them.
 *
 * `vmask` selects the first elements of a vector: what it leaves out is neither read nor written.
 * NEON has no masked access: a part of a vector goes element by element. */
#ifndef OCTET_NN_KERNELS_SIMD_NEON_H
#define OCTET_NN_KERNELS_SIMD_NEON_H

#include <arm_neon.h>

#include "nn/kernels/simd.h"

enum { VL = 4 };
typedef float32x4_t vreal;
typedef int vmask; /* how many */

NN_INLINE vmask v_first(int n) /* 0 <= n <= VL */
{
    return n;
}
NN_INLINE vreal v_zero(void)
{
    return vdupq_n_f32(0);
}
NN_INLINE vreal v_all(float x)
{
    return vdupq_n_f32(x);
}
NN_INLINE vreal v_load(const float *p)
{
    return vld1q_f32(p);
}
NN_INLINE vreal v_load_some(const float *p, vmask m)
{
    float some[VL] = { 0 };
    if (m == VL)
        return vld1q_f32(p);
    for (int i = 0; i < m; i++)
        some[i] = p[i];
    return vld1q_f32(some);
}
NN_INLINE void v_store(float *p, vreal x)
{
    vst1q_f32(p, x);
}
NN_INLINE void v_store_some(float *p, vmask m, vreal x)
{
    float some[VL];
    if (m == VL) {
        vst1q_f32(p, x);
        return;
    }
    vst1q_f32(some, x);
    for (int i = 0; i < m; i++)
        p[i] = some[i];
}
NN_INLINE vreal v_fma(vreal a, vreal b, vreal c) /* a b + c, rounded once */
{
    return vfmaq_f32(c, a, b);
}
NN_INLINE vreal v_add(vreal a, vreal b)
{
    return vaddq_f32(a, b);
}
NN_INLINE vreal v_sub(vreal a, vreal b)
{
    return vsubq_f32(a, b);
}
NN_INLINE vreal v_mul(vreal a, vreal b)
{
    return vmulq_f32(a, b);
}

#endif
