/* fold: every way of folding batch norms in training computes what it says: gradients against
 * central differences, plain batch norm where nothing is quantized, the deployed network's codes.
 *
 * Built in double too (make f64), where differences are exact to 1e-6. */
#include <math.h>

#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "quant/quant.h"
#include "tests/testing.h"

#ifdef NN_F64
static const double epsilon = 1e-5, tolerance = 1e-6, rounding = 1e-11;
#else
static const double epsilon = 1e-2, tolerance = 1e-2, rounding = 2e-5;
#endif

enum { BATCH = 3, SIDE = 5, CHANNELS = 6, MOST_DIFFERENCES = 8 };
enum { PIXELS = BATCH * SIDE * SIDE * 3, VALUES = BATCH * SIDE * SIDE * CHANNELS };

/* ---- a convolution and a depthwise one, each with a batch norm ------------------------------- */

typedef struct way {
    nn_graph *graph;
    nn_node *y, *loss;
    nn_plan *plan;
    nn_exec *exec;
} way;

typedef struct fixture {
    nn_params *params;
    nn_graph *from;
    quant_config config;
    way plain, train, deploy;
    nn_real image[PIXELS], target[VALUES];
    nn_real *state; /* as at first */
} fixture;

static nn_node *build_network(nn_graph *g, bool bias)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, 3));
    x = nn_conv2d(g, x, "a", (nn_conv){ .out = CHANNELS, .k = 3, .bias = bias });
    x = nn_batch_norm(g, x, "a/bn");
    x = nn_depthwise(g, x, "b", (nn_conv){ .k = 3, .bias = bias });
    return nn_output(g, nn_batch_norm(g, x, "b/bn"));
}

static nn_node *output_of(const nn_graph *g)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--)
        if (nn_graph_node(g, i)->is_output)
            return nn_graph_node(g, i);
    return NULL;
}

/* stage -1: the float graph itself. */
static void build_way(way *w, const fixture *f, int stage)
{
    assert_ok(nn_graph_new(&w->graph, f->params));
    if (stage < 0)
        assert_ok(nn_graph_rewrite(w->graph, f->from, nn_rewrite_copy, NULL, NULL));
    else
        assert_ok(quant_build(w->graph, f->from, &f->config, (quant_stage)stage));
    w->y = output_of(w->graph);
    nn_node *target = nn_input(w->graph, "target", w->y->shape);
    w->loss = nn_mean_squared_error(w->graph, w->y, target);
    assert_ok(nn_graph_check(w->graph));
}

static void plan_way(way *w, const fixture *f, bool gradients)
{
    const nn_plan_options o = { .batch = BATCH,
                                .loss = gradients ? w->loss : NULL,
                                .keep_all = true };
    assert_ok(nn_plan_new(&w->plan, w->graph, &o));
    assert_ok(nn_exec_new(&w->exec, w->plan, NULL));
    nn_exec_bind(w->exec, nn_graph_find(w->graph, "image"), f->image);
    nn_exec_bind(w->exec, nn_graph_find(w->graph, "target"), f->target);
}

static void close_way(way *w)
{
    nn_exec_free(w->exec);
    nn_plan_free(w->plan);
    nn_graph_free(w->graph);
}

static nn_param *param(const fixture *f, const char *name)
{
    nn_param *p = nn_params_find(f->params, name);
    assert_non_null(p);
    return p;
}

/* Factors of both signs, statistics that are not 0 and 1, biases. */
static void fill(fixture *f)
{
    nn_params_init(f->params, 11);
    for (int i = 0; i < nn_params_count(f->params); i++) {
        nn_param *p = nn_params_at(f->params, i);
        const char *last = strrchr(p->name, '/');
        if (strstr(p->name, "quant") != NULL || strcmp(last, "/weight") == 0)
            continue;
        test_noise(p->value, p->count, (uint64_t)i + 1);
        for (size_t k = 0; k < p->count; k++) {
            if (strcmp(last, "/var") == 0)
                p->value[k] = 1 + p->value[k] / 2;
            if (strcmp(last, "/gamma") == 0)
                p->value[k] = (k % 2 == 0 ? 1 : -1) * (1 + p->value[k] / 2);
        }
    }
    param(f, "image/act_quant/scale")->value[0] = 0; /* nothing has a range: nothing is quantized */
}

static void keep_state(fixture *f)
{
    const nn_vector v = nn_params_state(f->params);
    memcpy(f->state, v.value, v.count * sizeof *v.value);
}

static void reset_state(const fixture *f)
{
    const nn_vector v = nn_params_state(f->params);
    memcpy(v.value, f->state, v.count * sizeof *v.value);
}

static void open_fixture(fixture *f, const quant_fold *fold, bool bias)
{
    *f = (fixture){ .config = quant_config_default() };
    nn_kernels_init();
    f->config.fold = fold;
    assert_ok(quant_input_affine(&f->config.input, 128, 100));
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    build_network(f->from, bias);
    build_way(&f->plain, f, -1);
    build_way(&f->train, f, QUANT_TRAIN);
    build_way(&f->deploy, f, QUANT_DEPLOY);
    assert_ok(nn_params_collate(f->params));
    test_noise(f->image, PIXELS, 1);
    test_noise(f->target, VALUES, 2);
    for (int i = 0; i < PIXELS; i++) /* pixels */
        f->image[i] = (nn_real)(round((double)f->image[i] * 127) / 100);
    fill(f);
    plan_way(&f->plain, f, true);
    plan_way(&f->train, f, true);
    plan_way(&f->deploy, f, false);
    f->state = malloc(nn_params_state(f->params).count * sizeof *f->state);
    keep_state(f);
}

static void close_fixture(fixture *f)
{
    close_way(&f->plain);
    close_way(&f->train);
    close_way(&f->deploy);
    nn_graph_free(f->from);
    nn_params_free(f->params);
    free(f->state);
}

static const nn_real *forward(const fixture *f, const way *w, const nn_run *run)
{
    reset_state(f);
    nn_exec_forward(w->exec, BATCH, run);
    return nn_exec_value(w->exec, w->y);
}

static double loss(const fixture *f, const way *w, const nn_run *run)
{
    forward(f, w, run);
    return (double)*nn_exec_value(w->exec, w->loss);
}

/* A copy of all gradients; free it. */
static nn_real *gradients(const fixture *f, const way *w, const nn_run *run)
{
    const nn_vector v = nn_params_trained(f->params);
    nn_real *copy = malloc(v.count * sizeof *copy);
    memset(v.grad, 0, v.count * sizeof *copy);
    forward(f, w, run);
    nn_exec_backward(w->exec, BATCH, run);
    memcpy(copy, v.grad, v.count * sizeof *copy);
    return copy;
}

/* Runs `check` on every way, with and without biases, before and after freezing. */
typedef void checker(fixture *f, const nn_run *run);

static void each_fold(checker *check, bool plain_only)
{
    const quant_fold *fold;
    for (int i = 0; (fold = quant_fold_at(i)) != NULL; i++)
        for (int kind = 0; kind < 4; kind++) {
            fixture f;
            const bool bias = kind & 1, frozen = kind & 2;
            const nn_run run = { .training = true, .freeze_bn = frozen };
            if (plain_only && fold->folds_away)
                continue;
            print_message("%s%s%s\n", fold->name, bias ? ", bias" : "", frozen ? ", frozen" : "");
            open_fixture(&f, fold, bias);
            if (fold->folds_away)
                quant_fold_away(f.from);
            keep_state(&f);
            check(&f, &run);
            close_fixture(&f);
        }
}

/* ---- gradients ------------------------------------------------------------------------------- */

static void check_param(const fixture *f, const nn_run *run, nn_param *p, const nn_real *grad)
{
    const size_t step = p->count > MOST_DIFFERENCES ? p->count / MOST_DIFFERENCES : 1;
    double scale = 1e-3;
    for (size_t i = 0; i < p->count; i++)
        scale = fmax(scale, fabs((double)grad[p->offset + i]));
    for (size_t i = 0; i < p->count; i += step) {
        const nn_real x = p->value[i];
        p->value[i] = x + (nn_real)epsilon;
        const double above = loss(f, &f->train, run);
        p->value[i] = x - (nn_real)epsilon;
        const double want = (above - loss(f, &f->train, run)) / (2 * epsilon);
        const double got = (double)grad[p->offset + i];
        p->value[i] = x;
        if (!(fabs(got - want) <= tolerance * scale))
            fail_msg("gradient of %s[%zu] is %.9g, differences say %.9g", p->name, i, got, want);
    }
}

static void check_differences(fixture *f, const nn_run *run)
{
    nn_real *grad = gradients(f, &f->train, run);
    for (int i = 0; i < nn_params_count(f->params); i++) {
        nn_param *p = nn_params_at(f->params, i);
        if (nn_param_is_trained(p))
            check_param(f, run, p, grad);
    }
    free(grad);
}

static void gradients_are_differences(void **state)
{
    (void)state;
    each_fold(check_differences, false);
}

/* ---- without quantization -------------------------------------------------------------------- */

static void check_plain(fixture *f, const nn_run *run)
{
    const nn_vector s = nn_params_state(f->params);
    if (f->config.fold != &quant_fold_running) /* there it is dead */
        param(f, "a/bn/gamma")->value[2] = 0;
    nn_real *grad = gradients(f, &f->plain, run), *stats = malloc(s.count * sizeof *stats);
    const double want = (double)*nn_exec_value(f->plain.exec, f->plain.loss);
    memcpy(stats, s.value, s.count * sizeof *stats);
    nn_real *folded = gradients(f, &f->train, run);
    const double got = (double)*nn_exec_value(f->train.exec, f->train.loss);
    assert_true(fabs(got - want) < rounding * want);
    for (int i = 0; i < nn_params_count(f->params); i++) {
        const nn_param *p = nn_params_at(f->params, i);
        if (nn_param_is_trained(p) &&
            test_relative_error(folded + p->offset, grad + p->offset, p->count) > 10 * rounding) {
            double size = 0;
            for (size_t k = 0; k < p->count; k++)
                size = fmax(size, fabs((double)grad[p->offset + k]));
            if (size > 10 * rounding) /* a bias before batch norm has none */
                fail_msg("gradient of %s", p->name);
        }
    }
    assert_true(test_relative_error(s.value, stats, s.count) < rounding);
    free(grad);
    free(folded);
    free(stats);
}

static void unquantized_it_is_batch_norm(void **state)
{
    (void)state;
    each_fold(check_plain, true);
}

/* The float network, before and after its batch norms are folded away. */
static void folding_away_keeps_the_function(void **state)
{
    (void)state;
    for (int bias = 0; bias < 2; bias++) {
        fixture f;
        const nn_run run = { .training = false };
        nn_real before[VALUES];
        open_fixture(&f, &quant_fold_prefold, bias);
        memcpy(before, forward(&f, &f.plain, &run), sizeof before);
        quant_fold_away(f.from);
        keep_state(&f);
        assert_true(test_relative_error(forward(&f, &f.plain, &run), before, VALUES) < rounding);
        assert_true(test_relative_error(forward(&f, &f.train, &run), before, VALUES) < rounding);
        assert_true(param(&f, "a/bn/gamma")->value[0] == 1 &&
                    param(&f, "b/bn/mean")->value[1] == 0);
        close_fixture(&f);
    }
}

/* A dead channel gives beta and gradients that are numbers. */
static void gamma_0_is_a_dead_channel(void **state)
{
    (void)state;
    fixture f;
    const nn_run run = { .training = true };
    const size_t dead = 2, fan_in = 3 * 3 * 3;
    open_fixture(&f, &quant_fold_running, false);
    param(&f, "a/bn/gamma")->value[dead] = 0;
    nn_real *grad = gradients(&f, &f.train, &run);
    const nn_param *w = param(&f, "a/weight"), *beta = param(&f, "a/bn/beta");
    const nn_real *y = nn_exec_value(f.train.exec, nn_graph_find(f.train.graph, "a/bn"));
    for (size_t i = 0; i < VALUES; i += CHANNELS)
        assert_true(y[i + dead] == beta->value[dead]);
    for (size_t i = 0; i < nn_params_trained(f.params).count; i++)
        assert_true(isfinite((double)grad[i]));
    for (size_t i = 0; i < fan_in; i++)
        assert_true(grad[w->offset + dead * fan_in + i] == 0);
    free(grad);
    close_fixture(&f);
}

/* ---- with quantization ----------------------------------------------------------------------- */

/* Gives everything its range, by one training pass. */
static void quantize(fixture *f)
{
    const nn_affine image = f->config.input;
    param(f, "image/act_quant/scale")->value[0] = (nn_real)image.scale;
    param(f, "image/act_quant/zero_point")->value[0] = (nn_real)image.zero_point;
    keep_state(f);
    forward(f, &f->train, &(nn_run){ .training = true, .observe = true });
    keep_state(f);
}

/* What is trained with frozen statistics is what is evaluated, bit for bit. */
static void check_frozen(fixture *f, const nn_run *run)
{
    nn_real trained[VALUES];
    quantize(f);
    if (!run->freeze_bn)
        return;
    memcpy(trained, forward(f, &f->train, run), sizeof trained);
    assert_memory_equal(trained, forward(f, &f->train, &(nn_run){ 0 }), sizeof trained);
}

static void frozen_training_is_evaluation(void **state)
{
    (void)state;
    each_fold(check_frozen, false);
}

/* The deployed network is the frozen one but for the bias's and the accumulator's rounding, with
 * any gamma. */
static void check_deployed(fixture *f, const nn_run *run)
{
    nn_real trained[VALUES];
    if (!f->config.fold->folds_away) {
        param(f, "a/bn/gamma")->value[1] = 0;
        param(f, "b/bn/gamma")->value[2] = 0;
        param(f, "b/bn/gamma")->value[3] = (nn_real)-1e-7;
    }
    quantize(f);
    forward(f, &f->train, &(nn_run){ .training = true, .observe = true });
    keep_state(f);
    if (!run->freeze_bn)
        return;
    memcpy(trained, forward(f, &f->train, run), sizeof trained);
    const nn_real *deployed = forward(f, &f->deploy, &(nn_run){ 0 });
    const double step = (double)param(f, "b/bn/act_quant/scale")->value[0];
    for (int i = 0; i < VALUES; i++)
        if (!(fabs((double)deployed[i] - (double)trained[i]) < 2.5 * step))
            fail_msg("value %d is %.9g deployed, %.9g in training, in steps of %.3g", i,
                     (double)deployed[i], (double)trained[i], step);
}

static void deployed_is_frozen(void **state)
{
    (void)state;
    each_fold(check_deployed, false);
}

static int code_of(const nn_real *w, const nn_real *scale, size_t i, size_t channel)
{
    return (int)round((double)w[i] / (double)scale[channel]);
}

/* Codes of a layer's weight: in training, and deployed, `step` apart for each channel. */
static void check_codes(const fixture *f, const char *layer, size_t fan_in, size_t step)
{
    char name[64];
    enum { SCALE = 3 };
    snprintf(name, sizeof name, "%s/weight/quant", layer);
    const nn_node *q = nn_graph_find(f->train.graph, name);
    snprintf(name, sizeof name, "%s/weight/folded/quant", layer);
    const nn_node *d = nn_graph_find(f->deploy.graph, name);
    snprintf(name, sizeof name, "%s/bn/gamma", layer);
    const nn_param *gamma = param(f, name);
    assert_true(q != NULL && d != NULL);
    const nn_real *from = nn_exec_value(f->train.exec, q), *to = nn_exec_value(f->deploy.exec, d);
    const nn_real *s = nn_exec_value(f->train.exec, q->in[SCALE]);
    const nn_real *t = nn_exec_value(f->deploy.exec, d->in[SCALE]);
    for (size_t o = 0; o < CHANNELS; o++) {
        const double g = (double)gamma->value[o];
        const int sign = fabs(g) < 1e-6 ? 0 : g > 0 ? 1 : -1;
        assert_true(t[o] > 0);
        for (size_t k = 0; k < fan_in; k++) {
            const size_t i = step == 1 ? o * fan_in + k : o + k * step;
            const int want = sign * code_of(from, s, i, o), got = code_of(to, t, i, o);
            if (sign != 0 && got != want)
                fail_msg("%s: code of weight %zu is %d, %d in training", layer, i, got, want);
            assert_true(sign != 0 || abs(got) <= (g == 0 ? 0 : 1));
        }
    }
}

static void unfolded_codes_stay(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, &quant_fold_unfolded, true);
    param(&f, "a/bn/gamma")->value[1] = 0;
    param(&f, "b/bn/gamma")->value[2] = 0;
    param(&f, "b/bn/gamma")->value[3] = (nn_real)-1e-7;
    quantize(&f);
    forward(&f, &f.train, &(nn_run){ 0 });
    forward(&f, &f.deploy, &(nn_run){ 0 });
    check_codes(&f, "a", 3 * 3 * 3, 1);
    check_codes(&f, "b", 3 * 3, CHANNELS);
    close_fixture(&f);
}

/* With moving statistics that are the batch's, correcting changes nothing. */
static void correction_is_to_the_batch(void **state)
{
    (void)state;
    fixture f;
    nn_run run = { .training = true, .estimate = 1 };
    nn_real corrected[VALUES];
    const double n = BATCH * SIDE * SIDE;
    open_fixture(&f, &quant_fold_batch, true);
    forward(&f, &f.train, &run); /* an estimate's first pass: its statistics, unbiased */
    for (int k = 0; k < CHANNELS; k++) {
        param(&f, "a/bn/var")->value[k] *= (nn_real)((n - 1) / n);
        param(&f, "b/bn/var")->value[k] *= (nn_real)((n - 1) / n);
    }
    quantize(&f);
    run = (nn_run){ .training = true };
    memcpy(corrected, forward(&f, &f.train, &run), sizeof corrected);
    run.freeze_bn = true;
    const nn_real *frozen = forward(&f, &f.train, &run);
    const double step = (double)param(&f, "b/bn/act_quant/scale")->value[0];
    for (int i = 0; i < VALUES;
         i++) /* layer b sees a's codes, and so other statistics by a trace */
        assert_true(fabs((double)corrected[i] - (double)frozen[i]) < 2.5 * step);
    close_fixture(&f);
}

/* Once the statistics stand still, the convolution that they are taken of is neither computed nor
 * read, and has no time: octet bench counts what it did not do otherwise. */
static void frozen_statistics_cost_nothing(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f, &quant_fold_batch, false);
    const nn_node *z = nn_graph_find(f.train.graph, "a/statistics");
    assert_non_null(z);
    nn_real *value = (nn_real *)(uintptr_t)nn_exec_value(f.train.exec, z);
    const nn_node_time *time = &nn_exec_times(f.train.exec)[z->index];
    value[0] = (nn_real)NAN;
    nn_exec_profile(f.train.exec, true);
    nn_real *grad = gradients(&f, &f.train, &(nn_run){ .training = true, .freeze_bn = true });
    assert_true(!isfinite((double)value[0]) && time->forward == 0 && time->backward == 0);
    for (size_t i = 0; i < nn_params_trained(f.params).count; i++)
        assert_true(isfinite((double)grad[i]));
    free(grad);
    free(gradients(&f, &f.train, &(nn_run){ .training = true }));
    assert_true(isfinite((double)value[0]) && time->forward > 0 && time->backward > 0);
    close_fixture(&f);
}

static void one_scale_cannot_keep_codes(void **state)
{
    (void)state;
    fixture f;
    nn_graph *g = NULL;
    open_fixture(&f, &quant_fold_unfolded, false);
    f.config.granularity = QUANT_PER_TENSOR;
    assert_ok(nn_graph_new(&g, f.params));
    assert_fails(quant_build(g, f.from, &f.config, QUANT_DEPLOY), NN_EINVAL, "--bn-fold unfolded");
    nn_graph_free(g);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(unquantized_it_is_batch_norm),
        cmocka_unit_test(folding_away_keeps_the_function),
        cmocka_unit_test(gamma_0_is_a_dead_channel),
        cmocka_unit_test(frozen_training_is_evaluation),
        cmocka_unit_test(deployed_is_frozen),
        cmocka_unit_test(unfolded_codes_stay),
        cmocka_unit_test(correction_is_to_the_batch),
        cmocka_unit_test(frozen_statistics_cost_nothing),
        cmocka_unit_test(one_scale_cannot_keep_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
