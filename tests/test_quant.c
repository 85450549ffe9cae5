/* quant: which tensors have ranges, how ranges follow data, what folding and insertion leave
 * unchanged. */
#include <math.h>

#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "quant/quant.h"
#include "tests/testing.h"

enum { BATCH = 8, SIDE = 8, CHANNELS = 3, CLASSES = 4 };

/* ---- ranges ---------------------------------------------------------------------------------- */

/* EMA .999 over batch maxima 2, 4, 1, 3: debiased 2.0, 3.0005, 2.333, 2.5. */
static void ema_is_debiased(void **state)
{
    (void)state;
    nn_real min = 0, max = 0, scale = 0, zero = 0, memory[3] = { 0 };
    nn_range_state s = { 1, &min, &max, &scale, &zero, memory, NULL };
    const float batch[] = { 2, 4, 1, 3 }, lowest = 0.5f; /* a minimum above 0 counts as 0 */
    const double want[] = { 2.0, 3.0005, 2.3330, 2.5 };
    for (int i = 0; i < 4; i++) {
        quant_range_ema.observe(&s, &lowest, &batch[i]);
        assert_true(fabs((double)max - want[i]) < 6e-4 && min == 0);
    }
}

static void minmax_keeps_the_extremes(void **state)
{
    (void)state;
    nn_real min = 0, max = 0, scale = 0, zero = 0, memory[3] = { 0 };
    nn_range_state s = { 1, &min, &max, &scale, &zero, memory, NULL };
    const float lo[] = { 1, -2, 0 }, hi[] = { 2, 1, 1 };
    for (int i = 0; i < 3; i++)
        quant_range_minmax.observe(&s, &lo[i], &hi[i]);
    assert_true(min == -2 && max == 2);
    quant_range_last.observe(&s, &lo[0], &hi[0]);
    assert_true(min == 1 && max == 2);
}

static void unknown_range_suggests_one(void **state)
{
    (void)state;
    assert_null(quant_range_by_name("minmx"));
    assert_non_null(strstr(nn_message(), "minmax"));
}

static void input_affine_wants_a_whole_mean(void **state)
{
    (void)state;
    nn_affine a;
    assert_ok(quant_input_affine(&a, 73, 90));
    assert_true(a.scale == (float)(1.0 / 90) && a.zero_point == -55);
    assert_fails(quant_input_affine(&a, 72.5, 90), NN_EINVAL, "72.5");
    assert_fails(quant_input_affine(&a, 0, 0), NN_EINVAL, "std");
    assert_fails(quant_input_affine(&a, 0, 1e-40), NN_EINVAL, "std");
    assert_fails(quant_input_affine(&a, 0, 1e50), NN_EINVAL, "std");
    assert_fails(quant_input_affine(&a, 0, (double)NAN), NN_EINVAL, "std");
}

/* ---- a network with every kind of point ------------------------------------------------------ */

typedef struct fixture {
    nn_params *params;
    nn_graph *from, *deploy;
    quant_config config;
    nn_real image[BATCH * SIDE * SIDE * CHANNELS];
} fixture;

static nn_node *build_network(nn_graph *g)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, CHANNELS));
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 8, .k = 3 }, NN_RELU);
    nn_node *y = nn_depthwise_bn(g, x, "dw", (nn_conv){ .k = 3 }, NN_RELU6);
    y = nn_conv_bn(g, y, "pw", (nn_conv){ .out = 8, .k = 1 }, NN_LINEAR);
    x = nn_relu(g, nn_add(g, y, x, "add"), "add/relu");
    nn_node *z = nn_max_pool(g, x, "pool", (nn_conv){ .k = 3, .s = 1 });
    nn_node *w = nn_conv2d(g, x, "branch", (nn_conv){ .out = 4, .k = 1, .bias = true });
    x = nn_concat(g, (nn_node *[]){ z, w }, 2, "concat");
    x = nn_avg_pool(g, x, "avg", (nn_conv){ .k = 2 });
    x = nn_global_avg_pool(g, x, "gap");
    x = nn_dropout(g, x, "drop", 0.5);
    return nn_output(g, nn_dense(g, x, "fc", CLASSES));
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    nn_kernels_init();
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    build_network(f->from);
    assert_ok(nn_graph_check(f->from));
    f->config = quant_config_default();
    f->config.act_rule = &quant_range_minmax;
    assert_ok(quant_input_affine(&f->config.input, 128, 64));
    assert_ok(nn_graph_new(&f->deploy, f->params));
    assert_ok(quant_build(f->deploy, f->from, &f->config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 11);
    for (int i = 0; i < nn_params_count(f->params); i++) { /* statistics that are not 0 and 1 */
        nn_param *p = nn_params_at(f->params, i);
        bool var = strstr(p->name, "/var") != NULL, bn = strstr(p->name, "/bn/") != NULL;
        for (size_t k = 0; bn && k < p->count; k++)
            p->value[k] =
                (nn_real)(var ? 0.5 + 0.1 * (double)k : (double)p->value[k] + 0.05 * (double)k);
    }
    test_noise(f->image, sizeof f->image / sizeof f->image[0], 4);
    for (size_t i = 0; i < sizeof f->image / sizeof f->image[0]; i++) /* pixels */
        f->image[i] = (nn_real)((round((double)f->image[i] * 127.0 + 128.0) - 128.0) / 64.0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    nn_graph_free(f->deploy);
    nn_graph_free(f->from);
    nn_params_free(f->params);
    free(f);
    return 0;
}

static const char *how_of(const fixture *f, const char *name, int *leader)
{
    static quant_point points[128];
    assert_ok(quant_points_find(points, f->from, f->config.input));
    const nn_node *n = nn_graph_find(f->from, name);
    assert_non_null(n);
    *leader = points[n->index].leader;
    return quant_how_name(points[n->index].how);
}

static void every_tensor_has_its_place(void **state)
{
    const fixture *f = *state;
    static const struct {
        const char *node, *how, *leader;
    } want[] = {
        { "image", "fixed", "image" },
        { "stem", "fused", NULL },
        { "stem/bn", "fused", NULL },
        { "stem/relu", "observed", "stem/relu" },
        { "dw/relu6", "observed", "dw/relu6" },
        { "pw/bn", "observed", "pw/bn" },
        { "add", "fused", NULL },
        { "add/relu", "observed", "concat" },
        { "pool", "kept", "concat" },
        { "branch", "observed", "concat" },
        { "concat", "observed", "concat" },
        { "avg", "rounded", "concat" },
        { "gap", "observed", "gap" },
        { "drop", "kept", "gap" },
        { "fc", "observed", "fc" },
        { "stem/weight", "weights", NULL },
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        int leader = -1;
        assert_string_equal(how_of(f, want[i].node, &leader), want[i].how);
        if (want[i].leader != NULL)
            assert_string_equal(nn_graph_node(f->from, leader)->name, want[i].leader);
    }
}

static void batch_norm_without_convolution_is_refused(void **state)
{
    fixture *f = *state;
    nn_graph *g = NULL, *to = NULL;
    nn_params *ps = NULL;
    assert_ok(nn_params_new(&ps));
    assert_ok(nn_graph_new(&g, ps));
    assert_ok(nn_graph_new(&to, ps));
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, CHANNELS));
    nn_output(g, nn_batch_norm(g, x, "first"));
    assert_fails(quant_build(to, g, &f->config, QUANT_DEPLOY), NN_ENOTSUP, "first");
    nn_graph_free(to);
    nn_graph_free(g);
    nn_params_free(ps);
}

/* ---- values ---------------------------------------------------------------------------------- */

static nn_node *output_of(const nn_graph *g)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--)
        if (nn_graph_node(g, i)->is_output)
            return nn_graph_node(g, i);
    return NULL;
}

/* One forward pass; the logits are copied out. */
static void forward(const fixture *f, const nn_graph *g, const nn_run *run, nn_real *logits)
{
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = BATCH }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_bind(e, nn_graph_find(g, "image"), f->image);
    nn_exec_forward(e, BATCH, run);
    memcpy(logits, nn_exec_value(e, output_of(g)), BATCH * CLASSES * sizeof *logits);
    nn_exec_free(e);
    nn_plan_free(plan);
}

static void forward_stage(const fixture *f, quant_stage stage, const nn_run *run, nn_real *logits)
{
    nn_graph *g = NULL;
    assert_ok(nn_graph_new(&g, f->params));
    assert_ok(quant_build(g, f->from, &f->config, stage));
    forward(f, g, run, logits);
    nn_graph_free(g);
}

static void folding_keeps_the_function(void **state)
{
    const fixture *f = *state;
    nn_real plain[BATCH * CLASSES], folded[BATCH * CLASSES];
    const nn_run run = { .training = false };
    forward(f, f->from, &run, plain);
    forward_stage(f, QUANT_CALIBRATE, &run, folded);
    assert_true(test_relative_error(folded, plain, BATCH * CLASSES) < 1e-5);
}

static void watching_changes_no_bit(void **state)
{
    const fixture *f = *state;
    nn_real plain[BATCH * CLASSES], watched[BATCH * CLASSES];
    const nn_run run = { .training = true, .observe = true, .seed = 1 };
    forward(f, f->from, &run, plain);
    forward_stage(f, QUANT_WATCH, &run, watched);
    assert_memory_equal(plain, watched, sizeof plain);
    const nn_param *max = nn_params_find(f->params, "stem/relu/act_quant/max");
    const nn_param *tied = nn_params_find(f->params, "add/relu/act_quant/max");
    assert_true(max != NULL && max->value[0] > 0);
    assert_null(tied); /* it has the concat's */
}

/* Without ranges fakequant passes values on: then the one-convolution form is plain conv + bn. */
static void folded_training_is_plain_training_but_for_rounding(void **state)
{
    const fixture *f = *state;
    nn_real plain[BATCH * CLASSES], folded[BATCH * CLASSES];
    const nn_run run = { .training = true, .observe = false, .seed = 1 };
    nn_param *input = nn_params_find(f->params, "image/act_quant/scale");
    input->value[0] = 0;
    forward(f, f->from, &run, plain);
    forward_stage(f, QUANT_TRAIN, &run, folded);
    assert_true(test_relative_error(folded, plain, BATCH * CLASSES) < 1e-4);
}

static void calibration_makes_a_network_near_the_float_one(void **state)
{
    const fixture *f = *state;
    nn_real plain[BATCH * CLASSES], quantized[BATCH * CLASSES];
    const nn_run run = { .training = false };
    quant_array images = { f->image, SIDE * SIDE * CHANNELS, BATCH, 3, 0 };
    quant_pictures pictures = quant_pictures_of(&images);
    const quant_calibration minmax = { .how = &quant_calibrator_minmax };
    assert_ok(quant_calibrate(f->from, &f->config, &minmax, &pictures));
    forward(f, f->from, &run, plain);
    forward(f, f->deploy, &run, quantized);
    double error = test_relative_error(quantized, plain, BATCH * CLASSES);
    assert_true(error > 0 && error < 0.03);
    const nn_param *scale = nn_params_find(f->params, "fc/act_quant/scale");
    for (int i = 0; i < BATCH * CLASSES; i++) { /* on the grid */
        double code = (double)quantized[i] / (double)scale->value[0];
        assert_true(fabs(code - round(code)) < 1e-3);
    }
    images.n = 0;
    assert_fails(quant_calibrate(f->from, &f->config, &minmax, &pictures), NN_EINVAL,
                 "calibration");
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ema_is_debiased),
        cmocka_unit_test(minmax_keeps_the_extremes),
        cmocka_unit_test(unknown_range_suggests_one),
        cmocka_unit_test(input_affine_wants_a_whole_mean),
        WITH_NETWORK(every_tensor_has_its_place),
        WITH_NETWORK(batch_norm_without_convolution_is_refused),
        WITH_NETWORK(folding_keeps_the_function),
        WITH_NETWORK(watching_changes_no_bit),
        WITH_NETWORK(folded_training_is_plain_training_but_for_rounding),
        WITH_NETWORK(calibration_makes_a_network_near_the_float_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
