/* conv2d - two-dimensional convolution (cross-correlation, as everywhere in this field).
 *
 *   x [N,H,W,C]   w [O,KH,KW,C]   bias [O], optional        y [N,OH,OW,O]
 *   y[n,i,j,o]    = bias[o] + sum over kh, kw, c of
 *                             x[n, i s + kh d - top, j s + kw d - left, c] w[o,kh,kw,c]
 *   dx            = the same sum run backwards: one pass for each phase of the stride
 *   dw[o,kh,kw,c] = sum over n, i, j of dy[n,i,j,o] x[...];  dbias = sum of dy
 *
 * All three are matrix products over pixels that are read where they lie; elements outside x count
 * as zero.  The first two are in conv2d_pass.c, the third is in conv2d_grad.c. */
#include "nn/ops/conv2d.h"

enum { X = NN_LINEAR_X, W = NN_LINEAR_W, BIAS = NN_LINEAR_BIAS };

static nn_status infer(nn_node *n)
{
    const nn_shape x = n->in[X]->shape, w = n->in[W]->shape;
    nn_window *win = &n->attr.window;
    int oh, ow;
    char text[NN_SHAPE_TEXT];
    NN_TRY(nn_window_infer(n, win, &oh, &ow));
    if (w.rank != 4 || w.dim[0] == NN_BATCH || w.dim[1] != win->kernel_h ||
        w.dim[2] != win->kernel_w || w.dim[3] != x.dim[3])
        return NN_NODE_FAIL(n, "weight is %s, must be [O,%d,%d,%d] for this kernel and input",
                            nn_shape_text(w, text), win->kernel_h, win->kernel_w, x.dim[3]);
    NN_TRY(nn_linear_infer_bias(n, w.dim[0]));
    n->shape = NN_SHAPE(x.dim[0], oh, ow, w.dim[0]);
    return NN_OK;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static nn_need need(const nn_node *n, int batch, bool training)
{
    const nn_conv_geom g = nn_linear_geom(n, batch);
    const nn_conv_pass forward = nn_conv_largest(nn_conv2d_forward_pass(&g));
    size_t most = nn_conv2d_pass_bytes(&g, &forward);
    if (training) {
        most = larger(most, nn_conv2d_grad_bytes(&g));
        for (int i = 0; i < nn_conv_phases(&g); i++) {
            const nn_conv_pass back = nn_conv_largest(nn_conv2d_backward_pass(&g, i));
            most = larger(most, nn_conv2d_pass_bytes(&g, &back));
        }
        most = larger(most, nn_linear_bias_scratch(g.o));
    }
    return (nn_need){ .saved = 0, .scratch = most };
}

static void forward(const nn_call *c)
{
    const nn_conv_geom g = nn_linear_geom(c->node, c->batch);
    const nn_conv_pass p = nn_conv2d_forward_pass(&g);
    const nn_real *bias = c->node->n_in > BIAS ? c->x[BIAS] : NULL;
    nn_conv2d_run_pass(&p, &(nn_conv2d_target){ c->x[X], bias, c->y, g.oh, g.ow, g.o, false },
                       &(nn_conv2d_filters){ c->x[W], 1, (ptrdiff_t)g.kh * g.kw * g.c, g.c, g.kw },
                       c->scratch);
}

static void backward_x(const nn_call *c, const nn_conv_geom *g)
{
    for (int i = 0; i < nn_conv_phases(g); i++) {
        const nn_conv_pass p = nn_conv2d_backward_pass(g, i);
        nn_conv2d_run_pass(
            &p, &(nn_conv2d_target){ c->dy, NULL, c->dx[X], g->h, g->w, g->c, c->add[X] },
            &(nn_conv2d_filters){ c->x[W], (ptrdiff_t)g->kh * g->kw * g->c, 1, g->c, g->kw },
            c->scratch);
    }
}

static void backward(const nn_call *c)
{
    const nn_conv_geom g = nn_linear_geom(c->node, c->batch);
    if (c->dx[X] != NULL)
        backward_x(c, &g);
    if (c->dx[W] != NULL)
        nn_conv2d_grad(c, &g);
    nn_linear_bias_grad(c, (size_t)g.n * (size_t)g.oh * (size_t)g.ow, g.o);
}

const nn_op nn_op_conv2d = {
    .name = "conv2d",
    .n_in_min = 2,
    .n_in_max = 3,
    .keeps = NN_KEEP_X(NN_LINEAR_X) | NN_KEEP_X(NN_LINEAR_W),
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
};
