/* bnorm - batch normalization over all dimensions but the last.
 *
 *   x [N,H,W,C] or [N,C], gamma, beta, mean, var [C], and a bias [C] or none      y [as x]
 *   y = gamma (z - m) / s + beta,  s = sqrt(v + epsilon),  z = x + bias, or x / k + bias if
 *   attr.folded
 *
 * Training: m and v are the batch's mean and its (biased) variance over M = N H W elements, and the
 * state inputs follow them: mean = momentum mean + (1 - momentum) m, var likewise with the unbiased
 * v M / (M - 1), as other frameworks store it (in pass n of an estimate, momentum is 1 - 1 / n).
 * Otherwise (inference, freeze_bn): m = mean, v = var.
 *
 *   dbeta = sum dy,  dgamma = sum dy zhat,  zhat = (z - m) / s
 *   training   dz = gamma / s (dy - dbeta / M - zhat dgamma / M),  dbias = 0
 *   otherwise  dz = gamma / s dy,                                  dbias = gamma / s dbeta
 *
 * Folded: x comes from a convolution whose weights bnscale multiplied by k = gamma / sqrt(var +
 * epsilon), var as it was before this step.  So one convolution by quantized, folded weights feeds
 * an ordinary batch norm, which sees the statistics of an unfolded one (the one-convolution form of
 * folding in training: PyTorch's torch.ao.nn.intrinsic.qat ConvBn).  dx = dz / k, and as gamma is
 * in k too, its gradient loses sum(dz z) / gamma:
 *
 *   training   dgamma = v / (v + epsilon) sum dy zhat
 *   otherwise  dgamma = (bias - m) / s sum dy
 *
 * A channel with k = 0 is dead: its weights are 0, y = beta, and no gradient passes.
 *
 * Sums are in double, chunk by chunk, so a mean far from 0 costs no digits.
 * Ioffe & Szegedy 2015, arXiv 1502.03167. */
#include "nn/ops/bnorm.h"

#include <math.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"

enum { X = NN_BNORM_X, GAMMA, BETA, MEAN, VAR, BIAS };

nn_status nn_bnorm_check_vector(const nn_node *n, int k, bool state)
{
    char text[NN_SHAPE_TEXT];
    const nn_node *v = n->in[k];
    const int channels = nn_shape_channels(n->in[X]->shape);
    if (!nn_shape_equal(v->shape, NN_SHAPE(channels)))
        return NN_NODE_FAIL(n, "input %d is %s, must be [%d] as x has %d channels", k,
                            nn_shape_text(v->shape, text), channels, channels);
    if (state && (v->param == NULL || v->param->kind != NN_PARAM_STATE))
        return NN_NODE_FAIL(n, "input %d must be a parameter that holds state", k);
    return NN_OK;
}

static nn_status infer(nn_node *n)
{
    nn_shape x = n->in[X]->shape;
    const nn_bnorm_attr *a = &n->attr.bnorm;
    char text[NN_SHAPE_TEXT];
    if (x.rank != 2 && x.rank != 4)
        return NN_NODE_FAIL(n, "x is %s, must be [N,H,W,C] or [N,C]", nn_shape_text(x, text));
    for (int k = GAMMA; k < n->n_in; k++)
        NN_TRY(nn_bnorm_check_vector(n, k, k == MEAN || k == VAR));
    if (!(a->epsilon > 0) || !(a->momentum >= 0 && a->momentum <= 1))
        return NN_NODE_FAIL(n, "epsilon %g must be above 0 and momentum %g within [0, 1]",
                            a->epsilon, a->momentum);
    n->shape = x;
    return NN_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static nn_rows cut_of(const nn_node *n, int batch)
{
    size_t channels = (size_t)nn_shape_channels(n->shape);
    return nn_rows_cut(nn_shape_count_batch(n->shape, batch) / channels, channels);
}

static size_t stride_of(nn_rows cut)
{
    return nn_align_up(cut.channels * sizeof(double)) / sizeof(double);
}

size_t nn_bnorm_scratch(const nn_node *n, int batch)
{
    nn_rows cut = cut_of(n, batch);
    size_t vectors = 2 * (size_t)cut.chunks;
    return stride_of(cut) * (vectors * sizeof(double) + (vectors + 3) * sizeof(nn_real));
}

nn_bnorm_work nn_bnorm_begin(const nn_call *c)
{
    nn_bnorm_work w = { .cut = cut_of(c->node, c->batch), .sums = c->scratch };
    size_t vectors = 2 * (size_t)w.cut.chunks;
    w.stride = stride_of(w.cut);
    w.bounds = (void *)(w.sums + vectors * w.stride);
    w.p = w.bounds + vectors * w.stride;
    w.q = w.p + w.stride;
    w.r = w.q + w.stride;
    return w;
}

/* Saved: of each channel, what the backward pass needs of the forward one. */
typedef struct memory {
    double mean;    /* of x */
    double inverse; /* 1 / s */
    double per_x;   /* z = per_x x: 1, or 1 / k; 0: the channel is dead */
} memory;

static nn_need need(const nn_node *n, int batch, bool training)
{
    size_t channels = (size_t)nn_shape_channels(n->shape);
    return (nn_need){ .saved = training ? channels * sizeof(memory) : 0,
                      .scratch = nn_bnorm_scratch(n, batch) };
}

void nn_bnorm_clear(const nn_bnorm_work *w, int chunk)
{
    memset(nn_bnorm_sums(w, chunk), 0, 2 * w->stride * sizeof(double));
}

void nn_bnorm_join(const nn_bnorm_work *w)
{
    for (int k = 1; k < w->cut.chunks; k++)
        for (size_t i = 0; i < 2 * w->stride; i++)
            w->sums[i] += nn_bnorm_sums(w, k)[i];
}

/* ---- statistics ------------------------------------------------------------------------------ */

static bool uses_batch(const nn_call *c)
{
    return c->run->training && !c->run->freeze_bn;
}

static double inverse_deviation(const nn_call *c, double variance)
{
    return 1.0 / sqrt(variance + c->node->attr.bnorm.epsilon);
}

static double per_x(const nn_call *c, size_t i)
{
    if (!c->node->attr.bnorm.folded)
        return 1;
    double k = (double)c->x[GAMMA][i] * inverse_deviation(c, (double)c->x[VAR][i]);
    return fabs(k) > 1e-30 ? 1 / k : 0;
}

/* Sums and bounds of a chunk of x, those that are wanted, strip by strip. */
static void look_at_chunk(const nn_call *c, const nn_bnorm_work *w, int k, bool sums, bool bounds)
{
    const size_t channels = w->cut.channels, end = nn_rows_begin(w->cut, k + 1);
    double *sum = nn_bnorm_sums(w, k);
    nn_real *low = w->bounds + 2 * (size_t)k * w->stride, *high = low + w->stride;
    nn_bnorm_clear(w, k);
    for (size_t i = 0; bounds && i < channels; i++)
        low[i] = (nn_real)INFINITY, high[i] = (nn_real)-INFINITY;
    for (size_t row = nn_rows_begin(w->cut, k), n; row < end; row += n) {
        n = end - row < nn_rows_strip(w->cut) ? end - row : nn_rows_strip(w->cut);
        const nn_real *x = c->x[X] + row * channels;
        if (sums)
            nn_kernel.channel_sums(sum, sum + w->stride, x, n, channels);
        if (bounds)
            nn_kernel.channel_bounds(low, high, x, n, channels);
    }
}

static void look(const nn_call *c, const nn_bnorm_work *w, bool sums, bool bounds)
{
#pragma omp parallel for schedule(static) if (w->cut.chunks > 1)
    for (int k = 0; k < w->cut.chunks; k++)
        look_at_chunk(c, w, k, sums, bounds);
}

static double bias_of(const nn_call *c, size_t i)
{
    return c->node->n_in > BIAS ? (double)c->x[BIAS][i] : 0;
}

void nn_bnorm_follow(const nn_call *c, nn_real *state, double batch)
{
    const int n = c->run->estimate;
    const double momentum = n > 0 ? 1 - 1.0 / n : c->node->attr.bnorm.momentum;
    *state = (nn_real)(momentum * (double)*state + (1 - momentum) * batch);
}

/* Channel i by the sums of x and of its square; moves the running statistics. */
static memory by_batch(const nn_call *c, const nn_bnorm_work *w, size_t i)
{
    double n = (double)w->cut.rows, unbias = w->cut.rows > 1 ? n / (n - 1) : 1;
    memory m = { .mean = w->sums[i] / n, .per_x = per_x(c, i) };
    double variance = fmax(w->sums[w->stride + i] / n - m.mean * m.mean, 0) * m.per_x * m.per_x;
    m.inverse = inverse_deviation(c, variance);
    nn_bnorm_follow(c, &nn_call_state(c, MEAN)[i], m.mean * m.per_x + bias_of(c, i));
    nn_bnorm_follow(c, &nn_call_state(c, VAR)[i], variance * unbias);
    return m;
}

static memory by_running(const nn_call *c, size_t i)
{
    memory m = { .inverse = inverse_deviation(c, (double)c->x[VAR][i]), .per_x = per_x(c, i) };
    m.mean = m.per_x != 0 ? ((double)c->x[MEAN][i] - bias_of(c, i)) / m.per_x : 0;
    return m;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* The ends of y = p x + q over all channels. */
static void map_bounds(const nn_bnorm_work *w, nn_real ends[2])
{
    ends[0] = (nn_real)INFINITY;
    ends[1] = (nn_real)-INFINITY;
    for (int k = 0; k < 2 * w->cut.chunks; k++) {
        nn_real *edge = w->bounds + (size_t)k * w->stride;
        nn_kernel.channel_affine(edge, edge, w->p, w->q, 1, w->cut.channels);
        nn_kernel.min_max(edge, w->cut.channels, &ends[0], &ends[1]);
    }
}

void nn_bnorm_find(const nn_call *c, const nn_bnorm_work *w, nn_real ends[2])
{
    const bool batch = uses_batch(c);
    if (batch || ends != NULL)
        look(c, w, batch, ends != NULL);
    if (batch)
        nn_bnorm_join(w);
    for (size_t i = 0; i < w->cut.channels; i++) {
        memory m = batch ? by_batch(c, w, i) : by_running(c, i);
        double scale = (double)c->x[GAMMA][i] * m.inverse * m.per_x;
        w->p[i] = (nn_real)scale;
        w->q[i] = (nn_real)((double)c->x[BETA][i] - scale * m.mean);
        if (c->saved != NULL)
            ((memory *)c->saved)[i] = m;
    }
    if (ends != NULL)
        map_bounds(w, ends);
}

void nn_bnorm_apply(const nn_bnorm_work *w, nn_real *y, const nn_real *x, size_t rows)
{
    nn_kernel.channel_affine(y, x, w->p, w->q, rows, w->cut.channels);
}

static void forward(const nn_call *c)
{
    const nn_bnorm_work w = nn_bnorm_begin(c);
    nn_bnorm_find(c, &w, NULL);
#pragma omp parallel for schedule(static) if (w.cut.chunks > 1)
    for (int k = 0; k < w.cut.chunks; k++) {
        size_t begin = nn_rows_begin(w.cut, k), at = begin * w.cut.channels;
        nn_bnorm_apply(&w, c->y + at, c->x[X] + at, nn_rows_begin(w.cut, k + 1) - begin);
    }
}

/* ---- backward -------------------------------------------------------------------------------- */

void nn_bnorm_add(const nn_bnorm_work *w, int chunk, const nn_real *dy, const nn_real *x,
                  size_t rows)
{
    double *sum = nn_bnorm_sums(w, chunk);
    nn_kernel.channel_dots(sum, sum + w->stride, dy, x, rows, w->cut.channels);
}

static void give(const nn_call *c, int k, size_t i, double gradient)
{
    if (c->dx[k] != NULL)
        c->dx[k][i] = (nn_real)(c->add[k] ? (double)c->dx[k][i] + gradient : gradient);
}

/* dgamma of channel i by sum dy and sum dy zhat. */
static double gamma_gradient(const nn_call *c, const memory *m, double sum, double dot)
{
    if (!c->node->attr.bnorm.folded)
        return dot;
    if (uses_batch(c))
        return dot * (1 - c->node->attr.bnorm.epsilon * m->inverse * m->inverse);
    return -m->mean * m->per_x * m->inverse * sum;
}

void nn_bnorm_solve(const nn_call *c, const nn_bnorm_work *w)
{
    const memory *saved = c->saved;
    const double n = (double)w->cut.rows;
    nn_bnorm_join(w);
    for (size_t i = 0; i < w->cut.channels; i++) {
        const memory *m = &saved[i];
        double inverse = m->inverse * m->per_x; /* of x */
        double sum = w->sums[i], dot = (w->sums[w->stride + i] - m->mean * sum) * inverse;
        double scale = (double)c->x[GAMMA][i] * inverse;
        double slope = uses_batch(c) ? -scale * inverse * dot / n : 0;
        double shift = uses_batch(c) ? -scale * sum / n : 0;
        w->p[i] = (nn_real)scale;
        w->q[i] = (nn_real)slope;
        w->r[i] = (nn_real)(shift - slope * m->mean);
        give(c, GAMMA, i, gamma_gradient(c, m, sum, dot));
        give(c, BETA, i, sum);
        if (c->node->n_in > BIAS)
            give(c, BIAS, i, uses_batch(c) ? 0 : (double)c->x[GAMMA][i] * m->inverse * sum);
    }
}

void nn_bnorm_grad(const nn_bnorm_work *w, nn_real *dx, const nn_real *dy, const nn_real *x,
                   bool add, size_t rows)
{
    nn_kernel.channel_affine_grad(dx, dy, x, w->p, w->q, w->r, add, rows, w->cut.channels);
}

static void backward(const nn_call *c)
{
    const nn_bnorm_work w = nn_bnorm_begin(c);
#pragma omp parallel for schedule(static) if (w.cut.chunks > 1)
    for (int k = 0; k < w.cut.chunks; k++) {
        size_t begin = nn_rows_begin(w.cut, k), at = begin * w.cut.channels;
        nn_bnorm_clear(&w, k);
        nn_bnorm_add(&w, k, c->dy + at, c->x[X] + at, nn_rows_begin(w.cut, k + 1) - begin);
    }
    nn_bnorm_solve(c, &w);
#pragma omp parallel for schedule(static) if (w.cut.chunks > 1)
    for (int k = 0; k < w.cut.chunks; k++) {
        size_t begin = nn_rows_begin(w.cut, k), at = begin * w.cut.channels;
        if (c->dx[X] != NULL)
            nn_bnorm_grad(&w, c->dx[X] + at, c->dy + at, c->x[X] + at, c->add[X],
                          nn_rows_begin(w.cut, k + 1) - begin);
    }
}

const nn_op nn_op_bnorm = { .name = "bnorm",
                            .n_in_min = 5,
                            .n_in_max = 6,
                            .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD | NN_FLAG_STATEFUL,
                            .keeps = NN_KEEP_X(X) | NN_KEEP_X(GAMMA),
                            .infer = infer,
                            .need = need,
                            .forward = forward,
                            .backward = backward };
