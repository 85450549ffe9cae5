/* bnunscale - takes the folded scale out of a convolution's output again, before batch norm.
 *
 *   u [..,C], gamma [C], var [C]     y [as u] = u / k,  k = gamma / sqrt(var + epsilon)
 *   du = dy / k,  dgamma = -sum(dy u) / (k^2 sqrt(var + epsilon))
 *
 * With it one convolution by quantized, folded weights feeds an ordinary batch norm, which sees the
 * statistics of an unfolded one: the one-convolution form of folding in training (PyTorch's
 * torch.ao.nn.intrinsic.qat ConvBn).  A channel with k = 0 is dead: its weights are 0, y = 0, and
 * no gradient passes. */
#include <math.h>

#include "nn/base/chunk.h"
#include "nn/op.h"

enum { U, GAMMA, VAR };
enum { GRAIN = 16384, MOST_CHUNKS = 64 };

static nn_status infer(nn_node *n)
{
    nn_shape u = n->in[U]->shape;
    size_t channels = (size_t)nn_shape_channels(u);
    if (nn_shape_count(n->in[GAMMA]->shape) != channels ||
        nn_shape_count(n->in[VAR]->shape) != channels)
        return NN_NODE_FAIL(n, "%zu channels, gamma has %zu, var %zu", channels,
                            nn_shape_count(n->in[GAMMA]->shape), nn_shape_count(n->in[VAR]->shape));
    n->shape = u;
    return NN_OK;
}

/* scratch: 1/k of each channel, then a slot of channel sums for each chunk */
static nn_need need(const nn_node *n, int batch, bool training)
{
    size_t channels = (size_t)nn_shape_channels(n->shape);
    (void)batch;
    return (nn_need){ .scratch = channels * sizeof(nn_real) +
                                 (training ? MOST_CHUNKS * channels * sizeof(nn_real) : 0) };
}

static double inverse_deviation(const nn_call *c, size_t channel)
{
    return 1.0 / sqrt((double)c->x[VAR][channel] + c->node->attr.bnorm.epsilon);
}

static size_t channels_of(const nn_call *c)
{
    return (size_t)nn_shape_channels(c->node->shape);
}

static nn_real *find_inverses(const nn_call *c)
{
    nn_real *inverse = c->scratch;
    for (size_t i = 0; i < channels_of(c); i++) {
        double k = (double)c->x[GAMMA][i] * inverse_deviation(c, i);
        inverse[i] = fabs(k) > 1e-30 ? (nn_real)(1.0 / k) : 0;
    }
    return inverse;
}

static void forward(const nn_call *c)
{
    const nn_real *inverse = find_inverses(c);
    size_t channels = channels_of(c), rows = nn_call_count(c) / channels;
    int chunks = nn_chunk_count(rows * channels, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++) {
        size_t end = nn_chunk_begin(rows, chunks, k + 1);
        for (size_t r = nn_chunk_begin(rows, chunks, k); r < end; r++)
            for (size_t i = 0; i < channels; i++)
                c->y[r * channels + i] = c->x[U][r * channels + i] * inverse[i];
    }
}

/* dgamma: sums of dy u by chunk, added in chunk order. */
static void backward_gamma(const nn_call *c, const nn_real *inverse, nn_real *slots)
{
    size_t channels = channels_of(c), rows = nn_call_count(c) / channels;
    int chunks = nn_chunk_count(rows * channels, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++) {
        nn_real *sum = slots + (size_t)k * channels;
        size_t end = nn_chunk_begin(rows, chunks, k + 1);
        for (size_t i = 0; i < channels; i++)
            sum[i] = 0;
        for (size_t r = nn_chunk_begin(rows, chunks, k); r < end; r++)
            for (size_t i = 0; i < channels; i++)
                sum[i] += c->dy[r * channels + i] * c->x[U][r * channels + i];
    }
    for (size_t i = 0; i < channels; i++) {
        double sum = 0;
        for (int k = 0; k < chunks; k++)
            sum += (double)slots[(size_t)k * channels + i];
        double d = -sum * (double)inverse[i] * (double)inverse[i] * inverse_deviation(c, i);
        c->dx[GAMMA][i] = c->add[GAMMA] ? c->dx[GAMMA][i] + (nn_real)d : (nn_real)d;
    }
}

static void backward_input(const nn_call *c, const nn_real *inverse)
{
    size_t channels = channels_of(c), rows = nn_call_count(c) / channels;
    int chunks = nn_chunk_count(rows * channels, GRAIN, MOST_CHUNKS);
    nn_real *du = c->dx[U];
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++) {
        size_t end = nn_chunk_begin(rows, chunks, k + 1);
        for (size_t r = nn_chunk_begin(rows, chunks, k); r < end; r++)
            for (size_t i = 0; i < channels; i++) {
                nn_real d = c->dy[r * channels + i] * inverse[i];
                du[r * channels + i] = c->add[U] ? du[r * channels + i] + d : d;
            }
    }
}

static void backward(const nn_call *c)
{
    nn_real *inverse = find_inverses(c);
    if (c->dx[GAMMA] != NULL)
        backward_gamma(c, inverse, inverse + channels_of(c));
    if (c->dx[U] != NULL)
        backward_input(c, inverse);
}

const nn_op nn_op_bnunscale = {
    .name = "bnunscale",
    .n_in_min = 3,
    .n_in_max = 3,
    .flags = NN_FLAG_INPLACE_GRAD,
    .keeps = NN_KEEP_X(U) | NN_KEEP_X(GAMMA) | NN_KEEP_X(VAR),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
