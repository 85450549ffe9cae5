/* peak_avx512vnni - sixty-four codes. */
#include "nn/kernels/peak.h"

#if defined(__AVX512VNNI__) && !defined(NN_F64)

#include <immintrin.h>

#include "nn/kernels/simd.h"

enum { DOT_CHAINS = 12, DOT_OPS = 2 * DOT_CHAINS * 64 };

/* acc += four products of uint8 and int8 in each of sixteen lanes. */
static void dot(size_t rounds)
{
    static volatile char code = 3;
    const __m512i a = _mm512_set1_epi8(code), b = _mm512_set1_epi8(code);
    __m512i acc[DOT_CHAINS];
    for (int i = 0; i < DOT_CHAINS; i++)
        acc[i] = _mm512_set1_epi32(i);
    for (size_t r = 0; r < rounds; r++) {
        NN_UNROLL
        for (int i = 0; i < DOT_CHAINS; i++)
            acc[i] = _mm512_dpbusd_epi32(acc[i], a, b);
    }
    for (int i = 0; i < DOT_CHAINS; i++)
        nn_peak_sink = _mm_cvtsi128_si32(_mm512_castsi512_si128(acc[i]));
}

void nn_peak_avx512vnni(nn_peak_table *t)
{
    t->dot = (nn_peak_loop){ "avx512vnni", DOT_OPS, dot };
}

#else

void nn_peak_avx512vnni(nn_peak_table *t)
{
    (void)t;
}

#endif
