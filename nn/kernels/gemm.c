#include "nn/kernels/gemm.h"

enum {
    MOST_ROWS = 16,       /* of any variant's tile */
    B_BLOCK = 128 * 1024, /* elements of b that are used on all rows before the next ones: half of
                              a 1 MB second-level cache */
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

static void pack_panel(nn_real *to, const nn_gemm_source *b, int j0, int width)
{
    for (int r = 0; r < b->runs; r++) {
        const nn_real *from = b->src + b->src_run[r] + j0 * b->src_column;
        for (int s = 0; s < b->len; s++, from += b->src_step)
            for (int j = 0; j < width; j++)
                *to++ = from[j * b->src_column];
    }
}

void nn_gemm_pack(nn_real *packed, const nn_gemm_source *b, int first, int last)
{
    const size_t k = (size_t)b->runs * (size_t)b->len;
    for (int p = first; p < last; p++) {
        const int j0 = p * nn_kernel.gemm_n;
        pack_panel(packed + k * (size_t)j0, b, j0, smaller(nn_kernel.gemm_n, b->n - j0));
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
    for (int j0 = 0; j0 < g->n; j0 += block) {
        const int j1 = smaller(g->n, j0 + block);
        for (int t = 0; t < tiles; t++)
            for (int j = j0; j < j1; j += nn_kernel.gemm_n)
                multiply(g, cut(g->rows, tiles, t), cut(g->rows, tiles, t + 1), j,
                         smaller(nn_kernel.gemm_n, j1 - j));
    }
}

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
