/* fold_device: channels that batch norm has all but switched off, on the device: their biases are
 * large beside the scales of their weights, and must fit an int32 all the same. */
#include <math.h>

#include "export/integer.h"
#include "export/lower.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "nn/exec.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "tests/testing.h"

enum { BATCH = 8, SIDE = 6, IMAGE = 3, CHANNELS = 6 };
enum { PIXELS = SIDE * SIDE * IMAGE, MOST_VALUES = SIDE * SIDE * CHANNELS };
enum { MEAN = 120 };

typedef enum kind { CONV, DEPTHWISE, PLAIN, DENSE, N_KINDS } kind;

/* ---- one layer ------------------------------------------------------------------------------- */

typedef struct fixture {
    kind kind;
    bool all; /* all channels are as good as off; otherwise there are large ones beside them */
    const quant_fold *fold; /* trained so; NULL: calibrated */
    quant_config config;
    nn_params *params;
    nn_graph *from, *train, *deploy;
    nn_real image[BATCH * PIXELS];
    nn_bytes file;
} fixture;

static int pixel(int i)
{
    return test_noise_int(9, (uint64_t)i, 0, 255);
}

static nn_node *build_layer(nn_graph *g, nn_node *x, kind k)
{
    const nn_conv c = { .out = CHANNELS, .k = 3, .bias = k == PLAIN };
    if (k == DENSE)
        return nn_dense(g, nn_flatten(g, x, "flat"), "a", CHANNELS);
    if (k == DEPTHWISE)
        return nn_batch_norm(
            g, nn_depthwise(g, x, "a", (nn_conv){ .k = 3, .multiplier = CHANNELS / IMAGE }),
            "a/bn");
    x = nn_conv2d(g, x, "a", c);
    return k == PLAIN ? x : nn_batch_norm(g, x, "a/bn");
}

static nn_param *param(const fixture *f, const char *name)
{
    nn_param *p = nn_params_find(f->params, name);
    assert_non_null(p);
    return p;
}

/* By which channel c is multiplied: by 1, or by next to nothing of either sign, or by 0. */
static double factor(const fixture *f, int c)
{
    static const double factors[CHANNELS] = { 1, 1e-7, 0, -1e-7, -0.5, -1e-12 };
    return f->all && fabs(factors[c]) > 0.1 ? 1e-7 : factors[c];
}

static bool is_off(const fixture *f, int c)
{
    return fabs(factor(f, c)) < 0.1;
}

static void fill_vectors(const fixture *f)
{
    const bool bn = f->kind == CONV || f->kind == DEPTHWISE;
    nn_param *bias = param(f, bn ? "a/bn/beta" : "a/bias"), *w = param(f, "a/weight");
    for (int c = 0; c < CHANNELS; c++) {
        bias->value[c] = c % 2 != 0 ? 3 : (nn_real)-2.9; /* +-3 would be ties */
        if (bn) {
            param(f, "a/bn/gamma")->value[c] = (nn_real)factor(f, c);
            param(f, "a/bn/mean")->value[c] = (nn_real)0.1;
            continue;
        }
        const size_t fan_in = w->count / CHANNELS;
        for (size_t i = 0; i < fan_in; i++)
            w->value[(size_t)c * fan_in + i] *= (nn_real)factor(f, c);
    }
}

static void set_ranges(const fixture *f, nn_exec *train)
{
    quant_array images = { f->image, PIXELS, BATCH, BATCH, 0 };
    const quant_pictures pictures = quant_pictures_of(&images);
    const quant_calibration minmax = { .how = &quant_calibrator_minmax };
    if (f->fold == NULL) {
        assert_ok(quant_calibrate(f->from, &f->config, &minmax, &pictures));
        return;
    }
    if (f->fold->folds_away)
        quant_fold_away(f->from);
    for (int step = 0; step < 2; step++)
        nn_exec_forward(train, BATCH,
                        &(nn_run){ .training = true, .observe = true, .freeze_bn = true });
}

static nn_node *output_of(const nn_graph *g)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--)
        if (nn_graph_node(g, i)->is_output)
            return nn_graph_node(g, i);
    return NULL;
}

/* Runs a graph without training, after `before`; its outputs, in static memory. */
static const nn_real *run(const fixture *f, const nn_graph *g,
                          void (*before)(const fixture *f, nn_exec *e))
{
    static nn_real y[BATCH * MOST_VALUES];
    nn_plan *plan;
    nn_exec *e;
    const nn_node *out = output_of(g);
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = BATCH }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_bind(e, nn_graph_find(g, "image"), f->image);
    if (before != NULL)
        before(f, e);
    nn_exec_forward(e, BATCH, &(nn_run){ 0 });
    memcpy(y, nn_exec_value(e, out), nn_shape_count_batch(out->shape, BATCH) * sizeof *y);
    nn_exec_free(e);
    nn_plan_free(plan);
    return y;
}

static void write_file(fixture *f)
{
    nn_arena *arena;
    tfl_model *m;
    const ex_form form = f->config.is_uint8 ? EX_UINT8 : EX_INT8;
    assert_ok(nn_arena_new(&arena));
    assert_ok(ex_lower(&m, arena, f->deploy, form, &(ex_info){ .name = "a", .description = "" }));
    assert_ok(ex_tflite_write(&f->file, m));
    nn_arena_free(arena);
}

static void open_fixture(fixture *f)
{
    f->config.fold = f->fold != NULL ? f->fold : &quant_fold_running;
    f->config.act_rule = &quant_range_minmax;
    assert_ok(quant_input_affine(&f->config.input, MEAN, 50));
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    assert_ok(nn_graph_new(&f->train, f->params));
    assert_ok(nn_graph_new(&f->deploy, f->params));
    nn_node *x = nn_input(f->from, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, IMAGE));
    nn_output(f->from, build_layer(f->from, x, f->kind));
    assert_ok(quant_build(f->train, f->from, &f->config, QUANT_TRAIN));
    assert_ok(quant_build(f->deploy, f->from, &f->config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 5);
    fill_vectors(f);
    for (int i = 0; i < BATCH * PIXELS; i++)
        f->image[i] = (nn_real)((pixel(i) - MEAN) / 50.0);
}

static void close_fixture(fixture *f)
{
    nn_bytes_free(&f->file);
    nn_graph_free(f->deploy);
    nn_graph_free(f->train);
    nn_graph_free(f->from);
    nn_params_free(f->params);
}

/* ---- the device ------------------------------------------------------------------------------ */

/* The outputs of the file as reals; the step of its scale. */
static double run_file(const fixture *f, float *y, size_t item)
{
    ex_integer file;
    void *arena = NULL;
    assert_ok(ex_integer_open(&file, f->file.data, f->file.size, NULL));
    assert_ok(ex_integer_arena(&arena, file.model));
    const int in = rt_input(file.model, 0), out = rt_output(file.model, 0);
    const rt_tensor *t = rt_tensor_at(file.model, out);
    const int offset = f->config.is_uint8 ? 0 : 128;
    for (int i = 0; i < BATCH; i++) {
        uint8_t *codes = rt_data(file.model, arena, in);
        for (int p = 0; p < PIXELS; p++)
            codes[p] = (uint8_t)(pixel(i * PIXELS + p) - offset);
        rt_run(file.model, arena, NULL);
        rt_decode(t, y + (size_t)i * item, rt_data(file.model, arena, out), item);
    }
    const double step = (double)t->scale;
    nn_mem_free(arena);
    ex_integer_close(&file);
    return step;
}

/* Channels that are off are right but for the rounding of the result and of its zero point, the
 * others within the rounding of many products. */
static void check_values(const fixture *f, const nn_real *y, const float *exact, size_t n,
                         double step, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        const double off = fabs((double)y[i] - (double)exact[i]) / step;
        const int c = (int)(i % CHANNELS);
        if (!(off < (is_off(f, c) ? 0.76 : 4)))
            fail_msg("%s: channel %d, factor %g: %g instead of %g, in steps of %g", what, c,
                     factor(f, c), (double)y[i], (double)exact[i], step);
    }
}

static void check(fixture f)
{
    static float exact[BATCH * MOST_VALUES], device[BATCH * MOST_VALUES];
    static nn_real real[BATCH * MOST_VALUES];
    open_fixture(&f);
    const size_t item = nn_shape_count(output_of(f.from)->shape), n = BATCH * item;
    const nn_real *y = run(&f, f.from, NULL);
    for (size_t i = 0; i < n; i++)
        exact[i] = (float)y[i];
    const nn_real *trained = run(&f, f.train, set_ranges);
    write_file(&f);
    const double step = run_file(&f, device, item);
    if (f.fold != NULL)
        check_values(&f, trained, exact, n, step, "in training");
    for (size_t i = 0; i < n; i++)
        real[i] = (nn_real)device[i];
    check_values(&f, real, exact, n, step, "on the device");
    y = run(&f, f.deploy, NULL);
    for (size_t i = 0; i < n; i++)
        if (fabs((double)y[i] - (double)device[i]) > step / 2)
            fail_msg("value %zu: %g predicted, %g", i, (double)y[i], (double)device[i]);
    close_fixture(&f);
}

/* ---- all ways -------------------------------------------------------------------------------- */

static void each_kind(fixture f)
{
    for (int k = 0; k < N_KINDS; k++)
        for (int all = 0; all < 2; all++) {
            f.kind = (kind)k;
            f.all = all;
            print_message("%s, %s%s%s\n", f.fold != NULL ? f.fold->name : "calibrated",
                          (const char *[]){ "conv", "depthwise", "conv with a bias", "dense" }[k],
                          all ? ", all off" : "",
                          f.config.granularity == QUANT_PER_TENSOR ? ", one scale" : "");
            check(f);
        }
}

static void biases_fit_however_it_is_trained(void **state)
{
    (void)state;
    const quant_fold *fold;
    for (int i = 0; (fold = quant_fold_at(i)) != NULL; i++)
        each_kind((fixture){ .fold = fold, .config = quant_config_default() });
}

static void biases_fit_when_calibrated(void **state)
{
    (void)state;
    each_kind((fixture){ .config = quant_config_default() });
}

static void biases_fit_one_scale(void **state)
{
    (void)state;
    fixture f = { .config = quant_config_default() };
    f.config.granularity = QUANT_PER_TENSOR;
    each_kind(f);
    f.config.is_uint8 = true;
    f.config.weight_scheme = QUANT_AFFINE;
    each_kind(f);
    f.fold = &quant_fold_running;
    each_kind(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(biases_fit_however_it_is_trained),
        cmocka_unit_test(biases_fit_when_calibrated),
        cmocka_unit_test(biases_fit_one_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
