/* x86 - the entries of the tables for AVX2, AVX-VNNI and AVX-512-VNNI.  Each is defined in the file
 * whose name ends in its instruction set, and is bit-equal to the portable one. */
#ifndef OCTET_RUNTIME_KERNELS_X86_H
#define OCTET_RUNTIME_KERNELS_X86_H

#include "runtime/kernels/kernels.h"

/* A few bytes in one instruction: a freestanding memcpy would be a call. */
#define RT_MOVE(to, from, bytes) __builtin_memcpy(to, from, bytes)

/* The left operand is int16 here, */
void rt_load__avx2(void *to, const uint8_t *from, size_t n, uint8_t flip);
size_t rt_pack_bytes__avx2(int n, int runs, int k);
void rt_pack__avx2(void *packed, const int8_t *w, int n, int runs, int k);
void rt_product__avx2(const rt_product *p);
void rt_wino__avx2(const rt_wino *p);
void rt_requant_s8__avx2(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);
void rt_add_s8__avx2(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                     const rt_add_params *p);
void rt_dwconv_s8__avx2(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                        bool unsigned_x, int32_t zero, int n);
void rt_sum_s8__avx2(int32_t *sums, const uint8_t *x, size_t rows, size_t step, int n,
                     bool unsigned_x);
void rt_max_s8__avx2(uint8_t *most, const uint8_t *x, size_t rows, size_t step, int n,
                     uint8_t flip);

/* and uint8 here. */
void rt_load__avxvnni(void *to, const uint8_t *from, size_t n, uint8_t flip);
size_t rt_pack_bytes__avxvnni(int n, int runs, int k);
void rt_pack__avxvnni(void *packed, const int8_t *w, int n, int runs, int k);
void rt_product__avxvnni(const rt_product *p);

void rt_load__avx512vnni(void *to, const uint8_t *from, size_t n, uint8_t flip);
size_t rt_pack_bytes__avx512vnni(int n, int runs, int k);
void rt_pack__avx512vnni(void *packed, const int8_t *w, int n, int runs, int k);
void rt_product__avx512vnni(const rt_product *p);
size_t rt_dw_bytes__avx512vnni(const rt_dwrow *shape);
void rt_dw_pack__avx512vnni(void *packed, const int8_t *w, const rt_dwrow *shape);
size_t rt_dw_scratch__avx512vnni(const rt_dwrow *d);
void rt_dw_rows__avx512vnni(const rt_dwrow *d);
void rt_wino__avx512vnni(const rt_wino *p);
void rt_add_s8__avx512vnni(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                           const rt_add_params *p);

#endif
