/* logistic - y = 1 / (1 + e^-x), elementwise.
 *
 *   x [any]   y [as x]
 *   dx = dy y (1 - y) */
#include "nn/base/math.h"
#include "nn/ops/each.h"

enum { COST = 16 }; /* an exponential, counted in plain elements */

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        c->y[i] = (nn_real)nn_sigmoid(c->x[0][i]);
}

static void forward(const nn_call *c)
{
    nn_each(c, nn_call_count(c), COST, forward_part);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_real *y = c->y, *dy = c->dy;
    nn_real *dx = c->dx[0];
    const bool add = c->add[0];
#pragma omp simd
    for (size_t i = begin; i < end; i++) {
        nn_real g = dy[i] * y[i] * (1 - y[i]);
        dx[i] = add ? dx[i] + g : g;
    }
}

static void backward(const nn_call *c)
{
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count(c), 1, backward_part);
}

const nn_op nn_op_logistic = { .name = "logistic",
                               .n_in_min = 1,
                               .n_in_max = 1,
                               .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD,
                               .keeps = NN_KEEP_Y,
                               .infer = nn_each_infer,
                               .forward = forward,
                               .backward = backward };
