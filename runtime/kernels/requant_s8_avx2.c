/* requant_s8 and add_s8 for AVX2: eight 32-bit values at a time, rounding exactly as
 * runtime/requant.h. */
#include "runtime/kernels/x86.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/portable.h"

enum { LANES = 8, LEFT = 20 };

/* SRDHM; m is not INT32_MIN, so nothing saturates. */
static inline __m256i high_multiply(__m256i x, __m256i m)
{
    const __m256i half = _mm256_set1_epi64x(1 << 30);
    __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, m), half);
    __m256i odd = _mm256_add_epi64(
        _mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(m, 32)), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
}

/* RDBP: x / 2^e, halves away from zero. */
static inline __m256i round_shift(__m256i x, __m256i e)
{
    const __m256i one = _mm256_set1_epi32(1);
    __m256i mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, e), one);
    __m256i rest = _mm256_and_si256(x, mask);
    __m256i half = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1), _mm256_srai_epi32(x, 31));
    return _mm256_sub_epi32(_mm256_srav_epi32(x, e), _mm256_cmpgt_epi32(rest, half));
}

static inline __m256i rescale(__m256i x, __m256i mult, __m256i shift)
{
    const __m256i none = _mm256_setzero_si256();
    __m256i left = _mm256_max_epi32(shift, none);
    __m256i right = _mm256_max_epi32(_mm256_sub_epi32(none, shift), none);
    return round_shift(high_multiply(_mm256_sllv_epi32(x, left), mult), right);
}

/* v + zero clamped to [lo, hi], without leaving 32 bits; the low bytes of the lanes. */
static inline uint64_t finish(__m256i v, int32_t zero, int32_t lo, int32_t hi)
{
    v = _mm256_max_epi32(v, _mm256_set1_epi32(lo - zero));
    v = _mm256_min_epi32(v, _mm256_set1_epi32(hi - zero));
    v = _mm256_add_epi32(v, _mm256_set1_epi32(zero));
    const __m256i low_bytes = _mm256_set1_epi64x(0x0C080400);
    v = _mm256_shuffle_epi8(v, low_bytes);
    uint32_t first = (uint32_t)_mm256_extract_epi32(v, 0);
    uint32_t second = (uint32_t)_mm256_extract_epi32(v, 4);
    return (uint64_t)second << 32 | first;
}

static inline __m256i load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

void rt_requant_s8__avx2(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p)
{
    int c = 0;
    for (; c + LANES <= n; c += LANES) {
        __m256i v = rescale(load(acc + c), load(p->mult + c), load(p->shift + c));
        uint64_t codes = finish(v, p->zero, p->lo, p->hi);
        RT_MOVE(out + c, &codes, sizeof codes);
    }
    rt_requant_rows rest = *p;
    rest.mult += c;
    rest.shift += c;
    rt_requant_s8__c(out + c, acc + c, n - c, &rest);
}

/* Eight codes, less their zero point, raised by LEFT bits and rescaled. */
static inline __m256i operand(const uint8_t *x, __m128i flip, int32_t zero, int32_t mult,
                              int32_t shift)
{
    __m128i bytes = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(const void *)x), flip);
    __m256i v = _mm256_sub_epi32(_mm256_cvtepi8_epi32(bytes), _mm256_set1_epi32(zero));
    v = high_multiply(_mm256_slli_epi32(v, LEFT), _mm256_set1_epi32(mult));
    return round_shift(v, _mm256_set1_epi32(-shift));
}

void rt_add_s8__avx2(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                     const rt_add_params *p)
{
    const __m128i flip = _mm_set1_epi8((char)p->flip);
    const uint64_t flips = UINT64_C(0x0101010101010101) * p->flip;
    const __m256i mult = _mm256_set1_epi32(p->mult), shift = _mm256_set1_epi32(-p->shift);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256i x = operand(a + i, flip, p->zero_a, p->mult_a, p->shift_a);
        __m256i y = operand(b + i, flip, p->zero_b, p->mult_b, p->shift_b);
        __m256i v = round_shift(high_multiply(_mm256_add_epi32(x, y), mult), shift);
        uint64_t codes = finish(v, p->zero, p->lo, p->hi) ^ flips;
        RT_MOVE(out + i, &codes, sizeof codes);
    }
    rt_add_s8__c(out + i, a + i, b + i, n - i, p);
}
#endif
