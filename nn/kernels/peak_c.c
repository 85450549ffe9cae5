/* peak_c - sixteen bytes at a time in the vectors of GNU C. */
#include "nn/kernels/peak.h"

#include <stdint.h>

#include "nn/kernels/simd_c.h"

#include "nn/kernels/peak_body.h"

typedef uint32_t vcode __attribute__((vector_size(16)));
enum { DOT_CHAINS = 8, DOT_OPS = 2 * DOT_CHAINS * 4 };

/* x -> a x + b modulo 2^32: what portable C does for a product of two codes. */
static void dot(size_t rounds)
{
    static volatile uint32_t factor = 3, offset = 7;
    const vcode a = { factor, factor, factor, factor }, b = a + offset;
    vcode acc[DOT_CHAINS];
    for (int i = 0; i < DOT_CHAINS; i++)
        acc[i] = a + (uint32_t)i;
    for (size_t r = 0; r < rounds; r++) {
        NN_UNROLL
        for (int i = 0; i < DOT_CHAINS; i++)
            acc[i] = acc[i] * a + b;
    }
    for (int i = 0; i < DOT_CHAINS; i++)
        nn_peak_sink = acc[i][i % 4];
}

void nn_peak_c(nn_peak_table *t)
{
    *t = (nn_peak_table){ .fma = { "c", PEAK_FMA_OPS, peak_fma }, .dot = { "c", DOT_OPS, dot } };
}
