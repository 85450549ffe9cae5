/* gap - global average pool: the mean over H and W, summed in double.
 *
 *   x [N,H,W,C]   y [N,C]
 *   dx = dy / (H W)
 *
 * Lin, Chen, Yan, "Network in network", arXiv 1312.4400 section 3.2. */
#include "nn/ops/each.h"

static nn_status infer(nn_node *n)
{
    nn_shape x = n->in[0]->shape;
    char text[NN_SHAPE_TEXT];
    if (x.rank != 4)
        return NN_NODE_FAIL(n, "x is %s, must be [N,H,W,C]", nn_shape_text(x, text));
    n->shape = NN_SHAPE(x.dim[0], x.dim[3]);
    return NN_OK;
}

typedef struct extent {
    size_t pixels, channels;
} extent;

static extent extent_of(const nn_call *c)
{
    nn_shape x = c->node->in[0]->shape;
    return (extent){ (size_t)x.dim[1] * (size_t)x.dim[2], (size_t)x.dim[3] };
}

enum { TILE = 64 }; /* channels that are summed at once */

/* y of `width` <= TILE channels of one image. */
static void average_tile(nn_real *y, const nn_real *x, size_t width, extent e)
{
    double sum[TILE] = { 0 };
    for (size_t p = 0; p < e.pixels; p++)
        for (size_t i = 0; i < width; i++)
            sum[i] += (double)x[p * e.channels + i];
    for (size_t i = 0; i < width; i++)
        y[i] = (nn_real)(sum[i] / (double)e.pixels);
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    for (size_t item = begin; item < end; item++)
        for (size_t i = 0; i < e.channels; i += TILE)
            average_tile(c->y + item * e.channels + i, c->x[0] + item * e.pixels * e.channels + i,
                         e.channels - i < TILE ? e.channels - i : TILE, e);
}

static void forward(const nn_call *c)
{
    extent e = extent_of(c);
    nn_each(c, nn_call_count(c) / e.channels, e.pixels * e.channels, forward_part);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    const nn_real share = 1 / (nn_real)e.pixels;
    const bool add = c->add[0];
    for (size_t row = begin * e.pixels; row < end * e.pixels; row++) {
        const nn_real *dy = c->dy + row / e.pixels * e.channels;
        nn_real *dx = c->dx[0] + row * e.channels;
#pragma omp simd
        for (size_t i = 0; i < e.channels; i++)
            dx[i] = add ? dx[i] + share * dy[i] : share * dy[i];
    }
}

static void backward(const nn_call *c)
{
    extent e = extent_of(c);
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count(c) / e.channels, e.pixels * e.channels, backward_part);
}

const nn_op nn_op_gap = { .name = "gap",
                          .n_in_min = 1,
                          .n_in_max = 1,
                          .infer = infer,
                          .forward = forward,
                          .backward = backward };
