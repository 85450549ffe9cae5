/* bnscale - a convolution's weight with its batch norm's scale folded in.
 *
 *   w [O,KH,KW,I] or [1,KH,KW,O], gamma [O], var [O]     y [as w]
 *   y = w k,  k = gamma / sqrt(var + epsilon), along attr.bnorm.axis
 *   dw = k dy,  dgamma = sum(dy w) / sqrt(var + epsilon);  var is the moving variance: a constant
 *
 * Jacob et al. 2017 (arXiv 1712.05877) eq. 14, with the moving variance in training too, as
 * Krishnamoorthi 2018 (arXiv 1806.08342) section 3.2.2 recommends: the quantized weights do not
 * jitter with the batch.  The batch norm moves it between forward and backward, so 1 / sqrt(var +
 * epsilon) is saved. */
#include <math.h>

#include "nn/op.h"
#include "nn/ops/channels.h"

enum { W, GAMMA, VAR };

static nn_status infer(nn_node *n)
{
    nn_shape w = n->in[W]->shape;
    int axis = n->attr.bnorm.axis;
    char text[NN_SHAPE_TEXT];
    if (axis < 0 || axis >= w.rank)
        return NN_NODE_FAIL(n, "axis %d of %s", axis, nn_shape_text(w, text));
    size_t channels = (size_t)w.dim[axis];
    if (nn_shape_count(n->in[GAMMA]->shape) != channels ||
        nn_shape_count(n->in[VAR]->shape) != channels)
        return NN_NODE_FAIL(n, "%s has %zu output channels, gamma %zu, var %zu",
                            nn_shape_text(w, text), channels, nn_shape_count(n->in[GAMMA]->shape),
                            nn_shape_count(n->in[VAR]->shape));
    n->shape = w;
    return NN_OK;
}

static nn_channels layout_of(const nn_node *n)
{
    return nn_channels_of(n->shape, n->attr.bnorm.axis, 1);
}

static nn_need need(const nn_node *n, int batch, bool training)
{
    (void)batch;
    return (nn_need){ .saved = training ? layout_of(n).channels * sizeof(nn_real) : 0,
                      .scratch = layout_of(n).channels * sizeof(nn_real) };
}

/* 1 / sqrt(var + epsilon) of each channel, as forward found it. */
static nn_real *inverses_of(const nn_call *c)
{
    return c->saved != NULL ? c->saved : c->scratch;
}

static void find_inverses(const nn_call *c, size_t channels)
{
    for (size_t i = 0; i < channels; i++)
        inverses_of(c)[i] =
            (nn_real)(1.0 / sqrt((double)c->x[VAR][i] + c->node->attr.bnorm.epsilon));
}

static void forward(const nn_call *c)
{
    nn_channels l = layout_of(c->node);
    find_inverses(c, l.channels);
    for (size_t o = 0; o < l.outer; o++)
        for (size_t ch = 0; ch < l.channels; ch++) {
            nn_real k = c->x[GAMMA][ch] * inverses_of(c)[ch];
            size_t at = (o * l.channels + ch) * l.inner;
            for (size_t i = at; i < at + l.inner; i++)
                c->y[i] = c->x[W][i] * k;
        }
}

static void backward_weight(const nn_call *c, nn_channels l)
{
    nn_real *dw = c->dx[W];
    for (size_t o = 0; o < l.outer; o++)
        for (size_t ch = 0; ch < l.channels; ch++) {
            nn_real k = c->x[GAMMA][ch] * inverses_of(c)[ch];
            size_t at = (o * l.channels + ch) * l.inner;
            for (size_t i = at; i < at + l.inner; i++)
                dw[i] = c->add[W] ? dw[i] + k * c->dy[i] : k * c->dy[i];
        }
}

static void backward_gamma(const nn_call *c, nn_channels l)
{
    for (size_t ch = 0; ch < l.channels; ch++) {
        double sum = 0;
        for (size_t o = 0; o < l.outer; o++) {
            size_t at = (o * l.channels + ch) * l.inner;
            for (size_t i = at; i < at + l.inner; i++)
                sum += (double)c->dy[i] * (double)c->x[W][i];
        }
        nn_real d = (nn_real)(sum * (double)inverses_of(c)[ch]);
        c->dx[GAMMA][ch] = c->add[GAMMA] ? c->dx[GAMMA][ch] + d : d;
    }
}

static void backward(const nn_call *c)
{
    nn_channels l = layout_of(c->node);
    if (c->dx[GAMMA] != NULL)
        backward_gamma(c, l);
    if (c->dx[W] != NULL)
        backward_weight(c, l);
}

const nn_op nn_op_bnscale = {
    .name = "bnscale",
    .n_in_min = 3,
    .n_in_max = 3,
    .keeps = NN_KEEP_X(W) | NN_KEEP_X(GAMMA),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
