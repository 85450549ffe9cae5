/* ops: what they compute, by hand-made cases: ties, borders, running statistics, masks, extreme
 * logits, labels that are no class. */
#include <math.h>

#include "nn/base/math.h"
#include "nn/base/mem.h"
#include "nn/graph.h"
#include "nn/kernels/kernels.h"
#include "tests/testing.h"

enum { MOST = 4096 };

/* A graph of one op whose inputs are leaves x0, x1, ..., and a call of it. */
typedef struct bench {
    nn_params *params;
    nn_graph *graph;
    nn_node *node;
    nn_run run;
    nn_call call;
    nn_real y[MOST], dy[MOST], dx[2][MOST];
    void *saved, *scratch;
} bench;

static bench b; /* one at a time: opened and closed by each test's fixture */

static int open_bench(void **state)
{
    (void)state;
    memset(&b, 0, sizeof b);
    nn_kernels_init();
    assert_ok(nn_params_new(&b.params));
    assert_ok(nn_graph_new(&b.graph, b.params));
    return 0;
}

static int close_bench(void **state)
{
    (void)state;
    nn_mem_free(b.saved);
    nn_mem_free(b.scratch);
    nn_graph_free(b.graph);
    nn_params_free(b.params);
    return 0;
}

static void forward(nn_op_id id, nn_node *const in[], int n_in, const nn_attr *attr,
                    const nn_real *const x[], int batch)
{
    b.node = nn_node_new(b.graph, id, "node", in, n_in, attr);
    assert_ok(nn_graph_check(b.graph));
    assert_in_range(nn_shape_count_batch(b.node->shape, batch), 1, MOST);
    nn_need need = { 0 };
    if (b.node->op->need != NULL)
        need = b.node->op->need(b.node, batch, true);
    b.saved = need.saved > 0 ? nn_mem_alloc(need.saved) : NULL;
    b.scratch = nn_mem_alloc(need.scratch);
    b.call = (nn_call){ .node = b.node,
                        .run = &b.run,
                        .batch = batch,
                        .y = b.y,
                        .dy = b.dy,
                        .dx = { b.dx[0], n_in > 1 && in[1]->param == NULL ? b.dx[1] : NULL },
                        .saved = b.saved,
                        .scratch = b.scratch };
    for (int k = 0; k < n_in; k++)
        b.call.x[k] = in[k]->param != NULL ? in[k]->param->value : x[k];
    b.node->op->forward(&b.call);
}

static void forward_one(nn_op_id id, nn_shape shape, const nn_attr *attr, const nn_real *x,
                        int batch)
{
    nn_node *in = nn_input(b.graph, "x0", shape);
    forward(id, &in, 1, attr, &x, batch);
}

static void assert_near(const nn_real *got, const nn_real *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 1e-6 * fmax(1, fabs((double)want[i]))))
            fail_msg("element %zu is %.9g, must be %.9g", i, (double)got[i], (double)want[i]);
}

/* ---- pools and borders ----------------------------------------------------------------------- */

static void max_pool_gives_a_tie_to_the_first(void **state)
{
    (void)state;
    const nn_attr attr = { .window = { 2, 2, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0 } };
    const nn_real x[] = { 1, 1, -5, 1, 1, -7 }; /* 2 x 3: the last window has one column */
    forward_one(NN_OP_max_pool, NN_SHAPE(NN_BATCH, 2, 3, 1), &attr, x, 1);
    assert_near(b.y, (nn_real[]){ 1, -5 }, 2);
    b.dy[0] = 2, b.dy[1] = 3;
    b.node->op->backward(&b.call);
    assert_near(b.dx[0], (nn_real[]){ 2, 0, 3, 0, 0, 0 }, 6);
}

static void avg_pool_counts_the_image_only(void **state)
{
    (void)state;
    const nn_attr attr = { .window = { 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0 } };
    const nn_real x[] = { 1, 2, 3, 4 };
    forward_one(NN_OP_avg_pool, NN_SHAPE(NN_BATCH, 2, 2, 1), &attr, x, 1);
    assert_near(b.y, (nn_real[]){ 2.5, 2.5, 2.5, 2.5 }, 4);
}

static void pad_writes_zeros_around(void **state)
{
    (void)state;
    const nn_attr attr = { .pad = { { 0, 1, 0, 0 }, { 0, 0, 1, 0 } } };
    const nn_real x[] = { 1, 2, 3, 4 };
    forward_one(NN_OP_pad, NN_SHAPE(NN_BATCH, 2, 1, 2), &attr, x, 1);
    assert_near(b.y, (nn_real[]){ 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0 }, 12);
}

static void padding_beyond_the_pool_is_refused(void **state)
{
    (void)state;
    nn_node *in = nn_input(b.graph, "x0", NN_SHAPE(NN_BATCH, 4, 4, 1));
    const nn_attr attr = { .window = { 2, 2, 2, 2, 1, 1, NN_EXPLICIT, 2, 0, 0, 0 } };
    assert_null(nn_node_new(b.graph, NN_OP_max_pool, "pool1", &in, 1, &attr));
    assert_fails(nn_graph_check(b.graph), NN_ESHAPE, "max_pool pool1: padding 2,0,0,0");
}

/* ---- batch norm ------------------------------------------------------------------------------ */

static void make_batch_norm(nn_node *in[5], double mean, double var)
{
    const double first[] = { 0, 2, 1, mean, var };
    const char *const name[] = { "x0", "gamma", "beta", "mean", "var" };
    in[0] = nn_input(b.graph, name[0], NN_SHAPE(NN_BATCH, 1));
    for (int k = 1; k < 5; k++)
        in[k] = nn_param_node(b.graph, name[k], NN_SHAPE(1), k < 3 ? NN_PARAM_BIAS : NN_PARAM_STATE,
                              (nn_init){ .kind = NN_INIT_CONSTANT, .value = first[k] });
    assert_ok(nn_params_collate(b.params));
    nn_params_init(b.params, 1);
}

static void batch_norm_follows_the_batch(void **state)
{
    (void)state;
    const nn_attr attr = { .bnorm = { .epsilon = 0.25, .momentum = 0.9 } };
    const nn_real x[] = { 1, 2, 3, 6 }, *const inputs[5] = { x }; /* mean 3, variance 3.5 */
    nn_node *in[5];
    make_batch_norm(in, 10, 5);
    b.run.training = true;
    forward(NN_OP_bnorm, in, 5, &attr, inputs, 4);
    const double s = sqrt(3.75);
    assert_near(
        b.y, (nn_real[]){ (nn_real)(1 - 4 / s), (nn_real)(1 - 2 / s), 1, (nn_real)(1 + 6 / s) }, 4);
    assert_near(in[3]->param->value, (nn_real[]){ (nn_real)9.3 }, 1);
    assert_near(in[4]->param->value, (nn_real[]){ (nn_real)(4.5 + 3.5 * 4 / 3 / 10) }, 1);
}

static void frozen_batch_norm_uses_what_it_has(void **state)
{
    (void)state;
    const nn_attr attr = { .bnorm = { .epsilon = 1, .momentum = 0.9 } };
    const nn_real x[] = { 1, 2, 3, 6 }, *const inputs[5] = { x };
    nn_node *in[5];
    make_batch_norm(in, 2, 3);
    b.run = (nn_run){ .training = true, .freeze_bn = true };
    forward(NN_OP_bnorm, in, 5, &attr, inputs, 4);
    assert_near(b.y, (nn_real[]){ 0, 1, 2, 5 }, 4);
    assert_near(in[3]->param->value, (nn_real[]){ 2 }, 1);
    assert_near(in[4]->param->value, (nn_real[]){ 3 }, 1);
}

/* One item, or all alike: the variance is 0 and nothing may become infinite. */
static void batch_norm_of_one_item(void **state)
{
    (void)state;
    const nn_attr attr = { .bnorm = { .epsilon = 1e-3, .momentum = 0 } };
    const nn_real x[] = { 7 }, *const inputs[5] = { x };
    nn_node *in[5];
    make_batch_norm(in, 0, 1);
    b.run.training = true;
    forward(NN_OP_bnorm, in, 5, &attr, inputs, 1);
    assert_near(b.y, (nn_real[]){ 1 }, 1);
    assert_near(in[3]->param->value, (nn_real[]){ 7 }, 1);
    assert_near(in[4]->param->value, (nn_real[]){ 0 }, 1);
}

/* A mean 10^4 times the deviation costs no digits of the variance but those the input lost. */
static void batch_norm_far_from_zero(void **state)
{
    (void)state;
    static nn_real x[MOST];
    const nn_attr attr = { .bnorm = { .epsilon = 1e-9, .momentum = 0 } };
    const nn_real *const inputs[5] = { x };
    nn_node *in[5];
    for (int i = 0; i < MOST; i++)
        x[i] = i % 2 == 0 ? 8191 : 8193;
    make_batch_norm(in, 0, 1);
    b.run.training = true;
    forward(NN_OP_bnorm, in, 5, &attr, inputs, MOST);
    assert_true(fabs((double)in[4]->param->value[0] - (double)MOST / (MOST - 1)) < 1e-6);
}

/* ---- dropout --------------------------------------------------------------------------------- */

static int count_kept(const nn_real *y, nn_real kept)
{
    int n = 0;
    for (int i = 0; i < MOST; i++) {
        assert_true(y[i] == 0 || y[i] == kept);
        n += y[i] != 0;
    }
    return n;
}

static void dropout_keeps_its_share(void **state)
{
    (void)state;
    static nn_real x[MOST], first[MOST];
    const nn_attr attr = { .dropout = { .rate = 0.75, .stream = 9 } };
    for (int i = 0; i < MOST; i++)
        x[i] = 1;
    b.run = (nn_run){ .training = true, .seed = 4, .step = 8 };
    forward_one(NN_OP_dropout, NN_SHAPE(NN_BATCH, 1), &attr, x, MOST);
    assert_in_range(count_kept(b.y, 4), MOST / 4 - 100, MOST / 4 + 100);
    memcpy(first, b.y, sizeof first);
    b.node->op->forward(&b.call);
    assert_memory_equal(first, b.y, sizeof first);
    b.run.step = 9;
    b.node->op->forward(&b.call);
    assert_memory_not_equal(first, b.y, sizeof first);
    b.run.training = false;
    b.node->op->forward(&b.call);
    assert_memory_equal(x, b.y, sizeof x);
}

/* ---- exponentials ---------------------------------------------------------------------------- */

static void softmax_of_large_numbers(void **state)
{
    (void)state;
    const nn_real x[] = { 1000, 1000, -1000, -50000 };
    forward_one(NN_OP_softmax, NN_SHAPE(NN_BATCH, 4), NULL, x, 1);
    assert_near(b.y, (nn_real[]){ 0.5, 0.5, 0, 0 }, 4);
}

static void cross_entropy(const nn_real *logits, int classes, const nn_real *label, int batch,
                          double smoothing)
{
    const nn_attr attr = { .xent = { .smoothing = smoothing } };
    const nn_real *const x[] = { logits, label };
    nn_node *in[] = { nn_input(b.graph, "x0", NN_SHAPE(NN_BATCH, classes)),
                      nn_input(b.graph, "x1", NN_SHAPE(NN_BATCH)) };
    forward(NN_OP_xent, in, 2, &attr, x, batch);
    b.dy[0] = 1;
    b.node->op->backward(&b.call);
}

static void cross_entropy_by_hand(void **state)
{
    (void)state;
    const nn_real logits[] = { 0, 0, 0, 0, 2000, 0, 0, -2000 }, label[] = { 2, 3 };
    cross_entropy(logits, 4, label, 2, 0);
    assert_near(b.y, (nn_real[]){ (nn_real)((nn_log(4) + 4000) / 2) }, 1);
    assert_near(b.dx[0],
                (nn_real[]){ (nn_real)0.125, (nn_real)0.125, (nn_real)-0.375, (nn_real)0.125,
                             (nn_real)0.5, 0, 0, (nn_real)-0.5 },
                8);
}

static void smoothing_spreads_the_target(void **state)
{
    (void)state;
    const nn_real logits[] = { 1, 0 }, label[] = { 0 };
    cross_entropy(logits, 2, label, 1, 0.2); /* targets 0.9 and 0.1 */
    double lost = nn_log(nn_exp(1) + 1);
    assert_near(b.y, (nn_real[]){ (nn_real)(0.9 * (lost - 1) + 0.1 * lost) }, 1);
}

static void any_label_is_safe(void **state)
{
    (void)state;
    const nn_real logits[15] = { 0 };
    const nn_real label[] = { -1, 3, (nn_real)NAN, (nn_real)INFINITY, (nn_real)-1e30 };
    const nn_real low = (nn_real)(-2.0 / 15), off = (nn_real)(1.0 / 15);
    cross_entropy(logits, 3, label, 5, 0);
    const nn_real want[] = { low, off, off, off, off, low, low, off,
                             off, off, off, low, low, off, off };
    assert_near(b.dx[0], want, 15);
}

/* ---- activations ----------------------------------------------------------------------------- */

static void activations_at_their_kinks(void **state)
{
    (void)state;
    const nn_real x[] = { -1, 0, 3, 6, 7 };
    forward_one(NN_OP_relu6, NN_SHAPE(NN_BATCH, 5), NULL, x, 1);
    assert_near(b.y, (nn_real[]){ 0, 0, 3, 6, 6 }, 5);
    for (int i = 0; i < 5; i++)
        b.dy[i] = 1;
    b.node->op->backward(&b.call);
    assert_near(b.dx[0], (nn_real[]){ 0, 0, 1, 0, 0 }, 5);
}

static void hard_swish_by_hand(void **state)
{
    (void)state;
    const nn_real x[] = { -4, -3, -1, 0, 1, 3, 4 };
    forward_one(NN_OP_hard_swish, NN_SHAPE(NN_BATCH, 7), NULL, x, 1);
    assert_near(b.y, (nn_real[]){ 0, 0, (nn_real)(-1 / 3.0), 0, (nn_real)(2 / 3.0), 3, 4 }, 7);
}

static void relu_lets_nan_through(void **state)
{
    (void)state;
    const nn_real x[] = { (nn_real)NAN, -1 };
    forward_one(NN_OP_relu, NN_SHAPE(NN_BATCH, 2), NULL, x, 1);
    assert_true(isnan(b.y[0]) && b.y[1] == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(max_pool_gives_a_tie_to_the_first),
        TEST(avg_pool_counts_the_image_only),
        TEST(pad_writes_zeros_around),
        TEST(padding_beyond_the_pool_is_refused),
        TEST(batch_norm_follows_the_batch),
        TEST(frozen_batch_norm_uses_what_it_has),
        TEST(batch_norm_of_one_item),
        TEST(batch_norm_far_from_zero),
        TEST(dropout_keeps_its_share),
        TEST(softmax_of_large_numbers),
        TEST(cross_entropy_by_hand),
        TEST(smoothing_spreads_the_target),
        TEST(any_label_is_safe),
        TEST(activations_at_their_kinks),
        TEST(hard_swish_by_hand),
        TEST(relu_lets_nan_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
