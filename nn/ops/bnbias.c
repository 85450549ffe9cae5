/* bnbias - the bias of a convolution into which its batch norm is folded.
 *
 *   gamma, beta, mean, var [O], and the convolution's own bias [O] if it has one     y [O]
 *   y = beta + (bias - mean) k,  k = gamma / sqrt(var + epsilon)
 *   dbeta = dy,  dgamma = dy (bias - mean) / sqrt(var + epsilon),  dbias = dy k
 *
 * mean and var are the moving statistics: constants.  Jacob et al. 2017 (arXiv 1712.05877) eq.
 * 14. */
#include <math.h>

#include "nn/op.h"

enum { GAMMA, BETA, MEAN, VAR, BIAS };

static nn_status infer(nn_node *n)
{
    size_t channels = nn_shape_count(n->in[GAMMA]->shape);
    for (int i = 1; i < n->n_in; i++)
        if (nn_shape_count(n->in[i]->shape) != channels)
            return NN_NODE_FAIL(n, "input %d has %zu elements, gamma %zu", i,
                                nn_shape_count(n->in[i]->shape), channels);
    n->shape = n->in[GAMMA]->shape;
    return NN_OK;
}

static double inverse_deviation(const nn_call *c, size_t i)
{
    return 1.0 / sqrt((double)c->x[VAR][i] + c->node->attr.bnorm.epsilon);
}

/* The convolution's bias less the mean. */
static double offset(const nn_call *c, size_t i)
{
    double bias = c->node->n_in > BIAS ? (double)c->x[BIAS][i] : 0.0;
    return bias - (double)c->x[MEAN][i];
}

static void forward(const nn_call *c)
{
    size_t n = nn_call_count(c);
    for (size_t i = 0; i < n; i++) {
        double k = (double)c->x[GAMMA][i] * inverse_deviation(c, i);
        c->y[i] = (nn_real)((double)c->x[BETA][i] + offset(c, i) * k);
    }
}

static void give(const nn_call *c, int input, size_t i, double d)
{
    nn_real *dx = c->dx[input];
    if (dx != NULL)
        dx[i] = c->add[input] ? dx[i] + (nn_real)d : (nn_real)d;
}

static void backward(const nn_call *c)
{
    size_t n = nn_call_count(c);
    for (size_t i = 0; i < n; i++) {
        double dy = (double)c->dy[i], inverse = inverse_deviation(c, i);
        give(c, BETA, i, dy);
        give(c, GAMMA, i, dy * offset(c, i) * inverse);
        if (c->node->n_in > BIAS)
            give(c, BIAS, i, dy * (double)c->x[GAMMA][i] * inverse);
    }
}

const nn_op nn_op_bnbias = {
    .name = "bnbias",
    .n_in_min = 4,
    .n_in_max = 5,
    .keeps = NN_KEEP_X(GAMMA) | NN_KEEP_X(MEAN) | NN_KEEP_X(VAR) | NN_KEEP_X(BIAS),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
