#include "nn/op.h"

static const nn_op *const rows[NN_OP_COUNT] = {
#define NN_OP(name) [NN_OP_##name] = &nn_op_##name,
#include "nn/ops.def"
#undef NN_OP
};

const nn_op *nn_op_of(nn_op_id id)
{
    return rows[id];
}

int nn_window_extent(int in, int kernel, int stride, int dilation, nn_padding padding, int *before,
                     int *after)
{
    int effective = (kernel - 1) * dilation + 1;
    if (padding == NN_VALID)
        *before = *after = 0;
    if (padding == NN_SAME) {
        int out = (in + stride - 1) / stride;
        int total = (out - 1) * stride + effective - in;
        total = total > 0 ? total : 0;
        *before = total / 2;
        *after = total - total / 2;
        return out;
    }
    int room = in + *before + *after - effective;
    return room < 0 ? 0 : room / stride + 1;
}

nn_status nn_window_infer(nn_node *n, nn_window *w, int *out_h, int *out_w)
{
    enum { MOST = 1 << 15, MOST_SIDE = 1 << 24 }; /* so that positions and their sums are ints */
    nn_shape x = n->in[0]->shape;
    char text[NN_SHAPE_TEXT];
    if (x.rank != 4)
        return NN_NODE_FAIL(n, "x is %s, must be [N,H,W,C]", nn_shape_text(x, text));
    if (x.dim[1] > MOST_SIDE || x.dim[2] > MOST_SIDE)
        return NN_NODE_FAIL(n, "x is %s; H and W are at most %d", nn_shape_text(x, text),
                            (int)MOST_SIDE);
    if (w->kernel_h < 1 || w->kernel_w < 1 || w->stride_h < 1 || w->stride_w < 1 ||
        w->dilation_h < 1 || w->dilation_w < 1 || w->kernel_h > MOST || w->kernel_w > MOST ||
        w->stride_h > MOST || w->stride_w > MOST || w->dilation_h > MOST || w->dilation_w > MOST)
        return NN_NODE_FAIL(n, "kernel %dx%d, stride %dx%d, dilation %dx%d: must be from 1 to %d",
                            w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h,
                            w->dilation_w, (int)MOST);
    if (w->padding == NN_EXPLICIT &&
        (w->top < 0 || w->bottom < 0 || w->left < 0 || w->right < 0 || w->top > MOST ||
         w->bottom > MOST || w->left > MOST || w->right > MOST))
        return NN_NODE_FAIL(n, "padding %d,%d,%d,%d: must be from 0 to %d", w->top, w->bottom,
                            w->left, w->right, (int)MOST);
    *out_h = nn_window_extent(x.dim[1], w->kernel_h, w->stride_h, w->dilation_h, w->padding,
                              &w->top, &w->bottom);
    *out_w = nn_window_extent(x.dim[2], w->kernel_w, w->stride_w, w->dilation_w, w->padding,
                              &w->left, &w->right);
    if (*out_h < 1 || *out_w < 1)
        return NN_NODE_FAIL(n, "a %dx%d window (dilation %dx%d) does not fit into %s", w->kernel_h,
                            w->kernel_w, w->dilation_h, w->dilation_w, nn_shape_text(x, text));
    return NN_OK;
}
