/* chain: which nodes are joined, and that a chain gives the bits that its nodes give one by one, in
 * every stage of quantization, with frozen statistics and ranges, on any number of threads. */
#include "nn/base/chunk.h"
#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "quant/quant.h"
#include "tests/testing.h"

enum { BATCH = 5, SIDE = 18, CLASSES = 4, STEPS = 3 };

/* All that is joined, and what must not be: two batch norms that meet in a sum, a sum that is read
 * twice, channels that make no whole bytes of bits, a layer with a bias, tied ranges. */
static nn_node *build_network(nn_graph *g)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, 3));
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 16, .k = 3 }, NN_RELU);
    nn_node *y = nn_conv_bn(g, x, "a", (nn_conv){ .out = 16, .k = 3 }, NN_RELU6);
    y = nn_conv_bn(g, y, "b", (nn_conv){ .out = 16, .k = 3 }, NN_LINEAR);
    x = nn_relu(g, nn_add(g, x, y, "add"), "add/relu");
    y = nn_conv_bn(g, x, "c", (nn_conv){ .out = 7, .k = 3 }, NN_LINEAR);
    nn_node *z = nn_conv_bn(g, x, "d", (nn_conv){ .out = 7, .k = 1 }, NN_LINEAR);
    x = nn_add(g, y, z, "linear");
    y = nn_relu(g, nn_conv2d(g, x, "e", (nn_conv){ .out = 7, .k = 1, .bias = true }), "e/relu");
    z = nn_depthwise_bn(g, x, "f", (nn_conv){ .k = 3 }, NN_RELU);
    x = nn_concat(g, (nn_node *[]){ y, z, x }, 3, "concat");
    x = nn_max_pool(g, x, "pool", (nn_conv){ .k = 2 });
    x = nn_dropout(g, nn_global_avg_pool(g, x, "gap"), "drop", 0.2);
    return nn_output(g, nn_dense(g, x, "logits", CLASSES));
}

typedef struct fixture {
    nn_params *params;
    nn_graph *graph;
    nn_real image[BATCH * SIDE * SIDE * 3], label[BATCH];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    nn_kernels_init();
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->graph, f->params));
    build_network(f->graph);
    assert_ok(nn_graph_check(f->graph));
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

/* ---- one stage's network, planned with chains and without ------------------------------------ */

enum { JOINED, APART, WAYS };

typedef struct stage {
    nn_graph *graph;
    nn_node *loss;
    nn_plan *plan[WAYS];
    nn_exec *exec[WAYS];
} stage;

static void open_stage(stage *s, fixture *f, int kind)
{
    quant_config config = quant_config_default();
    *s = (stage){ 0 };
    assert_ok(quant_input_affine(&config.input, 128, 128));
    assert_ok(nn_graph_new(&s->graph, f->params));
    if (kind < 0)
        assert_ok(nn_graph_rewrite(s->graph, f->graph, nn_rewrite_copy, NULL, NULL));
    else
        assert_ok(quant_build(s->graph, f->graph, &config, (quant_stage)kind));
    nn_node *logits = NULL, *label = nn_input(s->graph, "label", NN_SHAPE(NN_BATCH));
    for (int i = 0; i < nn_graph_count(s->graph); i++)
        if (nn_graph_node(s->graph, i)->is_output)
            logits = nn_graph_node(s->graph, i);
    s->loss = nn_cross_entropy(s->graph, logits, label, 0);
    assert_ok(nn_graph_check(s->graph));
}

static void plan_stage(stage *s, const fixture *f)
{
    for (int way = 0; way < WAYS; way++) {
        const nn_plan_options o = { .batch = BATCH, .loss = s->loss, .keep_all = way == APART };
        assert_ok(nn_plan_new(&s->plan[way], s->graph, &o));
        assert_ok(nn_exec_new(&s->exec[way], s->plan[way], NULL));
        nn_exec_bind(s->exec[way], nn_graph_find(s->graph, "image"), f->image);
        nn_exec_bind(s->exec[way], nn_graph_find(s->graph, "label"), f->label);
    }
}

static void close_stage(stage *s)
{
    for (int way = 0; way < WAYS; way++) {
        nn_exec_free(s->exec[way]);
        nn_plan_free(s->plan[way]);
    }
    nn_graph_free(s->graph);
}

/* Everything that a few steps leave: the losses, gradients, weights, and state. */
static nn_real *train(const stage *s, const fixture *f, int way, nn_run run, size_t *n)
{
    nn_vector v = nn_params_trained(f->params), state = nn_params_state(f->params);
    *n = STEPS + 2 * v.count + state.count;
    nn_real *all = malloc(*n * sizeof *all);
    nn_params_init(f->params, 3);
    for (int step = 0; step < STEPS; step++) {
        run.step = step;
        run.observe = run.observe || step == 0; /* there must be ranges, and statistics */
        const bool freeze = run.freeze_bn;
        run.freeze_bn = freeze && step > 0;
        nn_exec_forward(s->exec[way], BATCH - step % 2, &run);
        nn_exec_backward(s->exec[way], BATCH - step % 2, &run);
        run.freeze_bn = freeze;
        all[step] = *nn_exec_value(s->exec[way], s->loss);
        for (size_t i = 0; i < v.count; i++)
            v.value[i] -= (nn_real)0.1 * v.grad[i];
    }
    memcpy(all + STEPS, v.value, v.count * sizeof *all);
    memcpy(all + STEPS + v.count, v.grad, v.count * sizeof *all);
    memcpy(all + STEPS + 2 * v.count, state.value, state.count * sizeof *all);
    return all;
}

static void compare(const stage *s, const fixture *f, nn_run run, const char *what)
{
    size_t n;
    nn_real *joined = train(s, f, JOINED, run, &n), *apart = train(s, f, APART, run, &n);
    for (size_t i = 0; i < n; i++)
        if (memcmp(&joined[i], &apart[i], sizeof *joined) != 0)
            fail_msg("%s: number %zu of %zu is %.9g in chains, %.9g without", what, i, n,
                     (double)joined[i], (double)apart[i]);
    assert_true(apart[0] > 0);
    free(joined);
    free(apart);
}

static void chains_change_no_bit(void **state)
{
    static const char *const names[] = { "float", "watch", "train", "calibrate", "deploy" };
    fixture *f = *state;
    stage s[5];
    for (int kind = 0; kind < 5; kind++)
        open_stage(&s[kind], f, kind - 1);
    assert_ok(nn_params_collate(f->params));
    for (int kind = 0; kind < 5; kind++) {
        plan_stage(&s[kind], f);
        for (int r = 0; r < 8; r++) {
            const nn_run run = {
                .training = r & 1, .observe = r & 2, .freeze_bn = r & 4, .seed = 9
            };
            compare(&s[kind], f, run, names[kind]);
        }
        close_stage(&s[kind]);
    }
}

static void same_bits_on_any_number_of_threads(void **state)
{
    fixture *f = *state;
    const nn_run run = { .training = true, .observe = true, .seed = 9 };
    const int threads = nn_thread_count();
    stage s;
    size_t n;
    open_stage(&s, f, QUANT_TRAIN);
    assert_ok(nn_params_collate(f->params));
    plan_stage(&s, f);
    omp_set_num_threads(1);
    nn_real *one = train(&s, f, JOINED, run, &n);
    for (int t = 2; t <= 7; t += 5) {
        omp_set_num_threads(t);
        nn_real *many = train(&s, f, JOINED, run, &n);
        assert_memory_equal(one, many, n * sizeof *one);
        free(many);
    }
    omp_set_num_threads(threads);
    free(one);
    close_stage(&s);
}

/* ---- which nodes ----------------------------------------------------------------------------- */

/* The chain of a node as text, "bnorm relu"; "" if it is alone. */
static const char *chain_of(const stage *s, const char *name)
{
    static char text[200];
    const nn_node *n = nn_graph_find(s->graph, name);
    assert_non_null(n);
    const nn_chain *ch = s->plan[JOINED]->place[n->index].chain;
    text[0] = '\0';
    for (int m = 0; ch != NULL && m < ch->n; m++) {
        strcat(text, m > 0 ? " " : "");
        strcat(text, ch->node[m]->op->name);
    }
    return text;
}

static void joins_what_follows_a_convolution(void **state)
{
    fixture *f = *state;
    stage s;
    open_stage(&s, f, -1);
    assert_ok(nn_params_collate(f->params));
    plan_stage(&s, f);
    assert_string_equal(chain_of(&s, "stem/bn"), "bnorm relu");
    assert_string_equal(chain_of(&s, "a/bn"), "bnorm relu6");
    assert_string_equal(chain_of(&s, "b/bn"), "bnorm add relu");
    assert_string_equal(chain_of(&s, "c/bn"), "bnorm add");
    assert_string_equal(chain_of(&s, "d/bn"), ""); /* the sum is taken */
    assert_string_equal(chain_of(&s, "e/relu"), "");
    assert_int_equal(s.plan[APART]->n_chains, 0);
    assert_true(s.plan[JOINED]->bytes < s.plan[APART]->bytes);
    close_stage(&s);
}

static void joins_fake_quantization(void **state)
{
    fixture *f = *state;
    stage s;
    open_stage(&s, f, QUANT_TRAIN);
    assert_ok(nn_params_collate(f->params));
    plan_stage(&s, f);
    assert_string_equal(chain_of(&s, "a/bn"), "bnorm relu6 fakequant");
    assert_string_equal(chain_of(&s, "b/bn"), "bnorm fakequant add relu fakequant");
    assert_string_equal(chain_of(&s, "c/bn"), "bnorm fakequant add fakequant");
    assert_string_equal(chain_of(&s, "e/relu"), "relu fakequant");
    close_stage(&s);
}

#define WITH_NETWORK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NETWORK(chains_change_no_bit),
        WITH_NETWORK(same_bits_on_any_number_of_threads),
        WITH_NETWORK(joins_what_follows_a_convolution),
        WITH_NETWORK(joins_fake_quantization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
