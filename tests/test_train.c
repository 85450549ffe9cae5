/* train: the loop learns, resumes bit for bit, switches when it shall, and allocates nothing. */
#include <math.h>
#include <omp.h>
#include <stdatomic.h>

#include "nn/base/file.h"
#include "tests/testing.h"
#include "train/evaluate.h"
#include "train/loop.h"
#include "train/ship.h"

/* ---- counting the heap: every allocation of the process, whoever makes it -------------------- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

static atomic_size_t n_heap;

#if defined(__GLIBC__) && !defined(SANITIZED)
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
    atomic_fetch_add(&n_heap, 1);
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t each)
{
    atomic_fetch_add(&n_heap, 1);
    return __libc_calloc(n, each);
}
void *realloc(void *p, size_t n)
{
    atomic_fetch_add(&n_heap, 1);
    return __libc_realloc(p, n);
}
void *aligned_alloc(size_t align, size_t n)
{
    atomic_fetch_add(&n_heap, 1);
    return __libc_memalign(align, n);
}
#endif

/* ---- a small run ----------------------------------------------------------------------------- */

typedef struct setup {
    nn_arena *arena;
    ds_set *set;
    train_recipe recipe;
    train_network *network;
    train_loop *loop;
} setup;

static void defaults(setup *s)
{
    *s = (setup){ 0 };
    assert_ok(nn_arena_new(&s->arena));
    assert_ok(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, &s->recipe));
    s->recipe.data.data = "noise:16x16x1:4:320";
    s->recipe.data.val = "0.2"; /* leaves 256 = 8 batches */
    s->recipe.model.model = "lenet";
    s->recipe.model.width = 0.5;
    s->recipe.training.batch = 32;
    s->recipe.training.lr = 0.02;
    s->recipe.training.epochs = 2;
}

static nn_status start(setup *s)
{
    ds_options options;
    train_info info;
    NN_TRY(train_recipe_dataset(&options, &s->recipe.data, 3, 0));
    NN_TRY(ds_open(&s->set, s->recipe.data.data, &options));
    NN_TRY(train_info_new(&info, s->arena, &s->recipe, 3, s->set));
    NN_TRY(train_network_new(&s->network, &info, s->recipe.quant.qat, &train_no_limits));
    return train_loop_new(&s->loop, s->network, s->set, UINT64_MAX);
}

static void stop(setup *s)
{
    train_loop_free(s->loop);
    train_network_free(s->network);
    ds_close(s->set);
    nn_arena_free(s->arena);
}

static train_spans delays(int64_t weights, int64_t acts, train_unit unit)
{
    return (train_spans){ { weights, unit }, { acts, unit } };
}

/* The rule of ranges that with_everything trains with. */
static const char *range_rule = "ema";

/* Everything at once, so that everything is resumed: augmentation, averages, momentum, clipping. */
static void with_everything(setup *s)
{
    defaults(s);
    s->recipe.training.augment = "crop:2,flip";
    s->recipe.training.ema = 0.9;
    s->recipe.training.clip = 1;
    s->recipe.training.label_smoothing = 0.1;
    s->recipe.training.nesterov = true;
    s->recipe.quant.qat = true;
    s->recipe.quant.delay = delays(3, 5, TRAIN_STEPS);
    s->recipe.quant.range = range_rule;
    s->recipe.quant.freeze_ranges = (train_span){ 9, TRAIN_STEPS };
}

/* ---- learning -------------------------------------------------------------------------------- */

static nn_status keep_line(void *ctx, const train_line *line)
{
    if (line->has_val)
        *(train_line *)ctx = *line;
    return NN_OK;
}

static void learns(const char *optimizer, double lr)
{
    setup s;
    train_line last = { 0 };
    const train_hooks hooks = { .ctx = &last, .on_line = keep_line };
    defaults(&s);
    while (strcmp(train_optimizer_names[s.recipe.training.optimizer], optimizer) != 0)
        s.recipe.training.optimizer++;
    s.recipe.training.lr = lr;
    s.recipe.data.data = "noise:16x16x1:4:1500";
    s.recipe.training.epochs = 6;
    s.recipe.quant.qat = true;
    s.recipe.quant.delay = delays(4, 4, TRAIN_EPOCHS);
    assert_ok(start(&s));
    assert_ok(train_loop_run(s.loop, INT64_MAX, &hooks));
    print_message("%s: loss %.3f, fake-quant %.3f, int8 %.3f\n", optimizer, last.at.loss,
                  last.val.top1, last.int8.top1);
    assert_true(last.has_int8 && last.val.n == 300);
    assert_true(last.val.top1 > 0.95 && last.int8.top1 > 0.95);
    stop(&s);
}

static void sgd_learns(void **state)
{
    (void)state;
    learns("sgd", 0.02);
}

static void adam_learns(void **state)
{
    (void)state;
    learns("adam", 0.002);
}

/* ---- resuming -------------------------------------------------------------------------------- */

/* Steps 0 .. total with a save and a fresh process' state at each of the given steps. */
static void run_in_parts(const char *path, const int64_t *parts, int n)
{
    for (int i = 0; i < n; i++) {
        setup s;
        with_everything(&s);
        assert_ok(start(&s));
        if (i > 0) {
            train_tensors *file;
            assert_ok(train_tensors_read(&file, path));
            assert_ok(train_loop_restore(s.loop, file));
            train_tensors_free(file);
            assert_int_equal(train_loop_moment(s.loop).step, parts[i - 1]);
        }
        assert_ok(train_loop_run(s.loop, parts[i], NULL));
        assert_ok(train_loop_save(s.loop, path));
        stop(&s);
    }
}

static void resumed_is_uninterrupted(void **state)
{
    (void)state;
    const char *whole = test_path("whole"), *parts = test_path("parts");
    run_in_parts(whole, (int64_t[]){ 10 }, 1);
    run_in_parts(parts, (int64_t[]){ 3, 10 }, 2); /* before the switch */
    assert_same_files(whole, parts);
    run_in_parts(parts, (int64_t[]){ 5, 10 }, 2); /* at it */
    assert_same_files(whole, parts);
    run_in_parts(parts, (int64_t[]){ 1, 4, 6, 8, 9, 10 }, 6); /* after it, and across the epoch */
    assert_same_files(whole, parts);
}

static void learned_ranges_are_resumed(void **state)
{
    range_rule = "lsq+";
    resumed_is_uninterrupted(state);
    range_rule = "ema";
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    const int counts[] = { 2, 3, 7 };
    run_in_parts(test_path("one"), (int64_t[]){ 7 }, 1);
    for (int i = 0; i < 3; i++) {
        omp_set_num_threads(counts[i]);
        run_in_parts(test_path("more"), (int64_t[]){ 7 }, 1);
        omp_set_num_threads(1);
        assert_same_files(test_path("one"), test_path("more"));
    }
}

static void threads_do_not_change_learned_ranges(void **state)
{
    range_rule = "lsq";
    threads_do_not_change_bits(state);
    range_rule = "ema";
}

static void another_network_is_not_resumed(void **state)
{
    (void)state;
    setup s;
    train_tensors *file;
    run_in_parts(test_path("w"), (int64_t[]){ 1 }, 1);
    with_everything(&s);
    s.recipe.model.width = 1;
    assert_ok(start(&s));
    assert_ok(train_tensors_read(&file, test_path("w")));
    assert_fails(train_loop_restore(s.loop, file), NN_EFORMAT, "weight");
    train_tensors_free(file);
    stop(&s);
}

/* Momentum would carry them on: nothing learned moves any more, weights do. */
static void frozen_ranges_stand_still(void **state)
{
    (void)state;
    setup s;
    range_rule = "lsq";
    with_everything(&s);
    range_rule = "ema";
    assert_ok(start(&s));
    assert_ok(train_loop_run(s.loop, 9, NULL));
    const nn_params *ps = s.network->params;
    const nn_vector v = nn_params_trained(ps);
    nn_real *before = malloc(v.count * sizeof *before);
    memcpy(before, v.value, v.count * sizeof *before);
    assert_ok(train_loop_run(s.loop, 12, NULL));
    int ranges = 0;
    for (int i = 0; i < nn_params_count(ps); i++) {
        const nn_param *p = nn_params_at(ps, i);
        if (p->kind == NN_PARAM_STATE)
            continue;
        const bool same = memcmp(p->value, before + p->offset, p->count * sizeof *before) == 0;
        assert_true(same == (p->kind == NN_PARAM_RANGE));
        ranges += p->kind == NN_PARAM_RANGE;
    }
    assert_true(ranges > 5);
    free(before);
    stop(&s);
}

/* ---- the switch ------------------------------------------------------------------------------ */

static nn_status count_float(void *ctx, const train_moment *at)
{
    int64_t *n_float = ctx;
    if (at->stage == TRAIN_FLOAT)
        assert_int_equal(at->step, ++*n_float); /* all before the first quantized one */
    return NN_OK;
}

static void delay_is_exact(void **state)
{
    (void)state;
    for (int64_t delay = 0; delay < 4; delay++) {
        setup s;
        int64_t n_float = 0;
        const train_hooks hooks = { .ctx = &n_float, .on_step = count_float };
        defaults(&s);
        s.recipe.training.steps = 6;
        s.recipe.quant.qat = true;
        s.recipe.quant.delay = delays(delay, delay, TRAIN_STEPS);
        assert_ok(start(&s));
        assert_ok(train_loop_run(s.loop, INT64_MAX, &hooks));
        assert_int_equal(n_float, delay);
        assert_int_equal(train_loop_switch(s.loop), delay);
        stop(&s);
    }
}

typedef struct course {
    int steps[3]; /* of each stage */
    char said[256];
} course;

static nn_status count_stages(void *ctx, const train_moment *at)
{
    ((course *)ctx)->steps[at->stage]++;
    return NN_OK;
}

static void note_switch(void *ctx, int64_t step, const char *what)
{
    course *c = ctx;
    size_t at = strlen(c->said);
    snprintf(c->said + at, sizeof c->said - at, "%lld %.7s;", (long long)step, what);
}

/* Weights and activations each have their delay, in either order, and every switch is said. */
static void delays_may_differ(void **state)
{
    (void)state;
    const char *const said[] = { "2 weights;4 activat;6 batch n;7 quantiz;",
                                 "1 activat;5 weights;6 batch n;7 quantiz;" };
    for (int i = 0; i < 2; i++) {
        setup s;
        course c = { .said = "" };
        const train_hooks hooks = { .ctx = &c, .on_step = count_stages, .on_switch = note_switch };
        defaults(&s);
        s.recipe.training.steps = 8;
        s.recipe.quant.qat = true;
        s.recipe.quant.delay = i == 0 ? delays(2, 4, TRAIN_STEPS) : delays(5, 1, TRAIN_STEPS);
        s.recipe.quant.freeze_bn = (train_span){ 6, TRAIN_STEPS };
        s.recipe.quant.freeze_ranges = (train_span){ 7, TRAIN_STEPS };
        assert_ok(start(&s));
        assert_ok(train_loop_run(s.loop, INT64_MAX, &hooks));
        assert_int_equal(c.steps[TRAIN_FLOAT], i == 0 ? 2 : 1);
        assert_int_equal(c.steps[TRAIN_PARTLY], i == 0 ? 2 : 4);
        assert_string_equal(c.said, said[i]);
        stop(&s);
    }
}

/* Before the switch, a run with QAT is the float run, bit for bit. */
static void before_the_switch_nothing_differs(void **state)
{
    (void)state;
    nn_real *weights[2] = { 0 };
    size_t count = 0;
    for (int qat = 0; qat < 2; qat++) {
        setup s;
        defaults(&s);
        s.recipe.quant.qat = qat == 1;
        s.recipe.quant.delay = delays(5, 5, TRAIN_STEPS);
        assert_ok(start(&s));
        assert_ok(train_loop_run(s.loop, 5, NULL));
        nn_vector v = nn_params_trained(s.network->params);
        count = v.count;
        weights[qat] = test_guard_new(count * sizeof(nn_real), 0);
        memcpy(weights[qat], v.value, count * sizeof(nn_real));
        stop(&s);
    }
    assert_memory_equal(weights[0], weights[1], count * sizeof(nn_real));
    test_guard_free(weights[0]);
    test_guard_free(weights[1]);
}

static void impossible_recipes_are_refused(void **state)
{
    (void)state;
    setup s;
    defaults(&s);
    s.recipe.quant.qat = true;
    s.recipe.quant.delay = delays(2, 2, TRAIN_EPOCHS);
    assert_fails(start(&s), NN_EINVAL, "--quant-delay: 16 steps");
    stop(&s);
    defaults(&s);
    s.recipe.quant.qat = true;
    s.recipe.quant.delay = delays(4, 3, TRAIN_STEPS);
    s.recipe.quant.freeze_ranges = (train_span){ 3, TRAIN_STEPS };
    assert_fails(start(&s), NN_EINVAL, "--freeze-ranges: 3 steps");
    stop(&s);
    defaults(&s);
    s.recipe.training.warmup = (train_span){ 2, TRAIN_EPOCHS };
    assert_fails(start(&s), NN_EINVAL, "--warmup");
    stop(&s);
    defaults(&s);
    s.recipe.training.batch = 1000;
    assert_fails(start(&s), NN_EINVAL, "batch");
    stop(&s);
    defaults(&s);
    s.recipe.data.mean = (train_reals){ 1, { 0.5 } };
    s.recipe.quant.qat = true;
    assert_fails(start(&s), NN_ENOTSUP, "--mean");
    stop(&s);
}

static void divergence_stops_the_run(void **state)
{
    (void)state;
    setup s;
    defaults(&s);
    s.recipe.training.lr = 1e6;
    s.recipe.model.model = "mlp";
    assert_ok(start(&s));
    assert_fails(train_loop_run(s.loop, INT64_MAX, NULL), NN_EDIVERGED, "diverged: first at");
    stop(&s);
}

/* A value that is not finite is traced to the node that made it, and never reaches the weights. */
static void divergence_names_the_first_node(void **state)
{
    (void)state;
    setup s;
    defaults(&s);
    s.recipe.model.model = "mlp";
    assert_ok(start(&s));
    assert_ok(train_loop_run(s.loop, 1, NULL));
    nn_param *p = nn_params_find(s.network->params, "fc2/weight");
    for (size_t i = 0; i < p->count; i++)
        p->value[i] *= (nn_real)1e38;
    assert_fails(train_loop_run(s.loop, INT64_MAX, NULL), NN_EDIVERGED, "first at dense fc2, ");
    assert_non_null(strstr(nn_message(), "its inputs are fc1/act ["));
    stop(&s);

    defaults(&s);
    s.recipe.model.model = "mlp";
    assert_ok(start(&s));
    p = nn_params_find(s.network->params, "logits/weight");
    for (size_t i = 0; i < p->count; i++) /* finite values, a gradient that is not */
        p->value[i] = (nn_real)(i % 2 == 0 ? 1e34 : -1e34);
    nn_vector v = nn_params_trained(s.network->params);
    assert_fails(train_loop_run(s.loop, INT64_MAX, NULL), NN_EDIVERGED, "first at");
    for (size_t i = 0; i < v.count; i++)
        assert_true(isfinite((double)v.value[i]));
    stop(&s);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void a_step_allocates_nothing(void **state)
{
    (void)state;
#ifdef SANITIZED
    test_skip("the sanitizer has the heap");
#endif
    setup s;
    with_everything(&s);
    s.recipe.training.steps = 8; /* no epoch ends, so nothing is validated before the last */
    assert_ok(start(&s));
    assert_ok(train_loop_run(s.loop, 1, NULL));
    size_t before = atomic_load(&n_heap);
    assert_true(before > 0);
    assert_ok(train_loop_run(s.loop, 7, NULL)); /* over the switch after 5 */
    assert_int_equal(atomic_load(&n_heap) - before, 0);
    stop(&s);
}

/* ---- what is shipped ------------------------------------------------------------------------- */

static void the_file_agrees_with_the_graph(void **state)
{
    (void)state;
    setup s;
    nn_bytes file;
    train_score graph, integer;
    defaults(&s);
    s.recipe.quant.qat = true;
    assert_ok(start(&s));
    assert_ok(train_loop_run(s.loop, INT64_MAX, NULL));
    assert_ok(train_ship(&file, s.network, EX_INT8));
    assert_ok(train_evaluate_graph(&graph, s.network, s.network->deploy, s.set, DS_TEST, 10));
    assert_ok(train_evaluate_bytes(&integer, file.data, file.size, &s.network->info.prep, s.set,
                                   DS_TEST));
    assert_int_equal(graph.n, 64);
    assert_int_equal(integer.n, 64);
    assert_true(fabs(graph.top1 - integer.top1) < 0.04 && fabs(graph.loss - integer.loss) < 0.02);
    assert_true(graph.top5 == 1 && integer.top5 == 1); /* of 4 classes */
    assert_int_not_equal(train_evaluate_bytes(&integer, file.data, file.size / 2,
                                              &s.network->info.prep, s.set, DS_TEST),
                         NN_OK);
    nn_bytes_free(&file);
    stop(&s);
}

static void scores_count_what_they_say(void **state)
{
    (void)state;
    const nn_real outputs[] = { 1, 2, 3, 3, 3, 1, 0, (nn_real)NAN, 0 };
    const nn_real labels[] = { 2, 1, 1 };
    train_tally t = { 0 };
    train_tally_add(&t, outputs, labels, 3, 3);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.top1, 1); /* a tie goes to the lower index; a NaN is never right */
    assert_int_equal(t.top5, 2);
    assert_int_equal(train_count_right(outputs, labels, 3, 3), 1);
    t = (train_tally){ 0 };
    train_tally_add(&t, (const nn_real[]){ 0, 0, 0, 0 }, (const nn_real[]){ 3 }, 1, 4);
    assert_true(fabs(t.loss - log(4.0)) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd_learns),
        cmocka_unit_test(adam_learns),
        cmocka_unit_test(resumed_is_uninterrupted),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(learned_ranges_are_resumed),
        cmocka_unit_test(frozen_ranges_stand_still),
        cmocka_unit_test(threads_do_not_change_learned_ranges),
        cmocka_unit_test(another_network_is_not_resumed),
        cmocka_unit_test(delay_is_exact),
        cmocka_unit_test(delays_may_differ),
        cmocka_unit_test(before_the_switch_nothing_differs),
        cmocka_unit_test(impossible_recipes_are_refused),
        cmocka_unit_test(divergence_stops_the_run),
        cmocka_unit_test(divergence_names_the_first_node),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(the_file_agrees_with_the_graph),
        cmocka_unit_test(scores_count_what_they_say),
    };
    omp_set_num_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
