/* runtime: operators against golden values of TensorFlow Lite's compiled public reference headers.
 * Each case is a model of one operator, written by export/, opened and run. */
#include <math.h>

#include "export/tflite.h"
#include "runtime/rt.h"
#include "tests/testing.h"

/* A model under construction; check_run opens it, runs it and compares. */
typedef struct bench {
    nn_arena *arena;
    tfl_model *m;
    int32_t in[4], n_in, out;
} bench;

static void begin(bench *b)
{
    memset(b, 0, sizeof *b);
    assert_ok(nn_arena_new(&b->arena));
    assert_ok(tfl_model_new(&b->m, b->arena, "main", "golden values"));
}

static int32_t tensor(bench *b, enum tfl_type type, float scale, int64_t zero, int32_t n0,
                      int32_t n1)
{
    char name[16];
    snprintf(name, sizeof name, "t%d", b->m->n_tensors);
    tfl_tensor t = { .name = name,
                     .type = type,
                     .rank = 2,
                     .dim = { n0, n1 },
                     .quant = { .n = scale > 0, .scale = &scale, .zero_point = &zero } };
    int32_t index;
    assert_ok(tfl_add_tensor(&index, b->m, &t));
    return index;
}

static void input(bench *b, int32_t t)
{
    assert_ok(tfl_add_input(b->m, t, NULL));
    b->in[b->n_in++] = t;
}

static void operator(bench *b, enum tfl_op code, const tfl_attr *attr)
{
    tfl_operator op = {
        .code = code, .n_in = b->n_in, .n_out = 1, .in = b->in, .out = &b->out, .attr = *attr
    };
    assert_ok(tfl_add_operator(b->m, &op));
    assert_ok(tfl_add_output(b->m, b->out, NULL));
}

static void check_run(bench *b, const void *a, const void *c, const void *want, size_t bytes)
{
    nn_bytes file;
    rt_error error;
    rt_model *m = NULL;
    size_t need = 0;
    assert_ok(ex_tflite_write(&file, b->m));
    if (rt_measure(&need, file.data, file.size, NULL, &error) != RT_OK)
        fail_msg("%s", error.text);
    void *block = test_guard_new(need, 0);
    if (rt_open(&m, file.data, file.size, NULL, block, need, &error) != RT_OK)
        fail_msg("%s", error.text);
    void *arena = test_guard_new(rt_arena_bytes(m), 0);
    const void *from[2] = { a, c };
    for (int i = 0; i < rt_n_inputs(m); i++)
        memcpy(rt_data(m, arena, rt_input(m, i)), from[i], rt_tensor_at(m, rt_input(m, i))->bytes);
    rt_run(m, arena, NULL);
    assert_int_equal(rt_tensor_at(m, rt_output(m, 0))->bytes, bytes);
    const int8_t *got = rt_data(m, arena, rt_output(m, 0));
    for (size_t i = 0; i < bytes; i++)
        if (got[i] != ((const int8_t *)want)[i])
            fail_msg("byte %zu is %d, not %d", i, got[i], ((const int8_t *)want)[i]);
    test_guard_check(block);
    test_guard_check(arena);
    test_guard_free(block);
    test_guard_free(arena);
    nn_bytes_free(&file);
    nn_arena_free(b->arena);
}

static void add_values(void **state)
{
    (void)state;
    static const struct {
        float s1, s2, s;
        int z1, z2, z;
        int8_t a, b, y;
    } golden[] = {
        { 0.02f, 0.035f, 0.04f, -3, 5, -1, 100, -50, 2 },
        { 0.02f, 0.035f, 0.04f, -3, 5, -1, -128, 127, 43 },
        { 0.02f, 0.035f, 0.04f, -3, 5, -1, 7, 7, 6 },
        { 0x1.3db0d4p-9f, 0x1.aecff2p-2f, 0x1.9b42b8p-1f, -25, -21, 23, 88, -126, -32 },
        { 0x1.7c9e74p-4f, 0x1.cc0fdcp-7f, 0x1.013d68p-2f, 68, -39, 18, -110, 111, -39 },
        { 0x1.e96c18p-8f, 0x1.e96c18p-8f, 0x1.34b1dp-7f, -38, 126, -28, 44, 89, 8 },
        { 0x1.30e51p-4f, 0x1.ce117cp-8f, 0x1.59e3p-3f, 108, -48, 127, 49, -89, 99 },
        { 0x1.06309ap-7f, 0x1.f6e1cap-3f, 0x1.eebf78p-2f, 117, -16, 87, -125, -93, 44 },
        { 0x1.4846b6p-3f, 0x1.6b18bp-4f, 0x1.93c724p-3f, 120, 70, 15, 122, 101, 31 },
        { 0x1.48ef4ap-7f, 0x1.5166dap-8f, 0x1.34b184p-6f, -15, 74, -75, -13, 35, -85 },
        { 0x1.18cf9ap-8f, 0x1.d03d72p-6f, 0x1.1855fp-6f, -5, -34, -8, 69, 14, 90 },
        { 0x1.36992p-5f, 0x1.159b32p-9f, 0x1.cd2af6p-6f, -46, -100, -116, 108, 92, 106 },
        { 0x1.81594ep-7f, 0x1.4602cp-7f, 0x1.26cd1ep-6f, -92, -53, -54, 83, -89, 40 },
        { 0x1.6f6d28p-9f, 0x1.217866p-4f, 0x1.eeecb2p-4f, 9, -22, 102, 85, -90, 64 },
        { 0x1.a2a832p-8f, 0x1.a2a832p-8f, 0x1.9123a6p-8f, -21, -54, -71, 37, 17, 64 },
    };
    const tfl_attr attr = { .activation = TFL_ACT_NONE };
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        bench b;
        begin(&b);
        input(&b, tensor(&b, TFL_TYPE_INT8, golden[i].s1, golden[i].z1, 1, 1));
        input(&b, tensor(&b, TFL_TYPE_INT8, golden[i].s2, golden[i].z2, 1, 1));
        b.out = tensor(&b, TFL_TYPE_INT8, golden[i].s, golden[i].z, 1, 1);
        operator(&b, TFL_OP_ADD, &attr);
        check_run(&b, &golden[i].a, &golden[i].b, &golden[i].y, 1);
    }
}

/* n values that sum to S: as equal as can be. */
static void spread(int8_t *x, int n, int sum)
{
    for (int i = 0; i < n; i++) {
        x[i] = (int8_t)(sum / (n - i));
        sum -= x[i];
    }
}

static void mean_values(void **state)
{
    (void)state;
    static const struct {
        float s_in, s_out;
        int z_in, z_out, n, sum;
        int8_t y;
    } golden[] = {
        { 0.5f, 0.5f, -3, -3, 49, 1234, 25 },
        { 0.05f, 0.04f, 10, -7, 49, -2000, -71 },
        { 0.5f, 0.5f, 0, 0, 4, 2, 1 },
        { 0.5f, 0.5f, 0, 0, 4, -2, -1 },
        { 0x1.460cb2p-5f, 0x1.460cb2p-5f, 57, 57, 49, -175, -4 },
        { 0x1.f8b13cp-6f, 0x1.93f514p-5f, 25, 62, 40, 309, 51 },
        { 0x1.a4732ep-5f, 0x1.a4732ep-5f, 121, 121, 35, -188, -5 },
        { 0x1.8b5f3p-4f, 0x1.4b1344p-4f, 98, 18, 12, 373, -62 },
        { 0x1.acf844p-4f, 0x1.027b8ap-5f, -4, -88, 28, 310, -38 },
        { 0x1.590538p-2f, 0x1.590538p-2f, -17, -17, 42, -892, -21 },
        { 0x1.69114p-2f, 0x1.557b1cp-1f, -57, -85, 7, 31, -52 },
        { 0x1.5f815p-7f, 0x1.58d53p-8f, -63, -126, 56, -161, -3 },
        { 0x1.f9c734p-4f, 0x1.f9c734p-4f, -6, -6, 6, 43, 7 },
        { 0x1.0cf814p-3f, 0x1.212b06p-3f, -41, -17, 48, -247, 16 },
        { 0x1.0f62eep-6f, 0x1.093444p-7f, -8, -111, 4, 81, -53 },
        { 0x1.6b2f9ap-4f, 0x1.254598p-4f, 70, 71, 6, 155, 16 },
        { 0x1.501afep-3f, 0x1.71cd2ep-4f, 53, 39, 28, -603, -97 },
        { 0x1.5f1c9p-4f, 0x1.979bd8p-5f, 11, -44, 12, -122, -81 },
        { 0x1.3fcadep-6f, 0x1.3fcadep-6f, -108, -108, 28, 41, 2 },
        { 0x1.469876p-4f, 0x1.342cb8p-4f, -53, 13, 16, 65, 74 },
    };
    const tfl_attr attr = { .keep_dims = true };
    const int32_t axis = 1;
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        bench b;
        int8_t x[64];
        begin(&b);
        input(&b, tensor(&b, TFL_TYPE_INT8, golden[i].s_in, golden[i].z_in, 1, golden[i].n));
        assert_ok(tfl_add_ints(&b.in[b.n_in++], b.m, "axes", &axis, 1));
        b.out = tensor(&b, TFL_TYPE_INT8, golden[i].s_out, golden[i].z_out, 1, 1);
        operator(&b, TFL_OP_MEAN, &attr);
        spread(x, golden[i].n, golden[i].sum);
        check_run(&b, x, NULL, &golden[i].y, 1);
    }
}

static void softmax_values(void **state)
{
    (void)state;
    static const struct {
        float scale, beta;
        int n;
        int8_t x[8], y[8];
    } golden[] = {
        { 0.1f, 1, 5, { 127, 100, -20, 0, -128 }, { 112, -112, -128, -128, -128 } },
        { 0.1f, 1, 1, { 5 }, { 127 } },
        { 0.1f, 1, 2, { 5, 5 }, { 0, 0 } },
        { 0x1.f36698p-8f,
          1,
          8,
          { -126, -75, -80, 58, -88, 56, -101, -111 },
          { -112, -104, -105, -61, -106, -62, -108, -110 } },
        { 0x1.b6deep-8f, 1, 3, { -72, -16, -70 }, { -54, -21, -53 } },
        { 0x1.9ebb36p-10f,
          1,
          8,
          { -59, -30, -103, -7, -4, -5, 50, -9 },
          { -98, -97, -100, -95, -95, -95, -92, -95 } },
        { 0x1.a6d832p-9f,
          0.5f,
          6,
          { -4, -79, -101, -96, 44, -65 },
          { -82, -87, -89, -89, -79, -86 } },
        { 0x1.678118p-6f,
          1,
          7,
          { 111, 4, 10, 28, -12, -91, 10 },
          { 37, -112, -110, -101, -117, -126, -110 } },
        { 0x1.b1194ep-2f,
          1,
          7,
          { 99, 103, -121, 75, -73, -61, -113 },
          { -88, 88, -128, -128, -128, -128, -128 } },
        { 0x1.3f194ep-5f, 1, 4, { 93, -82, -57, -117 }, { 127, -128, -127, -128 } },
    };
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++)
        for (int is_unsigned = 0; is_unsigned < 2; is_unsigned++) {
            bench b;
            int8_t x[8], y[8];
            enum tfl_type type = is_unsigned ? TFL_TYPE_UINT8 : TFL_TYPE_INT8;
            const tfl_attr attr = { .beta = golden[i].beta };
            for (int k = 0; k < golden[i].n; k++) {
                x[k] = (int8_t)(golden[i].x[k] ^ (is_unsigned ? -128 : 0));
                y[k] = (int8_t)(golden[i].y[k] ^ (is_unsigned ? -128 : 0));
            }
            begin(&b);
            input(&b, tensor(&b, type, golden[i].scale, 0, 1, golden[i].n));
            b.out = tensor(&b, type, 1.0f / 256, is_unsigned ? 0 : -128, 1, golden[i].n);
            operator(&b, TFL_OP_SOFTMAX, &attr);
            check_run(&b, x, NULL, y, (size_t)golden[i].n);
        }
}

static void hard_swish_values(void **state)
{
    (void)state;
    static const struct {
        float s_in, s_out;
        int z_in, z_out;
        int8_t y[16]; /* of -128, -111, ... 127 */
    } golden[] = {
        { 0x1.d6ab9ep-1f,
          0x1.212d9cp-2f,
          32,
          -115,
          { -115, -115, -115, -115, -115, -115, -115, -115, -115, -115, -82, -27, 28, 84, 127,
            127 } },
        { 0x1.3b5daap-2f,
          0x1.8f733cp-3f,
          -120,
          -66,
          { -67, -52, -25, 2, 29, 56, 82, 109, 127, 127, 127, 127, 127, 127, 127, 127 } },
        { 0x1.9af8aep-2f,
          0x1.0533fap-2f,
          24,
          22,
          { 22, 22, 22, 22, 22, 22, 22, 22, 22, 23, 50, 77, 104, 127, 127, 127 } },
        { 0x1.950218p-9f,
          0x1.8f9c9p-8f,
          -40,
          -89,
          { -109, -106, -102, -98, -94, -90, -85, -81, -76, -71, -66, -61, -56, -51, -45, -39 } },
        { 0x1.2401d6p-4f,
          0x1.2a11d6p-6f,
          -44,
          -59,
          { -59, -59, -59, -73, -78, -57, -9, 67, 127, 127, 127, 127, 127, 127, 127, 127 } },
    };
    const tfl_attr attr = { .beta = 0 };
    int8_t x[16];
    for (int i = 0; i < 16; i++)
        x[i] = (int8_t)(17 * i - 128);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        bench b;
        begin(&b);
        input(&b, tensor(&b, TFL_TYPE_INT8, golden[i].s_in, golden[i].z_in, 1, 16));
        b.out = tensor(&b, TFL_TYPE_INT8, golden[i].s_out, golden[i].z_out, 1, 16);
        operator(&b, TFL_OP_HARD_SWISH, &attr);
        check_run(&b, x, NULL, golden[i].y, 16);
    }
}

/* Constants for a layer with one input channel, one output and a weight of 1: the accumulator is
 * the input less its zero point, plus the bias. */
static void add_layer(bench *b, const int32_t *bias, int n)
{
    static const int8_t one = 1;
    const int64_t zero = 0;
    const float s_w = 0x1.13404ep-8f, s_b = 0x1.810624p-6f * 0x1.13404ep-8f;
    tfl_tensor w = { .name = "w",
                     .type = TFL_TYPE_INT8,
                     .rank = 2,
                     .dim = { n, 1 },
                     .bytes = (size_t)n,
                     .quant = { 1, &s_w, &zero, 0, NULL, NULL } };
    int8_t *ones = nn_arena_alloc(b->arena, (size_t)n);
    memset(ones, one, (size_t)n);
    w.data = ones;
    tfl_tensor c = { .name = "b",
                     .type = TFL_TYPE_INT32,
                     .rank = 1,
                     .dim = { n },
                     .data = bias,
                     .bytes = 4 * (size_t)n,
                     .quant = { 1, &s_b, &zero, 0, NULL, NULL } };
    assert_ok(tfl_add_tensor(&b->in[b->n_in++], b->m, &w));
    assert_ok(tfl_add_tensor(&b->in[b->n_in++], b->m, &c));
}

/* FULLY_CONNECTED rounds once, in double; the fixed-point result differs in each of these cases. */
static void dense_rounds_in_double(void **state)
{
    (void)state;
    static const int32_t acc[] = { -19963, -15827, -11373, -7078,  -3579, 1352, 4692,
                                   9146,   13441,  17736,  0,      1,     79,   80,
                                   4444,   -4444,  19999,  -20000, -19008 };
    static const int8_t want[] = { -125, -99, -71, -44, -22, 8,   29,  57,   84,  111,
                                   0,    0,   0,   1,   28,  -28, 126, -126, -119 };
    enum { N = sizeof want };
    const tfl_attr attr = { .dense = { TFL_ACT_NONE, false } };
    const int8_t x = 0;
    bench b;
    begin(&b);
    input(&b, tensor(&b, TFL_TYPE_INT8, 0x1.810624p-6f, 0, 1, 1));
    add_layer(&b, acc, N);
    b.out = tensor(&b, TFL_TYPE_INT8, 0x1.013a92p-6f, 0, 1, N);
    operator(&b, TFL_OP_FULLY_CONNECTED, &attr);
    check_run(&b, &x, NULL, want, N);
}

static void table_values(void **state)
{
    (void)state;
    const tfl_attr attr = { .beta = 0 };
    const int8_t x[] = { -128, -60, 0, 3, 4, 60, 127 };
    const int8_t logistic[] = { -128, -117, -10, 0, 3, 114, 127 };
    bench b;
    begin(&b);
    input(&b, tensor(&b, TFL_TYPE_INT8, 0.05f, 3, 1, 7));
    b.out = tensor(&b, TFL_TYPE_INT8, 1.0f / 256, -128, 1, 7);
    operator(&b, TFL_OP_LOGISTIC, &attr);
    check_run(&b, x, NULL, logistic, 7);

    const float real[] = { 0.05f, -0.05f, 0.15f, 0.25f, 1e30f, -1e30f };
    const int8_t codes[] = { 6, 4, 7, 8, 127, -128 };
    begin(&b);
    input(&b, tensor(&b, TFL_TYPE_FLOAT32, 0, 0, 1, 6));
    b.out = tensor(&b, TFL_TYPE_INT8, 0.1f, 5, 1, 6);
    operator(&b, TFL_OP_QUANTIZE, &attr);
    check_run(&b, real, NULL, codes, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_values),
        cmocka_unit_test(mean_values),
        cmocka_unit_test(softmax_values),
        cmocka_unit_test(hard_swish_values),
        cmocka_unit_test(dense_rounds_in_double),
        cmocka_unit_test(table_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
