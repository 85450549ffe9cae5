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
    bool narrow; /* every shift in [-31, 0], every accumulator within +-2^30: no need to saturate */
} rt_requant_rows;

/* Sum of two quantized tensors: out = clamp(requant(A + B, out) + zero, lo, hi) with
 * A = requant((a - zero_a) << 20, a); see runtime/ops/add.c.  Codes are bytes of int8 or, with flip
 * 0x80, uint8: code = (int8)(byte ^ flip), and the zero points and bounds are shifted likewise. */
typedef struct rt_add_params {
    int32_t mult_a, shift_a, mult_b, shift_b, mult, shift; /* shifts <= 0 */
    int32_t zero_a, zero_b, zero, lo, hi;
    uint8_t flip;
} rt_add_params;

/* Patches times weights, for rows x pixels output pixels and n channels:
 *
 *   acc[y][x][c] = bias[c] + sum over r < runs, i < k of a[y a_row + x a_step + r a_run + i]
 * w[c][r][i]
 *
 * Elements of `a` are what rt_kernels.load makes.  A run may be read up to 4 elements past its end;
 * those do not count. */
typedef struct rt_product {
    const void *a;
    size_t a_row, a_step, a_run; /* elements from one row of pixels, pixel, run to the next */
    int runs, k, rows, pixels, n;
    const void *w; /* as pack left them, or [n][runs][k] if the table has no pack */
    const int32_t *bias;
    int32_t *acc; /* not NULL: the accumulators, [rows][pixels][n], are the result */
    uint8_t *out; /* else codes */
    size_t out_row, out_step;
    const rt_requant_rows *requant;
} rt_product;

/* Rows of output pixels of a depthwise convolution:
 *
 *   acc[y][x][c] = bias[c] + sum of in[y in_step + ky][x stride + kx dilation - pad][c]
 * w[ky][kx][c]
 *
 * with the byte `fill` outside the image. */
typedef struct rt_dwrow {
    const uint8_t *const *in; /* rows of in_w pixels; NULL: outside the image */
    int rows, in_step, in_w, channels, k_h, k_w, stride, dilation, pad, pixels;
    uint8_t fill, flip;             /* bytes as they are in the tensor; as in rt_kernels.load */
    const void *w;                  /* as dw_pack left them */
    const int32_t *bias;            /* for dw_pack: they become a part of w */
    uint8_t *out;                   /* row after row */
    const rt_requant_rows *requant; /* narrow */
    void *scratch;                  /* dw_scratch bytes at a multiple of 64 */
} rt_dwrow;

typedef struct rt_wino rt_wino;

struct rt_kernels {
    const char *name;

    /* The left operand of `product`: elements of a_bytes bytes.  Codes are int8 or, if unsigned_a,
     * uint8.  load makes elements of n bytes of a tensor, each ^ flip. */
    bool unsigned_a;
    int a_bytes;
    void (*load)(void *to, const uint8_t *from, size_t n, uint8_t flip);

    /* product: weights are int8.  pack_bytes is that of whole panels, so that the weights of a
     * multiple of RT_PANEL channels c begin at byte pack_bytes(c, ...). */
    size_t (*pack_bytes)(int n, int runs, int k);
    void (*pack)(void *packed, const int8_t *w, int n, int runs, int k);
    void (*product)(const rt_product *p);

    /* A block of a 3x3 convolution by Winograd (runtime/kernels/wino.h); NULL: none. */
    void (*wino)(const rt_wino *p);

    /* One row of n accumulators to codes. */
    void (*requant)(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p);

    /* Whole rows of a depthwise convolution with one filter a channel; NULL: tap by tap, with
     * dwconv and requant. */
    size_t (*dw_bytes)(const rt_dwrow *shape);
    void (*dw_pack)(void *packed, const int8_t *w, const rt_dwrow *shape);
    size_t (*dw_scratch)(const rt_dwrow *d);
    void (*dw_rows)(const rt_dwrow *d);

    /* acc[c] += sum over taps t of (x[t][c] - zero) * w[t][c], for n channels of a depthwise
     * convolution; x is int8 or (unsigned_x) uint8, zero is of its type, w is less its own zero
     * point. */
    void (*dwconv)(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                   bool unsigned_x, int32_t zero, int n);

    /* Over rows of n channels, `step` bytes apart: sums[c] += x[r][c], of int8 or uint8; and
     * most[c] = the largest of most[c] and x[r][c], all int8 or, with flip 0x80, uint8. */
    void (*sum)(int32_t *sums, const uint8_t *x, size_t rows, size_t step, int n, bool unsigned_x);
    void (*max)(uint8_t *most, const uint8_t *x, size_t rows, size_t step, int n, uint8_t flip);

    /* out[i] from a[i] and b[i]. */
    void (*add)(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, const rt_add_params *p);
};

enum { RT_PANEL = 32 }; /* channels that work may be cut at */

const rt_kernels *rt_kernels_c(void);

/* The difference instead of the sum; rare enough to have no variants. */
void rt_sub_s8(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, const rt_add_params *p);

/* Tables for processors, in rising order; each is there only where the compiler's target has it. */
#if defined(__x86_64__)
const rt_kernels *rt_kernels_avx2(void);
const rt_kernels *rt_kernels_avxvnni(void);
const rt_kernels *rt_kernels_avx512vnni(void);
#elif defined(__aarch64__)
const rt_kernels *rt_kernels_neon(void);
const rt_kernels *rt_kernels_neondot(void);
#endif

#endif
