/* peak_avx512 - sixteen floats. */
#include "nn/kernels/peak.h"

#if defined(__AVX512F__) && !defined(NN_F64)

#include "nn/base/real.h"
#include "nn/kernels/simd_avx512.h"

#include "nn/kernels/peak_body.h"

void nn_peak_avx512(nn_peak_table *t)
{
    t->fma = (nn_peak_loop){ "avx512", PEAK_FMA_OPS, peak_fma };
}

#else

void nn_peak_avx512(nn_peak_table *t)
{
    (void)t;
}

#endif
