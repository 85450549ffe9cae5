#include "tests/tflite_samples.h"

#include <string.h>

#include "export/tfl_ops.h"
#include "export/tflite.h"
#include "nn/base/rng.h"

/* ---- the list -------------------------------------------------------------------------------- */

#define DIMS(...)                                                                                  \
    {                                                                                              \
        sizeof((int32_t[]){ __VA_ARGS__ }) / 4,                                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define WINDOW TFL_PADDING_SAME, 2, 1

/* clang-format off */
const tfl_sample tfl_samples[] = {
    { TFL_OP_CONV_2D, 1, 1, 3, DIMS(1, 6, 5, 3), DIMS(1, 3, 5, 4), 1, DIMS(4, 3, 3, 3),
      .attr.conv = { WINDOW, 1, 1, 0, TFL_ACT_RELU6 } },
    { TFL_OP_CONV_2D, 1, 1, 3, DIMS(1, 6, 7, 3), DIMS(1, 2, 1, 4), 1, DIMS(4, 3, 3, 3),
      .attr.conv = { TFL_PADDING_VALID, 1, 1, 2, 3, 0, TFL_ACT_NONE } },
    { TFL_OP_CONV_2D, 6, 6, 6, DIMS(1, 4, 4, 4), DIMS(1, 4, 4, 6), 1, DIMS(6, 1, 1, 2),
      .attr.conv = { TFL_PADDING_SAME, 1, 1, 1, 1, 0, TFL_ACT_RELU } },
    { TFL_OP_DEPTHWISE_CONV_2D, 1, 1, 3, DIMS(1, 6, 5, 3), DIMS(1, 3, 5, 6), 1, DIMS(1, 3, 3, 6),
      .attr.conv = { WINDOW, 1, 1, 2, TFL_ACT_RELU_N1_TO_1 } },
    { TFL_OP_DEPTHWISE_CONV_2D, 2, 2, 3, DIMS(1, 6, 5, 3), DIMS(1, 6, 5, 3), 1, DIMS(1, 3, 3, 3),
      .attr.conv = { TFL_PADDING_SAME, 1, 1, 2, 2, 1, TFL_ACT_NONE } },
    { TFL_OP_FULLY_CONNECTED, 1, 1, 4, DIMS(2, 5), DIMS(2, 3), 1, DIMS(3, 5),
      .attr.dense = { TFL_ACT_RELU, false } },
    { TFL_OP_FULLY_CONNECTED, 5, 5, 5, DIMS(1, 2, 2, 5), DIMS(1, 2, 2, 3), 1, DIMS(3, 5),
      .attr.dense = { TFL_ACT_NONE, true } },
    { TFL_OP_ADD, 1, 1, 2, DIMS(1, 2, 3), DIMS(1, 2, 3), 2, .attr.activation = TFL_ACT_RELU },
    { TFL_OP_SUB, 1, 1, 2, DIMS(1, 2, 3), DIMS(1, 2, 3), 2, .attr.activation = TFL_ACT_NONE },
    { TFL_OP_MUL, 1, 1, 2, DIMS(1, 2, 3), DIMS(1, 2, 3), 2, .attr.activation = TFL_ACT_RELU6 },
    { TFL_OP_MINIMUM, 1, 1, 2, DIMS(1, 2, 3), DIMS(1, 2, 3), .n_x = 2 },
    { TFL_OP_MAXIMUM, 1, 1, 2, DIMS(1, 2, 3), DIMS(1, 2, 3), .n_x = 2 },
    { TFL_OP_CONCATENATION, 1, 1, 2, DIMS(1, 2, 3), DIMS(1, 2, 9), 3, .attr.concat = { -1 } },
    { TFL_OP_AVERAGE_POOL_2D, 1, 1, 2, DIMS(1, 6, 5, 3), DIMS(1, 3, 5, 3), 1,
      .attr.pool = { WINDOW, 2, 3, TFL_ACT_NONE } },
    { TFL_OP_MAX_POOL_2D, 1, 1, 2, DIMS(1, 6, 5, 3), DIMS(1, 3, 3, 3), 1,
      .attr.pool = { TFL_PADDING_VALID, 2, 1, 2, 3, TFL_ACT_RELU } },
    { TFL_OP_MEAN, 1, 1, 2, DIMS(1, 4, 4, 3), DIMS(1, 3), 1, .ints = { DIMS(1, 2) }, .n_ints = 1 },
    { TFL_OP_MEAN, 1, 1, 2, DIMS(1, 4, 4, 3), DIMS(1, 1, 1, 3), 1, .ints = { DIMS(1, 2) },
      .n_ints = 1, .attr.keep_dims = true },
    { TFL_OP_PAD, 1, 1, 2, DIMS(1, 2, 3, 3), DIMS(1, 4, 4, 3), 1,
      .ints = { DIMS(0, 0, 1, 1, 0, 1, 0, 0) }, .n_ints = 1 },
    { TFL_OP_PADV2, 1, 1, 2, DIMS(1, 2, 3, 3), DIMS(1, 4, 4, 3), 1,
      .ints = { DIMS(0, 0, 1, 1, 0, 1, 0, 0) }, .n_ints = 1 },
    { TFL_OP_RESHAPE, 1, 1, 1, DIMS(1, 2, 3, 3), DIMS(1, 18), 1, .ints = { DIMS(1, 18) },
      .n_ints = 1, .attr.dims = DIMS(1, 18) },
    { TFL_OP_SQUEEZE, 1, 1, 1, DIMS(1, 1, 1, 3), DIMS(1, 3), 1, .attr.dims = DIMS(1, 2) },
    { TFL_OP_TRANSPOSE, 1, 1, 2, DIMS(1, 2, 3, 4), DIMS(1, 4, 2, 3), 1,
      .ints = { DIMS(0, 3, 1, 2) }, .n_ints = 1 },
    { TFL_OP_STRIDED_SLICE, 1, 1, 2, DIMS(1, 6, 5, 3), DIMS(3, 5, 2), 1,
      .ints = { DIMS(0, 1, 0, 1), DIMS(1, 6, 0, 3), DIMS(1, 2, 1, 1) }, .n_ints = 3,
      .attr.strided_slice = { 4, 4, 1 } },
    { TFL_OP_SPLIT, 1, 1, 2, DIMS(1, 2, 6), DIMS(1, 2, 3), 1, .ints = { { 0, { 2 } } },
      .n_ints = 1, .attr.splits = 2 },
    { TFL_OP_RESIZE_NEAREST_NEIGHBOR, 1, 1, 2, DIMS(1, 2, 3, 3), DIMS(1, 4, 6, 3), 1,
      .ints = { DIMS(4, 6) }, .n_ints = 1 },
    { TFL_OP_RESIZE_NEAREST_NEIGHBOR, 3, 3, 3, DIMS(1, 2, 3, 3), DIMS(1, 4, 6, 3), 1,
      .ints = { DIMS(4, 6) }, .n_ints = 1, .attr.resize = { true, false } },
    { TFL_OP_RESIZE_BILINEAR, 3, 3, 3, DIMS(1, 2, 3, 3), DIMS(1, 4, 6, 3), 1,
      .ints = { DIMS(4, 6) }, .n_ints = 1, .attr.resize = { false, true } },
    { TFL_OP_SOFTMAX, 1, 1, 2, DIMS(2, 5), DIMS(2, 5), 1, .attr.beta = 1.0f },
    { TFL_OP_LOGISTIC, 1, 1, 2, DIMS(2, 5), DIMS(2, 5), .n_x = 1 },
    { TFL_OP_TANH, 1, 1, 2, DIMS(2, 5), DIMS(2, 5), .n_x = 1 },
    { TFL_OP_RELU, 1, 2, 2, DIMS(1, 4), DIMS(1, 4), .n_x = 1 },
    { TFL_OP_RELU6, 1, 1, 2, DIMS(1, 4), DIMS(1, 4), .n_x = 1 },
    { TFL_OP_RELU_N1_TO_1, 1, 1, 1, DIMS(1, 4), DIMS(1, 4), .n_x = 1 },
    { TFL_OP_LEAKY_RELU, 1, 1, 1, DIMS(1, 4), DIMS(1, 4), 1, .attr.alpha = 0.25f },
    { TFL_OP_HARD_SWISH, 1, 1, 1, DIMS(1, 4), DIMS(1, 4), .n_x = 1 },
    { TFL_OP_ARG_MAX, 1, 1, 2, DIMS(2, 5), DIMS(2), 1, .ints = { DIMS(1) }, .n_ints = 1,
      .attr.output_type = TFL_TYPE_INT64 },
    { TFL_OP_QUANTIZE, 1, 1, 1, DIMS(2, 5), DIMS(2, 5), .n_x = 1 },
    { TFL_OP_DEQUANTIZE, 0, 1, 2, DIMS(2, 5), DIMS(2, 5), .n_x = 1 },
};
/* clang-format on */

const int tfl_n_samples = sizeof tfl_samples / sizeof tfl_samples[0];

const tfl_variant tfl_variants[] = {
    { "float", TFL_TYPE_FLOAT32, TFL_TYPE_FLOAT32, false },
    { "uint8", TFL_TYPE_UINT8, TFL_TYPE_UINT8, false },
    { "int8", TFL_TYPE_INT8, TFL_TYPE_INT8, true },
    { "int8-tensor", TFL_TYPE_INT8, TFL_TYPE_INT8, false },
    { "int4", TFL_TYPE_INT8, TFL_TYPE_INT4, true },
};

const int tfl_n_variants = sizeof tfl_variants / sizeof tfl_variants[0];

bool tfl_sample_has(const tfl_sample *s, const tfl_variant *v)
{
    if (v->data == TFL_TYPE_FLOAT32 && s->code == TFL_OP_DEQUANTIZE)
        return false;
    return s->weights.n > 0 || v->weights == v->data;
}

int tfl_sample_version(const tfl_sample *s, const tfl_variant *v)
{
    if (v->weights == TFL_TYPE_INT4)
        return s->code == TFL_OP_CONV_2D ? 7 : s->code == TFL_OP_FULLY_CONNECTED ? 10 : 3;
    return v->data == TFL_TYPE_INT8    ? s->version_int8
           : v->data == TFL_TYPE_UINT8 ? s->version_uint8
                                       : s->version_float;
}

static tfl_tensor tensor_of(const char *name, enum tfl_type type, tfl_dims shape)
{
    tfl_tensor t = { .name = name, .type = type, .rank = shape.n };
    memcpy(t.dim, shape.dim, sizeof t.dim);
    return t;
}

/* ---- one model ------------------------------------------------------------------------------- */

/* Random bytes; as floats they would be anything, so those are made one by one. */
static void give_data(nn_arena *a, tfl_tensor *t, uint64_t seed)
{
    t->bytes = tfl_tensor_bytes(t);
    uint8_t *p = nn_arena_alloc(a, t->bytes);
    nn_rng r = nn_rng_stream(seed, "tflite sample", t->bytes, 0);
    if (p == NULL)
        return;
    for (size_t i = 0; i < t->bytes; i++)
        p[i] = (uint8_t)(nn_rng_u32(&r) % 200 + 20);
    for (size_t i = 0; t->type == TFL_TYPE_FLOAT32 && i < tfl_tensor_count(t); i++)
        memcpy(p + 4 * i, &(float){ nn_rng_uniform(&r) - 0.5f }, 4);
    for (size_t i = 0; t->type == TFL_TYPE_INT32 && i < tfl_tensor_count(t); i++)
        memcpy(p + 4 * i, &(int32_t){ (int32_t)nn_rng_below(&r, 1000) - 500 }, 4);
    t->data = p;
}

static const float x_scale = 0.05f, y_scale = 0.0625f;
static const int64_t x_zero = 7, y_zero = 3;

/* Scale and zero point of the result, as the operator wants it. */
static void quantize_result(tfl_tensor *y, const tfl_sample *s)
{
    static const float unit = 1.0f / 256, two = 1.0f / 128;
    static const int64_t lowest = -128, middle = 128, zero = 0;
    bool is_signed = y->type == TFL_TYPE_INT8;
    if (y->type != TFL_TYPE_INT8 && y->type != TFL_TYPE_UINT8)
        return;
    y->quant = (tfl_quant){ .n = 1, .scale = &y_scale, .zero_point = &y_zero };
    switch (tfl_op_find(s->code)->result) {
    case TFL_RESULT_EQUAL:
        y->quant = (tfl_quant){ .n = 1, .scale = &x_scale, .zero_point = &x_zero };
        break;
    case TFL_RESULT_UNIT:
        y->quant = (tfl_quant){ .n = 1, .scale = &unit, .zero_point = is_signed ? &lowest : &zero };
        break;
    case TFL_RESULT_TANH:
        y->quant = (tfl_quant){ .n = 1, .scale = &two, .zero_point = is_signed ? &zero : &middle };
        break;
    default:
        break;
    }
}

static enum tfl_type result_type(const tfl_sample *s, const tfl_variant *v)
{
    switch (s->code) {
    case TFL_OP_ARG_MAX:
        return s->attr.output_type;
    case TFL_OP_DEQUANTIZE:
        return TFL_TYPE_FLOAT32;
    case TFL_OP_QUANTIZE:
        return v->data == TFL_TYPE_FLOAT32 ? TFL_TYPE_INT8 : v->data;
    default:
        return v->data;
    }
}

static nn_status add_weights(tfl_model *m, const tfl_sample *s, const tfl_variant *v, int32_t in[2])
{
    int axis = s->code == TFL_OP_DEPTHWISE_CONV_2D ? 3 : 0;
    tfl_tensor w = tensor_of("weights", v->weights, s->weights);
    int channels = w.dim[axis], n = v->data == TFL_TYPE_FLOAT32 ? 0 : v->per_channel ? channels : 1;
    float w_scale[8], b_scale[8];
    for (int i = 0; i < n; i++) {
        w_scale[i] = 0.01f * (float)(i + 1);
        b_scale[i] = w_scale[i] * x_scale;
    }
    give_data(m->arena, &w, 1);
    static const int64_t w_zero = 120;
    w.quant = (tfl_quant){ .n = n, .scale = w_scale, .axis = axis };
    w.quant.zero_point = v->data == TFL_TYPE_UINT8 ? &w_zero : NULL;
    NN_TRY(tfl_add_tensor(&in[0], m, &w));
    tfl_tensor b =
        tensor_of("bias", v->data == TFL_TYPE_FLOAT32 ? TFL_TYPE_FLOAT32 : TFL_TYPE_INT32,
                  (tfl_dims)DIMS(channels));
    give_data(m->arena, &b, 2);
    b.quant = (tfl_quant){ .n = n, .scale = b_scale };
    return tfl_add_tensor(&in[1], m, &b);
}

static nn_status add_extras(tfl_model *m, const tfl_sample *s, const tfl_variant *v, int32_t *in,
                            int *n)
{
    static const char *const names[] = { "first", "second", "third" };
    if (s->weights.n > 0) {
        NN_TRY(add_weights(m, s, v, in + *n));
        *n += 2;
    }
    for (int i = 0; i < s->n_ints; i++) {
        const tfl_dims *d = &s->ints[i];
        bool pairs = s->code == TFL_OP_PAD || s->code == TFL_OP_PADV2;
        NN_TRY(pairs ? tfl_add_pairs(&in[(*n)++], m, names[i], d->dim, d->n / 2)
                     : tfl_add_ints(&in[(*n)++], m, names[i], d->dim, d->n));
    }
    if (s->code != TFL_OP_PADV2)
        return NN_OK;
    tfl_tensor value = tensor_of("value", v->data, (tfl_dims){ 0 });
    give_data(m->arena, &value, 3);
    if (v->data != TFL_TYPE_FLOAT32)
        value.quant = (tfl_quant){ .n = 1, .scale = &x_scale, .zero_point = &x_zero };
    return tfl_add_tensor(&in[(*n)++], m, &value);
}

static nn_status fill(tfl_model *m, const tfl_sample *s, const tfl_variant *v)
{
    static const char *const x_names[] = { "x", "x1", "x2" }, *const y_names[] = { "y", "y1" };
    int32_t in[8], out[2];
    int n_in = 0, n_out = s->code == TFL_OP_SPLIT ? 2 : 1;
    for (int i = 0; i < s->n_x; i++) {
        tfl_tensor x = tensor_of(x_names[i], v->data, s->x);
        if (v->data != TFL_TYPE_FLOAT32)
            x.quant = (tfl_quant){ .n = 1, .scale = &x_scale, .zero_point = &x_zero };
        x.quant.min = x.quant.n > 0 ? &(float){ -6.75f } : NULL;
        x.quant.max = x.quant.n > 0 ? &(float){ 6.0f } : NULL;
        NN_TRY(tfl_add_tensor(&in[n_in], m, &x));
        NN_TRY(tfl_add_input(m, in[n_in++], i == 0 ? "picture" : NULL));
    }
    NN_TRY(add_extras(m, s, v, in, &n_in));
    for (int i = 0; i < n_out; i++) {
        tfl_tensor y = tensor_of(y_names[i], result_type(s, v), s->y);
        quantize_result(&y, s);
        NN_TRY(tfl_add_tensor(&out[i], m, &y));
        NN_TRY(tfl_add_output(m, out[i], NULL));
    }
    if (s->code == TFL_OP_SPLIT) { /* the axis comes first */
        int32_t x = in[0];
        in[0] = in[1];
        in[1] = x;
    }
    tfl_operator op = { s->code, n_in, n_out, in, out, s->attr };
    NN_TRY(tfl_add_operator(m, &op));
    return tfl_add_metadata(m, EX_METADATA_LABELS, "cat\ndog\n", 8);
}

nn_status tfl_sample_make(tfl_model **m, nn_arena *a, const tfl_sample *s, const tfl_variant *v)
{
    NN_TRY(tfl_model_new(m, a, "main", "one operator"));
    return fill(*m, s, v);
}

/* ---- options --------------------------------------------------------------------------------- */

static int put(tfl_sample_option *out, int n, const char *name, double value)
{
    out[n] = (tfl_sample_option){ name, value };
    return n + 1;
}

static int list_window(tfl_sample_option *out, int stride_h, int stride_w, enum tfl_padding padding,
                       enum tfl_activation activation)
{
    int n = put(out, 0, "padding", padding);
    n = put(out, n, "stride_h", stride_h);
    n = put(out, n, "stride_w", stride_w);
    return put(out, n, "activation", activation);
}

static int list_conv(tfl_sample_option *out, const tfl_conv *c, bool depthwise)
{
    int n = list_window(out, c->stride_h, c->stride_w, c->padding, c->activation);
    n = put(out, n, "dilation_h", c->dilation_h);
    n = put(out, n, "dilation_w", c->dilation_w);
    return depthwise ? put(out, n, "depth_multiplier", c->multiplier) : n;
}

static int list_pool(tfl_sample_option *out, const tfl_pool *p)
{
    int n = list_window(out, p->stride_h, p->stride_w, p->padding, p->activation);
    n = put(out, n, "filter_h", p->filter_h);
    return put(out, n, "filter_w", p->filter_w);
}

static int list_strided_slice(tfl_sample_option *out, const tfl_strided_slice *s)
{
    int n = put(out, 0, "begin_mask", s->begin_mask);
    n = put(out, n, "end_mask", s->end_mask);
    n = put(out, n, "ellipsis_mask", 0);
    n = put(out, n, "new_axis_mask", 0);
    return put(out, n, "shrink_axis_mask", s->shrink_mask);
}

int tfl_sample_options(tfl_sample_option *out, const tfl_sample *s)
{
    const tfl_attr *a = &s->attr;
    switch (tfl_op_find(s->code)->options) {
    case TFL_OPTIONS_CONV_2D:
    case TFL_OPTIONS_DEPTHWISE_CONV_2D:
        return list_conv(out, &a->conv, s->code == TFL_OP_DEPTHWISE_CONV_2D);
    case TFL_OPTIONS_POOL_2D:
        return list_pool(out, &a->pool);
    case TFL_OPTIONS_FULLY_CONNECTED:
        put(out, 0, "activation", a->dense.activation);
        put(out, 1, "weights_format", 0);
        return put(out, 2, "keep_num_dims", a->dense.keep_num_dims);
    case TFL_OPTIONS_ADD:
    case TFL_OPTIONS_SUB:
    case TFL_OPTIONS_MUL:
        return put(out, 0, "activation", a->activation);
    case TFL_OPTIONS_CONCATENATION:
        put(out, 0, "axis", a->concat.axis);
        return put(out, 1, "activation", TFL_ACT_NONE);
    case TFL_OPTIONS_RESIZE_BILINEAR:
    case TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR:
        put(out, 0, "align_corners", a->resize.align_corners);
        return put(out, 1, "half_pixel_centers", a->resize.half_pixel_centers);
    case TFL_OPTIONS_STRIDED_SLICE:
        return list_strided_slice(out, &a->strided_slice);
    case TFL_OPTIONS_REDUCER:
        return put(out, 0, "keep_dims", a->keep_dims);
    case TFL_OPTIONS_SPLIT:
        return put(out, 0, "num_splits", a->splits);
    case TFL_OPTIONS_ARG_MAX:
        return put(out, 0, "output_type", a->output_type);
    case TFL_OPTIONS_SOFTMAX:
        return put(out, 0, "beta", (double)a->beta);
    case TFL_OPTIONS_LEAKY_RELU:
        return put(out, 0, "alpha", (double)a->alpha);
    default:
        return 0;
    }
}
