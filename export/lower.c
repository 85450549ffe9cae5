#include "export/lower.h"

#include <string.h>

#include "export/lower_internal.h"
#include "quant/points.h"

/* ---- tensors --------------------------------------------------------------------------------- */

static nn_real value_of(const nn_node *param, int i)
{
    return param->param->value[i];
}

static void set_shape(tfl_tensor *t, nn_shape shape)
{
    t->rank = shape.rank;
    for (int i = 0; i < shape.rank; i++)
        t->dim[i] = shape.dim[i] == NN_BATCH ? 1 : shape.dim[i];
}

/* A float activation of batch 1. */
static nn_status add_float(int32_t *out, ex_lowerer *l, const nn_node *n)
{
    tfl_tensor t = { .name = n->name, .type = l->type };
    set_shape(&t, n->shape);
    return tfl_add_tensor(out, l->m, &t);
}

/* An integer activation of batch 1 with the range of a fakequant node. */
static nn_status add_activation(int32_t *out, ex_lowerer *l, const nn_node *n, const nn_node *fq)
{
    NN_TRY(ex_values_check_range(&l->values, fq, n->name));
    float scale = (float)value_of(fq->in[EX_FQ_SCALE], 0);
    int64_t zero_point = (int64_t)value_of(fq->in[EX_FQ_ZERO_POINT], 0) + l->offset;
    float min = (float)value_of(fq->in[EX_FQ_MIN], 0), max = (float)value_of(fq->in[EX_FQ_MAX], 0);
    tfl_tensor t = { .name = n->name,
                     .type = l->type,
                     .quant = { 1, &scale, &zero_point, 0, &min, &max } };
    set_shape(&t, n->shape);
    return tfl_add_tensor(out, l->m, &t);
}

/* A tensor of shape `shape` in the range of tensor x. */
static nn_status add_in_range_of(int32_t *out, ex_lowerer *l, const char *name, nn_shape shape,
                                 int32_t x)
{
    tfl_tensor t = l->m->tensors[x];
    t.name = name;
    set_shape(&t, shape);
    return tfl_add_tensor(out, l->m, &t);
}

/* ---- operators ------------------------------------------------------------------------------- */

nn_status ex_lower__op(ex_lowerer *l, enum tfl_op code, const int32_t *in, int n_in, int32_t out,
                       const tfl_attr *attr)
{
    tfl_operator op = { .code = code, .n_in = n_in, .n_out = 1, .in = in, .out = &out };
    if (attr != NULL)
        op.attr = *attr;
    return tfl_add_operator(l->m, &op);
}

nn_status ex_lower__pad(int32_t *out, ex_lowerer *l, const char *name, int32_t x,
                        const nn_pad_attr *pad)
{
    const tfl_tensor *from = &l->m->tensors[x];
    nn_shape shape = { .rank = from->rank };
    int32_t values[2 * NN_MAX_RANK];
    char *paddings_name = nn_arena_printf(l->m->arena, "%s/paddings", name);
    if (paddings_name == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < from->rank; i++) {
        values[2 * i] = pad->before[i];
        values[2 * i + 1] = pad->after[i];
        shape.dim[i] = from->dim[i] + pad->before[i] + pad->after[i];
    }
    int32_t in[2] = { x, 0 };
    NN_TRY(tfl_add_pairs(&in[1], l->m, paddings_name, values, from->rank));
    NN_TRY(add_in_range_of(out, l, name, shape, x));
    return ex_lower__op(l, TFL_OP_PAD, in, 2, *out, NULL);
}

bool ex_lower__padding(enum tfl_padding *out, const nn_window *w, nn_shape x)
{
    const ex_padding padding = ex_padding_of(w, x);
    *out = padding == EX_PADDING_VALID ? TFL_PADDING_VALID : TFL_PADDING_SAME;
    return padding != EX_PADDING_OTHER;
}

static nn_status emit_pool(ex_lowerer *l, const nn_node *n, int32_t out)
{
    const nn_window *w = &n->attr.window;
    tfl_attr attr = { .pool = { .stride_h = w->stride_h,
                                .stride_w = w->stride_w,
                                .filter_h = w->kernel_h,
                                .filter_w = w->kernel_w } };
    if (!ex_lower__padding(&attr.pool.padding, w, n->in[0]->shape))
        return nn_fail(NN_ENOTSUP,
                       "%s %s: padding %d,%d,%d,%d is neither SAME nor VALID, which is all that a "
                       ".tflite pool can have",
                       n->op->name, n->name, w->top, w->bottom, w->left, w->right);
    enum tfl_op code = n->id == NN_OP_max_pool ? TFL_OP_MAX_POOL_2D : TFL_OP_AVERAGE_POOL_2D;
    return ex_lower__op(l, code, &l->tensor[n->in[0]->index], 1, out, &attr);
}

static nn_status emit_mean(ex_lowerer *l, const nn_node *n, int32_t out)
{
    static const int32_t axes[] = { 1, 2 };
    int32_t in[2] = { l->tensor[n->in[0]->index], 0 };
    char *name = nn_arena_printf(l->m->arena, "%s/axes", n->name);
    if (name == NULL)
        return NN_ENOMEM;
    NN_TRY(tfl_add_ints(&in[1], l->m, name, axes, 2));
    return ex_lower__op(l, TFL_OP_MEAN, in, 2, out, &(tfl_attr){ .keep_dims = false });
}

static nn_status emit_reshape(ex_lowerer *l, const nn_node *n, int32_t out)
{
    const tfl_tensor *t = &l->m->tensors[out];
    tfl_attr attr = { .dims = { .n = t->rank } };
    memcpy(attr.dims.dim, t->dim, (size_t)t->rank * sizeof t->dim[0]);
    int32_t in[2] = { l->tensor[n->in[0]->index], 0 };
    char *name = nn_arena_printf(l->m->arena, "%s/shape", n->name);
    if (name == NULL)
        return NN_ENOMEM;
    NN_TRY(tfl_add_ints(&in[1], l->m, name, attr.dims.dim, attr.dims.n));
    return ex_lower__op(l, TFL_OP_RESHAPE, in, 2, out, &attr);
}

static nn_status emit_elementwise(ex_lowerer *l, const nn_node *n, int32_t out,
                                  enum tfl_activation activation)
{
    int32_t in[2] = { l->tensor[n->in[0]->index], l->tensor[n->in[1]->index] };
    return ex_lower__op(l, n->id == NN_OP_add ? TFL_OP_ADD : TFL_OP_MUL, in, 2, out,
                        &(tfl_attr){ .activation = activation });
}

static nn_status emit_concat(ex_lowerer *l, const nn_node *n, int32_t out)
{
    int32_t in[NN_MAX_IN];
    for (int k = 0; k < n->n_in; k++)
        in[k] = l->tensor[n->in[k]->index];
    return ex_lower__op(l, TFL_OP_CONCATENATION, in, n->n_in, out,
                        &(tfl_attr){ .concat = { .axis = n->shape.rank - 1 } });
}

static nn_status emit_unary(ex_lowerer *l, const nn_node *n, int32_t out)
{
    static const struct {
        nn_op_id id;
        enum tfl_op code;
    } ops[] = { { NN_OP_relu, TFL_OP_RELU },
                { NN_OP_relu6, TFL_OP_RELU6 },
                { NN_OP_softmax, TFL_OP_SOFTMAX },
                { NN_OP_logistic, TFL_OP_LOGISTIC },
                { NN_OP_hard_swish, TFL_OP_HARD_SWISH } };
    tfl_attr attr = { .beta = n->id == NN_OP_softmax ? 1.0f : 0.0f };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (ops[i].id == n->id)
            return ex_lower__op(l, ops[i].code, &l->tensor[n->in[0]->index], 1, out, &attr);
    return nn_fail(NN_ENOTSUP, "%s %s: has no form in a .tflite file", n->op->name, n->name);
}

/* Emits what computes node n, with an activation fused where the operator has one. */
static nn_status emit(ex_lowerer *l, const nn_node *n, int32_t out, enum tfl_activation activation)
{
    switch (n->id) {
    case NN_OP_conv2d:
    case NN_OP_dwconv2d:
    case NN_OP_dense:
        return ex_lower__layer(l, n, out, activation);
    case NN_OP_add:
    case NN_OP_mul:
        return emit_elementwise(l, n, out, activation);
    case NN_OP_concat:
        return emit_concat(l, n, out);
    case NN_OP_max_pool:
    case NN_OP_avg_pool:
        return emit_pool(l, n, out);
    case NN_OP_gap:
        return emit_mean(l, n, out);
    case NN_OP_reshape:
        return emit_reshape(l, n, out);
    default:
        return emit_unary(l, n, out);
    }
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* A relu whose input is no tensor of the file is fused into the operator before it. */
static nn_status emit_group(ex_lowerer *l, const nn_node *last, int32_t out)
{
    bool relu = last->id == NN_OP_relu || last->id == NN_OP_relu6;
    if (!relu || l->tensor[last->in[0]->index] != EX_NO_TENSOR)
        return emit(l, last, out, TFL_ACT_NONE);
    return emit(l, last->in[0], out, last->id == NN_OP_relu ? TFL_ACT_RELU : TFL_ACT_RELU6);
}

static nn_status lower_fakequant(ex_lowerer *l, const nn_node *fq)
{
    const nn_node *x = fq->in[EX_FQ_X];
    int32_t *tensor = &l->tensor[fq->index];
    NN_TRY(add_activation(tensor, l, x, fq));
    if (x->id == NN_OP_input)
        return tfl_add_input(l->m, *tensor, x->name);
    return emit_group(l, x, *tensor);
}

/* Operators that move values of their input's range have no fakequant node behind them. */
static nn_status lower_kept(ex_lowerer *l, const nn_node *n)
{
    int32_t x = l->tensor[n->in[0]->index], *tensor = &l->tensor[n->index];
    if (n->id == NN_OP_pad)
        return ex_lower__pad(tensor, l, n->name, x, &n->attr.pad);
    NN_TRY(add_in_range_of(tensor, l, n->name, n->shape, x));
    return emit(l, n, *tensor, TFL_ACT_NONE);
}

/* What disappears into the operator that reads it, and what only training needs. */
static bool is_no_tensor(const ex_lowerer *l, const nn_node *n)
{
    return n->id == NN_OP_param || n->id == NN_OP_bnscale || n->id == NN_OP_bnbias ||
           (n->op->flags & NN_FLAG_TRAIN_ONLY) || (n->id == NN_OP_input && n->shape.rank < 2) ||
           quant_fused_into(l->g, n) != NULL;
}

static nn_status lower_float(ex_lowerer *l, const nn_node *n)
{
    if (is_no_tensor(l, n))
        return NN_OK;
    int32_t *tensor = &l->tensor[n->index];
    NN_TRY(add_float(tensor, l, n));
    return n->id == NN_OP_input ? tfl_add_input(l->m, *tensor, n->name) : emit_group(l, n, *tensor);
}

static nn_status lower_node(ex_lowerer *l, const nn_node *n)
{
    if (n->id == NN_OP_max_pool || n->id == NN_OP_reshape || n->id == NN_OP_pad)
        NN_TRY(lower_kept(l, n));
    else if (l->type == TFL_TYPE_FLOAT32)
        NN_TRY(lower_float(l, n));
    else if (n->id == NN_OP_fakequant && !ex_is_weight_quant(n))
        NN_TRY(lower_fakequant(l, n));
    if (!n->is_output)
        return NN_OK;
    if (l->tensor[n->index] == EX_NO_TENSOR)
        return nn_fail(NN_EINVAL, "%s %s: an output that was not quantized", n->op->name, n->name);
    return tfl_add_output(l->m, l->tensor[n->index], NULL);
}

static nn_status lower_all(ex_lowerer *l, const ex_info *info)
{
    for (int i = 0; i < nn_graph_count(l->g); i++)
        l->tensor[i] = EX_NO_TENSOR;
    for (int i = 0; i < nn_graph_count(l->g); i++)
        NN_TRY(lower_node(l, nn_graph_node(l->g, i)));
    for (int i = 0; i < info->n_metadata; i++)
        NN_TRY(tfl_add_metadata(l->m, info->metadata[i].name, info->metadata[i].data,
                                info->metadata[i].bytes));
    return NN_OK;
}

nn_status ex_lower(tfl_model **out, nn_arena *arena, const nn_graph *g, ex_form form,
                   const ex_info *info)
{
    static const struct {
        enum tfl_type type;
        int32_t offset;
    } forms[] = { [EX_INT8] = { TFL_TYPE_INT8, 0 },
                  [EX_UINT8] = { TFL_TYPE_UINT8, 128 },
                  [EX_FLOAT] = { TFL_TYPE_FLOAT32, 0 } };
    ex_lowerer l = { .g = g, .type = forms[form].type, .offset = forms[form].offset };
    nn_status st = nn_graph_check(g);
    if (st == NN_OK)
        st = ex_values_open(&l.values, g);
    if (st == NN_OK)
        st = tfl_model_new(&l.m, arena, info->name, info->description);
    if (st == NN_OK) {
        l.tensor = nn_arena_alloc(arena, (size_t)nn_graph_count(g) * sizeof *l.tensor);
        st = l.tensor != NULL ? lower_all(&l, info) : NN_ENOMEM;
    }
    if (st == NN_OK)
        st = tfl_model_check(l.m);
    if (st == NN_OK)
        *out = l.m;
    ex_values_close(&l.values);
    return st;
}
