/* statistics of tensors: against values worked out one by one, and on any number of threads. */
#include <math.h>
#include <omp.h>

#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "quant/stats.h"
#include "tests/testing.h"

enum { PICTURES = 6, SIDE = 2, CHANNELS = 2, ITEM = SIDE * SIDE * CHANNELS };

/* ---- cells of a histogram -------------------------------------------------------------------- */

static uint64_t count_between(const nn_real *x, int n, double from, double to)
{
    uint64_t count = 0;
    for (int i = 0; i < n; i++)
        count += (double)x[i] >= from && (double)x[i] < to;
    return count;
}

static void cells_hold_what_lies_between_their_ends(void **state)
{
    (void)state;
    enum { N = 1000, MOST = 24 };
    quant_histogram *h = NULL;
    quant_cell cell[MOST];
    nn_real x[N];
    uint64_t sum = 0;
    test_noise(x, N, 3);
    for (int i = 0; i < N; i++)
        x[i] = x[i] < 0 ? x[i] * (nn_real)0.3 : x[i];
    assert_ok(quant_histogram_new(&h, 512));
    assert_true(quant_histogram_add(h, x, N));
    const int n = quant_histogram_cells(cell, MOST, h);
    assert_true(n > MOST / 2 && n <= MOST);
    for (int i = 0; i < n; i++) {
        assert_int_equal(cell[i].count, count_between(x, N, cell[i].from, cell[i].to));
        assert_true(i == 0 || cell[i].from == cell[i - 1].to);
        sum += cell[i].count;
    }
    assert_int_equal(sum, N);
    assert_true(cell[0].from <= h->min && cell[n - 1].to > h->max);
    quant_histogram_free(h);
}

static void an_empty_histogram_has_no_cells(void **state)
{
    (void)state;
    quant_histogram *h = NULL;
    quant_cell cell[4];
    const nn_real zeros[3] = { 0 };
    assert_ok(quant_histogram_new(&h, 16));
    assert_int_equal(quant_histogram_cells(cell, 4, h), 0);
    assert_true(quant_histogram_add(h, zeros, 3));
    assert_int_equal(quant_histogram_cells(cell, 4, h), 1);
    assert_int_equal(cell[0].count, 3);
    quant_histogram_free(h);
}

/* ---- a network of one layer that passes its picture on --------------------------------------- */

typedef struct fixture {
    nn_params *params;
    nn_graph *from, *deploy;
    quant_config config;
    nn_real image[PICTURES * ITEM];
    quant_array images;
    quant_pictures pictures;
} fixture;

static nn_param *param(const fixture *f, const char *name)
{
    nn_param *p = nn_params_find(f->params, name);
    assert_non_null(p);
    return p;
}

/* Channel 0 is passed on as it is, channel 1 four times smaller, with a range for each; the result
 * has steps of 1/64 from -1.5 to 2.484375, so that it is clipped at both ends. */
static void set_ranges(const fixture *f)
{
    const nn_real weight[] = { 1, 0, 0, (nn_real)0.25 };
    memcpy(param(f, "c/weight")->value, weight, sizeof weight);
    param(f, "c/weight/quant/scale")->value[0] = (nn_real)(1.0 / 64);
    param(f, "c/weight/quant/scale")->value[1] = (nn_real)(1.0 / 256);
    param(f, "c/act_quant/scale")->value[0] = (nn_real)(1.0 / 64);
    param(f, "c/act_quant/zero_point")->value[0] = -32;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    nn_kernels_init();
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    nn_node *x = nn_input(f->from, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, CHANNELS));
    nn_output(f->from, nn_conv2d(f->from, x, "c", (nn_conv){ .out = 2, .k = 1 }));
    assert_ok(nn_graph_check(f->from));
    f->config = quant_config_default();
    f->config.act_rule = &quant_range_minmax;
    assert_ok(quant_input_affine(&f->config.input, 128, 32));
    assert_ok(nn_graph_new(&f->deploy, f->params));
    assert_ok(quant_build(f->deploy, f->from, &f->config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 1);
    set_ranges(f);
    for (int i = 0; i < PICTURES * ITEM; i++) /* codes of pixels */
        f->image[i] = (nn_real)test_noise_int(5, (uint64_t)i, -128, 127) / 32;
    f->images = (quant_array){ f->image, ITEM, PICTURES, 4, 0 };
    f->pictures = quant_pictures_of(&f->images);
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

static const quant_tensor_stats *find(const quant_stats *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->tensor[i].name, name) == 0)
            return &s->tensor[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static quant_stats *measure(fixture *f, quant_stage stage)
{
    quant_stats *s = NULL;
    assert_ok(quant_stats_measure(&s, f->from, &f->config, stage, &f->pictures, 128));
    return s;
}

static void each_number_is_that_of_the_values(void **state)
{
    fixture *f = *state;
    quant_stats *s = measure(f, QUANT_DEPLOY);
    const quant_tensor_stats *t = find(s, "c");
    double signal = 0, noise = 0, least = 0, most = 0;
    int below = 0, above = 0;
    for (int i = 0; i < PICTURES * ITEM; i++) {
        const double v = (double)f->image[i] * (i % 2 == 0 ? 1 : 0.25);
        const double y = fmin(fmax(round(v * 64) / 64, -1.5), 2.484375);
        signal += v * v;
        noise += (v - y) * (v - y);
        below += v < -1.5 - 1.0 / 128;
        above += v > 2.484375 + 1.0 / 128;
        least = fmin(least, v);
        most = fmax(most, v);
    }
    assert_true(below > 3 && above > 3 && (int)t->clipped == below + above &&
                t->values->n == PICTURES * ITEM);
    assert_true(fabs(quant_stats_clipped(t) - (double)(below + above) / (PICTURES * ITEM)) < 1e-12);
    assert_true(fabs(quant_stats_sqnr_db(t) - 10 * log10(signal / noise)) < 1e-3);
    assert_true(t->values->min == (float)least && t->values->max == (float)most);
    assert_true(t->least[0] == (float)least && t->most[0] == (float)most);
    assert_true(t->scale[0] == 1.0F / 64 && t->zero_point[0] == -32 && t->grid.qmin == -128);
    assert_int_equal(s->pictures, PICTURES);
    quant_stats_free(s);
}

static void weights_have_a_range_for_each_channel_and_count_once(void **state)
{
    fixture *f = *state;
    quant_stats *s = measure(f, QUANT_DEPLOY);
    const quant_tensor_stats *t = find(s, "c/weight");
    assert_true(t->is_weight && t->channels == 2 && t->values->n == 4);
    assert_true(t->least[0] == 0 && t->most[0] == 1 && t->least[1] == 0 && t->most[1] == 0.25F);
    assert_true(t->scale[0] == 1.0F / 64 && t->scale[1] == 1.0F / 256);
    assert_true(isinf(quant_stats_sqnr_db(t)) && t->clipped == 0); /* all lie on the grid */
    assert_false(find(s, "image")->is_weight);
    quant_stats_free(s);
}

static void without_ranges_nothing_is_rounded(void **state)
{
    fixture *f = *state;
    param(f, "c/act_quant/scale")->value[0] = 0;
    quant_stats *s = measure(f, QUANT_CALIBRATE);
    const quant_tensor_stats *t = find(s, "c");
    assert_true(isnan(quant_stats_sqnr_db(t)) && t->clipped == 0);
    assert_true(t->values->n == PICTURES * ITEM && t->values->max > 0);
    assert_true(param(f, "c/act_quant/scale")->value[0] == 0); /* looking does not set it */
    quant_stats_free(s);
}

static void threads_change_no_bit(void **state)
{
    fixture *f = *state;
    const int all = omp_get_max_threads();
    omp_set_num_threads(1);
    quant_stats *one = measure(f, QUANT_DEPLOY);
    omp_set_num_threads(3);
    quant_stats *three = measure(f, QUANT_DEPLOY);
    omp_set_num_threads(all);
    for (int i = 0; i < one->n; i++) {
        const quant_tensor_stats *a = &one->tensor[i], *b = &three->tensor[i];
        assert_memory_equal(&a->signal, &b->signal, sizeof a->signal);
        assert_memory_equal(&a->noise, &b->noise, sizeof a->noise);
        assert_int_equal(a->clipped, b->clipped);
    }
    quant_stats_free(one);
    quant_stats_free(three);
}

static void a_value_that_is_not_finite_is_named(void **state)
{
    fixture *f = *state;
    quant_stats *s = NULL;
    param(f, "c/weight")->value[1] = (nn_real)NAN;
    assert_fails(quant_stats_measure(&s, f->from, &f->config, QUANT_DEPLOY, &f->pictures, 128),
                 NN_EDIVERGED, "c/weight: ");
    assert_fails(quant_stats_measure(&s, f->from, &f->config, QUANT_DEPLOY, &f->pictures, 1),
                 NN_EINVAL, "1 bins");
    assert_null(s);
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_hold_what_lies_between_their_ends),
        cmocka_unit_test(an_empty_histogram_has_no_cells),
        WITH_NETWORK(each_number_is_that_of_the_values),
        WITH_NETWORK(weights_have_a_range_for_each_channel_and_count_once),
        WITH_NETWORK(without_ranges_nothing_is_rounded),
        WITH_NETWORK(threads_change_no_bit),
        WITH_NETWORK(a_value_that_is_not_finite_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
