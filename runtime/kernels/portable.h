/* portable - the table's entries in plain C, for the tables that do not replace one. */
#ifndef OCTET_RUNTIME_KERNELS_PORTABLE_H
#define OCTET_RUNTIME_KERNELS_PORTABLE_H

#include "runtime/kernels/kernels.h"

void rt_gemm_s8__c(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n, int k,
                   const int32_t *bias);
void rt_requant_s8__c(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);
void rt_dwconv_s8__c(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                     bool unsigned_x, int32_t zero, int n);
void rt_add_s8__c(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                  const rt_add_params *p);

#endif
