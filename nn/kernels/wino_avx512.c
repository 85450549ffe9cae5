/* wino_avx512 - the Winograd transforms in vectors of sixteen floats. */
#include "nn/kernels/variants.h"

#if defined(__AVX512F__) && !defined(NN_F64)

#include "nn/kernels/simd_avx512.h"

#include "nn/kernels/wino_body.h"

void nn_kernels_wino_avx512(nn_kernel_table *t)
{
    fill_wino(t);
}

#else

void nn_kernels_wino_avx512(nn_kernel_table *t)
{
    (void)t;
}

#endif
