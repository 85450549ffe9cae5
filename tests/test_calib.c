/* calibrators: histograms that grow, the searches against numbers worked out elsewhere, and what
 * each makes of outliers. */
#include <float.h>
#include <math.h>

#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "nn/range.h"
#include "quant/post.h"
#include "quant/weight_range.h"
#include "tests/testing.h"

/* ---- histograms ------------------------------------------------------------------------------ */

enum { VALUES = 5000 };

/* Values of which each tenth is ten times as large as those before, so that ranges grow often. */
static void make_values(nn_real *x)
{
    test_noise(x, VALUES, 3);
    for (int i = 0; i < VALUES; i++)
        x[i] = (nn_real)((double)x[i] * exp2(i / 500.0) * 1e-3);
}

static void add_in_pieces(quant_histogram *h, const nn_real *x, size_t n, size_t piece)
{
    for (size_t i = 0; i < n; i += piece)
        assert_true(quant_histogram_add(h, x + i, n - i < piece ? n - i : piece));
}

static void growing_loses_no_count(void **state)
{
    (void)state;
    nn_real x[VALUES];
    quant_histogram *grown = NULL, *whole = NULL;
    assert_ok(quant_histogram_new(&grown, 64));
    assert_ok(quant_histogram_new(&whole, 64));
    make_values(x);
    add_in_pieces(grown, x, VALUES, 7);
    add_in_pieces(whole, x, VALUES, VALUES);
    assert_true(grown->width == whole->width && grown->n == VALUES && whole->n == VALUES);
    assert_true(grown->min == whole->min && grown->max == whole->max);
    for (int side = 0; side < 2; side++)
        assert_memory_equal(grown->count[side], whole->count[side], 128 * sizeof(uint64_t));
    quant_histogram_free(grown);
    quant_histogram_free(whole);
}

static void bins_are_where_the_values_are(void **state)
{
    (void)state;
    nn_real x[VALUES];
    uint64_t want[2][128] = { { 0 } };
    quant_histogram *h = NULL;
    assert_ok(quant_histogram_new(&h, 64));
    make_values(x);
    add_in_pieces(h, x, VALUES, 100);
    for (int i = 0; i < VALUES; i++)
        want[x[i] < 0][(int)floor(fabs((double)x[i]) / h->width)]++;
    for (int side = 0; side < 2; side++)
        assert_memory_equal(h->count[side], want[side], sizeof want[side]);
    double largest = fmax(fabs((double)h->min), fabs((double)h->max)) / h->width;
    assert_true(largest >= 64 && largest < 128);
    quant_histogram_free(h);
}

static void zeros_alone_have_no_width(void **state)
{
    (void)state;
    const nn_real zeros[3] = { 0, (nn_real)-0.0, 0 }, late = 5;
    quant_histogram *h = NULL;
    assert_ok(quant_histogram_new(&h, 16));
    assert_true(quant_histogram_add(h, zeros, 3) && h->width == 0 && h->n == 3);
    assert_true(quant_histogram_add(h, &late, 1) && h->count[QUANT_ABOVE][0] == 3);
    assert_true(quant_histogram_used(h, QUANT_ABOVE) > 16);
    assert_int_equal(quant_histogram_used(h, QUANT_BELOW), 0);
    quant_histogram_free(h);
}

static void what_is_not_finite_is_refused(void **state)
{
    (void)state;
    nn_real bad[2][3] = { { 1, (nn_real)INFINITY, 1 }, { 1, 1, (nn_real)NAN } };
    quant_histogram *h = NULL;
    assert_ok(quant_histogram_new(&h, 16));
    for (int i = 0; i < 2; i++)
        assert_false(quant_histogram_add(h, bad[i], 3));
    assert_true(h->n == 0);
    quant_histogram_free(h);
    assert_fails(quant_histogram_new(&h, 15), NN_EINVAL, "15 bins");
}

/* ---- the searches, on 12 bins of width 1 ----------------------------------------------------- */

static const uint64_t example[12] = { 40, 30, 20, 10, 6, 4, 2, 1, 1, 0, 0, 1 };

static void divergence_of_each_threshold(void **state)
{
    (void)state;
    static const double want[9] = { .059432, .044256, .029639, .036163, .028298,
                                    .040218, DBL_MAX, DBL_MAX, .043589 };
    for (int i = 4; i <= 12; i++) {
        double d = quant_divergence(example, 12, i, 4);
        assert_true(want[i - 4] == DBL_MAX ? d == DBL_MAX : fabs(d - want[i - 4]) < 5e-7);
    }
    assert_int_equal(quant_divergence_least(example, 12, 4), 8);
    assert_int_equal(quant_divergence_least(example, 3, 4), 3); /* fewer bins than levels */
}

/* Straight from the definition. */
static double plain_divergence(const uint64_t *count, int n, int i, int levels)
{
    double p[64] = { 0 }, q[64] = { 0 }, p_sum = 0, q_sum = 0, d = 0;
    for (int j = 0; j < n; j++)
        p[j < i ? j : i - 1] += (double)count[j];
    for (int l = 0; l < levels; l++) {
        double mass = 0, filled = 0;
        for (int j = 0; j < i; j++)
            if (levels * j / i == l)
                mass += (double)count[j], filled += count[j] > 0;
        for (int j = 0; j < i; j++)
            if (levels * j / i == l && count[j] > 0)
                q[j] = mass / filled;
    }
    for (int j = 0; j < i; j++)
        p_sum += p[j], q_sum += q[j];
    for (int j = 0; j < i; j++)
        if (p[j] > 0)
            d += q[j] > 0 ? p[j] / p_sum * log(p[j] / p_sum / (q[j] / q_sum)) : DBL_MAX;
    return d;
}

static void divergence_is_as_defined(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint64_t count[64];
        const int n = test_noise_int(seed, 100, 8, 64);
        const int levels = test_noise_int(seed, 101, 2, 8);
        const int i = test_noise_int(seed, 102, levels, n);
        for (int j = 0; j < n; j++) {
            const int32_t c = test_noise_int(seed, (uint64_t)j, -20, 90);
            count[j] = c > 0 ? (uint64_t)c : 0;
        }
        double want = plain_divergence(count, n, i, levels);
        double got = quant_divergence(count, n, i, levels);
        assert_true(want >= DBL_MAX ? got == DBL_MAX : fabs(got - want) < 1e-12 * (1 + want));
    }
}

static void percentiles_of_the_example(void **state)
{
    (void)state;
    assert_int_equal(quant_percentile_bin(example, 12, 0, .90), 4);
    assert_int_equal(quant_percentile_bin(example, 12, 0, .95), 5);
    assert_int_equal(quant_percentile_bin(example, 12, 0, .99), 8);
    assert_int_equal(quant_percentile_bin(example, 12, 0, 1), 11);
    assert_int_equal(quant_percentile_bin(example, 12, 1000, .5), 0);
}

/* The example as values: count[j] values j + 0.5. */
static quant_histogram *example_histogram(double sign)
{
    quant_histogram *h = NULL;
    assert_ok(quant_histogram_new(&h, 16));
    h->bins = 8; /* bins of width 1 for a largest value of 11.5; the memory is for 16 */
    for (int j = 11; j >= 0; j--) {
        const nn_real x = (nn_real)(sign * (j + 0.5));
        for (uint64_t k = 0; k < example[j]; k++)
            assert_true(quant_histogram_add(h, &x, 1));
    }
    assert_true(h->width == 1 && h->n == 115);
    return h;
}

static void squared_error_of_each_threshold(void **state)
{
    (void)state;
    static const double want[8] = { 8.625,   6.47222, 5.55556, 5.95833,
                                    7.47222, 8.94676, 9.70833, 10.94907 };
    for (int sign = -1; sign <= 1; sign += 2) {
        quant_histogram *h = example_histogram(sign);
        for (int i = 4; i <= 11; i++) {
            const nn_affine a = { .scale = (float)((i + 0.5) / 3), .zero_point = 0 };
            double mean = quant_histogram_error(h, a, (nn_grid){ -3, 3 }) / 12;
            assert_true(fabs(mean - want[i - 4]) < 1e-5);
        }
        quant_histogram_free(h);
    }
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static const nn_grid int8 = { -128, 127 };

static quant_interval range_on(const nn_fakequant_attr *a, const char *method, const nn_real *x,
                               size_t n, double percentile)
{
    const quant_calibrator *c = quant_calibrator_by_name(method);
    quant_calibrator_options o = { .percentile = percentile };
    quant_histogram *h = NULL;
    quant_interval range = { 0, 0 };
    assert_non_null(c);
    assert_ok(quant_calibrator_check(c, &o, a->grid));
    assert_ok(quant_histogram_new(&h, o.bins));
    assert_true(quant_histogram_add(h, x, n));
    assert_ok(c->choose(&range, h, a, &o));
    quant_histogram_free(h);
    return range;
}

static quant_interval range_of(const char *method, int bits, const nn_real *x, size_t n,
                               double percentile)
{
    const nn_fakequant_attr a = { .grid = nn_grid_signed(bits, false) };
    return range_on(&a, method, x, n, percentile);
}

static bool near(float got, double want, double tolerance)
{
    return fabs((double)got - want) <= tolerance;
}

/* 0, 1, ..., 9999: the cut lies at a known value, up to a bin's width of 4. */
static void percentile_cuts_the_share_that_it_says(void **state)
{
    (void)state;
    static nn_real x[10000];
    for (int i = 0; i < 10000; i++)
        x[i] = (nn_real)i;
    quant_interval r = range_of("percentile", 8, x, 10000, 99);
    assert_true(r.min == 0 && near(r.max, 9900, 4));
    for (int i = 0; i < 10000; i++)
        x[i] = (nn_real)(i - 4000);
    r = range_of("percentile", 8, x, 10000, 98); /* 1 % from each side */
    assert_true(near(r.min, -3900, 4) && near(r.max, 5899, 4));
    r = range_of("percentile", 8, x, 10000, 100);
    assert_true(r.min == -4000 && r.max == 5999);
    for (int i = 0; i < 10000; i++)
        x[i] = (nn_real)(i < 9000 ? 0 : 1); /* the cut would be at 0 */
    r = range_of("percentile", 8, x, 10000, 50);
    assert_true(r.min == 0 && r.max > 0);
}

/* Noise in [-1, 1], of which two are at 40. */
static void outliers_are_clipped(void **state)
{
    (void)state;
    static nn_real x[20000];
    test_noise(x, 20000, 8);
    x[17] = x[4711] = 40;
    quant_interval mse = range_of("mse", 4, x, 20000, 0);
    quant_interval percentile = range_of("percentile", 8, x, 20000, 99.9);
    assert_true(near(percentile.max, 1, 0.1) && near(percentile.min, -1, 0.1));
    assert_true(mse.max > 2 && mse.max < 20 && mse.min < -0.3f);
}

/* Exponentially distributed, of one sign and of both. */
static void long_tails_are_clipped(void **state)
{
    (void)state;
    static nn_real x[20000];
    for (int both = 0; both < 2; both++) {
        test_noise(x, 20000, 8);
        for (int i = 0; i < 20000; i++)
            x[i] = (nn_real)(-log(1 - fabs((double)x[i])) * (both && x[i] < 0 ? -1 : 1));
        quant_interval entropy = range_of("entropy", 8, x, 20000, 0);
        quant_interval all = range_of("percentile", 8, x, 20000, 100);
        const float largest = fmaxf(all.max, -all.min);
        assert_true(entropy.max < 0.9f * largest && entropy.max > 0.3f * largest);
        assert_true(both ? entropy.min == -entropy.max : entropy.min >= 0);
    }
}

/* Half of what a relu gives is 0; more of them say nothing about the rest. */
static void zeros_do_not_move_the_threshold(void **state)
{
    (void)state;
    static nn_real x[40000];
    test_noise(x, 20000, 11);
    for (int i = 0; i < 20000; i++)
        x[i] = (nn_real)-log(1 - fabs((double)x[i]));
    quant_interval few = range_of("entropy", 8, x, 20100, 0);
    quant_interval many = range_of("entropy", 8, x, 40000, 0);
    assert_true(few.max == many.max && few.max < 9);
}

/* With zero point 0 half of the codes are below every value: as for one bit less. */
static void symmetric_grids_have_half_of_the_codes(void **state)
{
    (void)state;
    static nn_real x[20000];
    const nn_fakequant_attr symmetric = { .grid = int8, .symmetric = true };
    const nn_fakequant_attr half = { .grid = { 0, 127 } };
    test_noise(x, 20000, 11);
    for (int i = 0; i < 20000; i++)
        x[i] = (nn_real)-log(1 - fabs((double)x[i]));
    const quant_interval got = range_on(&symmetric, "entropy", x, 20000, 0);
    const quant_interval want = range_on(&half, "entropy", x, 20000, 0);
    const quant_interval all = range_of("entropy", 8, x, 20000, 0);
    assert_true(got.max == want.max && got.min == want.min);
    assert_true(got.max != all.max);
}

/* Nothing is won by clipping what is uniform; a bin's width is left to the cut. */
static void uniform_values_are_kept(void **state)
{
    (void)state;
    static nn_real x[20000];
    test_noise(x, 20000, 9);
    quant_interval r = range_of("mse", 8, x, 20000, 0);
    assert_true(near(r.max, 1, 0.02) && near(r.min, -1, 0.02));
    for (int i = 0; i < 20000; i++)
        x[i] = x[i] < 0 ? 0 : x[i];
    r = range_of("mse", 8, x, 20000, 0);
    assert_true(r.min == 0 && near(r.max, 1, 0.02));
    r = range_of("entropy", 8, x, 20000, 0);
    assert_true(r.min == 0 && near(r.max, 1, 0.1));
}

/* No range of the search's grid is better than the one it finds. */
static void mse_is_a_minimum(void **state)
{
    (void)state;
    static nn_real x[4000];
    const nn_grid grid = nn_grid_signed(4, false);
    const nn_fakequant_attr a = { .grid = grid };
    quant_calibrator_options o = { .bins = 256 };
    quant_interval r = { 0, 0 };
    quant_histogram *h = NULL;
    test_noise(x, 4000, 10);
    for (int i = 0; i < 4000; i++) /* a peak with long tails, longer above */
        x[i] = (nn_real)(pow((double)x[i], 5) * (x[i] > 0 ? 3 : 1));
    assert_ok(quant_histogram_new(&h, o.bins));
    assert_true(quant_histogram_add(h, x, 4000));
    assert_ok(quant_calibrator_mse.choose(&r, h, &a, &o));
    double found = quant_histogram_error(h, nn_affine_from_range(r.min, r.max, grid), grid);
    for (int k = 1; k <= 100; k++) {
        nn_affine low = nn_affine_from_range(h->min * (float)k / 100, r.max, grid);
        nn_affine high = nn_affine_from_range(r.min, h->max * (float)k / 100, grid);
        assert_true(quant_histogram_error(h, low, grid) >= found);
        assert_true(quant_histogram_error(h, high, grid) >= found);
    }
    assert_true(r.max < 0.99f * h->max && r.min > 0.99f * h->min);
    quant_histogram_free(h);
}

static void weights_are_clipped_where_it_pays(void **state)
{
    (void)state;
    nn_real w[300];
    const nn_grid two_bits = nn_grid_signed(2, true), eight = nn_grid_signed(8, true);
    test_noise(w, 300, 12);
    for (int i = 0; i < 300; i += 3) /* of each third one: 3 weights belong to another channel */
        w[i] = (nn_real)(0.1 * (double)w[i]);
    w[150] = (nn_real)0.4;
    float coarse = quant_weight_range_find(w, 100, 3, two_bits);
    float fine = quant_weight_range_find(w, 100, 3, eight);
    assert_true(coarse < 0.2f && near(fine, 0.4, 0.02));
    for (int i = 0; i < 300; i++)
        w[i] = 0;
    assert_true(quant_weight_range_find(w, 300, 1, eight) == 0);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void options_are_checked(void **state)
{
    (void)state;
    quant_calibrator_options o = { .percentile = 101 };
    assert_fails(quant_calibrator_check(&quant_calibrator_percentile, &o, int8), NN_EINVAL,
                 "--percentile 101");
    o = (quant_calibrator_options){ .bins = 128 };
    assert_fails(quant_calibrator_check(&quant_calibrator_entropy, &o, int8), NN_EINVAL,
                 "nothing to choose");
    assert_ok(quant_calibrator_check(&quant_calibrator_mse, &o, int8));
    o = (quant_calibrator_options){ .bins = 3 };
    assert_fails(quant_calibrator_check(&quant_calibrator_mse, &o, int8), NN_EINVAL, "--bins 3");
    assert_null(quant_calibrator_by_name("entropie"));
    assert_non_null(strstr(nn_message(), "entropy"));
    for (int i = 0; i < quant_calibrator_count(); i++)
        assert_ptr_equal(quant_calibrator_by_name(quant_calibrator_at(i)->name),
                         quant_calibrator_at(i));
}

/* ---- a whole network ------------------------------------------------------------------------- */

enum { SIDE = 6, PICTURE = SIDE * SIDE * 3, PICTURES = 24 };

typedef struct fixture {
    nn_params *params;
    nn_graph *from, *deploy;
    quant_config config;
    nn_real image[PICTURES * PICTURE];
    quant_array array;
    quant_pictures pictures;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    nn_kernels_init();
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    assert_ok(nn_graph_new(&f->deploy, f->params));
    nn_node *x = nn_input(f->from, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, 3));
    x = nn_conv_bn(f->from, x, "a", (nn_conv){ .out = 6, .k = 3 }, NN_RELU);
    x = nn_conv2d(f->from, x, "b", (nn_conv){ .out = 5, .k = 1, .bias = true });
    nn_output(f->from, nn_dense(f->from, nn_flatten(f->from, x, "flat"), "fc", 4));
    f->config = quant_config_default();
    assert_ok(quant_input_affine(&f->config.input, 128, 64));
    assert_ok(quant_build(f->deploy, f->from, &f->config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 2);
    test_noise(f->image, PICTURES * PICTURE, 1);
    f->array = (quant_array){ f->image, PICTURE, PICTURES, 5, 0 };
    f->pictures = quant_pictures_of(&f->array);
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

static double value_of(const fixture *f, const char *name)
{
    const nn_param *p = nn_params_find(f->params, name);
    assert_non_null(p);
    return (double)p->value[0];
}

static void every_method_gives_every_range(void **state)
{
    fixture *f = *state;
    static const char *const tensors[] = { "a/relu", "b", "fc" };
    for (int i = 0; i < quant_calibrator_count(); i++) {
        const quant_calibration c = { .how = quant_calibrator_at(i) };
        assert_ok(quant_calibrate(f->from, &f->config, &c, &f->pictures));
        for (int t = 0; t < 3; t++) {
            char name[64];
            snprintf(name, sizeof name, "%s/act_quant/scale", tensors[t]);
            assert_true(value_of(f, name) > 0);
            snprintf(name, sizeof name, "%s/act_quant/max", tensors[t]);
            assert_true(value_of(f, name) > 0);
        }
        assert_true(value_of(f, "a/relu/act_quant/min") == 0);
        assert_true(value_of(f, "b/act_quant/min") < 0);
    }
}

/* How the pictures are cut into batches changes no histogram and no extreme. */
static void batches_do_not_matter(void **state)
{
    fixture *f = *state;
    static const char *const methods[] = { "minmax", "percentile", "mse", "entropy" };
    for (int i = 0; i < 4; i++) {
        const quant_calibration c = { .how = quant_calibrator_by_name(methods[i]),
                                      .options = { .percentile = 97 } };
        double scale[2];
        for (int k = 0; k < 2; k++) {
            f->array.batch = f->pictures.batch = k == 0 ? 5 : PICTURES;
            assert_ok(quant_calibrate(f->from, &f->config, &c, &f->pictures));
            scale[k] = value_of(f, "b/act_quant/scale");
        }
        assert_true(scale[0] == scale[1]);
    }
}

static void weights_follow_their_own_rule(void **state)
{
    fixture *f = *state;
    quant_calibration c = { .how = &quant_calibrator_minmax };
    nn_param *w = nn_params_find(f->params, "a/weight");
    w->value[0] = 50; /* of output channel 0 */
    f->config.weight_bits = 3;
    assert_ok(quant_calibrate(f->from, &f->config, &c, &f->pictures));
    const nn_param *max = nn_params_find(f->params, "a/weight/quant/max");
    const double minmax = (double)max->value[0], other = (double)max->value[1];
    c.weights = QUANT_WEIGHT_MSE;
    assert_ok(quant_calibrate(f->from, &f->config, &c, &f->pictures));
    assert_true(fabs(minmax - 50) < 1 && (double)max->value[0] > 40); /* one large: kept */
    assert_true((double)max->value[1] < other);
}

static void a_network_that_diverged_is_named(void **state)
{
    fixture *f = *state;
    nn_params_find(f->params, "b/bias")->value[1] = (nn_real)INFINITY;
    const quant_calibration c = { .how = &quant_calibrator_mse };
    assert_fails(quant_calibrate(f->from, &f->config, &c, &f->pictures), NN_EDIVERGED, "b: ");
}

/* A layer in float keeps its weights, and has no codes to choose or to correct for. */
static void layers_in_float_are_left(void **state)
{
    fixture *f = *state;
    quant_post_report report;
    quant_post p = { .calibration = { .how = &quant_calibrator_minmax,
                                      .weights = QUANT_WEIGHT_MSE },
                     .adaround = true,
                     .rounding = { .steps = 20, .rows = 64 } };
    const nn_param *weight = nn_params_find(f->params, "b/weight");
    const nn_real before = weight->value[0];
    f->config.layers = "b=float";
    for (int k = 0; k < 2; k++) {
        p.correction = k == 0 ? QUANT_BIAS_EMPIRICAL : QUANT_BIAS_ANALYTICAL;
        assert_ok(quant_post_run(&report, f->from, &f->config, &p, &f->pictures));
        assert_int_equal(report.rounded.layers, 2);
        assert_true(weight->value[0] == before);
    }
}

static void weights_that_are_folded_late_need_training(void **state)
{
    fixture *f = *state;
    const quant_calibration c = { .how = &quant_calibrator_minmax };
    f->config.fold = &quant_fold_unfolded;
    assert_fails(quant_calibrate(f->from, &f->config, &c, &f->pictures), NN_EINVAL,
                 "--bn-fold unfolded");
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_loses_no_count),
        cmocka_unit_test(bins_are_where_the_values_are),
        cmocka_unit_test(zeros_alone_have_no_width),
        cmocka_unit_test(what_is_not_finite_is_refused),
        cmocka_unit_test(divergence_of_each_threshold),
        cmocka_unit_test(divergence_is_as_defined),
        cmocka_unit_test(percentiles_of_the_example),
        cmocka_unit_test(squared_error_of_each_threshold),
        cmocka_unit_test(percentile_cuts_the_share_that_it_says),
        cmocka_unit_test(outliers_are_clipped),
        cmocka_unit_test(long_tails_are_clipped),
        cmocka_unit_test(zeros_do_not_move_the_threshold),
        cmocka_unit_test(symmetric_grids_have_half_of_the_codes),
        cmocka_unit_test(uniform_values_are_kept),
        cmocka_unit_test(mse_is_a_minimum),
        cmocka_unit_test(weights_are_clipped_where_it_pays),
        cmocka_unit_test(options_are_checked),
        WITH_NETWORK(every_method_gives_every_range),
        WITH_NETWORK(batches_do_not_matter),
        WITH_NETWORK(weights_follow_their_own_rule),
        WITH_NETWORK(a_network_that_diverged_is_named),
        WITH_NETWORK(layers_in_float_are_left),
        WITH_NETWORK(weights_that_are_folded_late_need_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
