/* vec_avx2 - the vector kernels, compiled for AVX2. */
#include "nn/kernels/variants.h"

#if defined(__AVX2__) && !defined(NN_F64)

#include "nn/kernels/simd_avx2.h"
#include "nn/kernels/vec_body.h"
#include "nn/kernels/vec_simd_body.h"

void nn_kernels_vec_avx2(nn_kernel_table *t)
{
    fill(t);
    fill_simd(t);
}

#else

void nn_kernels_vec_avx2(nn_kernel_table *t)
{
    (void)t;
}

#endif
