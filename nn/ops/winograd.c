/* winograd - conv2d of 3x3 kernels at stride 1 with a quarter of the multiplications.
 *
 *   x [N,H,W,C]   w [O,3,3,C]   bias [O], optional        y [N,OH,OW,O]
 *
 * What conv2d computes, with errors about twice as large; nn/kernels/wino.h has the method.  A
 * block of tiles is transformed to 36 matrices [tiles, channels] that stay in the second-level
 * cache, multiplied there, and transformed back.  Its size, and the groups of blocks over which a
 * weight gradient is summed, follow from the shape: the bits do not depend on the number of
 * threads.
 *
 * No graph has this node: a plan that may (nn_plan_options) computes a conv2d by it. */
#include "nn/ops/winograd.h"

#include <string.h>

#include "nn/kernels/gemm.h"
#include "nn/ops/linear.h"

enum { X = NN_LINEAR_X, W = NN_LINEAR_W, BIAS = NN_LINEAR_BIAS };
enum { IN = NN_WINO_IN, OUT = NN_WINO_OUT, PLANES = NN_WINO_PLANES, KERNEL = 3 };

enum {
    LEAST_CHANNELS = 16,
    MOST_WEIGHTS = 256 * 256, /* more come from memory for each block */
    BLOCK = 128 * 1024, /* elements of a block's two sets of planes: half of a 1 MB cache ... */
    LEAST_TILES = 28,   /* ... but enough rows for the matrix product, */
    MOST_TILES = 112,
    LINE = 16,              /* elements between planes, lest all begin in one set of the cache */
    MOST_PARTIAL = 4 << 20, /* elements of partial weight gradients */
    WANTED_GROUPS = 16,
};

static bool fits(const nn_window *w)
{
    return w->kernel_h == KERNEL && w->kernel_w == KERNEL && w->stride_h == 1 && w->stride_w == 1 &&
           w->dilation_h == 1 && w->dilation_w == 1;
}

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

/* The last condition: at most half of the tiles' results are thrown away. */
bool nn_winograd_wins(const nn_node *n)
{
    if (n->id != NN_OP_conv2d || !fits(&n->attr.window))
        return false;
    const int c = nn_shape_channels(n->in[X]->shape), o = nn_shape_channels(n->shape);
    const long long h = n->shape.dim[1], w = n->shape.dim[2];
    const long long tiled = OUT * OUT * (long long)divide_up((int)h, OUT) * divide_up((int)w, OUT);
    return c >= LEAST_CHANNELS && o >= LEAST_CHANNELS && (long long)c * o <= MOST_WEIGHTS &&
           tiled <= 2 * h * w;
}

static nn_status infer(nn_node *n)
{
    const nn_window *w = &n->attr.window;
    NN_TRY(nn_op_conv2d.infer(n));
    if (!fits(w))
        return NN_NODE_FAIL(n,
                            "kernel %dx%d, stride %d, dilation %d; must be 3x3, 1, 1: use conv2d",
                            w->kernel_h, w->kernel_w, w->stride_h, w->dilation_h);
    return NN_OK;
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/* How a pass from `src` to `dst` is cut: each image into tiles_h x tiles_w tiles of the result, all
 * of them into blocks. */
typedef struct tiling {
    int src_h, src_w, src_c, dst_h, dst_w, dst_c;
    int pad_t, pad_l; /* tile (0, 0) begins so far outside the source */
    int tiles_h, tiles_w, tiles;
    int block, blocks;
} tiling;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int clamp(int x, int lo, int hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static tiling cut(tiling t, int images)
{
    t.tiles_h = divide_up(t.dst_h, OUT);
    t.tiles_w = divide_up(t.dst_w, OUT);
    t.tiles = images * t.tiles_h * t.tiles_w;
    t.block = clamp(BLOCK / (PLANES * (t.src_c + t.dst_c)), LEAST_TILES, MOST_TILES);
    t.blocks = divide_up(t.tiles, t.block);
    return t;
}

static tiling tile_forward(const nn_conv_geom *g)
{
    const tiling t = { g->h, g->w, g->c, g->oh, g->ow, g->o, .pad_t = g->pad_t, .pad_l = g->pad_l };
    return cut(t, g->n);
}

/* dx is the correlation of dy with the weights turned round. */
static tiling tile_backward(const nn_conv_geom *g)
{
    const tiling t = { g->oh,
                       g->ow,
                       g->o,
                       g->h,
                       g->w,
                       g->c,
                       .pad_t = KERNEL - 1 - g->pad_t,
                       .pad_l = KERNEL - 1 - g->pad_l };
    return cut(t, g->n);
}

/* The n x n patch that begins at (row, column) of an image of h x w pixels, c channels. */
static nn_wino_patch patch_at(int image, int h, int w, int c, int row, int column, int n)
{
    const ptrdiff_t pitch = (ptrdiff_t)w * c;
    return (nn_wino_patch){
        .at = ((ptrdiff_t)image * h + row) * pitch + (ptrdiff_t)column * c,
        .row = pitch,
        .pixel = c,
        .row0 = clamp(-row, 0, n),
        .row1 = clamp(h - row, 0, n),
        .col0 = clamp(-column, 0, n),
        .col1 = clamp(w - column, 0, n),
    };
}

/* What tile i reads of the source, and where its result lies. */
static nn_wino_patch source_of(const tiling *t, int i)
{
    const int image = i / (t->tiles_h * t->tiles_w), at = i % (t->tiles_h * t->tiles_w);
    return patch_at(image, t->src_h, t->src_w, t->src_c, at / t->tiles_w * OUT - t->pad_t,
                    at % t->tiles_w * OUT - t->pad_l, IN);
}

static nn_wino_patch result_of(const tiling *t, int i)
{
    const int image = i / (t->tiles_h * t->tiles_w), at = i % (t->tiles_h * t->tiles_w);
    return patch_at(image, t->dst_h, t->dst_w, t->dst_c, at / t->tiles_w * OUT,
                    at % t->tiles_w * OUT, OUT);
}

/* The rows of a tensor that the patches of tiles [first, last) look at; [at] says which those of a
 * tile are. */
static nn_span reach(const tiling *t, const nn_real *x, int first, int last,
                     nn_wino_patch (*patch)(const tiling *t, int i))
{
    if (first >= t->tiles)
        return (nn_span){ 0 };
    const nn_wino_patch a = patch(t, first), b = patch(t, smaller(last, t->tiles) - 1);
    const nn_real *from = x + a.at + a.row0 * a.row, *to = x + b.at + b.row1 * b.row;
    return (nn_span){ from, to > from ? (size_t)(to - from) * sizeof *x : 0 };
}

/* ---- scratch --------------------------------------------------------------------------------- */

/* Elements from one plane of a block to the next: an odd number of cache lines. */
static ptrdiff_t pitch_of(const tiling *t, int channels)
{
    return (ptrdiff_t)(divide_up(t->block * channels, LINE) | 1) * LINE;
}

/* One thread's planes for a block: of what comes from the source, and of the result. */
typedef struct slot {
    nn_real *src, *dst;
    ptrdiff_t src_pitch, dst_pitch;
} slot;

static slot carve_slot(char **at, const tiling *t)
{
    const ptrdiff_t src = pitch_of(t, t->src_c), dst = pitch_of(t, t->dst_c);
    return (slot){
        .src = nn_linear_carve(at, (size_t)src * PLANES * sizeof(nn_real)),
        .dst = nn_linear_carve(at, (size_t)dst * PLANES * sizeof(nn_real)),
        .src_pitch = src,
        .dst_pitch = dst,
    };
}

static size_t slot_bytes(const tiling *t)
{
    char *end = NULL;
    carve_slot(&end, t);
    return (size_t)(uintptr_t)end;
}

static slot slot_here(char *slots, const tiling *t)
{
    char *at = slots + slot_bytes(t) * (size_t)nn_thread_index();
    return carve_slot(&at, t);
}

/* Elements of the transformed weights. */
static size_t weight_count(const nn_conv_geom *g)
{
    return PLANES * (size_t)g->o * (size_t)g->c;
}

/* Transformed weights twice: as they come, and packed. */
static size_t pass_bytes(const nn_conv_geom *g, const tiling *t)
{
    return 2 * nn_align_up(weight_count(g) * sizeof(nn_real)) + NN_SLOTS * slot_bytes(t);
}

/* Groups of blocks with a partial weight gradient each. */
static int count_groups(const nn_conv_geom *g, const tiling *t)
{
    const size_t fit = MOST_PARTIAL / weight_count(g);
    return smaller(t->blocks, clamp(fit < NN_SLOTS ? (int)fit : NN_SLOTS, 1, WANTED_GROUPS));
}

static size_t grad_bytes(const nn_conv_geom *g, const tiling *t)
{
    return nn_align_up(weight_count(g) * sizeof(nn_real)) * (size_t)(count_groups(g, t) + 1) +
           NN_SLOTS * slot_bytes(t);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static nn_need need(const nn_node *n, int batch, bool training)
{
    const nn_conv_geom g = nn_linear_geom(n, batch);
    const tiling forward = tile_forward(&g), back = tile_backward(&g);
    size_t most = pass_bytes(&g, &forward);
    if (training) {
        most = larger(most, grad_bytes(&g, &forward));
        most = larger(most, pass_bytes(&g, &back));
        most = larger(most, nn_linear_bias_scratch(g.o));
    }
    return (nn_need){ .saved = 0, .scratch = most };
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Where the 3x3 weights of output channel o are in w and dw, turned by 180 degrees if `turned`. */
static nn_wino_patch weights_of(const nn_conv_geom *g, int o, bool turned)
{
    const ptrdiff_t pixel = g->c, row = KERNEL * pixel, last = KERNEL * row - pixel;
    return (nn_wino_patch){
        .at = o * KERNEL * row + (turned ? last : 0),
        .row = turned ? -row : row,
        .pixel = turned ? -pixel : pixel,
        .row1 = KERNEL,
        .col1 = KERNEL,
    };
}

/* packed = the 36 matrices [source channels] x [destination channels] of the transformed weights,
 * of which the input gradient wants the transposed ones. */
static void transform_weights(const nn_conv_geom *g, const nn_real *w, bool turned, nn_real *plain,
                              nn_real *packed)
{
    const ptrdiff_t size = (ptrdiff_t)g->o * g->c;
#pragma omp parallel for schedule(static) num_threads(nn_linear_threads(g->o))
    for (int o = 0; o < g->o; o++) {
        const nn_wino_patch p = weights_of(g, o, turned);
        nn_kernel.wino_spread(plain + (ptrdiff_t)o * g->c, size, w, &p, NN_WINO_WEIGHT, g->c);
    }
#pragma omp parallel for schedule(static) num_threads(nn_linear_threads(PLANES))
    for (int k = 0; k < PLANES; k++) {
        const nn_gemm_source b = {
            .n = turned ? g->c : g->o,
            .runs = 1,
            .len = turned ? g->o : g->c,
            .src = plain + k * size,
            .src_run = &(ptrdiff_t){ 0 },
            .src_step = turned ? g->c : 1,
            .src_column = turned ? 1 : g->c,
        };
        nn_gemm_pack(packed + k * size, &b, 0, nn_gemm_panels(b.n));
    }
}

/* ---- forward and input gradient -------------------------------------------------------------- */

/* What a pass reads and where the result goes. */
typedef struct target {
    const nn_real *src, *bias;
    nn_real *dst;
    bool add;
} target;

/* The 36 products of a block of tiles.  Meanwhile the next block's source comes near, and the place
 * of this one's result. */
static void multiply(const tiling *t, int block, const target *to, const nn_real *packed,
                     const slot *s)
{
    const int first = block * t->block, last = smaller(first + t->block, t->tiles);
    const nn_span next = reach(t, to->src, last, last + t->block, source_of);
    const nn_span result = reach(t, to->dst, first, last, result_of);
    for (int k = 0; k < PLANES; k++) {
        nn_span_ask(next, PLANES, k);
        nn_span_ask(result, PLANES, k);
        nn_gemm_short(s->dst + k * s->dst_pitch, s->src + k * s->src_pitch,
                      packed + (ptrdiff_t)k * t->src_c * t->dst_c, last - first, t->dst_c,
                      t->src_c);
    }
}

static void correlate_block(const tiling *t, int block, const target *to, const nn_real *packed,
                            const slot *s)
{
    const int first = block * t->block, n = smaller(t->block, t->tiles - first);
    for (int i = 0; i < n; i++) {
        const nn_wino_patch p = source_of(t, first + i);
        nn_kernel.wino_spread(s->src + (ptrdiff_t)i * t->src_c, s->src_pitch, to->src, &p,
                              NN_WINO_SOURCE, t->src_c);
    }
    multiply(t, block, to, packed, s);
    for (int i = 0; i < n; i++) {
        const nn_wino_patch p = result_of(t, first + i);
        nn_kernel.wino_gather(to->dst, &p, s->dst + (ptrdiff_t)i * t->dst_c, s->dst_pitch,
                              NN_WINO_RESULT, to->bias, to->add, t->dst_c);
    }
}

static void correlate(const nn_conv_geom *g, const tiling *t, const target *to, const nn_real *w,
                      bool turned, char *scratch)
{
    nn_real *plain = nn_linear_carve(&scratch, weight_count(g) * sizeof *plain);
    nn_real *packed = nn_linear_carve(&scratch, weight_count(g) * sizeof *packed);
    transform_weights(g, w, turned, plain, packed);
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(t->blocks))
    for (int i = 0; i < t->blocks; i++) {
        const slot s = slot_here(scratch, t);
        correlate_block(t, i, to, packed, &s);
    }
}

static void forward(const nn_call *c)
{
    const nn_conv_geom g = nn_linear_geom(c->node, c->batch);
    const tiling t = tile_forward(&g);
    const nn_real *bias = c->node->n_in > BIAS ? c->x[BIAS] : NULL;
    correlate(&g, &t, &(target){ c->x[X], bias, c->y, false }, c->x[W], false, c->scratch);
}

static void backward_x(const nn_call *c, const nn_conv_geom *g)
{
    const tiling t = tile_backward(g);
    correlate(g, &t, &(target){ c->dy, NULL, c->dx[X], c->add[X] }, c->x[W], true, c->scratch);
}

/* ---- weight gradient ------------------------------------------------------------------------- */

/* dplanes [36, O, C] += one block's share. */
static void grad_block(const nn_call *c, const tiling *t, int block, nn_real *dplanes,
                       const slot *s)
{
    const int first = block * t->block, n = smaller(t->block, t->tiles - first);
    for (int i = 0; i < n; i++) {
        const nn_wino_patch x = source_of(t, first + i);
        const nn_wino_patch dy = result_of(t, first + i);
        nn_kernel.wino_spread(s->src + (ptrdiff_t)i * t->src_c, s->src_pitch, c->x[X], &x,
                              NN_WINO_SOURCE, t->src_c);
        nn_kernel.wino_spread(s->dst + (ptrdiff_t)i * t->dst_c, s->dst_pitch, c->dy, &dy,
                              NN_WINO_DY, t->dst_c);
    }
    const nn_span next[] = {
        reach(t, c->x[X], first + n, first + n + t->block, source_of),
        reach(t, c->dy, first + n, first + n + t->block, result_of),
    };
    for (int k = 0; k < PLANES; k++) {
        nn_span_ask(next[0], PLANES, k);
        nn_span_ask(next[1], PLANES, k);
        nn_gemm_columns(&(nn_gemm_outer){
            .m = t->dst_c,
            .n = t->src_c,
            .runs = 1,
            .len = n,
            .a = s->dst + k * s->dst_pitch,
            .b = s->src + k * s->src_pitch,
            .a_run = &(ptrdiff_t){ 0 },
            .b_run = &(ptrdiff_t){ 0 },
            .a_step = t->dst_c,
            .b_step = t->src_c,
            .c_step = t->src_c,
            .add = true,
            .c = dplanes + (ptrdiff_t)k * t->dst_c * t->src_c,
        });
    }
}

static void grad_group(const nn_call *c, const tiling *t, int groups, int group, nn_real *dplanes,
                       const slot *s)
{
    const size_t blocks = (size_t)t->blocks;
    memset(dplanes, 0, PLANES * (size_t)t->dst_c * (size_t)t->src_c * sizeof *dplanes);
    for (size_t i = nn_chunk_begin(blocks, groups, group);
         i < nn_chunk_begin(blocks, groups, group + 1); i++)
        grad_block(c, t, (int)i, dplanes, s);
}

static void backward_w(const nn_call *c, const nn_conv_geom *g)
{
    const tiling t = tile_forward(g);
    const int groups = count_groups(g, &t);
    const ptrdiff_t size = (ptrdiff_t)g->o * g->c;
    const size_t count = weight_count(g);
    char *at = c->scratch;
    nn_real *sum = nn_linear_carve(&at, count * sizeof *sum);
    nn_real *partial = nn_linear_carve(&at, count * (size_t)groups * sizeof *partial);
#pragma omp parallel for schedule(dynamic) num_threads(nn_linear_threads(groups))
    for (int i = 0; i < groups; i++) {
        const slot s = slot_here(at, &t);
        grad_group(c, &t, groups, i, partial + count * (size_t)i, &s);
    }
    nn_linear_sum(sum, false, partial, groups, count);
#pragma omp parallel for schedule(static) num_threads(nn_linear_threads(g->o))
    for (int o = 0; o < g->o; o++) {
        const nn_wino_patch p = weights_of(g, o, false);
        nn_kernel.wino_gather(c->dx[W], &p, sum + (ptrdiff_t)o * g->c, size, NN_WINO_DW, NULL,
                              c->add[W], g->c);
    }
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

const nn_op nn_op_winograd = {
    .name = "winograd",
    .n_in_min = 2,
    .n_in_max = 3,
    .keeps = NN_KEEP_X(NN_LINEAR_X) | NN_KEEP_X(NN_LINEAR_W),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
