/* dropout - in training sets a random share of the elements to 0 and scales the others up.
 *
 *   x [any]   y [as x]
 *   training: y = x / (1 - rate) with probability 1 - rate, else 0;  otherwise y = x
 *   dx = dy under the same mask
 *
 * The mask is a function of (seed, layer, step, element), so backward draws it again and nothing is
 * saved.  Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
 * JMLR 15, 2014. */
#include "nn/base/rng.h"
#include "nn/ops/each.h"

enum { DRAWS = 4, COST = 16 }; /* elements that one block of random numbers serves; its price */

static nn_status infer(nn_node *n)
{
    if (!(n->attr.dropout.rate >= 0 && n->attr.dropout.rate < 1))
        return NN_NODE_FAIL(n, "rate %g must be from 0 to below 1", n->attr.dropout.rate);
    n->shape = n->in[0]->shape;
    return NN_OK;
}

/* Blocks [begin, end) of DRAWS elements each. */
static void apply(const nn_call *c, nn_real *to, const nn_real *from, bool add, size_t begin,
                  size_t end)
{
    const nn_dropout_attr *a = &c->node->attr.dropout;
    nn_rng r = nn_rng_stream(c->run->seed, "dropout", a->stream, (uint64_t)c->run->step);
    const uint32_t dropped = (uint32_t)(a->rate * 0x1p32);
    const nn_real scale = (nn_real)(1 / (1 - a->rate));
    size_t n = nn_call_count(c);
    for (size_t block = begin; block < end; block++) {
        nn_rng_block draw = nn_rng_block_at(r.seed, r.stream, block);
        for (size_t k = 0; k < DRAWS && block * DRAWS + k < n; k++) {
            size_t i = block * DRAWS + k;
            nn_real v = draw.v[k] >= dropped ? from[i] * scale : 0;
            to[i] = add ? to[i] + v : v;
        }
    }
}

static void drop_value(const nn_call *c, size_t begin, size_t end)
{
    apply(c, c->y, c->x[0], false, begin, end);
}

static void drop_gradient(const nn_call *c, size_t begin, size_t end)
{
    apply(c, c->dx[0], c->dy, c->add[0], begin, end);
}

static void pass_value(const nn_call *c, size_t begin, size_t end)
{
    nn_each_pass(c->y + begin, c->x[0] + begin, end - begin, false);
}

static void pass_gradient(const nn_call *c, size_t begin, size_t end)
{
    nn_each_pass(c->dx[0] + begin, c->dy + begin, end - begin, c->add[0]);
}

static void forward(const nn_call *c)
{
    size_t n = nn_call_count(c);
    if (c->run->training)
        nn_each(c, (n + DRAWS - 1) / DRAWS, COST * DRAWS, drop_value);
    else
        nn_each(c, n, 1, pass_value);
}

static void backward(const nn_call *c)
{
    size_t n = nn_call_count(c);
    if (c->dx[0] == NULL)
        return;
    if (c->run->training)
        nn_each(c, (n + DRAWS - 1) / DRAWS, COST * DRAWS, drop_gradient);
    else
        nn_each(c, n, 1, pass_gradient);
}

const nn_op nn_op_dropout = { .name = "dropout",
                              .n_in_min = 1,
                              .n_in_max = 1,
                              .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD | NN_FLAG_TRAIN_ONLY,
                              .infer = infer,
                              .forward = forward,
                              .backward = backward };
