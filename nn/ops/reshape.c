/* reshape - the same elements in the same order under another shape.
 *
 *   x [any]   y [attr.reshape], as many elements an item; the batch stays the batch
 *   dx = dy */
#include "nn/ops/each.h"

static nn_status infer(nn_node *n)
{
    nn_shape x = n->in[0]->shape, y = n->attr.reshape;
    char from[NN_SHAPE_TEXT], to[NN_SHAPE_TEXT];
    if (!nn_shape_is_valid(y))
        return NN_NODE_FAIL(n, "shape %s is not possible", nn_shape_text(y, to));
    bool x_batched = x.rank > 0 && x.dim[0] == NN_BATCH;
    bool y_batched = y.rank > 0 && y.dim[0] == NN_BATCH;
    if (x_batched != y_batched)
        return NN_NODE_FAIL(n, "from %s to %s: the batch must stay the first dimension",
                            nn_shape_text(x, from), nn_shape_text(y, to));
    if (nn_shape_count(x) != nn_shape_count(y))
        return NN_NODE_FAIL(n, "%s has %zu elements an item, %s has %zu", nn_shape_text(x, from),
                            nn_shape_count(x), nn_shape_text(y, to), nn_shape_count(y));
    n->shape = y;
    return NN_OK;
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    nn_each_pass(c->y + begin, c->x[0] + begin, end - begin, false);
}

static void forward(const nn_call *c)
{
    if (c->y != c->x[0])
        nn_each(c, nn_call_count(c), 1, forward_part);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    nn_each_pass(c->dx[0] + begin, c->dy + begin, end - begin, c->add[0]);
}

static void backward(const nn_call *c)
{
    if (c->dx[0] != NULL && c->dx[0] != c->dy)
        nn_each(c, nn_call_count(c), 1, backward_part);
}

const nn_op nn_op_reshape = { .name = "reshape",
                              .n_in_min = 1,
                              .n_in_max = 1,
                              .flags = NN_FLAG_VIEW | NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD,
                              .infer = infer,
                              .forward = forward,
                              .backward = backward };
