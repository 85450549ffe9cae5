/* portable - the table's entries in plain C, for the tables that do not replace one. */
#ifndef OCTET_RUNTIME_KERNELS_PORTABLE_H
#define OCTET_RUNTIME_KERNELS_PORTABLE_H

#include "runtime/kernels/kernels.h"

void rt_load__c(void *to, const uint8_t *from, size_t n, uint8_t flip);
size_t rt_pack_bytes__c(int n, int runs, int k);
void rt_product__c(const rt_product *p);
void rt_requant_s8__c(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);
void rt_dwconv_s8__c(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                     bool unsigned_x, int32_t zero, int n);
void rt_sum_s8__c(int32_t *sums, const uint8_t *x, size_t rows, size_t step, int n,
                  bool unsigned_x);
void rt_max_s8__c(uint8_t *most, const uint8_t *x, size_t rows, size_t step, int n, uint8_t flip);
void rt_add_s8__c(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                  const rt_add_params *p);

#endif
