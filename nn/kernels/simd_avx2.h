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

/* ---- for passes over activations ----------------------------------------------------------- */

NN_INLINE vreal v_add(vreal a, vreal b)
{
    return _mm256_add_ps(a, b);
}
NN_INLINE vreal v_sub(vreal a, vreal b)
{
    return _mm256_sub_ps(a, b);
}
NN_INLINE vreal v_mul(vreal a, vreal b)
{
    return _mm256_mul_ps(a, b);
}
NN_INLINE vreal v_min(vreal a, vreal b) /* a < b ? a : b */
{
    return _mm256_min_ps(a, b);
}
NN_INLINE vreal v_max(vreal a, vreal b) /* a > b ? a : b */
{
    return _mm256_max_ps(a, b);
}
NN_INLINE unsigned v_inside(vreal x, vreal lo, vreal hi) /* a bit an element: lo < x < hi */
{
    const vreal above = _mm256_cmp_ps(x, lo, _CMP_GT_OQ), below = _mm256_cmp_ps(x, hi, _CMP_LT_OQ);
    return (unsigned)_mm256_movemask_ps(_mm256_and_ps(above, below));
}
NN_INLINE unsigned v_within(vreal x, vreal lo, vreal hi) /* a bit an element: lo <= x <= hi */
{
    const vreal above = _mm256_cmp_ps(x, lo, _CMP_GE_OQ), below = _mm256_cmp_ps(x, hi, _CMP_LE_OQ);
    return (unsigned)_mm256_movemask_ps(_mm256_and_ps(above, below));
}
NN_INLINE vreal v_keep(unsigned bits, vreal x) /* x where its bit is set, else 0 */
{
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i on = _mm256_and_si256(_mm256_set1_epi32((int)bits), bit);
    return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(on, bit)), x);
}

enum { WL = VL / 2 };
typedef __m256d vwide; /* doubles */

NN_INLINE vwide w_low(vreal x) /* of the first half of x, of the second */
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}
NN_INLINE vwide w_high(vreal x)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}
NN_INLINE vwide w_load(const double *p)
{
    return _mm256_loadu_pd(p);
}
NN_INLINE void w_store(double *p, vwide x)
{
    _mm256_storeu_pd(p, x);
}
NN_INLINE vwide w_add(vwide a, vwide b)
{
    return _mm256_add_pd(a, b);
}
NN_INLINE vwide w_fma(vwide a, vwide b, vwide c)
{
    return _mm256_fmadd_pd(a, b, c);
}

#endif
