/* bnorm - batch normalisation over all dimensions but the last.
 *
 *   x [N,H,W,C] or [N,C], gamma, beta, mean, var [C]      y [as x]
 *   y = gamma (x - m) / s + beta,  s = sqrt(v + epsilon)
 *
 * Training: m and v are the batch's mean and its (biased) variance over M = N H W elements, and the
 * state inputs follow them: mean = momentum mean + (1 - momentum) m, var likewise with the unbiased
 * v M / (M - 1), as other frameworks store it.  Otherwise (inference, freeze_bn): m = mean,
 * v = var.
 *
 *   dbeta = sum dy,  dgamma = sum dy xhat,  xhat = (x - m) / s
 *   training   dx = gamma / s (dy - dbeta / M - xhat dgamma / M)
 *   otherwise  dx = gamma / s dy
 *
 * Sums are in double, chunk by chunk, so a mean far from 0 costs no digits.
 * Ioffe & Szegedy 2015, arXiv 1502.03167. */
#include <math.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/each.h"

enum { X, GAMMA, BETA, MEAN, VAR };

static nn_status check_vector(const nn_node *n, int k, int channels)
{
    char text[NN_SHAPE_TEXT];
    const nn_node *v = n->in[k];
    bool is_state = v->param != NULL && v->param->kind == NN_PARAM_STATE;
    if (!nn_shape_equal(v->shape, NN_SHAPE(channels)))
        return NN_NODE_FAIL(n, "input %d is %s, must be [%d] as x has %d channels", k,
                            nn_shape_text(v->shape, text), channels, channels);
    if (k >= MEAN && !is_state)
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
    for (int k = GAMMA; k <= VAR; k++)
        NN_TRY(check_vector(n, k, nn_shape_channels(x)));
    if (!(a->epsilon > 0) || !(a->momentum >= 0 && a->momentum <= 1))
        return NN_NODE_FAIL(n, "epsilon %g must be above 0 and momentum %g within [0, 1]",
                            a->epsilon, a->momentum);
    n->shape = x;
    return NN_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* x as rows of channels, cut into chunks of rows: of so many at least that adding up the chunks'
 * sums is a small part of the work. */
enum { LEAST_ROWS = 64 };
typedef struct extent {
    size_t rows, channels;
    int chunks;
} extent;

static extent extent_of(const nn_node *n, int batch)
{
    size_t channels = (size_t)nn_shape_channels(n->shape);
    size_t rows = nn_shape_count_batch(n->shape, batch) / channels;
    size_t grain = NN_EACH_GRAIN / channels;
    grain = grain > LEAST_ROWS ? grain : LEAST_ROWS;
    return (extent){ rows, channels, nn_chunk_count(rows, grain, NN_EACH_MOST) };
}

/* Scratch: two sums for each chunk and channel, and three factors for each channel. */
typedef struct workspace {
    double *sums; /* chunk k: first sums at 2 k stride, second ones at (2 k + 1) stride */
    size_t stride;
    nn_real *p, *q, *r;
} workspace;

static workspace workspace_of(const nn_call *c, extent e)
{
    workspace w = { .sums = c->scratch };
    w.stride = nn_align_up(e.channels * sizeof(double)) / sizeof(double);
    w.p = (void *)(w.sums + 2 * (size_t)e.chunks * w.stride);
    w.q = w.p + w.stride;
    w.r = w.q + w.stride;
    return w;
}

/* Saved: the batch's mean and 1 / s. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    extent e = extent_of(n, batch);
    size_t vector = nn_align_up(e.channels * sizeof(double));
    return (nn_need){ .saved = training ? 2 * e.channels * sizeof(double) : 0,
                      .scratch = (2 * (size_t)e.chunks + 3) * vector };
}

/* Adds the chunks' sums, in their order, to those of the first chunk. */
static void join_sums(workspace w, extent e)
{
    for (int k = 1; k < e.chunks; k++)
        for (size_t i = 0; i < 2 * w.stride; i++)
            w.sums[i] += w.sums[2 * (size_t)k * w.stride + i];
}

static bool uses_batch(const nn_call *c)
{
    return c->run->training && !c->run->freeze_bn;
}

static double inverse_deviation(const nn_call *c, double variance)
{
    return 1.0 / sqrt(variance + c->node->attr.bnorm.epsilon);
}

/* ---- forward --------------------------------------------------------------------------------- */

static void sum_chunk(const nn_call *c, extent e, workspace w, int k)
{
    size_t begin = nn_chunk_begin(e.rows, e.chunks, k),
           end = nn_chunk_begin(e.rows, e.chunks, k + 1);
    double *sum = w.sums + 2 * (size_t)k * w.stride;
    memset(sum, 0, 2 * w.stride * sizeof(double));
    nn_kernel.channel_sums(sum, sum + w.stride, c->x[X] + begin * e.channels, end - begin,
                           e.channels);
}

/* state = momentum state + (1 - momentum) batch */
static void follow(nn_real *state, double batch, double momentum)
{
    *state = (nn_real)(momentum * (double)*state + (1 - momentum) * batch);
}

/* The batch's mean and 1 / s of each channel, in place of the sums; moves the running ones. */
static void find_statistics(const nn_call *c, extent e, workspace w)
{
    double *mean = w.sums, *inverse = w.sums + w.stride;
    double n = (double)e.rows, unbias = e.rows > 1 ? n / (n - 1) : 1;
    double momentum = c->node->attr.bnorm.momentum;
#pragma omp parallel for schedule(static) if (e.chunks > 1)
    for (int k = 0; k < e.chunks; k++)
        sum_chunk(c, e, w, k);
    join_sums(w, e);
    for (size_t i = 0; i < e.channels; i++) {
        mean[i] /= n;
        double variance = fmax(inverse[i] / n - mean[i] * mean[i], 0);
        inverse[i] = inverse_deviation(c, variance);
        follow(&nn_call_state(c, MEAN)[i], mean[i], momentum);
        follow(&nn_call_state(c, VAR)[i], variance * unbias, momentum);
    }
}

static void take_running_statistics(const nn_call *c, extent e, workspace w)
{
    for (size_t i = 0; i < e.channels; i++) {
        w.sums[i] = (double)c->x[MEAN][i];
        w.sums[w.stride + i] = inverse_deviation(c, (double)c->x[VAR][i]);
    }
}

static void forward(const nn_call *c)
{
    extent e = extent_of(c->node, c->batch);
    workspace w = workspace_of(c, e);
    if (uses_batch(c))
        find_statistics(c, e, w);
    else
        take_running_statistics(c, e, w);
    const double *mean = w.sums, *inverse = w.sums + w.stride;
    if (c->saved != NULL) {
        memcpy(c->saved, mean, e.channels * sizeof(double));
        memcpy((double *)c->saved + e.channels, inverse, e.channels * sizeof(double));
    }
    for (size_t i = 0; i < e.channels; i++) {
        double scale = (double)c->x[GAMMA][i] * inverse[i];
        w.p[i] = (nn_real)scale;
        w.q[i] = (nn_real)((double)c->x[BETA][i] - scale * mean[i]);
    }
#pragma omp parallel for schedule(static) if (e.chunks > 1)
    for (int k = 0; k < e.chunks; k++) {
        size_t begin = nn_chunk_begin(e.rows, e.chunks, k);
        size_t end = nn_chunk_begin(e.rows, e.chunks, k + 1);
        nn_kernel.channel_affine(c->y + begin * e.channels, c->x[X] + begin * e.channels, w.p, w.q,
                                 end - begin, e.channels);
    }
}

/* ---- backward -------------------------------------------------------------------------------- */

static void dot_chunk(const nn_call *c, extent e, workspace w, int k)
{
    size_t begin = nn_chunk_begin(e.rows, e.chunks, k),
           end = nn_chunk_begin(e.rows, e.chunks, k + 1);
    double *sum = w.sums + 2 * (size_t)k * w.stride;
    memset(sum, 0, 2 * w.stride * sizeof(double));
    nn_kernel.channel_dots(sum, sum + w.stride, c->dy + begin * e.channels,
                           c->x[X] + begin * e.channels, end - begin, e.channels);
}

static void give(const nn_call *c, int k, size_t i, double gradient)
{
    if (c->dx[k] != NULL)
        c->dx[k][i] = (nn_real)(c->add[k] ? (double)c->dx[k][i] + gradient : gradient);
}

/* dgamma and dbeta; and dx = p dy + q x + r. */
static void find_factors(const nn_call *c, extent e, workspace w)
{
    const double *mean = c->saved, *inverse = mean + e.channels;
    const double *sum_dy = w.sums, *sum_dy_x = w.sums + w.stride;
#pragma omp parallel for schedule(static) if (e.chunks > 1)
    for (int k = 0; k < e.chunks; k++)
        dot_chunk(c, e, w, k);
    join_sums(w, e);
    for (size_t i = 0; i < e.channels; i++) {
        double dgamma = (sum_dy_x[i] - mean[i] * sum_dy[i]) * inverse[i];
        double scale = (double)c->x[GAMMA][i] * inverse[i];
        double slope = uses_batch(c) ? -scale * inverse[i] * dgamma / (double)e.rows : 0;
        double shift = uses_batch(c) ? -scale * sum_dy[i] / (double)e.rows : 0;
        w.p[i] = (nn_real)scale;
        w.q[i] = (nn_real)slope;
        w.r[i] = (nn_real)(shift - slope * mean[i]);
        give(c, GAMMA, i, dgamma);
        give(c, BETA, i, sum_dy[i]);
    }
}

static void backward(const nn_call *c)
{
    extent e = extent_of(c->node, c->batch);
    workspace w = workspace_of(c, e);
    find_factors(c, e, w);
    if (c->dx[X] == NULL)
        return;
#pragma omp parallel for schedule(static) if (e.chunks > 1)
    for (int k = 0; k < e.chunks; k++) {
        size_t begin = nn_chunk_begin(e.rows, e.chunks, k);
        size_t end = nn_chunk_begin(e.rows, e.chunks, k + 1), at = begin * e.channels;
        nn_kernel.channel_affine_grad(c->dx[X] + at, c->dy + at, c->x[X] + at, w.p, w.q, w.r,
                                      c->add[X], end - begin, e.channels);
    }
}

const nn_op nn_op_bnorm = { .name = "bnorm",
                            .n_in_min = 5,
                            .n_in_max = 5,
                            .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD | NN_FLAG_STATEFUL,
                            .keeps = NN_KEEP_X(X) | NN_KEEP_X(GAMMA),
                            .infer = infer,
                            .need = need,
                            .forward = forward,
                            .backward = backward };
