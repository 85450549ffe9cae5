/* arm - the entries of the tables for AArch64: NEON, and NEON with the dot product.  Each is
 * defined in the file whose name ends in its instruction set, and is bit-equal to the portable
 * one. */
#ifndef OCTET_RUNTIME_KERNELS_ARM_H
#define OCTET_RUNTIME_KERNELS_ARM_H

#include "runtime/kernels/kernels.h"

/* The left operand is int16 here, */
void rt_load__neon(void *to, const uint8_t *from, size_t n, uint8_t flip);
size_t rt_pack_bytes__neon(int n, int runs, int k);
void rt_pack__neon(void *packed, const int8_t *w, int n, int runs, int k);
void rt_product__neon(const rt_product *p);
void rt_wino__neon(const rt_wino *p);
void rt_requant_s8__neon(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);
void rt_add_s8__neon(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                     const rt_add_params *p);
void rt_dwconv_s8__neon(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                        bool unsigned_x, int32_t zero, int n);

/* and int8 here. */
size_t rt_pack_bytes__neondot(int n, int runs, int k);
void rt_pack__neondot(void *packed, const int8_t *w, int n, int runs, int k);
void rt_product__neondot(const rt_product *p);

#endif
