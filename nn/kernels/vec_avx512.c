/* vec_avx512 - the vector kernels, compiled for AVX512. */
#include "nn/kernels/variants.h"

#if defined(__AVX512F__) && !defined(NN_F64)

#include "nn/kernels/simd_avx512.h"
#include "nn/kernels/vec_body.h"
#include "nn/kernels/vec_simd_body.h"

void nn_kernels_vec_avx512(nn_kernel_table *t)
{
    fill(t);
    fill_simd(t);
}

#else

void nn_kernels_vec_avx512(nn_kernel_table *t)
{
    (void)t;
}

#endif
