/* dwconv2d - depthwise two-dimensional convolution: every input channel has kernels of its own.
 *
 *   x [N,H,W,C]   w [1,KH,KW,C M]   bias [C M], optional        y [N,OH,OW,C M], multiplier M >= 1
 *   y[n,i,j,o]  = bias[o] + sum over kh, kw of
 *                           x[n, i s + kh d - top, j s + kw d - left, o / M] w[kh,kw,o]
 *   dx          = the same sum run backwards: one pass for each phase of the stride
 *   dw[kh,kw,o] = sum over n, i, j of dy[n,i,j,o] x[..., o / M];  dbias = sum of dy
 *
 * With M > 1 each channel of x is copied M times beside each other, and dx is summed from M
 * gradients. Elements outside x count as zero.  Howard et al., "MobileNets", 2017, arXiv
 * 1704.04861. */
#include <string.h>

#include "nn/kernels/kernels.h"
#include "nn/ops/linear.h"

enum { X = NN_LINEAR_X, W = NN_LINEAR_W, BIAS = NN_LINEAR_BIAS };

static nn_status infer(nn_node *n)
{
    const nn_shape x = n->in[X]->shape, w = n->in[W]->shape;
    nn_window *win = &n->attr.window;
    int oh, ow;
    char text[NN_SHAPE_TEXT];
    NN_TRY(nn_window_infer(n, win, &oh, &ow));
    if (w.rank != 4 || w.dim[0] != 1 || w.dim[1] != win->kernel_h || w.dim[2] != win->kernel_w ||
        w.dim[3] % x.dim[3] != 0)
        return NN_NODE_FAIL(n, "weight is %s, must be [1,%d,%d,a multiple of %d]",
                            nn_shape_text(w, text), win->kernel_h, win->kernel_w, x.dim[3]);
    NN_TRY(nn_linear_infer_bias(n, w.dim[3]));
    n->shape = NN_SHAPE(x.dim[0], oh, ow, w.dim[3]);
    return NN_OK;
}

/* ---- scratch --------------------------------------------------------------------------------- */

/* One thread's working memory for a chunk of a pass. */
typedef struct slot {
    nn_real *copy;
    const nn_real **x;
    nn_real **y; /* destinations, or in the weight gradient the gradients of y */
    ptrdiff_t *tap, *w_tap;
    nn_real *wide; /* a chunk's input gradient before its sum over the multiplier */
} slot;

static slot carve_slot(char **at, const nn_conv_pass *p, int wide)
{
    const size_t pixels = nn_conv_pixels(p), taps = (size_t)nn_conv_taps(p);
    return (slot){
        .copy = nn_linear_carve(at, nn_conv_copy_count(p) * sizeof(nn_real)),
        .x = nn_linear_carve(at, pixels * sizeof(nn_real *)),
        .y = nn_linear_carve(at, pixels * sizeof(nn_real *)),
        .tap = nn_linear_carve(at, taps * sizeof(ptrdiff_t)),
        .w_tap = nn_linear_carve(at, taps * sizeof(ptrdiff_t)),
        .wide = nn_linear_carve(at, pixels * (size_t)wide * sizeof(nn_real)),
    };
}

static size_t slot_bytes(const nn_conv_pass *p, int wide)
{
    char *end = NULL;
    carve_slot(&end, p, wide);
    return (size_t)(uintptr_t)end;
}

/* The slot of the thread that asks, among those that begin at `slots`. */
static slot slot_here(char *slots, const nn_conv_pass *p, int wide)
{
    char *at = slots + slot_bytes(p, wide) * (size_t)nn_thread_index();
    return carve_slot(&at, p, wide);
}

/* Channels of slot.wide: none if every input channel has one output channel. */
static int wide_of(const nn_conv_geom *g)
{
    return g->o == g->c ? 0 : g->o;
}

static size_t weight_count(const nn_conv_geom *g)
{
    return (size_t)g->kh * (size_t)g->kw * (size_t)g->o;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Partial sums of the weight gradient: one for each of at most NN_SLOTS groups of chunks. */
static int group_count(const nn_conv_pass *p)
{
    return p->chunks < NN_SLOTS ? p->chunks : NN_SLOTS;
}

static nn_need need(const nn_node *n, int batch, bool training)
{
    const nn_conv_geom g = nn_linear_geom(n, batch);
    const nn_conv_pass forward = nn_conv_largest(nn_conv_forward(&g, g.o / g.c));
    size_t most = NN_SLOTS * slot_bytes(&forward, 0);
    if (training) {
        most += (size_t)group_count(&forward) * weight_count(&g) * sizeof(nn_real) + NN_ALIGN;
        for (int i = 0; i < nn_conv_phases(&g); i++) {
            const nn_conv_pass back = nn_conv_largest(nn_conv_backward(&g, i));
            most = larger(most, NN_SLOTS * slot_bytes(&back, wide_of(&g)));
        }
        most = larger(most, nn_linear_bias_scratch(g.o));
    }
    return (nn_need){ .saved = 0, .scratch = most };
}

/* ---- forward and input gradient -------------------------------------------------------------- */

/* Where the taps of a pass lie in the weights. */
static void find_weights(ptrdiff_t *w_tap, const nn_conv_pass *p, int kw, int channels)
{
    for (int i = 0; i < p->h.taps; i++)
        for (int j = 0; j < p->w.taps; j++) {
            const ptrdiff_t row = p->h.k_first + i * p->h.k_step;
            *w_tap++ = (row * kw + p->w.k_first + j * p->w.k_step) * channels;
        }
}

static void forward_chunk(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p, int chunk,
                          const slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_view v = nn_conv_look(p, k, c->x[X], s->copy);
    nn_conv_sources(s->x, p, k, &v);
    nn_conv_targets(s->y, p, k, c->y, g->oh, g->ow, g->o);
    nn_conv_tap_offsets(s->tap, p, &v);
    find_weights(s->w_tap, p, g->kw, g->o);
    nn_kernel.dw_tile(&(nn_dw_tile){
        .pixels = k.images * k.rows * p->w.out,
        .channels = g->o,
        .taps = nn_conv_taps(p),
        .x = s->x,
        .x_tap = s->tap,
        .w = c->x[W],
        .w_tap = s->w_tap,
        .bias = c->node->n_in > BIAS ? c->x[BIAS] : NULL,
        .y = s->y,
    });
}

static void forward(const nn_call *c)
{
    const nn_conv_geom g = nn_linear_geom(c->node, c->batch);
    const nn_conv_pass p = nn_conv_forward(&g, g.o / g.c);
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(p.chunks))
    for (int i = 0; i < p.chunks; i++) {
        const slot s = slot_here(c->scratch, &p, 0);
        forward_chunk(c, &g, &p, i, &s);
    }
}

/* dx[i][c] (= or +=) sum over the M columns of channel c in row i of `wide`. */
static void narrow(nn_real *const *dx, bool add, const nn_real *wide, size_t pixels,
                   const nn_conv_geom *g)
{
    const int multiplier = g->o / g->c;
    for (size_t i = 0; i < pixels; i++)
        for (int j = 0; j < g->c; j++) {
            nn_real sum = add ? dx[i][j] : 0;
            for (int m = 0; m < multiplier; m++)
                sum += *wide++;
            dx[i][j] = sum;
        }
}

static void backward_chunk(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p,
                           int chunk, const slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_view v = nn_conv_look(p, k, c->dy, s->copy);
    const bool is_wide = wide_of(g) > 0;
    const int pixels = k.images * k.rows * p->w.out;
    nn_conv_sources(s->x, p, k, &v);
    nn_conv_targets(s->y, p, k, c->dx[X], g->h, g->w, g->c);
    for (int i = 0; is_wide && i < pixels; i++)
        s->y[i] = s->wide + (ptrdiff_t)i * g->o;
    nn_conv_tap_offsets(s->tap, p, &v);
    find_weights(s->w_tap, p, g->kw, g->o);
    nn_kernel.dw_tile(&(nn_dw_tile){
        .pixels = pixels,
        .channels = g->o,
        .taps = nn_conv_taps(p),
        .x = s->x,
        .x_tap = s->tap,
        .w = c->x[W],
        .w_tap = s->w_tap,
        .add = !is_wide && c->add[X],
        .y = s->y,
    });
    if (!is_wide)
        return;
    nn_conv_targets(s->y, p, k, c->dx[X], g->h, g->w, g->c);
    narrow(s->y, c->add[X], s->wide, (size_t)pixels, g);
}

static void backward_x(const nn_call *c, const nn_conv_geom *g)
{
    for (int phase = 0; phase < nn_conv_phases(g); phase++) {
        const nn_conv_pass p = nn_conv_backward(g, phase);
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(p.chunks))
        for (int i = 0; i < p.chunks; i++) {
            const slot s = slot_here(c->scratch, &p, wide_of(g));
            backward_chunk(c, g, &p, i, &s);
        }
    }
}

/* ---- weight gradient ------------------------------------------------------------------------- */

/* dw [taps that the pass has, o] += one chunk's share. */
static void weight_chunk(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p, int chunk,
                         nn_real *dw, const slot *s)
{
    const nn_conv_chunk k = nn_conv_chunk_at(p, chunk);
    const nn_conv_view v = nn_conv_look(p, k, c->x[X], s->copy);
    const int pixels = k.images * k.rows * p->w.out;
    const nn_real **dy = (const nn_real **)s->y;
    const nn_real *first = c->dy + ((ptrdiff_t)k.image * g->oh + k.row) * g->ow * g->o;
    for (int i = 0; i < pixels; i++)
        dy[i] = first + (ptrdiff_t)i * g->o;
    nn_conv_sources(s->x, p, k, &v);
    nn_conv_tap_offsets(s->tap, p, &v);
    nn_kernel.dw_grad(&(nn_dw_grad){
        .pixels = pixels,
        .channels = g->o,
        .taps = nn_conv_taps(p),
        .x = s->x,
        .x_tap = s->tap,
        .dy = dy,
        .dw = dw,
    });
}

/* dw (= or +=) the groups' sums in order; taps that see nothing but padding get 0. */
static void gather_weights(const nn_call *c, const nn_conv_geom *g, const nn_conv_pass *p,
                           const nn_real *partial, int groups)
{
    nn_real *dw = c->dx[W];
    const size_t o = (size_t)g->o, wide = (size_t)nn_conv_taps(p) * o;
    if (!c->add[W])
        memset(dw, 0, weight_count(g) * sizeof *dw);
    for (int t = 0; t < nn_conv_taps(p); t++) {
        const int kh = p->h.k_first + t / p->w.taps, kw = p->w.k_first + t % p->w.taps;
        nn_real *to = dw + (size_t)(kh * g->kw + kw) * o;
        for (int i = 0; i < groups; i++)
            nn_kernel.add(to, to, partial + (size_t)i * wide + (size_t)t * o, o);
    }
}

static void backward_w(const nn_call *c, const nn_conv_geom *g)
{
    const nn_conv_pass p = nn_conv_forward(g, g->o / g->c);
    const int groups = group_count(&p);
    const size_t wide = (size_t)nn_conv_taps(&p) * (size_t)g->o;
    char *at = c->scratch;
    nn_real *partial = nn_linear_carve(&at, wide * (size_t)groups * sizeof(nn_real));
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(groups))
    for (int i = 0; i < groups; i++) {
        const slot s = slot_here(at, &p, 0);
        nn_real *dw = partial + wide * (size_t)i;
        memset(dw, 0, wide * sizeof *dw);
        const int last = (int)nn_chunk_begin((size_t)p.chunks, groups, i + 1);
        for (int k = (int)nn_chunk_begin((size_t)p.chunks, groups, i); k < last; k++)
            weight_chunk(c, g, &p, k, dw, &s);
    }
    gather_weights(c, g, &p, partial, groups);
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

const nn_op nn_op_dwconv2d = {
    .name = "dwconv2d",
    .n_in_min = 2,
    .n_in_max = 3,
    .keeps = NN_KEEP_X(NN_LINEAR_X) | NN_KEEP_X(NN_LINEAR_W),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
