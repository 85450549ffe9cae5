/* avx512_body - sixteen accumulators at a time to codes, exactly as runtime/requant.h rounds;
 * included by the kernels for AVX-512.
 *
 * Rounding twice takes one 64-bit product: with y = (2 x mult + 2^31) >> 32, which is SRDHM,
 *
 *   RDBP(y, e) = (y + 2^(e-1) - [y < 0]) >> e    for e > 0, and y for e = 0,
 *
 * and y < 0 may be replaced by x < 0: they differ only where y = 0, which rounds to 0 either way.
 * 2^31 and 2^(e-1) are added in one go.  2 x must not overflow: rt_requant_rows.narrow. */
#ifndef OCTET_RUNTIME_KERNELS_AVX512_BODY_H
#define OCTET_RUNTIME_KERNELS_AVX512_BODY_H

#include <immintrin.h>

#include "runtime/kernels/kernels.h"

#define RT_INLINE static inline __attribute__((always_inline))

enum { RT_CODES = 16 }; /* channels of a vector of accumulators */

/* sum + four products a lane, of uint8 x and int8 w.  Written out, since gcc 12 copies accumulators
 * to and fro around the intrinsic: two moves for each product, which is a fifth of the time. */
RT_INLINE __m512i rt_dot512(__m512i sum, __m512i x, __m512i w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}

RT_INLINE __mmask16 rt_first_lanes(int n)
{
    return (__mmask16)(n >= RT_CODES ? 0xFFFFu : (1u << n) - 1u);
}

/* The factors of sixteen channels: products are of even and odd lanes. */
typedef struct rt_scale512 {
    __m512i even, odd, round_even, round_odd, right;
    __mmask16 shifts; /* right is not 0 */
} rt_scale512;

RT_INLINE rt_scale512 rt_scale_of(const rt_requant_rows *q, int c, __mmask16 mask)
{
    const __m512i one = _mm512_set1_epi32(1), none = _mm512_setzero_si512();
    rt_scale512 s;
    s.even = _mm512_maskz_loadu_epi32(mask, q->mult + c);
    s.odd = _mm512_srli_epi64(s.even, 32);
    s.right = _mm512_sub_epi32(none, _mm512_maskz_loadu_epi32(mask, q->shift + c));
    s.shifts = _mm512_test_epi32_mask(s.right, s.right);
    __m512i half = _mm512_srli_epi32(_mm512_sllv_epi32(one, s.right), 1);
    const __m512i srdhm = _mm512_set1_epi64(INT64_C(1) << 31);
    s.round_even = _mm512_add_epi64(_mm512_slli_epi64(half, 32), srdhm);
    s.round_odd = _mm512_mask_mov_epi32(srdhm, 0xAAAA, half);
    return s;
}

/* Whether negative accumulators can become anything but the lowest code, as they cannot after a
 * relu. */
static inline bool rt_has_signs(const rt_requant_rows *q)
{
    return q->lo < q->zero;
}

/* requant of sixteen accumulators.  signs (constant where it is called): else negative ones may be
 * rounded to 0 instead of -1. */
RT_INLINE __m512i rt_rescale512(__m512i x, const rt_scale512 *s, const bool signs)
{
    __m512i twice = _mm512_add_epi32(x, x);
    __m512i even = _mm512_add_epi64(_mm512_mul_epi32(twice, s->even), s->round_even);
    __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(twice, 32), s->odd);
    odd = _mm512_add_epi64(odd, s->round_odd);
    __m512i y = _mm512_mask_shuffle_epi32(odd, 0x5555, even, (_MM_PERM_ENUM)0xF5);
    if (signs)
        y = _mm512_add_epi32(y, _mm512_maskz_srai_epi32(s->shifts, x, 31));
    return _mm512_srav_epi32(y, s->right);
}

/* The bounds of a layer's codes, as int8: uint8 codes are flipped on their way out. */
typedef struct rt_clamp512 {
    __m512i zero, lo, hi, flip;
} rt_clamp512;

RT_INLINE rt_clamp512 rt_clamp_of(const rt_requant_rows *q)
{
    const int flip = q->hi > 127 || q->zero > 127 ? 128 : 0; /* such codes are of uint8 */
    return (rt_clamp512){ _mm512_set1_epi16((int16_t)(q->zero - flip)),
                          _mm512_set1_epi8((char)(q->lo - flip)),
                          _mm512_set1_epi8((char)(q->hi - flip)), _mm512_set1_epi8((char)flip) };
}

/* Four vectors to four times sixteen codes. */
RT_INLINE __m512i rt_codes512(__m512i a, __m512i b, __m512i c, __m512i d, const rt_clamp512 *q)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), q->zero);
    __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), q->zero);
    __m512i codes = _mm512_packs_epi16(ab, cd);
    codes = _mm512_min_epi8(_mm512_max_epi8(codes, q->lo), q->hi);
    return _mm512_permutexvar_epi32(order, _mm512_xor_si512(codes, q->flip));
}

#endif
