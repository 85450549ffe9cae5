#include "export/graphdef.h"

#include "export/graphdef_nodes.h"
#include "export/values.h"

enum { X, WEIGHT, BIAS }; /* inputs of layers */

typedef struct writer {
    ex_tf tf;
    ex_values values;
} writer;

/* Zeros before and after each dimension: pads[2 i], pads[2 i + 1]. */
static const char *add_pad(writer *w, const char *name, const char *x, const int32_t *pads,
                           int rank)
{
    const char *in[] = { x, ex_tf_ints(&w->tf, ex_tf_under(&w->tf, name, "paddings"),
                                       NN_SHAPE(rank, 2), pads) };
    if (w->tf.m.st != NN_OK)
        return NULL;
    ex_tf_node *n = ex_tf_add_op(&w->tf, "Pad", name, in, 2);
    ex_tf_set_type(&w->tf, n, "Tpaddings", EX_TF_INT32);
    return name;
}

/* ---- fake quantization ----------------------------------------------------------------------- */

/* The grid 2^bits codes wide, one fewer if narrow. */
static int bits_of(nn_grid g)
{
    int bits = 1;
    while (1 << bits < g.qmax - g.qmin + 1)
        bits++;
    return bits;
}

/* One end of the range: scale * (code - zero_point), in binary32 as octet's own. */
static const char *add_end(writer *w, const char *name, const nn_node *fq, int32_t code)
{
    size_t n;
    const nn_real *scale = ex_values_scales(&w->values, fq, &n);
    const nn_param *zero = fq->in[EX_FQ_ZERO_POINT]->param;
    nn_shape shape = { 0 };
    if (fq->attr.fakequant.axis >= 0)
        shape = NN_SHAPE((int)n);
    float *ends = nn_arena_alloc(w->tf.m.arena, n * sizeof *ends);
    for (size_t i = 0; ends != NULL && i < n; i++)
        ends[i] = (float)scale[i] * (float)(code - (int32_t)zero->value[i]);
    return ex_tf_floats(&w->tf, name, shape, ends);
}

static nn_status add_fakequant(writer *w, const char *x, const nn_node *fq)
{
    const nn_grid grid = fq->attr.fakequant.grid;
    NN_TRY(ex_values_check_range(&w->values, fq, fq->in[EX_FQ_X]->name));
    const char *in[] = { x, add_end(w, ex_tf_under(&w->tf, fq->name, "min"), fq, grid.qmin),
                         add_end(w, ex_tf_under(&w->tf, fq->name, "max"), fq, grid.qmax) };
    if (w->tf.m.st != NN_OK)
        return w->tf.m.st;
    ex_tf_node *n = ex_tf_add(&w->tf,
                              fq->attr.fakequant.axis < 0 ? "FakeQuantWithMinMaxVars"
                                                          : "FakeQuantWithMinMaxVarsPerChannel",
                              fq->name, in, 3);
    ex_tf_set_int(&w->tf, n, "num_bits", bits_of(grid));
    ex_tf_set_bool(&w->tf, n, "narrow_range", grid.qmin == -grid.qmax);
    return w->tf.m.st;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* The weight's values in TensorFlow's order, output channels last: [KH,KW,I,O], [I,O]. */
static float *ordered(nn_shape *shape, writer *w, const nn_node *layer)
{
    static const int conv[] = { 1, 2, 3, 0 }, depthwise[] = { 0, 1, 2, 3 }, dense[] = { 1, 0 };
    const int *order = layer->id == NN_OP_conv2d     ? conv
                       : layer->id == NN_OP_dwconv2d ? depthwise
                                                     : dense;
    const nn_node *n = layer->in[WEIGHT];
    *shape = n->shape;
    for (int i = 0; i < n->shape.rank; i++)
        shape->dim[i] = n->shape.dim[order[i]];
    return ex_values_floats(w->tf.m.arena, &w->values, n, order);
}

/* The weight as a constant, with fake quantization behind it where the graph has that. */
static nn_status add_weight(const char **name, writer *w, const nn_node *layer)
{
    const nn_node *n = layer->in[WEIGHT];
    bool quantized = n->id == NN_OP_fakequant;
    nn_shape shape;
    const float *values = ordered(&shape, w, layer);
    *name = n->name;
    const char *constant = quantized ? ex_tf_under(&w->tf, n->name, "weights") : n->name;
    ex_tf_floats(&w->tf, constant, shape, values);
    return quantized ? add_fakequant(w, constant, n) : w->tf.m.st;
}

/* Depthwise weights are [KH,KW,I,multiplier] there, but fake quantization wants output channels
 * last: they are quantized as octet has them, [1,KH,KW,O], and reshaped. */
static const char *add_depthwise_shape(writer *w, const char *weight, const nn_node *n)
{
    const nn_shape s = n->in[WEIGHT]->shape;
    const int32_t inputs = nn_shape_channels(n->in[X]->shape);
    const int32_t dims[] = { s.dim[1], s.dim[2], inputs, s.dim[3] / inputs };
    const char *name = ex_tf_under(&w->tf, n->name, "weight/filter");
    const char *in[] = { weight, ex_tf_ints(&w->tf, ex_tf_under(&w->tf, name, "shape"), NN_SHAPE(4),
                                            dims) };
    if (w->tf.m.st != NN_OK)
        return NULL;
    ex_tf_node *node = ex_tf_add_op(&w->tf, "Reshape", name, in, 2);
    ex_tf_set_type(&w->tf, node, "Tshape", EX_TF_INT32);
    return name;
}

/* A window whose padding is neither SAME nor VALID becomes a Pad before a VALID one. */
static const char *find_padding(const char **x, writer *w, const nn_node *n)
{
    const nn_window *win = &n->attr.window;
    const ex_padding padding = ex_padding_of(win, n->in[X]->shape);
    const int32_t pads[] = { 0, 0, win->top, win->bottom, win->left, win->right, 0, 0 };
    if (padding != EX_PADDING_OTHER)
        return padding == EX_PADDING_SAME ? "SAME" : "VALID";
    *x = add_pad(w, ex_tf_under(&w->tf, n->name, "pad"), *x, pads, NN_MAX_RANK);
    return "VALID";
}

/* The product alone. */
static ex_tf_node *add_product(writer *w, const nn_node *n, const char *name, const char *in[])
{
    const nn_window *win = &n->attr.window;
    if (n->id == NN_OP_dense)
        return ex_tf_add_op(&w->tf, "MatMul", name, in, 2);
    const char *padding = find_padding(&in[X], w, n);
    bool depthwise = n->id == NN_OP_dwconv2d;
    if (depthwise)
        in[WEIGHT] = add_depthwise_shape(w, in[WEIGHT], n);
    if (w->tf.m.st != NN_OK)
        return NULL;
    ex_tf_node *node =
        ex_tf_add_op(&w->tf, depthwise ? "DepthwiseConv2dNative" : "Conv2D", name, in, 2);
    ex_tf_set_nhwc(&w->tf, node, "strides", win->stride_h, win->stride_w);
    ex_tf_set_nhwc(&w->tf, node, "dilations", win->dilation_h, win->dilation_w);
    ex_tf_set_text(&w->tf, node, "padding", padding);
    return node;
}

static nn_status add_layer(writer *w, const nn_node *n)
{
    const char *in[] = { n->in[X]->name, NULL };
    NN_TRY(add_weight(&in[WEIGHT], w, n));
    if (n->n_in <= BIAS) {
        add_product(w, n, n->name, in);
        return w->tf.m.st;
    }
    const nn_node *bias = n->in[BIAS];
    const char *product = ex_tf_under(&w->tf, n->name, n->id == NN_OP_dense ? "MatMul" : "Conv2D");
    add_product(w, n, product, in);
    const float *values = ex_values_floats(w->tf.m.arena, &w->values, bias, NULL);
    const char *both[] = { product, ex_tf_floats(&w->tf, bias->name, bias->shape, values) };
    if (w->tf.m.st == NN_OK)
        ex_tf_add_op(&w->tf, "BiasAdd", n->name, both, 2);
    return w->tf.m.st;
}

/* ---- other operators ------------------------------------------------------------------------- */

static nn_status add_pool(writer *w, const nn_node *n)
{
    const nn_window *win = &n->attr.window;
    const ex_padding padding = ex_padding_of(win, n->in[0]->shape);
    if (padding == EX_PADDING_OTHER)
        return nn_fail(NN_ENOTSUP,
                       "%s %s: padding %d,%d,%d,%d is neither SAME nor VALID, which is all that a "
                       "TensorFlow pool can have",
                       n->op->name, n->name, win->top, win->bottom, win->left, win->right);
    const char *op = n->id == NN_OP_max_pool ? "MaxPool" : "AvgPool";
    ex_tf_node *node = ex_tf_add_op(&w->tf, op, n->name, &n->in[0]->name, 1);
    ex_tf_set_nhwc(&w->tf, node, "ksize", win->kernel_h, win->kernel_w);
    ex_tf_set_nhwc(&w->tf, node, "strides", win->stride_h, win->stride_w);
    ex_tf_set_text(&w->tf, node, "padding", padding == EX_PADDING_SAME ? "SAME" : "VALID");
    return w->tf.m.st;
}

/* An operator with a list of int32 behind its input. */
static ex_tf_node *add_with_list(writer *w, const nn_node *n, const char *op, const char *list,
                                 const char *list_type, int count, const int32_t *values)
{
    const char *in[] = { n->in[0]->name, ex_tf_ints(&w->tf, ex_tf_under(&w->tf, n->name, list),
                                                    NN_SHAPE(count), values) };
    if (w->tf.m.st != NN_OK)
        return NULL;
    ex_tf_node *node = ex_tf_add_op(&w->tf, op, n->name, in, 2);
    ex_tf_set_type(&w->tf, node, list_type, EX_TF_INT32);
    return node;
}

static nn_status add_mean(writer *w, const nn_node *n)
{
    static const int32_t axes[] = { 1, 2 };
    ex_tf_set_bool(&w->tf, add_with_list(w, n, "Mean", "axes", "Tidx", 2, axes), "keep_dims",
                   false);
    return w->tf.m.st;
}

static nn_status add_reshape(writer *w, const nn_node *n)
{
    int32_t dims[NN_MAX_RANK];
    for (int i = 0; i < n->shape.rank; i++)
        dims[i] = n->shape.dim[i]; /* NN_BATCH is -1, as it must be here */
    add_with_list(w, n, "Reshape", "shape", "Tshape", n->shape.rank, dims);
    return w->tf.m.st;
}

static nn_status add_pad_op(writer *w, const nn_node *n)
{
    int32_t pads[2 * NN_MAX_RANK];
    for (int i = 0; i < n->shape.rank; i++) {
        pads[2 * i] = n->attr.pad.before[i];
        pads[2 * i + 1] = n->attr.pad.after[i];
    }
    add_pad(w, n->name, n->in[0]->name, pads, n->shape.rank);
    return w->tf.m.st;
}

static nn_status add_concat(writer *w, const nn_node *n)
{
    const int32_t axis = n->shape.rank - 1;
    const char *in[NN_MAX_IN + 1];
    for (int k = 0; k < n->n_in; k++)
        in[k] = n->in[k]->name;
    in[n->n_in] = ex_tf_ints(&w->tf, ex_tf_under(&w->tf, n->name, "axis"), (nn_shape){ 0 }, &axis);
    if (w->tf.m.st != NN_OK)
        return w->tf.m.st;
    ex_tf_node *node = ex_tf_add_op(&w->tf, "ConcatV2", n->name, in, (size_t)n->n_in + 1);
    ex_tf_set_type(&w->tf, node, "Tidx", EX_TF_INT32);
    ex_tf_set_int(&w->tf, node, "N", n->n_in);
    return w->tf.m.st;
}

/* x relu6(x + 3) / 6, as TensorFlow's own converter expects it. */
static nn_status add_hard_swish(writer *w, const nn_node *n)
{
    static const float three = 3, sixth = 1.0f / 6;
    const char *x = n->in[0]->name, *sum = ex_tf_under(&w->tf, n->name, "add"),
               *gate = ex_tf_under(&w->tf, n->name, "Relu6"),
               *product = ex_tf_under(&w->tf, n->name, "mul");
    const char *plus[] = { x, ex_tf_floats(&w->tf, ex_tf_under(&w->tf, n->name, "three"),
                                           (nn_shape){ 0 }, &three) };
    const char *times[] = { x, gate };
    const char *by[] = { product, ex_tf_floats(&w->tf, ex_tf_under(&w->tf, n->name, "sixth"),
                                               (nn_shape){ 0 }, &sixth) };
    if (w->tf.m.st != NN_OK)
        return w->tf.m.st;
    ex_tf_add_op(&w->tf, "AddV2", sum, plus, 2);
    ex_tf_add_op(&w->tf, "Relu6", gate, &sum, 1);
    ex_tf_add_op(&w->tf, "Mul", product, times, 2);
    ex_tf_add_op(&w->tf, "Mul", n->name, by, 2);
    return w->tf.m.st;
}

static nn_status add_simple(writer *w, const nn_node *n)
{
    static const struct {
        nn_op_id id;
        const char *op;
    } ops[] = {
        { NN_OP_relu, "Relu" }, { NN_OP_relu6, "Relu6" },     { NN_OP_add, "AddV2" },
        { NN_OP_mul, "Mul" },   { NN_OP_softmax, "Softmax" }, { NN_OP_logistic, "Sigmoid" }
    };
    const char *in[] = { n->in[0]->name, n->n_in > 1 ? n->in[1]->name : NULL };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (ops[i].id == n->id) {
            ex_tf_add_op(&w->tf, ops[i].op, n->name, in, (size_t)n->n_in);
            return w->tf.m.st;
        }
    return nn_fail(NN_ENOTSUP, "%s %s: has no form in a TensorFlow graph", n->op->name, n->name);
}

static nn_status add_input(writer *w, const nn_node *n)
{
    ex_tf_node *node = ex_tf_add(&w->tf, "Placeholder", n->name, NULL, 0);
    ex_tf_set_type(&w->tf, node, "dtype", EX_TF_FLOAT);
    ex_tf_set_shape(&w->tf, node, "shape", n->shape);
    return w->tf.m.st;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static nn_status add_any(writer *w, const nn_node *n)
{
    switch (n->id) {
    case NN_OP_input:
        return add_input(w, n);
    case NN_OP_fakequant:
        return add_fakequant(w, n->in[EX_FQ_X]->name, n);
    case NN_OP_conv2d:
    case NN_OP_dwconv2d:
    case NN_OP_dense:
        return add_layer(w, n);
    case NN_OP_max_pool:
    case NN_OP_avg_pool:
        return add_pool(w, n);
    case NN_OP_gap:
        return add_mean(w, n);
    case NN_OP_pad:
        return add_pad_op(w, n);
    case NN_OP_reshape:
        return add_reshape(w, n);
    case NN_OP_concat:
        return add_concat(w, n);
    case NN_OP_hard_swish:
        return add_hard_swish(w, n);
    default:
        return add_simple(w, n);
    }
}

static nn_status write(nn_bytes *out, writer *w, const nn_graph *g)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (!ex_is_constant(n))
            NN_TRY(add_any(w, n));
    }
    return ex_tf_pack(out, &w->tf);
}

nn_status ex_graphdef(nn_bytes *out, const nn_graph *g, const ex_info *info)
{
    (void)info;
    writer w = { .values = { 0 } };
    NN_TRY(nn_graph_check(g));
    nn_status st = ex_tf_open(&w.tf);
    if (st == NN_OK)
        st = ex_values_open(&w.values, g);
    if (st == NN_OK)
        st = write(out, &w, g);
    ex_values_close(&w.values);
    ex_tf_close(&w.tf);
    return st;
}
