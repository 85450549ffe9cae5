/* dwconv_neon - depthwise correlation and its weight gradient, four channels at a time. */
#include "nn/kernels/variants.h"

#if defined(__aarch64__) && !defined(NN_F64)

#include "nn/kernels/simd_neon.h"

#include "nn/kernels/dwconv_body.h"

void nn_kernels_dwconv_neon(nn_kernel_table *t)
{
    t->dw_tile = dw_tile_all;
    t->dw_grad = dw_grad_all;
}

#else

void nn_kernels_dwconv_neon(nn_kernel_table *t)
{
    (void)t;
}

#endif
