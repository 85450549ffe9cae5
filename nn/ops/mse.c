/* mse - mean squared error over all elements.
 *
 *   prediction [any], target [as prediction]     y []
 *   y = 1/M sum (prediction - target)^2, M elements, summed in double
 *   dprediction = dy 2 (prediction - target) / M,  dtarget = - dprediction */
#include "nn/ops/each.h"

static nn_status infer(nn_node *n)
{
    nn_shape a = n->in[0]->shape, b = n->in[1]->shape;
    char left[NN_SHAPE_TEXT], right[NN_SHAPE_TEXT];
    if (!nn_shape_equal(a, b))
        return NN_NODE_FAIL(n, "prediction is %s and target is %s, must be the same",
                            nn_shape_text(a, left), nn_shape_text(b, right));
    n->shape = (nn_shape){ 0 };
    return NN_OK;
}

/* Scratch: a sum for each chunk. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    (void)n, (void)batch, (void)training;
    return (nn_need){ .scratch = NN_EACH_MOST * sizeof(double) };
}

static double sum_squares(const nn_real *a, const nn_real *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sum;
}

static void forward(const nn_call *c)
{
    size_t n = nn_call_count_in(c, 0);
    int parts = nn_each_parts(n, 1);
    double *sums = c->scratch, sum = 0;
#pragma omp parallel for schedule(static) if (parts > 1)
    for (int k = 0; k < parts; k++) {
        size_t begin = nn_chunk_begin(n, parts, k), end = nn_chunk_begin(n, parts, k + 1);
        sums[k] = sum_squares(c->x[0] + begin, c->x[1] + begin, end - begin);
    }
    for (int k = 0; k < parts; k++)
        sum += sums[k];
    c->y[0] = (nn_real)(sum / (double)n);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    const nn_real scale = 2 * c->dy[0] / (nn_real)nn_call_count_in(c, 0);
    for (int k = 0; k < 2; k++) {
        const nn_real *own = c->x[k], *other = c->x[1 - k];
        nn_real *dx = c->dx[k];
        const bool add = c->add[k];
        for (size_t i = begin; i < end && dx != NULL; i++) {
            nn_real g = scale * (own[i] - other[i]);
            dx[i] = add ? dx[i] + g : g;
        }
    }
}

static void backward(const nn_call *c)
{
    nn_each(c, nn_call_count_in(c, 0), 1, backward_part);
}

const nn_op nn_op_mse = { .name = "mse",
                          .n_in_min = 2,
                          .n_in_max = 2,
                          .flags = NN_FLAG_TRAIN_ONLY,
                          .keeps = NN_KEEP_X(0) | NN_KEEP_X(1),
                          .infer = infer,
                          .need = need,
                          .forward = forward,
                          .backward = backward };
