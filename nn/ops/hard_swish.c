/* hard_swish - y = x min(max(0, x + 3), 6) / 6, elementwise.
 *
 *   x [any]   y [as x]
 *   dx = dy (2 x + 3) / 6 where -3 < x < 3, dy where x >= 3, 0 where x <= -3
 *
 * Howard et al., "Searching for MobileNetV3", arXiv 1905.02244 section 5.2. */
#include "nn/ops/each.h"

static const nn_real sixth = (nn_real)(1.0 / 6.0);

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_real *x = c->x[0];
    nn_real *y = c->y;
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        nn_real gate = x[i] + 3;
        gate = 0 > gate ? 0 : gate;
        gate = 6 < gate ? 6 : gate;
        y[i] = x[i] * gate * sixth;
    }
}

static void forward(const nn_call *c)
{
    nn_each(c, nn_call_count(c), 1, forward_part);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_real *x = c->x[0], *dy = c->dy;
    nn_real *dx = c->dx[0];
    const bool add = c->add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        nn_real slope = (2 * x[i] + 3) * sixth;
        slope = x[i] > -3 ? slope : 0;
        slope = x[i] < 3 ? slope : 1;
        nn_real g = dy[i] * slope;
        dx[i] = add ? dx[i] + g : g;
    }
}

static void backward(const nn_call *c)
{
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count(c), 1, backward_part);
}

const nn_op nn_op_hard_swish = { .name = "hard_swish",
                                 .n_in_min = 1,
                                 .n_in_max = 1,
                                 .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD,
                                 .keeps = NN_KEEP_X(0),
                                 .infer = nn_each_infer,
                                 .forward = forward,
                                 .backward = backward };
