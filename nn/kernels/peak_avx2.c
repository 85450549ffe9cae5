/* peak_avx2 - eight floats, or sixteen codes widened to 16 bits. */
#include "nn/kernels/peak.h"

#if defined(__AVX2__) && !defined(NN_F64)

#include "nn/base/real.h"
#include "nn/kernels/simd_avx2.h"

#include "nn/kernels/peak_body.h"

enum { DOT_CHAINS = 8, DOT_OPS = 2 * DOT_CHAINS * 16 };

/* acc += pairs of a b: two products and their sum in each of eight lanes.  The empty statement
 * makes a new as far as the compiler knows, or the product would leave the loop. */
static void dot(size_t rounds)
{
    static volatile short code = 3;
    __m256i a = _mm256_set1_epi16(code), acc[DOT_CHAINS];
    const __m256i b = _mm256_set1_epi16(code);
    for (int i = 0; i < DOT_CHAINS; i++)
        acc[i] = _mm256_set1_epi32(i);
    for (size_t r = 0; r < rounds; r++) {
        NN_UNROLL
        for (int i = 0; i < DOT_CHAINS; i++) {
            __asm__ volatile("" : "+x"(a));
            acc[i] = _mm256_add_epi32(acc[i], _mm256_madd_epi16(a, b));
        }
    }
    for (int i = 0; i < DOT_CHAINS; i++)
        nn_peak_sink = _mm256_extract_epi32(acc[i], 0);
}

void nn_peak_avx2(nn_peak_table *t)
{
    *t = (nn_peak_table){ .fma = { "avx2", PEAK_FMA_OPS, peak_fma },
                          .dot = { "avx2", DOT_OPS, dot } };
}

#else

void nn_peak_avx2(nn_peak_table *t)
{
    (void)t;
}

#endif
