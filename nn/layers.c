#include "nn/layers.h"

#include <limits.h>
#include <stdio.h>

#include "nn/base/rng.h"

/* ---- names and parameters -------------------------------------------------------------------- */

enum { NAME_BYTES = 256 };

/* scope/leaf in `text` of NAME_BYTES; a cut name could make two parameters one, so that fails. */
static const char *join(nn_graph *g, char *text, const char *scope, const char *leaf)
{
    int n = snprintf(text, NAME_BYTES, "%s/%s", scope, leaf);
    if (n < 0 || n >= NAME_BYTES)
        nn_graph_stick(g, nn_fail(NN_EINVAL,
                                  "layer %.60s...: the name of its \"%s\" has %d bytes, at most %d",
                                  scope, leaf, n, NAME_BYTES - 1));
    return text;
}

static nn_node *add_param(nn_graph *g, const char *scope, const char *leaf, nn_shape shape,
                          nn_param_kind kind, nn_init init)
{
    char text[NAME_BYTES];
    return nn_param_node(g, join(g, text, scope, leaf), shape, kind, init);
}

static nn_node *add_constant(nn_graph *g, const char *scope, const char *leaf, int count,
                             nn_param_kind kind, double value)
{
    nn_init init = { .kind = NN_INIT_CONSTANT, .value = value };
    return add_param(g, scope, leaf, NN_SHAPE(count), kind, init);
}

/* A layer that asks its input's shape must not be given none. */
static bool is_missing(nn_graph *g, const nn_node *x, const char *name)
{
    if (x == NULL)
        nn_graph_stick(g, nn_fail(NN_EINVAL, "layer %s: its input is missing", name));
    return x == NULL;
}

/* Fans are for initial values only: what is beyond int is refused with the shape. */
static int saturate(double product)
{
    return product < INT_MAX ? (int)product : INT_MAX;
}

/* ---- convolutions ---------------------------------------------------------------------------- */

static int either(int first, int second)
{
    return first != 0 ? first : second;
}

/* The settings with their defaults in place. */
static nn_window window_of(const nn_conv *c, int default_stride_h, int default_stride_w)
{
    return (nn_window){ .kernel_h = either(c->kh, c->k),
                        .kernel_w = either(c->kw, c->k),
                        .stride_h = either(either(c->sh, c->s), default_stride_h),
                        .stride_w = either(either(c->sw, c->s), default_stride_w),
                        .dilation_h = either(c->d, 1),
                        .dilation_w = either(c->d, 1),
                        .padding = c->pad,
                        .top = c->top,
                        .bottom = c->bottom,
                        .left = c->left,
                        .right = c->right };
}

/* A layer of weights: x, weight and, if asked for, bias. */
static nn_node *add_weighted(nn_graph *g, nn_op_id op, nn_node *x, const char *name,
                             nn_node *weight, int bias_count, const nn_attr *attr)
{
    nn_node *in[3] = { x, weight, NULL };
    if (bias_count == 0)
        return nn_node_new(g, op, name, in, 2, attr);
    in[2] = add_constant(g, name, "bias", bias_count, NN_PARAM_BIAS, 0);
    return nn_node_new(g, op, name, in, 3, attr);
}

nn_node *nn_conv2d(nn_graph *g, nn_node *x, const char *name, nn_conv c)
{
    if (is_missing(g, x, name))
        return NULL;
    nn_attr attr = { .window = window_of(&c, 1, 1) };
    const nn_window *w = &attr.window;
    int channels = nn_shape_channels(x->shape);
    double taps = (double)w->kernel_h * w->kernel_w;
    nn_init init = { .kind = NN_INIT_HE_NORMAL,
                     .fan_in = saturate(taps * channels),
                     .fan_out = saturate(taps * c.out) };
    nn_node *weight =
        add_param(g, name, "weight", NN_SHAPE(c.out, w->kernel_h, w->kernel_w, channels),
                  NN_PARAM_WEIGHT, init);
    return add_weighted(g, NN_OP_conv2d, x, name, weight, c.bias ? c.out : 0, &attr);
}

nn_node *nn_depthwise(nn_graph *g, nn_node *x, const char *name, nn_conv c)
{
    if (is_missing(g, x, name))
        return NULL;
    nn_attr attr = { .window = window_of(&c, 1, 1) };
    const nn_window *w = &attr.window;
    int multiplier = either(c.multiplier, 1);
    int out = saturate((double)nn_shape_channels(x->shape) * multiplier);
    double taps = (double)w->kernel_h * w->kernel_w;
    nn_init init = { .kind = NN_INIT_HE_NORMAL,
                     .fan_in = saturate(taps),
                     .fan_out = saturate(taps * multiplier) };
    nn_node *weight = add_param(g, name, "weight", NN_SHAPE(1, w->kernel_h, w->kernel_w, out),
                                NN_PARAM_WEIGHT, init);
    return add_weighted(g, NN_OP_dwconv2d, x, name, weight, c.bias ? out : 0, &attr);
}

nn_node *nn_dense(nn_graph *g, nn_node *x, const char *name, int units)
{
    if (is_missing(g, x, name))
        return NULL;
    int inputs = nn_shape_channels(x->shape);
    nn_init init = { .kind = NN_INIT_GLOROT, .fan_in = inputs, .fan_out = units };
    nn_node *weight = add_param(g, name, "weight", NN_SHAPE(units, inputs), NN_PARAM_WEIGHT, init);
    return add_weighted(g, NN_OP_dense, x, name, weight, units, NULL);
}

/* ---- normalization and activations ----------------------------------------------------------- */

nn_node *nn_batch_norm(nn_graph *g, nn_node *x, const char *name)
{
    if (is_missing(g, x, name))
        return NULL;
    int channels = nn_shape_channels(x->shape);
    nn_attr attr = { .bnorm = { .epsilon = 1e-3, .momentum = 0.9 } };
    nn_node *in[5] = { x, add_constant(g, name, "gamma", channels, NN_PARAM_BIAS, 1),
                       add_constant(g, name, "beta", channels, NN_PARAM_BIAS, 0),
                       add_constant(g, name, "mean", channels, NN_PARAM_STATE, 0),
                       add_constant(g, name, "var", channels, NN_PARAM_STATE, 1) };
    return nn_node_new(g, NN_OP_bnorm, name, in, 5, &attr);
}

static nn_node *add_unary(nn_graph *g, nn_op_id op, nn_node *x, const char *name,
                          const nn_attr *attr)
{
    return nn_node_new(g, op, name, &x, 1, attr);
}

nn_node *nn_relu(nn_graph *g, nn_node *x, const char *name)
{
    return add_unary(g, NN_OP_relu, x, name, NULL);
}

nn_node *nn_relu6(nn_graph *g, nn_node *x, const char *name)
{
    return add_unary(g, NN_OP_relu6, x, name, NULL);
}

nn_node *nn_hard_swish(nn_graph *g, nn_node *x, const char *name)
{
    return add_unary(g, NN_OP_hard_swish, x, name, NULL);
}

nn_node *nn_logistic(nn_graph *g, nn_node *x, const char *name)
{
    return add_unary(g, NN_OP_logistic, x, name, NULL);
}

nn_node *nn_softmax(nn_graph *g, nn_node *x, const char *name)
{
    return add_unary(g, NN_OP_softmax, x, name, NULL);
}

nn_node *nn_activate(nn_graph *g, nn_node *x, const char *name, nn_activation a)
{
    switch (a) {
    case NN_LINEAR:
        return x;
    case NN_RELU:
        return nn_relu(g, x, name);
    case NN_RELU6:
        return nn_relu6(g, x, name);
    case NN_HARD_SWISH:
        return nn_hard_swish(g, x, name);
    }
    nn_graph_stick(g, nn_fail(NN_EINVAL, "layer %s: activation %d is unknown", name, (int)a));
    return NULL;
}

static const char *activation_leaf(nn_activation a)
{
    switch (a) {
    case NN_RELU:
        return "relu";
    case NN_RELU6:
        return "relu6";
    case NN_HARD_SWISH:
        return "hard_swish";
    case NN_LINEAR:
        break;
    }
    return "activation";
}

static nn_node *norm_activate(nn_graph *g, nn_node *x, const char *name, nn_activation a)
{
    char text[NAME_BYTES];
    x = nn_batch_norm(g, x, join(g, text, name, "bn"));
    return a == NN_LINEAR ? x : nn_activate(g, x, join(g, text, name, activation_leaf(a)), a);
}

nn_node *nn_conv_bn(nn_graph *g, nn_node *x, const char *name, nn_conv c, nn_activation a)
{
    c.bias = false;
    return norm_activate(g, nn_conv2d(g, x, name, c), name, a);
}

nn_node *nn_depthwise_bn(nn_graph *g, nn_node *x, const char *name, nn_conv c, nn_activation a)
{
    c.bias = false;
    return norm_activate(g, nn_depthwise(g, x, name, c), name, a);
}

/* ---- pools ----------------------------------------------------------------------------------- */

static nn_node *add_pool(nn_graph *g, nn_op_id op, nn_node *x, const char *name, const nn_conv *c)
{
    nn_attr attr = { .window = window_of(c, either(c->kh, c->k), either(c->kw, c->k)) };
    return add_unary(g, op, x, name, &attr);
}

nn_node *nn_max_pool(nn_graph *g, nn_node *x, const char *name, nn_conv c)
{
    return add_pool(g, NN_OP_max_pool, x, name, &c);
}

nn_node *nn_avg_pool(nn_graph *g, nn_node *x, const char *name, nn_conv c)
{
    return add_pool(g, NN_OP_avg_pool, x, name, &c);
}

nn_node *nn_global_avg_pool(nn_graph *g, nn_node *x, const char *name)
{
    return add_unary(g, NN_OP_gap, x, name, NULL);
}

/* ---- joining and moving ---------------------------------------------------------------------- */

nn_node *nn_add(nn_graph *g, nn_node *a, nn_node *b, const char *name)
{
    nn_node *in[2] = { a, b };
    return nn_node_new(g, NN_OP_add, name, in, 2, NULL);
}

nn_node *nn_mul(nn_graph *g, nn_node *a, nn_node *b, const char *name)
{
    nn_node *in[2] = { a, b };
    return nn_node_new(g, NN_OP_mul, name, in, 2, NULL);
}

nn_node *nn_concat(nn_graph *g, nn_node *const x[], int n, const char *name)
{
    return nn_node_new(g, NN_OP_concat, name, x, n, NULL);
}

nn_node *nn_pad(nn_graph *g, nn_node *x, const char *name, nn_pad_attr p)
{
    nn_attr attr = { .pad = p };
    return add_unary(g, NN_OP_pad, x, name, &attr);
}

nn_node *nn_reshape(nn_graph *g, nn_node *x, const char *name, nn_shape shape)
{
    nn_attr attr = { .reshape = shape };
    return add_unary(g, NN_OP_reshape, x, name, &attr);
}

nn_node *nn_flatten(nn_graph *g, nn_node *x, const char *name)
{
    if (is_missing(g, x, name))
        return NULL;
    return nn_reshape(g, x, name, NN_SHAPE(NN_BATCH, (int)nn_shape_count(x->shape)));
}

nn_node *nn_dropout(nn_graph *g, nn_node *x, const char *name, double rate)
{
    nn_attr attr = { .dropout = { .rate = rate } };
    nn_node *y = add_unary(g, NN_OP_dropout, x, name, &attr);
    /* by the node's own name, which is unique: no two layers drop the same elements */
    if (y != NULL)
        y->attr.dropout.stream = nn_hash_string(y->name);
    return y;
}

/* ---- losses ---------------------------------------------------------------------------------- */

nn_node *nn_cross_entropy(nn_graph *g, nn_node *logits, nn_node *label, double smoothing)
{
    nn_node *in[2] = { logits, label };
    nn_attr attr = { .xent = { .smoothing = smoothing } };
    return nn_node_new(g, NN_OP_xent, "loss", in, 2, &attr);
}

nn_node *nn_mean_squared_error(nn_graph *g, nn_node *prediction, nn_node *target)
{
    nn_node *in[2] = { prediction, target };
    return nn_node_new(g, NN_OP_mse, "loss", in, 2, NULL);
}
