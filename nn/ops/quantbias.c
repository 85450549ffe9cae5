/* quantbias - the bias rounded as the integer model will hold it.
 *
 *   b [O], x_scale [1], w_scale [1] or [O]     y [O]
 *   y = s round(b / s) with s = x_scale * w_scale; codes are int32      db = dy  (straight through)
 *
 * Ties away from zero.  While a scale is 0 (no range yet) y = b.
 * Jacob et al. 2017 (arXiv 1712.05877) section 2.4. */
#include <math.h>

#include "nn/op.h"

enum { B, X_SCALE, W_SCALE };

static nn_status infer(nn_node *n)
{
    size_t count = nn_shape_count(n->in[B]->shape);
    size_t scales = nn_shape_count(n->in[W_SCALE]->shape);
    if (nn_shape_count(n->in[X_SCALE]->shape) != 1 || (scales != 1 && scales != count))
        return NN_NODE_FAIL(n, "%zu biases do not fit %zu weight scales", count, scales);
    n->shape = n->in[B]->shape;
    return NN_OK;
}

static void forward(const nn_call *c)
{
    size_t n = nn_call_count(c), scales = nn_call_count_in(c, W_SCALE);
    for (size_t i = 0; i < n; i++) {
        double s = (double)c->x[X_SCALE][0] * (double)c->x[W_SCALE][scales > 1 ? i : 0];
        double b = (double)c->x[B][i];
        double code = fmin(fmax(round(b / s), (double)INT32_MIN), (double)INT32_MAX);
        c->y[i] = s > 0 ? (nn_real)(code * s) : (nn_real)b;
    }
}

static void backward(const nn_call *c)
{
    size_t n = nn_call_count(c);
    for (size_t i = 0; c->dx[B] != NULL && i < n; i++)
        c->dx[B][i] = c->add[B] ? c->dx[B][i] + c->dy[i] : c->dy[i];
}

const nn_op nn_op_quantbias = {
    .name = "quantbias",
    .n_in_min = 3,
    .n_in_max = 3,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
