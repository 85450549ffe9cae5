/* moments: means and variances of normals that an activation clips, against published values and
 * sums; what becomes of them from node to node. */
#include <math.h>

#include "nn/layers.h"
#include "quant/equalize.h"
#include "quant/moments.h"
#include "tests/testing.h"

static void clipped_normals_have_known_means(void **state)
{
    (void)state;
    static const double want[3][3] = { { 0, 1, .39894228 },
                                       { 1, 2, 1.39158484 },
                                       { 4, 3, 3.67382641 } };
    for (int i = 0; i < 3; i++) {
        const quant_moments x = { want[i][0], want[i][1] * want[i][1] };
        assert_true(fabs(quant_clipped_normal(x, 6).mean - want[i][2]) < 1e-8);
    }
    const quant_moments relu = quant_clipped_normal((quant_moments){ 0, 1 }, INFINITY);
    const double pi = 3.14159265358979323846;
    assert_true(fabs(relu.mean - 1 / sqrt(2 * pi)) < 1e-12);
    assert_true(fabs(relu.variance - (0.5 - 1 / (2 * pi))) < 1e-12);
    const quant_moments fixed = quant_clipped_normal((quant_moments){ -2, 0 }, 6);
    assert_true(fixed.mean == 0 && fixed.variance == 0);
    const quant_moments far = quant_clipped_normal((quant_moments){ 100, 1 }, INFINITY);
    assert_true(fabs(far.mean - 100) < 1e-9 && fabs(far.variance - 1) < 1e-6);
}

/* By summing a fine grid. */
static void clipped_moments_are_integrals(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const double mean = test_noise_int(seed, 0, -40, 90) / 10.0;
        const double deviation = test_noise_int(seed, 1, 2, 40) / 10.0, step = 1e-3;
        double first = 0, second = 0;
        for (double z = -9; z < 9; z += step) {
            const double x = fmin(fmax(mean + deviation * z, 0), 6);
            const double p = exp(-z * z / 2) / sqrt(2 * 3.14159265358979323846) * step;
            first += x * p;
            second += x * x * p;
        }
        const quant_moments m =
            quant_clipped_normal((quant_moments){ mean, deviation * deviation }, 6);
        assert_true(fabs(m.mean - first) < 1e-5);
        assert_true(fabs(m.variance - (second - first * first)) < 1e-4);
    }
}

/* ---- through a graph ------------------------------------------------------------------------- */

enum { CHANNELS = 3 };

static nn_node *normalized(nn_graph *g, nn_node *x, const char *name)
{
    return nn_conv_bn(g, x, name, (nn_conv){ .out = CHANNELS, .k = 1 }, NN_LINEAR);
}

/* Channel c of this batch norm's output is normal with mean `mean` + c and this deviation. */
static void set_normal(const nn_node *n, double mean, double deviation)
{
    for (int c = 0; c < CHANNELS; c++) {
        n->in[1]->param->value[c] = (nn_real)-deviation; /* gamma, whose sign does not matter */
        n->in[2]->param->value[c] = (nn_real)(mean + c);
    }
}

static void check_moments(quant_channel_moments got, size_t channel, double mean, double variance)
{
    assert_true(channel < got.n);
    assert_true(fabs(got.of[channel].mean - mean) < 1e-6);
    assert_true(fabs(got.of[channel].variance - variance) < 1e-6);
}

static void moments_follow_the_graph(void **state)
{
    (void)state;
    nn_params *params;
    nn_graph *g;
    nn_arena *arena;
    const quant_channel_moments *of;
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&g, params));
    assert_ok(nn_arena_new(&arena));
    nn_node *image = nn_input(g, "image", NN_SHAPE(NN_BATCH, 4, 4, 2));
    nn_node *a = normalized(g, image, "a"), *b = normalized(g, image, "b");
    nn_node *sum = nn_add(g, a, b, "sum"), *relu = nn_relu6(g, sum, "relu6");
    nn_node *both = nn_concat(g, (nn_node *[]){ relu, b }, 2, "both");
    nn_node *pool = nn_global_avg_pool(g, both, "gap");
    nn_node *plain = nn_conv2d(g, image, "plain", (nn_conv){ .out = CHANNELS, .k = 1 });
    nn_node *doubt = nn_add(g, plain, a, "doubt");
    nn_node *more = nn_concat(g, (nn_node *[]){ a, plain }, 2, "more");
    nn_node *wide = nn_pad(g, b, "wide", (nn_pad_attr){ .before = { 0, 1 }, .after = { 0, 0, 1 } });
    nn_node *deep = nn_pad(g, b, "deep", (nn_pad_attr){ .before = { 0, 0, 0, 2 } });
    assert_ok(nn_graph_check(g));
    assert_ok(nn_params_collate(params));
    set_normal(a, 1, 2);
    set_normal(b, -3, 0.5);
    assert_ok(quant_moments_find(&of, arena, g));
    for (size_t c = 0; c < CHANNELS; c++) {
        const double mean = -2 + 2 * (double)c, variance = 4 + 0.25;
        const quant_moments clipped = quant_clipped_normal((quant_moments){ mean, variance }, 6);
        check_moments(of[sum->index], c, mean, variance);
        check_moments(of[relu->index], c, clipped.mean, clipped.variance);
        check_moments(of[both->index], c, clipped.mean, clipped.variance);
        check_moments(of[both->index], CHANNELS + c, -3 + (double)c, 0.25);
        assert_true(fabs(of[pool->index].of[c].mean - clipped.mean) < 1e-6);
        check_moments(of[wide->index], c, -3 + (double)c, 0.25);
        check_moments(of[deep->index], 2 + c, -3 + (double)c, 0.25);
    }
    assert_true(of[wide->index].n == CHANNELS && of[deep->index].n == CHANNELS + 2);
    check_moments(of[deep->index], 1, 0, 0);
    const nn_node *const unknown[] = { image, plain, doubt, more };
    for (int i = 0; i < 4; i++)
        assert_int_equal(of[unknown[i]->index].n, 0);
    nn_arena_free(arena);
    nn_graph_free(g);
    nn_params_free(params);
}

/* Channels of zeros move the others: equalization, which counts channels, stops at them. */
static void channels_of_zeros_end_a_pair(void **state)
{
    (void)state;
    nn_params *params;
    nn_graph *g;
    quant_equalized done;
    const quant_config config = quant_config_default();
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&g, params));
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, 4, 4, 2));
    x = nn_relu(g, nn_conv2d(g, x, "a", (nn_conv){ .out = 4, .k = 1 }), "relu");
    nn_node *wide = nn_pad(g, x, "wide", (nn_pad_attr){ .before = { 0, 1 } });
    nn_node *y = nn_conv2d(g, wide, "b", (nn_conv){ .out = 4, .k = 1 });
    y = nn_pad(g, y, "deep", (nn_pad_attr){ .before = { 0, 0, 0, 4 } });
    nn_output(g, nn_conv2d(g, y, "c", (nn_conv){ .out = 4, .k = 1 }));
    assert_ok(nn_graph_check(g));
    assert_ok(nn_params_collate(params));
    nn_params_init(params, 1);
    assert_ok(quant_equalize(&done, g, &config, NULL));
    assert_int_equal(done.pairs, 1); /* a and b; not b and c */
    nn_graph_free(g);
    nn_params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clipped_normals_have_known_means),
        cmocka_unit_test(clipped_moments_are_integrals),
        cmocka_unit_test(moments_follow_the_graph),
        cmocka_unit_test(channels_of_zeros_end_a_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
