#include "export/graphdef.h"

#include <string.h>

#include "export/graphdef.pb-c.h"
#include "export/message.h"
#include "export/values.h"

enum { PRODUCER = 27, MIN_CONSUMER = 12 }; /* of TensorFlow 1.14, which had all that is used here */
enum { X, WEIGHT, BIAS };                  /* inputs of layers */

typedef struct writer {
    ex_message m;
    ex_values values;
    Tensorflow__GraphDef *graph;
} writer;

/* ---- parts of a graph ------------------------------------------------------------------------ */

static Tensorflow__NodeDef *add_node(writer *w, const char *op, const char *name,
                                     const char *const in[], size_t n_in)
{
    static const Tensorflow__NodeDef empty = TENSORFLOW__NODE_DEF__INIT;
    Tensorflow__GraphDef *g = w->graph;
    Tensorflow__NodeDef *n = ex_message_new(&w->m, &empty, sizeof empty);
    Tensorflow__NodeDef **list = ex_message_grow(&w->m, g->node, g->n_node);
    if (w->m.st != NN_OK)
        return NULL;
    for (size_t i = 0; i < n_in; i++) {
        n->input = ex_message_grow(&w->m, n->input, i);
        if (n->input == NULL)
            return NULL;
        n->input[n->n_input++] = ex_message_text(&w->m, in[i]);
    }
    n->op = ex_message_text(&w->m, op);
    n->name = ex_message_text(&w->m, name);
    g->node = list;
    g->node[g->n_node++] = n;
    return n;
}

/* A new attribute, whose value the caller sets; NULL if memory is out or n is NULL. */
static Tensorflow__AttrValue *add_attr(writer *w, Tensorflow__NodeDef *n, const char *name)
{
    static const Tensorflow__NodeDef__AttrEntry no_entry = TENSORFLOW__NODE_DEF__ATTR_ENTRY__INIT;
    static const Tensorflow__AttrValue no_value = TENSORFLOW__ATTR_VALUE__INIT;
    Tensorflow__NodeDef__AttrEntry *entry = ex_message_new(&w->m, &no_entry, sizeof no_entry);
    Tensorflow__AttrValue *value = ex_message_new(&w->m, &no_value, sizeof no_value);
    void *list = n != NULL ? ex_message_grow(&w->m, n->attr, n->n_attr) : NULL;
    if (list == NULL || w->m.st != NN_OK)
        return NULL;
    entry->key = ex_message_text(&w->m, name);
    entry->value = value;
    n->attr = list;
    n->attr[n->n_attr++] = entry;
    return value;
}

static void set_type(writer *w, Tensorflow__NodeDef *n, const char *name, Tensorflow__DataType type)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_TYPE;
    a->type = type;
}

static void set_bool(writer *w, Tensorflow__NodeDef *n, const char *name, bool value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_B;
    a->b = value;
}

static void set_int(writer *w, Tensorflow__NodeDef *n, const char *name, int64_t value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_I;
    a->i = value;
}

static void set_text(writer *w, Tensorflow__NodeDef *n, const char *name, const char *value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_S;
    a->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)ex_message_text(&w->m, value) };
}

/* Four numbers for N, H, W and C. */
static void set_nhwc(writer *w, Tensorflow__NodeDef *n, const char *name, int height, int width)
{
    static const Tensorflow__AttrValue__ListValue empty = TENSORFLOW__ATTR_VALUE__LIST_VALUE__INIT;
    const int64_t values[] = { 1, height, width, 1 };
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    Tensorflow__AttrValue__ListValue *list = ex_message_new(&w->m, &empty, sizeof empty);
    if (a == NULL || list == NULL)
        return;
    list->n_i = sizeof values / sizeof values[0];
    list->i = ex_message_ints(&w->m, values, list->n_i);
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_LIST;
    a->list = list;
}

static Tensorflow__TensorShapeProto *shape_of(writer *w, nn_shape s)
{
    static const Tensorflow__TensorShapeProto no_shape = TENSORFLOW__TENSOR_SHAPE_PROTO__INIT;
    static const Tensorflow__TensorShapeProto__Dim no_dim =
        TENSORFLOW__TENSOR_SHAPE_PROTO__DIM__INIT;
    Tensorflow__TensorShapeProto *shape = ex_message_new(&w->m, &no_shape, sizeof no_shape);
    for (int i = 0; shape != NULL && i < s.rank; i++) {
        Tensorflow__TensorShapeProto__Dim *dim = ex_message_new(&w->m, &no_dim, sizeof no_dim);
        shape->dim = ex_message_grow(&w->m, shape->dim, shape->n_dim);
        if (dim == NULL || shape->dim == NULL)
            return NULL;
        dim->has_size = true;
        dim->size = s.dim[i]; /* NN_BATCH is -1, which is TensorFlow's unknown size */
        shape->dim[shape->n_dim++] = dim;
    }
    return shape;
}

/* A Const of words of 32 bits, which are copied; gives its name. */
static const char *add_constant(writer *w, const char *name, Tensorflow__DataType type, nn_shape s,
                                const void *words)
{
    static const Tensorflow__TensorProto empty = TENSORFLOW__TENSOR_PROTO__INIT;
    const size_t count = nn_shape_count(s);
    Tensorflow__NodeDef *n = add_node(w, "Const", name, NULL, 0);
    Tensorflow__TensorProto *t = ex_message_new(&w->m, &empty, sizeof empty);
    uint8_t *bytes = ex_message_words(&w->m, words, count);
    set_type(w, n, "dtype", type);
    Tensorflow__AttrValue *a = add_attr(w, n, "value");
    if (a == NULL || t == NULL || bytes == NULL)
        return NULL;
    t->has_dtype = t->has_tensor_content = true;
    t->dtype = type;
    t->tensor_shape = shape_of(w, s);
    t->tensor_content = (ProtobufCBinaryData){ 4 * count, bytes };
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_TENSOR;
    a->tensor = t;
    return name;
}

static const char *add_floats(writer *w, const char *name, nn_shape s, const float *values)
{
    return add_constant(w, name, TENSORFLOW__DATA_TYPE__DT_FLOAT, s, values);
}

static const char *add_ints(writer *w, const char *name, nn_shape s, const int32_t *values)
{
    return add_constant(w, name, TENSORFLOW__DATA_TYPE__DT_INT32, s, values);
}

/* An operator on floats. */
static Tensorflow__NodeDef *add_op(writer *w, const char *op, const char *name,
                                   const char *const in[], size_t n_in)
{
    Tensorflow__NodeDef *n = add_node(w, op, name, in, n_in);
    set_type(w, n, "T", TENSORFLOW__DATA_TYPE__DT_FLOAT);
    return n;
}

/* A name that hangs on a node's. */
static const char *under(writer *w, const char *name, const char *what)
{
    const char *full = ex_message_printf(&w->m, "%s/%s", name, what);
    return full != NULL ? full : "";
}

/* Zeros before and after each dimension: pads[2 i], pads[2 i + 1]. */
static const char *add_pad(writer *w, const char *name, const char *x, const int32_t *pads,
                           int rank)
{
    const char *in[] = { x, add_ints(w, under(w, name, "paddings"), NN_SHAPE(rank, 2), pads) };
    if (w->m.st != NN_OK)
        return NULL;
    Tensorflow__NodeDef *n = add_op(w, "Pad", name, in, 2);
    set_type(w, n, "Tpaddings", TENSORFLOW__DATA_TYPE__DT_INT32);
    return name;
}

/* ---- fake quantization -------------------------------------------------------------------------
 */

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
    const nn_param *scale = fq->in[EX_FQ_SCALE]->param, *zero = fq->in[EX_FQ_ZERO_POINT]->param;
    nn_shape shape = { 0 };
    if (fq->attr.fakequant.axis >= 0)
        shape = NN_SHAPE((int)scale->count);
    float *ends = nn_arena_alloc(w->m.arena, scale->count * sizeof *ends);
    for (size_t i = 0; ends != NULL && i < scale->count; i++)
        ends[i] = (float)scale->value[i] * (float)(code - (int32_t)zero->value[i]);
    return add_floats(w, name, shape, ends);
}

static nn_status add_fakequant(writer *w, const char *x, const nn_node *fq)
{
    const nn_grid grid = fq->attr.fakequant.grid;
    const nn_param *scale = fq->in[EX_FQ_SCALE]->param;
    for (size_t i = 0; i < scale->count; i++)
        if (!(scale->value[i] > 0))
            return nn_fail(
                NN_EINVAL,
                "%s: has no range yet; train with --qat or calibrate with octet quantize",
                fq->in[EX_FQ_X]->name);
    const char *in[] = { x, add_end(w, under(w, fq->name, "min"), fq, grid.qmin),
                         add_end(w, under(w, fq->name, "max"), fq, grid.qmax) };
    if (w->m.st != NN_OK)
        return w->m.st;
    Tensorflow__NodeDef *n =
        add_node(w,
                 fq->attr.fakequant.axis < 0 ? "FakeQuantWithMinMaxVars"
                                             : "FakeQuantWithMinMaxVarsPerChannel",
                 fq->name, in, 3);
    set_int(w, n, "num_bits", bits_of(grid));
    set_bool(w, n, "narrow_range", grid.qmin == -grid.qmax);
    return w->m.st;
}

/* ---- layers --------------------------------------------------------------------------------- */

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
    return ex_values_floats(w->m.arena, &w->values, n, order);
}

/* The weight as a constant, with fake quantization behind it where the graph has that. */
static nn_status add_weight(const char **name, writer *w, const nn_node *layer)
{
    const nn_node *n = layer->in[WEIGHT];
    bool quantized = n->id == NN_OP_fakequant;
    nn_shape shape;
    const float *values = ordered(&shape, w, layer);
    *name = n->name;
    const char *constant = quantized ? under(w, n->name, "weights") : n->name;
    add_floats(w, constant, shape, values);
    return quantized ? add_fakequant(w, constant, n) : w->m.st;
}

/* Depthwise weights are [KH,KW,I,multiplier] there, but fake quantization wants output channels
 * last: they are quantized as octet has them, [1,KH,KW,O], and reshaped. */
static const char *add_depthwise_shape(writer *w, const char *weight, const nn_node *n)
{
    const nn_shape s = n->in[WEIGHT]->shape;
    const int32_t inputs = nn_shape_channels(n->in[X]->shape);
    const int32_t dims[] = { s.dim[1], s.dim[2], inputs, s.dim[3] / inputs };
    const char *name = under(w, n->name, "weight/filter");
    const char *in[] = { weight, add_ints(w, under(w, name, "shape"), NN_SHAPE(4), dims) };
    if (w->m.st != NN_OK)
        return NULL;
    Tensorflow__NodeDef *node = add_op(w, "Reshape", name, in, 2);
    set_type(w, node, "Tshape", TENSORFLOW__DATA_TYPE__DT_INT32);
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
    *x = add_pad(w, under(w, n->name, "pad"), *x, pads, NN_MAX_RANK);
    return "VALID";
}

/* The product alone. */
static Tensorflow__NodeDef *add_product(writer *w, const nn_node *n, const char *name,
                                        const char *in[])
{
    const nn_window *win = &n->attr.window;
    if (n->id == NN_OP_dense)
        return add_op(w, "MatMul", name, in, 2);
    const char *padding = find_padding(&in[X], w, n);
    bool depthwise = n->id == NN_OP_dwconv2d;
    if (depthwise)
        in[WEIGHT] = add_depthwise_shape(w, in[WEIGHT], n);
    if (w->m.st != NN_OK)
        return NULL;
    Tensorflow__NodeDef *node =
        add_op(w, depthwise ? "DepthwiseConv2dNative" : "Conv2D", name, in, 2);
    set_nhwc(w, node, "strides", win->stride_h, win->stride_w);
    set_nhwc(w, node, "dilations", win->dilation_h, win->dilation_w);
    set_text(w, node, "padding", padding);
    return node;
}

static nn_status add_layer(writer *w, const nn_node *n)
{
    const char *in[] = { n->in[X]->name, NULL };
    NN_TRY(add_weight(&in[WEIGHT], w, n));
    if (n->n_in <= BIAS) {
        add_product(w, n, n->name, in);
        return w->m.st;
    }
    const nn_node *bias = n->in[BIAS];
    const char *product = under(w, n->name, n->id == NN_OP_dense ? "MatMul" : "Conv2D");
    add_product(w, n, product, in);
    const float *values = ex_values_floats(w->m.arena, &w->values, bias, NULL);
    const char *both[] = { product, add_floats(w, bias->name, bias->shape, values) };
    if (w->m.st == NN_OK)
        add_op(w, "BiasAdd", n->name, both, 2);
    return w->m.st;
}

/* ---- other operators ---------------------------------------------------------------------------
 */

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
    Tensorflow__NodeDef *node = add_op(w, op, n->name, &n->in[0]->name, 1);
    set_nhwc(w, node, "ksize", win->kernel_h, win->kernel_w);
    set_nhwc(w, node, "strides", win->stride_h, win->stride_w);
    set_text(w, node, "padding", padding == EX_PADDING_SAME ? "SAME" : "VALID");
    return w->m.st;
}

/* An operator with a list of int32 behind its input. */
static Tensorflow__NodeDef *add_with_list(writer *w, const nn_node *n, const char *op,
                                          const char *list, const char *list_type, int count,
                                          const int32_t *values)
{
    const char *in[] = { n->in[0]->name,
                         add_ints(w, under(w, n->name, list), NN_SHAPE(count), values) };
    if (w->m.st != NN_OK)
        return NULL;
    Tensorflow__NodeDef *node = add_op(w, op, n->name, in, 2);
    set_type(w, node, list_type, TENSORFLOW__DATA_TYPE__DT_INT32);
    return node;
}

static nn_status add_mean(writer *w, const nn_node *n)
{
    static const int32_t axes[] = { 1, 2 };
    set_bool(w, add_with_list(w, n, "Mean", "axes", "Tidx", 2, axes), "keep_dims", false);
    return w->m.st;
}

static nn_status add_reshape(writer *w, const nn_node *n)
{
    int32_t dims[NN_MAX_RANK];
    for (int i = 0; i < n->shape.rank; i++)
        dims[i] = n->shape.dim[i]; /* NN_BATCH is -1, as it must be here */
    add_with_list(w, n, "Reshape", "shape", "Tshape", n->shape.rank, dims);
    return w->m.st;
}

static nn_status add_pad_op(writer *w, const nn_node *n)
{
    int32_t pads[2 * NN_MAX_RANK];
    for (int i = 0; i < n->shape.rank; i++) {
        pads[2 * i] = n->attr.pad.before[i];
        pads[2 * i + 1] = n->attr.pad.after[i];
    }
    add_pad(w, n->name, n->in[0]->name, pads, n->shape.rank);
    return w->m.st;
}

static nn_status add_concat(writer *w, const nn_node *n)
{
    const int32_t axis = n->shape.rank - 1;
    const char *in[NN_MAX_IN + 1];
    for (int k = 0; k < n->n_in; k++)
        in[k] = n->in[k]->name;
    in[n->n_in] = add_ints(w, under(w, n->name, "axis"), (nn_shape){ 0 }, &axis);
    if (w->m.st != NN_OK)
        return w->m.st;
    Tensorflow__NodeDef *node = add_op(w, "ConcatV2", n->name, in, (size_t)n->n_in + 1);
    set_type(w, node, "Tidx", TENSORFLOW__DATA_TYPE__DT_INT32);
    set_int(w, node, "N", n->n_in);
    return w->m.st;
}

/* x relu6(x + 3) / 6, as TensorFlow's own converter expects it. */
static nn_status add_hard_swish(writer *w, const nn_node *n)
{
    static const float three = 3, sixth = 1.0f / 6;
    const char *x = n->in[0]->name, *sum = under(w, n->name, "add"),
               *gate = under(w, n->name, "Relu6"), *product = under(w, n->name, "mul");
    const char *plus[] = { x, add_floats(w, under(w, n->name, "three"), (nn_shape){ 0 }, &three) };
    const char *times[] = { x, gate };
    const char *by[] = { product,
                         add_floats(w, under(w, n->name, "sixth"), (nn_shape){ 0 }, &sixth) };
    if (w->m.st != NN_OK)
        return w->m.st;
    add_op(w, "AddV2", sum, plus, 2);
    add_op(w, "Relu6", gate, &sum, 1);
    add_op(w, "Mul", product, times, 2);
    add_op(w, "Mul", n->name, by, 2);
    return w->m.st;
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
            add_op(w, ops[i].op, n->name, in, (size_t)n->n_in);
            return w->m.st;
        }
    return nn_fail(NN_ENOTSUP, "%s %s: has no form in a TensorFlow graph", n->op->name, n->name);
}

static nn_status add_input(writer *w, const nn_node *n)
{
    Tensorflow__NodeDef *node = add_node(w, "Placeholder", n->name, NULL, 0);
    set_type(w, node, "dtype", TENSORFLOW__DATA_TYPE__DT_FLOAT);
    Tensorflow__AttrValue *a = add_attr(w, node, "shape");
    if (a == NULL)
        return NN_ENOMEM;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_SHAPE;
    a->shape = shape_of(w, n->shape);
    return w->m.st;
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

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
    Tensorflow__VersionDef versions = TENSORFLOW__VERSION_DEF__INIT;
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (!ex_is_constant(n))
            NN_TRY(add_any(w, n));
    }
    versions.has_producer = versions.has_min_consumer = true;
    versions.producer = PRODUCER;
    versions.min_consumer = MIN_CONSUMER;
    w->graph->versions = &versions;
    return ex_message_pack(out, &w->m, w->graph);
}

nn_status ex_graphdef(nn_bytes *out, const nn_graph *g, const ex_info *info)
{
    (void)info;
    Tensorflow__GraphDef graph = TENSORFLOW__GRAPH_DEF__INIT;
    writer w = { .graph = &graph };
    NN_TRY(nn_graph_check(g));
    nn_status st = nn_arena_new(&w.m.arena);
    if (st == NN_OK)
        st = ex_values_open(&w.values, g);
    if (st == NN_OK)
        st = write(out, &w, g);
    ex_values_close(&w.values);
    nn_arena_free(w.m.arena);
    return st;
}
