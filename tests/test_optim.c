/* optim: updates, schedules, clipping and averaging against PyTorch 2.13.0 and closed forms; which
 * parameters are touched; the same bits on any number of threads. */
#include <math.h>
#include <omp.h>

#include "nn/base/mem.h"
#include "optim/average.h"
#include "optim/clip.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "tests/testing.h"

/* ---- parameters to work on ------------------------------------------------------------------- */

enum { N = 6, LARGE = 3 * 16384 + 7 };

typedef struct bench {
    nn_params *ps;
    nn_param *weight, *bias, *range, *frozen, *large, *mean, *other;
} bench;

static nn_param *add(bench *b, const char *name, int count, nn_param_kind kind)
{
    nn_param *p = NULL;
    nn_init init = { .kind = NN_INIT_CONSTANT };
    assert_ok(nn_params_get(&p, b->ps, name, NN_SHAPE(count), kind, init));
    return p;
}

static nn_real gradient_at(size_t i, int step)
{
    return (nn_real)((((int)i * 3 + step * 5) % 11 - 5) * 0.1);
}

static void set_gradients(bench *b, int step)
{
    for (int k = 0; k < nn_params_count(b->ps); k++) {
        nn_param *p = nn_params_at(b->ps, k);
        for (size_t i = 0; i < p->count && p->grad != NULL; i++)
            p->grad[i] = gradient_at(i, step);
    }
}

static int setup(void **state)
{
    bench *b = calloc(1, sizeof *b);
    assert_ok(nn_params_new(&b->ps));
    b->weight = add(b, "conv/weight", N, NN_PARAM_WEIGHT);
    b->bias = add(b, "conv/bias", N, NN_PARAM_BIAS);
    b->mean = add(b, "conv/bn/mean", N, NN_PARAM_STATE);
    b->range = add(b, "conv/out/alpha", N, NN_PARAM_RANGE);
    b->frozen = add(b, "stem/weight", N, NN_PARAM_WEIGHT);
    b->other = add(b, "conv/out/min", N, NN_PARAM_STATE);
    b->large = add(b, "fc/weight", LARGE, NN_PARAM_WEIGHT);
    assert_int_equal(nn_params_freeze(b->ps, "stem/*"), 1);
    assert_ok(nn_params_collate(b->ps));
    for (int k = 0; k < nn_params_count(b->ps); k++)
        for (size_t i = 0; i < nn_params_at(b->ps, k)->count; i++)
            nn_params_at(b->ps, k)->value[i] = (nn_real)(((int)(i % 7) - 3) * 0.25);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    nn_params_free(b->ps);
    free(b);
    return 0;
}

/* ---- updates --------------------------------------------------------------------------------- */

static const double rate[4] = { 0.1, 0.1, 0.05, 0.01 };

static void run(bench *b, opt *o, int from, int to)
{
    for (int t = from; t < to; t++) {
        set_gradients(b, t);
        opt_step(o, rate[t % 4], t);
    }
}

static void check_near(const nn_real *got, const double *want, size_t n, double bound)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= bound))
            fail_msg("[%zu] = %.9g, should be %.9g", i, (double)got[i], want[i]);
}

/* Four steps of `name` on the weight, against numbers from PyTorch 2.13.0. */
static void check_update(bench *b, const char *name, const opt_config *c, const double want[N])
{
    opt *o = NULL;
    assert_ok(opt_new(&o, name, b->ps, c));
    run(b, o, 0, 4);
    check_near(b->weight->value, want, N, 1e-6);
    opt_free(o);
}

/* torch.optim.SGD(lr) */
static void sgd_plain(void **state)
{
    const double want[N] = { -0.723999977,  -0.496999979, -0.214999989,
                             -0.0320000052, 0.305000007,  0.476999998 };
    check_update(*state, "sgd", &(opt_config){ 0 }, want);
}

/* torch.optim.SGD(lr, momentum=0.9, weight_decay=0.01) */
static void sgd_momentum(void **state)
{
    const double want[N] = { -0.656300128,  -0.48041144, -0.201088145,
                             -0.0790939331, 0.35804677,  0.46904099 };
    check_update(*state, "sgd", &(opt_config){ .momentum = 0.9, .weight_decay = 0.01 }, want);
}

/* torch.optim.SGD(lr, momentum=0.9, weight_decay=0.01, nesterov=True) */
static void sgd_nesterov(void **state)
{
    const double want[N] = { -0.63798368,  -0.47813186, -0.170364887,
                             -0.103003263, 0.401392549, 0.447854191 };
    opt_config c = { .momentum = 0.9, .weight_decay = 0.01, .nesterov = true };
    check_update(*state, "sgd", &c, want);
}

/* torch.optim.Adam(lr, weight_decay=0.01) */
static void adam(void **state)
{
    const double want[N] = { -0.585236311, -0.409368783, -0.26746437,
                             -0.153585762, 0.437899083,  0.532175958 };
    check_update(*state, "adam", &(opt_config){ .weight_decay = 0.01 }, want);
}

/* torch.optim.AdamW(lr, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.01) */
static void adamw(void **state)
{
    const double want[N] = { -0.594689786, -0.415771246, -0.263460964,
                             -0.147254318, 0.433820277,  0.529139817 };
    opt_config c = { .weight_decay = 0.01, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6 };
    check_update(*state, "adamw", &c, want);
}

/* Two steps by hand: w shrinks by lr * decay and the momentum does not see it. */
static void sgd_decoupled(void **state)
{
    bench *b = *state;
    opt *o = NULL;
    opt_config c = { .momentum = 0.5, .weight_decay = 0.1, .decoupled = true };
    assert_ok(opt_new(&o, "sgd", b->ps, &c));
    double want[N], v[N] = { 0 };
    for (size_t i = 0; i < N; i++)
        want[i] = (double)b->weight->value[i];
    for (int t = 0; t < 2; t++)
        for (size_t i = 0; i < N; i++) {
            v[i] = 0.5 * v[i] + (double)gradient_at(i, t);
            want[i] = want[i] * (1 - 0.1 * 0.1) - 0.1 * v[i];
        }
    run(b, o, 0, 2);
    check_near(b->weight->value, want, N, 1e-6);
    check_near(opt_slot_vector(o, 0) + b->weight->offset, v, N, 1e-6);
    opt_free(o);
}

/* ---- what is touched ------------------------------------------------------------------------- */

/* One plain step with a zero gradient shows the decay alone: w (1 - lr decay). */
static void check_decays(bench *b, const nn_param *p, bool decay_bn, bool decays)
{
    opt *o = NULL;
    opt_config c = { .weight_decay = 0.5, .decay_bn = decay_bn };
    assert_ok(opt_new(&o, "sgd", b->ps, &c));
    nn_vector v = nn_params_trained(b->ps);
    memset(v.grad, 0, v.count * sizeof(nn_real));
    double before = (double)p->value[0];
    opt_step(o, 0.1, 0);
    assert_true(fabs((double)p->value[0] - before * (decays ? 0.95 : 1)) < 1e-6);
    opt_free(o);
}

static void decay_acts_on_weights(void **state)
{
    bench *b = *state;
    check_decays(b, b->weight, false, true);
    check_decays(b, b->large, false, true);
    check_decays(b, b->bias, false, false);
    check_decays(b, b->bias, true, true);
    check_decays(b, b->range, true, false);
}

static void frozen_parameters_are_untouched(void **state)
{
    bench *b = *state;
    static const char *const names[] = { "sgd", "adam", "adamw" };
    nn_real frozen[N], mean[N];
    memcpy(frozen, b->frozen->value, sizeof frozen);
    memcpy(mean, b->mean->value, sizeof mean);
    for (int k = 0; k < 3; k++) {
        opt *o = NULL;
        opt_config c = { .momentum = 0.9, .weight_decay = 0.1 };
        assert_ok(opt_new(&o, names[k], b->ps, &c));
        run(b, o, 0, 3);
        for (int s = 0; s < opt_slot_count(o); s++)
            for (size_t i = 0; i < N; i++)
                assert_true(opt_slot_vector(o, s)[b->frozen->offset + i] == 0);
        opt_free(o);
    }
    assert_memory_equal(frozen, b->frozen->value, sizeof frozen);
    assert_memory_equal(mean, b->mean->value, sizeof mean);
}

/* Ten steps are five, slots saved and restored into a new optimizer, and five. */
static void resume_is_exact(void **state)
{
    bench *b = *state;
    const size_t bytes = nn_params_trained(b->ps).count * sizeof(nn_real);
    nn_real *start = malloc(bytes), *whole = malloc(bytes);
    nn_real *value = nn_params_trained(b->ps).value;
    opt *o = NULL, *again = NULL;
    opt_config c = { .weight_decay = 0.01 };
    memcpy(start, value, bytes);
    assert_ok(opt_new(&o, "adamw", b->ps, &c));
    run(b, o, 0, 10);
    memcpy(whole, value, bytes);
    opt_free(o);
    memcpy(value, start, bytes);
    assert_ok(opt_new(&o, "adamw", b->ps, &c));
    run(b, o, 0, 5);
    assert_ok(opt_new(&again, "adamw", b->ps, &c));
    assert_int_equal(opt_slot_count(again), 2);
    assert_string_equal(opt_slot_name(again, 0), "m");
    assert_string_equal(opt_slot_name(again, 1), "v");
    for (int s = 0; s < 2; s++)
        memcpy(opt_slot_vector(again, s), opt_slot_vector(o, s), bytes);
    run(b, again, 5, 10);
    assert_memory_equal(value, whole, bytes);
    opt_free(o);
    opt_free(again);
    free(start);
    free(whole);
}

static void threads_do_not_change_bits(void **state)
{
    bench *b = *state;
    static const int threads[] = { 1, 2, 7 };
    const nn_vector v = nn_params_trained(b->ps);
    const size_t bytes = v.count * sizeof(nn_real);
    nn_real *start = malloc(bytes), *first = malloc(bytes);
    double norm[3];
    memcpy(start, v.value, bytes);
    for (int k = 0; k < 3; k++) {
        opt *o = NULL;
        opt_clip *clip = NULL;
        opt_average *average = NULL;
        omp_set_num_threads(threads[k]);
        memcpy(v.value, start, bytes);
        assert_ok(opt_new(&o, "adam", b->ps, &(opt_config){ .weight_decay = 0.01 }));
        assert_ok(opt_clip_new(&clip, b->ps, 0.7));
        assert_ok(opt_average_new(&average, b->ps, 0.9));
        for (int t = 0; t < 3; t++) {
            test_noise(v.grad, v.count, (uint64_t)t);
            norm[k] = opt_clip_apply(clip);
            opt_step(o, 0.01, t);
            opt_average_update(average, t);
        }
        opt_average_swap(average);
        if (k == 0)
            memcpy(first, v.value, bytes);
        assert_memory_equal(first, v.value, bytes);
        assert_true(norm[k] == norm[0]);
        opt_average_free(average);
        opt_clip_free(clip);
        opt_free(o);
    }
    omp_set_num_threads(2);
    free(start);
    free(first);
}

static void settings_are_checked(void **state)
{
    bench *b = *state;
    opt *o = NULL;
    const double nan = (double)NAN;
    assert_fails(opt_new(&o, "adma", b->ps, &(opt_config){ 0 }), NN_EINVAL, "mean adam");
    assert_fails(opt_new(&o, "lbfgs", b->ps, &(opt_config){ 0 }), NN_EINVAL,
                 "there are sgd, adam, adamw");
    assert_fails(opt_new(&o, "sgd", b->ps, &(opt_config){ .momentum = 1 }), NN_EINVAL, "[0, 1)");
    assert_fails(opt_new(&o, "sgd", b->ps, &(opt_config){ .momentum = nan }), NN_EINVAL, "[0, 1)");
    assert_fails(opt_new(&o, "sgd", b->ps, &(opt_config){ .nesterov = true }), NN_EINVAL, "needs");
    assert_fails(opt_new(&o, "adamw", b->ps, &(opt_config){ .beta2 = 1 }), NN_EINVAL,
                 "adamw: betas");
    assert_fails(opt_new(&o, "adam", b->ps, &(opt_config){ .epsilon = -1 }), NN_EINVAL, "epsilon");
    assert_fails(opt_new(&o, "sgd", b->ps, &(opt_config){ .weight_decay = nan }), NN_EINVAL,
                 "decay");
    assert_fails(opt_new(&o, "sgd", b->ps, &(opt_config){ .weight_decay = 1e7 }), NN_EINVAL,
                 "[0, 1e6]");
    opt_clip *clip = NULL;
    opt_average *average = NULL;
    assert_fails(opt_clip_new(&clip, b->ps, -1), NN_EINVAL, "clip");
    assert_fails(opt_average_new(&average, b->ps, 1), NN_EINVAL, "decay 1");
}

/* Each allocation fails in turn; what was made before it is given back (asan sees leaks). */
static void failing_memory_is_survived(void **state)
{
    bench *b = *state;
    for (size_t k = 1;; k++) {
        opt *o = NULL;
        opt_clip *clip = NULL;
        opt_average *average = NULL;
        nn_mem_fail_after(k);
        nn_status st = opt_new(&o, "adam", b->ps, &(opt_config){ 0 });
        if (st == NN_OK)
            st = opt_clip_new(&clip, b->ps, 1);
        if (st == NN_OK)
            st = opt_average_new(&average, b->ps, 0.9);
        nn_mem_fail_after(0);
        opt_free(o);
        opt_clip_free(clip);
        opt_average_free(average);
        if (st == NN_OK)
            break;
        assert_int_equal(st, NN_ENOMEM);
        assert_in_range(k, 1, 20);
    }
}

static void steps_allocate_nothing(void **state)
{
    bench *b = *state;
    opt *o = NULL;
    opt_clip *clip = NULL;
    assert_ok(opt_new(&o, "sgd", b->ps, &(opt_config){ .momentum = 0.9 }));
    assert_ok(opt_clip_new(&clip, b->ps, 1));
    size_t before = nn_mem_count();
    run(b, o, 0, 3);
    opt_clip_apply(clip);
    assert_int_equal(nn_mem_count(), before);
    opt_clip_free(clip);
    opt_free(o);
}

/* ---- schedules ------------------------------------------------------------------------------- */

static void check_rate(const opt_schedule *s, int64_t step, int64_t total, double want)
{
    double got = opt_schedule_lr(s, step, total);
    if (!(fabs(got - want) <= 1e-9 * fabs(want) + 1e-15))
        fail_msg("%s, step %d: %.12g, should be %.12g", opt_schedule_names[s->kind], (int)step, got,
                 want);
}

static void schedules_have_closed_forms(void **state)
{
    (void)state;
    opt_schedule constant = opt_schedule_of(OPT_CONSTANT, 0.4, 4);
    opt_schedule step = opt_schedule_of(OPT_STEP, 0.4, 0);
    opt_schedule cosine = opt_schedule_of(OPT_COSINE, 0.4, 10);
    for (int i = 0; i < 4; i++)
        check_rate(&constant, i, 100, 0.1 * (i + 1));
    check_rate(&constant, 99, 100, 0.4);
    check_rate(&step, 49, 100, 0.4);
    check_rate(&step, 50, 100, 0.04);
    check_rate(&step, 74, 100, 0.04);
    check_rate(&step, 75, 100, 0.004);
    check_rate(&cosine, 0, 110, 0.04);
    check_rate(&cosine, 9, 110, 0.4);
    for (int i = 0; i < 100; i++)
        check_rate(&cosine, 10 + i, 110, 0.2 * (1 + cos(3.14159265358979323846 * i / 100)));
}

/* torch.optim.lr_scheduler.OneCycleLR(max_lr=0.4, total_steps=20), PyTorch 2.13.0 */
static void onecycle_is_that_of_pytorch(void **state)
{
    (void)state;
    static const double want[20] = { 0.016,
                                     0.05266873708,
                                     0.14866873708,
                                     0.26733126292,
                                     0.36333126292,
                                     0.4,
                                     0.394985602494,
                                     0.380193852805,
                                     0.356366471028,
                                     0.32469826158,
                                     0.286777200717,
                                     0.244504808775,
                                     0.2000008,
                                     0.155496791225,
                                     0.113224399283,
                                     0.0753033384201,
                                     0.0436351289716,
                                     0.0198077471946,
                                     0.00501599750597,
                                     1.6e-06 };
    opt_schedule s = opt_schedule_of(OPT_ONECYCLE, 0.4, 0);
    for (int i = 0; i < 20; i++)
        check_rate(&s, i, 20, want[i]);
    s.warmup = 6; /* the same rise, in steps */
    for (int i = 0; i < 20; i++)
        check_rate(&s, i, 20, want[i]);
}

/* Runs of a few steps, where a phase may have no length. */
static void short_runs_have_finite_rates(void **state)
{
    (void)state;
    for (int kind = OPT_CONSTANT; kind <= OPT_ONECYCLE; kind++)
        for (int total = 1; total < 12; total++)
            for (int warmup = 0; warmup < total; warmup++) {
                opt_schedule s = opt_schedule_of((opt_schedule_kind)kind, 0.4, warmup);
                assert_ok(opt_schedule_check(&s, total));
                for (int i = 0; i < total; i++) {
                    double lr = opt_schedule_lr(&s, i, total);
                    assert_true(lr >= 0 && lr <= 0.4 * (1 + 1e-12));
                }
            }
}

static void schedules_are_checked(void **state)
{
    (void)state;
    opt_schedule s = opt_schedule_of(OPT_COSINE, (double)NAN, 0);
    assert_fails(opt_schedule_check(&s, 10), NN_EINVAL, "learning rate");
    s = opt_schedule_of(OPT_COSINE, 0.1, 10);
    assert_fails(opt_schedule_check(&s, 10), NN_EINVAL, "10 steps");
    s = opt_schedule_of(OPT_STEP, 0.1, 0);
    s.milestone[1] = 0.5;
    assert_fails(opt_schedule_check(&s, 10), NN_EINVAL, "milestone 0.5");
    s = opt_schedule_of(OPT_ONECYCLE, 0.1, 0);
    s.rise = 1;
    assert_fails(opt_schedule_check(&s, 10), NN_EINVAL, "rise");
    s = opt_schedule_of(OPT_ONECYCLE, 0.1, 0);
    s.div = 0;
    assert_fails(opt_schedule_check(&s, 10), NN_EINVAL, "divisors");
}

/* ---- clipping and averaging ------------------------------------------------------------------ */

static double norm_of(const nn_vector *v, const nn_param *without)
{
    double sum = 0;
    for (size_t i = 0; i < v->count; i++)
        if (i < without->offset || i >= without->offset + without->count)
            sum += (double)v->grad[i] * (double)v->grad[i];
    return sqrt(sum);
}

static void clipping_limits_the_norm(void **state)
{
    bench *b = *state;
    opt_clip *c = NULL;
    nn_vector v = nn_params_trained(b->ps);
    set_gradients(b, 0);
    double before = norm_of(&v, b->frozen);
    nn_real frozen = b->frozen->grad[0], first = b->large->grad[0];
    assert_ok(opt_clip_new(&c, b->ps, 0.5));
    assert_true(fabs(opt_clip_apply(c) - before) < 1e-9 * before);
    assert_true(fabs(norm_of(&v, b->frozen) - 0.5) < 1e-6);
    assert_true(fabs((double)b->large->grad[0] - 0.5 / before * (double)first) < 1e-9);
    assert_true(b->frozen->grad[0] == frozen);
    opt_clip_apply(c); /* short enough: left alone */
    assert_true(fabs(norm_of(&v, b->frozen) - 0.5) < 1e-6);
    b->bias->grad[1] = (nn_real)INFINITY;
    first = b->large->grad[0];
    assert_true(isinf(opt_clip_apply(c)));
    assert_true(b->large->grad[0] == first);
    opt_clip_free(c);
}

static void averages_follow_and_swap(void **state)
{
    bench *b = *state;
    opt_average *a = NULL;
    assert_ok(opt_average_new(&a, b->ps, 0.5));
    assert_true(opt_average_has(b->weight) && opt_average_has(b->mean));
    assert_false(opt_average_has(b->frozen) || opt_average_has(b->other));
    double mean = (double)b->weight->value[0];
    nn_real last = 0;
    for (int t = 0; t < 20; t++) {
        double d = fmin(0.5, (1.0 + t) / (10.0 + t));
        last = (nn_real)(t * 0.125);
        b->weight->value[0] = b->mean->value[0] = b->other->value[0] = last;
        opt_average_update(a, t);
        mean = d * mean + (1 - d) * t * 0.125;
    }
    assert_true(fabs((double)opt_average_trained(a).value[b->weight->offset] - mean) < 1e-6);
    assert_true(fabs((double)opt_average_state(a).value[b->mean->offset] - mean) < 1e-6);
    opt_average_swap(a);
    assert_true(fabs((double)b->weight->value[0] - mean) < 1e-6);
    assert_true(fabs((double)b->mean->value[0] - mean) < 1e-6);
    assert_true(b->other->value[0] == last);
    opt_average_swap(a);
    assert_true(b->weight->value[0] == last && b->mean->value[0] == last);
    opt_average_free(a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sgd_plain),
        TEST(sgd_momentum),
        TEST(sgd_nesterov),
        TEST(sgd_decoupled),
        TEST(adam),
        TEST(adamw),
        TEST(decay_acts_on_weights),
        TEST(frozen_parameters_are_untouched),
        TEST(resume_is_exact),
        TEST(threads_do_not_change_bits),
        TEST(settings_are_checked),
        TEST(failing_memory_is_survived),
        TEST(steps_allocate_nothing),
        TEST(clipping_limits_the_norm),
        TEST(averages_follow_and_swap),
        cmocka_unit_test(schedules_have_closed_forms),
        cmocka_unit_test(onecycle_is_that_of_pytorch),
        cmocka_unit_test(short_runs_have_finite_rates),
        cmocka_unit_test(schedules_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
