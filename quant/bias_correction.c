#include "quant/bias_correction.h"

#include "nn/base/mem.h"
#include "nn/range.h"
#include "quant/layer.h"
#include "quant/moments.h"

/* A layer with the sums of its outputs over pictures and positions. */
typedef struct layer_sums {
    quant_layer layer;
    double *sum; /* [outputs] */
    double rows;
} layer_sums;

typedef struct corrector {
    const nn_graph *from;
    nn_arena *arena;
    layer_sums *sums; /* of the float network, layers in order */
    int n;
} corrector;

/* ---- with pictures --------------------------------------------------------------------------- */

static nn_status find_layers(corrector *c)
{
    const int count = nn_graph_count(c->from);
    NN_TRY(nn_arena_new(&c->arena));
    c->sums = nn_arena_alloc(c->arena, (size_t)count * sizeof *c->sums);
    if (c->sums == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < count; i++) {
        layer_sums *s = &c->sums[c->n];
        if (!quant_layer_at(&s->layer, c->from, i) || !quant_layer_has_bias(&s->layer))
            continue;
        s->sum = nn_arena_alloc(c->arena, s->layer.outputs * sizeof *s->sum);
        if (s->sum == NULL)
            return NN_ENOMEM;
        c->n++;
    }
    return NN_OK;
}

/* Adds the outputs of the layer in this pass, before its activation. */
static void add_outputs(layer_sums *s, const quant_run *r, int n)
{
    const nn_node *node = nn_graph_find(r->graph, s->layer.node->name);
    const nn_real *y = nn_exec_value(r->exec, node);
    const size_t channels = s->layer.outputs;
    const size_t rows = nn_shape_count_batch(node->shape, n) / channels;
    for (size_t i = 0; i < rows; i++)
        for (size_t o = 0; o < channels; o++)
            s->sum[o] += (double)y[i * channels + o];
    s->rows += (double)rows;
}

/* Each layer is summed by one thread, in the order of the pictures. */
static nn_status see_float(void *ctx, const quant_run *r, int n)
{
    corrector *c = ctx;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < c->n; i++)
        add_outputs(&c->sums[i], r, n);
    return NN_OK;
}

static nn_status see_quantized(void *ctx, const quant_run *r, int n)
{
    layer_sums *s = ctx;
    add_outputs(s, r, n);
    return NN_OK;
}

static nn_status run_float(corrector *c, const quant_config *config, nn_real *reference,
                           const quant_pictures *pictures)
{
    quant_run r = { 0 };
    nn_status st = quant_run_open(&r, c->from, config, QUANT_CALIBRATE, pictures->batch, true);
    quant_swap_trained(nn_graph_params(c->from), reference);
    if (st == NN_OK)
        st = quant_run_all(&r, pictures, false, NULL, see_float, c);
    quant_swap_trained(nn_graph_params(c->from), reference);
    quant_run_close(&r);
    return st;
}

static nn_status correct_layer(quant_run *r, const layer_sums *exact,
                               const quant_pictures *pictures)
{
    layer_sums s = { .layer = exact->layer };
    s.sum = nn_mem_alloc(s.layer.outputs * sizeof *s.sum);
    if (s.sum == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu biases", s.layer.outputs);
    nn_status st = quant_run_all(r, pictures, false, nn_graph_find(r->graph, s.layer.node->name),
                                 see_quantized, &s);
    for (size_t o = 0; st == NN_OK && o < s.layer.outputs; o++)
        quant_layer_add_bias(&s.layer, o, exact->sum[o] / exact->rows - s.sum[o] / s.rows);
    nn_mem_free(s.sum);
    return st;
}

static nn_status correct_all(corrector *c, const quant_config *config,
                             const quant_pictures *pictures)
{
    quant_run r = { 0 };
    nn_status st = quant_run_open(&r, c->from, config, QUANT_DEPLOY, pictures->batch, true);
    for (int i = 0; st == NN_OK && i < c->n; i++)
        st = correct_layer(&r, &c->sums[i], pictures);
    quant_run_close(&r);
    return st;
}

nn_status quant_correct_bias_by_pictures(int *corrected, const nn_graph *from,
                                         const quant_config *config, nn_real *reference,
                                         const quant_pictures *pictures)
{
    corrector c = { .from = from };
    nn_status st = find_layers(&c);
    if (st == NN_OK)
        st = run_float(&c, config, reference, pictures);
    if (st == NN_OK)
        st = correct_all(&c, config, pictures);
    *corrected = c.n;
    nn_arena_free(c.arena);
    return st;
}

/* ---- without --------------------------------------------------------------------------------- */

/* The share of the positions along one dimension at which tap k of the kernel is within x. */
static double coverage(int out, int in, int stride, int dilation, int before, int k)
{
    int inside = 0;
    for (int o = 0; o < out; o++) {
        const int i = o * stride - before + k * dilation;
        inside += i >= 0 && i < in;
    }
    return (double)inside / out;
}

/* cover[tap]: at how many of the positions it meets the image and not the zeros around it. */
static void cover_taps(double *cover, const nn_node *n)
{
    const nn_window *w = &n->attr.window;
    const nn_shape x = n->in[0]->shape, y = n->shape;
    for (int h = 0; h < w->kernel_h; h++)
        for (int v = 0; v < w->kernel_w; v++)
            *cover++ = coverage(y.dim[1], x.dim[1], w->stride_h, w->dilation_h, w->top, h) *
                       coverage(y.dim[2], x.dim[2], w->stride_w, w->dilation_w, w->left, v);
}

/* What rounding is to be undone: of a layer whose inputs have known means. */
typedef struct rounding {
    const quant_layer *layer;
    const nn_node *point;
    const nn_real *exact, *folded; /* weights before and after what moved them */
    const double *cover;           /* of each tap of the kernel; NULL: a dense layer */
    quant_channel_moments x;
} rounding;

/* What output o gains by the rounding of its weights, on average. */
static double gain_of(const rounding *r, size_t o)
{
    const quant_layer *l = r->layer;
    const nn_range_state s = nn_range_of(r->point);
    const int c = s.channels > 1 ? (int)o : 0;
    const nn_affine a = { (float)s.scale[c], (int32_t)s.zero_point[c] };
    const size_t per_tap = l->node->id == NN_OP_conv2d ? r->x.n : 1;
    double gain = 0;
    for (size_t k = 0; k < l->fan_in; k++) {
        const size_t i = quant_layer_index(l, o, k);
        const int32_t code = nn_affine_code((float)r->folded[i], a, r->point->attr.fakequant.grid);
        const double error = (double)nn_affine_value(code, a) - (double)r->exact[i];
        const double mean = r->x.of[quant_layer_input(l, o, k, r->x.n)].mean;
        gain += error * mean * (r->cover != NULL ? r->cover[k / per_tap] : 1);
    }
    return gain;
}

static nn_status correct_by_moments(const quant_layer *l, const nn_node *point, nn_params *params,
                                    nn_real *reference, quant_channel_moments x)
{
    const size_t count = l->weight->count;
    const bool dense = l->node->id == NN_OP_dense;
    nn_real *exact = nn_mem_alloc(count * sizeof *exact);
    nn_real *folded = nn_mem_alloc(count * sizeof *folded);
    double *cover = nn_mem_alloc(l->fan_in * sizeof *cover);
    const bool fine = exact != NULL && folded != NULL && cover != NULL;
    if (fine) {
        quant_swap_trained(params, reference);
        quant_layer_fold(exact, l);
        quant_swap_trained(params, reference);
        quant_layer_fold(folded, l);
        if (!dense)
            cover_taps(cover, l->node);
        const rounding r = { l, point, exact, folded, dense ? NULL : cover, x };
        for (size_t o = 0; o < l->outputs; o++)
            quant_layer_add_bias(l, o, -gain_of(&r, o));
    }
    nn_mem_free(exact);
    nn_mem_free(folded);
    nn_mem_free(cover);
    return fine ? NN_OK : nn_fail(NN_ENOMEM, "out of memory: %zu weights", count);
}

static nn_status correct_known(int *corrected, const nn_graph *from, const nn_graph *stage,
                               nn_real *reference, const quant_channel_moments *moments)
{
    quant_layer l;
    for (int i = 0; i < nn_graph_count(from); i++) {
        if (!quant_layer_at(&l, from, i) || !quant_layer_has_bias(&l))
            continue;
        const nn_node *point = quant_layer_weight_point(stage, &l);
        const quant_channel_moments x = moments[l.node->in[0]->index];
        if (point == NULL || x.n == 0 || !quant_layer_reads(&l, x.n))
            continue;
        NN_TRY(correct_by_moments(&l, point, nn_graph_params(from), reference, x));
        (*corrected)++;
    }
    return NN_OK;
}

nn_status quant_correct_bias_by_moments(int *corrected, const nn_graph *from,
                                        const quant_config *config, nn_real *reference)
{
    const quant_channel_moments *moments;
    nn_arena *arena = NULL;
    nn_graph *stage = NULL;
    *corrected = 0;
    nn_status st = nn_arena_new(&arena);
    if (st == NN_OK)
        st = quant_moments_find(&moments, arena, from);
    if (st == NN_OK)
        st = nn_graph_new(&stage, nn_graph_params(from));
    if (st == NN_OK)
        st = quant_build(stage, from, config, QUANT_DEPLOY);
    if (st == NN_OK)
        st = correct_known(corrected, from, stage, reference, moments);
    nn_graph_free(stage);
    nn_arena_free(arena);
    return st;
}
