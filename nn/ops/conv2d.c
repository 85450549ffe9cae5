/* conv2d - two-dimensional convolution (cross-correlation, as everywhere in this field).
 *
 *   x [N,H,W,C]   w [O,KH,KW,C]   bias [O], optional        y [N,OH,OW,O]
 *   y[n,i,j,o]  = bias[o] + sum over kh, kw, c of x[n, i s + kh d - top, j s + kw d - left, c]
 * w[o,kh,kw,c] dx          = the same sum run backwards: one pass for each phase of the stride
 *   dw[o,kh,kw,c] = sum over n, i, j of dy[n,i,j,o] x[...];  dbias = sum of dy
 *
 * All three are matrix products over pixels that are read where they lie; elements outside x count
 * as zero.  A weight gradient is summed over fixed groups of chunks, each one chain, and the groups
 * in order: the bits do not depend on the number of threads. */
#include <string.h>

#include "nn/kernels/gemm.h"
#include "nn/ops/linear.h"

enum { X = NN_LINEAR_X, W = NN_LINEAR_W, BIAS = NN_LINEAR_BIAS };
enum { MOST_PARTIAL = 512 * 1024, WANTED_UNITS = 16, LEAST_OUT = 14 };

static nn_status infer(nn_node *n)
{
    const nn_shape x = n->in[X]->shape, w = n->in[W]->shape;
    nn_window *win = &n->attr.window;
    int oh, ow;
    char text[NN_SHAPE_TEXT];
    NN_TRY(nn_window_infer(n, win, &oh, &ow));
    if (w.rank != 4 || w.dim[0] == NN_BATCH || w.dim[1] != win->kernel_h ||
        w.dim[2] != win->kernel_w || w.dim[3] != x.dim[3])
        return NN_NODE_FAIL(n, "weight is %s, must be [O,%d,%d,%d] for this kernel and input",
                            nn_shape_text(w, text), win->kernel_h, win->kernel_w, x.dim[3]);
    NN_TRY(nn_linear_infer_bias(n, w.dim[0]));
    n->shape = NN_SHAPE(x.dim[0], oh, ow, w.dim[0]);
    return NN_OK;
}

/* ---- scratch ------------------------------------------------------------------------------- */

/* One thread's working memory for a chunk of a pass. */
typedef struct slot {
    nn_real *copy;
    nn_real *planes;   /* of a line's result, if it is computed so */
    const nn_real **a; /* lines of pixels */
    nn_real **c;
    ptrdiff_t *tap, *a_run, *b_run;
    ptrdiff_t *a_some, *b_some; /* of the runs, those that are wanted */
} slot;

/* Destinations of at most so many channels are computed by planes. */
enum { MOST_PLANES = 8 };

static nn_conv_pass forward_pass(const nn_conv_geom *g)
{
    const nn_conv_pass p = nn_conv_forward(g, 1);
    return g->o <= MOST_PLANES && p.w.step == 1 ? nn_conv_by_planes(p) : p;
}

static nn_conv_pass backward_pass(const nn_conv_geom *g, int phase)
{
    const nn_conv_pass p = nn_conv_backward(g, phase);
    return g->c <= MOST_PLANES ? nn_conv_by_planes(p) : p;
}

/* Elements from one plane of a line to the next. */
static size_t line_pitch(const nn_conv_pass *p)
{
    return nn_align_up((size_t)p->w.out * sizeof(nn_real)) / sizeof(nn_real);
}

static slot carve_slot(char **at, const nn_conv_pass *p)
{
    const size_t taps = (size_t)nn_conv_taps(p);
    const size_t lines = (size_t)p->images * (size_t)p->rows, runs = taps > lines ? taps : lines;
    return (slot){
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

static size_t slot_bytes(const nn_conv_pass *p)
{
    char *end = NULL;
    carve_slot(&end, p);
    return (size_t)(uintptr_t)end;
}

/* The slot of the thread that asks, among those that begin at `slots`. */
static slot slot_here(char *slots, const nn_conv_pass *p)
{
    char *at = slots + slot_bytes(p) * (size_t)nn_thread_index();
    return carve_slot(&at, p);
}

static size_t weight_count(const nn_conv_geom *g)
{
    return (size_t)g->o * (size_t)g->kh * (size_t)g->kw * (size_t)g->c;
}

/* How a weight gradient is cut: `groups` of chunks with a partial sum each, and blocks of output
 * channels where that alone would be too few units of work. */
typedef struct grad_cut {
    int groups, blocks;
} grad_cut;

static grad_cut cut_grad(const nn_conv_geom *g, const nn_conv_pass *p)
{
    const size_t fit = MOST_PARTIAL / weight_count(g);
    const int most = fit < 1 ? 1 : fit < NN_SLOTS ? (int)fit : NN_SLOTS;
    const int groups = p->chunks < most ? p->chunks : most;
    const int blocks = (WANTED_UNITS + groups - 1) / groups, fine = (g->o - 1) / LEAST_OUT + 1;
    return (grad_cut){ groups, blocks < fine ? blocks : fine };
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Offsets of the taps in the weights, packed weights unless planar, slots. */
static size_t pass_bytes(const nn_conv_geom *g, const nn_conv_pass *p)
{
    const size_t taps = nn_align_up((size_t)nn_conv_taps(p) * sizeof(ptrdiff_t));
    const size_t weights = p->planar ? 0 : nn_align_up(weight_count(g) * sizeof(nn_real));
    return taps + weights + NN_SLOTS * slot_bytes(p);
}

static nn_need need(const nn_node *n, int batch, bool training)
{
    const nn_conv_geom g = nn_linear_geom(n, batch);
    const nn_conv_pass forward = forward_pass(&g);
    const size_t weights = nn_align_up(weight_count(&g) * sizeof(nn_real));
    size_t most = pass_bytes(&g, &forward);
    if (training) {
        const nn_conv_pass pixels = nn_conv_forward(&g, 1);
        const grad_cut cut = cut_grad(&g, &pixels);
        most = larger(most, weights * (size_t)cut.groups + NN_SLOTS * slot_bytes(&pixels));
        for (int i = 0; i < nn_conv_phases(&g); i++) {
            const nn_conv_pass back = backward_pass(&g, i);
            most = larger(most, pass_bytes(&g, &back));
        }
        most = larger(most, nn_linear_bias_scratch(g.o));
    }
    return (nn_need){ .saved = 0, .scratch = most };
}

/* ---- forward and input gradient ------------------------------------------------------------ */

/* What a pass multiplies and where the result goes: dst [n,h,w,c]. */
typedef struct target {
    const nn_real *src, *bias;
    nn_real *dst;
    int h, w, c;
    bool add;
} target;

/* The weights that a pass meets, as a matrix [taps, source channels] x [destination channels];
 * `step` and `column` are the distances of those two channels in w, `size` that of taps. */
typedef struct filters {
    const nn_real *w;
    ptrdiff_t step, column, size;
    int kw;
} filters;

static nn_gemm_source source_of(const nn_conv_pass *p, const filters *f, int columns,
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

static nn_span reach_of(const nn_conv_pass *p, int chunk, const nn_real *src)
{
    const nn_real *first = NULL;
    if (chunk >= p->chunks)
        return (nn_span){ 0 };
    const size_t count = nn_conv_reach(&first, p, nn_conv_chunk_at(p, chunk), src);
    return (nn_span){ first, count * sizeof *first };
}

/* True if the chunk's rows follow each other without a gap, in the source and in dst. */
static bool rows_join(const nn_conv_pass *p, nn_conv_chunk k, const nn_conv_view *v,
                      const target *t)
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
                           const nn_conv_view *v, const target *t, const nn_real *packed, int j0,
                           int j1, nn_span ahead, const slot *s)
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
static void correlate_chunk(const nn_conv_pass *p, int chunk, const target *t,
                            const nn_real *packed, int j0, int j1, const slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_runs runs = nn_conv_runs_of(p);
    nn_conv_view v = nn_conv_look(p, k, t->src, s->copy);
    nn_span ahead = reach_of(p, chunk + 1, t->src);
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

static void correlate(const nn_conv_pass *p, const target *t, const nn_real *packed, char *slots)
{
    const int blocks = column_blocks(p->chunks, t->c), units = p->chunks * blocks;
    const int together = chunks_together(units);
#pragma omp parallel for schedule(dynamic, together) num_threads(nn_linear_threads(units))
    for (int i = 0; i < units; i++) {
        const slot s = slot_here(slots, p);
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
                          nn_conv_meeting met, const nn_real *at, const slot *s)
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
static void begin_line(const target *t, const nn_real *dst, ptrdiff_t pixel, int count,
                       nn_real *planes, size_t pitch)
{
    if (t->add)
        nn_kernel.transpose(planes, (ptrdiff_t)pitch, dst, pixel, t->c, count);
    for (int c = 0; c < t->c && !t->add; c++)
        for (int j = 0; j < count; j++)
            planes[(size_t)c * pitch + (size_t)j] = t->bias != NULL ? t->bias[c] : 0;
}

static void planar_chunk(const nn_conv_pass *p, int chunk, const target *t, const nn_gemm_source *w,
                         const slot *s)
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

static void correlate_planes(const nn_conv_pass *p, const target *t, const nn_gemm_source *w,
                             char *slots)
{
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(p->chunks))
    for (int i = 0; i < p->chunks; i++) {
        const slot s = slot_here(slots, p);
        planar_chunk(p, i, t, w, &s);
    }
}

/* ---- the two of them ------------------------------------------------------------------------- */

static void run_pass(const nn_conv_pass *p, const target *t, const filters *f, char *scratch)
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

static void forward(const nn_call *c)
{
    const nn_conv_geom g = nn_linear_geom(c->node, c->batch);
    const nn_conv_pass p = forward_pass(&g);
    const nn_real *bias = c->node->n_in > BIAS ? c->x[BIAS] : NULL;
    run_pass(&p, &(target){ c->x[X], bias, c->y, g.oh, g.ow, g.o, false },
             &(filters){ c->x[W], 1, (ptrdiff_t)g.kh * g.kw * g.c, g.c, g.kw }, c->scratch);
}

static void backward_x(const nn_call *c, const nn_conv_geom *g)
{
    for (int i = 0; i < nn_conv_phases(g); i++) {
        const nn_conv_pass p = backward_pass(g, i);
        run_pass(&p, &(target){ c->dy, NULL, c->dx[X], g->h, g->w, g->c, c->add[X] },
                 &(filters){ c->x[W], (ptrdiff_t)g->kh * g->kw * g->c, 1, g->c, g->kw },
                 c->scratch);
    }
}

/* ---- weight gradient ----------------------------------------------------------------------- */

/* The chunk's pixels as runs of equal steps in dy and in the view; returns how many, of *len
 * pixels. Rows that follow each other without a gap are one run. */
static int find_lines(const nn_conv_geom *g, nn_conv_chunk k, const nn_conv_view *v, const slot *s,
                      int *len)
{
    const ptrdiff_t start = ((ptrdiff_t)k.image * g->oh + k.row) * g->ow * g->o;
    const bool rows_join = v->row == v->pixel * g->ow;
    const bool images_join = rows_join && v->image == v->row * k.rows;
    const int lines = images_join ? 1 : rows_join ? k.images : k.images * k.rows;
    const int rows = k.images * k.rows / lines; /* of a run */
    for (int i = 0; i < lines; i++) {
        const int image = i * rows / k.rows, row = i * rows % k.rows;
        s->a_run[i] = start + (ptrdiff_t)i * rows * g->ow * g->o;
        s->b_run[i] = image * v->image + row * v->row;
    }
    *len = rows * g->ow;
    return lines;
}

/* Of the chunk's runs, which are its rows or several of them together, those that kernel row `kh`
 * does not see as padding; returns how many. */
static int choose_lines(const nn_conv_pass *p, nn_conv_chunk k, int lines, int kh, const slot *s)
{
    const bool apart = lines == k.images * k.rows;
    int some = 0;
    for (int i = 0; i < lines; i++) {
        const nn_conv_meeting m = nn_conv_meet(p, k.row + i % k.rows);
        if (apart && (kh < m.first || kh >= m.last))
            continue;
        s->a_some[some] = s->a_run[i];
        s->b_some[some++] = s->b_run[i];
    }
    return some;
}

static nn_span part_of(nn_span s, int parts, int i)
{
    const size_t each = s.bytes / (size_t)parts;
    return (nn_span){ (const char *)s.at + each * (size_t)i, each };
}

/* What the next chunk reads of dy. */
static nn_span gradients_of(const nn_conv_geom *g, const nn_conv_pass *p, int chunk,
                            const nn_real *dy)
{
    if (chunk >= p->chunks)
        return (nn_span){ 0 };
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const ptrdiff_t row = (ptrdiff_t)g->ow * g->o;
    return (nn_span){ dy + ((ptrdiff_t)k.image * g->oh + k.row) * row,
                      (size_t)(k.images * k.rows) * (size_t)row * sizeof *dy };
}

/* dw[o0..o1) += one chunk's share: for each run of taps, dy' x over the chunk's pixels. */
static void weight_chunk(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p, int chunk,
                         int o0, int o1, nn_real *dw, const slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_view v = nn_conv_look(p, k, c->x[X], s->copy);
    const nn_conv_runs runs = nn_conv_runs_of(p);
    nn_conv_tap_offsets(s->tap, p, &v);
    int len;
    const int lines = find_lines(g, k, &v, s, &len);
    const nn_span x = reach_of(p, chunk + 1, c->x[X]), dy = gradients_of(g, p, chunk + 1, c->dy);
    for (int r = 0; r < runs.runs; r++) {
        const int tap = r * runs.taps_each;
        const int kh = p->h.k_first + tap / p->w.taps, kw = p->w.k_first + tap % p->w.taps;
        const int some = choose_lines(p, k, lines, tap / p->w.taps, s);
        nn_gemm_columns(&(nn_gemm_outer){
            .m = o1 - o0,
            .n = runs.len,
            .runs = some,
            .len = len,
            .a = c->dy + o0,
            .b = v.base + s->tap[tap],
            .a_run = s->a_some,
            .b_run = s->b_some,
            .a_step = g->o,
            .b_step = v.pixel,
            .c_step = (ptrdiff_t)g->kh * g->kw * g->c,
            .add = true,
            .c = dw + (((ptrdiff_t)o0 * g->kh + kh) * g->kw + kw) * g->c,
            .ahead = { part_of(x, runs.runs, r), part_of(dy, runs.runs, r) },
        });
    }
}

/* One unit: a group of chunks, a block of output channels.  With one group dw is `partial` itself.
 */
static void weight_unit(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p,
                        grad_cut cut, int unit, nn_real *partial, const slot *s)
{
    const int group = unit / cut.blocks, block = unit % cut.blocks;
    const int o0 = (int)nn_chunk_begin((size_t)g->o, cut.blocks, block);
    const int o1 = (int)nn_chunk_begin((size_t)g->o, cut.blocks, block + 1);
    const size_t row = (size_t)g->kh * (size_t)g->kw * (size_t)g->c;
    nn_real *dw = partial + weight_count(g) * (size_t)group;
    const size_t chunks = (size_t)p->chunks;
    if (cut.groups > 1 || !c->add[W])
        memset(dw + (size_t)o0 * row, 0, (size_t)(o1 - o0) * row * sizeof(nn_real));
    for (size_t i = nn_chunk_begin(chunks, cut.groups, group);
         i < nn_chunk_begin(chunks, cut.groups, group + 1); i++)
        weight_chunk(c, g, p, (int)i, o0, o1, dw, s);
}

static void backward_w(const nn_call *c, const nn_conv_geom *g)
{
    const nn_conv_pass p = nn_conv_forward(g, 1);
    const grad_cut cut = cut_grad(g, &p);
    const int units = cut.groups * cut.blocks;
    char *at = c->scratch;
    nn_real *partial = c->dx[W];
    if (cut.groups > 1)
        partial = nn_linear_carve(&at, weight_count(g) * (size_t)cut.groups * sizeof(nn_real));
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(units))
    for (int i = 0; i < units; i++) {
        const slot s = slot_here(at, &p);
        weight_unit(c, g, &p, cut, i, partial, &s);
    }
    if (cut.groups > 1)
        nn_linear_sum(c->dx[W], c->add[W], partial, cut.groups, weight_count(g));
}

static void backward(const nn_call *c)
{
    const nn_conv_geom g = nn_linear_geom(c->node, c->batch);
    if (c->dx[X] != NULL)
        backward_x(c, &g);
    if (c->dx[W] != NULL)
        backward_w(c, &g);
    nn_linear_bias_grad(c, (size_t)g.n * (size_t)g.oh * (size_t)g.ow, g.o);
}

const nn_op nn_op_conv2d = {
    .name = "conv2d",
    .n_in_min = 2,
    .n_in_max = 3,
    .keeps = NN_KEEP_X(NN_LINEAR_X) | NN_KEEP_X(NN_LINEAR_W),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
