/* avx512_body - accumulators to codes, exactly as runtime/requant.h rounds; included by the kernels
 * for AVX-512.
 *
 * With s = mult 2^(shift - 31) and e = -shift, rounding twice is one floor, since floors nest:
 *
 *   requant(x) = floor(x s + 1/2 + d),   d = 2^-(1 + e) for x >= 0 and e > 0,
 *                                        d = -2^-(1 + e) for x < 0 and e > 0, d = 0 for e = 0
 *
 * (RDBP takes 1 from a negative SRDHM; that one may be 0 for x < 0 makes no difference, because it
 * rounds to 0 either way.)  Codes are counted from the lowest of their type, so that those that are
 * not clamped lie in [0, 256), and the floor is taken of
 *
 *   t = x s + (256 + zero + 1/2 + d + 2 u)   in binary32, u = 2^-15,
 *
 * whose bits above the lowest 15 are then the code and a constant; larger and smaller t have larger
 * and smaller bits, so that they saturate.  t is off by at most 2 u: u from rounding s and x to 24
 * bits (|x s| < 256), u/2 each from the constant and from the sum.  So the floor is right wherever
 * the fraction of t is not below 4 u.  One code in 8192 is; the vectors around it are computed once
 * more by 64-bit products.
 *
 * x may come times an integer n, with s / n for s (rt_factor_of): the product is the same, and so
 * are the bounds.  s / n is rounded to binary64 and then to binary32, which adds 2^-53 to its
 * relative error.  There is room for that.  A number of [1, 2) is rounded to binary32 by at most
 * 2^-24, and 1 by nothing, so each of the two relative errors is at most 2^-24 / (1 + 2^-24), and
 * the product's is below 2^-23 by 2^-48. */
#ifndef OCTET_RUNTIME_KERNELS_AVX512_BODY_H
#define OCTET_RUNTIME_KERNELS_AVX512_BODY_H

#include <immintrin.h>

#include "runtime/kernels/kernels.h"

#define RT_INLINE static inline __attribute__((always_inline))

enum {
    RT_CODES = 16,               /* channels of a vector of accumulators */
    RT_FRACTION = 15,            /* bits of t behind the point */
    RT_CLEAR = 0x7FFC,           /* of them: those that are 0 if the floor is in doubt */
    RT_T_ZERO = 0x43800000 >> 15 /* of t = 256 the others */
};

/* sum + four products a lane, of uint8 x and int8 w.  Written out, since gcc 12 copies accumulators
 * to and fro around the intrinsic: two moves for each product, which is a fifth of the time. */
RT_INLINE __m512i rt_dot512(__m512i sum, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}

/* Keeps a vector in its register, where gcc 12 would load it again for each use. */
#define RT_KEEP(v) __asm__("" : "+v"(v))

RT_INLINE __mmask16 rt_first_lanes(int n)
{
    return (__mmask16)(n >= RT_CODES ? 0xFFFFu : (1u << n) - 1u);
}

/* Codes of uint8; all others are of int8. */
static inline bool rt_is_unsigned(const rt_requant_rows *q)
{
    return q->hi > 127 || q->zero > 127;
}

/* Whether negative accumulators can become anything but the lowest code, as they cannot after a
 * relu. */
static inline bool rt_has_signs(const rt_requant_rows *q)
{
    return q->lo < q->zero;
}

/* The factors of sixteen channels. */
typedef struct rt_scale512 {
    __m512 factor, plus, minus; /* s; the constant for x >= 0 and for x < 0 */
    __m512i mult, right;        /* for those in doubt */
} rt_scale512;

/* s / n for accumulators that come times n >= 1. */
RT_INLINE __m512 rt_factor_of(const rt_scale512 *s, int n)
{
    enum { NEAREST = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    const __m512d by = _mm512_set1_pd(n);
    __m512d low = _mm512_cvtepi32_pd(_mm512_castsi512_si256(s->mult));
    __m512d high = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(s->mult, 1));
    __m512 factor = _mm512_insertf32x8(
        _mm512_castps256_ps512(
            _mm512_cvt_roundpd_ps(_mm512_div_round_pd(low, by, NEAREST), NEAREST)),
        _mm512_cvt_roundpd_ps(_mm512_div_round_pd(high, by, NEAREST), NEAREST), 1);
    return _mm512_scalef_ps(factor,
                            _mm512_sub_ps(_mm512_set1_ps(-31.0F), _mm512_cvtepi32_ps(s->right)));
}

RT_INLINE rt_scale512 rt_scale_of(const rt_requant_rows *q, int c, __mmask16 mask)
{
    const float constant =
        256.5F + 2.0F / (1 << RT_FRACTION) + (float)(q->zero + (rt_is_unsigned(q) ? 0 : 128));
    rt_scale512 s;
    s.mult = _mm512_maskz_loadu_epi32(mask, q->mult + c);
    s.right =
        _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_maskz_loadu_epi32(mask, q->shift + c));
    __m512 right = _mm512_cvtepi32_ps(s.right);
    s.factor = _mm512_scalef_ps(
        _mm512_cvt_roundepi32_ps(s.mult, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
        _mm512_sub_ps(_mm512_set1_ps(-31.0F), right));
    __m512 d =
        _mm512_maskz_scalef_ps(_mm512_test_epi32_mask(s.right, s.right), _mm512_set1_ps(0.5F),
                               _mm512_sub_ps(_mm512_setzero_ps(), right));
    s.plus = _mm512_add_ps(_mm512_set1_ps(constant), d);
    s.minus = _mm512_sub_ps(_mm512_set1_ps(constant), d);
    return s;
}

/* The bounds of a layer's codes, counted from the lowest of their type, which is `flip`. */
typedef struct rt_clamp512 {
    __m512i zero, lo, hi, flip;
} rt_clamp512;

RT_INLINE rt_clamp512 rt_clamp_of(const rt_requant_rows *q)
{
    const int flip = rt_is_unsigned(q) ? 0 : 128;
    return (rt_clamp512){ _mm512_set1_epi32(q->zero + flip), _mm512_set1_epi8((char)(q->lo + flip)),
                          _mm512_set1_epi8((char)(q->hi + flip)), _mm512_set1_epi8((char)flip) };
}

/* Four vectors of what is above the fraction of t to 64 codes. */
RT_INLINE __m512i rt_pack512(const __m512i v[4], const rt_clamp512 *q)
{
    const __m512i zero = _mm512_set1_epi16((int16_t)RT_T_ZERO);
    __m512i ab = _mm512_subs_epu16(_mm512_packus_epi32(v[0], v[1]), zero);
    __m512i cd = _mm512_subs_epu16(_mm512_packus_epi32(v[2], v[3]), zero);
    __m512i codes = _mm512_packus_epi16(ab, cd);
    codes = _mm512_min_epu8(_mm512_max_epu8(codes, q->lo), q->hi);
    return _mm512_xor_si512(codes, q->flip);
}

/* requant by one 64-bit product; 2 x must not overflow: rt_requant_rows.narrow. */
RT_INLINE __m512i rt_rescale512(__m512i x, __m512i mult, __m512i right)
{
    const __m512i srdhm = _mm512_set1_epi64(INT64_C(1) << 31);
    __m512i twice = _mm512_add_epi32(x, x);
    __m512i even = _mm512_add_epi64(_mm512_mul_epi32(twice, mult), srdhm);
    __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(twice, 32), _mm512_srli_epi64(mult, 32));
    odd = _mm512_add_epi64(odd, srdhm);
    __m512i y = _mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xF5);
    __m512i half = _mm512_srli_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), right), 1);
    half =
        _mm512_mask_sub_epi32(half, _mm512_movepi32_mask(y) & _mm512_test_epi32_mask(right, right),
                              half, _mm512_set1_epi32(1));
    return _mm512_srav_epi32(_mm512_add_epi32(y, half), right);
}

/* Four vectors of accumulators to 64 codes, by 64-bit products alone. */
static __m512i rt_exact512(const __m512i x[4], const rt_scale512 *const s[4], const rt_clamp512 *q)
{
    const __m512i lowest = _mm512_set1_epi32(-RT_T_ZERO), zero = _mm512_set1_epi32(RT_T_ZERO);
    __m512i code[4];
    for (int i = 0; i < 4; i++) {
        code[i] = _mm512_add_epi32(rt_rescale512(x[i], s[i]->mult, s[i]->right), q->zero);
        code[i] = _mm512_add_epi32(_mm512_max_epi32(code[i], lowest), zero);
    }
    return rt_pack512(code, q);
}

/* t of sixteen accumulators.  signs (constant where it is called): else negative ones may be
 * rounded to 0 instead of -1. */
RT_INLINE __m512i rt_t512(__m512i x, const rt_scale512 *s, const bool signs)
{
    __m512 real = _mm512_cvt_roundepi32_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 add = signs ? _mm512_mask_mov_ps(s->plus, _mm512_movepi32_mask(x), s->minus) : s->plus;
    return _mm512_castps_si512(
        _mm512_fmadd_round_ps(real, s->factor, add, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Whether a floor among four vectors of t is in doubt: one without any of the bits `doubtless`. */
RT_INLINE bool rt_in_doubt512(const __m512i t[4], const int doubtless)
{
    const __m512i clear = _mm512_set1_epi32(doubtless);
    __mmask16 a = _mm512_testn_epi32_mask(t[0], clear), b = _mm512_testn_epi32_mask(t[1], clear);
    __mmask16 c = _mm512_testn_epi32_mask(t[2], clear), d = _mm512_testn_epi32_mask(t[3], clear);
    return __builtin_expect(!_kortestz_mask16_u8(_kor_mask16(a, b), _kor_mask16(c, d)), 0);
}

/* Codes of four vectors of t that are not in doubt. */
RT_INLINE __m512i rt_floor512(const __m512i t[4], const rt_clamp512 *q)
{
    __m512i code[4];
    for (int i = 0; i < 4; i++)
        code[i] = _mm512_srai_epi32(t[i], RT_FRACTION);
    return rt_pack512(code, q);
}

/* rt_exact512 of vectors in registers: an array would be written to memory for it in any case. */
static __attribute__((noinline, cold)) __m512i rt_codes_again512(__m512i a, __m512i b, __m512i c,
                                                                 __m512i d,
                                                                 const rt_scale512 *const s[4],
                                                                 const rt_clamp512 *q)
{
    const __m512i x[4] = { a, b, c, d };
    return rt_exact512(x, s, q);
}

/* Four vectors of accumulators to four times sixteen codes: of each 128-bit lane of x[0], x[1],
 * x[2], x[3] in turn. */
RT_INLINE __m512i rt_codes512(const __m512i x[4], const rt_scale512 *const s[4],
                              const rt_clamp512 *q, const bool signs)
{
    __m512i t[4];
    for (int i = 0; i < 4; i++)
        t[i] = rt_t512(x[i], s[i], signs);
    return rt_in_doubt512(t, RT_CLEAR) ? rt_codes_again512(x[0], x[1], x[2], x[3], s, q)
                                       : rt_floor512(t, q);
}

/* The same, vector by vector. */
RT_INLINE __m512i rt_by_vector512(__m512i codes)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, codes);
}

#endif
