#include "nn/ops/linear.h"

#include <string.h>

#include "nn/kernels/kernels.h"

enum { ROW_GRAIN = 64, SUM_GRAIN = 8192 };

int nn_linear_threads(int chunks)
{
    const int most = chunks < NN_SLOTS ? chunks : NN_SLOTS;
    return nn_thread_count() < most ? nn_thread_count() : most;
}

void *nn_linear_carve(char **at, size_t bytes)
{
    char *piece = *at;
    *at = (char *)((uintptr_t)*at + nn_align_up(bytes));
    return piece;
}

nn_conv_geom nn_linear_geom(const nn_node *n, int batch)
{
    const nn_shape x = n->in[NN_LINEAR_X]->shape, y = n->shape;
    const nn_window *w = &n->attr.window;
    return (nn_conv_geom){
        .n = x.dim[0] == NN_BATCH ? batch : x.dim[0],
        .h = x.dim[1],
        .w = x.dim[2],
        .c = x.dim[3],
        .oh = y.dim[1],
        .ow = y.dim[2],
        .o = y.dim[3],
        .kh = w->kernel_h,
        .kw = w->kernel_w,
        .stride_h = w->stride_h,
        .stride_w = w->stride_w,
        .dil_h = w->dilation_h,
        .dil_w = w->dilation_w,
        .pad_t = w->top,
        .pad_l = w->left,
    };
}

nn_status nn_linear_infer_bias(const nn_node *n, int channels)
{
    if (n->n_in <= NN_LINEAR_BIAS)
        return NN_OK;
    const nn_shape b = n->in[NN_LINEAR_BIAS]->shape;
    char text[NN_SHAPE_TEXT];
    if (b.rank != 1 || b.dim[0] != channels)
        return NN_NODE_FAIL(n, "bias is %s, must be [%d]: one for each output channel",
                            nn_shape_text(b, text), channels);
    return NN_OK;
}

size_t nn_linear_bias_scratch(int channels)
{
    return nn_align_up((size_t)channels * sizeof(double)) * NN_SLOTS;
}

void nn_linear_bias_grad(const nn_call *c, size_t rows, int channels)
{
    if (c->node->n_in <= NN_LINEAR_BIAS || c->dx[NN_LINEAR_BIAS] == NULL)
        return;
    const int parts = nn_chunk_count(rows, ROW_GRAIN, NN_SLOTS);
    const size_t wide = (size_t)channels,
                 slot = nn_align_up(wide * sizeof(double)) / sizeof(double);
    double *sums = c->scratch;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < parts; i++) {
        const size_t first = nn_chunk_begin(rows, parts, i);
        memset(sums + slot * (size_t)i, 0, wide * sizeof(double));
        nn_kernel.channel_sums(sums + slot * (size_t)i, NULL, c->dy + first * wide,
                               nn_chunk_begin(rows, parts, i + 1) - first, wide);
    }
    nn_real *db = c->dx[NN_LINEAR_BIAS];
    for (size_t j = 0; j < wide; j++) {
        double total = 0;
        for (int i = 0; i < parts; i++)
            total += sums[slot * (size_t)i + j];
        db[j] = (nn_real)(c->add[NN_LINEAR_BIAS] ? (double)db[j] + total : total);
    }
}

void nn_linear_sum(nn_real *dw, bool add, const nn_real *partial, int parts, size_t count)
{
    const int pieces = nn_chunk_count(count, SUM_GRAIN, NN_SLOTS);
#pragma omp parallel for schedule(static)
    for (int i = 0; i < pieces; i++) {
        const size_t first = nn_chunk_begin(count, pieces, i);
        const size_t n = nn_chunk_begin(count, pieces, i + 1) - first;
        if (!add)
            memset(dw + first, 0, n * sizeof *dw);
        for (int p = 0; p < parts; p++)
            nn_kernel.add(dw + first, dw + first, partial + (size_t)p * count + first, n);
    }
}
