/* conv2d_pass - convolution forward and its input gradient: products over pixels that are read
 * where they lie, chunk by chunk, or plane by plane where the destination has few channels. */
#include "nn/ops/conv2d.h"

enum {
    MOST_PLANES = 8,   /* channels of a destination that is computed by planes */
    WANTED_UNITS = 16, /* of work, for the threads */
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- scratch --------------------------------------------------------------------------------- */

nn_conv_pass nn_conv2d_forward_pass(const nn_conv_geom *g)
{
    const nn_conv_pass p = nn_conv_forward(g, 1);
    return g->o <= MOST_PLANES && p.w.step == 1 ? nn_conv_by_planes(p) : p;
}

nn_conv_pass nn_conv2d_backward_pass(const nn_conv_geom *g, int phase)
{
    const nn_conv_pass p = nn_conv_backward(g, phase);
    return g->c <= MOST_PLANES ? nn_conv_by_planes(p) : p;
}

/* Elements from one plane of a line to the next. */
static size_t line_pitch(const nn_conv_pass *p)
{
    return nn_align_up((size_t)p->w.out * sizeof(nn_real)) / sizeof(nn_real);
}

static nn_conv2d_slot carve_slot(char **at, const nn_conv_pass *p)
{
    const size_t taps = (size_t)nn_conv_taps(p);
    const size_t lines = (size_t)p->images * (size_t)p->rows, runs = taps > lines ? taps : lines;
    return (nn_conv2d_slot){
        .copy = nn_linear_carve(at, nn_conv_copy_count(p) * sizeof(nn_real)),
        .planes =
            nn_linear_carve(at, p->planar ? MOST_PLANES * line_pitch(p) * sizeof(nn_real) : 0),
        .a = nn_linear_carve(at, lines * sizeof(nn_real *)),
        .c = nn_linear_carve(at, lines * sizeof(nn_real *)),
        .tap = nn_linear_carve(at, taps * sizeof(ptrdiff_t)),
        .a_run = nn_linear_carve(at, runs * sizeof(ptrdiff_t)),
        .b_run = nn_linear_carve(at, runs * sizeof(ptrdiff_t)),
        .a_some = nn_linear_carve(at, lines * sizeof(ptrdiff_t)),
        .b_some = nn_linear_carve(at, lines * sizeof(ptrdiff_t)),
    };
}

size_t nn_conv2d_slot_bytes(const nn_conv_pass *p)
{
    char *end = NULL;
    carve_slot(&end, p);
    return (size_t)(uintptr_t)end;
}

nn_conv2d_slot nn_conv2d_slot_here(char *slots, const nn_conv_pass *p)
{
    char *at = slots + nn_conv2d_slot_bytes(p) * (size_t)nn_thread_index();
    return carve_slot(&at, p);
}

/* Offsets of the taps in the weights, packed weights unless planar, slots. */
size_t nn_conv2d_pass_bytes(const nn_conv_geom *g, const nn_conv_pass *p)
{
    const size_t taps = nn_align_up((size_t)nn_conv_taps(p) * sizeof(ptrdiff_t));
    const size_t weights = p->planar ? 0 : nn_align_up(nn_conv2d_weights(g) * sizeof(nn_real));
    return taps + weights + NN_SLOTS * nn_conv2d_slot_bytes(p);
}

static nn_gemm_source source_of(const nn_conv_pass *p, const nn_conv2d_filters *f, int columns,
                                ptrdiff_t *tap)
{
    for (int i = 0; i < nn_conv_taps(p); i++) {
        const int kh_at = p->h.k_first + i / p->w.taps * p->h.k_step;
        const int kw_at = p->w.k_first + i % p->w.taps * p->w.k_step;
        tap[i] = (kh_at * f->kw + kw_at) * f->size;
    }
    return (nn_gemm_source){
        .n = columns,
        .runs = nn_conv_taps(p),
        .len = p->c,
        .src = f->w,
        .src_run = tap,
        .src_step = f->step,
        .src_column = f->column,
    };
}

static void pack(nn_real *packed, const nn_gemm_source *b)
{
    const int panels = nn_gemm_panels(b->n);
#pragma omp parallel for schedule(static) num_threads(nn_linear_threads(panels))
    for (int i = 0; i < panels; i++)
        nn_gemm_pack(packed, b, i, i + 1);
}

nn_span nn_conv2d_reach(const nn_conv_pass *p, int chunk, const nn_real *src)
{
    const nn_real *first = NULL;
    if (chunk >= p->chunks)
        return (nn_span){ 0 };
    const size_t count = nn_conv_reach(&first, p, nn_conv_chunk_at(p, chunk), src);
    return (nn_span){ first, count * sizeof *first };
}

/* True if the chunk's rows follow each other without a gap, in the source and in dst. */
static bool rows_join(const nn_conv_pass *p, nn_conv_chunk k, const nn_conv_view *v,
                      const nn_conv2d_target *t)
{
    const bool dense = p->h.dst_step == 1 && p->w.dst_step == 1 && p->w.out == t->w;
    return dense && v->row == v->pixel * p->w.out &&
           (k.images == 1 || (v->image == v->row * k.rows && k.rows == t->h));
}

/* The rows of a chunk from `row` on that meet the same kernel rows. */
static nn_conv_chunk band_at(const nn_conv_pass *p, nn_conv_chunk k, int row, nn_conv_meeting *m)
{
    int rows = 1;
    *m = nn_conv_meet(p, row);
    for (; row + rows < k.row + k.rows; rows++) {
        const nn_conv_meeting next = nn_conv_meet(p, row + rows);
        if (next.first != m->first || next.last != m->last)
            break;
    }
    return (nn_conv_chunk){ k.image, k.images, row, rows };
}

/* Columns [j0, j1) of the result in one band; `v` is the band's view. */
static void correlate_band(const nn_conv_pass *p, nn_conv_chunk band, nn_conv_meeting m,
                           const nn_conv_view *v, const nn_conv2d_target *t, const nn_real *packed,
                           int j0, int j1, nn_span ahead, const nn_conv2d_slot *s)
{
    const nn_conv_runs runs = nn_conv_runs_of(p);
    const bool join = rows_join(p, band, v, t);
    const int rows = band.images * band.rows, of_row = p->h.taps > 0 ? runs.runs / p->h.taps : 0;
    nn_conv_source_lines(s->a, band, v);
    nn_conv_target_lines(s->c, p, band, t->dst + j0, t->h, t->w, t->c);
    nn_gemm_rows(&(nn_gemm){
        .lines = join ? 1 : rows,
        .per_line = join ? rows * p->w.out : p->w.out,
        .n = j1 - j0,
        .runs = (m.last - m.first) * of_row,
        .len = runs.len,
        .b_runs = runs.runs,
        .b_first = m.first * of_row,
        .a = s->a,
        .a_pitch = v->pixel,
        .a_run = s->a_run + m.first * of_row,
        .b = packed + (size_t)runs.runs * (size_t)runs.len * (size_t)j0,
        .b_run = s->b_run,
        .bias = t->bias ? t->bias + j0 : NULL,
        .add = t->add,
        .c = s->c,
        .c_pitch = (ptrdiff_t)p->w.dst_step * t->c,
        .ahead = { ahead },
    });
}

/* Columns [j0, j1) of one chunk's result. */
static void correlate_chunk(const nn_conv_pass *p, int chunk, const nn_conv2d_target *t,
                            const nn_real *packed, int j0, int j1, const nn_conv2d_slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_runs runs = nn_conv_runs_of(p);
    nn_conv_view v = nn_conv_look(p, k, t->src, s->copy);
    nn_span ahead = nn_conv2d_reach(p, chunk + 1, t->src);
    nn_conv_meeting m;
    nn_conv_tap_offsets(s->tap, p, &v);
    for (int r = 0; r < runs.runs; r++)
        s->a_run[r] = s->tap[r * runs.taps_each];
    for (int row = k.row; row < k.row + k.rows;) {
        const nn_conv_chunk band = band_at(p, k, row, &m);
        const bool is_most = 2 * band.rows > k.rows; /* that asks ahead for all */
        correlate_band(p, band, m, &v, t, packed, j0, j1, is_most ? ahead : (nn_span){ 0 }, s);
        v.base += band.rows * v.row;
        row += band.rows;
    }
}

/* Chunks that a thread takes together, so that it can ask ahead. */
static int chunks_together(int chunks)
{
    const int each = chunks / (2 * NN_SLOTS);
    return each < 1 ? 1 : each;
}

/* Blocks of columns in which a chunk is computed: more than one where chunks alone are too few. */
static int column_blocks(int chunks, int columns)
{
    const int wanted = (WANTED_UNITS + chunks - 1) / chunks, panels = nn_gemm_panels(columns);
    return wanted < panels ? wanted : panels;
}

/* The first column of a block: that of a panel. */
static int first_column(int columns, int blocks, int i)
{
    const int panel = (int)nn_chunk_begin((size_t)nn_gemm_panels(columns), blocks, i);
    const int column = panel * nn_kernel.gemm_n;
    return column < columns ? column : columns;
}

static void correlate(const nn_conv_pass *p, const nn_conv2d_target *t, const nn_real *packed,
                      char *slots)
{
    const int blocks = column_blocks(p->chunks, t->c), units = p->chunks * blocks;
    const int together = chunks_together(units);
#pragma omp parallel for schedule(dynamic, together) num_threads(nn_linear_threads(units))
    for (int i = 0; i < units; i++) {
        const nn_conv2d_slot s = nn_conv2d_slot_here(slots, p);
        const int block = i % blocks;
        correlate_chunk(p, i / blocks, t, packed, first_column(t->c, blocks, block),
                        first_column(t->c, blocks, block + 1), &s);
    }
}

/* ---- by planes -------------------------------------------------------------------------------
 *
 * A destination of few channels would leave most lanes of a vector idle.  So here the lanes are the
 * pixels of a line, which the planar view has side by side, and the rows of a tile are channels;
 * the chain of each result is the same. */

/* planes[c][j] of one line of pixels += the products; `at` is where its first pixel reads. */
static void multiply_line(const nn_gemm_source *w, const nn_conv_pass *p, const nn_conv_view *v,
                          nn_conv_meeting met, const nn_real *at, const nn_conv2d_slot *s)
{
    const nn_real *a[MOST_PLANES];
    nn_real *c[MOST_PLANES];
    const int high = nn_kernel.gemm_m, wide = nn_kernel.gemm_n;
    for (int o = 0; o < w->n; o += high)
        for (int j = 0; j < p->w.out; j += wide) {
            const int m = smaller(high, w->n - o);
            for (int i = 0; i < m; i++) {
                a[i] = w->src + (o + i) * w->src_column;
                c[i] = s->planes + (size_t)(o + i) * line_pitch(p) + j;
            }
            nn_kernel.gemm_tile(&(nn_gemm_tile){
                .m = m,
                .n = smaller(wide, p->w.out - j),
                .runs = (met.last - met.first) * p->w.taps,
                .len = w->len,
                .a = a,
                .a_pitch = w->src_column,
                .a_run = w->src_run + met.first * p->w.taps,
                .a_step = w->src_step,
                .b = at + j,
                .b_run = s->tap + met.first * p->w.taps,
                .b_step = v->channel,
                .add = true,
                .c = c,
            });
        }
}

/* What the chains of a line begin with. */
static void begin_line(const nn_conv2d_target *t, const nn_real *dst, ptrdiff_t pixel, int count,
                       nn_real *planes, size_t pitch)
{
    if (t->add)
        nn_kernel.transpose(planes, (ptrdiff_t)pitch, dst, pixel, t->c, count);
    for (int c = 0; c < t->c && !t->add; c++)
        for (int j = 0; j < count; j++)
            planes[(size_t)c * pitch + (size_t)j] = t->bias != NULL ? t->bias[c] : 0;
}

static void planar_chunk(const nn_conv_pass *p, int chunk, const nn_conv2d_target *t,
                         const nn_gemm_source *w, const nn_conv2d_slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_view v = nn_conv_look(p, k, t->src, s->copy);
    const ptrdiff_t pixel = (ptrdiff_t)p->w.dst_step * t->c;
    const size_t pitch = line_pitch(p);
    nn_conv_source_lines(s->a, k, &v);
    nn_conv_target_lines(s->c, p, k, t->dst, t->h, t->w, t->c);
    nn_conv_tap_offsets(s->tap, p, &v);
    for (int i = 0; i < k.images * k.rows; i++) {
        begin_line(t, s->c[i], pixel, p->w.out, s->planes, pitch);
        multiply_line(w, p, &v, nn_conv_meet(p, k.row + i % k.rows), s->a[i], s);
        nn_kernel.transpose(s->c[i], pixel, s->planes, (ptrdiff_t)pitch, p->w.out, t->c);
    }
}

static void correlate_planes(const nn_conv_pass *p, const nn_conv2d_target *t,
                             const nn_gemm_source *w, char *slots)
{
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(p->chunks))
    for (int i = 0; i < p->chunks; i++) {
        const nn_conv2d_slot s = nn_conv2d_slot_here(slots, p);
        planar_chunk(p, i, t, w, &s);
    }
}

/* ---- the two of them ------------------------------------------------------------------------- */

void nn_conv2d_run_pass(const nn_conv_pass *p, const nn_conv2d_target *t,
                        const nn_conv2d_filters *f, char *scratch)
{
    const size_t taps = (size_t)nn_conv_taps(p), weights = taps * (size_t)p->c * (size_t)t->c;
    ptrdiff_t *tap = nn_linear_carve(&scratch, taps * sizeof *tap);
    const nn_gemm_source w = source_of(p, f, t->c, tap);
    if (p->planar) {
        correlate_planes(p, t, &w, scratch);
        return;
    }
    nn_real *packed = nn_linear_carve(&scratch, weights * sizeof *packed);
    pack(packed, &w);
    correlate(p, t, packed, scratch);
}
