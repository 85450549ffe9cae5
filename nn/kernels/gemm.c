#include "nn/kernels/gemm.h"

#include <string.h>

enum {
    MOST_ROWS = 16,       /* of any variant's tile */
    B_BLOCK = 128 * 1024, /* elements of b that are used on all rows before the next ones: half of
                              a 1 MB second-level cache */
    NEAR = 512,           /* steps of a tile's rows in a copy, ... */
    NEAR_GAP = 16,        /* a cache line apart */
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Cuts n into equal pieces of at most `most`: where piece i begins. */
static int cut(int n, int pieces, int i)
{
    return (int)((long long)n * i / pieces);
}

static int count_pieces(int n, int most)
{
    return (n + most - 1) / most;
}

int nn_gemm_panels(int n)
{
    return count_pieces(n, nn_kernel.gemm_n);
}

/* to[s][j] = from[s * step + j * column] for one run of a panel, a few steps at a time: where
 * columns lie pages apart, each is read by the cache line. */
static void pack_run(nn_real *to, int width, const nn_real *from, int len, ptrdiff_t step,
                     ptrdiff_t column)
{
    enum { STEPS = 16 };
    if (column == 1) {
        for (int s = 0; s < len; s++)
            memcpy(to + (ptrdiff_t)s * width, from + s * step, (size_t)width * sizeof *to);
        return;
    }
    for (int s0 = 0; s0 < len; s0 += STEPS) {
        const int s1 = smaller(len, s0 + STEPS);
        for (int j = 0; j < width; j++)
            for (int s = s0; s < s1; s++)
                to[(ptrdiff_t)s * width + j] = from[s * step + j * column];
    }
}

void nn_gemm_pack(nn_real *packed, const nn_gemm_source *b, int first, int last)
{
    const size_t k = (size_t)b->runs * (size_t)b->len;
    for (int p = first; p < last; p++) {
        const int j0 = p * nn_kernel.gemm_n, width = smaller(nn_kernel.gemm_n, b->n - j0);
        nn_real *to = packed + k * (size_t)j0;
        for (int r = 0; r < b->runs; r++, to += (ptrdiff_t)b->len * width)
            pack_run(to, width, b->src + b->src_run[r] + j0 * b->src_column, b->len, b->src_step,
                     b->src_column);
    }
}

/* One tile: rows [i0, i1), columns [j0, j0 + width). */
static void multiply(const nn_gemm *g, int i0, int i1, int j0, int width)
{
    nn_real *c[MOST_ROWS];
    for (int i = i0; i < i1; i++)
        c[i - i0] = g->c[i] + j0;
    for (int r = 0; r < g->runs; r++)
        g->b_run[r] = (ptrdiff_t)r * g->len * width;
    const nn_gemm_tile t = {
        .m = i1 - i0,
        .n = width,
        .runs = g->runs,
        .len = g->len,
        .a = g->a + i0,
        .a_run = g->a_run,
        .a_step = 1,
        .b = g->b + (size_t)g->runs * (size_t)g->len * (size_t)j0,
        .b_run = g->b_run,
        .b_step = width,
        .bias = g->bias ? g->bias + j0 : NULL,
        .add = g->add,
        .c = c,
    };
    nn_kernel.gemm_tile(&t);
}

/* Rows whose distance is a multiple of 4 KB share the sets of the first-level cache, and a tile of
 * them would evict itself at every step. */
static bool rows_collide(const nn_gemm *g)
{
    if (g->rows < 2 || g->runs != 1)
        return false;
    const ptrdiff_t distance = g->a[1] - g->a[0];
    return distance != 0 && distance * (ptrdiff_t)sizeof(nn_real) % 4096 == 0;
}

/* Columns [j0, j1) of the tile of rows [i0, i1), from copies of NEAR steps of the rows at a time.
 */
static void multiply_near(const nn_gemm *g, int i0, int i1, int j0, int j1)
{
    nn_real near[MOST_ROWS][NEAR + NEAR_GAP], *c[MOST_ROWS];
    const nn_real *a[MOST_ROWS];
    const ptrdiff_t zero = 0;
    for (int i = i0; i < i1; i++)
        a[i - i0] = near[i - i0];
    for (int k = 0; k < g->len; k += NEAR) {
        const int len = smaller(NEAR, g->len - k);
        for (int i = i0; i < i1; i++)
            memcpy(near[i - i0], g->a[i] + g->a_run[0] + k, (size_t)len * sizeof(nn_real));
        for (int j = j0; j < j1; j += nn_kernel.gemm_n) {
            const int width = smaller(nn_kernel.gemm_n, j1 - j);
            for (int i = i0; i < i1; i++)
                c[i - i0] = g->c[i] + j;
            nn_kernel.gemm_tile(&(nn_gemm_tile){
                .m = i1 - i0,
                .n = width,
                .runs = 1,
                .len = len,
                .a = a,
                .a_run = &zero,
                .a_step = 1,
                .b = g->b + (size_t)g->len * (size_t)j + (size_t)k * (size_t)width,
                .b_run = &zero,
                .b_step = width,
                .bias = g->bias ? g->bias + j : NULL,
                .add = g->add || k > 0,
                .c = c,
            });
        }
    }
}

/* Columns a block of b: as many whole panels as fit B_BLOCK, at least one. */
static int block_columns(const nn_gemm *g)
{
    const size_t k = (size_t)g->runs * (size_t)g->len + 1;
    const size_t panels = B_BLOCK / (k * (size_t)nn_kernel.gemm_n);
    return (int)(panels < 1 ? 1 : panels) * nn_kernel.gemm_n;
}

void nn_gemm_rows(const nn_gemm *g)
{
    const int tiles = count_pieces(g->rows, nn_kernel.gemm_m), block = block_columns(g);
    const bool collide = rows_collide(g);
    for (int j0 = 0; j0 < g->n; j0 += block) {
        const int j1 = smaller(g->n, j0 + block);
        for (int t = 0; t < tiles; t++) {
            const int i0 = cut(g->rows, tiles, t), i1 = cut(g->rows, tiles, t + 1);
            if (collide)
                multiply_near(g, i0, i1, j0, j1);
            for (int j = j0; !collide && j < j1; j += nn_kernel.gemm_n)
                multiply(g, i0, i1, j, smaller(nn_kernel.gemm_n, j1 - j));
        }
    }
}

/* ---- columns ------------------------------------------------------------------------------- */

static void accumulate(const nn_gemm_outer *g, int i0, int i1, int j0, int j1)
{
    const nn_real *a[MOST_ROWS];
    nn_real *c[MOST_ROWS];
    for (int i = i0; i < i1; i++) {
        a[i - i0] = g->a + i;
        c[i - i0] = g->c + i * g->c_step + j0;
    }
    const nn_gemm_tile t = {
        .m = i1 - i0,
        .n = j1 - j0,
        .runs = g->runs,
        .len = g->len,
        .a = a,
        .a_run = g->a_run,
        .a_step = g->a_step,
        .b = g->b + j0,
        .b_run = g->b_run,
        .b_step = g->b_step,
        .add = g->add,
        .c = c,
    };
    nn_kernel.gemm_tile(&t);
}

void nn_gemm_columns(const nn_gemm_outer *g)
{
    const int tiles = count_pieces(g->m, nn_kernel.gemm_m);
    for (int j = 0; j < g->n; j += nn_kernel.gemm_n)
        for (int t = 0; t < tiles; t++)
            accumulate(g, cut(g->m, tiles, t), cut(g->m, tiles, t + 1), j,
                       smaller(g->n, j + nn_kernel.gemm_n));
}
