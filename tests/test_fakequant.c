/* fakequant and quantbias: codes, grid, straight-through gradient, observing; their gradients are
 * not those of the functions they compute, so the generated checks of test_ops leave them out. */
#include <math.h>

#include "nn/exec.h"
#include "nn/graph.h"
#include "nn/ops/requantize.h"
#include "nn/range.h"
#include "quant/ranges.h"
#include "runtime/requant.h"
#include "tests/testing.h"

typedef struct fixture {
    nn_params *params;
    nn_graph *graph;
    nn_plan *plan;
    nn_exec *exec;
    nn_node *x, *y;
} fixture;

static nn_node *state(nn_graph *g, const char *name, int count)
{
    return nn_param_node(g, name, NN_SHAPE(count), NN_PARAM_STATE,
                         (nn_init){ .kind = NN_INIT_CONSTANT });
}

/* x is a trained parameter, so that its gradient can be looked at; the loss is mse(y, 0). */
static void build(fixture *f, nn_shape shape, const nn_fakequant_attr *a)
{
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->graph, f->params));
    nn_graph *g = f->graph;
    int c = a->axis < 0 ? 1 : shape.dim[a->axis];
    f->x = nn_param_node(g, "x", shape, NN_PARAM_WEIGHT, (nn_init){ .kind = NN_INIT_CONSTANT });
    nn_node *in[] = { f->x,
                      state(g, "min", c),
                      state(g, "max", c),
                      state(g, "scale", c),
                      state(g, "zero", c),
                      state(g, "memory", 2 * c + 1) };
    f->y =
        nn_output(g, nn_node_new(g, NN_OP_fakequant, "fq", in, 6, &(nn_attr){ .fakequant = *a }));
    nn_node *zero =
        nn_param_node(g, "target", shape, NN_PARAM_STATE, (nn_init){ .kind = NN_INIT_CONSTANT });
    nn_node *loss = nn_node_new(g, NN_OP_mse, "loss", (nn_node *[]){ f->y, zero }, 2, NULL);
    assert_ok(nn_graph_check(g));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 1);
    assert_ok(nn_plan_new(&f->plan, g, &(nn_plan_options){ .batch = 1, .loss = loss }));
    assert_ok(nn_exec_new(&f->exec, f->plan, NULL));
}

static void release(fixture *f)
{
    nn_exec_free(f->exec);
    nn_plan_free(f->plan);
    nn_graph_free(f->graph);
    nn_params_free(f->params);
}

static void set(fixture *f, const char *name, int i, double value)
{
    nn_params_find(f->params, name)->value[i] = (nn_real)value;
}

static double get(fixture *f, const char *name, int i)
{
    return (double)nn_params_find(f->params, name)->value[i];
}

static void run(fixture *f, bool observe)
{
    const nn_run r = { .training = true, .observe = observe };
    nn_exec_forward(f->exec, 1, &r);
    nn_exec_backward(f->exec, 1, &r);
}

/* Scale and zero point of (-.5, 1) over 255 steps; values of quantization's textbook example. */
static void quantizes_to_the_grid_and_passes_gradients_inside(void **s)
{
    (void)s;
    fixture f = { 0 };
    const nn_fakequant_attr a = { .mode = NN_FQ_QUANTIZE, .grid = { -128, 127 }, .axis = -1 };
    const double x[] = { -2, -0.3, 0.1, 0.5, 7, -0.5, 1, 0 };
    const double want[] = { -0.5, -0.3, 0.1, 0.5, 1, -0.5, 1, 0 };
    enum { N = 8 };
    build(&f, NN_SHAPE(N), &a);
    set(&f, "scale", 0, (double)(float)(1.5 / 255));
    set(&f, "zero", 0, -43);
    for (int i = 0; i < N; i++)
        set(&f, "x", i, x[i]);
    run(&f, false);
    const nn_real *y = nn_exec_value(f.exec, f.y);
    for (int i = 0; i < N; i++)
        assert_true(fabs((double)y[i] - want[i]) < 1e-6);
    assert_true(y[7] == 0); /* exactly */
    for (int i = 0; i < N; i++) {
        bool inside = i != 0 && i != 4;
        double dy = 2.0 * (double)y[i] / N; /* of mse */
        double dx = (double)f.x->param->grad[i];
        /* the ends of the range are as exact as binary32 is; they may fall to either side */
        if (i != 5 && i != 6)
            assert_true(inside ? fabs(dx - dy) < 1e-7 : dx == 0);
    }
    release(&f);
}

static void agrees_with_the_codes_of_affine(void **s)
{
    (void)s;
    fixture f = { 0 };
    enum { N = 4096 };
    const nn_grid grid = { -7, 7 };
    const nn_fakequant_attr a = { .mode = NN_FQ_QUANTIZE, .grid = grid, .axis = -1 };
    const nn_affine q = { 0.037f, 2 };
    build(&f, NN_SHAPE(N), &a);
    set(&f, "scale", 0, (double)q.scale);
    set(&f, "zero", 0, q.zero_point);
    test_noise(f.x->param->value, N, 3);
    f.x->param->value[0] = (nn_real)NAN;
    run(&f, false);
    const nn_real *y = nn_exec_value(f.exec, f.y);
    for (int i = 0; i < N; i++)
        assert_true((float)y[i] ==
                    nn_affine_value(nn_affine_code((float)f.x->param->value[i], q, grid), q));
    release(&f);
}

static void without_a_range_or_watching_it_passes_on(void **s)
{
    (void)s;
    for (int mode = NN_FQ_OBSERVE; mode <= NN_FQ_QUANTIZE; mode++) {
        fixture f = { 0 };
        const nn_fakequant_attr a = { .mode = (nn_fq_mode)mode, .grid = { -128, 127 }, .axis = -1 };
        build(&f, NN_SHAPE(100), &a);
        set(&f, "scale", 0, mode == NN_FQ_OBSERVE ? 1 : 0);
        test_noise(f.x->param->value, 100, 8);
        run(&f, false);
        assert_memory_equal(nn_exec_value(f.exec, f.y), f.x->param->value, 100 * sizeof(nn_real));
        for (int i = 0; i < 100; i++)
            assert_true(fabs((double)f.x->param->grad[i] - (double)f.x->param->value[i] / 50) <
                        1e-7);
        release(&f);
    }
}

/* Axis 0 of a convolution's weight, axis 3 of a depthwise one, and all at once. */
static void observes_each_channel(void **s)
{
    (void)s;
    static const int axes[] = { 0, 3, -1 };
    for (int k = 0; k < 3; k++) {
        fixture f = { 0 };
        const nn_fakequant_attr a = { .mode = NN_FQ_QUANTIZE,
                                      .rule = &quant_range_last,
                                      .grid = { -127, 127 },
                                      .symmetric = true,
                                      .axis = axes[k] };
        const int dim[4] = { 5, 3, 2, 6 };
        build(&f, NN_SHAPE(5, 3, 2, 6), &a);
        enum { N = 5 * 3 * 2 * 6 };
        test_noise(f.x->param->value, N, 2);
        run(&f, true);
        int channels = axes[k] < 0 ? 1 : dim[axes[k]];
        for (int c = 0; c < channels; c++) {
            double lo = 1e9, hi = -1e9;
            for (int i = 0; i < N; i++) {
                int at = axes[k] == 0 ? i / (N / 5) : axes[k] == 3 ? i % 6 : 0;
                lo = at == c ? fmin(lo, get(&f, "x", i)) : lo;
                hi = at == c ? fmax(hi, get(&f, "x", i)) : hi;
            }
            assert_true(fabs(get(&f, "min", c) - lo) < 1e-7 && fabs(get(&f, "max", c) - hi) < 1e-7);
            double scale = fmax(fabs(lo), fabs(hi)) / 127;
            assert_true(fabs(get(&f, "scale", c) - scale) < 1e-7 && get(&f, "zero", c) == 0);
        }
        release(&f);
    }
}

static void state_of_another_size_is_refused(void **s)
{
    (void)s;
    fixture f = { 0 };
    assert_ok(nn_params_new(&f.params));
    assert_ok(nn_graph_new(&f.graph, f.params));
    nn_node *x = state(f.graph, "x", 9), *two = state(f.graph, "two", 2);
    nn_node *in[] = { x, two, two, two, two, two };
    nn_attr a = { .fakequant = { .grid = { -128, 127 }, .axis = -1 } };
    nn_node_new(f.graph, NN_OP_fakequant, "fq", in, 6, &a);
    assert_fails(nn_graph_check(f.graph), NN_ESHAPE, "fq");
    nn_graph_free(f.graph);
    nn_params_free(f.params);
}

/* y = s round(b / s), half away from zero; the gradient passes. */
static void bias_is_rounded_as_the_file_holds_it(void **s)
{
    (void)s;
    nn_params *ps = NULL;
    nn_graph *g = NULL;
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    assert_ok(nn_params_new(&ps));
    assert_ok(nn_graph_new(&g, ps));
    nn_node *b =
        nn_param_node(g, "b", NN_SHAPE(3), NN_PARAM_BIAS, (nn_init){ .kind = NN_INIT_CONSTANT });
    nn_node *in[] = { b, state(g, "x_scale", 1), state(g, "w_scale", 3) };
    nn_node *y = nn_output(g, nn_node_new(g, NN_OP_quantbias, "q", in, 3, NULL));
    nn_node *zero = state(g, "zero", 3);
    nn_node *loss = nn_node_new(g, NN_OP_mse, "loss", (nn_node *[]){ y, zero }, 2, NULL);
    assert_ok(nn_graph_check(g));
    assert_ok(nn_params_collate(ps));
    const nn_real bias[] = { (nn_real)0.3, (nn_real)-0.375, 5 }, scale[] = { 1, (nn_real)0.5, 0 };
    memcpy(b->param->value, bias, sizeof bias);
    nn_params_find(ps, "x_scale")->value[0] = (nn_real)0.25;
    memcpy(nn_params_find(ps, "w_scale")->value, scale, sizeof scale);
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = 1, .loss = loss }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_forward(e, 1, &(nn_run){ .training = true });
    nn_exec_backward(e, 1, &(nn_run){ .training = true });
    const nn_real *v = nn_exec_value(e, y);
    assert_true(v[0] == (nn_real)0.25 && v[1] == (nn_real)-0.375 && v[2] == 5);
    for (int i = 0; i < 3; i++)
        assert_true(fabs((double)b->param->grad[i] - 2.0 * (double)v[i] / 3) < 1e-6);
    nn_exec_free(e);
    nn_plan_free(plan);
    nn_graph_free(g);
    nn_params_free(ps);
}

/* Accumulators come back from their reals, and their codes are the device's, which rounds twice. */
static void requantizes_as_the_device_does(void **s)
{
    (void)s;
    enum { ROWS = 500, CHANNELS = 3 };
    static nn_real x[ROWS * CHANNELS], y[ROWS * CHANNELS];
    static int32_t acc[ROWS * CHANNELS];
    const nn_real w[CHANNELS] = { (nn_real)0.021f, (nn_real)0.0173f, (nn_real)0.0305f };
    const nn_requantize r = { .x_scale = (double)0.031f,
                              .w_scale = w,
                              .w_scales = CHANNELS,
                              .out = { 0.0472f, -7 },
                              .grid = { -128, 127 } };
    char scratch[256];
    assert_true(nn_requantize_bytes(CHANNELS) <= sizeof scratch);
    for (int i = 0; i < ROWS * CHANNELS; i++) {
        acc[i] = test_noise_int(5, (uint64_t)i, -8000, 8000);
        x[i] = (nn_real)((float)(acc[i] * (r.x_scale * (double)w[i % CHANNELS])));
    }
    nn_requantize_rows(&r, y, x, ROWS, CHANNELS, scratch);
    int differ = 0;
    for (int i = 0; i < ROWS * CHANNELS; i++) {
        rt_multiplier m;
        double product = r.x_scale * (double)w[i % CHANNELS];
        assert_true(rt_multiplier_of(product / (double)r.out.scale, &m));
        int32_t code = rt_requant(acc[i], m, RT_ROUND_TWICE) + r.out.zero_point;
        code = code < -128 ? -128 : code > 127 ? 127 : code;
        assert_true((float)y[i] == nn_affine_value(code, r.out));
        differ += code != nn_affine_code((float)x[i], r.out, r.grid);
    }
    assert_true(differ > 0); /* rounding once is another function */
}

/* uint8 kernels round the product of the scales to binary32, which moves one code in a million. */
static void requantizes_as_uint8_kernels_do(void **s)
{
    (void)s;
    enum { MOST = 12000000, CHANNELS = 1 };
    const nn_real w = (nn_real)0x1.652bd4p-7f;
    nn_requantize r = { .x_scale = (double)0x1.020408p-7f,
                        .w_scale = &w,
                        .w_scales = 1,
                        .out = { 16.0f, 0 },
                        .grid = { -128, 127 } };
    rt_multiplier narrow, wide;
    char scratch[64];
    double product = r.x_scale * (double)w;
    assert_true(rt_multiplier_of((double)(float)product / 16, &narrow));
    assert_true(rt_multiplier_of(product / 16, &wide));
    int differ = 0;
    for (int32_t acc = 0; acc < MOST; acc++) {
        int32_t code = rt_requant(acc, narrow, RT_ROUND_TWICE);
        if (code == rt_requant(acc, wide, RT_ROUND_TWICE))
            continue;
        differ++;
        for (int k = 0; k < 2; k++) {
            nn_real y, x = (nn_real)((float)(acc * product));
            r.is_uint8 = k == 0;
            nn_requantize_rows(&r, &y, &x, 1, CHANNELS, scratch);
            assert_int_equal((float)y == nn_affine_value(code, r.out), k == 0);
        }
    }
    assert_true(differ > 0);
}

/* Averages of codes: halves go away from code 0, whatever the zero point. */
static void pools_round_codes_as_they_are(void **s)
{
    (void)s;
    nn_requantize r = { .x_scale = 1, .out = { 0.1f, -128 }, .grid = { -128, 127 } };
    const double average[] = { -10.5, 10.5, -10.25, 3, -0.5 };
    const int want[2][5] = { { -11, 11, -10, 3, -1 }, { -10, 11, -10, 3, 0 } };
    for (int k = 0; k < 2; k++) {
        r.is_uint8 = k == 1; /* uint8 codes are greater by 128, so that code 0 lies elsewhere */
        for (int i = 0; i < 5; i++) {
            char scratch[64];
            nn_real y, x = (nn_real)((average[i] + 128) * (double)0.1f);
            nn_requantize_rows(&r, &y, &x, 1, 1, scratch);
            assert_true((float)y == nn_affine_value(want[k][i], r.out));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantizes_to_the_grid_and_passes_gradients_inside),
        cmocka_unit_test(agrees_with_the_codes_of_affine),
        cmocka_unit_test(without_a_range_or_watching_it_passes_on),
        cmocka_unit_test(observes_each_channel),
        cmocka_unit_test(state_of_another_size_is_refused),
        cmocka_unit_test(bias_is_rounded_as_the_file_holds_it),
        cmocka_unit_test(requantizes_as_the_device_does),
        cmocka_unit_test(requantizes_as_uint8_kernels_do),
        cmocka_unit_test(pools_round_codes_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
