/* pad - zeros before and after each dimension but the batch.
 *
 *   x [rank 2 to 4]   y [x + attr.pad.before + attr.pad.after]
 *   dx = dy without the border */
#include <string.h>

#include "nn/ops/each.h"

static nn_status infer(nn_node *n)
{
    enum { MOST = 1 << 15 };
    nn_shape x = n->in[0]->shape;
    const nn_pad_attr *p = &n->attr.pad;
    if (x.rank < 2)
        return NN_NODE_FAIL(n, "x has %d dimensions, must have 2 to %d", x.rank, (int)NN_MAX_RANK);
    for (int i = 0; i < NN_MAX_RANK; i++) {
        int most = i >= x.rank || x.dim[i] == NN_BATCH ? 0 : MOST;
        if (p->before[i] < 0 || p->after[i] < 0 || p->before[i] > most || p->after[i] > most)
            return NN_NODE_FAIL(n, "padding %d before and %d after dimension %d: at most %d",
                                p->before[i], p->after[i], i, most);
        if (most > 0 && x.dim[i] > INT32_MAX - p->before[i] - p->after[i])
            return NN_NODE_FAIL(n, "dimension %d of %d grows too large", i, x.dim[i]);
        if (i < x.rank && x.dim[i] != NN_BATCH)
            x.dim[i] += p->before[i] + p->after[i];
    }
    n->shape = x;
    return NN_OK;
}

/* Row `row` of y (all dimensions but the last): where it begins in x, or -1 if it is border. */
static ptrdiff_t source_of(const nn_node *n, size_t row)
{
    nn_shape x = n->in[0]->shape, y = n->shape;
    ptrdiff_t at = 0, step = nn_shape_channels(x);
    for (int i = x.rank - 2; i >= 0; i--) {
        ptrdiff_t index = (ptrdiff_t)row;
        if (i > 0) {
            index = (ptrdiff_t)(row % (size_t)y.dim[i]);
            row /= (size_t)y.dim[i];
        }
        index -= n->attr.pad.before[i];
        if (index < 0 || (x.dim[i] != NN_BATCH && index >= x.dim[i]))
            return -1;
        at += index * step;
        step *= x.dim[i];
    }
    return at;
}

/* Elements of a row of x and of y, and the border before it. */
typedef struct extent {
    size_t x, y, before;
} extent;

static extent extent_of(const nn_call *c)
{
    const nn_node *n = c->node;
    int last = n->shape.rank - 1;
    return (extent){ (size_t)n->in[0]->shape.dim[last], (size_t)n->shape.dim[last],
                     (size_t)n->attr.pad.before[last] };
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    memset(c->y + begin * e.y, 0, (end - begin) * e.y * sizeof(nn_real));
    for (size_t row = begin; row < end; row++) {
        ptrdiff_t from = source_of(c->node, row);
        if (from >= 0)
            nn_each_pass(c->y + row * e.y + e.before, c->x[0] + from, e.x, false);
    }
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    for (size_t row = begin; row < end; row++) {
        ptrdiff_t from = source_of(c->node, row);
        if (from >= 0)
            nn_each_pass(c->dx[0] + from, c->dy + row * e.y + e.before, e.x, c->add[0]);
    }
}

static void forward(const nn_call *c)
{
    extent e = extent_of(c);
    nn_each(c, nn_call_count(c) / e.y, e.y, forward_part);
}

static void backward(const nn_call *c)
{
    extent e = extent_of(c);
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count(c) / e.y, e.y, backward_part);
}

const nn_op nn_op_pad = { .name = "pad",
                          .n_in_min = 1,
                          .n_in_max = 1,
                          .infer = infer,
                          .forward = forward,
                          .backward = backward };
