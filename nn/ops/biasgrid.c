/* biasgrid - the scales that a weight needs for its layer's bias to fit an int32.
 *
 *   s [1] or [O], bias [O], x_scale [1]     y [as s]
 *   y = max(s, |bias| / (x_scale 2^30));  of one scale, the greatest over all biases
 *
 * The code of a bias is bias / (x_scale s), so where batch norm has all but switched a channel off
 * (gamma 1e-7, beta 3) the scale that its small weights ask for makes the bias overflow.  With y
 * the code is at most 2^30, which leaves the other half of an int32 for the products.  What the
 * weights lose is nothing that an 8-bit result could show: half a step of y for each of n products
 * with codes up to 255 is n 2^-23 |bias|.  While a scale is 0 (no range yet) y = s.
 *
 * It has no gradient.  The rule of TensorFlow Lite's converter, AdjustWeightsForBiasScale in
 * tensorflow/lite/tools/optimize/quantization_utils.cc. */
#include <float.h>
#include <math.h>

#include "nn/op.h"

enum { S, BIAS, X_SCALE };

static nn_status infer(nn_node *n)
{
    const size_t scales = nn_shape_count(n->in[S]->shape),
                 biases = nn_shape_count(n->in[BIAS]->shape);
    if (nn_shape_count(n->in[X_SCALE]->shape) != 1 || (scales != 1 && scales != biases))
        return NN_NODE_FAIL(n, "%zu biases do not fit %zu weight scales", biases, scales);
    n->shape = n->in[S]->shape;
    return NN_OK;
}

static void forward(const nn_call *c)
{
    const double most = 1073741824.0, x_scale = (double)c->x[X_SCALE][0];
    const size_t scales = nn_call_count(c), biases = nn_call_count_in(c, BIAS);
    for (size_t i = 0; i < scales; i++)
        c->y[i] = c->x[S][i];
    for (size_t i = 0; x_scale > 0 && i < biases; i++) {
        nn_real *y = &c->y[scales > 1 ? i : 0];
        const double need = fabs((double)c->x[BIAS][i]) / (x_scale * most);
        if (*y > 0 && need > (double)*y && need < (double)FLT_MAX)
            *y = (nn_real)need;
    }
}

const nn_op nn_op_biasgrid = {
    .name = "biasgrid",
    .n_in_min = 3,
    .n_in_max = 3,
    .flags = NN_FLAG_NO_GRAD,
    .infer = infer,
    .forward = forward,
};
