/* graph: construction, names, sticky errors, rewriting, parameters, every allocation that can
 * fail. */
#include <math.h>

#include "nn/base/mem.h"
#include "nn/layers.h"
#include "tests/testing.h"

static nn_params *params;
static nn_graph *graph;

static int open_graph(void **state)
{
    (void)state;
    params = NULL, graph = NULL;
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&graph, params));
    return 0;
}

static int close_graph(void **state)
{
    (void)state;
    nn_mem_fail_after(0);
    nn_graph_free(graph);
    nn_params_free(params);
    return 0;
}

/* A network with a branch, a shared layer name, an output and a loss. */
static nn_node *build_small(nn_graph *g)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, 8, 8, 3));
    nn_node *label = nn_input(g, "label", NN_SHAPE(NN_BATCH));
    x = nn_conv_bn(g, x, "conv1", (nn_conv){ .out = 4, .k = 3, .s = 2 }, NN_RELU);
    nn_node *branch = nn_depthwise_bn(g, x, "conv2", (nn_conv){ .k = 3 }, NN_RELU6);
    x = nn_add(g, x, branch, "add");
    x = nn_dropout(g, nn_global_avg_pool(g, x, "pool"), "drop", 0.5);
    x = nn_output(g, nn_dense(g, x, "logits", 5));
    nn_cross_entropy(g, x, label, 0.1);
    return x;
}

static void names_become_unique(void **state)
{
    (void)state;
    nn_node *x = nn_input(graph, "x", NN_SHAPE(NN_BATCH, 2));
    assert_string_equal(nn_relu(graph, x, "act")->name, "act");
    assert_string_equal(nn_relu(graph, x, "act")->name, "act_1");
    assert_string_equal(nn_relu(graph, x, "act")->name, "act_2");
    assert_ptr_equal(nn_graph_find(graph, "act_1"), nn_graph_node(graph, 2));
    assert_null(nn_graph_find(graph, "act_3"));
}

static void readers_are_counted(void **state)
{
    (void)state;
    nn_node *x = nn_input(graph, "x", NN_SHAPE(NN_BATCH, 2));
    nn_node *once = nn_relu(graph, x, "once"), *twice = nn_relu(graph, x, "twice");
    nn_node *sum = nn_add(graph, once, twice, "sum");
    nn_node *doubled = nn_add(graph, sum, sum, "doubled");
    assert_int_equal(nn_graph_readers(graph, x), 2);
    assert_null(nn_graph_only_reader(graph, x));
    assert_ptr_equal(nn_graph_only_reader(graph, once), sum);
    assert_ptr_equal(nn_graph_only_reader(graph, twice), sum);
    assert_null(nn_graph_only_reader(graph, sum)); /* read twice, by one */
    assert_null(nn_graph_only_reader(graph, doubled));
}

static void nodes_are_in_topological_order(void **state)
{
    (void)state;
    build_small(graph);
    assert_ok(nn_graph_check(graph));
    for (int i = 0; i < nn_graph_count(graph); i++) {
        const nn_node *n = nn_graph_node(graph, i);
        assert_int_equal(n->index, i);
        for (int k = 0; k < n->n_in; k++)
            assert_true(n->in[k]->index < i);
    }
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    nn_node *x = nn_input(graph, "x", NN_SHAPE(NN_BATCH, 8, 8, 3));
    x = nn_max_pool(graph, x, "pool", (nn_conv){ .k = 9, .pad = NN_VALID });
    x = nn_conv2d(graph, x, "conv", (nn_conv){ .out = -1, .k = 0 });
    x = nn_dense(graph, nn_flatten(graph, x, "flat"), "fc", 10);
    assert_null(nn_output(graph, x));
    nn_fail(NN_EIO, "another message of this thread");
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "max_pool pool: a 9x9 window");
}

static void a_missing_input_is_an_error(void **state)
{
    (void)state;
    nn_node *x = nn_input(graph, "x", NN_SHAPE(NN_BATCH, 4));
    assert_null(nn_add(graph, x, NULL, "sum"));
    assert_fails(nn_graph_check(graph), NN_EINVAL, "add sum: input 1 is missing");
}

static void impossible_leaves_are_refused(void **state)
{
    (void)state;
    assert_null(nn_input(graph, "image", NN_SHAPE(NN_BATCH, 0, 3)));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "image: shape [N,0,3]");
}

static void too_large_leaves_are_refused(void **state)
{
    (void)state;
    assert_null(nn_input(graph, "image", NN_SHAPE(NN_BATCH, 70000, 70000, 3)));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "image: shape");
}

/* An output too large to count is refused, not overflowed. */
static void too_large_outputs_are_refused(void **state)
{
    (void)state;
    nn_node *x = nn_input(graph, "x", NN_SHAPE(NN_BATCH, 1000, 1000, 1));
    nn_pad_attr p = { .before = { 0, 32768, 32768, 32768 } };
    assert_null(nn_pad(graph, x, "wide", p));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "pad wide");
}

/* Positions of a window are ints. */
static void too_long_sides_are_refused(void **state)
{
    (void)state;
    nn_node *x = nn_input(graph, "x", NN_SHAPE(NN_BATCH, INT32_MAX, 1, 1));
    assert_null(nn_conv2d(graph, x, "conv", (nn_conv){ .out = 1, .kh = 3, .kw = 1, .s = 2 }));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "H and W are at most 16777216");
}

static void one_parameter_has_one_leaf(void **state)
{
    (void)state;
    const nn_init init = { .kind = NN_INIT_CONSTANT };
    nn_node *a = nn_param_node(graph, "w", NN_SHAPE(3), NN_PARAM_WEIGHT, init);
    nn_node *b = nn_param_node(graph, "w", NN_SHAPE(3), NN_PARAM_WEIGHT, init);
    assert_ptr_equal(a, b);
    assert_int_equal(nn_params_count(params), 1);
    assert_null(nn_param_node(graph, "w", NN_SHAPE(4), NN_PARAM_WEIGHT, init));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "parameter w: is [3], asked for as [4]");
}

/* ---- rewriting ------------------------------------------------------------------------------- */

static void a_copy_is_the_same_graph(void **state)
{
    (void)state;
    nn_graph *copy = NULL;
    nn_node *map[64];
    build_small(graph);
    assert_in_range(nn_graph_count(graph), 1, 64);
    nn_graph_find(graph, "conv2")->for_statistics = true;
    assert_ok(nn_graph_new(&copy, params));
    assert_ok(nn_graph_rewrite(copy, graph, nn_rewrite_copy, NULL, map));
    assert_int_equal(nn_graph_count(copy), nn_graph_count(graph));
    for (int i = 0; i < nn_graph_count(graph); i++) {
        const nn_node *from = nn_graph_node(graph, i), *to = nn_graph_node(copy, i);
        assert_ptr_equal(map[i], to);
        assert_string_equal(from->name, to->name);
        assert_true(from->id == to->id && nn_shape_equal(from->shape, to->shape));
        assert_true(from->param == to->param && from->is_output == to->is_output);
        assert_true(from->for_statistics == to->for_statistics);
        assert_memory_equal(&from->attr, &to->attr, sizeof from->attr);
    }
    assert_true(nn_graph_macs(copy) == nn_graph_macs(graph));
    nn_graph_free(copy);
}

static nn_node *drop_relu6(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx)
{
    ++*(int *)ctx;
    return n->id == NN_OP_relu6 ? in[0] : nn_rewrite_copy(to, n, in, NULL);
}

static void a_rule_can_leave_a_node_out(void **state)
{
    (void)state;
    nn_graph *copy = NULL;
    int calls = 0;
    build_small(graph);
    assert_ok(nn_graph_new(&copy, params));
    assert_ok(nn_graph_rewrite(copy, graph, drop_relu6, &calls, NULL));
    assert_int_equal(calls, nn_graph_count(graph));
    assert_int_equal(nn_graph_count(copy), nn_graph_count(graph) - 1);
    assert_ptr_equal(nn_graph_find(copy, "add")->in[1], nn_graph_find(copy, "conv2/bn"));
    nn_graph_free(copy);
}

static nn_node *refuse(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx)
{
    if (n->id != NN_OP_add)
        return nn_rewrite_copy(to, n, in, ctx);
    nn_graph_stick(to, nn_fail(NN_ENOTSUP, "%s: cannot be had", n->name));
    return NULL;
}

static void a_rule_can_fail(void **state)
{
    (void)state;
    nn_graph *copy = NULL;
    build_small(graph);
    assert_ok(nn_graph_new(&copy, params));
    assert_fails(nn_graph_rewrite(copy, graph, refuse, NULL, NULL), NN_ENOTSUP, "add: cannot");
    nn_graph_free(copy);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void parameters_are_laid_out(void **state)
{
    (void)state;
    build_small(graph);
    assert_ok(nn_params_collate(params));
    nn_vector trained = nn_params_trained(params), held = nn_params_state(params);
    size_t sum = 0;
    for (int i = 0; i < nn_params_count(params); i++) {
        const nn_param *p = nn_params_at(params, i);
        nn_vector v = p->kind == NN_PARAM_STATE ? held : trained;
        assert_true(p->value == v.value + p->offset && p->offset % 16 == 0);
        assert_true(p->offset + p->count <= v.count);
        assert_true((p->grad == NULL) == (p->kind == NN_PARAM_STATE));
        sum += p->kind == NN_PARAM_STATE ? 0 : p->count;
    }
    assert_int_equal(sum, nn_params_trained_count(params));
    nn_param *late = NULL;
    assert_fails(nn_params_get(&late, params, "late", NN_SHAPE(1), NN_PARAM_BIAS, (nn_init){ 0 }),
                 NN_EINVAL, "late");
}

static double mean_square(const nn_param *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++)
        sum += (double)p->value[i] * (double)p->value[i];
    return sum / (double)p->count;
}

/* Values depend on seed and name, not on the order of creation. */
static void initial_values_have_their_variance(void **state)
{
    (void)state;
    const nn_init he = { .kind = NN_INIT_HE_NORMAL, .fan_in = 50 };
    const nn_init glorot = { .kind = NN_INIT_GLOROT, .fan_in = 40, .fan_out = 20 };
    nn_param *a = NULL, *g = NULL;
    assert_ok(nn_params_get(&a, params, "a", NN_SHAPE(100, 100), NN_PARAM_WEIGHT, he));
    assert_ok(nn_params_get(&g, params, "g", NN_SHAPE(100, 100), NN_PARAM_WEIGHT, glorot));
    assert_ok(nn_params_collate(params));
    nn_params_init(params, 3);
    assert_true(fabs(mean_square(a) / (2.0 / 50) - 1) < 0.05);
    assert_true(fabs(mean_square(g) / (0.1 / 3) - 1) < 0.05);
    nn_real first = a->value[0];
    nn_param_init(a, 4);
    assert_true(a->value[0] != first);
    nn_param_init(a, 3);
    assert_true(a->value[0] == first);
}

static void freezing_goes_by_name(void **state)
{
    (void)state;
    build_small(graph);
    assert_int_equal(nn_params_freeze(params, "conv1*"), 3); /* weight, gamma, beta */
    assert_false(nn_param_is_trained(nn_params_find(params, "conv1/weight")));
    assert_true(nn_param_is_trained(nn_params_find(params, "conv2/weight")));
    assert_int_equal(nn_params_freeze(params, "nothing"), 0);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static nn_status build_all(void)
{
    nn_params *ps = NULL;
    nn_graph *g = NULL, *copy = NULL;
    nn_status st = nn_params_new(&ps);
    if (st == NN_OK)
        st = nn_graph_new(&g, ps);
    if (st == NN_OK) {
        build_small(g);
        st = nn_graph_check(g);
    }
    if (st == NN_OK)
        st = nn_graph_new(&copy, ps);
    if (st == NN_OK)
        st = nn_graph_rewrite(copy, g, nn_rewrite_copy, NULL, NULL);
    if (st == NN_OK)
        st = nn_params_collate(ps);
    nn_graph_free(copy);
    nn_graph_free(g);
    nn_params_free(ps);
    return st;
}

static void building_survives_every_failed_allocation(void **state)
{
    (void)state;
    size_t before = nn_mem_count();
    assert_ok(build_all());
    size_t allocations = nn_mem_count() - before;
    for (size_t k = 1; k <= allocations; k++) {
        nn_mem_fail_after(k);
        nn_status st = build_all();
        nn_mem_fail_after(0);
        assert_int_equal(st, NN_ENOMEM);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_become_unique),
        TEST(readers_are_counted),
        TEST(nodes_are_in_topological_order),
        TEST(the_first_error_sticks),
        TEST(a_missing_input_is_an_error),
        TEST(impossible_leaves_are_refused),
        TEST(too_large_leaves_are_refused),
        TEST(too_large_outputs_are_refused),
        TEST(too_long_sides_are_refused),
        TEST(one_parameter_has_one_leaf),
        TEST(a_copy_is_the_same_graph),
        TEST(a_rule_can_leave_a_node_out),
        TEST(a_rule_can_fail),
        TEST(parameters_are_laid_out),
        TEST(initial_values_have_their_variance),
        TEST(freezing_goes_by_name),
        TEST(building_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
