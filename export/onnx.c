#include "export/onnx.h"

#include <math.h>
#include <string.h>

#include "export/message.h"
#include "export/onnx.pb-c.h"
#include "export/values.h"

enum { IR_VERSION = 8, OPSET = 17 };
enum { X, WEIGHT, BIAS }; /* inputs of layers */

/* Dimensions of NHWC in the order of NCHW, and back. */
static const int64_t to_nchw[] = { 0, 3, 1, 2 }, to_nhwc[] = { 0, 2, 3, 1 };

typedef struct writer {
    ex_message m;
    ex_values values;
    Onnx__GraphProto *graph;
    const char **name; /* of the tensor that holds a node's value, by index; NULL: none yet */
} writer;

/* ---- parts of a graph ------------------------------------------------------------------------ */

/* Appends an operator whose result and which itself is called `name`. */
static Onnx__NodeProto *add_node(writer *w, const char *type, const char *name,
                                 const char *const in[], size_t n_in)
{
    Onnx__GraphProto *g = w->graph;
    static const Onnx__NodeProto empty = ONNX__NODE_PROTO__INIT;
    Onnx__NodeProto *n = ex_message_new(&w->m, &empty, sizeof empty);
    Onnx__NodeProto **list = ex_message_grow(&w->m, g->node, g->n_node);
    if (n == NULL || list == NULL)
        return NULL;
    for (size_t i = 0; i < n_in && w->m.st == NN_OK; i++) {
        n->input = ex_message_grow(&w->m, n->input, i);
        if (n->input != NULL)
            n->input[n->n_input++] = ex_message_text(&w->m, in[i]);
    }
    n->name = ex_message_text(&w->m, name);
    n->op_type = ex_message_text(&w->m, type);
    n->output = ex_message_grow(&w->m, NULL, 0);
    if (n->output == NULL)
        return NULL;
    n->output[n->n_output++] = n->name;
    g->node = list;
    g->node[g->n_node++] = n;
    return n;
}

static Onnx__AttributeProto *add_attribute(writer *w, Onnx__NodeProto *n, const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    static const Onnx__AttributeProto empty = ONNX__ATTRIBUTE_PROTO__INIT;
    Onnx__AttributeProto *a = ex_message_new(&w->m, &empty, sizeof empty);
    void *list = n != NULL ? ex_message_grow(&w->m, n->attribute, n->n_attribute) : NULL;
    if (a == NULL || list == NULL)
        return NULL;
    a->name = ex_message_text(&w->m, name);
    a->has_type = true;
    a->type = type;
    n->attribute = list;
    n->attribute[n->n_attribute++] = a;
    return a;
}

static void set_int(writer *w, Onnx__NodeProto *n, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a == NULL)
        return;
    a->has_i = true;
    a->i = value;
}

static void set_ints(writer *w, Onnx__NodeProto *n, const char *name, const int64_t *values,
                     size_t count)
{
    Onnx__AttributeProto *a =
        add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (a == NULL)
        return;
    a->ints = ex_message_ints(&w->m, values, count);
    a->n_ints = count;
}

/* Appends a constant.  Its `bytes` are borrowed; NULL: memory is out. */
static void add_constant(writer *w, const char *name, Onnx__TensorProto__DataType type,
                         const int64_t *dims, size_t rank, uint8_t *data, size_t bytes)
{
    static const Onnx__TensorProto empty = ONNX__TENSOR_PROTO__INIT;
    Onnx__GraphProto *g = w->graph;
    Onnx__TensorProto *t = ex_message_new(&w->m, &empty, sizeof empty);
    Onnx__TensorProto **list = ex_message_grow(&w->m, g->initializer, g->n_initializer);
    if (data == NULL)
        w->m.st = NN_ENOMEM;
    if (t == NULL || list == NULL)
        return;
    t->name = ex_message_text(&w->m, name);
    t->dims = ex_message_ints(&w->m, dims, rank);
    t->n_dims = rank;
    t->has_data_type = t->has_raw_data = true;
    t->data_type = (int32_t)type;
    t->raw_data = (ProtobufCBinaryData){ bytes, data };
    g->initializer = list;
    g->initializer[g->n_initializer++] = t;
}

static void add_floats(writer *w, const char *name, const int64_t *dims, size_t rank,
                       const float *values, size_t count)
{
    add_constant(w, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims, rank,
                 ex_message_words(&w->m, values, count), count * sizeof *values);
}

/* A list of int64. */
static const char *add_longs(writer *w, const char *name, const int64_t *values, size_t count)
{
    const int64_t dims[] = { (int64_t)count };
    uint8_t *bytes = ex_message_new(&w->m, values, count * sizeof *values);
    for (size_t i = 0; bytes != NULL && i < 8 * count; i++)
        bytes[i] = (uint8_t)((uint64_t)values[i / 8] >> (8 * (i % 8)));
    add_constant(w, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, dims, 1, bytes, 8 * count);
    return name;
}

static const char *add_transpose(writer *w, const char *name, const char *x, const int64_t perm[])
{
    Onnx__NodeProto *n = add_node(w, "Transpose", name, &x, 1);
    set_ints(w, n, "perm", perm, NN_MAX_RANK);
    return name;
}

/* ---- scales and zero points ------------------------------------------------------------------ */

static nn_status check_range(const writer *w, const nn_node *fq)
{
    size_t n;
    const nn_real *scale = ex_values_scales(&w->values, fq, &n);
    for (size_t i = 0; i < n; i++)
        if (!(scale[i] > 0))
            return nn_fail(
                NN_EINVAL,
                "%s: has no range yet; train with --qat or calibrate with octet quantize",
                fq->in[EX_FQ_X]->name);
    return NN_OK;
}

/* The scale or zero point of a fakequant node under its parameter's name.  Nodes of one range share
 * it. */
static const char *add_scale(writer *w, const nn_node *fq, int input)
{
    const nn_node *leaf = fq->in[input];
    const size_t count = nn_shape_count(leaf->shape), rank = fq->attr.fakequant.axis < 0 ? 0 : 1;
    const int64_t dims[] = { (int64_t)count };
    const char **name = &w->name[leaf->index];
    if (*name != NULL)
        return *name;
    *name = leaf->name;
    float *values = ex_values_floats(w->m.arena, &w->values, leaf, NULL);
    if (input == EX_FQ_SCALE) {
        add_floats(w, *name, dims, rank, values, count);
        return *name;
    }
    uint8_t *codes = nn_arena_alloc(w->m.arena, count);
    for (size_t i = 0; codes != NULL && values != NULL && i < count; i++)
        codes[i] = (uint8_t)(int8_t)values[i];
    add_constant(w, *name, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, dims, rank, codes, count);
    return *name;
}

/* Appends QuantizeLinear and DequantizeLinear of tensor x in the range of fq; the latter's name. */
static const char *add_qdq(writer *w, const char *name, const char *x, const nn_node *fq)
{
    const char *in[] = { x, add_scale(w, fq, EX_FQ_SCALE), add_scale(w, fq, EX_FQ_ZERO_POINT) };
    const char *codes = ex_message_printf(&w->m, "%s/codes", name);
    if (codes == NULL)
        return NULL;
    add_node(w, "QuantizeLinear", codes, in, 3);
    in[0] = codes;
    add_node(w, "DequantizeLinear", name, in, 3);
    return name;
}

/* ---- weights and biases ---------------------------------------------------------------------- */

/* ONNX's order of a weight's dimensions: [O,I,KH,KW]; of a depthwise one [C,1,KH,KW]. */
static const int *order_of(const nn_node *layer)
{
    static const int conv[] = { 0, 3, 1, 2 }, depthwise[] = { 3, 0, 1, 2 }, dense[] = { 0, 1 };
    return layer->id == NN_OP_conv2d ? conv : layer->id == NN_OP_dwconv2d ? depthwise : dense;
}

/* The values that the graph computes with lie on the grid: their codes are exact quotients. */
static uint8_t *codes_of(writer *w, const nn_node *fq, const float *values)
{
    const nn_param *zero = fq->in[EX_FQ_ZERO_POINT]->param;
    size_t scales, count = nn_shape_count(fq->shape);
    const nn_real *scale = ex_values_scales(&w->values, fq, &scales);
    uint8_t *codes = values != NULL ? nn_arena_alloc(w->m.arena, count) : NULL;
    for (size_t i = 0; codes != NULL && i < count; i++) {
        size_t c = i / (count / scales);
        double steps = round((double)values[i] / (double)(float)scale[c]);
        codes[i] = (uint8_t)(int8_t)(steps + (double)zero->value[c]);
    }
    return codes;
}

static nn_status add_weight(const char **name, writer *w, const nn_node *layer)
{
    const nn_node *n = layer->in[WEIGHT];
    const int *order = order_of(layer);
    const size_t count = nn_shape_count(n->shape), rank = (size_t)n->shape.rank;
    const float *values = ex_values_floats(w->m.arena, &w->values, n, order);
    int64_t dims[NN_MAX_RANK];
    for (size_t i = 0; i < rank; i++)
        dims[i] = n->shape.dim[order[i]];
    *name = n->name;
    if (n->id != NN_OP_fakequant) {
        add_floats(w, n->name, dims, rank, values, count);
        return NN_OK;
    }
    NN_TRY(check_range(w, n));
    const char *codes = ex_message_printf(&w->m, "%s/codes", n->name);
    if (codes == NULL)
        return NN_ENOMEM;
    add_constant(w, codes, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, dims, rank, codes_of(w, n, values),
                 count);
    const char *in[] = { codes, add_scale(w, n, EX_FQ_SCALE), add_scale(w, n, EX_FQ_ZERO_POINT) };
    Onnx__NodeProto *node = add_node(w, "DequantizeLinear", n->name, in, 3);
    if (n->attr.fakequant.axis >= 0)
        set_int(w, node, "axis", 0); /* order_of puts the output channels first */
    return NN_OK;
}

/* int32 codes of scale x * weight, as op quantbias rounds them. */
static const char *add_int_bias(writer *w, const nn_node *n)
{
    enum { B, X_SCALE, W_SCALE };
    const nn_real *w_scale = nn_exec_value(w->values.exec, n->in[W_SCALE]);
    const size_t count = nn_shape_count(n->shape), scales = nn_shape_count(n->in[W_SCALE]->shape);
    const int64_t dims[] = { (int64_t)count }, scale_dims[] = { (int64_t)scales };
    const float x_scale = (float)n->in[X_SCALE]->param->value[0];
    const float *bias = ex_values_floats(w->m.arena, &w->values, n->in[B], NULL);
    float *scale = nn_arena_alloc(w->m.arena, scales * sizeof *scale);
    int32_t *codes = nn_arena_alloc(w->m.arena, count * sizeof *codes);
    const char *in[] = { ex_message_printf(&w->m, "%s/codes", n->name),
                         ex_message_printf(&w->m, "%s/scale", n->name) };
    if (bias == NULL || scale == NULL || codes == NULL || w->m.st != NN_OK)
        return NULL;
    for (size_t i = 0; i < scales; i++)
        scale[i] = x_scale * (float)w_scale[i];
    for (size_t i = 0; i < count; i++)
        codes[i] =
            ex_bias_code((double)bias[i], (double)x_scale * (double)w_scale[scales > 1 ? i : 0]);
    add_constant(w, in[0], ONNX__TENSOR_PROTO__DATA_TYPE__INT32, dims, 1,
                 ex_message_words(&w->m, codes, count), count * sizeof *codes);
    add_floats(w, in[1], scale_dims, scales > 1 ? 1 : 0, scale, scales);
    Onnx__NodeProto *node = add_node(w, "DequantizeLinear", n->name, in, 2);
    if (scales > 1)
        set_int(w, node, "axis", 0);
    return n->name;
}

static const char *add_bias(writer *w, const nn_node *n)
{
    const int64_t dims[] = { (int64_t)nn_shape_count(n->shape) };
    if (n->id == NN_OP_quantbias)
        return add_int_bias(w, n);
    add_floats(w, n->name, dims, 1, ex_values_floats(w->m.arena, &w->values, n, NULL),
               nn_shape_count(n->shape));
    return n->name;
}

/* ---- operators ------------------------------------------------------------------------------- */

static const char *input_of(const writer *w, const nn_node *n, int k)
{
    return w->name[n->in[k]->index];
}

static void set_window(writer *w, Onnx__NodeProto *node, const nn_window *win)
{
    set_ints(w, node, "kernel_shape", (int64_t[]){ win->kernel_h, win->kernel_w }, 2);
    set_ints(w, node, "strides", (int64_t[]){ win->stride_h, win->stride_w }, 2);
    set_ints(w, node, "pads", (int64_t[]){ win->top, win->left, win->bottom, win->right }, 4);
}

static nn_status add_layer(writer *w, const nn_node *n)
{
    const char *in[3] = { input_of(w, n, X) };
    NN_TRY(add_weight(&in[WEIGHT], w, n));
    if (n->n_in > BIAS)
        in[BIAS] = add_bias(w, n->in[BIAS]);
    if (w->m.st != NN_OK)
        return NN_ENOMEM;
    const nn_window *win = &n->attr.window;
    Onnx__NodeProto *node =
        add_node(w, n->id == NN_OP_dense ? "Gemm" : "Conv", n->name, in, (size_t)n->n_in);
    if (n->id == NN_OP_dense) {
        set_int(w, node, "transB", 1);
        return NN_OK;
    }
    set_window(w, node, win);
    set_ints(w, node, "dilations", (int64_t[]){ win->dilation_h, win->dilation_w }, 2);
    set_int(w, node, "group", n->id == NN_OP_conv2d ? 1 : nn_shape_channels(n->in[X]->shape));
    return NN_OK;
}

static void add_pool(writer *w, const nn_node *n)
{
    const char *in[] = { input_of(w, n, 0) };
    bool max = n->id == NN_OP_max_pool;
    Onnx__NodeProto *node = add_node(w, max ? "MaxPool" : "AveragePool", n->name, in, 1);
    set_window(w, node, &n->attr.window);
    if (!max)
        set_int(w, node, "count_include_pad", 0);
}

static void add_mean(writer *w, const nn_node *n)
{
    const char *in[] = { input_of(w, n, 0) };
    Onnx__NodeProto *node = add_node(w, "ReduceMean", n->name, in, 1);
    set_ints(w, node, "axes", (int64_t[]){ 2, 3 }, 2);
    set_int(w, node, "keepdims", 0);
}

static void add_pad(writer *w, const nn_node *n)
{
    const nn_pad_attr *p = &n->attr.pad;
    const int rank = n->shape.rank;
    int64_t pads[2 * NN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int64_t d = rank == NN_MAX_RANK ? to_nchw[i] : i;
        pads[i] = p->before[d];
        pads[rank + i] = p->after[d];
    }
    const char *name = ex_message_printf(&w->m, "%s/pads", n->name);
    if (name == NULL)
        return;
    const char *in[] = { input_of(w, n, 0), add_longs(w, name, pads, 2 * (size_t)rank) };
    add_node(w, "Pad", n->name, in, 2);
}

/* Elements keep octet's order: what has four dimensions is NHWC before and after. */
static void add_reshape(writer *w, const nn_node *n)
{
    const char *x = input_of(w, n, 0), *shape = ex_message_printf(&w->m, "%s/shape", n->name);
    int64_t dims[NN_MAX_RANK];
    if (n->in[0]->shape.rank == NN_MAX_RANK)
        x = add_transpose(w, ex_message_printf(&w->m, "%s/nhwc", n->name), x, to_nhwc);
    for (int i = 0; i < n->shape.rank; i++)
        dims[i] = n->shape.dim[i] == NN_BATCH ? -1 : n->shape.dim[i];
    const char *y =
        n->shape.rank == NN_MAX_RANK ? ex_message_printf(&w->m, "%s/flat", n->name) : n->name;
    if (w->m.st != NN_OK)
        return;
    const char *in[] = { x, add_longs(w, shape, dims, (size_t)n->shape.rank) };
    add_node(w, "Reshape", y, in, 2);
    if (n->shape.rank == NN_MAX_RANK)
        add_transpose(w, n->name, y, to_nchw);
}

static void add_relu6(writer *w, const nn_node *n)
{
    static const float bounds[] = { 0, 6 };
    const char *in[] = { input_of(w, n, 0), ex_message_printf(&w->m, "%s/min", n->name),
                         ex_message_printf(&w->m, "%s/max", n->name) };
    if (w->m.st != NN_OK)
        return;
    for (int i = 0; i < 2; i++)
        add_floats(w, in[1 + i], NULL, 0, &bounds[i], 1);
    add_node(w, "Clip", n->name, in, 3);
}

static void add_concat(writer *w, const nn_node *n)
{
    const char *in[NN_MAX_IN];
    for (int k = 0; k < n->n_in; k++)
        in[k] = input_of(w, n, k);
    Onnx__NodeProto *node = add_node(w, "Concat", n->name, in, (size_t)n->n_in);
    set_int(w, node, "axis", n->shape.rank == NN_MAX_RANK ? 1 : n->shape.rank - 1);
}

static nn_status add_simple(writer *w, const nn_node *n)
{
    static const struct {
        nn_op_id id;
        const char *type;
    } ops[] = { { NN_OP_relu, "Relu" },        { NN_OP_add, "Add" },
                { NN_OP_mul, "Mul" },          { NN_OP_softmax, "Softmax" },
                { NN_OP_logistic, "Sigmoid" }, { NN_OP_hard_swish, "HardSwish" } };
    const char *in[] = { input_of(w, n, 0), n->n_in > 1 ? input_of(w, n, 1) : NULL };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (ops[i].id != n->id)
            continue;
        Onnx__NodeProto *node = add_node(w, ops[i].type, n->name, in, (size_t)n->n_in);
        if (n->id == NN_OP_softmax)
            set_int(w, node, "axis", n->shape.rank == NN_MAX_RANK ? 1 : n->shape.rank - 1);
        return NN_OK;
    }
    return nn_fail(NN_ENOTSUP, "%s %s: has no form in an ONNX model", n->op->name, n->name);
}

static nn_status add_op(writer *w, const nn_node *n)
{
    switch (n->id) {
    case NN_OP_conv2d:
    case NN_OP_dwconv2d:
    case NN_OP_dense:
        return add_layer(w, n);
    case NN_OP_max_pool:
    case NN_OP_avg_pool:
        return add_pool(w, n), NN_OK;
    case NN_OP_gap:
        return add_mean(w, n), NN_OK;
    case NN_OP_pad:
        return add_pad(w, n), NN_OK;
    case NN_OP_reshape:
        return add_reshape(w, n), NN_OK;
    case NN_OP_relu6:
        return add_relu6(w, n), NN_OK;
    case NN_OP_concat:
        return add_concat(w, n), NN_OK;
    default:
        return add_simple(w, n);
    }
}

/* ---- input and output ------------------------------------------------------------------------ */

/* A float tensor of octet's shape, the batch a symbol "N". */
static Onnx__ValueInfoProto *value_info(writer *w, const char *name, nn_shape shape)
{
    static const Onnx__ValueInfoProto no_info = ONNX__VALUE_INFO_PROTO__INIT;
    static const Onnx__TypeProto no_type = ONNX__TYPE_PROTO__INIT;
    static const Onnx__TypeProto__Tensor no_tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
    static const Onnx__TensorShapeProto no_shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    static const Onnx__TensorShapeProto__Dimension no_dim =
        ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
    Onnx__ValueInfoProto *info = ex_message_new(&w->m, &no_info, sizeof no_info);
    Onnx__TypeProto *type = ex_message_new(&w->m, &no_type, sizeof no_type);
    Onnx__TypeProto__Tensor *tensor = ex_message_new(&w->m, &no_tensor, sizeof no_tensor);
    Onnx__TensorShapeProto *dims = ex_message_new(&w->m, &no_shape, sizeof no_shape);
    if (w->m.st != NN_OK)
        return NULL;
    info->name = ex_message_text(&w->m, name);
    info->type = type;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = dims;
    for (int i = 0; i < shape.rank; i++) {
        Onnx__TensorShapeProto__Dimension *d = ex_message_new(&w->m, &no_dim, sizeof no_dim);
        Onnx__TensorShapeProto__Dimension **list = ex_message_grow(&w->m, dims->dim, dims->n_dim);
        if (d == NULL || list == NULL)
            return NULL;
        d->value_case = shape.dim[i] == NN_BATCH
                            ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                            : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (shape.dim[i] == NN_BATCH)
            d->dim_param = ex_message_text(&w->m, "N");
        else
            d->dim_value = shape.dim[i];
        dims->dim = list;
        dims->dim[dims->n_dim++] = d;
    }
    return info;
}

static void add_input(writer *w, const nn_node *n)
{
    Onnx__GraphProto *g = w->graph;
    Onnx__ValueInfoProto **list = ex_message_grow(&w->m, g->input, g->n_input);
    const char *name = ex_message_printf(&w->m, "%s/nchw", n->name);
    Onnx__ValueInfoProto *info = value_info(w, n->name, n->shape);
    if (w->m.st != NN_OK)
        return;
    g->input = list;
    g->input[g->n_input++] = info;
    if (n->shape.rank == NN_MAX_RANK)
        w->name[n->index] = add_transpose(w, name, n->name, to_nchw);
}

static void add_output(writer *w, const nn_node *n)
{
    Onnx__GraphProto *g = w->graph;
    Onnx__ValueInfoProto **list = ex_message_grow(&w->m, g->output, g->n_output);
    const char *name = w->name[n->index];
    if (n->shape.rank == NN_MAX_RANK)
        name = add_transpose(w, ex_message_printf(&w->m, "%s/nhwc", name), name, to_nhwc);
    Onnx__ValueInfoProto *info = w->m.st == NN_OK ? value_info(w, name, n->shape) : NULL;
    if (w->m.st != NN_OK)
        return;
    g->output = list;
    g->output[g->n_output++] = info;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* What moves values of its input's range has no fakequant node of its own, but integers behind it
 * too: the node whose range they have, or NULL. */
static const nn_node *kept_range(const nn_node *n)
{
    const nn_node *from = n;
    while (from->id == NN_OP_max_pool || from->id == NN_OP_reshape || from->id == NN_OP_pad)
        from = from->in[0];
    return from != n && from->id == NN_OP_fakequant ? from : NULL;
}

static nn_status add_quant(const char **name, writer *w, const nn_node *n, const nn_node *fq)
{
    NN_TRY(check_range(w, fq));
    const char *own = n == fq ? n->name : ex_message_printf(&w->m, "%s/act_quant", n->name);
    const char *x = n == fq ? input_of(w, n, EX_FQ_X) : n->name;
    *name = own != NULL ? add_qdq(w, own, x, fq) : NULL;
    return w->m.st;
}

static nn_status add_activation(writer *w, const nn_node *n)
{
    const nn_node *fq = n->id == NN_OP_fakequant ? n : kept_range(n);
    w->name[n->index] = n->name;
    if (n->id == NN_OP_input)
        add_input(w, n);
    else if (n->id != NN_OP_fakequant)
        NN_TRY(add_op(w, n));
    if (fq != NULL)
        NN_TRY(add_quant(&w->name[n->index], w, n, fq));
    if (n->is_output)
        add_output(w, n);
    return w->m.st;
}

static nn_status add_all(writer *w, const nn_graph *g)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (!ex_is_constant(n))
            NN_TRY(add_activation(w, n));
    }
    return NN_OK;
}

/* Metadata are texts here. */
static void add_metadata(writer *w, Onnx__ModelProto *model, const tfl_metadata *from)
{
    static const Onnx__StringStringEntryProto empty = ONNX__STRING_STRING_ENTRY_PROTO__INIT;
    Onnx__StringStringEntryProto *entry = ex_message_new(&w->m, &empty, sizeof empty);
    void *list = ex_message_grow(&w->m, model->metadata_props, model->n_metadata_props);
    if (w->m.st != NN_OK)
        return;
    entry->key = ex_message_text(&w->m, from->name);
    entry->value = nn_arena_printf(w->m.arena, "%.*s", (int)from->bytes, (const char *)from->data);
    model->metadata_props = list;
    model->metadata_props[model->n_metadata_props++] = entry;
}

static nn_status write(nn_bytes *out, writer *w, const nn_graph *g, const ex_info *info)
{
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = { &opset };
    w->graph->name = ex_message_text(&w->m, info->name);
    NN_TRY(add_all(w, g));
    for (int i = 0; i < info->n_metadata; i++)
        add_metadata(w, &model, &info->metadata[i]);
    opset.domain = "";
    opset.has_version = model.has_ir_version = true;
    opset.version = OPSET;
    model.ir_version = IR_VERSION;
    model.producer_name = "octet";
    model.producer_version = OCTET_VERSION;
    model.doc_string = ex_message_text(&w->m, info->description);
    model.graph = w->graph;
    model.n_opset_import = 1;
    model.opset_import = opsets;
    return ex_message_pack(out, &w->m, &model);
}

nn_status ex_onnx(nn_bytes *out, const nn_graph *g, const ex_info *info)
{
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    writer w = { .graph = &graph };
    NN_TRY(nn_graph_check(g));
    nn_status st = nn_arena_new(&w.m.arena);
    if (st == NN_OK)
        st = ex_values_open(&w.values, g);
    if (st == NN_OK) {
        w.name = nn_arena_alloc(w.m.arena, (size_t)nn_graph_count(g) * sizeof *w.name);
        st = w.name != NULL ? write(out, &w, g, info) : NN_ENOMEM;
    }
    ex_values_close(&w.values);
    nn_arena_free(w.m.arena);
    return st;
}
