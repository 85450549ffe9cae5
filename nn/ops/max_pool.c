/* max_pool - the largest element under a window that slides over H and W.
 *
 *   x [N,H,W,C]   y [N,OH,OW,C]
 *   dx: dy goes to the first largest element of its window (rows first)
 *
 * Padding never wins. */
#include <string.h>

#include "nn/ops/pool.h"

/* Saved: for each element of y, where in its image of x the largest lay. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    size_t count = nn_shape_count_batch(n->shape, batch);
    return (nn_need){ .saved = training ? count * sizeof(int32_t) : 0 };
}

static void take_larger(nn_real *restrict y, const nn_real *restrict x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

static void take_larger_and_place(nn_real *restrict y, int32_t *restrict from,
                                  const nn_real *restrict x, int32_t at, int n)
{
    for (int i = 0; i < n; i++) { /* two loops: as one, compilers make branches of it */
        const int32_t there = from[i];
        from[i] = x[i] > y[i] ? at + i : there;
    }
    take_larger(y, x, n);
}

/* The pixel of y under the given rows and columns of the image x. */
static void pool_pixel(const nn_node *n, nn_real *y, int32_t *from, const nn_real *x, nn_taps rows,
                       nn_taps columns)
{
    const int width = n->in[0]->shape.dim[2], channels = n->shape.dim[3];
    int first = (rows.begin * width + columns.begin) * channels;
    memcpy(y, x + first, (size_t)channels * sizeof *y);
    for (int i = 0; i < channels && from != NULL; i++)
        from[i] = first + i;
    for (int h = rows.begin; h < rows.end; h++)
        for (int w = columns.begin; w < columns.end; w++) {
            int at = (h * width + w) * channels;
            if (from != NULL)
                take_larger_and_place(y, from, x + at, at, channels);
            else
                take_larger(y, x + at, channels);
        }
}

/* Items are rows of y over the whole batch. */
static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_node *n = c->node;
    const size_t height = (size_t)n->shape.dim[1], pixels = (size_t)n->shape.dim[2];
    const size_t channels = (size_t)n->shape.dim[3], image = nn_shape_count(n->in[0]->shape);
    for (size_t row = begin; row < end; row++) {
        nn_taps rows = nn_pool_rows(n, (int)(row % height));
        const nn_real *x = c->x[0] + row / height * image;
        for (size_t p = 0; p < pixels; p++) {
            size_t at = (row * pixels + p) * channels;
            pool_pixel(n, c->y + at, c->saved != NULL ? (int32_t *)c->saved + at : NULL, x, rows,
                       nn_pool_columns(n, (int)p));
        }
    }
}

static void forward(const nn_call *c)
{
    size_t row = (size_t)c->node->shape.dim[2] * (size_t)c->node->shape.dim[3];
    nn_each(c, nn_call_count(c) / row, nn_pool_cost(c->node), forward_part);
}

/* Items are images: windows of one image may share an element of x. */
static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    const size_t image = nn_shape_count(c->node->in[0]->shape);
    const size_t outputs = nn_shape_count(c->node->shape);
    const int32_t *from = c->saved;
    for (size_t item = begin; item < end; item++) {
        nn_real *dx = c->dx[0] + item * image;
        if (!c->add[0])
            memset(dx, 0, image * sizeof *dx);
        for (size_t i = item * outputs; i < (item + 1) * outputs; i++)
            dx[from[i]] += c->dy[i];
    }
}

static void backward(const nn_call *c)
{
    size_t image = nn_shape_count(c->node->in[0]->shape);
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count_in(c, 0) / image, image, backward_part);
}

const nn_op nn_op_max_pool = { .name = "max_pool",
                               .n_in_min = 1,
                               .n_in_max = 1,
                               .infer = nn_pool_infer,
                               .need = need,
                               .forward = forward,
                               .backward = backward };
