/* simd_avx512 - sixteen floats at a time, as the kernel bodies (*_body.h) name them.
 *
 * `vmask` selects the first elements of a vector: what it leaves out is neither read nor written.
 */
#ifndef OCTET_NN_KERNELS_SIMD_AVX512_H
#define OCTET_NN_KERNELS_SIMD_AVX512_H

#include <immintrin.h>

#include "nn/kernels/simd.h"

enum { VL = 16 };
typedef __m512 vreal;
typedef __mmask16 vmask;

NN_INLINE vmask v_first(int n) /* 0 <= n <= VL */
{
    return (vmask)((1u << n) - 1u);
}
NN_INLINE vreal v_zero(void)
{
    return _mm512_setzero_ps();
}
NN_INLINE vreal v_all(float x)
{
    return _mm512_set1_ps(x);
}
NN_INLINE vreal v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
NN_INLINE vreal v_load_some(const float *p, vmask m)
{
    return _mm512_maskz_loadu_ps(m, p);
}
NN_INLINE void v_store(float *p, vreal x)
{
    _mm512_storeu_ps(p, x);
}
NN_INLINE void v_store_some(float *p, vmask m, vreal x)
{
    _mm512_mask_storeu_ps(p, m, x);
}
NN_INLINE vreal v_fma(vreal a, vreal b, vreal c) /* a b + c, rounded once */
{
    return _mm512_fmadd_ps(a, b, c);
}

#endif
