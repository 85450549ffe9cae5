#include "export/onnx.h"

#include <math.h>

#include "export/onnx_nodes.h"
#include "export/values.h"

enum { X, WEIGHT, BIAS }; /* inputs of layers */

/* Dimensions of NHWC in the order of NCHW, and back. */
static const int64_t to_nchw[] = { 0, 3, 1, 2 }, to_nhwc[] = { 0, 2, 3, 1 };

typedef struct writer {
    ex_onnx_writer o;
    ex_values values;
    const char **name; /* of the tensor that holds a node's value, by index; NULL: none yet */
} writer;

static const char *add_transpose(writer *w, const char *name, const char *x, const int64_t perm[])
{
    ex_onnx_node *n = ex_onnx_add(&w->o, "Transpose", name, &x, 1);
    ex_onnx_set_ints(&w->o, n, "perm", perm, NN_MAX_RANK);
    return name;
}

/* ---- scales and zero points ------------------------------------------------------------------ */

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
    float *values = ex_values_floats(w->o.m.arena, &w->values, leaf, NULL);
    if (input == EX_FQ_SCALE)
        return ex_onnx_floats(&w->o, *name, dims, rank, values);
    int8_t *codes = values != NULL ? nn_arena_alloc(w->o.m.arena, count) : NULL;
    for (size_t i = 0; codes != NULL && i < count; i++)
        codes[i] = (int8_t)values[i];
    return ex_onnx_int8s(&w->o, *name, dims, rank, codes);
}

/* Appends QuantizeLinear and DequantizeLinear of tensor x in the range of fq; the latter's name. */
static const char *add_qdq(writer *w, const char *name, const char *x, const nn_node *fq)
{
    const char *in[] = { x, add_scale(w, fq, EX_FQ_SCALE), add_scale(w, fq, EX_FQ_ZERO_POINT) };
    const char *codes = ex_onnx_under(&w->o, name, "codes");
    if (codes == NULL)
        return NULL;
    ex_onnx_add(&w->o, "QuantizeLinear", codes, in, 3);
    in[0] = codes;
    ex_onnx_add(&w->o, "DequantizeLinear", name, in, 3);
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
static int8_t *codes_of(writer *w, const nn_node *fq, const float *values)
{
    const nn_param *zero = fq->in[EX_FQ_ZERO_POINT]->param;
    size_t scales, count = nn_shape_count(fq->shape);
    const nn_real *scale = ex_values_scales(&w->values, fq, &scales);
    int8_t *codes = values != NULL ? nn_arena_alloc(w->o.m.arena, count) : NULL;
    for (size_t i = 0; codes != NULL && i < count; i++) {
        size_t c = i / (count / scales);
        double steps = round((double)values[i] / (double)(float)scale[c]);
        codes[i] = (int8_t)(steps + (double)zero->value[c]);
    }
    return codes;
}

static nn_status add_weight(const char **name, writer *w, const nn_node *layer)
{
    const nn_node *n = layer->in[WEIGHT];
    const int *order = order_of(layer);
    const size_t rank = (size_t)n->shape.rank;
    const float *values = ex_values_floats(w->o.m.arena, &w->values, n, order);
    int64_t dims[NN_MAX_RANK];
    for (size_t i = 0; i < rank; i++)
        dims[i] = n->shape.dim[order[i]];
    *name = n->name;
    if (n->id != NN_OP_fakequant) {
        ex_onnx_floats(&w->o, n->name, dims, rank, values);
        return NN_OK;
    }
    NN_TRY(ex_values_check_range(&w->values, n, n->in[EX_FQ_X]->name));
    const char *codes = ex_onnx_under(&w->o, n->name, "codes");
    if (codes == NULL)
        return NN_ENOMEM;
    ex_onnx_int8s(&w->o, codes, dims, rank, codes_of(w, n, values));
    const char *in[] = { codes, add_scale(w, n, EX_FQ_SCALE), add_scale(w, n, EX_FQ_ZERO_POINT) };
    ex_onnx_node *node = ex_onnx_add(&w->o, "DequantizeLinear", n->name, in, 3);
    if (n->attr.fakequant.axis >= 0)
        ex_onnx_set_int(&w->o, node, "axis", 0); /* order_of puts the output channels first */
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
    const float *bias = ex_values_floats(w->o.m.arena, &w->values, n->in[B], NULL);
    float *scale = nn_arena_alloc(w->o.m.arena, scales * sizeof *scale);
    int32_t *codes = nn_arena_alloc(w->o.m.arena, count * sizeof *codes);
    const char *in[] = { ex_onnx_under(&w->o, n->name, "codes"),
                         ex_onnx_under(&w->o, n->name, "scale") };
    if (bias == NULL || scale == NULL || codes == NULL || w->o.m.st != NN_OK)
        return NULL;
    for (size_t i = 0; i < scales; i++)
        scale[i] = x_scale * (float)w_scale[i];
    for (size_t i = 0; i < count; i++)
        codes[i] =
            ex_bias_code((double)bias[i], (double)x_scale * (double)w_scale[scales > 1 ? i : 0]);
    ex_onnx_int32s(&w->o, in[0], dims, 1, codes);
    ex_onnx_floats(&w->o, in[1], scale_dims, scales > 1 ? 1 : 0, scale);
    ex_onnx_node *node = ex_onnx_add(&w->o, "DequantizeLinear", n->name, in, 2);
    if (scales > 1)
        ex_onnx_set_int(&w->o, node, "axis", 0);
    return n->name;
}

static const char *add_bias(writer *w, const nn_node *n)
{
    const int64_t dims[] = { (int64_t)nn_shape_count(n->shape) };
    if (n->id == NN_OP_quantbias)
        return add_int_bias(w, n);
    return ex_onnx_floats(&w->o, n->name, dims, 1,
                          ex_values_floats(w->o.m.arena, &w->values, n, NULL));
}

/* ---- operators ------------------------------------------------------------------------------- */

static const char *input_of(const writer *w, const nn_node *n, int k)
{
    return w->name[n->in[k]->index];
}

static void set_window(writer *w, ex_onnx_node *node, const nn_window *win)
{
    ex_onnx_set_ints(&w->o, node, "kernel_shape", (int64_t[]){ win->kernel_h, win->kernel_w }, 2);
    ex_onnx_set_ints(&w->o, node, "strides", (int64_t[]){ win->stride_h, win->stride_w }, 2);
    ex_onnx_set_ints(&w->o, node, "pads",
                     (int64_t[]){ win->top, win->left, win->bottom, win->right }, 4);
}

static nn_status add_layer(writer *w, const nn_node *n)
{
    const char *in[3] = { input_of(w, n, X) };
    NN_TRY(add_weight(&in[WEIGHT], w, n));
    if (n->n_in > BIAS)
        in[BIAS] = add_bias(w, n->in[BIAS]);
    if (w->o.m.st != NN_OK)
        return NN_ENOMEM;
    const nn_window *win = &n->attr.window;
    ex_onnx_node *node =
        ex_onnx_add(&w->o, n->id == NN_OP_dense ? "Gemm" : "Conv", n->name, in, (size_t)n->n_in);
    if (n->id == NN_OP_dense) {
        ex_onnx_set_int(&w->o, node, "transB", 1);
        return NN_OK;
    }
    set_window(w, node, win);
    ex_onnx_set_ints(&w->o, node, "dilations", (int64_t[]){ win->dilation_h, win->dilation_w }, 2);
    ex_onnx_set_int(&w->o, node, "group",
                    n->id == NN_OP_conv2d ? 1 : nn_shape_channels(n->in[X]->shape));
    return NN_OK;
}

static void add_pool(writer *w, const nn_node *n)
{
    const char *in[] = { input_of(w, n, 0) };
    bool max = n->id == NN_OP_max_pool;
    ex_onnx_node *node = ex_onnx_add(&w->o, max ? "MaxPool" : "AveragePool", n->name, in, 1);
    set_window(w, node, &n->attr.window);
    if (!max)
        ex_onnx_set_int(&w->o, node, "count_include_pad", 0);
}

static void add_mean(writer *w, const nn_node *n)
{
    const char *in[] = { input_of(w, n, 0) };
    ex_onnx_node *node = ex_onnx_add(&w->o, "ReduceMean", n->name, in, 1);
    ex_onnx_set_ints(&w->o, node, "axes", (int64_t[]){ 2, 3 }, 2);
    ex_onnx_set_int(&w->o, node, "keepdims", 0);
}

static void add_pad(writer *w, const nn_node *n)
{
    const nn_pad_attr *p = &n->attr.pad;
    const int rank = n->shape.rank;
    int64_t pads[2 * NN_MAX_RANK], dims[] = { 2 * rank };
    for (int i = 0; i < rank; i++) {
        int64_t d = rank == NN_MAX_RANK ? to_nchw[i] : i;
        pads[i] = p->before[d];
        pads[rank + i] = p->after[d];
    }
    const char *name = ex_onnx_under(&w->o, n->name, "pads");
    if (name == NULL)
        return;
    const char *in[] = { input_of(w, n, 0), ex_onnx_int64s(&w->o, name, dims, 1, pads) };
    ex_onnx_add(&w->o, "Pad", n->name, in, 2);
}

/* Elements keep octet's order: what has four dimensions is NHWC before and after. */
static void add_reshape(writer *w, const nn_node *n)
{
    const char *x = input_of(w, n, 0), *shape = ex_onnx_under(&w->o, n->name, "shape");
    int64_t dims[NN_MAX_RANK], n_dims[] = { n->shape.rank };
    if (n->in[0]->shape.rank == NN_MAX_RANK)
        x = add_transpose(w, ex_onnx_under(&w->o, n->name, "nhwc"), x, to_nhwc);
    for (int i = 0; i < n->shape.rank; i++)
        dims[i] = n->shape.dim[i] == NN_BATCH ? -1 : n->shape.dim[i];
    const char *y = n->shape.rank == NN_MAX_RANK ? ex_onnx_under(&w->o, n->name, "flat") : n->name;
    if (w->o.m.st != NN_OK)
        return;
    const char *in[] = { x, ex_onnx_int64s(&w->o, shape, n_dims, 1, dims) };
    ex_onnx_add(&w->o, "Reshape", y, in, 2);
    if (n->shape.rank == NN_MAX_RANK)
        add_transpose(w, n->name, y, to_nchw);
}

static void add_relu6(writer *w, const nn_node *n)
{
    static const float bounds[] = { 0, 6 };
    const char *in[] = { input_of(w, n, 0), ex_onnx_under(&w->o, n->name, "min"),
                         ex_onnx_under(&w->o, n->name, "max") };
    if (w->o.m.st != NN_OK)
        return;
    for (int i = 0; i < 2; i++)
        ex_onnx_floats(&w->o, in[1 + i], NULL, 0, &bounds[i]);
    ex_onnx_add(&w->o, "Clip", n->name, in, 3);
}

static void add_concat(writer *w, const nn_node *n)
{
    const char *in[NN_MAX_IN];
    for (int k = 0; k < n->n_in; k++)
        in[k] = input_of(w, n, k);
    ex_onnx_node *node = ex_onnx_add(&w->o, "Concat", n->name, in, (size_t)n->n_in);
    ex_onnx_set_int(&w->o, node, "axis", n->shape.rank == NN_MAX_RANK ? 1 : n->shape.rank - 1);
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
        ex_onnx_node *node = ex_onnx_add(&w->o, ops[i].type, n->name, in, (size_t)n->n_in);
        if (n->id == NN_OP_softmax)
            ex_onnx_set_int(&w->o, node, "axis",
                            n->shape.rank == NN_MAX_RANK ? 1 : n->shape.rank - 1);
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

static void add_input(writer *w, const nn_node *n)
{
    ex_onnx_input(&w->o, n->name, n->shape);
    const char *nchw = ex_onnx_under(&w->o, n->name, "nchw");
    if (n->shape.rank == NN_MAX_RANK && nchw != NULL)
        w->name[n->index] = add_transpose(w, nchw, n->name, to_nchw);
}

static void add_output(writer *w, const nn_node *n)
{
    const char *name = w->name[n->index];
    if (n->shape.rank == NN_MAX_RANK)
        name = add_transpose(w, ex_onnx_under(&w->o, name, "nhwc"), name, to_nhwc);
    ex_onnx_output(&w->o, name, n->shape);
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
    NN_TRY(ex_values_check_range(&w->values, fq, fq->in[EX_FQ_X]->name));
    const char *own = n == fq ? n->name : ex_onnx_under(&w->o, n->name, "act_quant");
    const char *x = n == fq ? input_of(w, n, EX_FQ_X) : n->name;
    *name = own != NULL ? add_qdq(w, own, x, fq) : NULL;
    return w->o.m.st;
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
    return w->o.m.st;
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

nn_status ex_onnx(nn_bytes *out, const nn_graph *g, const ex_info *info)
{
    writer w = { .name = NULL };
    NN_TRY(nn_graph_check(g));
    nn_status st = ex_onnx_open(&w.o);
    if (st == NN_OK)
        st = ex_values_open(&w.values, g);
    if (st == NN_OK) {
        w.name = nn_arena_alloc(w.o.m.arena, (size_t)nn_graph_count(g) * sizeof *w.name);
        st = w.name != NULL ? add_all(&w, g) : NN_ENOMEM;
    }
    if (st == NN_OK)
        st = ex_onnx_pack(out, &w.o, info);
    ex_values_close(&w.values);
    ex_onnx_close(&w.o);
    return st;
}
