/* vec_c - the vector kernels, compiled for the base instruction set. */
#include "nn/kernels/variants.h"

#include "nn/kernels/vec_body.h"

void nn_kernels_vec_c(nn_kernel_table *t)
{
    fill(t);
}
