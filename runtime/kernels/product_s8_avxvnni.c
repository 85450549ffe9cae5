/* product_s8 for AVX-VNNI: four products of uint8 and int8 added to an int32 (vpdpbusd), eight
 * channels a register.  The left operand is uint8, so int8 codes come flipped. */
#include "runtime/kernels/x86.h"

#if defined(__AVXVNNI__)
#include <immintrin.h>

enum { PIXELS = 4, PANEL = 16, STEP = 4 };
typedef uint8_t element;
#define to_codes rt_requant_s8__avx2

static inline __m256i four_of(const uint8_t *at)
{
    int32_t four;
    RT_MOVE(&four, at, sizeof four);
    return _mm256_set1_epi32(four);
}

static inline __attribute__((always_inline)) void multiply(int32_t sums[PIXELS][PANEL],
                                                           const rt_product *p, const uint8_t *a,
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
        const uint8_t *from = a;
        for (int i = 0; i < p->k; i += STEP, w += STEP * PANEL, from += STEP) {
            const __m256i *at = (const __m256i *)(const void *)w;
            __m256i w0 = _mm256_loadu_si256(at), w1 = _mm256_loadu_si256(at + 1);
#pragma GCC unroll 4
            for (int x = 0; x < pixels; x++) {
                __m256i four = four_of(from + (size_t)x * p->a_step);
                s[x][0] = _mm256_dpbusd_avx_epi32(s[x][0], four, w0);
                s[x][1] = _mm256_dpbusd_avx_epi32(s[x][1], four, w1);
            }
        }
    }
#pragma GCC unroll 4
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 2; h++)
            _mm256_store_si256((__m256i *)(void *)&sums[x][8 * h], s[x][h]);
}

#include "runtime/kernels/product_body.h"

size_t rt_pack_bytes__avxvnni(int n, int runs, int k)
{
    return pack_bytes(n, runs, k);
}

void rt_pack__avxvnni(void *packed, const int8_t *w, int n, int runs, int k)
{
    pack(packed, w, n, runs, k);
}

void rt_product__avxvnni(const rt_product *p)
{
    product(p);
}

void rt_load__avxvnni(void *to, const uint8_t *from, size_t n, uint8_t flip)
{
    const __m256i flips = _mm256_set1_epi8((char)flip);
    uint8_t *out = to;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_xor_si256(bytes, flips));
    }
    for (; i < n; i++)
        out[i] = from[i] ^ flip;
}
#endif
