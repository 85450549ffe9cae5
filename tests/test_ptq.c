/* better post-training quantization: equalization, high biases, bias correction, AdaRound - on a
 * small network with every kind of layer, and against numbers worked out elsewhere. */
#include <math.h>
#include <omp.h>

#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "quant/adaround.h"
#include "quant/layer.h"
#include "quant/moments.h"
#include "quant/post.h"
#include "tests/testing.h"

enum { SIDE = 8, PICTURE = SIDE * SIDE * 3, PICTURES = 40, CLASSES = 5, BATCH = 16 };

typedef struct fixture {
    nn_params *params;
    nn_graph *from, *deploy;
    quant_config config;
    nn_real image[PICTURES * PICTURE];
    quant_array array;
    quant_pictures pictures;
} fixture;

/* conv - depthwise - pointwise - dense, all linked; `bounded` puts relu6 behind the first two. */
static nn_node *chain(nn_graph *g, nn_node *x, bool bounded)
{
    const nn_activation a = bounded ? NN_RELU6 : NN_RELU;
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 8, .k = 3 }, a);
    x = nn_depthwise_bn(g, x, "dw", (nn_conv){ .k = 3, .s = 2 }, a);
    x = nn_conv_bn(g, x, "pw", (nn_conv){ .out = 12, .k = 1 }, NN_RELU);
    x = nn_max_pool(g, x, "pool", (nn_conv){ .k = 2 });
    x = nn_dense(g, nn_flatten(g, x, "flat"), "hidden", 10);
    return nn_dense(g, nn_relu(g, x, "hidden/relu"), "fc", CLASSES);
}

/* Batch norms that are not the identity. */
static void disturb_batch_norms(nn_params *params)
{
    for (int i = 0; i < nn_params_count(params); i++) {
        nn_param *p = nn_params_at(params, i);
        if (strstr(p->name, "/bn/") == NULL || strstr(p->name, "quant") != NULL)
            continue;
        const bool var = strstr(p->name, "/var") != NULL;
        for (size_t k = 0; k < p->count; k++) {
            const double noise = test_noise_int(7, (uint64_t)(31 * i) + k, -100, 100) / 400.0;
            p->value[k] = (nn_real)(var ? 0.6 + fabs(noise) : (double)p->value[k] + noise);
        }
    }
}

static fixture *open_network(bool bounded, quant_granularity granularity)
{
    fixture *f = calloc(1, sizeof *f);
    nn_kernels_init();
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    assert_ok(nn_graph_new(&f->deploy, f->params));
    nn_node *x = nn_input(f->from, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, 3));
    nn_output(f->from, chain(f->from, x, bounded));
    f->config = quant_config_default();
    f->config.granularity = granularity;
    assert_ok(quant_input_affine(&f->config.input, 128, 64));
    assert_ok(quant_build(f->deploy, f->from, &f->config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 3);
    disturb_batch_norms(f->params);
    test_noise(f->image, PICTURES * PICTURE, 1);
    for (int i = 0; i < PICTURES * PICTURE; i++) /* pixels */
        f->image[i] = (nn_real)((round((double)f->image[i] * 127) + 0) / 64.0);
    f->array = (quant_array){ f->image, PICTURE, PICTURES, BATCH, 0 };
    f->pictures = quant_pictures_of(&f->array);
    return f;
}

static int set_up(void **state)
{
    *state = open_network(false, QUANT_PER_CHANNEL);
    return 0;
}

static int set_up_bounded(void **state)
{
    *state = open_network(true, QUANT_PER_CHANNEL);
    return 0;
}

static int set_up_coarse(void **state)
{
    *state = open_network(false, QUANT_PER_TENSOR);
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

static const nn_node *output_of(const nn_graph *g)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--)
        if (nn_graph_node(g, i)->is_output)
            return nn_graph_node(g, i);
    return NULL;
}

typedef nn_real outputs[PICTURES * CLASSES];

static void run(const nn_graph *g, const fixture *f, outputs y)
{
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    const nn_run inference = { 0 };
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = PICTURES }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_bind(e, nn_graph_find(g, "image"), f->image);
    nn_exec_forward(e, PICTURES, &inference);
    memcpy(y, nn_exec_value(e, output_of(g)), sizeof(outputs));
    nn_exec_free(e);
    nn_plan_free(plan);
}

/* The deployed graph, built anew: the configuration may have changed. */
static void run_quantized(const fixture *f, outputs y)
{
    nn_graph *g = NULL;
    assert_ok(nn_graph_new(&g, f->params));
    assert_ok(quant_build(g, f->from, &f->config, QUANT_DEPLOY));
    run(g, f, y);
    nn_graph_free(g);
}

static double mean_square(const outputs a, const outputs b)
{
    double sum = 0;
    for (int i = 0; i < PICTURES * CLASSES; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum / (PICTURES * CLASSES);
}

static double error_of_post(fixture *f, const quant_post *p, const outputs exact)
{
    quant_post_report report;
    outputs y;
    assert_ok(quant_post_run(&report, f->from, &f->config, p, &f->pictures));
    run_quantized(f, y);
    return mean_square(y, exact);
}

static nn_param *param(const fixture *f, const char *name)
{
    nn_param *p = nn_params_find(f->params, name);
    assert_non_null(p);
    return p;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static void folded_weights_are_those_of_the_graph(void **state)
{
    fixture *f = *state;
    quant_run r;
    quant_layer l;
    assert_ok(quant_run_open(&r, f->from, &f->config, QUANT_CALIBRATE, BATCH, true));
    assert_ok(quant_run_all(&r, &f->pictures, true, NULL, NULL, NULL));
    int layers = 0;
    for (int i = 0; i < nn_graph_count(f->from); i++) {
        if (!quant_layer_at(&l, f->from, i))
            continue;
        nn_real folded[1024];
        assert_true(l.weight->count <= 1024);
        quant_layer_fold(folded, &l);
        const nn_node *point = quant_layer_weight_point(r.graph, &l);
        assert_memory_equal(folded, nn_exec_value(r.exec, point), l.weight->count * sizeof *folded);
        layers++;
    }
    assert_int_equal(layers, 5);
    quant_run_close(&r);
}

/* ---- equalization ---------------------------------------------------------------------------- */

/* r1 = (4, .5), r2 = (1, 8): s = (2, .25), then both are (2, 2). */
static void two_dense_layers_meet_in_the_middle(void **state)
{
    (void)state;
    nn_params *ps = NULL;
    nn_graph *g = NULL;
    quant_equalized done;
    nn_kernels_init();
    assert_ok(nn_params_new(&ps));
    assert_ok(nn_graph_new(&g, ps));
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, 3));
    x = nn_relu(g, nn_dense(g, x, "a", 2), "a/relu");
    nn_output(g, nn_dense(g, x, "b", 2));
    assert_ok(nn_params_collate(ps));
    static const nn_real a[6] = { -4, 1, 2, (nn_real).5, (nn_real)-.25, 0 }, b[4] = { 1, -8, 1, 3 };
    static const nn_real bias[2] = { 6, 1 };
    memcpy(nn_params_find(ps, "a/weight")->value, a, sizeof a);
    memcpy(nn_params_find(ps, "b/weight")->value, b, sizeof b);
    memcpy(nn_params_find(ps, "a/bias")->value, bias, sizeof bias);
    const quant_config config = quant_config_default();
    assert_ok(quant_equalize(&done, g, &config, NULL));
    assert_true(done.pairs == 1 && done.bounded == 0 && done.sweeps == 2);
    static const nn_real want_a[6] = { -2, (nn_real).5, 1, 2, -1, 0 },
                         want_b[4] = { 2, -2, 2, .75 };
    static const nn_real want_bias[2] = { 3, 4 };
    assert_true(test_relative_error(nn_params_find(ps, "a/weight")->value, want_a, 6) < 1e-6);
    assert_true(test_relative_error(nn_params_find(ps, "b/weight")->value, want_b, 4) < 1e-6);
    assert_true(test_relative_error(nn_params_find(ps, "a/bias")->value, want_bias, 2) < 1e-6);
    nn_graph_free(g);
    nn_params_free(ps);
}

/* Makes channels unequal without changing the function: the inverse of an equalization. */
static void make_unequal(const fixture *f, const char *first, const char *second, size_t inputs)
{
    char name[64];
    snprintf(name, sizeof name, "%s/bn/gamma", first);
    nn_param *gamma = param(f, name);
    snprintf(name, sizeof name, "%s/bn/beta", first);
    nn_param *beta = param(f, name);
    snprintf(name, sizeof name, "%s/weight", second);
    nn_param *w = param(f, name);
    for (size_t c = 0; c < gamma->count; c++) {
        const nn_real s = (nn_real)pow(100, (double)c / (double)(gamma->count - 1) - 0.5);
        gamma->value[c] *= s;
        beta->value[c] *= s;
        for (size_t i = c % inputs; i < w->count; i += inputs)
            w->value[i] /= s;
    }
}

static void equalization_keeps_the_function(void **state)
{
    fixture *f = *state;
    outputs before, after;
    quant_equalized done;
    make_unequal(f, "stem", "dw", 8);
    run(f->from, f, before);
    assert_ok(quant_equalize(&done, f->from, &f->config, &f->pictures));
    run(f->from, f, after);
    assert_true(done.pairs == 4 && done.sweeps > 1 && done.sweeps < 100);
    assert_true(test_relative_error(after, before, PICTURES * CLASSES) < 1e-5);
    assert_true(test_relative_error(after, before, PICTURES * CLASSES) > 0); /* it did something */
}

static void equalization_keeps_relu6_too(void **state)
{
    fixture *f = *state;
    outputs before, after;
    quant_equalized done;
    nn_param *gamma = param(f, "stem/bn/gamma"), *dw = param(f, "dw/bn/gamma");
    for (size_t c = 0; c < 8; c++) {
        gamma->value[c] *= c < 4 ? 20 : (nn_real)0.02; /* some are cut at 6 and others far below */
        dw->value[c] *= (nn_real)3;
    }
    run(f->from, f, before);
    assert_ok(quant_equalize(&done, f->from, &f->config, &f->pictures));
    run(f->from, f, after);
    assert_true(done.bounded == 2);
    assert_true(test_relative_error(after, before, PICTURES * CLASSES) < 1e-5);
    assert_true(test_relative_error(after, before, PICTURES * CLASSES) > 0);
}

/* One scale for all of a weight: ruined by unequal channels, won back by equalization. */
static void equalization_wins_back_what_unequal_channels_ruin(void **state)
{
    fixture *f = *state;
    outputs exact;
    quant_post p = { .calibration = { .how = &quant_calibrator_minmax } };
    run(f->from, f, exact);
    const double level = error_of_post(f, &p, exact);
    make_unequal(f, "stem", "dw", 8);
    make_unequal(f, "dw", "pw", 8);
    run(f->from, f, exact);
    const double ruined = error_of_post(f, &p, exact);
    p.equalize = true;
    const double back = error_of_post(f, &p, exact);
    assert_true(ruined > 30 * level);
    assert_true(back < 3 * level);
}

/* ---- high biases ----------------------------------------------------------------------------- */

/* conv 1x1 - conv 1x1: no padding is near, so with activations above c nothing changes. */
static void absorbing_keeps_the_function_above_c(void **state)
{
    (void)state;
    nn_params *ps = NULL;
    nn_graph *g = NULL;
    int absorbed = 0;
    fixture f = { 0 };
    outputs before, after;
    nn_kernels_init();
    assert_ok(nn_params_new(&ps));
    assert_ok(nn_graph_new(&g, ps));
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, 3));
    x = nn_conv_bn(g, x, "a", (nn_conv){ .out = 6, .k = 1 }, NN_RELU);
    x = nn_conv_bn(g, x, "b", (nn_conv){ .out = 6, .k = 1 }, NN_RELU);
    x = nn_conv2d(g, x, "c", (nn_conv){ .out = CLASSES, .k = 1, .bias = true });
    nn_output(g, nn_global_avg_pool(g, x, "gap"));
    assert_ok(nn_params_collate(ps));
    nn_params_init(ps, 1);
    test_noise(f.image, PICTURES * PICTURE, 2);
    for (int layer = 0; layer < 2; layer++)
        for (size_t c = 0; c < 6; c++) {
            nn_params_find(ps, layer ? "b/bn/gamma" : "a/bn/gamma")->value[c] = (nn_real)0.01;
            nn_params_find(ps, layer ? "b/bn/beta" : "a/bn/beta")->value[c] =
                (nn_real)((double)c * 0.2);
        }
    run(g, &f, before);
    assert_ok(quant_absorb_bias(&absorbed, g));
    run(g, &f, after);
    assert_int_equal(absorbed, 10); /* of each layer all but the one with beta 0 */
    assert_true(fabs((double)nn_params_find(ps, "a/bn/beta")->value[3] - 0.03) < 1e-6);
    assert_true(test_relative_error(after, before, PICTURES * CLASSES) < 1e-5);
    nn_graph_free(g);
    nn_params_free(ps);
}

/* ---- bias correction ------------------------------------------------------------------------- */

enum { MOST_CHANNELS = 16 };
typedef double channels[MOST_CHANNELS];

/* Mean and variance over pictures and positions of what a layer computes, by channel. */
static void moments_of(const fixture *f, quant_stage stage, const char *name, channels mean,
                       channels variance)
{
    quant_run r;
    quant_array all = { f->image, PICTURE, PICTURES, PICTURES, 0 };
    const quant_pictures pictures = quant_pictures_of(&all);
    assert_ok(quant_run_open(&r, f->from, &f->config, stage, PICTURES, true));
    assert_ok(quant_run_all(&r, &pictures, false, NULL, NULL, NULL));
    const nn_node *n = nn_graph_find(r.graph, name);
    const nn_real *y = nn_exec_value(r.exec, n);
    const size_t width = (size_t)nn_shape_channels(n->shape);
    const size_t rows = nn_shape_count_batch(n->shape, PICTURES) / width;
    memset(mean, 0, sizeof(channels));
    memset(variance, 0, sizeof(channels));
    for (size_t i = 0; i < rows * width; i++)
        mean[i % width] += (double)y[i] / (double)rows;
    for (size_t i = 0; i < rows * width; i++)
        variance[i % width] += pow((double)y[i] - mean[i % width], 2) / (double)rows;
    quant_run_close(&r);
}

static double farthest(const channels a, const channels b)
{
    double largest = 0;
    for (int c = 0; c < MOST_CHANNELS; c++)
        largest = fmax(largest, fabs(a[c] - b[c]));
    return largest;
}

static void correction_by_pictures_takes_the_mean_error_out(void **state)
{
    fixture *f = *state;
    static const char *const layers[] = { "stem", "dw", "pw", "hidden", "fc" };
    const quant_calibration c = { .how = &quant_calibrator_minmax };
    channels exact[5], before[5], after, unused;
    int corrected = 0;
    f->config.weight_bits = 3;
    assert_ok(quant_calibrate(f->from, &f->config, &c, &f->pictures));
    for (int i = 0; i < 5; i++) {
        moments_of(f, QUANT_CALIBRATE, layers[i], exact[i], unused);
        moments_of(f, QUANT_DEPLOY, layers[i], before[i], unused);
    }
    assert_ok(quant_correct_bias_by_pictures(&corrected, f->from, &f->config, NULL, &f->pictures));
    assert_int_equal(corrected, 5);
    for (int i = 0; i < 5; i++) {
        moments_of(f, QUANT_DEPLOY, layers[i], after, unused);
        const double was = farthest(before[i], exact[i]);
        /* what is left is that biases are whole numbers */
        assert_true(was > 0.01 && farthest(after, exact[i]) < 0.05 * was + 0.003);
    }
}

/* Gives a batch norm the statistics of the pictures, as training does. */
static void learn_statistics(const fixture *f, const char *layer)
{
    const double epsilon = 1e-3;
    char name[64];
    channels mean, variance;
    nn_param *p[4];
    static const char *const leaves[] = { "gamma", "beta", "mean", "var" };
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s/bn/%s", layer, leaves[i]);
        p[i] = param(f, name);
    }
    moments_of(f, QUANT_CALIBRATE, layer, mean, variance);
    for (size_t o = 0; o < p[0]->count; o++) {
        const double gamma = (double)p[0]->value[o], beta = (double)p[1]->value[o];
        const double square = ((double)p[3]->value[o] + epsilon) / (gamma * gamma);
        p[2]->value[o] += (nn_real)((mean[o] - beta) * sqrt(square) * (gamma < 0 ? -1 : 1));
        p[3]->value[o] = (nn_real)(variance[o] * square - epsilon);
    }
}

/* What batch norms say is nearly normal here, so that they alone explain most of the error. */
static void correction_by_moments_needs_no_pictures(void **state)
{
    fixture *f = *state;
    const quant_calibration c = { .how = &quant_calibrator_minmax };
    channels exact, before, after, unused;
    nn_real kept[8];
    int corrected = 0;
    f->config.weight_bits = 3;
    learn_statistics(f, "stem");
    learn_statistics(f, "dw");
    assert_ok(quant_calibrate(f->from, &f->config, &c, &f->pictures));
    /* dw alone: its input must be the float network's */
    memcpy(kept, param(f, "stem/bn/beta")->value, sizeof kept);
    moments_of(f, QUANT_CALIBRATE, "dw", exact, unused);
    moments_of(f, QUANT_DEPLOY, "dw", before, unused);
    assert_ok(quant_correct_bias_by_moments(&corrected, f->from, &f->config, NULL));
    moments_of(f, QUANT_DEPLOY, "dw", after, unused);
    assert_int_equal(corrected, 2); /* dw and pw; the image and max pool say nothing */
    assert_memory_equal(kept, param(f, "stem/bn/beta")->value, sizeof kept);
    assert_true(farthest(after, exact) < 0.2 * farthest(before, exact));
}

/* ---- AdaRound -------------------------------------------------------------------------------- */

static void the_relaxed_choice_is_as_published(void **state)
{
    (void)state;
    static const double frac[3] = { .1, .5, .9 }, v[3] = { -1.609438, 0, 1.609438 };
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(quant_adaround_v(frac[i]) - v[i]) < 1e-6);
        assert_true(fabs(quant_adaround_h(v[i]) - frac[i]) < 1e-6);
    }
    assert_true(quant_adaround_h(-3) == 0 && quant_adaround_h(3) == 1);
    for (double h = 0.05; h < 1; h += 0.1) { /* by differences */
        const double beta = 7, e = 1e-6;
        const double high = 1 - pow(fabs(2 * (h + e) - 1), beta);
        const double low = 1 - pow(fabs(2 * (h - e) - 1), beta);
        assert_true(fabs(quant_adaround_pull(h, beta) - (high - low) / (2 * e)) < 1e-6);
    }
}

static quant_post adaround(int steps, uint64_t seed)
{
    return (quant_post){ .calibration = { .how = &quant_calibrator_minmax },
                         .adaround = true,
                         .rounding = { .steps = steps, .rows = 128, .rate = 0.01, .seed = seed } };
}

static void learned_codes_are_better_than_nearest(void **state)
{
    fixture *f = *state;
    outputs exact;
    f->config.weight_bits = 3;
    run(f->from, f, exact);
    const double nearest = error_of_post(
        f, &(quant_post){ .calibration = { .how = &quant_calibrator_minmax } }, exact);
    const quant_post p = adaround(600, 1);
    const double learned = error_of_post(f, &p, exact);
    assert_true(learned < 0.6 * nearest);
}

/* Learns the codes and counts those that are not the nearest; each is one of the two neighbours of
 * its weight, and weights lie on the grid. */
static int count_against_nearest(fixture *f, const quant_post *p)
{
    quant_post_report report;
    quant_layer l;
    nn_real before[5][1024], after[1024];
    int n = 0, against = 0;
    for (int i = 0; i < nn_graph_count(f->from); i++)
        if (quant_layer_at(&l, f->from, i))
            quant_layer_fold(before[n++], &l);
    assert_ok(quant_post_run(&report, f->from, &f->config, p, &f->pictures));
    assert_int_equal(report.rounded.layers, 5);
    n = 0;
    for (int i = 0; i < nn_graph_count(f->from); i++) {
        char name[64];
        if (!quant_layer_at(&l, f->from, i))
            continue;
        snprintf(name, sizeof name, "%s/quant/scale", l.weight->name);
        const nn_param *scale = param(f, name);
        quant_layer_fold(after, &l);
        for (size_t o = 0; o < l.outputs; o++)
            for (size_t k = 0; k < l.fan_in; k++) {
                const size_t at = quant_layer_index(&l, o, k);
                const double code = (double)after[at] / (double)scale->value[o];
                const double was = (double)before[n][at] / (double)scale->value[o];
                assert_true(fabs(code - round(code)) < 1e-4 && fabs(code - was) < 1.0001);
                assert_true(fabs(code) < 3.0001);
                against += fabs(code - was) > 0.5001;
            }
        n++;
    }
    return against;
}

static void only_the_two_neighbours_are_chosen(void **state)
{
    fixture *f = *state;
    const quant_post p = adaround(200, 1);
    f->config.weight_bits = 3;
    assert_true(count_against_nearest(f, &p) > 10);
}

/* The second term makes each choice a whole one, and without it many are not. */
static void the_pull_decides(void **state)
{
    fixture *f = *state;
    quant_post_report report;
    quant_post p = adaround(1000, 1);
    p.rounding.lambda = 1;
    f->config.weight_bits = 3;
    assert_ok(quant_post_run(&report, f->from, &f->config, &p, &f->pictures));
    assert_true(report.rounded.undecided * 50 < report.rounded.weights);
    nn_params_init(f->params, 3);
    disturb_batch_norms(f->params);
    p.rounding.lambda = 1e-12;
    assert_ok(quant_post_run(&report, f->from, &f->config, &p, &f->pictures));
    assert_true(report.rounded.undecided * 5 > report.rounded.weights);
}

static void learn_with(fixture *f, int threads, uint64_t seed, nn_real *weight, size_t count)
{
    quant_post_report report;
    const quant_post p = adaround(60, seed);
    nn_params_init(f->params, 3);
    disturb_batch_norms(f->params);
    omp_set_num_threads(threads);
    assert_ok(quant_post_run(&report, f->from, &f->config, &p, &f->pictures));
    memcpy(weight, nn_params_trained(f->params).value, count * sizeof *weight);
}

static void threads_change_no_bit(void **state)
{
    fixture *f = *state;
    const size_t count = nn_params_trained(f->params).count;
    nn_real *weight = calloc(3 * count, sizeof *weight);
    const int before = omp_get_max_threads();
    f->config.weight_bits = 3;
    learn_with(f, 1, 1, weight, count);
    learn_with(f, 3, 1, weight + count, count);
    learn_with(f, 3, 2, weight + 2 * count, count);
    omp_set_num_threads(before);
    assert_memory_equal(weight, weight + count, count * sizeof *weight);
    assert_memory_not_equal(weight, weight + 2 * count, count * sizeof *weight);
    free(weight);
}

/* ---- together -------------------------------------------------------------------------------- */

/* Everything at once is not worse than the plain form, and needs the float network as it was. */
static void methods_can_be_combined(void **state)
{
    fixture *f = *state;
    outputs exact;
    f->config.weight_bits = 3;
    run(f->from, f, exact);
    const double plain = error_of_post(
        f, &(quant_post){ .calibration = { .how = &quant_calibrator_minmax } }, exact);
    quant_post p = adaround(400, 1);
    p.equalize = true;
    p.calibration.weights = QUANT_WEIGHT_MSE;
    p.correction = QUANT_BIAS_EMPIRICAL;
    assert_true(error_of_post(f, &p, exact) < 0.5 * plain);
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NETWORK(folded_weights_are_those_of_the_graph),
        cmocka_unit_test(two_dense_layers_meet_in_the_middle),
        WITH_NETWORK(equalization_keeps_the_function),
        cmocka_unit_test_setup_teardown(equalization_keeps_relu6_too, set_up_bounded, tear_down),
        cmocka_unit_test_setup_teardown(equalization_wins_back_what_unequal_channels_ruin,
                                        set_up_coarse, tear_down),
        cmocka_unit_test(absorbing_keeps_the_function_above_c),
        WITH_NETWORK(correction_by_pictures_takes_the_mean_error_out),
        WITH_NETWORK(correction_by_moments_needs_no_pictures),
        cmocka_unit_test(the_relaxed_choice_is_as_published),
        WITH_NETWORK(learned_codes_are_better_than_nearest),
        WITH_NETWORK(only_the_two_neighbours_are_chosen),
        WITH_NETWORK(the_pull_decides),
        WITH_NETWORK(threads_change_no_bit),
        cmocka_unit_test_setup_teardown(methods_can_be_combined, set_up_coarse, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
