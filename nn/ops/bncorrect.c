/* bncorrect - batch norm behind a convolution by weights that are folded with moving statistics,
 * corrected to the statistics of the batch.
 *
 *   u [N,H,W,C]  conv(x, Q(k w)),  k = gamma / s,  s = sqrt(var + epsilon): op bnscale
 *   z [as u]     conv(x, w), which only the statistics m and v of the batch are taken of
 *   gamma, beta, mean, var [C], and the convolution's bias [C] or none      y [as u]
 *
 *   training   y = u s / sB + beta - gamma m / sB,  sB = sqrt(v + epsilon); mean (of z + bias) and
 *              var follow as in op bnorm, s is that of before
 *   otherwise  y = u + beta + gamma (bias - mean) / s
 *
 * Training gradients, sums over the M = N H W elements of a channel:
 *
 *   du = s / sB dy,  dbeta = sum dy,  dgamma = -m / sB sum dy,  dbias = 0
 *   dz = dm / M + dv 2 (z - m) / M,  dm = -gamma / sB sum dy,
 *   dv = (gamma m / sB sum dy - s / sB sum dy u) / (2 sB^2)
 *
 * and otherwise, without a look at z, du = dy, dz = 0, dgamma = (bias - mean) / s sum dy, dbias =
 * gamma / s sum dy; what reaches gamma through k is bnscale's.  The moving statistics are
 * constants.
 *
 * So the quantized weights do not jitter with the batch and the function is still that of batch
 * norm: Krishnamoorthi 2018 (arXiv 1806.08342) section 3.2.2; tf.contrib.quantize. */
#include <math.h>
#include <string.h>

#include "nn/kernels/kernels.h"
#include "nn/ops/bnorm.h"

enum { U, Z, GAMMA, BETA, MEAN, VAR, BIAS };

static nn_status infer(nn_node *n)
{
    nn_shape u = n->in[U]->shape, z = n->in[Z]->shape;
    char text[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];
    if (u.rank != 4 || !nn_shape_equal(u, z))
        return NN_NODE_FAIL(n, "u is %s and z %s, must be one shape [N,H,W,C]",
                            nn_shape_text(u, text), nn_shape_text(z, other));
    for (int k = GAMMA; k < n->n_in; k++)
        NN_TRY(nn_bnorm_check_vector(n, k, k == MEAN || k == VAR));
    n->shape = u;
    return NN_OK;
}

/* Saved: of each channel, what the backward pass needs of the forward one. */
typedef struct memory {
    double mean;    /* m, or mean - bias */
    double inverse; /* 1 / sB, or 1 / s */
    double ratio;   /* s / sB, or 1 */
} memory;

static nn_need need(const nn_node *n, int batch, bool training)
{
    size_t channels = (size_t)nn_shape_channels(n->shape);
    return (nn_need){ .saved = training ? channels * sizeof(memory) : 0,
                      .scratch = nn_bnorm_scratch(n, batch) };
}

static bool uses_batch(const nn_call *c)
{
    return c->run->training && !c->run->freeze_bn;
}

static double inverse_deviation(const nn_call *c, double variance)
{
    return 1.0 / sqrt(variance + c->node->attr.bnorm.epsilon);
}

static double bias_of(const nn_call *c, size_t i)
{
    return c->node->n_in > BIAS ? (double)c->x[BIAS][i] : 0;
}

/* ---- forward --------------------------------------------------------------------------------- */

static void add_up(const nn_call *c, const nn_bnorm_work *w)
{
#pragma omp parallel for schedule(static) if (w->cut.chunks > 1)
    for (int k = 0; k < w->cut.chunks; k++) {
        const size_t begin = nn_rows_begin(w->cut, k), rows = nn_rows_begin(w->cut, k + 1) - begin;
        double *sum = nn_bnorm_sums(w, k);
        nn_bnorm_clear(w, k);
        nn_kernel.channel_sums(sum, sum + w->stride, c->x[Z] + begin * w->cut.channels, rows,
                               w->cut.channels);
    }
    nn_bnorm_join(w);
}

/* Channel i by the sums of z and of its square; moves the running statistics. */
static memory by_batch(const nn_call *c, const nn_bnorm_work *w, size_t i)
{
    const double n = (double)w->cut.rows, mean = w->sums[i] / n;
    const double variance = fmax(w->sums[w->stride + i] / n - mean * mean, 0);
    const double moving = inverse_deviation(c, (double)c->x[VAR][i]);
    memory m = { .mean = mean, .inverse = inverse_deviation(c, variance) };
    m.ratio = m.inverse / moving;
    nn_bnorm_follow(c, &nn_call_state(c, MEAN)[i], mean + bias_of(c, i));
    nn_bnorm_follow(c, &nn_call_state(c, VAR)[i], variance * (n > 1 ? n / (n - 1) : 1));
    return m;
}

static memory by_running(const nn_call *c, size_t i)
{
    return (memory){ .mean = (double)c->x[MEAN][i] - bias_of(c, i),
                     .inverse = inverse_deviation(c, (double)c->x[VAR][i]),
                     .ratio = 1 };
}

static void find(const nn_call *c, const nn_bnorm_work *w)
{
    const bool batch = uses_batch(c);
    if (batch)
        add_up(c, w);
    for (size_t i = 0; i < w->cut.channels; i++) {
        const memory m = batch ? by_batch(c, w, i) : by_running(c, i);
        w->p[i] = (nn_real)m.ratio;
        w->q[i] = (nn_real)((double)c->x[BETA][i] - (double)c->x[GAMMA][i] * m.mean * m.inverse);
        if (c->saved != NULL)
            ((memory *)c->saved)[i] = m;
    }
}

static void forward(const nn_call *c)
{
    const nn_bnorm_work w = nn_bnorm_begin(c);
    find(c, &w);
#pragma omp parallel for schedule(static) if (w.cut.chunks > 1)
    for (int k = 0; k < w.cut.chunks; k++) {
        const size_t begin = nn_rows_begin(w.cut, k), at = begin * w.cut.channels;
        nn_bnorm_apply(&w, c->y + at, c->x[U] + at, nn_rows_begin(w.cut, k + 1) - begin);
    }
}

/* ---- backward -------------------------------------------------------------------------------- */

static void give(const nn_call *c, int k, size_t i, double gradient)
{
    if (k < c->node->n_in && c->dx[k] != NULL)
        c->dx[k][i] = (nn_real)(c->add[k] ? (double)c->dx[k][i] + gradient : gradient);
}

/* The gradients of the vectors, and the factors of du = p dy and dz = q z + r. */
static void solve(const nn_call *c, const nn_bnorm_work *w)
{
    const double n = (double)w->cut.rows;
    nn_bnorm_join(w);
    for (size_t i = 0; i < w->cut.channels; i++) {
        const memory *m = (const memory *)c->saved + i;
        const double sum = w->sums[i], dot = w->sums[w->stride + i], inverse = m->inverse;
        const double gamma = (double)c->x[GAMMA][i] * inverse;
        const double dv = (gamma * m->mean * sum - m->ratio * dot) * inverse * inverse / 2;
        const double slope = uses_batch(c) ? 2 * dv / n : 0;
        const double shift = uses_batch(c) ? -gamma * sum / n - slope * m->mean : 0;
        w->p[i] = (nn_real)m->ratio;
        w->q[i] = (nn_real)slope;
        w->r[i] = (nn_real)shift;
        give(c, GAMMA, i, -m->mean * inverse * sum);
        give(c, BETA, i, sum);
        give(c, BIAS, i, uses_batch(c) ? 0 : gamma * sum);
    }
}

/* du = p dy, after the rows' share of dz, which needs no dy. */
static void backward_rows(const nn_call *c, const nn_bnorm_work *w, size_t at, size_t rows,
                          const nn_real *zeros)
{
    const size_t channels = w->cut.channels;
    if (c->dx[Z] != NULL && uses_batch(c))
        nn_kernel.channel_affine_grad(c->dx[Z] + at, c->x[Z] + at, c->x[Z] + at, zeros, w->q, w->r,
                                      c->add[Z], rows, channels);
    else if (c->dx[Z] != NULL && !c->add[Z])
        memset(c->dx[Z] + at, 0, rows * channels * sizeof *c->dx[Z]);
    if (c->dx[U] != NULL)
        nn_kernel.channel_affine_grad(c->dx[U] + at, c->dy + at, c->x[U] + at, w->p, zeros, zeros,
                                      c->add[U], rows, channels);
}

static void backward(const nn_call *c)
{
    const nn_bnorm_work w = nn_bnorm_begin(c);
    nn_real *zeros = w.bounds; /* as many as there are channels, at least */
#pragma omp parallel for schedule(static) if (w.cut.chunks > 1)
    for (int k = 0; k < w.cut.chunks; k++) {
        const size_t begin = nn_rows_begin(w.cut, k), at = begin * w.cut.channels;
        nn_bnorm_clear(&w, k);
        nn_bnorm_add(&w, k, c->dy + at, c->x[U] + at, nn_rows_begin(w.cut, k + 1) - begin);
    }
    solve(c, &w);
    memset(zeros, 0, w.cut.channels * sizeof *zeros);
#pragma omp parallel for schedule(static) if (w.cut.chunks > 1)
    for (int k = 0; k < w.cut.chunks; k++) {
        const size_t begin = nn_rows_begin(w.cut, k);
        backward_rows(c, &w, begin * w.cut.channels, nn_rows_begin(w.cut, k + 1) - begin, zeros);
    }
}

const nn_op nn_op_bncorrect = {
    .name = "bncorrect",
    .n_in_min = 6,
    .n_in_max = 7,
    .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD | NN_FLAG_STATEFUL,
    .keeps = NN_KEEP_X(U) | NN_KEEP_X(Z) | NN_KEEP_X(GAMMA),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
