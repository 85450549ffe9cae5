/* plan and exec: sharing memory changes no bit, nothing is allocated while running, gradients reach
 * every parameter, and the whole network's gradient agrees with central differences. */
#include <math.h>

#include "nn/base/chunk.h"
#include "nn/base/mem.h"
#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "tests/testing.h"

enum { BATCH = 6, SIDE = 9, CLASSES = 5 };

/* A network with everything that makes lifetimes hard: in-place chains, a residual add, a concat of
 * one tensor's two readers, views, and a node that is read long after it was made. */
static nn_node *build_network(nn_graph *g)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, 3));
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 8, .k = 3 }, NN_RELU);
    nn_node *early = x;
    nn_node *y = nn_conv_bn(g, x, "a", (nn_conv){ .out = 8, .k = 3 }, NN_RELU6);
    y = nn_conv_bn(g, y, "b", (nn_conv){ .out = 8, .k = 3 }, NN_LINEAR);
    x = nn_relu(g, nn_add(g, y, x, "add"), "add/relu");
    nn_node *z = nn_depthwise_bn(g, x, "dw", (nn_conv){ .k = 3, .multiplier = 2 }, NN_HARD_SWISH);
    x = nn_concat(g, (nn_node *[]){ x, z, early }, 3, "concat");
    x = nn_max_pool(g, x, "pool", (nn_conv){ .k = 2 });
    x = nn_add(g, x, x, "twice");
    x = nn_dense(g, nn_flatten(g, x, "flat"), "fc1", 12);
    x = nn_dropout(g, nn_relu(g, x, "fc1/relu"), "drop", 0.25);
    return nn_output(g, nn_dense(g, x, "fc2", CLASSES));
}

typedef struct fixture {
    nn_params *params;
    nn_graph *graph;
    nn_node *logits, *loss;
    nn_real image[BATCH * SIDE * SIDE * 3], label[BATCH];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    nn_kernels_init();
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->graph, f->params));
    f->logits = build_network(f->graph);
    nn_node *label = nn_input(f->graph, "label", NN_SHAPE(NN_BATCH));
    f->loss = nn_cross_entropy(f->graph, f->logits, label, 0.1);
    assert_ok(nn_graph_check(f->graph));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 3);
    test_noise(f->image, sizeof f->image / sizeof f->image[0], 1);
    for (int i = 0; i < BATCH; i++)
        f->label[i] = (nn_real)(i % CLASSES);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    nn_graph_free(f->graph);
    nn_params_free(f->params);
    free(f);
    return 0;
}

static const nn_run training = { .training = true, .seed = 5, .step = 2 };

static nn_exec *make_exec(const fixture *f, nn_plan **plan, bool keep_all)
{
    nn_exec *e = NULL;
    assert_ok(
        nn_plan_new(plan, f->graph,
                    &(nn_plan_options){ .batch = BATCH, .loss = f->loss, .keep_all = keep_all }));
    assert_ok(nn_exec_new(&e, *plan, NULL));
    nn_exec_bind(e, nn_graph_find(f->graph, "image"), f->image);
    nn_exec_bind(e, nn_graph_find(f->graph, "label"), f->label);
    return e;
}

/* Gradients and loss of one step under a plan, and the state it leaves. */
static nn_real *step(const fixture *f, bool keep_all, size_t *n)
{
    nn_plan *plan = NULL;
    nn_params_init(f->params, 3);
    nn_exec *e = make_exec(f, &plan, keep_all);
    nn_exec_forward(e, BATCH, &training);
    nn_exec_backward(e, BATCH, &training);
    nn_vector t = nn_params_trained(f->params), s = nn_params_state(f->params);
    *n = t.count + s.count + 1;
    nn_real *result = malloc(*n * sizeof *result);
    memcpy(result, t.grad, t.count * sizeof *result);
    memcpy(result + t.count, s.value, s.count * sizeof *result);
    result[t.count + s.count] = *nn_exec_value(e, f->loss);
    nn_exec_free(e);
    nn_plan_free(plan);
    return result;
}

static void sharing_memory_changes_no_bit(void **state)
{
    const fixture *f = *state;
    size_t n = 0;
    nn_real *shared = step(f, false, &n), *apart = step(f, true, &n);
    assert_memory_equal(shared, apart, n * sizeof *shared);
    free(shared);
    free(apart);
}

static void plan_is_close_to_its_bound(void **state)
{
    const fixture *f = *state;
    nn_plan *shared = NULL, *apart = NULL;
    assert_ok(
        nn_plan_new(&shared, f->graph, &(nn_plan_options){ .batch = BATCH, .loss = f->loss }));
    assert_ok(nn_plan_new(&apart, f->graph,
                          &(nn_plan_options){ .batch = BATCH, .loss = f->loss, .keep_all = true }));
    assert_true(shared->bytes < apart->bytes);
    assert_true(shared->bytes >= shared->lower_bound);
    assert_true((double)shared->bytes < 1.15 * (double)shared->lower_bound);
    nn_plan_free(shared);
    nn_plan_free(apart);
}

static void running_allocates_nothing(void **state)
{
    const fixture *f = *state;
    nn_plan *plan = NULL;
    nn_exec *e = make_exec(f, &plan, false);
    size_t before = nn_mem_count();
    for (int i = 0; i < 3; i++) {
        nn_exec_forward(e, BATCH, &training);
        nn_exec_backward(e, BATCH, &training);
    }
    assert_int_equal(nn_mem_count(), before);
    nn_exec_free(e);
    nn_plan_free(plan);
}

static void same_bits_on_any_number_of_threads(void **state)
{
    const fixture *f = *state;
    size_t n = 0;
    int threads = nn_thread_count();
    omp_set_num_threads(1);
    nn_real *one = step(f, false, &n);
    for (int t = 2; t <= 7; t += 5) {
        omp_set_num_threads(t);
        nn_real *many = step(f, false, &n);
        assert_memory_equal(one, many, n * sizeof *one);
        free(many);
    }
    omp_set_num_threads(threads);
    free(one);
}

/* Moving along the gradient changes the loss as the gradient says: dloss = |g| epsilon. */
static void gradient_of_the_whole_network(void **state)
{
    const fixture *f = *state;
    nn_plan *plan = NULL;
    nn_exec *e = make_exec(f, &plan, false);
    nn_params_init(f->params, 3);
    nn_exec_forward(e, BATCH, &training);
    nn_exec_backward(e, BATCH, &training);
    nn_vector v = nn_params_trained(f->params);
    nn_real *g = malloc(v.count * sizeof *g), *w = malloc(v.count * sizeof *w);
    memcpy(g, v.grad, v.count * sizeof *g);
    memcpy(w, v.value, v.count * sizeof *w);
    double square = 0, loss[2];
    for (size_t i = 0; i < v.count; i++)
        square += (double)g[i] * (double)g[i];
    double epsilon = (sizeof(nn_real) == 8 ? 1e-7 : 2e-4) / sqrt(square);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < v.count; i++)
            v.value[i] = w[i] + (nn_real)((side == 0 ? epsilon : -epsilon) * (double)g[i]);
        nn_exec_forward(e, BATCH, &training);
        loss[side] = (double)*nn_exec_value(e, f->loss);
    }
    double measured = (loss[0] - loss[1]) / (2 * epsilon);
    if (fabs(measured / square - 1) > (sizeof(nn_real) == 8 ? 1e-5 : 2e-2))
        fail_msg("directional derivative %.10g, gradient says %.10g", measured, square);
    free(g);
    free(w);
    nn_exec_free(e);
    nn_plan_free(plan);
}

static void frozen_parameters_get_no_gradient(void **state)
{
    const fixture *f = *state;
    assert_int_equal(nn_params_freeze(f->params, "stem*"), 3);
    size_t n = 0;
    nn_real *r = step(f, false, &n);
    const nn_param *stem = nn_params_find(f->params, "stem/weight");
    const nn_param *next = nn_params_find(f->params, "a/weight");
    assert_non_null(stem);
    double frozen = 0, trained = 0;
    for (size_t i = 0; i < stem->count; i++)
        frozen += fabs((double)stem->grad[i]);
    for (size_t i = 0; i < next->count; i++)
        trained += fabs((double)next->grad[i]);
    assert_true(frozen == 0 && trained > 0);
    free(r);
}

static void too_large_a_plan_is_refused(void **state)
{
    const fixture *f = *state;
    nn_plan *plan = NULL;
    assert_fails(
        nn_plan_new(&plan, f->graph,
                    &(nn_plan_options){ .batch = 1 << 20, .loss = f->loss, .max_bytes = 1 << 20 }),
        NN_ENOMEM, "limit of 1 MB");
    assert_fails(nn_plan_new(&plan, f->graph, &(nn_plan_options){ .batch = 0, .loss = f->loss }),
                 NN_EINVAL, "batch");
    assert_fails(nn_plan_new(&plan, f->graph, &(nn_plan_options){ .batch = 1, .loss = f->logits }),
                 NN_EINVAL, "scalar");
}

static void building_survives_failed_allocations(void **state)
{
    const fixture *f = *state;
    for (size_t k = 1; k < 12; k++) {
        nn_plan *plan = NULL;
        nn_exec *e = NULL;
        nn_mem_fail_after(k);
        nn_status st =
            nn_plan_new(&plan, f->graph, &(nn_plan_options){ .batch = BATCH, .loss = f->loss });
        if (st == NN_OK)
            st = nn_exec_new(&e, plan, NULL);
        nn_mem_fail_after(0);
        assert_true(st == NN_OK || st == NN_ENOMEM);
        nn_exec_free(e);
        nn_plan_free(plan);
    }
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* What only an op without a gradient reads gets none, and passes none on. */
static void no_gradient_comes_through_an_op_without_one(void **state)
{
    (void)state;
    const nn_init one = { .kind = NN_INIT_CONSTANT, .value = 1 };
    const nn_shape four = NN_SHAPE(4);
    nn_params *params = NULL;
    nn_graph *g = NULL;
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&g, params));
    nn_node *weight = nn_param_node(g, "weight", four, NN_PARAM_WEIGHT, one);
    nn_node *bias = nn_param_node(g, "bias", four, NN_PARAM_BIAS, one);
    nn_node *active = nn_relu(g, bias, "relu");
    nn_node *scales[] = { nn_param_node(g, "scale", four, NN_PARAM_STATE, one), active,
                          nn_param_node(g, "x_scale", NN_SHAPE(1), NN_PARAM_STATE, one) };
    nn_node *grid = nn_node_new(g, NN_OP_biasgrid, "grid", scales, 3, NULL);
    nn_node *target = nn_param_node(g, "target", four, NN_PARAM_STATE, (nn_init){ 0 });
    nn_node *loss = nn_mean_squared_error(g, nn_mul(g, weight, grid, "product"), target);
    assert_ok(nn_graph_check(g));
    assert_ok(nn_params_collate(params));
    nn_params_init(params, 1);
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = 1, .loss = loss }));
    assert_false(plan->place[active->index].backward || plan->place[bias->index].backward);
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_forward(e, 1, &training);
    nn_exec_backward(e, 1, &training);
    assert_true(weight->param->grad[0] == (nn_real)0.5 && bias->param->grad[0] == 0);
    nn_exec_free(e);
    nn_plan_free(plan);
    nn_graph_free(g);
    nn_params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NETWORK(sharing_memory_changes_no_bit),
        WITH_NETWORK(plan_is_close_to_its_bound),
        WITH_NETWORK(running_allocates_nothing),
        WITH_NETWORK(same_bits_on_any_number_of_threads),
        WITH_NETWORK(gradient_of_the_whole_network),
        WITH_NETWORK(frozen_parameters_get_no_gradient),
        cmocka_unit_test(no_gradient_comes_through_an_op_without_one),
        WITH_NETWORK(too_large_a_plan_is_refused),
        WITH_NETWORK(building_survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
