/* wino_neon - the Winograd transforms in vectors of four floats. */
#include "nn/kernels/variants.h"

#if defined(__aarch64__) && !defined(NN_F64)

#include "nn/kernels/simd_neon.h"

#include "nn/kernels/wino_body.h"

void nn_kernels_wino_neon(nn_kernel_table *t)
{
    fill_wino(t);
}

#else

void nn_kernels_wino_neon(nn_kernel_table *t)
{
    (void)t;
}

#endif
