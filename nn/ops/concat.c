/* concat - joins its inputs along the last dimension, in their order.
 *
 *   x0 [..,C0]  x1 [..,C1]  ..   y [..,C0+C1+..]      rank 2 to 4, 2 to NN_MAX_IN inputs
 *   dx_i = the part of dy that came from x_i */
#include <limits.h>

#include "nn/ops/each.h"

static nn_status check_input(const nn_node *n, int k)
{
    nn_shape first = n->in[0]->shape, x = n->in[k]->shape;
    char want[NN_SHAPE_TEXT], have[NN_SHAPE_TEXT];
    if (x.rank < 2)
        return NN_NODE_FAIL(n, "input %d is %s, must have 2 to %d dimensions", k,
                            nn_shape_text(x, have), (int)NN_MAX_RANK);
    if (x.rank == first.rank)
        first.dim[x.rank - 1] = x.dim[x.rank - 1];
    if (!nn_shape_equal(first, x))
        return NN_NODE_FAIL(n, "input 0 is %s and input %d is %s, must differ in the last only",
                            nn_shape_text(n->in[0]->shape, want), k, nn_shape_text(x, have));
    return NN_OK;
}

static nn_status infer(nn_node *n)
{
    int64_t channels = 0;
    for (int k = 0; k < n->n_in; k++) {
        NN_TRY(check_input(n, k));
        channels += nn_shape_channels(n->in[k]->shape);
    }
    if (channels > INT_MAX)
        return NN_NODE_FAIL(n, "has %lld channels, at most %d", (long long)channels, INT_MAX);
    n->shape = n->in[0]->shape;
    n->shape.dim[n->shape.rank - 1] = (int)channels;
    return NN_OK;
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    size_t all = (size_t)nn_shape_channels(c->node->shape), at = 0;
    for (int k = 0; k < c->node->n_in; k++) {
        size_t width = (size_t)nn_shape_channels(c->node->in[k]->shape);
        for (size_t row = begin; row < end; row++)
            nn_each_pass(c->y + row * all + at, c->x[k] + row * width, width, false);
        at += width;
    }
}

static void forward(const nn_call *c)
{
    size_t all = (size_t)nn_shape_channels(c->node->shape);
    nn_each(c, nn_call_count(c) / all, all, forward_part);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    size_t all = (size_t)nn_shape_channels(c->node->shape), at = 0;
    for (int k = 0; k < c->node->n_in; k++) {
        size_t width = (size_t)nn_shape_channels(c->node->in[k]->shape);
        for (size_t row = begin; row < end && c->dx[k] != NULL; row++)
            nn_each_pass(c->dx[k] + row * width, c->dy + row * all + at, width, c->add[k]);
        at += width;
    }
}

static void backward(const nn_call *c)
{
    size_t all = (size_t)nn_shape_channels(c->node->shape);
    nn_each(c, nn_call_count(c) / all, all, backward_part);
}

const nn_op nn_op_concat = { .name = "concat",
                             .n_in_min = 2,
                             .n_in_max = NN_MAX_IN,
                             .infer = infer,
                             .forward = forward,
                             .backward = backward };
