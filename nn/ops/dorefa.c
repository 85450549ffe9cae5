/* dorefa - a weight on the levels of DoReFa-Net: evenly many above and below 0, none at it.
 *
 *   w [any]     y [as w]
 *   t = tanh(w),  m = max|t| along attr.dorefa.axis, or of all (axis -1),  n = attr.dorefa.levels
 *   y = m (2 round(n (t / (2 m) + 1/2)) - n) / n        codes -n, 2 - n, .. n - 2, n times m / n
 *   dw = dy (1 - t^2)                                   (straight through; m is a constant)
 *
 * n = 2^bits - 1.  The paper has y / m, so that every layer's weights fill [-1, 1]; batch norm
 * behind the layer makes that the same function, and a float network keeps its own size here.
 * Zhou et al., "DoReFa-Net", 2016 (arXiv 1606.06160) eq. 9 and 11. */
#include <math.h>

#include "nn/base/math.h"
#include "nn/op.h"
#include "nn/ops/channels.h"

static nn_status infer(nn_node *n)
{
    const nn_dorefa_attr *a = &n->attr.dorefa;
    n->shape = n->in[0]->shape;
    if (a->axis >= n->shape.rank || n->shape.dim[0] == NN_BATCH || a->levels < 1)
        return NN_NODE_FAIL(n, "axis %d, %d levels of a rank %d weight", a->axis, a->levels,
                            n->shape.rank);
    return NN_OK;
}

/* tanh of the weights; without training only while it runs. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    (void)batch;
    const size_t bytes = nn_shape_count(n->shape) * sizeof(nn_real);
    return (nn_need){ .saved = training ? bytes : 0, .scratch = training ? 0 : bytes };
}

static double greatest(const nn_real *t, nn_channels l, size_t channel)
{
    double m = 0;
    for (size_t o = 0; o < l.outer; o++)
        for (size_t i = 0; i < l.inner; i++) {
            const double a = fabs((double)t[(o * l.channels + channel) * l.inner + i]);
            m = a > m ? a : m; /* gcc 12 for aarch64 ends with an error of its own at fmax */
        }
    return m;
}

static void put_on_levels(const nn_call *c, const nn_real *t, nn_channels l, size_t channel)
{
    const double m = greatest(t, l, channel), n = c->node->attr.dorefa.levels;
    for (size_t o = 0; o < l.outer; o++)
        for (size_t i = 0; i < l.inner; i++) {
            const size_t at = (o * l.channels + channel) * l.inner + i;
            const double level = m > 0 ? round(n * ((double)t[at] / (2 * m) + 0.5)) : n / 2;
            c->y[at] = (nn_real)(m * (2 * level - n) / n);
        }
}

static void forward(const nn_call *c)
{
    const nn_channels l = nn_channels_of(c->node->shape, c->node->attr.dorefa.axis, 1);
    nn_real *t = c->saved != NULL ? c->saved : c->scratch;
    for (size_t i = 0; i < nn_call_count(c); i++)
        t[i] = (nn_real)nn_tanh((double)c->x[0][i]);
    for (size_t k = 0; k < l.channels; k++)
        put_on_levels(c, t, l, k);
}

static void backward(const nn_call *c)
{
    const nn_real *t = c->saved;
    for (size_t i = 0; c->dx[0] != NULL && i < nn_call_count(c); i++) {
        const nn_real d = c->dy[i] * (1 - t[i] * t[i]);
        c->dx[0][i] = c->add[0] ? c->dx[0][i] + d : d;
    }
}

const nn_op nn_op_dorefa = {
    .name = "dorefa",
    .n_in_min = 1,
    .n_in_max = 1,
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
