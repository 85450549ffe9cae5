/* adaround: the learning of one layer's codes from samples of its inputs and outputs. */
#include <math.h>
#include <string.h>

#include "nn/base/chunk.h"
#include "nn/base/math.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "nn/exec.h"
#include "nn/range.h"
#include "optim/optim.h"
#include "quant/adaround_internal.h"

/* ---- the relaxed choice ---------------------------------------------------------------------- */

/* Before it is clipped h goes from `lower` to `upper`, so that it can be 0 and 1. */
static const double upper = 1.1, lower = -0.1;

double quant_adaround_h(double v)
{
    return fmin(fmax(nn_sigmoid(v) * (upper - lower) + lower, 0), 1);
}

double quant_adaround_v(double h)
{
    return -nn_log((upper - lower) / (h - lower) - 1);
}

double quant_adaround_pull(double h, double beta)
{
    const double u = 2 * h - 1;
    if (u == 0)
        return 0;
    return -2 * beta * nn_pow(fabs(u), beta - 1) * (u > 0 ? 1 : -1);
}

/* h(V) and the pull are looked up between equal steps: of V in [-3, 3], beyond which h is 0 or 1,
 * and of h in [0, 1]. */
enum { STEPS_OF_V = 6144, STEPS_OF_H = 1024 };
static const double v_end = 3;

typedef struct tables {
    float h[STEPS_OF_V + 1], pull[STEPS_OF_H + 1];
} tables;

static void fill_h(tables *t)
{
    for (int i = 0; i <= STEPS_OF_V; i++)
        t->h[i] = (float)quant_adaround_h(2 * v_end * i / STEPS_OF_V - v_end);
}

static void fill_pull(tables *t, double lambda, double beta)
{
    for (int i = 0; i <= STEPS_OF_H; i++)
        t->pull[i] = (float)(lambda * quant_adaround_pull((double)i / STEPS_OF_H, beta));
}

/* x: where in the table, 0 .. steps. */
static float look_up(const float *table, int steps, float x)
{
    x = x > 0 ? x : 0;
    const int i = x < (float)(steps - 1) ? (int)x : steps - 1;
    const float t = x - (float)i;
    return table[i] + (t < 1 ? t : 1) * (table[i + 1] - table[i]);
}

static float h_of(const tables *t, nn_real v)
{
    const float per_v = (float)(STEPS_OF_V / (2 * v_end));
    return look_up(t->h, STEPS_OF_V, ((float)v + (float)v_end) * per_v);
}

/* ---- a layer that learns --------------------------------------------------------------------- */

/* One weight: its scale, the code below it, and the codes that there are, less the zero point. */
typedef struct cell {
    float scale, floor, low, high;
} cell;

typedef struct learner {
    const quant_rounding *r;
    nn_params *layer, *choice; /* the weight w~ and the bias; V */
    nn_param *weight, *v;
    nn_graph *graph; /* patches -> layer -> activation -> squared error against targets */
    const nn_node *x, *y;
    nn_plan *plan;
    nn_exec *exec;
    opt *adam;
    nn_real *x_batch, *y_batch;
    uint32_t *row; /* [rows] of the samples, in the batch */
    cell *cell;    /* [weights] */
    tables *table;
    size_t count;
    int rows;
} learner;

static nn_node *append_layer(learner *l, nn_node *x)
{
    const quant_samples *s = l->r->samples;
    const nn_node *n = l->r->layer->node;
    const nn_init none = { .kind = NN_INIT_CONSTANT };
    nn_window w = { .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1 };
    const bool depthwise = n->id == NN_OP_dwconv2d;
    const nn_shape shape = depthwise ? n->in[1]->shape : NN_SHAPE((int)s->y_width, (int)s->x_width);
    nn_node *in[3] = { x, nn_param_node(l->graph, "weight", shape, NN_PARAM_WEIGHT, none), NULL };
    if (s->bias != NULL)
        in[2] = nn_param_node(l->graph, "bias", NN_SHAPE((int)s->y_width), NN_PARAM_STATE, none);
    w.kernel_h = n->attr.window.kernel_h;
    w.kernel_w = n->attr.window.kernel_w;
    w.padding = NN_VALID;
    const nn_attr attr = { .window = w };
    return nn_node_new(l->graph, depthwise ? NN_OP_dwconv2d : NN_OP_dense, "layer", in,
                       s->bias != NULL ? 3 : 2, depthwise ? &attr : NULL);
}

static nn_node *activate(nn_graph *g, const quant_layer *layer, nn_node *y)
{
    return layer->act != NULL ? nn_node_new(g, layer->act->id, "act", &y, 1, NULL) : y;
}

static nn_status build_graph(learner *l)
{
    const quant_samples *s = l->r->samples;
    const nn_node *n = l->r->layer->node;
    NN_TRY(nn_params_new(&l->layer));
    NN_TRY(nn_graph_new(&l->graph, l->layer));
    nn_shape patch = NN_SHAPE(NN_BATCH, (int)s->x_width);
    if (n->id == NN_OP_dwconv2d)
        patch = NN_SHAPE(NN_BATCH, n->attr.window.kernel_h, n->attr.window.kernel_w,
                         nn_shape_channels(n->in[0]->shape));
    nn_node *x = nn_input(l->graph, "x", patch);
    nn_node *y = activate(l->graph, l->r->layer, append_layer(l, x));
    nn_node *target = y != NULL ? nn_input(l->graph, "y", y->shape) : NULL;
    nn_node *pair[] = { y, target };
    nn_node *loss = nn_node_new(l->graph, NN_OP_mse, "loss", pair, 2, NULL);
    NN_TRY(nn_graph_check(l->graph));
    l->x = x;
    l->y = target;
    NN_TRY(nn_params_collate(l->layer));
    NN_TRY(nn_plan_new(&l->plan, l->graph, &(nn_plan_options){ .batch = l->rows, .loss = loss }));
    return nn_exec_new(&l->exec, l->plan, NULL);
}

static nn_status make_choice(learner *l)
{
    const opt_config settings = { 0 };
    NN_TRY(nn_params_new(&l->choice));
    NN_TRY(nn_params_get(&l->v, l->choice, "v", NN_SHAPE((int)l->count), NN_PARAM_WEIGHT,
                         (nn_init){ .kind = NN_INIT_CONSTANT }));
    NN_TRY(nn_params_collate(l->choice));
    return opt_new(&l->adam, "adam", l->choice, &settings);
}

/* V so that h is what is left of w / s above the code below it. */
static nn_status start(learner *l)
{
    const quant_layer *layer = l->r->layer;
    const nn_range_state s = nn_range_of(l->r->point);
    const nn_grid grid = l->r->point->attr.fakequant.grid;
    nn_real *folded = nn_mem_alloc(l->count * sizeof *folded);
    if (folded == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu weights", l->count);
    quant_layer_fold(folded, layer);
    for (size_t o = 0; o < layer->outputs; o++)
        for (size_t k = 0; k < layer->fan_in; k++) {
            const size_t i = quant_layer_index(layer, o, k), c = s.channels > 1 ? o : 0;
            const double exact = (double)folded[i] / (double)s.scale[c];
            l->cell[i] = (cell){ (float)s.scale[c], (float)floor(exact),
                                 (float)(grid.qmin - (double)s.zero_point[c]),
                                 (float)(grid.qmax - (double)s.zero_point[c]) };
            l->v->value[i] = (nn_real)quant_adaround_v(exact - floor(exact));
        }
    nn_mem_free(folded);
    return NN_OK;
}

static nn_status set_up(learner *l)
{
    const quant_samples *s = l->r->samples;
    const size_t rows = (size_t)l->rows;
    NN_TRY(build_graph(l));
    NN_TRY(make_choice(l));
    l->weight = nn_params_find(l->layer, "weight");
    l->x_batch = nn_mem_alloc(rows * s->x_width * sizeof *l->x_batch);
    l->y_batch = nn_mem_alloc(rows * s->y_width * sizeof *l->y_batch);
    l->row = nn_mem_alloc(rows * sizeof *l->row);
    l->cell = nn_mem_alloc(l->count * sizeof *l->cell);
    l->table = nn_mem_alloc(sizeof *l->table);
    if (l->x_batch == NULL || l->y_batch == NULL || l->row == NULL || l->cell == NULL ||
        l->table == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a step of %zu positions", rows);
    if (s->bias != NULL)
        memcpy(nn_params_find(l->layer, "bias")->value, s->bias, s->y_width * sizeof *s->bias);
    nn_exec_bind(l->exec, l->x, l->x_batch);
    nn_exec_bind(l->exec, l->y, l->y_batch);
    fill_h(l->table);
    return start(l);
}

static void tear_down(learner *l)
{
    nn_exec_free(l->exec);
    nn_plan_free(l->plan);
    nn_graph_free(l->graph);
    opt_free(l->adam);
    nn_params_free(l->layer);
    nn_params_free(l->choice);
    nn_mem_free(l->x_batch);
    nn_mem_free(l->y_batch);
    nn_mem_free(l->row);
    nn_mem_free(l->cell);
    nn_mem_free(l->table);
}

/* ---- a step ---------------------------------------------------------------------------------- */

enum { GRAIN = 4096, MOST_CHUNKS = 64 };

/* Rows in the order in which they were drawn: most of a step of a small layer is fetching them. */
static void draw_batch(learner *l, int step)
{
    const quant_samples *s = l->r->samples;
    nn_rng rng = nn_rng_stream(l->r->options->seed, "adaround batch", l->r->stream, (uint64_t)step);
    for (int i = 0; i < l->rows; i++)
        l->row[i] = nn_rng_below(&rng, (uint32_t)s->rows);
#pragma omp parallel for schedule(static) if ((size_t)l->rows * s->x_width >= GRAIN)
    for (int i = 0; i < l->rows; i++) {
        const size_t to = (size_t)i, from = l->row[i];
        memcpy(l->x_batch + to * s->x_width, s->x + from * s->x_width, s->x_width * sizeof *s->x);
        memcpy(l->y_batch + to * s->y_width, s->y + from * s->y_width, s->y_width * sizeof *s->y);
    }
}

/* The code less the zero point, within the grid; *inside: does it follow h? */
static float code_of(const cell *c, float h, bool *inside)
{
    const float code = c->floor + h;
    *inside = code >= c->low && code <= c->high;
    return code < c->low ? c->low : code > c->high ? c->high : code;
}

static void set_weights(learner *l)
{
    const int chunks = nn_chunk_count(l->count, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++) {
        const size_t end = nn_chunk_begin(l->count, chunks, k + 1);
        for (size_t i = nn_chunk_begin(l->count, chunks, k); i < end; i++) {
            bool inside;
            const float code = code_of(&l->cell[i], h_of(l->table, l->v->value[i]), &inside);
            l->weight->value[i] = (nn_real)(l->cell[i].scale * code);
        }
    }
}

/* dV out of dw~; the loss's mean over channels becomes their sum. */
static void set_gradients(learner *l, bool regular)
{
    const float stretch = (float)(upper - lower), shift = (float)lower;
    const float channels = (float)l->r->samples->y_width;
    const int chunks = nn_chunk_count(l->count, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++) {
        const size_t end = nn_chunk_begin(l->count, chunks, k + 1);
        for (size_t i = nn_chunk_begin(l->count, chunks, k); i < end; i++) {
            const float h = h_of(l->table, l->v->value[i]);
            const float sigmoid = (h - shift) / stretch;
            const float slope = h > 0 && h < 1 ? stretch * sigmoid * (1 - sigmoid) : 0;
            bool inside;
            code_of(&l->cell[i], h, &inside);
            float d = inside ? (float)l->weight->grad[i] * channels * l->cell[i].scale : 0;
            if (regular)
                d += look_up(l->table->pull, STEPS_OF_H, h * STEPS_OF_H);
            l->v->grad[i] = (nn_real)(d * slope);
        }
    }
}

static void learn(learner *l)
{
    const quant_adaround_options *o = l->r->options;
    const double pi = 3.14159265358979323846, most = 20, least = 2;
    const int free_steps = o->steps / 5; /* without the pull to 0 and 1 */
    const nn_run run = { .training = true };
    for (int step = 0; step < o->steps; step++) {
        const double way = (double)(step - free_steps) / (o->steps - free_steps);
        if (step >= free_steps)
            fill_pull(l->table, o->lambda, least + (most - least) / 2 * (1 + nn_cos(pi * way)));
        draw_batch(l, step);
        set_weights(l);
        nn_exec_forward(l->exec, l->rows, &run);
        nn_exec_backward(l->exec, l->rows, &run);
        set_gradients(l, step >= free_steps);
        opt_step(l->adam, o->rate, step);
    }
}

static void report(quant_rounded *out, const learner *l)
{
    const double near = 0.01;
    for (size_t i = 0; i < l->count; i++) {
        const double h = quant_adaround_h((double)l->v->value[i]);
        out->undecided += h > near && h < 1 - near;
    }
    out->weights += l->count;
    out->layers++;
}

/* A weight whose factor is 0 can take no value, and needs none. */
static void write_weights(const learner *l)
{
    const quant_layer *layer = l->r->layer;
    for (size_t o = 0; o < layer->outputs; o++) {
        const double factor = (double)quant_layer_factor(layer, o);
        for (size_t k = 0; factor != 0 && k < layer->fan_in; k++) {
            const size_t i = quant_layer_index(layer, o, k);
            bool inside;
            const float up = quant_adaround_h((double)l->v->value[i]) >= 0.5 ? 1 : 0;
            const double code = (double)code_of(&l->cell[i], up, &inside);
            layer->weight->value[i] = (nn_real)(code * (double)l->cell[i].scale / factor);
        }
    }
}

nn_status quant_adaround__learn(quant_rounded *out, const quant_rounding *r)
{
    const int rows =
        (size_t)r->options->rows < r->samples->rows ? r->options->rows : (int)r->samples->rows;
    learner l = { .r = r, .count = r->layer->weight->count, .rows = rows };
    nn_status st = set_up(&l);
    if (st == NN_OK) {
        learn(&l);
        write_weights(&l);
        report(out, &l);
    }
    tear_down(&l);
    return st;
}
