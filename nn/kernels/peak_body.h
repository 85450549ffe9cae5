/* peak_body - the loop of fused multiply-adds in vectors; included by peak_<isa>.c after its simd
 * header.
 *
 * Twelve chains: a multiply-add takes four cycles and two begin in each (Zen, Intel since Haswell),
 * so eight would just do; with the two operands they fit into 16 registers. */
#ifndef OCTET_NN_KERNELS_PEAK_BODY_H
#define OCTET_NN_KERNELS_PEAK_BODY_H

#include <stddef.h>

enum { PEAK_CHAINS = 12, PEAK_REPEATS = 8, PEAK_FMA_OPS = 2 * PEAK_CHAINS * PEAK_REPEATS * VL };

/* x -> 0.999 x + 0.001 stays in [0, 1]; compilers do not see the numbers. */
static void peak_fma(size_t rounds)
{
    static volatile float factor = 0.999f, offset = 0.001f;
    const vreal a = v_all(factor), b = v_all(offset);
    vreal acc[PEAK_CHAINS];
    nn_real kept[VL];
    for (int i = 0; i < PEAK_CHAINS; i++)
        acc[i] = v_all((nn_real)i * factor);
    for (size_t r = 0; r < rounds; r++) {
        NN_UNROLL
        for (int k = 0; k < PEAK_REPEATS; k++) {
            NN_UNROLL
            for (int i = 0; i < PEAK_CHAINS; i++)
                acc[i] = v_fma(acc[i], a, b);
        }
    }
    for (int i = 0; i < PEAK_CHAINS; i++) {
        v_store(kept, acc[i]);
        nn_peak_sink = kept[i % VL];
    }
}

#endif
