/* wino_c - the Winograd transforms, for processors without a variant of their own. */
#include "nn/kernels/variants.h"

#include "nn/kernels/simd_c.h"

#include "nn/kernels/wino_body.h"

void nn_kernels_wino_c(nn_kernel_table *t)
{
    fill_wino(t);
}
