/* gemm - matrix products over tiles; no threads: an operator calls these for one chunk of its work.
 *
 * Matrices whose columns the reduction walks are packed (nn_gemm_pack); everything else is read
 * where it lies.  There is no blocking of k: a tile's accumulators hold one chain from first to
 * last, and the tiles are large enough that b can stream from the second-level cache. */
#ifndef OCTET_NN_KERNELS_GEMM_H
#define OCTET_NN_KERNELS_GEMM_H

#include "nn/kernels/kernels.h"

/* B as the products below read it: panels of gemm_n columns (the last one narrower), each panel
 * [k][width] without gaps; so k * n elements in all, on any machine. */

/* Packs `runs` runs of `len` steps: element (run r, step s, column j) is src[src_run[r] +
 * s * src_step + j * src_column].  Only the panels [first, last) are written, so that threads can
 * share the work; there are nn_gemm_panels(n). */
typedef struct nn_gemm_source {
    int n, runs, len;
    const nn_real *src;
    const ptrdiff_t *src_run;
    ptrdiff_t src_step, src_column;
} nn_gemm_source;

int nn_gemm_panels(int n);
void nn_gemm_pack(nn_real *packed, const nn_gemm_source *b, int first, int last);

/* c[i][j] = (add ? c[i][j] : bias ? bias[j] : 0) + sum over k of a[i][k] b[k][j], for i < rows,
 * j < n; k = (run, step), a[i] at a_run[r] + s, b packed. */
typedef struct nn_gemm {
    int rows, n, runs, len;
    const nn_real *const *a; /* [rows] */
    const ptrdiff_t *a_run;  /* [runs] */
    const nn_real *b;
    ptrdiff_t *b_run; /* [runs], workspace */
    const nn_real *bias;
    bool add;
    nn_real *const *c; /* [rows] */
} nn_gemm;

void nn_gemm_rows(const nn_gemm *g);

/* c[i * c_step + j] (= or, with `add`, +=) sum over k of a[a_run[r] + s * a_step + i] *
 * b[b_run[r] + s * b_step + j]: both operands as they lie, k outermost (weight gradients). */
typedef struct nn_gemm_outer {
    int m, n, runs, len;
    const nn_real *a, *b;
    const ptrdiff_t *a_run, *b_run; /* [runs] */
    ptrdiff_t a_step, b_step, c_step;
    bool add;
    nn_real *c;
} nn_gemm_outer;

void nn_gemm_columns(const nn_gemm_outer *g);

#endif
