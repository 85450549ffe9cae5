/* product_s8 for AVX2: pairs of int16 multiplied and added (vpmaddwd), which is exact.
 *
 * The often used vpmaddubsw would be twice as fast, but it saturates sums of two products at 16
 * bits.  The left operand is widened when the image is copied. */
#include "runtime/kernels/x86.h"

#if defined(__AVX2__)
#include <immintrin.h>

enum { PIXELS = 4, PANEL = 16, STEP = 2 };
typedef int16_t element;
#define to_codes rt_requant_s8__avx2

static inline __m256i pair_of(const int16_t *at)
{
    int32_t pair;
    RT_MOVE(&pair, at, sizeof pair);
    return _mm256_set1_epi32(pair);
}

static inline __attribute__((always_inline)) void multiply(int32_t sums[PIXELS][PANEL],
                                                           const rt_product *p, const int16_t *a,
                                                           const int8_t *w, const int32_t *bias,
                                                           const int pixels)
{
    const __m256i *b = (const __m256i *)(const void *)bias;
    __m256i s[PIXELS][2];
#pragma GCC unroll 4
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 2; h++)
            s[x][h] = _mm256_load_si256(b + h);
    for (int r = 0; r < p->runs; r++, a += p->a_run) {
        const int16_t *from = a;
        for (int i = 0; i < p->k; i += STEP, w += STEP * PANEL, from += STEP) {
            const __m128i *at = (const __m128i *)(const void *)w;
            __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(at));
            __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(at + 1));
#pragma GCC unroll 4
            for (int x = 0; x < pixels; x++) {
                __m256i pair = pair_of(from + (size_t)x * p->a_step);
                s[x][0] = _mm256_add_epi32(s[x][0], _mm256_madd_epi16(pair, w0));
                s[x][1] = _mm256_add_epi32(s[x][1], _mm256_madd_epi16(pair, w1));
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 2; h++)
            _mm256_store_si256((__m256i *)(void *)&sums[x][8 * h], s[x][h]);
}

#include "runtime/kernels/product_body.h"

size_t rt_pack_bytes__avx2(int n, int runs, int k)
{
    return pack_bytes(n, runs, k);
}

void rt_pack__avx2(void *packed, const int8_t *w, int n, int runs, int k)
{
    pack(packed, w, n, runs, k);
}

void rt_product__avx2(const rt_product *p)
{
    product(p);
}

void rt_load__avx2(void *to, const uint8_t *from, size_t n, uint8_t flip)
{
    const __m128i flips = _mm_set1_epi8((char)flip);
    int16_t *out = to;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i),
                            _mm256_cvtepi8_epi16(_mm_xor_si128(bytes, flips)));
    }
    for (; i < n; i++)
        out[i] = (int8_t)(from[i] ^ flip);
}
#endif
