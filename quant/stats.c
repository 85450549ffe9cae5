#include "quant/stats.h"

#include <math.h>
#include <string.h>

#include "nn/base/arena.h"
#include "nn/base/mem.h"

enum { FQ_X, FQ_SCALE = 3, FQ_ZERO_POINT }; /* inputs of op fakequant */

/* ---- making ---------------------------------------------------------------------------------- */

/* "conv1/weight/quant" quantizes the parameter conv1/weight; an activation's name is that of the
 * node whose result it quantizes, as in the file. */
static bool name_tensor(quant_tensor_stats *t, nn_arena *a, const nn_node *fakequant)
{
    static const char tail[] = "/quant";
    const size_t n = strlen(fakequant->name), m = sizeof tail - 1;
    t->is_weight = n > m && strcmp(fakequant->name + n - m, tail) == 0;
    t->name = t->is_weight ? nn_arena_printf(a, "%.*s", (int)(n - m), fakequant->name)
                           : nn_arena_strdup(a, fakequant->in[FQ_X]->name);
    return t->name != NULL;
}

static nn_status add_tensor(quant_stats *s, const nn_node *fakequant, int bins)
{
    const size_t channels = nn_shape_count(fakequant->in[FQ_SCALE]->shape);
    quant_tensor_stats *t = &s->tensor[s->n];
    *t = (quant_tensor_stats){
        .shape = fakequant->shape,
        .grid = fakequant->attr.fakequant.grid,
        .channels = (int)channels,
        .scale = nn_arena_alloc(s->arena, channels * sizeof *t->scale),
        .zero_point = nn_arena_alloc(s->arena, channels * sizeof *t->zero_point),
        .least = nn_arena_alloc(s->arena, channels * sizeof *t->least),
        .most = nn_arena_alloc(s->arena, channels * sizeof *t->most),
    };
    if (t->scale == NULL || t->zero_point == NULL || t->least == NULL || t->most == NULL ||
        !name_tensor(t, s->arena, fakequant))
        return NN_ENOMEM;
    for (size_t c = 0; c < channels; c++) {
        t->least[c] = INFINITY;
        t->most[c] = -INFINITY;
    }
    NN_TRY(quant_histogram_new(&t->values, bins));
    s->n++;
    return NN_OK;
}

static nn_status make(quant_stats *s, const nn_graph *g, int bins)
{
    const int nodes = nn_graph_count(g);
    NN_TRY(nn_arena_new(&s->arena));
    s->tensor = nn_arena_alloc(s->arena, (size_t)nodes * sizeof *s->tensor);
    if (s->tensor == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < nodes; i++)
        if (nn_graph_node(g, i)->id == NN_OP_fakequant)
            NN_TRY(add_tensor(s, nn_graph_node(g, i), bins));
    return NN_OK;
}

nn_status quant_stats_new(quant_stats **out, const nn_graph *g, int bins)
{
    quant_stats *s = nn_mem_alloc(sizeof *s);
    if (s == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: statistics of a network");
    nn_status st = make(s, g, bins);
    if (st == NN_OK)
        *out = s;
    else
        quant_stats_free(s);
    return st;
}

void quant_stats_free(quant_stats *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < s->n; i++)
        quant_histogram_free(s->tensor[i].values);
    nn_arena_free(s->arena);
    nn_mem_free(s);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* n values of one channel before and after rounding. */
static void measure_run(quant_tensor_stats *t, int c, const nn_real *x, const nn_real *y, size_t n)
{
    const double scale = (double)t->scale[c], zero = t->zero_point[c];
    const double lo = scale * (t->grid.qmin - zero - 0.5), hi = scale * (t->grid.qmax - zero + 0.5);
    double signal = 0, noise = 0;
    float least = t->least[c], most = t->most[c];
    uint64_t clipped = 0;
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i], d = v - (double)y[i];
        signal += v * v;
        noise += d * d;
        clipped += v < lo || v > hi;
        least = (float)x[i] < least ? (float)x[i] : least;
        most = (float)x[i] > most ? (float)x[i] : most;
    }
    t->signal += signal;
    t->noise += noise;
    t->clipped += scale > 0 ? clipped : 0;
    t->least[c] = least;
    t->most[c] = most;
}

/* A channel's values lie in runs of as many elements as the dimensions behind its axis have. */
static size_t run_length(const nn_node *fakequant, size_t n)
{
    size_t inner = 1;
    const int axis = fakequant->attr.fakequant.axis;
    if (axis < 0)
        return n;
    for (int d = axis + 1; d < fakequant->shape.rank; d++)
        inner *= (size_t)fakequant->shape.dim[d];
    return inner;
}

/* The grid of this pass: a scale may be computed (of weights that are folded late). */
static void take_grid(quant_tensor_stats *t, const quant_run *r, const nn_node *fakequant)
{
    const nn_real *scale = nn_exec_value(r->exec, fakequant->in[FQ_SCALE]);
    const nn_real *zero = nn_exec_value(r->exec, fakequant->in[FQ_ZERO_POINT]);
    for (int c = 0; c < t->channels; c++) {
        t->scale[c] = (float)scale[c];
        t->zero_point[c] = (int32_t)zero[c];
    }
}

/* False if a value is not finite. */
static bool measure(quant_tensor_stats *t, const quant_run *r, const nn_node *fakequant, int batch)
{
    const nn_node *from = fakequant->in[FQ_X];
    const nn_real *x = from->param != NULL ? from->param->value : nn_exec_value(r->exec, from);
    const nn_real *y = nn_exec_value(r->exec, fakequant);
    const size_t n = nn_shape_count_batch(fakequant->shape, batch);
    const size_t run = run_length(fakequant, n);
    if (t->is_weight && t->values->n > 0)
        return true;
    take_grid(t, r, fakequant);
    if (!quant_histogram_add(t->values, x, n))
        return false;
    for (size_t at = 0, i = 0; at < n; at += run, i++)
        measure_run(t, (int)(i % (size_t)t->channels), x + at, y + at, run);
    return true;
}

/* The fakequant node behind node i - 1, or NULL. */
static const nn_node *next_fakequant(const nn_graph *g, int *i)
{
    while (*i < nn_graph_count(g)) {
        const nn_node *n = nn_graph_node(g, (*i)++);
        if (n->id == NN_OP_fakequant)
            return n;
    }
    return NULL;
}

nn_status quant_stats_see(void *stats, const quant_run *r, int n)
{
    quant_stats *s = stats;
    int unfit = s->n; /* the first tensor that is not finite */
    const nn_node **node = nn_mem_alloc((size_t)(s->n > 0 ? s->n : 1) * sizeof *node);
    if (node == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: statistics of %d tensors", s->n);
    for (int t = 0, i = 0; t < s->n; t++)
        node[t] = next_fakequant(r->graph, &i);
#pragma omp parallel for schedule(dynamic) reduction(min : unfit)
    for (int t = 0; t < s->n; t++)
        if (!measure(&s->tensor[t], r, node[t], n) && t < unfit)
            unfit = t;
    nn_mem_free(node);
    s->pictures += n;
    return unfit == s->n ? NN_OK
                         : nn_fail(NN_EDIVERGED,
                                   "%s: has a value that is infinite or not a number; the network "
                                   "has diverged",
                                   s->tensor[unfit].name);
}

nn_status quant_stats_measure(quant_stats **out, const nn_graph *from, const quant_config *config,
                              quant_stage stage, const quant_pictures *pictures, int bins)
{
    quant_run r = { 0 };
    quant_stats *s = NULL;
    nn_status st = quant_run_open(&r, from, config, stage, pictures->batch, true);
    if (st == NN_OK)
        st = quant_stats_new(&s, r.graph, bins);
    if (st == NN_OK)
        st = quant_run_all(&r, pictures, false, NULL, quant_stats_see, s);
    quant_run_close(&r);
    if (st == NN_OK)
        *out = s;
    else
        quant_stats_free(s);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

double quant_stats_clipped(const quant_tensor_stats *t)
{
    return t->values->n > 0 ? (double)t->clipped / (double)t->values->n : 0;
}

/* Where values lie on the grid already, what is left is binary32's own rounding: some 140 dB. */
enum { MOST_DB = 120 };

double quant_stats_sqnr_db(const quant_tensor_stats *t)
{
    if (!(t->scale[0] > 0) || !(t->signal > 0))
        return NAN;
    const double db = t->noise > 0 ? 10 * log10(t->signal / t->noise) : INFINITY;
    return db < MOST_DB ? db : INFINITY;
}
