/* lower_layer - convolutions and dense layers: codes of weights and biases, padding. */
#include <math.h>

#include "export/lower_internal.h"

enum { X, WEIGHT, BIAS };

/* ---- weights --------------------------------------------------------------------------------- */

/* The weight's scales, one for each output channel or one for all. */
static nn_status find_scales(tfl_quant *q, ex_lowerer *l, const nn_node *fq)
{
    const nn_param *scale = fq->in[EX_FQ_SCALE]->param;
    int n = (int)scale->count;
    float *scales = nn_arena_alloc(l->m->arena, (size_t)n * sizeof *scales);
    int64_t *zeros = nn_arena_alloc(l->m->arena, (size_t)n * sizeof *zeros);
    if (scales == NULL || zeros == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < n; i++) {
        scales[i] = (float)scale->value[i];
        if (!(scales[i] > 0))
            return nn_fail(
                NN_EINVAL,
                "%s: has no range yet; train with --qat or calibrate with octet quantize",
                fq->in[EX_FQ_X]->name);
    }
    int axis = fq->attr.fakequant.axis;
    *q = (tfl_quant){ .n = n, .scale = scales, .zero_point = zeros, .axis = n > 1 ? axis : 0 };
    return NN_OK;
}

/* The channel of element i of a tensor of shape s, along `axis`. */
static size_t channel_of(size_t i, nn_shape s, int axis)
{
    size_t inner = 1;
    for (int d = axis + 1; d < s.rank; d++)
        inner *= (size_t)s.dim[d];
    return i / inner % (size_t)s.dim[axis];
}

/* The values that the graph computes with lie on the grid: their codes are exact quotients. */
static nn_status add_weight(int32_t *out, ex_lowerer *l, const nn_node *fq)
{
    const nn_real *value = nn_exec_value(l->values, fq);
    size_t count = nn_shape_count(fq->shape);
    const nn_node *param = fq->in[EX_FQ_X];
    while (param->id != NN_OP_param)
        param = param->in[0];
    tfl_tensor t = { .name = param->name, .type = TFL_TYPE_INT8, .rank = fq->shape.rank };
    NN_TRY(find_scales(&t.quant, l, fq));
    int8_t *codes = nn_arena_alloc(l->m->arena, count);
    if (codes == NULL)
        return NN_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t c = t.quant.n > 1 ? channel_of(i, fq->shape, t.quant.axis) : 0;
        codes[i] = (int8_t)round((double)value[i] / (double)t.quant.scale[c]);
    }
    for (int i = 0; i < t.rank; i++)
        t.dim[i] = fq->shape.dim[i];
    t.data = codes;
    t.bytes = count;
    return tfl_add_tensor(out, l->m, &t);
}

/* ---- biases ---------------------------------------------------------------------------------- */

static int32_t bias_code(double bias, double scale)
{
    return (int32_t)fmin(fmax(round(bias / scale), (double)INT32_MIN), (double)INT32_MAX);
}

/* int32 with the scale input * weight.  A layer without a bias gets zeros: CONV_2D must have one.
 */
static nn_status add_bias(int32_t *out, ex_lowerer *l, const nn_node *n, int32_t x, int32_t weight)
{
    int channels = nn_shape_channels(n->shape);
    const tfl_quant *w = &l->m->tensors[weight].quant;
    float x_scale = l->m->tensors[x].quant.scale[0];
    float *scales = nn_arena_alloc(l->m->arena, (size_t)w->n * sizeof *scales);
    int32_t *codes = nn_arena_alloc(l->m->arena, (size_t)channels * sizeof *codes);
    char *name = nn_arena_printf(l->m->arena, "%s/bias", n->name);
    if (scales == NULL || codes == NULL || name == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < w->n; i++)
        scales[i] = x_scale * w->scale[i];
    const nn_real *bias = n->n_in > BIAS ? nn_exec_value(l->values, n->in[BIAS]->in[0]) : NULL;
    for (int i = 0; bias != NULL && i < channels; i++)
        codes[i] = bias_code((double)bias[i], (double)x_scale * (double)w->scale[w->n > 1 ? i : 0]);
    tfl_tensor t = { .name = name,
                     .type = TFL_TYPE_INT32,
                     .rank = 1,
                     .dim = { channels },
                     .data = codes,
                     .bytes = (size_t)channels * sizeof *codes,
                     .quant = { .n = w->n, .scale = scales } };
    return tfl_add_tensor(out, l->m, &t);
}

/* ---- operators ---------------------------------------------------------------------------------
 */

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

nn_status ex_lower__layer(ex_lowerer *l, const nn_node *n, int32_t out,
                          enum tfl_activation activation)
{
    int32_t in[3] = { l->tensor[n->in[X]->index] };
    tfl_attr attr = { .dense = { .activation = activation } };
    enum tfl_op code = TFL_OP_FULLY_CONNECTED;
    NN_TRY(add_weight(&in[WEIGHT], l, n->in[WEIGHT]));
    NN_TRY(add_bias(&in[BIAS], l, n, in[X], in[WEIGHT]));
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
