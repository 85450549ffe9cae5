/* tflite: one model for each operator and type, written and read back; versions; what is refused.
 *
 * `test_tflite FOLDER` writes the models there, with what each should hold in a text file beside
 * it; tests/interop/check_writer.py compares that with what LiteRT reads. */
#include <math.h>

#include "export/tfl_check.h"
#include "export/tfl_ops.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "runtime/rt.h"
#include "tests/testing.h"
#include "tests/tflite_samples.h"

/* ---- what LiteRT should read ----------------------------------------------------------------- */

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

static void print_model(FILE *f, const tfl_model *m, const tfl_sample *s, int version)
{
    const tfl_operator *op = &m->operators[0];
    tfl_sample_option options[TFL_SAMPLE_OPTIONS];
    for (int i = 0; i < m->n_tensors; i++)
        print_tensor(f, &m->tensors[i]);
    fprintf(f, "operator %s version %d options %d in", tfl_op_name(op->code), version,
            (int)tfl_op_find(op->code)->options);
    for (int i = 0; i < op->n_in; i++)
        fprintf(f, " %d", op->in[i]);
    fprintf(f, " out");
    for (int i = 0; i < op->n_out; i++)
        fprintf(f, " %d", op->out[i]);
    fprintf(f, "\n");
    for (int i = 0, n = tfl_sample_options(options, s); i < n; i++)
        fprintf(f, "option %s %.9g\n", options[i].name, options[i].value);
}

static nn_status save(const char *folder, int i, const tfl_variant *v, const tfl_model *m)
{
    const tfl_sample *s = &tfl_samples[i];
    char path[512];
    nn_bytes file;
    NN_TRY(ex_tflite_write(&file, m));
    snprintf(path, sizeof path, "%s/%02d-%s-%s.tflite", folder, i, tfl_op_name(s->code), v->name);
    nn_status st = nn_file_write(path, file.data, file.size);
    nn_bytes_free(&file);
    NN_TRY(st);
    strcpy(strrchr(path, '.'), ".txt");
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return nn_fail(NN_EIO, "%s cannot be written", path);
    print_model(f, m, s, tfl_sample_version(s, v));
    fclose(f);
    return NN_OK;
}

static nn_status save_one(const char *folder, int i, const tfl_variant *v)
{
    nn_arena *a;
    tfl_model *m;
    NN_TRY(nn_arena_new(&a));
    nn_status st = tfl_sample_make(&m, a, &tfl_samples[i], v);
    if (st == NN_OK)
        st = save(folder, i, v, m);
    nn_arena_free(a);
    return st;
}

static nn_status save_all(const char *folder)
{
    for (int i = 0; i < tfl_n_samples; i++)
        for (int k = 0; k < tfl_n_variants; k++)
            if (tfl_sample_has(&tfl_samples[i], &tfl_variants[k]))
                NN_TRY(save_one(folder, i, &tfl_variants[k]));
    return NN_OK;
}

/* ---- tests ----------------------------------------------------------------------------------- */

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

/* Opens the file in memory of the arena; RT_ENOTSUP for an operator that the runtime does not
 * have. */
static rt_status open_file(rt_model **m, nn_arena *a, const nn_bytes *file)
{
    rt_error error;
    size_t bytes;
    rt_status st = rt_measure(&bytes, file->data, file->size, NULL, &error);
    if (st == RT_OK)
        st = rt_open(m, file->data, file->size, NULL, nn_arena_alloc(a, bytes), bytes, &error);
    if (st != RT_OK && st != RT_ENOTSUP)
        fail_msg("%s", error.text);
    return st;
}

static void compare_tensor(const rt_tensor *found, const tfl_tensor *t)
{
    assert_string_equal(found->name, t->name);
    assert_true((int)found->type == (int)t->type && found->rank == t->rank);
    assert_memory_equal(found->dim, t->dim, (size_t)t->rank * sizeof t->dim[0]);
    assert_int_equal(found->n_scales, t->quant.n);
    for (int i = 0; i < t->quant.n; i++) {
        assert_true(rt_scale(found, i) == t->quant.scale[i]);
        assert_true(rt_zero_point(found, i) == t->quant.zero_point[i]);
    }
    assert_true((found->data != NULL) == (t->data != NULL));
    if (t->data != NULL)
        assert_memory_equal(found->data, t->data, t->bytes);
}

static void compare_options(const rt_model *m, const tfl_sample *s)
{
    tfl_sample_option options[TFL_SAMPLE_OPTIONS];
    rt_option found;
    for (int i = 0, n = tfl_sample_options(options, s); i < n; i++) {
        int k = 0;
        while (rt_option_at(m, 0, k, &found) && strcmp(found.name, options[i].name) != 0)
            k++;
        if (!rt_option_at(m, 0, k, &found) || found.value != options[i].value)
            fail_msg("%s: option %s", tfl_op_name(s->code), options[i].name);
    }
}

/* What the runtime reads in the file is what the model holds. */
static void compare(const rt_model *found, const tfl_model *m, const tfl_sample *s, int version)
{
    const rt_operator *op = rt_operator_at(found, 0);
    size_t size;
    assert_int_equal(rt_n_tensors(found), m->n_tensors);
    for (int i = 0; i < m->n_tensors; i++)
        compare_tensor(rt_tensor_at(found, i), &m->tensors[i]);
    assert_true(rt_n_operators(found) == 1 && op->code == (int)s->code && op->version == version);
    assert_true(op->n_in == m->operators[0].n_in && op->n_out == m->operators[0].n_out);
    assert_memory_equal(op->in, m->operators[0].in, (size_t)op->n_in * sizeof op->in[0]);
    assert_memory_equal(op->out, m->operators[0].out, (size_t)op->n_out * sizeof op->out[0]);
    compare_options(found, s);
    assert_true(rt_input(found, 0) == m->inputs[0].tensor);
    assert_true(rt_output(found, 0) == m->outputs[0].tensor);
    assert_string_equal(rt_description(found), "one operator");
    assert_memory_equal(rt_metadata(found, EX_METADATA_LABELS, &size), "cat\ndog\n", 8);
    assert_int_equal(size, 8);
    assert_non_null(rt_metadata(found, "min_runtime_version", &size));
    assert_int_equal(size, 16);
}

/* Returns whether the runtime has the operator. */
static bool check_sample(nn_arena *arena, const tfl_sample *s, const tfl_variant *v)
{
    tfl_model *m;
    rt_model *found;
    nn_bytes a, b;
    assert_ok(tfl_sample_make(&m, arena, s, v));
    assert_int_equal(tfl_op_version(m, &m->operators[0]), tfl_sample_version(s, v));
    assert_ok(ex_tflite_write(&a, m));
    assert_ok(ex_tflite_write(&b, m));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    bool runs = open_file(&found, arena, &a) == RT_OK;
    if (runs)
        compare(found, m, s, tfl_sample_version(s, v));
    nn_bytes_free(&a);
    nn_bytes_free(&b);
    return runs;
}

static void every_operator_is_written(void **state)
{
    int runs = 0;
    for (int i = 0; i < tfl_n_samples; i++)
        for (int k = 0; k < tfl_n_variants; k++)
            if (tfl_sample_has(&tfl_samples[i], &tfl_variants[k]))
                runs += check_sample(arena_of(state), &tfl_samples[i], &tfl_variants[k]);
    assert_in_range(runs, 70, tfl_n_samples * tfl_n_variants);
}

static const tfl_sample *find_sample(enum tfl_op code)
{
    int i = 0;
    while (tfl_samples[i].code != code)
        i++;
    return &tfl_samples[i];
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
            st = tfl_sample_make(&m, a, find_sample(TFL_OP_CONV_2D), &tfl_variants[2]);
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
    t.quant.max = (const float[]){ 0.5f };
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "range 0 is [1, 0.5]");
    t = int8_tensor("x", 4);
    t.quant.n = -1;
    assert_fails(tfl_add_tensor(&at, m, &t), NN_EINVAL, "INT8 with -1 scales");
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

/* A model of one operator, in int8. */
static tfl_model *sample_model(void **state, enum tfl_op code)
{
    tfl_model *m = NULL;
    assert_ok(tfl_sample_make(&m, arena_of(state), find_sample(code), &tfl_variants[2]));
    return m;
}

/* Each option of the operator's out of its bounds, the others as they should be. */
static void options_are_checked(void **state)
{
    tfl_model *m = sample_model(state, TFL_OP_DEPTHWISE_CONV_2D);
    tfl_operator sound = m->operators[0], op = sound;
    struct {
        int *option;
        const char *part;
    } of_conv[] = { { &op.attr.conv.stride_h, "stride_h is 0; it must be at least 1" },
                    { &op.attr.conv.stride_w, "stride_w is 0" },
                    { &op.attr.conv.dilation_h, "dilation_h is 0" },
                    { &op.attr.conv.dilation_w, "dilation_w is 0" },
                    { &op.attr.conv.multiplier, "multiplier is 0" } };
    for (size_t i = 0; i < sizeof of_conv / sizeof of_conv[0]; i++) {
        op = sound;
        *of_conv[i].option = 0;
        assert_fails(tfl_add_operator(m, &op), NN_EINVAL, of_conv[i].part);
    }
    op = sound;
    op.attr.conv.padding = (enum tfl_padding)7;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "padding 7; the format has SAME and VALID");
    m = sample_model(state, TFL_OP_MAX_POOL_2D);
    op = m->operators[0];
    op.attr.pool.filter_w = 0;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "filter_w is 0");
    op.attr.pool.filter_h = -1;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "filter_h is -1");
    m = sample_model(state, TFL_OP_RESHAPE);
    op = m->operators[0];
    op.attr.dims.n = TFL_MAX_RANK + 1;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "9 dimensions; it may be 0 to 8");
    m = sample_model(state, TFL_OP_SOFTMAX);
    op = m->operators[0];
    const float betas[] = { 0, -1, NAN, INFINITY };
    for (int i = 0; i < 4; i++) {
        op.attr.beta = betas[i];
        assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "it must be above 0, commonly 1");
    }
    m = sample_model(state, TFL_OP_LEAKY_RELU);
    op = m->operators[0];
    op.attr.alpha = INFINITY;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "alpha is not finite");
    m = sample_model(state, TFL_OP_RESIZE_BILINEAR);
    op = m->operators[0];
    op.attr.resize.align_corners = op.attr.resize.half_pixel_centers = true;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "exclude each other");
    m = sample_model(state, TFL_OP_ARG_MAX);
    op = m->operators[0];
    op.attr.output_type = TFL_TYPE_FLOAT32;
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "gives INT");
}

/* RELU from the one to the other, which were sound but for one thing. */
static void check_relu(void **state, const tfl_tensor *tx, const tfl_tensor *ty, nn_status code,
                       const char *part)
{
    int32_t x, y;
    tfl_model *m = NULL;
    assert_ok(tfl_model_new(&m, arena_of(state), "main", NULL));
    assert_ok(tfl_add_tensor(&x, m, tx));
    assert_ok(tfl_add_tensor(&y, m, ty));
    const tfl_operator op = { TFL_OP_RELU, 1, 1, &x, &y, { .beta = 0 } };
    assert_fails(tfl_add_operator(m, &op), code, part);
}

static void data_is_checked(void **state)
{
    static const float scales[] = { 1, 1, 1, 1 };
    const tfl_tensor x = int8_tensor("x", 4), y = int8_tensor("y", 4);
    const tfl_quant by_channel = { .n = 4, .scale = scales, .axis = 1 };
    tfl_tensor odd = y;
    odd.type = TFL_TYPE_FLOAT32;
    odd.quant.n = 0;
    check_relu(state, &x, &odd, NN_EINVAL, "INT8 x gives FLOAT32 y");
    odd = y;
    odd.quant = by_channel;
    check_relu(state, &x, &odd, NN_EINVAL, "its output y has a scale for each channel");
    odd = y;
    odd.data = "abcd";
    odd.bytes = 4;
    check_relu(state, &x, &odd, NN_EINVAL, "its output y is a constant");
    odd = x;
    odd.quant = by_channel;
    check_relu(state, &odd, &y, NN_EINVAL, "x has 4 scales; data has one");
    tfl_tensor whole = x, result = y;
    whole.type = result.type = TFL_TYPE_INT32;
    whole.quant.n = result.quant.n = 0;
    check_relu(state, &whole, &result, NN_ENOTSUP, "octet does not write it for INT32 (x)");
    int32_t ix, iy, none = 9;
    tfl_model *m = pair_model(state, &ix, &iy);
    const tfl_operator op = { TFL_OP_RELU, 1, 1, &ix, &none, { .beta = 0 } };
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "output 0 is tensor 9 of 2");
}

/* A bias in other units, affine int8 weights, scales on the wrong axis. */
static void weights_are_checked(void **state)
{
    tfl_model *m;
    const tfl_sample *s = find_sample(TFL_OP_CONV_2D);
    assert_ok(tfl_sample_make(&m, arena_of(state), s, &tfl_variants[2]));
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
    b.name = "float bias";
    b.type = TFL_TYPE_FLOAT32;
    b.quant.n = 0;
    assert_ok(tfl_add_tensor(&in[2], m, &b));
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "bias float bias: FLOAT32 with 0 scales");
    w.name = "affine";
    w.quant.zero_point = zeros;
    assert_ok(tfl_add_tensor(&in[1], m, &w));
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "weights affine: zero point 2 is 1");
    w.name = "wrong axis";
    w.quant = (tfl_quant){ .n = 3, .scale = other, .axis = 1 };
    assert_ok(tfl_add_tensor(&in[1], m, &w));
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "3 scales along axis 1");
    tfl_tensor open = int8_tensor("no constant", 4);
    assert_ok(tfl_add_tensor(&in[1], m, &open));
    assert_fails(tfl_add_operator(m, &op), NN_EINVAL, "INT8 of 2 dimensions, no constant,");
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
    m->n_tensors--;
    m->tensors[x].data = "abcd";
    assert_fails(ex_tflite_write(&file, m), NN_EINVAL, "input x is a constant");
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
        TEST(options_are_checked),       TEST(data_is_checked),       TEST(the_whole_is_checked),
        TEST(constants_are_shared),
    };
    return cmocka_run_group_tests_name("tflite", tests, NULL, NULL);
}
