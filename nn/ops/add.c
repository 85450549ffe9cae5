/* add - y = a + b, elementwise.
 *
 *   a [any]   b [as a]   y [as a]
 *   da = dy, db = dy */
#include "nn/kernels/kernels.h"
#include "nn/ops/each.h"

static nn_status infer(nn_node *n)
{
    nn_shape a = n->in[0]->shape, b = n->in[1]->shape;
    char left[NN_SHAPE_TEXT], right[NN_SHAPE_TEXT];
    if (!nn_shape_equal(a, b))
        return NN_NODE_FAIL(n, "a is %s and b is %s, must be the same", nn_shape_text(a, left),
                            nn_shape_text(b, right));
    n->shape = a;
    return NN_OK;
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    nn_kernel.add(c->y + begin, c->x[0] + begin, c->x[1] + begin, end - begin);
}

static void forward(const nn_call *c)
{
    nn_each(c, nn_call_count(c), 1, forward_part);
}

/* b before a: where da is dy itself, dy must be read before da adds anything to it. */
static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    for (int k = 1; k >= 0; k--)
        if (c->dx[k] != NULL)
            nn_each_pass(c->dx[k] + begin, c->dy + begin, end - begin, c->add[k]);
}

static void backward(const nn_call *c)
{
    nn_each(c, nn_call_count(c), 1, backward_part);
}

const nn_op nn_op_add = { .name = "add",
                          .n_in_min = 2,
                          .n_in_max = 2,
                          .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD,
                          .infer = infer,
                          .forward = forward,
                          .backward = backward };
