/* dwconv_s8 for AVX2: sixteen channels stay in registers while the taps pass by. */
#include "runtime/kernels/x86.h"

#if defined(__AVX2__)
#include <immintrin.h>

#include "runtime/kernels/portable.h"

enum { LANES = 16 };

/* Products of int16, split into low and high halves, are put together to int32: channels 0-3, 8-11
 * in one register and 4-7, 12-15 in the other, as the unpacking leaves them. */
static inline void add_tap(__m256i sum[2], __m256i x, __m256i w)
{
    __m256i low = _mm256_mullo_epi16(x, w), high = _mm256_mulhi_epi16(x, w);
    sum[0] = _mm256_add_epi32(sum[0], _mm256_unpacklo_epi16(low, high));
    sum[1] = _mm256_add_epi32(sum[1], _mm256_unpackhi_epi16(low, high));
}

static inline void add_to(int32_t *acc, __m256i v)
{
    __m256i *at = (__m256i *)(void *)acc;
    _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), v));
}

/* Eight channels, in 32 bits. */
static void run_eight(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                      bool unsigned_x, int32_t zero, int c)
{
    const __m256i offset = _mm256_set1_epi32(zero);
    __m256i sum = _mm256_setzero_si256();
    for (int t = 0; t < taps; t++) {
        __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(x[t] + c));
        __m256i wide = unsigned_x ? _mm256_cvtepu8_epi32(bytes) : _mm256_cvtepi8_epi32(bytes);
        __m128i weights = _mm_loadu_si128((const __m128i *)(const void *)(w[t] + c));
        wide = _mm256_mullo_epi32(_mm256_sub_epi32(wide, offset), _mm256_cvtepi16_epi32(weights));
        sum = _mm256_add_epi32(sum, wide);
    }
    add_to(acc + c, sum);
}

void rt_dwconv_s8__avx2(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                        bool unsigned_x, int32_t zero, int n)
{
    const __m256i offset = _mm256_set1_epi16((int16_t)zero);
    int c = 0;
    for (; c + LANES <= n; c += LANES) {
        __m256i sum[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
        for (int t = 0; t < taps; t++) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(x[t] + c));
            __m256i wide = unsigned_x ? _mm256_cvtepu8_epi16(bytes) : _mm256_cvtepi8_epi16(bytes);
            __m256i weights = _mm256_loadu_si256((const __m256i *)(const void *)(w[t] + c));
            add_tap(sum, _mm256_sub_epi16(wide, offset), weights);
        }
        add_to(acc + c, _mm256_permute2x128_si256(sum[0], sum[1], 0x20));
        add_to(acc + c + 8, _mm256_permute2x128_si256(sum[0], sum[1], 0x31));
    }
    if (c + LANES / 2 <= n) {
        run_eight(acc, x, w, taps, unsigned_x, zero, c);
        c += LANES / 2;
    }
    for (int t = 0; c < n && t < taps; t++) {
        const uint8_t *from = x[t] + c;
        const int16_t *weights = w[t] + c;
        rt_dwconv_s8__c(acc + c, &from, &weights, 1, unsigned_x, zero, n - c);
    }
}
#endif
