/* runtime: files good and damaged.  A damaged file gives an error that says what is wrong, or a
 * model that runs within its blocks; never anything else (the sanitizers watch). */
#include "export/flatbuf.h"
#include "nn/base/file.h"
#include "runtime/rt.h"
#include "runtime/schema.h"
#include "tests/testing.h"

/* One RELU, int8 x[1,4] (0.5, -1) -> y[1,4] (0.25, -128), written by hand from the format's rules
 * and accepted by the official FlatBuffers verifier. */
static const uint8_t golden[416] = {
    0x18, 0x00, 0x00, 0x00, 0x54, 0x46, 0x4c, 0x33, 0x0e, 0x00, 0x14, 0x00, 0x04, 0x00, 0x08, 0x00,
    0x0c, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00,
    0x0c, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x20, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x34, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x44, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x0d, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x04, 0x00, 0x08, 0x00,
    0x0c, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x13, 0x00, 0x00, 0x00, 0x13, 0x00, 0x0c, 0x00,
    0x14, 0x00, 0x04, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x10, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00,
    0x18, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x24, 0x00, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00,
    0x04, 0x00, 0x04, 0x00, 0x04, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00,
    0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x58, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x15, 0x00,
    0x04, 0x00, 0x14, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00,
    0x4c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00,
    0x09, 0x00, 0x0e, 0x00, 0x15, 0x00, 0x04, 0x00, 0x14, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x10, 0x00,
    0x0e, 0x00, 0x00, 0x00, 0x54, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x58, 0x00, 0x00, 0x00,
    0x68, 0x00, 0x00, 0x00, 0x09, 0x00, 0x0a, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x04, 0x00, 0x08, 0x00,
    0x0a, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00, 0x64, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x78, 0x00, 0x0c, 0x00,
    0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x08, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00,
    0x44, 0x00, 0x00, 0x00, 0x48, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x04, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x79, 0x00, 0x0c, 0x00, 0x0c, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x04, 0x00, 0x08, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00,
    0x34, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3f, 0x01, 0x00, 0x00, 0x00,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x3e,
    0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

/* A model with its blocks. */
typedef struct opened {
    rt_model *m;
    void *block, *arena;
    rt_error error;
} opened;

static rt_status open_bytes(opened *o, const void *bytes, size_t size, rt_options options)
{
    memset(o, 0, sizeof *o);
    size_t need = 0;
    rt_status st = rt_measure(&need, bytes, size, &options, &o->error);
    if (st != RT_OK)
        return st;
    o->block = test_guard_new(need, 16);
    st = rt_open(&o->m, bytes, size, &options, o->block, need, &o->error);
    if (st == RT_OK) {
        o->arena = test_guard_new(rt_arena_bytes(o->m), 16);
        memset(o->arena, 0x55, rt_arena_bytes(o->m));
    }
    return st;
}

static void close_model(opened *o)
{
    if (o->block != NULL) {
        test_guard_check(o->block);
        test_guard_free(o->block);
    }
    if (o->arena != NULL) {
        test_guard_check(o->arena);
        test_guard_free(o->arena);
    }
}

/* What a caller would do with a file of unknown origin. */
static rt_status try_bytes(const void *bytes, size_t size)
{
    rt_options options = rt_options_default();
    options.limits = (rt_limits){ 100000000, 1 << 24, 1000 };
    opened o;
    rt_status st = open_bytes(&o, bytes, size, options);
    if (st == RT_OK)
        rt_run(o.m, o.arena, NULL);
    else if (o.error.text[0] == '\0' || o.error.status != st)
        fail_msg("status %d without a message", (int)st);
    close_model(&o);
    return st;
}

static void golden_file(void **state)
{
    (void)state;
    opened o;
    assert_int_equal(open_bytes(&o, golden, sizeof golden, rt_options_default()), RT_OK);
    assert_int_equal(rt_n_operators(o.m), 1);
    assert_string_equal(rt_operator_at(o.m, 0)->name, "RELU");
    const rt_tensor *x = rt_tensor_at(o.m, rt_input(o.m, 0));
    assert_string_equal(x->name, "x");
    assert_true(x->scale == 0.5f && x->zero_point == -1 && x->rank == 2 && x->dim[1] == 4);
    const int8_t in[4] = { -100, -1, 3, 127 }, want[4] = { -128, -128, -120, 127 };
    memcpy(rt_data(o.m, o.arena, rt_input(o.m, 0)), in, 4);
    rt_run(o.m, o.arena, NULL);
    assert_memory_equal(rt_data(o.m, o.arena, rt_output(o.m, 0)), want, 4);
    assert_true(rt_costs(o.m).arena_bytes == rt_costs(o.m).arena_bound);
    float real[4] = { 0.24f, 0.25f, -100, 1e30f };
    int8_t codes[4];
    assert_true(rt_encode(x, codes, real, 4));
    assert_true(codes[0] == -1 && codes[1] == 0 && codes[2] == -128 && codes[3] == 127);
    assert_true(rt_decode(x, real, codes, 4) && real[1] == 0.5f);
    close_model(&o);
}

/* The file may lie anywhere; the blocks may not. */
static void alignment(void **state)
{
    (void)state;
    for (size_t misalign = 0; misalign < 8; misalign++) {
        uint8_t *copy = test_guard_new(sizeof golden, misalign);
        memcpy(copy, golden, sizeof golden);
        assert_int_equal(try_bytes(copy, sizeof golden), RT_OK);
        test_guard_free(copy);
    }
    size_t need;
    rt_error error;
    rt_model *m;
    assert_int_equal(rt_measure(&need, golden, sizeof golden, NULL, &error), RT_OK);
    uint8_t *block = test_guard_new(need, 0);
    rt_status st = rt_open(&m, golden, sizeof golden, NULL, block, need - 1, &error);
    assert_int_equal(st, RT_ENOMEM);
    assert_int_equal(rt_open(&m, golden, sizeof golden, NULL, block + 1, need, &error), RT_ENOMEM);
    test_guard_free(block);
}

/* Real numbers to codes, and back, of each type that has codes. */
static void codes_of_types(void **state)
{
    (void)state;
    static const struct {
        rt_type type;
        int32_t zero;
        int64_t want[4]; /* of 1, -1.25, 1e30, -1e30 on the grid 0.5 */
    } cases[] = {
        { RT_UINT8, 4, { 6, 1, 255, 0 } },
        { RT_INT8, -3, { -1, -6, 127, -128 } },
        { RT_INT16, 100, { 102, 97, 32767, -32768 } },
        { RT_INT32, 7, { 9, 4, INT32_MAX, INT32_MIN } },
    };
    static const float x[4] = { 1, -1.25f, 1e30f, -1e30f };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rt_tensor t = { .type = cases[i].type, .n_scales = 1, .scale = 0.5f };
        int32_t codes[4];
        float real[4];
        t.zero_point = cases[i].zero;
        assert_true(rt_encode(&t, codes, x, 4) && rt_decode(&t, real, codes, 4));
        assert_true(real[0] == 1 && real[1] == -1.5f);
        for (size_t k = 0; k < 4; k++)
            assert_true(real[k] == 0.5f * (float)(cases[i].want[k] - t.zero_point));
        t.n_scales = t.zero_point = 0; /* no scale: the number itself */
        assert_true(rt_encode(&t, codes, x, 1) && rt_decode(&t, real, codes, 1) && real[0] == 1);
    }
    const rt_tensor plain = { .type = RT_FLOAT32 }, truth = { .type = RT_BOOL };
    float copy[4], again[4];
    assert_true(rt_encode(&plain, copy, x, 4) && rt_decode(&plain, again, copy, 4));
    assert_memory_equal(again, x, sizeof x);
    assert_false(rt_encode(&truth, copy, x, 1));
    assert_false(rt_decode(&truth, again, x, 1));
}

static void refuse(size_t at, uint8_t byte, rt_status code, const char *part)
{
    uint8_t bytes[sizeof golden];
    memcpy(bytes, golden, sizeof bytes);
    bytes[at] = byte;
    opened o;
    rt_status st = open_bytes(&o, bytes, sizeof bytes, rt_options_default());
    if (st != code || strstr(o.error.text, part) == NULL)
        fail_msg("byte %zu = %u: status %d, \"%s\"; wanted %d, \"%s\"", at, byte, (int)st,
                 o.error.text, (int)code, part);
    close_model(&o);
}

static void messages_name_the_field(void **state)
{
    (void)state;
    refuse(4, 'X', RT_EFORMAT, "identifier");
    refuse(0x1c, 4, RT_EFORMAT, "model version is 4");
    refuse(0x03, 0x7f, RT_EFORMAT, "root");
    refuse(0x54, 99, RT_ENOTSUP, "operator 0: RELU version 99");
    refuse(0x58, 25, RT_ENOTSUP, "operator 0 (SOFTMAX): output");
    refuse(0xa0, 2, RT_EFORMAT, "tensor 2 of 2");
    refuse(0x17b, 0xbf, RT_EFORMAT, "tensor 0: scale 0");
    refuse(0x181, 0x00, RT_EFORMAT, "zero point 0 is -65281, outside type INT8");
    refuse(0x114, 5, RT_EFORMAT, "computed is [1,5]");
    refuse(0x168, 1, RT_EFORMAT, "reads tensor");
}

static void messages_are_one_line(void **state)
{
    (void)state;
    uint8_t bytes[sizeof golden];
    memcpy(bytes, golden, sizeof bytes);
    bytes[0x114] = 5;    /* a dimension of the input "x" */
    bytes[0x148] = '\n'; /* the output's name */
    opened o;
    assert_int_equal(open_bytes(&o, bytes, sizeof bytes, rt_options_default()), RT_EFORMAT);
    assert_non_null(strstr(o.error.text, "output \"?\" has shape"));
    close_model(&o);
}

static void truncations(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof golden; size++) {
        uint8_t *bytes = malloc(size > 0 ? size : 1); /* exactly as long, for the sanitizer */
        memcpy(bytes, golden, size);
        assert_true(try_bytes(bytes, size) != RT_OK);
        free(bytes);
    }
}

static void every_byte_changed(void **state)
{
    (void)state;
    static const uint8_t patterns[] = { 0x01, 0x80, 0xff, 0x7f, 0x04 };
    uint8_t *bytes = malloc(sizeof golden);
    for (size_t at = 0; at < sizeof golden; at++)
        for (size_t k = 0; k < sizeof patterns; k++) {
            memcpy(bytes, golden, sizeof golden);
            bytes[at] ^= patterns[k];
            try_bytes(bytes, sizeof golden);
        }
    free(bytes);
}

/* Flips of one to four bytes where the tables are (constants are most of a file and cannot
 * hurt). */
static void flips(const char *name, int count)
{
    const char *path = test_shared(name);
    if (path == NULL)
        test_skip("no shared models");
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    uint8_t *bytes = malloc(file.size);
    for (uint64_t i = 0; i < (uint64_t)count; i++) {
        memcpy(bytes, file.data, file.size);
        int n = test_noise_int(6, i, 1, 4);
        for (int k = 0; k < n; k++) {
            int32_t last = (int32_t)file.size - 1, span = last < 40000 ? last : 40000;
            bool front = test_noise_int(7, 4 * i + (uint64_t)k, 0, 1) == 0;
            int32_t at = test_noise_int(8, 4 * i + (uint64_t)k, 0, span);
            bytes[front ? at : last - at] ^=
                (uint8_t)test_noise_int(9, 4 * i + (uint64_t)k, 1, 255);
        }
        try_bytes(bytes, file.size);
    }
    free(bytes);
    nn_bytes_free(&file);
}

static void flipped_resnet(void **state)
{
    (void)state;
    flips("models/mlperf_tiny_resnet8_int8.tflite", 200);
}

static void flipped_mobilenet(void **state)
{
    (void)state;
    flips("models/mobilenet_v1_0.25_128_uint8.tflite", 40);
}

static void truncated_models(void **state)
{
    (void)state;
    const char *path = test_shared("models/mlperf_tiny_resnet8_int8.tflite");
    if (path == NULL)
        test_skip("no shared models");
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    for (size_t size = 0; size < file.size; size += 131) {
        uint8_t *bytes = malloc(size > 0 ? size : 1);
        memcpy(bytes, file.data, size);
        try_bytes(bytes, size);
        free(bytes);
    }
    nn_bytes_free(&file);
}

static void limits(void **state)
{
    (void)state;
    rt_options options = rt_options_default();
    size_t need;
    rt_error error;
    options.limits.tensors = 1;
    assert_int_equal(rt_measure(&need, golden, sizeof golden, &options, &error), RT_ELIMIT);
    options = rt_options_default();
    options.limits.bytes = 64;
    assert_int_equal(rt_measure(&need, golden, sizeof golden, &options, &error), RT_ELIMIT);
    options = rt_options_default();
    options.workers = 0;
    assert_int_equal(rt_measure(&need, golden, sizeof golden, &options, &error), RT_EINVAL);
    options = rt_options_default();
    options.limits.macs = 3; /* one step for each of four elements, though nothing is multiplied */
    assert_int_equal(rt_measure(&need, golden, sizeof golden, &options, &error), RT_ELIMIT);
    options.limits.macs = 4;
    assert_int_equal(rt_measure(&need, golden, sizeof golden, &options, &error), RT_OK);
    options = rt_options_default();
    options.limits.tensors = UINT32_MAX; /* more than the runtime counts: its own limit holds */
    assert_int_equal(rt_measure(&need, golden, sizeof golden, &options, NULL), RT_OK);
    assert_int_equal(rt_measure(&need, NULL, 0, NULL, &error), RT_EINVAL);
    assert_string_equal(error.text, "no bytes");
    const char *path = test_shared("models/mlperf_tiny_resnet8_int8.tflite");
    if (path == NULL)
        test_skip("no shared models");
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    options = rt_options_default();
    options.limits.macs = 1000000;
    assert_int_equal(rt_measure(&need, file.data, file.size, &options, &error), RT_ELIMIT);
    assert_non_null(strstr(error.text, "multiply-accumulates"));
    nn_bytes_free(&file);
}

/* ---- models of many tensors ------------------------------------------------------------------ */

enum { MANY = 1000, LONG = 9000 };

/* Of n tensors, of which the first is the input and the last the output; n - 1 operators of this
 * kind, or none. */
static void finish_model(nn_bytes *file, fb_builder *b, const fb_ref *tensors, size_t n, int code,
                         const fb_ref *operators)
{
    const int32_t first = 0, last = (int32_t)n - 1;
    fb_ref list = fb_refs(b, tensors, n), ins = fb_int32s(b, &first, 1);
    fb_ref outs = fb_int32s(b, operators != NULL ? &last : &first, 1), steps = 0;
    if (operators != NULL)
        steps = fb_refs(b, operators, n - 1);
    fb_table(b);
    if (operators != NULL)
        fb_put_ref(b, TFL_SLOT_SUBGRAPH_OPERATORS, steps);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_OUTPUTS, outs);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_INPUTS, ins);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_TENSORS, list);
    fb_ref graph = fb_end(b), graphs = fb_refs(b, &graph, 1);
    fb_table(b);
    fb_ref buffer = fb_end(b), buffers = fb_refs(b, &buffer, 1);
    fb_table(b);
    fb_put_int32(b, TFL_SLOT_OPCODE_BUILTIN, code, 0);
    fb_put_byte(b, TFL_SLOT_OPCODE_DEPRECATED_BUILTIN, (uint8_t)code, 0);
    fb_ref opcode = fb_end(b), opcodes = fb_refs(b, &opcode, 1);
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_MODEL_BUFFERS, buffers);
    fb_put_ref(b, TFL_SLOT_MODEL_SUBGRAPHS, graphs);
    fb_put_ref(b, TFL_SLOT_MODEL_OPERATOR_CODES, opcodes);
    fb_put_int32(b, TFL_SLOT_MODEL_VERSION, TFL_MODEL_VERSION, 0);
    assert_ok(fb_finish(b, fb_end(b), TFL_IDENTIFIER, file));
}

/* One tensor with MANY scales, listed `times` times. */
static void write_shared_scales(nn_bytes *file, size_t times)
{
    static float ones[MANY];
    static int64_t zeros[MANY];
    static fb_ref tensors[MANY];
    const int32_t shape[] = { MANY };
    fb_builder b;
    fb_start(&b, 1 << 20);
    for (size_t i = 0; i < MANY; i++)
        ones[i] = 1;
    fb_ref zero = fb_int64s(&b, zeros, MANY), scale = fb_floats(&b, ones, MANY);
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_QUANT_ZERO_POINT, zero);
    fb_put_ref(&b, TFL_SLOT_QUANT_SCALE, scale);
    fb_ref quant = fb_end(&b), dims = fb_int32s(&b, shape, 1);
    fb_table(&b);
    fb_put_byte(&b, TFL_SLOT_TENSOR_TYPE, TFL_TYPE_INT8, 0);
    fb_put_ref(&b, TFL_SLOT_TENSOR_QUANTIZATION, quant);
    fb_put_ref(&b, TFL_SLOT_TENSOR_SHAPE, dims);
    fb_ref tensor = fb_end(&b);
    for (size_t i = 0; i < times; i++)
        tensors[i] = tensor;
    finish_model(file, &b, tensors, times, TFL_OP_CONCATENATION, NULL);
}

/* LONG concatenations of one tensor, each of what the one before wrote; float32, shape [4]. */
static void write_chain(nn_bytes *file)
{
    static fb_ref tensors[LONG + 1], operators[LONG];
    const int32_t shape[] = { 4 };
    fb_builder b;
    fb_start(&b, 1 << 20);
    fb_ref dims = fb_int32s(&b, shape, 1);
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_TENSOR_SHAPE, dims);
    tensors[0] = fb_end(&b);
    fb_table(&b);
    fb_ref options = fb_end(&b);
    for (int32_t i = 0; i < LONG; i++) {
        const int32_t next = i + 1;
        fb_ref in = fb_int32s(&b, &i, 1), out = fb_int32s(&b, &next, 1);
        tensors[i + 1] = tensors[0];
        fb_table(&b);
        fb_put_ref(&b, TFL_SLOT_OPERATOR_OPTIONS, options);
        fb_put_ref(&b, TFL_SLOT_OPERATOR_OUTPUTS, out);
        fb_put_ref(&b, TFL_SLOT_OPERATOR_INPUTS, in);
        fb_put_byte(&b, TFL_SLOT_OPERATOR_OPTIONS_TYPE, TFL_OPTIONS_CONCATENATION, 0);
        operators[i] = fb_end(&b);
    }
    finish_model(file, &b, tensors, LONG + 1, TFL_OP_CONCATENATION, operators);
}

/* More spans than gaps are looked for: the last of them have places of their own, and none takes
 * that of another in use. */
static void long_chains(void **state)
{
    (void)state;
    const float x[4] = { 1, -2, 3e30f, 0.5f };
    nn_bytes file;
    opened o;
    write_chain(&file);
    if (open_bytes(&o, file.data, file.size, rt_options_default()) != RT_OK)
        fail_msg("%s", o.error.text);
    assert_true(rt_costs(o.m).arena_bytes > rt_costs(o.m).arena_bound);
    memcpy(rt_data(o.m, o.arena, rt_input(o.m, 0)), x, sizeof x);
    rt_run(o.m, o.arena, NULL);
    assert_memory_equal(rt_data(o.m, o.arena, rt_output(o.m, 0)), x, sizeof x);
    close_model(&o);
    nn_bytes_free(&file);
}

/* A file of 16 KB must not have a million scales looked at. */
static void shared_scales(void **state)
{
    (void)state;
    size_t need;
    rt_error error;
    nn_bytes file;
    write_shared_scales(&file, 10);
    assert_int_equal(rt_measure(&need, file.data, file.size, NULL, &error), RT_OK);
    nn_bytes_free(&file);
    write_shared_scales(&file, MANY);
    assert_int_equal(rt_measure(&need, file.data, file.size, NULL, &error), RT_ENOTSUP);
    assert_non_null(strstr(error.text, "more scales than the file has bytes"));
    nn_bytes_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_file),
        cmocka_unit_test(alignment),
        cmocka_unit_test(codes_of_types),
        cmocka_unit_test(messages_name_the_field),
        cmocka_unit_test(messages_are_one_line),
        cmocka_unit_test(shared_scales),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(truncations),
        cmocka_unit_test(every_byte_changed),
        cmocka_unit_test(flipped_resnet),
        cmocka_unit_test(flipped_mobilenet),
        cmocka_unit_test(truncated_models),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
