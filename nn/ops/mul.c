/* mul - y = a b, elementwise, or a scaled by channel (squeeze and excitation).
 *
 *   a [N,H,W,C]   b [N,1,1,C] or as a   y [as a]      other ranks: b as a
 *   da = dy b,  db = dy a, summed over the elements of a that b stands for (in double)
 *
 * Hu et al., "Squeeze-and-excitation networks", arXiv 1709.01507. */
#include "nn/ops/each.h"

static bool scales_channels(nn_shape a, nn_shape b)
{
    return a.rank == 4 && b.rank == 4 && b.dim[0] == a.dim[0] && b.dim[1] == 1 && b.dim[2] == 1 &&
           b.dim[3] == a.dim[3];
}

static nn_status infer(nn_node *n)
{
    nn_shape a = n->in[0]->shape, b = n->in[1]->shape;
    char left[NN_SHAPE_TEXT], right[NN_SHAPE_TEXT];
    if (!nn_shape_equal(a, b) && !scales_channels(a, b))
        return NN_NODE_FAIL(n, "a is %s and b is %s, must be the same, or b [N,1,1,C]",
                            nn_shape_text(a, left), nn_shape_text(b, right));
    n->shape = a;
    return NN_OK;
}

/* a as `groups` groups of `pixels` rows of `width` elements; b has one row for each group. */
typedef struct extent {
    size_t groups, pixels, width;
} extent;

static extent extent_of(const nn_call *c)
{
    nn_shape a = c->node->in[0]->shape, b = c->node->in[1]->shape;
    size_t width = a.rank > 1 ? (size_t)nn_shape_channels(a) : 1;
    size_t groups = nn_call_count_in(c, 1) / width;
    return (extent){ groups, nn_shape_count(a) / nn_shape_count(b), width };
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    for (size_t row = begin; row < end; row++) {
        const nn_real *a = c->x[0] + row * e.width;
        const nn_real *b = c->x[1] + row / e.pixels * e.width;
        nn_real *y = c->y + row * e.width;
#pragma omp simd
        for (size_t i = 0; i < e.width; i++)
            y[i] = a[i] * b[i];
    }
}

static void forward(const nn_call *c)
{
    extent e = extent_of(c);
    nn_each(c, e.groups * e.pixels, e.width, forward_part);
}

static void backward_a(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    const bool add = c->add[0];
    for (size_t row = begin; row < end; row++) {
        const nn_real *dy = c->dy + row * e.width;
        const nn_real *b = c->x[1] + row / e.pixels * e.width;
        nn_real *dx = c->dx[0] + row * e.width;
#pragma omp simd
        for (size_t i = 0; i < e.width; i++)
            dx[i] = add ? dx[i] + dy[i] * b[i] : dy[i] * b[i];
    }
}

enum { TILE = 64 }; /* channels that are summed at once */

/* db of `width` <= TILE channels of one group; the rows of dy and a are `stride` apart. */
static void sum_tile(nn_real *db, const nn_real *dy, const nn_real *a, size_t width, extent e,
                     bool add)
{
    double sum[TILE] = { 0 };
    for (size_t p = 0; p < e.pixels; p++)
        for (size_t i = 0; i < width; i++)
            sum[i] += (double)dy[p * e.width + i] * (double)a[p * e.width + i];
    for (size_t i = 0; i < width; i++)
        db[i] = add ? db[i] + (nn_real)sum[i] : (nn_real)sum[i];
}

static void backward_b(const nn_call *c, size_t begin, size_t end)
{
    extent e = extent_of(c);
    for (size_t group = begin; group < end; group++)
        for (size_t i = 0; i < e.width; i += TILE) {
            size_t at = group * e.pixels * e.width + i;
            sum_tile(c->dx[1] + group * e.width + i, c->dy + at, c->x[0] + at,
                     e.width - i < TILE ? e.width - i : TILE, e, c->add[1]);
        }
}

static void backward(const nn_call *c)
{
    extent e = extent_of(c);
    if (c->dx[0] != NULL)
        nn_each(c, e.groups * e.pixels, e.width, backward_a);
    if (c->dx[1] != NULL)
        nn_each(c, e.groups, e.pixels * e.width, backward_b);
}

const nn_op nn_op_mul = { .name = "mul",
                          .n_in_min = 2,
                          .n_in_max = 2,
                          .flags = NN_FLAG_INPLACE,
                          .keeps = NN_KEEP_X(0) | NN_KEEP_X(1),
                          .infer = infer,
                          .forward = forward,
                          .backward = backward };
