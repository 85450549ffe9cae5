/* bngrid - the scales that weights have when a batch norm is folded into them after they were
 * quantized: their codes stay, but for the sign of k.
 *
 *   s [O] or [1], gamma [O], var [O]     y [O]
 *   y = s max(|k|, 2^-16),  k = gamma / sqrt(var + epsilon)
 *
 * For deployed graphs; it has no gradient.  The least factor keeps the scale of a channel that
 * gamma has all but switched off above 0; weights that small then have smaller codes, or 0.  Op
 * biasgrid sees to the bias. */
#include <math.h>

#include "nn/op.h"

enum { S, GAMMA, VAR };

static nn_status infer(nn_node *n)
{
    const size_t channels = nn_shape_count(n->in[GAMMA]->shape),
                 scales = nn_shape_count(n->in[S]->shape);
    if ((scales != 1 && scales != channels) || nn_shape_count(n->in[VAR]->shape) != channels)
        return NN_NODE_FAIL(n, "%zu scales, gamma has %zu elements, var %zu", scales, channels,
                            nn_shape_count(n->in[VAR]->shape));
    n->shape = n->in[GAMMA]->shape;
    return NN_OK;
}

static void forward(const nn_call *c)
{
    const double least = 1.0 / 65536;
    const size_t n = nn_call_count(c), scales = nn_call_count_in(c, S);
    for (size_t i = 0; i < n; i++) {
        const double inverse = 1.0 / sqrt((double)c->x[VAR][i] + c->node->attr.bnorm.epsilon);
        const double k = fabs((double)c->x[GAMMA][i] * inverse);
        c->y[i] = (nn_real)((double)c->x[S][scales > 1 ? i : 0] * fmax(k, least));
    }
}

const nn_op nn_op_bngrid = {
    .name = "bngrid",
    .n_in_min = 3,
    .n_in_max = 3,
    .flags = NN_FLAG_NO_GRAD,
    .infer = infer,
    .forward = forward,
};
