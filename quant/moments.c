#include "quant/moments.h"

#include <math.h>

#include "nn/base/math.h"

enum { BN_GAMMA = 1, BN_BETA };

/* ---- the clipped normal ---------------------------------------------------------------------- */

static double density(double x)
{
    const double inverse_root_2pi = 0.39894228040143267794;
    return inverse_root_2pi * nn_exp(-x * x / 2);
}

/* Phi(x) = 1/2 + phi(x) (x + x^3 / 3 + x^5 / (3 5) + ...): Marsaglia, "Evaluating the normal
 * distribution", Journal of Statistical Software 11(4), 2004. */
static double distribution(double x)
{
    const double far = 8;
    double term = x, sum = x;
    if (fabs(x) > far)
        return x > 0 ? 1 : 0;
    for (int i = 3; fabs(term) > 1e-17 * fabs(sum); i += 2) {
        term *= x * x / i;
        sum += term;
    }
    return 0.5 + sum * density(x);
}

quant_moments quant_clipped_normal(quant_moments x, double ceiling)
{
    const double deviation = sqrt(x.variance);
    if (!(deviation > 0))
        return (quant_moments){ fmin(fmax(x.mean, 0), ceiling), 0 };
    const bool bounded = ceiling < INFINITY;
    const double a = -x.mean / deviation, c = bounded ? (ceiling - x.mean) / deviation : 0;
    const double inside = (bounded ? distribution(c) : 1) - distribution(a);
    const double end_a = density(a), end_c = bounded ? density(c) : 0;
    const double above = bounded ? 1 - distribution(c) : 0, top = bounded ? ceiling : 0;
    const double mean = deviation * (end_a - end_c) + x.mean * inside + top * above;
    const double square = x.mean * x.mean * inside + 2 * x.mean * deviation * (end_a - end_c) +
                          x.variance * (inside + a * end_a - c * end_c) + top * top * above;
    return (quant_moments){ mean, fmax(square - mean * mean, 0) };
}

/* ---- through the graph ----------------------------------------------------------------------- */

typedef struct finder {
    nn_arena *arena;
    quant_channel_moments *of; /* of each node */
} finder;

static nn_status set(finder *f, const nn_node *n, size_t count, quant_moments **out)
{
    *out = nn_arena_alloc(f->arena, count * sizeof **out);
    if (*out == NULL)
        return NN_ENOMEM;
    f->of[n->index] = (quant_channel_moments){ count, *out };
    return NN_OK;
}

static nn_status batch_norm(finder *f, const nn_node *n)
{
    const nn_real *gamma = n->in[BN_GAMMA]->param->value, *beta = n->in[BN_BETA]->param->value;
    const size_t count = n->in[BN_GAMMA]->param->count;
    quant_moments *m;
    NN_TRY(set(f, n, count, &m));
    for (size_t c = 0; c < count; c++)
        m[c] = (quant_moments){ (double)beta[c], (double)gamma[c] * (double)gamma[c] };
    return NN_OK;
}

static nn_status clip(finder *f, const nn_node *n, double ceiling)
{
    const quant_channel_moments x = f->of[n->in[0]->index];
    quant_moments *m;
    if (x.n == 0)
        return NN_OK;
    NN_TRY(set(f, n, x.n, &m));
    for (size_t c = 0; c < x.n; c++)
        m[c] = quant_clipped_normal(x.of[c], ceiling);
    return NN_OK;
}

static nn_status add(finder *f, const nn_node *n)
{
    const quant_channel_moments a = f->of[n->in[0]->index], b = f->of[n->in[1]->index];
    quant_moments *m;
    if (a.n == 0 || a.n != b.n)
        return NN_OK;
    NN_TRY(set(f, n, a.n, &m));
    for (size_t c = 0; c < a.n; c++)
        m[c] = (quant_moments){ a.of[c].mean + b.of[c].mean, a.of[c].variance + b.of[c].variance };
    return NN_OK;
}

static nn_status concat(finder *f, const nn_node *n)
{
    quant_moments *m;
    for (int k = 0; k < n->n_in; k++)
        if (f->of[n->in[k]->index].n != (size_t)nn_shape_channels(n->in[k]->shape))
            return NN_OK;
    NN_TRY(set(f, n, (size_t)nn_shape_channels(n->shape), &m));
    for (int k = 0; k < n->n_in; k++) {
        const quant_channel_moments x = f->of[n->in[k]->index];
        for (size_t c = 0; c < x.n; c++)
            *m++ = x.of[c];
    }
    return NN_OK;
}

/* Zeros around the picture are left out of account; channels of zeros are put beside the others. */
static nn_status pad(finder *f, const nn_node *n)
{
    const quant_channel_moments x = f->of[n->in[0]->index];
    const size_t before = (size_t)n->attr.pad.before[n->shape.rank - 1];
    const size_t count = (size_t)nn_shape_channels(n->shape);
    quant_moments *m;
    if (count == (size_t)nn_shape_channels(n->in[0]->shape))
        f->of[n->index] = x;
    if (x.n != (size_t)nn_shape_channels(n->in[0]->shape) || x.n == count)
        return NN_OK;
    NN_TRY(set(f, n, count, &m));
    for (size_t c = 0; c < x.n; c++)
        m[before + c] = x.of[c];
    return NN_OK;
}

static nn_status find(finder *f, const nn_node *n)
{
    switch (n->id) {
    case NN_OP_bnorm:
        return batch_norm(f, n);
    case NN_OP_relu:
        return clip(f, n, INFINITY);
    case NN_OP_relu6:
        return clip(f, n, 6);
    case NN_OP_add:
        return add(f, n);
    case NN_OP_concat:
        return concat(f, n);
    case NN_OP_pad:
        return pad(f, n);
    case NN_OP_avg_pool:
    case NN_OP_gap:
    case NN_OP_reshape:
    case NN_OP_dropout:
        f->of[n->index] = f->of[n->in[0]->index];
        return NN_OK;
    default:
        return NN_OK;
    }
}

nn_status quant_moments_find(const quant_channel_moments **out, nn_arena *arena, const nn_graph *g)
{
    finder f = { arena, nn_arena_alloc(arena, (size_t)nn_graph_count(g) * sizeof *f.of) };
    if (f.of == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < nn_graph_count(g); i++)
        NN_TRY(find(&f, nn_graph_node(g, i)));
    *out = f.of;
    return NN_OK;
}
