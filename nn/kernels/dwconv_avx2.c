/* dwconv_avx2 - depthwise correlation and its weight gradient, eight channels at a time. */
#include "nn/kernels/variants.h"

#if defined(__AVX2__) && !defined(NN_F64)

#include "nn/kernels/simd_avx2.h"

#include "nn/kernels/dwconv_body.h"

void nn_kernels_dwconv_avx2(nn_kernel_table *t)
{
    t->dw_tile = dw_tile_all;
    t->dw_grad = dw_grad_all;
}

#else

void nn_kernels_dwconv_avx2(nn_kernel_table *t)
{
    (void)t;
}

#endif
