#include "nn/kernels/gemm.h"

#include <string.h>

#include "nn/kernels/simd.h"

enum {
    MOST_ROWS = 16,       /* of any variant's tile */
    B_BLOCK = 128 * 1024, /* elements of b that are used on all rows before the next ones: half of
                              a 1 MB second-level cache */
    K_BLOCK = 512,        /* steps of k at a time, where k is longer */
    NEAR_GAP = 16,        /* copied rows lie a cache line apart */
    LINE = 64,            /* bytes of a cache line */
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

/* to[s][j] = from[s * step + j * column] for one run of a panel. */
static void pack_run(nn_real *to, int width, const nn_real *from, int len, ptrdiff_t step,
                     ptrdiff_t column)
{
    if (column != 1)
        nn_kernel.transpose(to, width, from, column, len, width);
    for (int s = 0; column == 1 && s < len; s++)
        memcpy(to + (ptrdiff_t)s * width, from + s * step, (size_t)width * sizeof *to);
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

NN_INLINE void ask_ahead(const nn_span *ahead, int parts, int i)
{
    for (int n = 0; n < NN_SPANS; n++)
        nn_span_ask(ahead[n], parts, i);
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Consecutive steps of k: `runs` whole runs, or (runs = 1) a part of one. */
typedef struct k_block {
    int run, runs, step, len;
} k_block;

static k_block block_at(const nn_gemm *g, int run, int step)
{
    if (g->len > K_BLOCK)
        return (k_block){ run, 1, step, smaller(K_BLOCK, g->len - step) };
    const bool is_short = (long long)g->runs * g->len <= 2 * K_BLOCK;
    const int most = is_short ? g->runs : K_BLOCK / g->len;
    return (k_block){ run, smaller(g->runs - run, most), 0, g->len };
}

/* Columns a block of b: as many whole panels as fit B_BLOCK, at least one. */
static int block_columns(const k_block *k)
{
    const size_t steps = (size_t)k->runs * (size_t)k->len + 1;
    const size_t panels = B_BLOCK / (steps * (size_t)nn_kernel.gemm_n);
    return (int)(panels < 1 ? 1 : panels) * nn_kernel.gemm_n;
}

/* How rows are cut into tiles: each line by itself, if that leaves tiles high enough; else across
 * lines. */
typedef struct row_tiles {
    int each; /* tiles of a line; 0: across */
    int count;
} row_tiles;

static row_tiles cut_rows(const nn_gemm *g)
{
    const int most = nn_kernel.gemm_m, each = count_pieces(g->per_line, most);
    if (4 * g->per_line >= 3 * each * most)
        return (row_tiles){ each, each * g->lines };
    return (row_tiles){ 0, count_pieces(g->lines * g->per_line, most) };
}

static int first_row(const nn_gemm *g, row_tiles tiles, int i)
{
    if (tiles.each == 0)
        return cut(g->lines * g->per_line, tiles.count, i);
    return i / tiles.each * g->per_line + cut(g->per_line, tiles.each, i % tiles.each);
}

/* The rows of a tile; `pitch` is their distance if it is one, else 0. */
typedef struct tile_rows {
    const nn_real *a[MOST_ROWS];
    nn_real *c[MOST_ROWS];
    ptrdiff_t pitch;
    int m;
} tile_rows;

static void find_rows(tile_rows *t, const nn_gemm *g, row_tiles tiles, int i)
{
    const int first = first_row(g, tiles, i);
    int line = first / g->per_line, at = first % g->per_line;
    t->m = first_row(g, tiles, i + 1) - first;
    t->pitch = at + t->m <= g->per_line ? g->a_pitch : 0;
    for (int k = 0; k < t->m; k++) {
        t->a[k] = g->a[line] + at * g->a_pitch;
        t->c[k] = g->c[line] + at * g->c_pitch;
        if (++at == g->per_line)
            line++, at = 0;
    }
}

/* Rows whose distance is a multiple of 4 KB share the sets of the first-level cache, and a tile of
 * them would evict itself at every step: such rows are copied, a block of k at a time. */
static bool collide(const tile_rows *t)
{
    return t->m > 1 && t->pitch != 0 && t->pitch * (ptrdiff_t)sizeof(nn_real) % 4096 == 0;
}

static void copy_rows(tile_rows *t, nn_real *copy, ptrdiff_t from, int len)
{
    const ptrdiff_t pitch = K_BLOCK + NEAR_GAP;
    for (int i = 0; i < t->m; i++, copy += pitch) {
        memcpy(copy, t->a[i] + from, (size_t)len * sizeof *copy);
        t->a[i] = copy;
    }
    t->pitch = pitch;
}

/* Asks for the places of c's next panel, where a tile begins by reading them. */
NN_INLINE void ask_next(nn_real *const *c, int m)
{
    for (int i = 0; i < m; i++) {
        __builtin_prefetch(c[i] + nn_kernel.gemm_n, 1);
        __builtin_prefetch(c[i] + nn_kernel.gemm_n + LINE / sizeof **c, 1);
    }
}

/* Columns [j0, j1) of one tile of rows, over a block of k whose first run begins at a_run. */
static void multiply(const nn_gemm *g, const k_block *k, const tile_rows *rows,
                     const ptrdiff_t *a_run, int j0, int j1)
{
    const int b_runs = g->b_runs > 0 ? g->b_runs : g->runs;
    const size_t steps = (size_t)b_runs * (size_t)g->len;
    const size_t before = (size_t)(g->b_first + k->run) * (size_t)g->len + (size_t)k->step;
    nn_real *c[MOST_ROWS];
    nn_gemm_tile t = {
        .m = rows->m,
        .runs = k->runs,
        .len = k->len,
        .a = rows->a,
        .a_pitch = rows->pitch,
        .a_run = a_run,
        .a_step = 1,
        .b_run = g->b_run,
        .add = g->add || k->run > 0 || k->step > 0,
        .c = c,
    };
    for (int j = j0; j < j1; j += nn_kernel.gemm_n) {
        t.n = smaller(nn_kernel.gemm_n, j1 - j);
        t.b_step = t.n;
        t.b = g->b + steps * (size_t)j + before * (size_t)t.n;
        t.bias = g->bias ? g->bias + j : NULL;
        for (int i = 0; i < rows->m; i++)
            c[i] = rows->c[i] + j;
        if (t.add)
            ask_next(c, t.m);
        for (int r = 0; r < k->runs; r++)
            g->b_run[r] = (ptrdiff_t)r * k->len * t.n;
        nn_kernel.gemm_tile(&t);
    }
}

/* Columns [j0, j1) of tile i of the rows. */
static void multiply_tile(const nn_gemm *g, const k_block *k, row_tiles tiles, int i, int j0,
                          int j1)
{
    nn_real copy[MOST_ROWS * (K_BLOCK + NEAR_GAP)];
    tile_rows rows;
    find_rows(&rows, g, tiles, i);
    if (k->runs != 1) {
        multiply(g, k, &rows, g->a_run + k->run, j0, j1);
        return;
    }
    ptrdiff_t start = g->a_run[k->run] + k->step;
    if (collide(&rows)) {
        copy_rows(&rows, copy, start, k->len);
        start = 0;
    }
    multiply(g, k, &rows, &start, j0, j1);
}

static void multiply_block(const nn_gemm *g, const k_block *k)
{
    const row_tiles tiles = cut_rows(g);
    const int block = block_columns(k);
    const bool is_first = k->run == 0 && k->step == 0;
    for (int j0 = 0; j0 < g->n; j0 += block)
        for (int i = 0; i < tiles.count; i++) {
            if (is_first && j0 == 0)
                ask_ahead(g->ahead, tiles.count, i);
            multiply_tile(g, k, tiles, i, j0, smaller(g->n, j0 + block));
        }
}

void nn_gemm_rows(const nn_gemm *g)
{
    if (g->runs == 0 || g->len == 0) {
        multiply_block(g, &(k_block){ 0 });
        return;
    }
    for (int run = 0, step = 0; run < g->runs;) {
        const k_block k = block_at(g, run, step);
        multiply_block(g, &k);
        step += k.len;
        if (step >= g->len)
            run += k.runs, step = 0;
    }
}

void nn_gemm_short(nn_real *c, const nn_real *a, const nn_real *b, int m, int n, int k)
{
    const int tiles = count_pieces(m, nn_kernel.gemm_m), least = m / tiles, more = m % tiles;
    nn_real *to[MOST_ROWS];
    nn_gemm_tile t = {
        .runs = 1,
        .len = k,
        .a = &a,
        .a_pitch = k,
        .a_step = 1,
        .b_run = &(ptrdiff_t){ 0 },
        .c = to,
    };
    for (int j = 0; j < n; j += nn_kernel.gemm_n) {
        ptrdiff_t from = 0;
        t.n = smaller(nn_kernel.gemm_n, n - j);
        t.b = b + (ptrdiff_t)k * j;
        t.b_step = t.n;
        to[0] = c + j;
        for (int i = 0; i < tiles; i++) {
            t.m = least + (i < more ? 1 : 0);
            t.a_run = &from;
            for (int r = 1; r < t.m; r++)
                to[r] = to[r - 1] + n;
            nn_kernel.gemm_tile(&t);
            to[0] += (ptrdiff_t)t.m * n;
            from += (ptrdiff_t)t.m * k;
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
        .a_pitch = 1,
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
    const int tiles = count_pieces(g->m, nn_kernel.gemm_m), panels = nn_gemm_panels(g->n);
    for (int p = 0; p < panels; p++)
        for (int t = 0; t < tiles; t++) {
            const int j = p * nn_kernel.gemm_n;
            ask_ahead(g->ahead, panels * tiles, p * tiles + t);
            accumulate(g, cut(g->m, tiles, t), cut(g->m, tiles, t + 1), j,
                       smaller(g->n, j + nn_kernel.gemm_n));
        }
}
