/* pool - what max_pool and avg_pool have in common: the window's shape, and which of its taps lie
 * inside the image. */
#ifndef OCTET_NN_OPS_POOL_H
#define OCTET_NN_OPS_POOL_H

#include "nn/ops/each.h"

/* y [N,OH,OW,C] for x [N,H,W,C].  Every window must touch the image, so padding is smaller than the
 * kernel. */
static inline nn_status nn_pool_infer(nn_node *n)
{
    nn_window *w = &n->attr.window;
    int h, w_out;
    NN_TRY(nn_window_infer(n, w, &h, &w_out));
    if (w->dilation_h != 1 || w->dilation_w != 1)
        return NN_NODE_FAIL(n, "dilation %dx%d: a pool has none", w->dilation_h, w->dilation_w);
    if (w->top >= w->kernel_h || w->bottom >= w->kernel_h || w->left >= w->kernel_w ||
        w->right >= w->kernel_w)
        return NN_NODE_FAIL(n, "padding %d,%d,%d,%d is not smaller than the kernel %dx%d", w->top,
                            w->bottom, w->left, w->right, w->kernel_h, w->kernel_w);
    n->shape = n->in[0]->shape;
    n->shape.dim[1] = h;
    n->shape.dim[2] = w_out;
    return NN_OK;
}

/* Taps [begin, end) of the image's rows, or columns, under window number `out`. */
typedef struct nn_taps {
    int begin, end;
} nn_taps;

static inline nn_taps nn_pool_taps(int out, int stride, int kernel, int before, int extent)
{
    int begin = out * stride - before, end = begin + kernel;
    return (nn_taps){ begin > 0 ? begin : 0, end < extent ? end : extent };
}

static inline nn_taps nn_pool_rows(const nn_node *n, int oh)
{
    const nn_window *w = &n->attr.window;
    return nn_pool_taps(oh, w->stride_h, w->kernel_h, w->top, n->in[0]->shape.dim[1]);
}

static inline nn_taps nn_pool_columns(const nn_node *n, int ow)
{
    const nn_window *w = &n->attr.window;
    return nn_pool_taps(ow, w->stride_w, w->kernel_w, w->left, n->in[0]->shape.dim[2]);
}

/* Elements of x that one row of y costs: for cutting the work. */
static inline size_t nn_pool_cost(const nn_node *n)
{
    const nn_window *w = &n->attr.window;
    return (size_t)n->shape.dim[2] * (size_t)n->shape.dim[3] * (size_t)w->kernel_h *
           (size_t)w->kernel_w;
}

#endif
