/* adaround: the walk over the layers, and the samples of each. */
#include "quant/adaround.h"

#include <math.h>
#include <string.h>

#include "nn/base/arena.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "quant/adaround_internal.h"

enum { X, WEIGHT, BIAS };
enum { MOST_VALUES = 1 << 25 }; /* of the inputs of one layer's samples: 128 MiB */

typedef struct rounder {
    const nn_graph *from;
    const quant_adaround_options *options;
    const quant_pictures *pictures;
    nn_real *reference; /* the float network's trained vector */
    int n_pictures;
    quant_run exact, rounded; /* float, and quantized so far */
    quant_layer layer;
    nn_window window; /* of the layer; a dense one: a patch that is all of its input */
    int out_h, out_w, in_h, in_w, in_channels;
    size_t each; /* positions of a picture */
    int picture; /* the first of the pass that is being looked at */
    quant_samples s;
} rounder;

/* ---- where a layer is looked at -------------------------------------------------------------- */

static void find_geometry(rounder *r)
{
    const nn_node *n = r->layer.node;
    const nn_shape in = n->in[X]->shape;
    if (n->id == NN_OP_dense) {
        r->window = (nn_window){ .kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1 };
        r->in_h = r->in_w = r->out_h = r->out_w = 1;
        r->in_channels = (int)nn_shape_count(in);
        return;
    }
    r->window = n->attr.window;
    r->in_h = in.dim[1], r->in_w = in.dim[2], r->in_channels = in.dim[3];
    r->out_h = n->shape.dim[1], r->out_w = n->shape.dim[2];
}

/* Position k of a picture: all of them in turn, or drawn. */
static size_t position_of(const rounder *r, int picture, size_t k)
{
    const size_t area = (size_t)r->out_h * (size_t)r->out_w;
    if (r->each == area)
        return k;
    nn_rng rng = nn_rng_stream(r->options->seed, "adaround position",
                               (uint64_t)r->layer.node->index, (uint64_t)picture);
    rng.index = k * 8; /* a draw may take several numbers */
    return nn_rng_below(&rng, (uint32_t)area);
}

/* The patch of x [H,W,C] that position `at` of the output is computed from; zeros outside. */
static void copy_patch(nn_real *to, const rounder *r, const nn_real *x, size_t at)
{
    const nn_window *w = &r->window;
    const size_t bytes = (size_t)r->in_channels * sizeof *to;
    const int top = (int)(at / (size_t)r->out_w) * w->stride_h - w->top;
    const int left = (int)(at % (size_t)r->out_w) * w->stride_w - w->left;
    for (int kh = 0; kh < w->kernel_h; kh++)
        for (int kw = 0; kw < w->kernel_w; kw++, to += r->in_channels) {
            const int h = top + kh * w->dilation_h, v = left + kw * w->dilation_w;
            if (h < 0 || h >= r->in_h || v < 0 || v >= r->in_w)
                memset(to, 0, bytes);
            else
                memcpy(to, x + ((size_t)h * (size_t)r->in_w + (size_t)v) * (size_t)r->in_channels,
                       bytes);
        }
}

/* ---- samples --------------------------------------------------------------------------------- */

static const nn_node *node_in(const quant_run *run, const rounder *r)
{
    return nn_graph_find(run->graph, r->layer.node->name);
}

/* The layer's activation of n values. */
static void activate(nn_real *to, const rounder *r, const nn_real *y, size_t n)
{
    const nn_node *act = r->layer.act;
    const nn_real ceiling = act != NULL && act->id == NN_OP_relu6 ? 6 : (nn_real)INFINITY;
    if (act == NULL) {
        memcpy(to, y, n * sizeof *y);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const nn_real positive = y[i] > 0 ? y[i] : 0;
        to[i] = positive < ceiling ? positive : ceiling;
    }
}

static nn_status see_outputs(void *ctx, const quant_run *run, int n)
{
    rounder *r = ctx;
    const nn_node *node = node_in(run, r);
    const nn_real *y = nn_exec_value(run->exec, node);
    const size_t width = r->s.y_width, item = nn_shape_count(node->shape);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < r->each; k++) {
            const size_t at = position_of(r, r->picture + i, k);
            const size_t row = (size_t)(r->picture + i) * r->each + k;
            activate(r->s.y + row * width, r, y + (size_t)i * item + at * width, width);
        }
    r->picture += n;
    if (r->s.bias != NULL)
        memcpy(r->s.bias, nn_exec_value(run->exec, node->in[BIAS]), width * sizeof *y);
    return NN_OK;
}

static nn_status see_inputs(void *ctx, const quant_run *run, int n)
{
    rounder *r = ctx;
    const nn_node *node = node_in(run, r)->in[X];
    const nn_real *x = nn_exec_value(run->exec, node);
    const size_t item = nn_shape_count(node->shape);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < r->each; k++) {
            const size_t row = (size_t)(r->picture + i) * r->each + k;
            copy_patch(r->s.x + row * r->s.x_width, r, x + (size_t)i * item,
                       position_of(r, r->picture + i, k));
        }
    r->picture += n;
    return NN_OK;
}

static void free_samples(quant_samples *s)
{
    nn_mem_free(s->x);
    nn_mem_free(s->y);
    nn_mem_free(s->bias);
}

static nn_status new_samples(rounder *r)
{
    const size_t area = (size_t)r->out_h * (size_t)r->out_w, pictures = (size_t)r->n_pictures;
    const nn_window *w = &r->window;
    const size_t width = (size_t)w->kernel_h * (size_t)w->kernel_w * (size_t)r->in_channels;
    size_t rows = (size_t)r->options->samples;
    rows = rows * width > MOST_VALUES ? MOST_VALUES / width : rows;
    const size_t each = rows / pictures > 0 ? rows / pictures : 1;
    r->each = each < area ? each : area;
    r->s = (quant_samples){ .rows = r->each * pictures,
                            .x_width = width,
                            .y_width = r->layer.outputs };
    r->s.x = nn_mem_alloc(r->s.rows * r->s.x_width * sizeof *r->s.x);
    r->s.y = nn_mem_alloc(r->s.rows * r->s.y_width * sizeof *r->s.y);
    const bool has_bias = node_in(&r->exact, r)->n_in > BIAS;
    if (has_bias)
        r->s.bias = nn_mem_alloc(r->s.y_width * sizeof *r->s.bias);
    if (r->s.x != NULL && r->s.y != NULL && (r->s.bias != NULL || !has_bias))
        return NN_OK;
    return nn_fail(NN_ENOMEM, "out of memory: %zu samples of %zu values", r->s.rows, r->s.x_width);
}

static nn_status take_samples(rounder *r)
{
    NN_TRY(new_samples(r));
    r->picture = 0;
    quant_swap_trained(nn_graph_params(r->from), r->reference);
    nn_status st =
        quant_run_all(&r->exact, r->pictures, false, node_in(&r->exact, r), see_outputs, r);
    quant_swap_trained(nn_graph_params(r->from), r->reference);
    r->picture = 0;
    if (st == NN_OK)
        st = quant_run_all(&r->rounded, r->pictures, false, node_in(&r->rounded, r)->in[X],
                           see_inputs, r);
    return st;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static nn_status count_pictures(rounder *r)
{
    const quant_pictures *p = r->pictures;
    NN_TRY(p->rewind(p->ctx));
    for (;;) {
        const nn_real *image;
        int n = 0;
        NN_TRY(p->next(p->ctx, &image, &n));
        if (n == 0)
            break;
        r->n_pictures += n;
    }
    return r->n_pictures > 0 ? NN_OK : nn_fail(NN_EINVAL, "calibration: no pictures were given");
}

static nn_status round_layer(rounder *r, const nn_node *point, quant_rounded *out)
{
    find_geometry(r);
    nn_status st = take_samples(r);
    const quant_rounding rounding = { .layer = &r->layer,
                                      .point = point,
                                      .samples = &r->s,
                                      .options = r->options,
                                      .stream = (uint64_t)r->layer.node->index };
    if (st == NN_OK)
        st = quant_adaround__learn(out, &rounding);
    free_samples(&r->s);
    return st;
}

/* The fakequant node of the weight of node i, which becomes the layer that is looked at; NULL: it
 * is no layer, or one in float. */
static const nn_node *point_of(rounder *r, int i)
{
    return quant_layer_at(&r->layer, r->from, i)
               ? quant_layer_weight_point(r->rounded.graph, &r->layer)
               : NULL;
}

static nn_status round_all(rounder *r, quant_rounded *out)
{
    int total = 0;
    for (int i = 0; i < nn_graph_count(r->from); i++)
        total += point_of(r, i) != NULL;
    for (int i = 0; i < nn_graph_count(r->from); i++) {
        const nn_node *point = point_of(r, i);
        if (point == NULL)
            continue;
        if (r->options->progress != NULL)
            r->options->progress(r->options->progress_ctx, r->layer.node->name, out->layers, total);
        NN_TRY(round_layer(r, point, out));
    }
    return NN_OK;
}

static nn_status open_all(rounder *r, const quant_config *config)
{
    const nn_vector v = nn_params_trained(nn_graph_params(r->from));
    const int batch = r->pictures->batch;
    r->reference = nn_mem_alloc(v.count * sizeof *v.value + 1);
    if (r->reference == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a copy of the parameters");
    memcpy(r->reference, v.value, v.count * sizeof *v.value);
    NN_TRY(count_pictures(r));
    NN_TRY(quant_run_open(&r->exact, r->from, config, QUANT_CALIBRATE, batch, true));
    return quant_run_open(&r->rounded, r->from, config, QUANT_DEPLOY, batch, true);
}

static quant_adaround_options fill(const quant_adaround_options *o)
{
    quant_adaround_options f = *o;
    f.steps = f.steps == 0 ? 10000 : f.steps;
    f.rows = f.rows == 0 ? 256 : f.rows;
    f.samples = f.samples == 0 ? 16384 : f.samples;
    f.rate = f.rate == 0 ? 1e-3 : f.rate;
    f.lambda = f.lambda == 0 ? 0.01 : f.lambda;
    return f;
}

nn_status quant_adaround(quant_rounded *out, const nn_graph *from, const quant_config *config,
                         const quant_adaround_options *o, const quant_pictures *pictures)
{
    const quant_adaround_options filled = fill(o);
    rounder r = { .from = from, .options = &filled, .pictures = pictures };
    *out = (quant_rounded){ 0 };
    nn_status st = open_all(&r, config);
    if (st == NN_OK)
        st = round_all(&r, out);
    quant_run_close(&r.exact);
    quant_run_close(&r.rounded);
    nn_mem_free(r.reference);
    return st;
}
