/* dwconv_c - depthwise correlation and its weight gradient, sixteen bytes of channels at a time. */
#include "nn/kernels/variants.h"

#include "nn/kernels/simd_c.h"

#include "nn/kernels/dwconv_body.h"

void nn_kernels_dwconv_c(nn_kernel_table *t)
{
    t->dw_tile = dw_tile_all;
    t->dw_grad = dw_grad_all;
}
