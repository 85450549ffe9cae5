/* wino_avx2 - the Winograd transforms in vectors of eight floats. */
#include "nn/kernels/variants.h"

#if defined(__AVX2__) && !defined(NN_F64)

#include "nn/kernels/simd_avx2.h"

#include "nn/kernels/wino_body.h"

void nn_kernels_wino_avx2(nn_kernel_table *t)
{
    fill_wino(t);
}

#else

void nn_kernels_wino_avx2(nn_kernel_table *t)
{
    (void)t;
}

#endif
