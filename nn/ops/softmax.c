/* softmax - y = e^x / sum e^x over the last dimension.
 *
 *   x [..,C], rank 2 to 4   y [as x]
 *   dx = y (dy - sum dy y) */
#include "nn/base/math.h"
#include "nn/ops/each.h"

enum { COST = 16 }; /* an exponential, counted in plain elements */

static nn_status infer(nn_node *n)
{
    nn_shape x = n->in[0]->shape;
    char text[NN_SHAPE_TEXT];
    if (x.rank < 2)
        return NN_NODE_FAIL(n, "x is %s, must have 2 to %d dimensions", nn_shape_text(x, text),
                            (int)NN_MAX_RANK);
    n->shape = x;
    return NN_OK;
}

static void forward_row(nn_real *y, const nn_real *x, size_t n)
{
    nn_real most = x[0];
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) {
        double e = nn_exp((double)x[i] - (double)most);
        y[i] = (nn_real)e;
        sum += e;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = (nn_real)((double)y[i] / sum);
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    size_t n = (size_t)nn_shape_channels(c->node->shape);
    for (size_t row = begin; row < end; row++)
        forward_row(c->y + row * n, c->x[0] + row * n, n);
}

static void forward(const nn_call *c)
{
    size_t n = (size_t)nn_shape_channels(c->node->shape);
    nn_each(c, nn_call_count(c) / n, n * COST, forward_part);
}

static void backward_row(nn_real *dx, const nn_real *dy, const nn_real *y, size_t n, bool add)
{
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += (double)dy[i] * (double)y[i];
    const nn_real mean = (nn_real)dot;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        nn_real g = y[i] * (dy[i] - mean);
        dx[i] = add ? dx[i] + g : g;
    }
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    size_t n = (size_t)nn_shape_channels(c->node->shape);
    for (size_t row = begin; row < end; row++)
        backward_row(c->dx[0] + row * n, c->dy + row * n, c->y + row * n, n, c->add[0]);
}

static void backward(const nn_call *c)
{
    size_t n = (size_t)nn_shape_channels(c->node->shape);
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count(c) / n, n, backward_part);
}

const nn_op nn_op_softmax = { .name = "softmax",
                              .n_in_min = 1,
                              .n_in_max = 1,
                              .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD,
                              .keeps = NN_KEEP_Y,
                              .infer = infer,
                              .forward = forward,
                              .backward = backward };
