/* x86 - the entries of the tables for AVX2 and AVX-512-VNNI.  Each is defined in the file whose
 * name ends in its instruction set, and is bit-equal to the portable one. */
#ifndef OCTET_RUNTIME_KERNELS_X86_H
#define OCTET_RUNTIME_KERNELS_X86_H

#include "runtime/kernels/kernels.h"

/* A few bytes in one instruction: a freestanding memcpy would be a call. */
#define RT_MOVE(to, from, bytes) __builtin_memcpy(to, from, bytes)

size_t rt_gemm_s8_bytes__avx2(int n, int k);
void rt_gemm_s8_pack__avx2(void *packed, const int8_t *w, int n, int k);
void rt_gemm_s8__avx2(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n,
                      int k, const int32_t *bias);
void rt_requant_s8__avx2(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);
void rt_add_s8__avx2(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                     const rt_add_params *p);
void rt_dwconv_s8__avx2(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                        bool unsigned_x, int32_t zero, int n);

/* The left operand is uint8 here. */
size_t rt_gemm_s8_bytes__avx512vnni(int n, int k);
void rt_gemm_s8_pack__avx512vnni(void *packed, const int8_t *w, int n, int k);
void rt_gemm_s8__avx512vnni(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n,
                            int k, const int32_t *bias);

#endif
