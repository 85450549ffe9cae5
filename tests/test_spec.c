/* spec and plan: bits, codes and scheme of each tensor, settings for single layers, and the reasons
 * that the plan gives. */
#include "nn/layers.h"
#include "quant/plan.h"
#include "quant/spec.h"
#include "tests/testing.h"

typedef struct fixture {
    nn_params *params;
    nn_graph *g;
    quant_config config;
    quant_point points[64];
} fixture;

/* stem (relu) -> body (relu6) and side (linear) -> concat; sum (add, relu); head. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->g, f->params));
    nn_graph *g = f->g;
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, 8, 8, 3));
    nn_node *stem = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 8, .k = 3 }, NN_RELU);
    nn_node *body = nn_conv_bn(g, stem, "body", (nn_conv){ .out = 8, .k = 3 }, NN_RELU6);
    nn_node *side = nn_conv_bn(g, stem, "side", (nn_conv){ .out = 8, .k = 3 }, NN_LINEAR);
    nn_node *both = nn_concat(g, (nn_node *[]){ nn_relu(g, side, "side/act"), body }, 2, "both");
    nn_node *mixed = nn_concat(
        g,
        (nn_node *[]){ stem, nn_conv_bn(g, stem, "low", (nn_conv){ .out = 8, .k = 1 }, NN_LINEAR) },
        2, "mixed");
    nn_node *sum = nn_relu(g, nn_add(g, both, mixed, "sum"), "sum/relu");
    x = nn_global_avg_pool(g, nn_max_pool(g, sum, "pool", (nn_conv){ .k = 2 }), "gap");
    nn_output(g, nn_dense(g, x, "head", 4));
    assert_ok(nn_graph_check(g));
    f->config = quant_config_default();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    nn_graph_free(f->g);
    nn_params_free(f->params);
    free(f);
    return 0;
}

static quant_spec range_spec(fixture *f, const char *name)
{
    const nn_node *n = nn_graph_find(f->g, name);
    assert_non_null(n);
    assert_ok(quant_points_find(f->points, f->g, f->config.input));
    return quant_range_spec(&f->config, f->g, f->points, f->points[n->index].leader);
}

static int weight_bits(fixture *f, const char *name)
{
    const nn_node *n = nn_graph_find(f->g, name);
    assert_non_null(n);
    return quant_weight_spec(&f->config, n).bits;
}

static void eight_bits_have_the_whole_grid(void **state)
{
    fixture *f = *state;
    quant_spec s = range_spec(f, "stem/relu");
    assert_true(s.bits == 8 && s.grid.qmin == -128 && s.grid.qmax == 127 && s.why == NULL);
    s = quant_weight_spec(&f->config, nn_graph_find(f->g, "stem"));
    assert_true(s.bits == 8 && s.grid.qmin == -127 && s.grid.qmax == 127 && s.symmetric);
    assert_int_equal(s.axis, 0);
}

/* zero point 128 - 2^b, so that relu bounds the codes below and int8 above. */
static void few_bits_sit_at_the_top(void **state)
{
    fixture *f = *state;
    f->config.act_bits = 4;
    const char *const names[] = { "body/relu6", "sum/relu", "pool", "gap" };
    for (int i = 0; i < 4; i++) {
        quant_spec s = range_spec(f, names[i]);
        assert_true(s.bits == 4 && s.grid.qmin == 112 && s.grid.qmax == 127 && s.why == NULL);
        assert_int_equal(nn_affine_from_range(0, 3, s.grid).zero_point, 112);
    }
}

static void what_may_be_negative_stays_at_eight(void **state)
{
    fixture *f = *state;
    f->config.act_bits = 4;
    const char *const names[] = { "head", "mixed", "stem/relu" }; /* stem is tied to mixed */
    for (int i = 0; i < 3; i++) {
        quant_spec s = range_spec(f, names[i]);
        assert_true(s.bits == 8 && s.grid.qmin == -128 && s.why != NULL);
    }
    assert_int_equal(range_spec(f, "image").bits, 8);
}

static void layers_have_their_own_bits(void **state)
{
    fixture *f = *state;
    f->config.weight_bits = 4;
    f->config.layers = "s*=w3,stem=w8a5,h?ad=w2,body/relu6=a6";
    assert_ok(quant_config_check(&f->config, f->g));
    assert_int_equal(weight_bits(f, "stem"), 8); /* the later one wins */
    assert_int_equal(weight_bits(f, "side"), 3);
    assert_int_equal(weight_bits(f, "body"), 4);
    assert_int_equal(weight_bits(f, "head"), 2);
    f->config.act_bits = 7;
    assert_int_equal(range_spec(f, "sum/relu").bits, 7);
    f->config.layers = "sum=a5"; /* a part of the path */
    assert_int_equal(range_spec(f, "sum/relu").bits, 5);
}

/* Nothing is float but what is named, and that must be a layer with weights. */
static void layers_are_float_by_name(void **state)
{
    fixture *f = *state;
    const nn_node *stem = nn_graph_find(f->g, "stem"), *head = nn_graph_find(f->g, "head");
    assert_false(quant_weight_spec(&f->config, stem).is_float);
    f->config.layers = "*=float,stem=w4";
    assert_ok(quant_config_check(&f->config, f->g));
    assert_true(quant_weight_spec(&f->config, head).is_float);
    assert_false(quant_weight_spec(&f->config, stem).is_float); /* the later one wins */
    f->config.layers = "pool=float";
    assert_fails(quant_config_check(&f->config, f->g), NN_EINVAL, "no layer with weights");
    f->config.layers = "stem=floats";
    assert_fails(quant_config_check(&f->config, f->g), NN_EINVAL, "GLOB=float");
}

/* A rule decides for activations, and for weights where nothing else is said. */
static void rules_have_their_tensors(void **state)
{
    fixture *f = *state;
    const nn_node *stem = nn_graph_find(f->g, "stem"), *body = nn_graph_find(f->g, "body");
    f->config.act_rule = &quant_range_lsq;
    quant_spec s = range_spec(f, "body/relu6");
    assert_true(s.rule == &quant_range_lsq && !s.symmetric);
    s = range_spec(f, "head"); /* may be negative */
    assert_true(s.rule == &quant_range_lsq && s.symmetric && s.grid.qmin == -128);
    assert_ptr_equal(quant_weight_spec(&f->config, stem).rule, &quant_range_lsq);
    f->config.weight_rule = &quant_range_last;
    assert_ptr_equal(quant_weight_spec(&f->config, stem).rule, &quant_range_last);
    f->config.weight_rule = NULL;
    f->config.act_rule = &quant_range_pact;
    assert_ptr_equal(range_spec(f, "sum/relu").rule, &quant_range_pact);
    assert_ptr_equal(range_spec(f, "head").rule, &quant_range_ema);
    assert_ptr_equal(quant_weight_spec(&f->config, stem).rule, &quant_range_last);
    f->config.act_rule = &quant_range_dorefa;
    f->config.weight_bits = 4;
    f->config.layers = "stem=w8";
    s = quant_weight_spec(&f->config, body);
    assert_true(s.levels == 15 && s.grid.qmin == -15 && s.grid.qmax == 15);
    s = quant_weight_spec(&f->config, stem);
    assert_true(s.levels == 0 && s.grid.qmax == 127);
    assert_ok(quant_config_check(&f->config, f->g));
    f->config.weight_bits = 8;
    assert_fails(quant_config_check(&f->config, f->g), NN_EINVAL, "--weight-bits 7");
}

static void settings_that_do_not_fit_are_refused(void **state)
{
    fixture *f = *state;
    const struct {
        const char *layers, *part;
    } wrong[] = {
        { "stem", "stem" },      { "stem=", "stem=" },   { "=w4", "=w4" },
        { "stem=w9", "w9" },     { "stem=w1", "w1" },    { "stem=w8x", "w8x" },
        { "stem=a4w4", "a4w4" }, { "stme=w4", "stem?" }, { "qqqqqq=w4", "layers are stem" },
        { "stem=w4,,", "wBITS" }
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->config.layers = wrong[i].layers;
        assert_fails(quant_config_check(&f->config, f->g), NN_EINVAL, wrong[i].part);
    }
    f->config.layers = NULL;
    f->config.weight_scheme = QUANT_AFFINE;
    assert_fails(quant_config_check(&f->config, f->g), NN_EINVAL, "--granularity tensor");
    f->config.granularity = QUANT_PER_TENSOR;
    assert_ok(quant_config_check(&f->config, f->g));
    f->config.act_scheme = QUANT_SYMMETRIC;
    assert_ok(quant_config_check(&f->config, f->g));
    f->config.act_bits = 6;
    assert_fails(quant_config_check(&f->config, f->g), NN_EINVAL, "--act-scheme");
}

static void the_plan_explains(void **state)
{
    fixture *f = *state;
    nn_arena *arena;
    quant_plan_row *rows;
    f->config.act_bits = 6;
    const struct {
        const char *name, *part;
        bool in_file;
    } want[] = {
        { "image", "that of pixels", true },
        { "stem/weight", "8 bits, symmetric, one scale for each output channel", true },
        { "stem", "part of stem/bn", false },
        { "stem/bn/gamma", "folded", false },
        { "body/relu6", "in the range of both", true },
        { "both", "6 bits, affine, range by ema", true },
        { "mixed", "8 bits (it may be negative", true },
        { "head/bias", "int32", true },
    };
    assert_ok(nn_arena_new(&arena));
    assert_ok(quant_plan_rows(&rows, arena, f->g, &f->config));
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const nn_node *n = nn_graph_find(f->g, want[i].name);
        assert_non_null(n);
        const quant_plan_row *row = &rows[n->index];
        if (strstr(row->why, want[i].part) == NULL || row->in_file != want[i].in_file)
            fail_msg("%s: \"%s\"", want[i].name, row->why);
    }
    nn_arena_free(arena);
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NETWORK(eight_bits_have_the_whole_grid),
        WITH_NETWORK(few_bits_sit_at_the_top),
        WITH_NETWORK(what_may_be_negative_stays_at_eight),
        WITH_NETWORK(layers_have_their_own_bits),
        WITH_NETWORK(layers_are_float_by_name),
        WITH_NETWORK(rules_have_their_tensors),
        WITH_NETWORK(settings_that_do_not_fit_are_refused),
        WITH_NETWORK(the_plan_explains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
