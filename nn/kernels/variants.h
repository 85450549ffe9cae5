/* variants - the functions that fill the kernel table, one per <family>_<isa>.c.
 *
 * Each overwrites the entries it has.  The Makefile compiles a file with the instructions that its
 * name ends in; on a processor of another kind, and in the double build, it leaves the table alone.
 */
#ifndef OCTET_NN_KERNELS_VARIANTS_H
#define OCTET_NN_KERNELS_VARIANTS_H

#include "nn/kernels/kernels.h"

void nn_kernels_gemm_c(nn_kernel_table *t);
void nn_kernels_gemm_avx2(nn_kernel_table *t);
void nn_kernels_gemm_avx512(nn_kernel_table *t);
void nn_kernels_gemm_neon(nn_kernel_table *t);

void nn_kernels_dwconv_c(nn_kernel_table *t);
void nn_kernels_dwconv_avx2(nn_kernel_table *t);
void nn_kernels_dwconv_avx512(nn_kernel_table *t);
void nn_kernels_dwconv_neon(nn_kernel_table *t);

void nn_kernels_wino_c(nn_kernel_table *t);
void nn_kernels_wino_avx2(nn_kernel_table *t);
void nn_kernels_wino_avx512(nn_kernel_table *t);
void nn_kernels_wino_neon(nn_kernel_table *t);

void nn_kernels_vec_c(nn_kernel_table *t);
void nn_kernels_vec_avx2(nn_kernel_table *t);
void nn_kernels_vec_avx512(nn_kernel_table *t);

#endif
