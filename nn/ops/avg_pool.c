/* avg_pool - the mean under a window that slides over H and W.
 *
 *   x [N,H,W,C]   y [N,OH,OW,C]
 *   y = sum / n,  n = taps inside the image: padding does not count, as in TFLite
 *   dx += dy / n for each tap */
#include <string.h>

#include "nn/ops/pool.h"

static nn_real share_of(nn_taps rows, nn_taps columns)
{
    return 1 / (nn_real)((rows.end - rows.begin) * (columns.end - columns.begin));
}

/* y += a x over n elements. */
static void accumulate(nn_real *restrict y, nn_real a, const nn_real *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static void pool_pixel(const nn_node *n, nn_real *y, const nn_real *x, nn_taps rows,
                       nn_taps columns)
{
    const int width = n->in[0]->shape.dim[2];
    const size_t channels = (size_t)n->shape.dim[3];
    const nn_real share = share_of(rows, columns);
    memset(y, 0, channels * sizeof *y);
    for (int h = rows.begin; h < rows.end; h++)
        for (int w = columns.begin; w < columns.end; w++)
            accumulate(y, share, x + (size_t)(h * width + w) * channels, channels);
}

/* Items are rows of y over the whole batch. */
static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_node *n = c->node;
    const size_t height = (size_t)n->shape.dim[1], pixels = (size_t)n->shape.dim[2];
    const size_t channels = (size_t)n->shape.dim[3], image = nn_shape_count(n->in[0]->shape);
    for (size_t row = begin; row < end; row++)
        for (size_t p = 0; p < pixels; p++)
            pool_pixel(n, c->y + (row * pixels + p) * channels, c->x[0] + row / height * image,
                       nn_pool_rows(n, (int)(row % height)), nn_pool_columns(n, (int)p));
}

static void forward(const nn_call *c)
{
    size_t row = (size_t)c->node->shape.dim[2] * (size_t)c->node->shape.dim[3];
    nn_each(c, nn_call_count(c) / row, nn_pool_cost(c->node), forward_part);
}

static void spread_pixel(const nn_node *n, nn_real *dx, const nn_real *dy, nn_taps rows,
                         nn_taps columns)
{
    const int width = n->in[0]->shape.dim[2];
    const size_t channels = (size_t)n->shape.dim[3];
    const nn_real share = share_of(rows, columns);
    for (int h = rows.begin; h < rows.end; h++)
        for (int w = columns.begin; w < columns.end; w++)
            accumulate(dx + (size_t)(h * width + w) * channels, share, dy, channels);
}

/* Items are images: windows of one image may share an element of x. */
static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_node *n = c->node;
    const size_t image = nn_shape_count(n->in[0]->shape), channels = (size_t)n->shape.dim[3];
    for (size_t item = begin; item < end; item++) {
        nn_real *dx = c->dx[0] + item * image;
        const nn_real *dy = c->dy + item * nn_shape_count(n->shape);
        if (!c->add[0])
            memset(dx, 0, image * sizeof *dx);
        for (int h = 0; h < n->shape.dim[1]; h++)
            for (int w = 0; w < n->shape.dim[2]; w++, dy += channels)
                spread_pixel(n, dx, dy, nn_pool_rows(n, h), nn_pool_columns(n, w));
    }
}

static void backward(const nn_call *c)
{
    size_t image = nn_shape_count(c->node->in[0]->shape);
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count_in(c, 0) / image, image, backward_part);
}

const nn_op nn_op_avg_pool = { .name = "avg_pool",
                               .n_in_min = 1,
                               .n_in_max = 1,
                               .infer = nn_pool_infer,
                               .forward = forward,
                               .backward = backward };
