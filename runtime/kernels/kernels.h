/* kernels - the table of integer inner loops: plain pointers and sizes, no model.
 *
 * Portable C fills every entry; a processor's variant overwrites what it improves, and gives the
 * same bits.  Everything computes modulo 2^32, as two's complement does, so the order of sums is
 * free.  The entries keep no state and know no threads. */
#ifndef OCTET_RUNTIME_KERNELS_KERNELS_H
#define OCTET_RUNTIME_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/rt.h"

/* How accumulators become codes: out = clamp(requant(acc, mult, shift) + zero, lo, hi), rounding
 * twice; mult and shift per channel (runtime/requant.h).  zero, lo and hi are of the output's own
 * type, int8 or uint8; the code's low byte is stored. */
typedef struct rt_requant_rows {
    const int32_t *mult, *shift;
    int32_t zero, lo, hi;
} rt_requant_rows;

/* Sum of two quantized tensors: out = clamp(requant(A + B, out) + zero, lo, hi) with
 * A = requant((a - zero_a) << 20, a); see runtime/ops/add.c.  Codes are bytes of int8 or, with flip
 * 0x80, uint8: code = (int8)(byte ^ flip), and the zero points and bounds are shifted likewise. */
typedef struct rt_add_params {
    int32_t mult_a, shift_a, mult_b, shift_b, mult, shift; /* shifts <= 0 */
    int32_t zero_a, zero_b, zero, lo, hi;
    uint8_t flip;
} rt_add_params;

struct rt_kernels {
    const char *name;

    /* gemm: acc[r][c] = bias[c] + sum over k of a[r][k] * w[c][k], for rows x n accumulators.
     *   a       rows of k bytes, lda bytes from one row to the next; int8 or, if unsigned_a, uint8
     *   w       int8; as gemm_pack left it, or row-major [n][k] where gemm_bytes is NULL
     *   read    a row may be read up to k rounded up to 4; those bytes do not count
     *   acc     row-major, n to a row */
    bool unsigned_a;
    size_t (*gemm_bytes)(int n, int k);
    void (*gemm_pack)(void *packed, const int8_t *w, int n, int k);
    void (*gemm)(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n, int k,
                 const int32_t *bias);

    /* One row of n accumulators to codes. */
    void (*requant)(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);

    /* acc[c] += sum over taps t of (x[t][c] - zero) * w[t][c], for n channels of a depthwise
     * convolution; x is int8 or (unsigned_x) uint8, zero is of its type, w is less its own zero
     * point. */
    void (*dwconv)(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                   bool unsigned_x, int32_t zero, int n);

    /* out[i] from a[i] and b[i]. */
    void (*add)(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, const rt_add_params *p);
};

const rt_kernels *rt_kernels_c(void);

/* The difference instead of the sum; rare enough to have no variants. */
void rt_sub_s8(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, const rt_add_params *p);

/* Tables for processors, in rising order; each is there only where the compiler's target has it. */
#if defined(__x86_64__)
const rt_kernels *rt_kernels_avx2(void);
const rt_kernels *rt_kernels_avx512vnni(void);
#endif

#endif
