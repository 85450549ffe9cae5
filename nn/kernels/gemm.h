/* gemm - matrix products over tiles; no threads: an operator calls these for one chunk of its work.
 *
 * Matrices whose columns the reduction walks are packed (nn_gemm_pack); everything else is read
 * where it lies.  A long k is cut into blocks whose part of b stays in the second-level cache; a
 * tile goes on from what the block before left in c, so each result is still one chain from first
 * to last. */
#ifndef OCTET_NN_KERNELS_GEMM_H
#define OCTET_NN_KERNELS_GEMM_H

#include "nn/kernels/kernels.h"
#include "nn/kernels/simd.h"

/* B as the products below read it: panels of gemm_n columns (the last one narrower), each panel
 * [k][width] without gaps; so k * n elements in all, on any machine. */

/* Packs `runs` runs of `len` steps: element (run r, step s, column j) is src[src_run[r] +
 * s * src_step + j * src_column], where one of the two distances is 1.  Only the panels [first,
 * last) are written, so that threads can share the work; there are nn_gemm_panels(n). */
typedef struct nn_gemm_source {
    int n, runs, len;
    const nn_real *src;
    const ptrdiff_t *src_run;
    ptrdiff_t src_step, src_column;
} nn_gemm_source;

int nn_gemm_panels(int n);
void nn_gemm_pack(nn_real *packed, const nn_gemm_source *b, int first, int last);

/* Memory that the caller reads next: asked for a little at a time while tiles are computed, so that
 * it is near when its turn comes. */
typedef struct nn_span {
    const void *at;
    size_t bytes;
} nn_span;

enum { NN_SPANS = 2 };

/* Asks for part i of `parts` of it.  Inlined by force: gcc takes a function that only asks for one
 * without effect, and drops the call. */
NN_INLINE void nn_span_ask(nn_span s, int parts, int i)
{
    enum { LINE = 64 }; /* bytes */
    const char *from = s.at;
    const size_t lines = s.bytes / LINE, n = (size_t)parts, k = (size_t)i;
    for (size_t at = lines * k / n; at < lines * (k + 1) / n; at++)
        __builtin_prefetch(from + at * LINE, 0, 2);
}

/* c[i][j] = (add ? c[i][j] : bias ? bias[j] : 0) + sum over k of a[i][k] b[k][j], for all rows i,
 * j < n; k = (run, step), a[i] at a_run[r] + s, b packed.
 *
 * Rows come in lines of `per_line`, evenly spaced within a line: the pixels of an image's row.
 * The runs may be some of those that b holds. */
typedef struct nn_gemm {
    int lines, per_line, n, runs, len;
    int b_runs, b_first;     /* how many b holds (0: `runs`), and which of them is the first */
    const nn_real *const *a; /* [lines]: the first row of each */
    ptrdiff_t a_pitch;       /* from one row of a line to the next */
    const ptrdiff_t *a_run;  /* [runs] */
    const nn_real *b;
    ptrdiff_t *b_run; /* [runs], workspace */
    const nn_real *bias;
    bool add;
    nn_real *const *c; /* [lines] */
    ptrdiff_t c_pitch;
    nn_span ahead[NN_SPANS];
} nn_gemm;

void nn_gemm_rows(const nn_gemm *g);

/* c [m,n] = a [m,k] b, a and c without gaps, b packed, k so short that a tile needs no blocks of
 * it: the same sums with less to do for each tile. */
void nn_gemm_short(nn_real *c, const nn_real *a, const nn_real *b, int m, int n, int k);

/* c[i * c_step + j] (= or, with `add`, +=) sum over k of a[a_run[r] + s * a_step + i] *
 * b[b_run[r] + s * b_step + j]: both operands as they lie, k outermost (weight gradients). */
typedef struct nn_gemm_outer {
    int m, n, runs, len;
    const nn_real *a, *b;
    const ptrdiff_t *a_run, *b_run; /* [runs] */
    ptrdiff_t a_step, b_step, c_step;
    bool add;
    nn_real *c;
    nn_span ahead[NN_SPANS];
} nn_gemm_outer;

void nn_gemm_columns(const nn_gemm_outer *g);

#endif
