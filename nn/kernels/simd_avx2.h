/* simd_avx2 - eight floats at a time, as the kernel bodies (*_body.h) name them.
 *
 * `vmask` selects the first elements of a vector: what it leaves out is neither read nor written.
 */
#ifndef OCTET_NN_KERNELS_SIMD_AVX2_H
#define OCTET_NN_KERNELS_SIMD_AVX2_H

#include <immintrin.h>

#include "nn/kernels/simd.h"

enum { VL = 8 };
typedef __m256 vreal;
typedef __m256i vmask;

NN_INLINE vmask v_first(int n) /* 0 <= n <= VL */
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
NN_INLINE vreal v_zero(void)
{
    return _mm256_setzero_ps();
}
NN_INLINE vreal v_all(float x)
{
    return _mm256_set1_ps(x);
}
NN_INLINE vreal v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
NN_INLINE vreal v_load_some(const float *p, vmask m)
{
    return _mm256_maskload_ps(p, m);
}
NN_INLINE void v_store(float *p, vreal x)
{
    _mm256_storeu_ps(p, x);
}
NN_INLINE void v_store_some(float *p, vmask m, vreal x)
{
    if (_mm256_movemask_ps(_mm256_castsi256_ps(m)) == 0xff) /* masked ones are slow on Zen */
        _mm256_storeu_ps(p, x);
    else
        _mm256_maskstore_ps(p, m, x);
}
NN_INLINE vreal v_fma(vreal a, vreal b, vreal c) /* a b + c, rounded once */
{
    return _mm256_fmadd_ps(a, b, c);
}

#endif
