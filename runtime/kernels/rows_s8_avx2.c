/* rows_s8 for AVX2: sixteen channels stay in registers while the rows pass by. */
#include "runtime/kernels/x86.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/portable.h"

enum { LANES = 16, MOST = 64 }; /* rows whose sums fit in 16 bits */

static inline __m256i widened(const uint8_t *x, bool unsigned_x)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)x);
    return unsigned_x ? _mm256_cvtepu8_epi16(bytes) : _mm256_cvtepi8_epi16(bytes);
}

static inline void add_to(int32_t *sums, __m128i v)
{
    __m256i *at = (__m256i *)(void *)sums;
    _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), _mm256_cvtepi16_epi32(v)));
}

/* At most MOST rows: 64 * 255 < 2^15. */
static void sum_some(int32_t *sums, const uint8_t *x, size_t rows, size_t step, int n,
                     bool unsigned_x)
{
    int c = 0;
    for (; c + LANES <= n; c += LANES) {
        __m256i sum = _mm256_setzero_si256();
        for (size_t r = 0; r < rows; r++)
            sum = _mm256_add_epi16(sum, widened(x + r * step + c, unsigned_x));
        add_to(sums + c, _mm256_castsi256_si128(sum));
        add_to(sums + c + 8, _mm256_extracti128_si256(sum, 1));
    }
    rt_sum_s8__c(sums + c, x + c, rows, step, n - c, unsigned_x);
}

void rt_sum_s8__avx2(int32_t *sums, const uint8_t *x, size_t rows, size_t step, int n,
                     bool unsigned_x)
{
    for (; rows > MOST; rows -= MOST, x += MOST * step)
        sum_some(sums, x, MOST, step, n, unsigned_x);
    sum_some(sums, x, rows, step, n, unsigned_x);
}

void rt_max_s8__avx2(uint8_t *most, const uint8_t *x, size_t rows, size_t step, int n, uint8_t flip)
{
    const __m128i flips = _mm_set1_epi8((char)flip);
    int c = 0;
    for (; c + LANES <= n; c += LANES) {
        __m128i *at = (__m128i *)(void *)(most + c);
        __m128i m = _mm_xor_si128(_mm_loadu_si128(at), flips);
        for (size_t r = 0; r < rows; r++) {
            const __m128i *from = (const __m128i *)(const void *)(x + r * step + c);
            m = _mm_max_epi8(m, _mm_xor_si128(_mm_loadu_si128(from), flips));
        }
        _mm_storeu_si128(at, _mm_xor_si128(m, flips));
    }
    rt_max_s8__c(most + c, x + c, rows, step, n - c, flip);
}
#endif
