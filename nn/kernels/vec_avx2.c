/* vec_avx2 - the vector kernels, compiled for AVX2. */
#include "nn/kernels/variants.h"

#if defined(__AVX2__) && !defined(NN_F64)

#include "nn/kernels/vec_body.h"

void nn_kernels_vec_avx2(nn_kernel_table *t)
{
    fill(t);
}

#else

void nn_kernels_vec_avx2(nn_kernel_table *t)
{
    (void)t;
}

#endif
