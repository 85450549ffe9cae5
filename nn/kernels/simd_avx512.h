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

/* ---- for passes over activations ----------------------------------------------------------- */

NN_INLINE vreal v_add(vreal a, vreal b)
{
    return _mm512_add_ps(a, b);
}
NN_INLINE vreal v_sub(vreal a, vreal b)
{
    return _mm512_sub_ps(a, b);
}
NN_INLINE vreal v_mul(vreal a, vreal b)
{
    return _mm512_mul_ps(a, b);
}
NN_INLINE vreal v_min(vreal a, vreal b) /* a < b ? a : b */
{
    return _mm512_min_ps(a, b);
}
NN_INLINE vreal v_max(vreal a, vreal b) /* a > b ? a : b */
{
    return _mm512_max_ps(a, b);
}
NN_INLINE unsigned v_inside(vreal x, vreal lo, vreal hi) /* a bit an element: lo < x < hi */
{
    return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(x, lo, _CMP_GT_OQ), x, hi, _CMP_LT_OQ);
}
NN_INLINE unsigned v_within(vreal x, vreal lo, vreal hi) /* a bit an element: lo <= x <= hi */
{
    return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(x, lo, _CMP_GE_OQ), x, hi, _CMP_LE_OQ);
}
NN_INLINE vreal v_keep(unsigned bits, vreal x) /* x where its bit is set, else 0 */
{
    return _mm512_maskz_mov_ps((vmask)bits, x);
}

enum { WL = VL / 2 };
typedef __m512d vwide; /* doubles */

NN_INLINE vwide w_low(vreal x) /* of the first half of x, of the second */
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(x));
}
NN_INLINE vwide w_high(vreal x)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
}
NN_INLINE vwide w_load(const double *p)
{
    return _mm512_loadu_pd(p);
}
NN_INLINE void w_store(double *p, vwide x)
{
    _mm512_storeu_pd(p, x);
}
NN_INLINE vwide w_add(vwide a, vwide b)
{
    return _mm512_add_pd(a, b);
}
NN_INLINE vwide w_fma(vwide a, vwide b, vwide c)
{
    return _mm512_fmadd_pd(a, b, c);
}

#endif
