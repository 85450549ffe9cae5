/* lower_layer - convolutions and dense layers: codes of weights and biases, padding. */
#include <math.h>
#include <string.h>

#include "export/lower_internal.h"

enum { X, WEIGHT, BIAS };

/* ---- constants ------------------------------------------------------------------------------- */

/* A float32 constant with the values of node n. */
static nn_status add_floats(int32_t *out, ex_lowerer *l, const char *name, const nn_node *n)
{
    size_t count = nn_shape_count(n->shape);
    tfl_tensor t = { .name = name, .type = TFL_TYPE_FLOAT32, .rank = n->shape.rank };
    float *floats = ex_values_floats(l->m->arena, &l->values, n, NULL);
    if (floats == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < t.rank; i++)
        t.dim[i] = n->shape.dim[i];
    t.data = ex_words(l->m->arena, floats, count);
    t.bytes = count * sizeof *floats;
    return t.data != NULL ? tfl_add_tensor(out, l->m, &t) : NN_ENOMEM;
}

/* ---- weights --------------------------------------------------------------------------------- */

static enum tfl_type weight_type(const ex_lowerer *l, const nn_node *fq)
{
    const int32_t int4_highest = 7;
    bool narrow = l->type == TFL_TYPE_INT8 && fq->attr.fakequant.grid.qmax <= int4_highest;
    return narrow ? TFL_TYPE_INT4 : l->type;
}

/* What the form cannot hold. */
static nn_status check_scales(const ex_lowerer *l, const nn_node *fq, const tfl_quant *q)
{
    const char *name = ex_param_of(fq)->name;
    if (l->type == TFL_TYPE_UINT8 && q->n > 1)
        return nn_fail(NN_ENOTSUP,
                       "%s: has %d scales, one for each output channel, and weights of a uint8 "
                       "file have one; train or quantize with --granularity tensor",
                       name, q->n);
    for (int i = 0; l->type == TFL_TYPE_INT8 && i < q->n; i++)
        if (q->zero_point[i] != 0)
            return nn_fail(NN_ENOTSUP,
                           "%s: has zero point %lld, and int8 weights have 0; export tflite-uint8, "
                           "or train with --weight-scheme symmetric",
                           name, (long long)q->zero_point[i]);
    return NN_OK;
}

/* The weight's scales and zero points, one for each output channel or one for all. */
static nn_status find_scales(tfl_quant *q, ex_lowerer *l, const nn_node *fq)
{
    size_t count;
    NN_TRY(ex_values_check_range(&l->values, fq, fq->in[EX_FQ_X]->name));
    const nn_real *scale = ex_values_scales(&l->values, fq, &count);
    const nn_param *zero = fq->in[EX_FQ_ZERO_POINT]->param;
    int n = (int)count, axis = fq->attr.fakequant.axis;
    float *scales = nn_arena_alloc(l->m->arena, (size_t)n * sizeof *scales);
    int64_t *zeros = nn_arena_alloc(l->m->arena, (size_t)n * sizeof *zeros);
    if (scales == NULL || zeros == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < n; i++) {
        scales[i] = (float)scale[i];
        zeros[i] = (int64_t)zero->value[i] + l->offset;
    }
    *q = (tfl_quant){ .n = n, .scale = scales, .zero_point = zeros, .axis = n > 1 ? axis : 0 };
    return check_scales(l, fq, q);
}

/* The channel of element i of a tensor of shape s, along `axis`. */
static size_t channel_of(size_t i, nn_shape s, int axis)
{
    size_t inner = 1;
    for (int d = axis + 1; d < s.rank; d++)
        inner *= (size_t)s.dim[d];
    return i / inner % (size_t)s.dim[axis];
}

/* Int4: two a byte, the even element low. */
static void store_code(uint8_t *data, enum tfl_type type, size_t i, int code)
{
    if (type != TFL_TYPE_INT4)
        data[i] = (uint8_t)code;
    else
        data[i / 2] |= (uint8_t)((code & 15) << (i % 2 == 0 ? 0 : 4));
}

/* The values that the graph computes with lie on the grid: their codes are exact quotients. */
static nn_status add_codes(int32_t *out, ex_lowerer *l, const char *name, const nn_node *fq)
{
    const nn_real *value = nn_exec_value(l->values.exec, fq);
    size_t count = nn_shape_count(fq->shape);
    tfl_tensor t = { .name = name, .type = weight_type(l, fq), .rank = fq->shape.rank };
    NN_TRY(find_scales(&t.quant, l, fq));
    for (int i = 0; i < t.rank; i++)
        t.dim[i] = fq->shape.dim[i];
    t.bytes = tfl_tensor_bytes(&t);
    uint8_t *data = nn_arena_alloc(l->m->arena, t.bytes);
    if (data == NULL)
        return NN_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t c = t.quant.n > 1 ? channel_of(i, fq->shape, t.quant.axis) : 0;
        double steps = round((double)value[i] / (double)t.quant.scale[c]);
        store_code(data, t.type, i, (int)steps + (int)t.quant.zero_point[c]);
    }
    t.data = data;
    return tfl_add_tensor(out, l->m, &t);
}

static nn_status add_weight(int32_t *out, ex_lowerer *l, const nn_node *weight)
{
    const char *name = ex_param_of(weight)->name;
    if (l->type == TFL_TYPE_FLOAT32)
        return add_floats(out, l, name, weight);
    return add_codes(out, l, name, weight);
}

/* ---- biases ---------------------------------------------------------------------------------- */

/* int32 with the scale input * weight. */
static nn_status add_int_bias(int32_t *out, ex_lowerer *l, const char *name, const nn_node *n,
                              const int32_t in[])
{
    int channels = nn_shape_channels(n->shape);
    const tfl_quant *w = &l->m->tensors[in[WEIGHT]].quant;
    float x_scale = l->m->tensors[in[X]].quant.scale[0];
    float *scales = nn_arena_alloc(l->m->arena, (size_t)w->n * sizeof *scales);
    int32_t *codes = nn_arena_alloc(l->m->arena, (size_t)channels * sizeof *codes);
    if (scales == NULL || codes == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < w->n; i++)
        scales[i] = x_scale * w->scale[i];
    const nn_real *bias = n->n_in > BIAS ? nn_exec_value(l->values.exec, n->in[BIAS]->in[0]) : NULL;
    for (int i = 0; bias != NULL && i < channels; i++)
        codes[i] =
            ex_bias_code((double)bias[i], (double)x_scale * (double)w->scale[w->n > 1 ? i : 0]);
    tfl_tensor t = { .name = name,
                     .type = TFL_TYPE_INT32,
                     .rank = 1,
                     .dim = { channels },
                     .data = ex_words(l->m->arena, codes, (size_t)channels),
                     .bytes = (size_t)channels * sizeof *codes,
                     .quant = { .n = w->n, .scale = scales } };
    return t.data != NULL ? tfl_add_tensor(out, l->m, &t) : NN_ENOMEM;
}

static nn_status add_float_bias(int32_t *out, ex_lowerer *l, const char *name, const nn_node *n)
{
    if (n->n_in > BIAS)
        return add_floats(out, l, name, n->in[BIAS]);
    int channels = nn_shape_channels(n->shape);
    tfl_tensor t = { .name = name,
                     .type = TFL_TYPE_FLOAT32,
                     .rank = 1,
                     .dim = { channels },
                     .bytes = (size_t)channels * sizeof(float) };
    t.data = nn_arena_alloc(l->m->arena, t.bytes);
    return t.data != NULL ? tfl_add_tensor(out, l->m, &t) : NN_ENOMEM;
}

/* A layer without a bias gets zeros: CONV_2D must have one. */
static nn_status add_bias(int32_t *out, ex_lowerer *l, const nn_node *n, const int32_t in[])
{
    char *name = nn_arena_printf(l->m->arena, "%s/bias", n->name);
    if (name == NULL)
        return NN_ENOMEM;
    if (l->type == TFL_TYPE_FLOAT32)
        return add_float_bias(out, l, name, n);
    return add_int_bias(out, l, name, n, in);
}

/* ---- operators ------------------------------------------------------------------------------- */

/* A window whose padding is neither SAME nor VALID becomes a PAD operator before a VALID one. */
static nn_status find_padding(enum tfl_padding *padding, int32_t *x, ex_lowerer *l,
                              const nn_node *n)
{
    const nn_window *w = &n->attr.window;
    if (ex_lower__padding(padding, w, n->in[X]->shape))
        return NN_OK;
    nn_pad_attr pad = { .before = { 0, w->top, w->left, 0 },
                        .after = { 0, w->bottom, w->right, 0 } };
    char *name = nn_arena_printf(l->m->arena, "%s/pad", n->name);
    if (name == NULL)
        return NN_ENOMEM;
    *padding = TFL_PADDING_VALID;
    return ex_lower__pad(x, l, name, *x, &pad);
}

static nn_status lower_layer(ex_lowerer *l, const nn_node *n, int32_t out,
                             enum tfl_activation activation)
{
    int32_t in[3] = { l->tensor[n->in[X]->index] };
    tfl_attr attr = { .dense = { .activation = activation } };
    enum tfl_op code = TFL_OP_FULLY_CONNECTED;
    NN_TRY(add_weight(&in[WEIGHT], l, n->in[WEIGHT]));
    NN_TRY(add_bias(&in[BIAS], l, n, in));
    if (n->id != NN_OP_dense) {
        const nn_window *w = &n->attr.window;
        code = n->id == NN_OP_conv2d ? TFL_OP_CONV_2D : TFL_OP_DEPTHWISE_CONV_2D;
        attr = (tfl_attr){ .conv = { .stride_h = w->stride_h,
                                     .stride_w = w->stride_w,
                                     .dilation_h = w->dilation_h,
                                     .dilation_w = w->dilation_w,
                                     .activation = activation } };
        if (n->id == NN_OP_dwconv2d)
            attr.conv.multiplier = nn_shape_channels(n->shape) / nn_shape_channels(n->in[X]->shape);
        NN_TRY(find_padding(&attr.conv.padding, &in[X], l, n));
    }
    return ex_lower__op(l, code, in, 3, out, &attr);
}

/* A float tensor of batch 1 that only a layer in float has. */
static nn_status add_real(int32_t *out, ex_lowerer *l, const nn_node *n, const char *what,
                          nn_shape shape)
{
    tfl_tensor t = { .name = nn_arena_printf(l->m->arena, "%s/%s", n->name, what),
                     .type = TFL_TYPE_FLOAT32,
                     .rank = shape.rank };
    for (int i = 0; i < shape.rank; i++)
        t.dim[i] = shape.dim[i] == NN_BATCH ? 1 : shape.dim[i];
    return t.name != NULL ? tfl_add_tensor(out, l->m, &t) : NN_ENOMEM;
}

/* Between integers: DEQUANTIZE, the layer as in a float file, QUANTIZE. */
static nn_status lower_in_float(ex_lowerer *l, const nn_node *n, int32_t out,
                                enum tfl_activation activation)
{
    const enum tfl_type type = l->type;
    int32_t *x = &l->tensor[n->in[X]->index], codes = *x, real, result;
    NN_TRY(add_real(&real, l, n, "input/float", n->in[X]->shape));
    NN_TRY(ex_lower__op(l, TFL_OP_DEQUANTIZE, &codes, 1, real, NULL));
    NN_TRY(add_real(&result, l, n, "float", n->shape));
    l->type = TFL_TYPE_FLOAT32;
    *x = real;
    nn_status st = lower_layer(l, n, result, activation);
    *x = codes;
    l->type = type;
    return st == NN_OK ? ex_lower__op(l, TFL_OP_QUANTIZE, &result, 1, out, NULL) : st;
}

nn_status ex_lower__layer(ex_lowerer *l, const nn_node *n, int32_t out,
                          enum tfl_activation activation)
{
    const bool in_float = n->in[WEIGHT]->id != NN_OP_fakequant;
    return in_float && l->type != TFL_TYPE_FLOAT32 ? lower_in_float(l, n, out, activation)
                                                   : lower_layer(l, n, out, activation);
}
