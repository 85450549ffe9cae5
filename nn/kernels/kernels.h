/* kernels - the table of float kernels, filled once with what this processor has.
 *
 * A kernel knows pointers and sizes; it starts no threads and allocates nothing.  Activations are
 * NHWC.  Portable C comes first; nn_kernels_init overwrites entries by faster ones.
 *
 * Bits: in `gemm_tile`, `dw_tile` and `dw_grad` every result is ONE chain of fused multiply-adds in
 * the order that the comment states, and in `wino_spread` and `wino_gather` one fixed sequence of
 * operations, so all vector variants agree bit for bit.  Portable C multiplies and adds with two
 * roundings (a compiler without hardware FMA would call a slow function) and agrees within
 * K * 2^-23 * sum |a b|.  All other kernels use single operations, and sums in a fixed order: every
 * variant gives the same bits. */
#ifndef OCTET_NN_KERNELS_KERNELS_H
#define OCTET_NN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/base/real.h"
#include "nn/kernels/wino.h"

/* One tile of a matrix product, m x n:
 *
 *   c[i][j] = start + sum over runs r, steps s < len, in this order, of
 *             a[i][a_run[r] + s * a_step] * b[b_run[r] + s * b_step + j]
 *   start   = add ? c[i][j] : bias ? bias[j] : 0
 *
 * Rows of a and c are reached by pointers, the reduction index k = (r, s) by offsets: so one kernel
 * serves plain and transposed matrices, and convolutions that read their patches straight from an
 * image.  Elements of a, b, bias and c are touched for i < m, j < n only.  Where rows of a lie at
 * equal distances, `a_pitch` says so and spares the loop its pointers. */
typedef struct nn_gemm_tile {
    int m, n; /* 1..gemm_m, 1..gemm_n */
    int runs, len;
    const nn_real *const *a;
    ptrdiff_t a_pitch; /* a[i] = a[0] + i * a_pitch for all i < m; 0: they lie anywhere */
    const ptrdiff_t *a_run;
    ptrdiff_t a_step;
    const nn_real *b;
    const ptrdiff_t *b_run;
    ptrdiff_t b_step;
    const nn_real *bias; /* [n] or NULL */
    bool add;
    nn_real *const *c;
} nn_gemm_tile;

/* Depthwise correlation at some pixels, all channels:
 *
 *   y[i][c] = start + sum over taps t, in this order, of x[i][x_tap[t] + c] * w[w_tap[t] + c]
 *
 * with start as above.  (The input gradient is the same sum over dy.) */
typedef struct nn_dw_tile {
    int pixels, channels, taps;
    const nn_real *const *x;
    const ptrdiff_t *x_tap;
    const nn_real *w;
    const ptrdiff_t *w_tap;
    const nn_real *bias; /* [channels] or NULL */
    bool add;
    nn_real *const *y;
} nn_dw_tile;

/* Weight gradient of a depthwise correlation:
 *
 *   dw[t * channels + c] += sum over pixels i, in this order, of x[i][x_tap[t] + c] * dy[i][c] */
typedef struct nn_dw_grad {
    int pixels, channels, taps;
    const nn_real *const *x;
    const ptrdiff_t *x_tap;
    const nn_real *const *dy;
    nn_real *dw;
} nn_dw_grad;

/* The grid of a fake quantization: codes [qmin, qmax], value = scale * (code - zero_point). */
typedef struct nn_fq_grid {
    float scale, zero_point, qmin, qmax;
} nn_fq_grid;

typedef struct nn_kernel_table {
    const char *isa; /* of the matrix product: "c", "avx2", "avx512", "neon" */

    /* ---- matrix product and depthwise ---- */
    int gemm_m, gemm_n; /* largest tile */
    void (*gemm_tile)(const nn_gemm_tile *t);
    /* to[s * to_row + j] = from[j * from_row + s], s < steps, j < columns; no overlap. */
    void (*transpose)(nn_real *to, ptrdiff_t to_row, const nn_real *from, ptrdiff_t from_row,
                      int steps, int columns);
    void (*dw_tile)(const nn_dw_tile *t);
    void (*dw_grad)(const nn_dw_grad *t);

    /* ---- Winograd's transforms (nn/kernels/wino.h) ---- */
    /* planes[k * pitch + c], k < NN_WINO_PLANES, from patch p of x. */
    void (*wino_spread)(nn_real *planes, ptrdiff_t pitch, const nn_real *x, const nn_wino_patch *p,
                        nn_wino_spread what, int channels);
    /* Patch p of y (with `add` +=, else = bias, or 0 if that is NULL, +) from planes. */
    void (*wino_gather)(nn_real *y, const nn_wino_patch *p, const nn_real *planes, ptrdiff_t pitch,
                        nn_wino_gather what, const nn_real *bias, bool add, int channels);

    /* ---- vectors of n elements; y may be x (the same pointer, no other overlap) ---- */
    void (*add)(nn_real *y, const nn_real *a, const nn_real *b, size_t n);         /* y = a + b */
    void (*clamp)(nn_real *y, const nn_real *x, nn_real lo, nn_real hi, size_t n); /* keeps NaN */
    /* dx = dy where lo < x < hi, else 0; with `add` dx += that (ReLU: 0, inf; ReLU6: 0, 6). */
    void (*clamp_grad)(nn_real *dx, const nn_real *dy, const nn_real *x, nn_real lo, nn_real hi,
                       bool add, size_t n);
    /* Bit i of `pass` stays set where lo < x[i] < hi, `closed`: lo <= x[i] <= hi; else it is
     * cleared.  Bit i is bit i % 8 of byte i / 8; those after the last element are left alone. */
    void (*inside)(unsigned char *pass, const nn_real *x, nn_real lo, nn_real hi, bool closed,
                   size_t n);
    /* dx = dy where the bit of `pass` is set, else 0; with `add` dx += that.  dx may be dy. */
    void (*keep)(nn_real *dx, const nn_real *dy, const unsigned char *pass, bool add, size_t n);
    /* *lo = min(*lo, x), *hi = max(*hi, x); elements that are NaN are ignored. */
    void (*min_max)(const nn_real *x, size_t n, nn_real *lo, nn_real *hi);
    /* y = scale * (clamp(round(x / scale) + zero_point, qmin, qmax) - zero_point) in float,
     * rounding half away from zero: the codes of nn_affine_code (TFLite QUANTIZE).  NaN becomes
     * qmin. */
    void (*fake_quant)(nn_real *y, const nn_real *x, const nn_fq_grid *grid, size_t n);

    /* ---- rows of c channels ---- */
    /* sum[j] += x[i][j], and square[j] += x[i][j]^2 unless NULL, in double, rows in order. */
    void (*channel_sums)(double *sum, double *square, const nn_real *x, size_t rows, size_t c);
    /* sum[j] += a[i][j], dot[j] += a[i][j] * b[i][j], in double, rows in order. */
    void (*channel_dots)(double *sum, double *dot, const nn_real *a, const nn_real *b, size_t rows,
                         size_t c);
    /* lo[j] = min(lo[j], x[i][j]), hi[j] = max(hi[j], x[i][j]); NaN is ignored. */
    void (*channel_bounds)(nn_real *lo, nn_real *hi, const nn_real *x, size_t rows, size_t c);
    /* y[i][j] = x[i][j] * a[j] + b[j]; y may be x. */
    void (*channel_affine)(nn_real *y, const nn_real *x, const nn_real *a, const nn_real *b,
                           size_t rows, size_t c);
    /* dx[i][j] (= or, with `add`, +=) p[j] * dy[i][j] + q[j] * x[i][j] + r[j]: batch norm backward.
     * dx may be dy. */
    void (*channel_affine_grad)(nn_real *dx, const nn_real *dy, const nn_real *x, const nn_real *p,
                                const nn_real *q, const nn_real *r, bool add, size_t rows,
                                size_t c);
} nn_kernel_table;

/* The table in use.  Read-only outside nn/kernels; empty until nn_kernels_init. */
extern nn_kernel_table nn_kernel;

/* Fills the table by rt_cpu_flags(), unless it is filled so already: each new executor calls this,
 * and another may be running.  The first call, and the first one after rt_cpu_limit, belong where
 * no kernel runs. */
void nn_kernels_init(void);

#endif
