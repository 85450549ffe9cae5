/* tflite: one model for each operator and type, written and read back; versions; what is refused.
 *
 * `test_tflite FOLDER` writes the models there, with what each should hold in a text file beside it;
 * tests/interop/check_writer.py compares that with what LiteRT reads. */
#include <math.h>

#include "export/tfl_check.h"
#include "export/tfl_ops.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "tests/testing.h"

/* ---- samples: a model with one operator ------------------------------------------------------- */

typedef struct sample {
    enum tfl_op code;
    int version_float, version_uint8, version_int8; /* to be written */
    tfl_dims x, y;
    int n_x;          /* data inputs, all of shape x */
    tfl_dims weights; /* n = 0: none */
    tfl_dims ints[3]; /* int32 inputs: values */
    int n_ints;
    tfl_attr attr;
} sample;

#define DIMS(...)                                                                                  \
    {                                                                                              \
        sizeof((int32_t[]){ __VA_ARGS__ }) / 4,                                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define WINDOW TFL_PADDING_SAME, 2, 1

/* clang-format off */
static const sample samples[] = {
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

enum { N_SAMPLES = sizeof samples / sizeof samples[0] };

/* Types of a sample: data and weights. */
typedef struct variant {
    const char *name;
    enum tfl_type data, weights;
    bool per_channel;
} variant;

static const variant variants[] = {
    { "float", TFL_TYPE_FLOAT32, TFL_TYPE_FLOAT32, false },
    { "uint8", TFL_TYPE_UINT8, TFL_TYPE_UINT8, false },
    { "int8", TFL_TYPE_INT8, TFL_TYPE_INT8, true },
    { "int8-tensor", TFL_TYPE_INT8, TFL_TYPE_INT8, false },
    { "int4", TFL_TYPE_INT8, TFL_TYPE_INT4, true },
};

enum { N_VARIANTS = sizeof variants / sizeof variants[0] };

static bool has(const sample *s, const variant *v)
{
    if (v->data == TFL_TYPE_FLOAT32 && s->code == TFL_OP_DEQUANTIZE)
        return false;
    return s->weights.n > 0 || v->weights == v->data;
}

static int wanted_version(const sample *s, const variant *v)
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
static void quantize_result(tfl_tensor *y, const sample *s)
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

static enum tfl_type result_type(const sample *s, const variant *v)
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

static nn_status add_weights(tfl_model *m, const sample *s, const variant *v, int32_t in[2])
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

static nn_status add_extras(tfl_model *m, const sample *s, const variant *v, int32_t *in, int *n)
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

static nn_status fill(tfl_model *m, const sample *s, const variant *v)
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

static nn_status make(tfl_model **m, nn_arena *a, const sample *s, const variant *v)
{
    NN_TRY(tfl_model_new(m, a, "main", "one operator"));
    return fill(*m, s, v);
}

/* ---- what LiteRT should read ------------------------------------------------------------------ */

static void print_tensor(FILE *f, const tfl_tensor *t)
{
    fprintf(f, "tensor %s %s [", t->name, tfl_type_name(t->type));
    for (int i = 0; i < t->rank; i++)
        fprintf(f, "%s%d", i > 0 ? "," : "", t->dim[i]);
    fprintf(f, "] axis %d scales", t->quant.n > 1 ? t->quant.axis : 0);
    for (int i = 0; i < t->quant.n; i++)
        fprintf(f, " %a %lld", (double)t->quant.scale[i], (long long)t->quant.zero_point[i]);
    fprintf(f, " data ");
    for (size_t i = 0; i < t->bytes; i++)
        fprintf(f, "%02x", ((const uint8_t *)t->data)[i]);
    fprintf(f, "\n");
}

#define OPTION(name, value) fprintf(f, "option %s %d\n", name, (int)(value))

static void print_window(FILE *f, int stride_h, int stride_w, enum tfl_padding padding,
                         enum tfl_activation activation)
{
    OPTION("StrideH", stride_h);
    OPTION("StrideW", stride_w);
    OPTION("Padding", padding);
    OPTION("FusedActivationFunction", activation);
}

static void print_conv(FILE *f, const tfl_conv *c, bool depthwise)
{
    print_window(f, c->stride_h, c->stride_w, c->padding, c->activation);
    OPTION("DilationHFactor", c->dilation_h);
    OPTION("DilationWFactor", c->dilation_w);
    if (depthwise)
        OPTION("DepthMultiplier", c->multiplier);
}

static void print_resize(FILE *f, const tfl_resize *r)
{
    OPTION("AlignCorners", r->align_corners);
    OPTION("HalfPixelCenters", r->half_pixel_centers);
}

static void print_strided_slice(FILE *f, const tfl_strided_slice *s)
{
    OPTION("BeginMask", s->begin_mask);
    OPTION("EndMask", s->end_mask);
    OPTION("EllipsisMask", 0);
    OPTION("NewAxisMask", 0);
    OPTION("ShrinkAxisMask", s->shrink_mask);
    OPTION("Offset", 0);
}

static void print_pool(FILE *f, const tfl_pool *p)
{
    print_window(f, p->stride_h, p->stride_w, p->padding, p->activation);
    OPTION("FilterHeight", p->filter_h);
    OPTION("FilterWidth", p->filter_w);
}

static void print_options(FILE *f, enum tfl_options table, const tfl_attr *a)
{
    switch (table) {
    case TFL_OPTIONS_CONV_2D:
    case TFL_OPTIONS_DEPTHWISE_CONV_2D:
        print_conv(f, &a->conv, table == TFL_OPTIONS_DEPTHWISE_CONV_2D);
        break;
    case TFL_OPTIONS_POOL_2D:
        print_pool(f, &a->pool);
        break;
    case TFL_OPTIONS_FULLY_CONNECTED:
        OPTION("FusedActivationFunction", a->dense.activation);
        OPTION("KeepNumDims", a->dense.keep_num_dims);
        OPTION("WeightsFormat", 0);
        break;
    case TFL_OPTIONS_ADD:
    case TFL_OPTIONS_SUB:
    case TFL_OPTIONS_MUL:
        OPTION("FusedActivationFunction", a->activation);
        break;
    case TFL_OPTIONS_CONCATENATION:
        OPTION("Axis", a->concat.axis);
        OPTION("FusedActivationFunction", 0);
        break;
    case TFL_OPTIONS_RESIZE_BILINEAR:
    case TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR:
        print_resize(f, &a->resize);
        break;
    case TFL_OPTIONS_STRIDED_SLICE:
        print_strided_slice(f, &a->strided_slice);
        break;
    case TFL_OPTIONS_REDUCER:
        OPTION("KeepDims", a->keep_dims);
        break;
    case TFL_OPTIONS_SPLIT:
        OPTION("NumSplits", a->splits);
        break;
    case TFL_OPTIONS_ARG_MAX:
        OPTION("OutputType", a->output_type);
        break;
    case TFL_OPTIONS_SOFTMAX:
        fprintf(f, "option Beta %g\n", (double)a->beta);
        break;
    case TFL_OPTIONS_LEAKY_RELU:
        fprintf(f, "option Alpha %g\n", (double)a->alpha);
        break;
    default:
        break;
    }
}

static void print_model(FILE *f, const tfl_model *m, int version)
{
    const tfl_operator *op = &m->operators[0];
    enum tfl_options table = tfl_op_find(op->code)->options;
    for (int i = 0; i < m->n_tensors; i++)
        print_tensor(f, &m->tensors[i]);
    fprintf(f, "operator %s version %d options %d in", tfl_op_name(op->code), version, (int)table);
    for (int i = 0; i < op->n_in; i++)
        fprintf(f, " %d", op->in[i]);
    fprintf(f, " out");
    for (int i = 0; i < op->n_out; i++)
        fprintf(f, " %d", op->out[i]);
    fprintf(f, "\n");
    print_options(f, table, &op->attr);
}

static nn_status save(const char *folder, int i, const variant *v, const tfl_model *m, int version)
{
    char path[512];
    nn_bytes file;
    NN_TRY(ex_tflite_write(&file, m));
    snprintf(path, sizeof path, "%s/%02d-%s-%s.tflite", folder, i, tfl_op_name(samples[i].code),
             v->name);
    nn_status st = nn_file_write(path, file.data, file.size);
    nn_bytes_free(&file);
    NN_TRY(st);
    strcpy(strrchr(path, '.'), ".txt");
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return nn_fail(NN_EIO, "%s cannot be written", path);
    print_model(f, m, version);
    fclose(f);
    return NN_OK;
}

static nn_status save_all(const char *folder)
{
    for (int i = 0; i < N_SAMPLES; i++)
        for (int k = 0; k < N_VARIANTS; k++) {
            nn_arena *a;
            tfl_model *m;
            if (!has(&samples[i], &variants[k]))
                continue;
            NN_TRY(nn_arena_new(&a));
            nn_status st = make(&m, a, &samples[i], &variants[k]);
            if (st == NN_OK)
                st = save(folder, i, &variants[k], m, wanted_version(&samples[i], &variants[k]));
            nn_arena_free(a);
            NN_TRY(st);
        }
    return NN_OK;
}

/* ---- tests ------------------------------------------------------------------------------------ */

typedef struct fixture {
    nn_arena *arena;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    *state = &f;
    return nn_arena_new(&f.arena) == NN_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    nn_arena_free(((fixture *)*state)->arena);
    return 0;
}

static nn_arena *arena_of(void **state)
{
    return ((fixture *)*state)->arena;
}

static void every_operator_is_written(void **state)
{
    for (int i = 0; i < N_SAMPLES; i++)
        for (int k = 0; k < N_VARIANTS; k++) {
            const sample *s = &samples[i];
            tfl_model *m;
            nn_bytes a, b;
            if (!has(s, &variants[k]))
                continue;
            assert_ok(make(&m, arena_of(state), s, &variants[k]));
            assert_int_equal(tfl_op_version(m, &m->operators[0]), wanted_version(s, &variants[k]));
            assert_ok(ex_tflite_write(&a, m));
            assert_ok(ex_tflite_write(&b, m));
            assert_memory_equal(a.data + TFL_IDENTIFIER_AT, TFL_IDENTIFIER, 4);
            assert_int_equal(a.size, b.size);
            assert_memory_equal(a.data, b.data, a.size);
            nn_bytes_free(&a);
            nn_bytes_free(&b);
        }
}

static const sample *find_sample(enum tfl_op code)
{
    int i = 0;
    while (samples[i].code != code)
        i++;
    return &samples[i];
}

/* Every allocation on the way may fail. */
static void memory_may_run_out(void **state)
{
    (void)state;
    nn_status st = NN_ENOMEM;
    for (size_t k = 1; st != NN_OK; k++) {
        nn_arena *a = NULL;
        tfl_model *m;
        nn_bytes file = { NULL, 0 };
        nn_mem_fail_after(k);
        st = nn_arena_new(&a);
        if (st == NN_OK)
            st = make(&m, a, find_sample(TFL_OP_CONV_2D), &variants[2]);
        if (st == NN_OK)
            st = ex_tflite_write(&file, m);
        nn_mem_fail_after(0);
        assert_true(st == NN_OK || st == NN_ENOMEM);
        assert_true((st == NN_OK) == (file.data != NULL));
        nn_bytes_free(&file);
        nn_arena_free(a);
        assert_true(k < 100);
    }
}

static tfl_tensor int8_tensor(const char *name, int32_t n)
{
    static const float one = 1;
    tfl_tensor t = { .name = name, .type = TFL_TYPE_INT8, .rank = 2, .dim = { 1, n } };
    t.quant = (tfl_quant){ .n = 1, .scale = &one };
    return t;
}

static void tensors_are_checked(void **state)
{
    tfl_model *m;
    int32_t at;
    assert_ok(tfl_model_new(&m, arena_of(state), "main", NULL));
    tfl_tensor t = int8_tensor("x", 4);
    t.dim[1] = 0;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "tensor x: dimension 1 is 0");
    t = int8_tensor("x", INT32_MAX);
    t.dim[0] = 2;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "2^31");
    t = int8_tensor("x", 4);
    t.rank = TFL_MAX_RANK + 1;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "9 dimensions");
    t = int8_tensor("x", 4);
    t.data = "abc";
    t.bytes = 3;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL,
                 "3 bytes of data, its type and shape take 4");
    t = int8_tensor("", 4);
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "without a name");
    t = int8_tensor("x", 4);
    t.type = TFL_TYPE_STRING;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_ENOTSUP, "tensor x");
    t.type = TFL_TYPE_INT4;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "constants only");
    assert_int_equal(m->n_tensors, 0);
}

static void quantization_is_checked(void **state)
{
    tfl_model *m;
    int32_t at;
    assert_ok(tfl_model_new(&m, arena_of(state), "main", NULL));
    tfl_tensor t = int8_tensor("x", 4);
    t.quant.n = 0;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "tensor x: INT8 without a scale");
    const float wrong[] = { 0, -1, INFINITY, NAN };
    for (int i = 0; i < 4; i++) {
        t.quant = (tfl_quant){ .n = 1, .scale = &wrong[i] };
        assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "finite and above 0");
    }
    t = int8_tensor("x", 4);
    t.quant.zero_point = &(int64_t){ 128 };
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL,
                 "zero point 0 is 128; INT8 takes -128 to 127");
    const float scale[] = { 1, 1, 1 };
    t.quant = (tfl_quant){ .n = 3, .scale = scale, .axis = 1 };
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "3 scales for 4 channels");
    t.quant.axis = 2;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "along axis 2 of 2");
    t = int8_tensor("x", 4);
    t.quant.min = scale;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "one end of the range");
    t = int8_tensor("x", 4);
    t.type = TFL_TYPE_FLOAT32;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "FLOAT32 with 1 scales");
}

/* A model with x, y of four int8 codes, scale 1. */
static tfl_model *pair_model(void **state, int32_t *x, int32_t *y)
{
    tfl_model *m = NULL;
    tfl_tensor tx = int8_tensor("x", 4), ty = int8_tensor("y", 4);
    assert_ok(tfl_model_new(&m, arena_of(state), "main", NULL));
    assert_ok(tfl_add_tensor(x, m, &tx));
    assert_ok(tfl_add_tensor(y, m, &ty));
    return m;
}

static void operators_are_checked(void **state)
{
    int32_t x, y, in[2], out[2];
    tfl_model *m = pair_model(state, &x, &y);
    in[0] = in[1] = x;
    out[0] = out[1] = y;
    tfl_operator op = { (enum tfl_op)5, 1, 1, in, out, { .beta = 0 } };
    assert_fails(tfl_add_operator(m, &op), NN_ENOTSUP, "builtin code 5");
    op.code = TFL_OP_RELU;
    op.n_in = 2;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "operator 0, RELU y: 2 inputs");
    op.n_in = 1;
    op.n_out = 2;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "2 outputs instead of 1");
    op.n_out = 1;
    in[0] = 2;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "input 0 is tensor 2 of 2");
    in[0] = TFL_OPTIONAL_TENSOR;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "input 0 is tensor -1");
    in[0] = x;
    op.code = TFL_OP_SOFTMAX;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "SOFTMAX y: y has scale 1, zero point 0");
    op.code = TFL_OP_MAX_POOL_2D;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "stride_h is 0");
    op.code = TFL_OP_PAD;
    op.n_in = 2;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "x must be a constant of type INT32");
    op.code = TFL_OP_ADD;
    op.attr.activation = TFL_ACT_TANH;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "fused activation 4");
    op.code = TFL_OP_CONCATENATION;
    op.attr.concat.axis = 2;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "axis 2 of 2");
    assert_int_equal(m->n_operators, 0);
}

/* A bias in other units, affine int8 weights, scales on the wrong axis. */
static void weights_are_checked(void **state)
{
    tfl_model *m;
    const sample *s = find_sample(TFL_OP_CONV_2D);
    assert_ok(make(&m, arena_of(state), s, &variants[2]));
    tfl_operator op = m->operators[0];
    int32_t again = m->n_tensors, in[] = { op.in[0], op.in[1], op.in[2] };
    tfl_tensor y = m->tensors[op.out[0]], w = m->tensors[op.in[1]], b = m->tensors[op.in[2]];
    float other[] = { 1, 1, 1, 1 };
    int64_t zeros[] = { 0, 0, 1, 0 };
    y.name = "again";
    b.name = "other bias";
    b.quant.scale = other;
    assert_ok(tfl_add_tensor(&again, m, &y));
    assert_ok(tfl_add_tensor(&in[2], m, &b));
    op.in = in;
    op.out = &again;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "bias other bias: scale 0 is 1, input times");
    w.name = "affine";
    w.quant.zero_point = zeros;
    assert_ok(tfl_add_tensor(&in[1], m, &w));
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "weights affine: zero point 2 is 1");
    w.name = "wrong axis";
    w.quant = (tfl_quant){ .n = 3, .scale = other, .axis = 1 };
    assert_ok(tfl_add_tensor(&in[1], m, &w));
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "3 scales along axis 1");
}

static void the_whole_is_checked(void **state)
{
    int32_t x, y;
    tfl_model *m = pair_model(state, &x, &y);
    nn_bytes file;
    tfl_operator op = { TFL_OP_RELU, 1, 1, &x, &y, { .beta = 0 } };
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "no input");
    assert_fails(tfl_add_input(m, 2, NULL), NN_EINVAL, "tensor 2 of 2");
    assert_ok(tfl_add_input(m, x, NULL));
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "no output");
    assert_ok(tfl_add_output(m, y, NULL));
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "output y is not computed");
    assert_ok(tfl_add_operator(m, &op));
    assert_ok(ex_tflite_write(&file, m));
    nn_bytes_free(&file);
    assert_ok(tfl_add_operator(m, &op));
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL,
                 "operator 1, RELU, computes y a second time");
    m->n_operators = 1;
    assert_ok(tfl_add_output(m, x, "y"));
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "is there twice");
    m->n_outputs = 1;
    m->inputs[0].tensor = y;
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "reads x before");
    m->inputs[0].tensor = x;
    tfl_tensor twin = int8_tensor("y", 4);
    assert_ok(tfl_add_tensor(&y, m, &twin));
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "two tensors have the name y");
}

/* Equal constants are in the file once. */
static void constants_are_shared(void **state)
{
    enum { BYTES = 4096 };
    size_t size[2];
    for (int differ = 0; differ < 2; differ++) {
        int32_t x, y, c[2], in[2], mid;
        tfl_model *m = pair_model(state, &x, &y);
        uint8_t *data = nn_arena_alloc(m->arena, 2 * BYTES);
        data[BYTES] = (uint8_t)differ;
        tfl_tensor t = int8_tensor("c0", BYTES), middle = int8_tensor("mid", BYTES);
        t.bytes = BYTES;
        t.data = data;
        assert_ok(tfl_add_tensor(&c[0], m, &t));
        t.name = "c1";
        t.data = data + BYTES;
        assert_ok(tfl_add_tensor(&c[1], m, &t));
        assert_ok(tfl_add_tensor(&mid, m, &middle));
        memcpy(in, c, sizeof in);
        tfl_operator op = { TFL_OP_ADD, 2, 1, in, &mid, { .activation = TFL_ACT_NONE } };
        assert_ok(tfl_add_operator(m, &op));
        assert_ok(tfl_add_input(m, x, NULL));
        assert_ok(tfl_add_output(m, mid, NULL));
        nn_bytes file;
        assert_ok(ex_tflite_write(&file, m));
        size[differ] = file.size;
        nn_bytes_free(&file);
    }
    assert_true(size[0] < BYTES + 2048 && size[1] > 2 * BYTES && size[1] < 2 * BYTES + 2048);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        nn_status st = save_all(argv[1]);
        if (st != NN_OK)
            fprintf(stderr, "%s\n", nn_message());
        return st == NN_OK ? 0 : 1;
    }
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_operator_is_written), TEST(memory_may_run_out),    TEST(tensors_are_checked),
        TEST(quantization_is_checked),   TEST(operators_are_checked), TEST(weights_are_checked),
        TEST(the_whole_is_checked),      TEST(constants_are_shared),
    };
    return cmocka_run_group_tests_name("tflite", tests, NULL, NULL);
}
