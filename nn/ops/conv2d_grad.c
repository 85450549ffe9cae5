/* conv2d_grad - the weight gradient of a convolution.
 *
 * Chunks of pixels are summed in fixed groups, each one chain, and the groups in order: the bits do
 * not depend on the number of threads. */
#include "nn/ops/conv2d.h"

#include <string.h>

enum { X = NN_LINEAR_X, W = NN_LINEAR_W };
enum { MOST_PARTIAL = 512 * 1024, WANTED_UNITS = 16, LEAST_OUT = 14 };

/* How a weight gradient is cut: `groups` of chunks with a partial sum each, and blocks of output
 * channels where that alone would be too few units of work. */
typedef struct grad_cut {
    int groups, blocks;
} grad_cut;

static grad_cut cut_grad(const nn_conv_geom *g, const nn_conv_pass *p)
{
    const size_t fit = MOST_PARTIAL / nn_conv2d_weights(g);
    const int most = fit < 1 ? 1 : fit < NN_SLOTS ? (int)fit : NN_SLOTS;
    const int groups = p->chunks < most ? p->chunks : most;
    const int blocks = (WANTED_UNITS + groups - 1) / groups, fine = (g->o - 1) / LEAST_OUT + 1;
    return (grad_cut){ groups, blocks < fine ? blocks : fine };
}

size_t nn_conv2d_grad_bytes(const nn_conv_geom *g)
{
    const nn_conv_pass p = nn_conv_largest(nn_conv_forward(g, 1));
    const size_t weights = nn_align_up(nn_conv2d_weights(g) * sizeof(nn_real));
    return weights * (size_t)cut_grad(g, &p).groups + NN_SLOTS * nn_conv2d_slot_bytes(&p);
}

/* The chunk's pixels as runs of equal steps in dy and in the view; returns how many, of *len
 * pixels. Rows that follow each other without a gap are one run. */
static int find_lines(const nn_conv_geom *g, nn_conv_chunk k, const nn_conv_view *v,
                      const nn_conv2d_slot *s, int *len)
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
static int choose_lines(const nn_conv_pass *p, nn_conv_chunk k, int lines, int kh,
                        const nn_conv2d_slot *s)
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
                         int o0, int o1, nn_real *dw, const nn_conv2d_slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_view v = nn_conv_look(p, k, c->x[X], s->copy);
    const nn_conv_runs runs = nn_conv_runs_of(p);
    nn_conv_tap_offsets(s->tap, p, &v);
    int len;
    const int lines = find_lines(g, k, &v, s, &len);
    const nn_span x = nn_conv2d_reach(p, chunk + 1, c->x[X]),
                  dy = gradients_of(g, p, chunk + 1, c->dy);
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

/* One unit: a group of chunks, a block of output channels.  With one group dw is `partial`
 * itself. */
static void weight_unit(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p,
                        grad_cut cut, int unit, nn_real *partial, const nn_conv2d_slot *s)
{
    const int group = unit / cut.blocks, block = unit % cut.blocks;
    const int o0 = (int)nn_chunk_begin((size_t)g->o, cut.blocks, block);
    const int o1 = (int)nn_chunk_begin((size_t)g->o, cut.blocks, block + 1);
    const size_t row = (size_t)g->kh * (size_t)g->kw * (size_t)g->c;
    nn_real *dw = partial + nn_conv2d_weights(g) * (size_t)group;
    const size_t chunks = (size_t)p->chunks;
    if (cut.groups > 1 || !c->add[W])
        memset(dw + (size_t)o0 * row, 0, (size_t)(o1 - o0) * row * sizeof(nn_real));
    for (size_t i = nn_chunk_begin(chunks, cut.groups, group);
         i < nn_chunk_begin(chunks, cut.groups, group + 1); i++)
        weight_chunk(c, g, p, (int)i, o0, o1, dw, s);
}

void nn_conv2d_grad(const nn_call *c, const nn_conv_geom *g)
{
    const nn_conv_pass p = nn_conv_forward(g, 1);
    const grad_cut cut = cut_grad(g, &p);
    const int units = cut.groups * cut.blocks;
    char *at = c->scratch;
    nn_real *partial = c->dx[W];
    if (cut.groups > 1)
        partial = nn_linear_carve(&at, nn_conv2d_weights(g) * (size_t)cut.groups * sizeof(nn_real));
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(units))
    for (int i = 0; i < units; i++) {
        const nn_conv2d_slot s = nn_conv2d_slot_here(at, &p);
        weight_unit(c, g, &p, cut, i, partial, &s);
    }
    if (cut.groups > 1)
        nn_linear_sum(c->dx[W], c->add[W], partial, cut.groups, nn_conv2d_weights(g));
}
