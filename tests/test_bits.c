/* Same seed, same bits: 200 steps of a residual network, with all that may tempt a program to
 * depend on the machine: augmentation, momentum, averages, both switches to fake quantization.  The
 * trace of the loss and the last checkpoint must not depend on threads, nor on the vectors of the
 * processor.  Portable C rounds once more a product than fused multiply-adds do: it agrees with
 * itself.  Other machines and compilers: make train-machines, make compilers. */
#include <math.h>
#include <omp.h>

#include "nn/base/file.h"
#include "runtime/cpu.h"
#include "tests/testing.h"
#include "train/loop.h"

enum { STEPS = 200 };

/* What a run leaves: its loss after each step, and its checkpoint. */
typedef struct outcome {
    double loss[STEPS];
    nn_bytes checkpoint;
} outcome;

static int conv; /* --conv of the runs */

/* Large enough that batch norm and convolutions are cut into several chunks. */
static void write_recipe(train_recipe *r)
{
    assert_ok(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, r));
    r->data.data = "noise:16x16x3:4:300";
    r->data.val = "0.1";
    r->model.model = "resnet8";
    r->model.width = 0.5;
    r->training.batch = 16;
    r->training.lr = 0.02;
    r->training.steps = STEPS;
    r->training.augment = "crop:2,flip";
    r->training.ema = 0.99;
    r->quant.qat = true;
    r->quant.delay = (train_spans){ { 60, TRAIN_STEPS }, { 100, TRAIN_STEPS } };
    r->quant.freeze_bn = (train_span){ 150, TRAIN_STEPS };
    r->model.conv = conv;
}

static nn_status keep_loss(void *ctx, const train_moment *at)
{
    outcome *o = ctx;
    o->loss[at->step - 1] = at->loss;
    return NN_OK;
}

/* A whole run on so many threads and at most these vectors. */
static void run(outcome *o, int threads, unsigned isa)
{
    nn_arena *arena;
    ds_set *set;
    ds_options options;
    train_recipe recipe = { 0 };
    train_info info;
    train_network *network;
    train_loop *loop;
    const train_hooks hooks = { .ctx = o, .on_step = keep_loss };
    omp_set_num_threads(threads);
    rt_cpu_limit(isa);
    write_recipe(&recipe);
    assert_ok(nn_arena_new(&arena));
    assert_ok(train_recipe_dataset(&options, &recipe.data, 3, 0));
    assert_ok(ds_open(&set, recipe.data.data, &options));
    assert_ok(train_info_new(&info, arena, &recipe, 3, set));
    assert_ok(train_network_new(&network, &info, true, &train_no_limits));
    assert_ok(train_loop_new(&loop, network, set, UINT64_MAX));
    assert_ok(train_loop_run(loop, INT64_MAX, &hooks));
    assert_ok(train_loop_save(loop, test_path("run.safetensors")));
    assert_ok(nn_file_read(&o->checkpoint, test_path("run.safetensors"), 0));
    train_loop_free(loop);
    train_network_free(network);
    ds_close(set);
    nn_arena_free(arena);
    rt_cpu_limit(~0u);
    omp_set_num_threads(1);
}

static void check_same(const outcome *a, const outcome *b, const char *what, int threads)
{
    for (int i = 0; i < STEPS; i++)
        if (memcmp(&a->loss[i], &b->loss[i], sizeof a->loss[i]) != 0)
            fail_msg("%s, %d threads: the loss of step %d is %.17g, not %.17g", what, threads,
                     i + 1, b->loss[i], a->loss[i]);
    if (a->checkpoint.size != b->checkpoint.size ||
        memcmp(a->checkpoint.data, b->checkpoint.data, a->checkpoint.size) != 0)
        fail_msg("%s, %d threads: the checkpoint differs", what, threads);
}

static outcome first; /* one thread, the best vectors */

static void compare_with_first(unsigned isa, const char *what, int threads)
{
    outcome o;
    run(&o, threads, isa);
    check_same(&first, &o, what, threads);
    nn_bytes_free(&o.checkpoint);
}

static int run_first(void **state)
{
    (void)state;
    run(&first, 1, ~0u);
    return 0;
}

static int forget_first(void **state)
{
    (void)state;
    nn_bytes_free(&first.checkpoint);
    return 0;
}

/* ---- the tests ------------------------------------------------------------------------------- */

/* A trace that stands still would agree with anything. */
static void the_trace_is_one(void **state)
{
    (void)state;
    double early = 0, late = 0;
    for (int i = 0; i < 20; i++) {
        early += first.loss[i];
        late += first.loss[STEPS - 1 - i];
    }
    assert_true(late < early);
    for (int i = 1; i < STEPS; i++)
        assert_true(first.loss[i] != first.loss[i - 1]);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const int counts[] = { 2, 3, 7 };
    for (int i = 0; i < 3; i++)
        compare_with_first(~0u, "best vectors", counts[i]);
}

static void vectors_change_nothing(void **state)
{
    (void)state;
    if ((rt_cpu_flags() & RT_CPU_AVX512) == 0)
        test_skip("this processor has one kind of vectors");
    compare_with_first(RT_CPU_AVX2, "AVX2", 3);
}

static void portable_c_agrees_with_itself(void **state)
{
    (void)state;
    outcome one, more;
    run(&one, 1, 0);
    run(&more, 3, 0);
    check_same(&one, &more, "portable C", 3);
    nn_bytes_free(&one.checkpoint);
    nn_bytes_free(&more.checkpoint);
}

static double mean_of_last(const outcome *o)
{
    enum { LAST = 40 };
    double sum = 0;
    for (int i = STEPS - LAST; i < STEPS; i++)
        sum += o->loss[i];
    return sum / LAST;
}

/* Other sums, so other bits, but the same network to learn; and its bits are as firm. */
static void fast_convolutions_are_as_firm(void **state)
{
    (void)state;
    const outcome exact = first;
    conv = TRAIN_CONV_FAST;
    run(&first, 1, ~0u);
    assert_true(fabs(first.loss[0] - exact.loss[0]) < 1e-4);
    assert_true(first.loss[20] != exact.loss[20]);
    print_message("exact %g, fast %g\n", mean_of_last(&exact), mean_of_last(&first));
    assert_true(fabs(mean_of_last(&first) / mean_of_last(&exact) - 1) < 0.1);
    if (rt_cpu_flags() & RT_CPU_AVX2)
        compare_with_first(RT_CPU_AVX2, "AVX2, fast", 3);
    nn_bytes_free(&first.checkpoint);
    first = exact;
    conv = TRAIN_CONV_EXACT;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trace_is_one),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(vectors_change_nothing),
        cmocka_unit_test(portable_c_agrees_with_itself),
        cmocka_unit_test(fast_convolutions_are_as_firm),
    };
    return cmocka_run_group_tests(tests, run_first, forget_first);
}
