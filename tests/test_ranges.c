/* rules of ranges: what they observe, where learned ones begin, their gradients against differences
 * of the function that they are gradients of (codes held, which a difference would jump over), and
 * that steps cannot make a scale negative. */
#include <math.h>
#include <omp.h>

#include "nn/exec.h"
#include "nn/graph.h"
#include "quant/ranges.h"
#include "tests/testing.h"

enum { OUTER = 6, CHANNELS = 4, INNER = 250, N = OUTER * CHANNELS * INNER };

/* loss = mean(y^2), y = fakequant(x): dy = 2 y / N. */
typedef struct fixture {
    nn_params *params;
    nn_graph *graph;
    nn_plan *plan;
    nn_exec *exec;
    nn_node *x, *y;
    nn_range_state s;
} fixture;

static nn_node *leaf(nn_graph *g, const char *name, nn_shape shape, nn_param_kind kind)
{
    return nn_param_node(g, name, shape, kind, (nn_init){ .kind = NN_INIT_CONSTANT });
}

/* frozen: glob of parameters that nothing is learned for; NULL: none */
static void build_frozen(fixture *f, nn_fakequant_attr a, const char *frozen)
{
    const nn_shape shape = NN_SHAPE(OUTER, CHANNELS, INNER);
    const int c = a.axis < 0 ? 1 : CHANNELS;
    nn_node *in[7] = { 0 };
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->graph, f->params));
    a.rule = a.learn;
    f->x = in[0] = leaf(f->graph, "x", shape, NN_PARAM_WEIGHT);
    in[1] = leaf(f->graph, "min", NN_SHAPE(c), NN_PARAM_STATE);
    in[2] = leaf(f->graph, "max", NN_SHAPE(c), NN_PARAM_STATE);
    in[3] = leaf(f->graph, "scale", NN_SHAPE(c), NN_PARAM_STATE);
    in[4] = leaf(f->graph, "zero_point", NN_SHAPE(c), NN_PARAM_STATE);
    in[5] = leaf(f->graph, "memory", NN_SHAPE(2 * c + 1), NN_PARAM_STATE);
    in[6] = leaf(f->graph, "learned", NN_SHAPE(a.learn->learned * c), NN_PARAM_RANGE);
    f->y = nn_node_new(f->graph, NN_OP_fakequant, "fq", in, 7, &(nn_attr){ .fakequant = a });
    nn_output(f->graph, f->y);
    nn_node *zero = leaf(f->graph, "target", shape, NN_PARAM_STATE);
    nn_node *loss = nn_node_new(f->graph, NN_OP_mse, "loss", (nn_node *[]){ f->y, zero }, 2, NULL);
    assert_ok(nn_graph_check(f->graph));
    if (frozen != NULL)
        nn_params_freeze(f->params, frozen);
    assert_ok(nn_params_collate(f->params));
    assert_ok(nn_plan_new(&f->plan, f->graph, &(nn_plan_options){ .batch = 1, .loss = loss }));
    assert_ok(nn_exec_new(&f->exec, f->plan, NULL));
    f->s = nn_range_of(f->y);
    test_noise(f->x->param->value, N, 7);
}

static void build(fixture *f, nn_fakequant_attr a)
{
    build_frozen(f, a, NULL);
}

static void release(fixture *f)
{
    nn_exec_free(f->exec);
    nn_plan_free(f->plan);
    nn_graph_free(f->graph);
    nn_params_free(f->params);
    *f = (fixture){ 0 };
}

static void run(fixture *f, bool observe)
{
    const nn_run r = { .training = true, .observe = observe };
    nn_exec_forward(f->exec, 1, &r);
    nn_exec_backward(f->exec, 1, &r);
}

static int channel_of(const fixture *f, int i)
{
    return f->s.channels > 1 ? i / INNER % CHANNELS : 0;
}

/* ---- gradients ------------------------------------------------------------------------------- */

enum { LOW, INSIDE, HIGH };

/* y as a function of the learned numbers p, x being where it is and its rounding error being
 * `error` steps. */
typedef double surrogate(const double *p, const nn_fakequant_attr *a, int side, double x,
                         double error);

static double of_lsq(const double *p, const nn_fakequant_attr *a, int side, double x, double error)
{
    const double below = a->symmetric ? a->grid.qmin : 0;
    const double above = a->symmetric ? a->grid.qmax : a->grid.qmax - a->grid.qmin;
    return side == LOW ? p[0] * below : side == HIGH ? p[0] * above : x + p[0] * error;
}

static double of_lsq_plus(const double *p, const nn_fakequant_attr *a, int side, double x,
                          double error)
{
    if (a->symmetric)
        return of_lsq(p, a, side, x, error);
    return side == LOW    ? p[1]
           : side == HIGH ? p[1] + p[0] * (a->grid.qmax - a->grid.qmin)
                          : x + p[0] * error;
}

static double of_pact(const double *p, const nn_fakequant_attr *a, int side, double x, double error)
{
    (void)a, (void)error;
    return side == LOW ? 0 : side == HIGH ? p[0] : x;
}

static double of_learned(const double *p, const nn_fakequant_attr *a, int side, double x,
                         double error)
{
    (void)error;
    return side == LOW ? (a->symmetric ? -p[1] : p[0]) : side == HIGH ? p[1] : x;
}

/* sum of dy y(p) over channel c, with dy, sides and errors as they are in the network. */
static double loss_at(const fixture *f, surrogate *y, const double *p, int c)
{
    const nn_fakequant_attr *a = &f->y->attr.fakequant;
    const nn_real *x = f->x->param->value, *q = nn_exec_value(f->exec, f->y);
    const double scale = (double)f->s.scale[c], zero = (double)f->s.zero_point[c];
    const double lo = scale * (a->grid.qmin - zero), hi = scale * (a->grid.qmax - zero);
    double sum = 0;
    for (int i = 0; i < N; i++) {
        const double v = (double)x[i];
        const int side = v < lo ? LOW : v > hi ? HIGH : INSIDE;
        if (channel_of(f, i) == c)
            sum += 2.0 / N * (double)q[i] * y(p, a, side, v, ((double)q[i] - v) / scale);
    }
    return sum;
}

static void check_gradient(fixture *f, surrogate *y, double factor, double decay)
{
    const nn_fakequant_attr *a = &f->y->attr.fakequant;
    const nn_real *grad = nn_params_find(f->params, "learned")->grad;
    for (int c = 0; c < f->s.channels; c++) {
        for (int j = 0; j < a->learn->learned; j++) {
            double p[NN_RANGE_MOST_LEARNED], h = 1e-3, found, want;
            for (int k = 0; k < a->learn->learned; k++)
                p[k] = (double)f->s.learned[k * f->s.channels + c];
            want = decay * p[j];
            p[j] += h;
            want += factor * loss_at(f, y, p, c) / (2 * h);
            p[j] -= 2 * h;
            want -= factor * loss_at(f, y, p, c) / (2 * h);
            found = (double)grad[j * f->s.channels + c];
            assert_true(fabs(found - want) < 1e-5 * (fabs(want) + 0.01));
        }
    }
}

typedef struct rule_case {
    const nn_range_rule *rule;
    surrogate *y;
    bool symmetric;
    int axis;
    double first, second; /* of what is learned */
    bool scaled;          /* by LSQ's factor */
    double decay;
} rule_case;

static const rule_case cases[] = {
    { &quant_range_lsq, of_lsq, true, 1, 0.08, 0, true, 0 },
    { &quant_range_lsq, of_lsq, true, -1, 0.05, 0, true, 0 },
    { &quant_range_lsq, of_lsq, false, -1, 0.03, 0, true, 0 },
    { &quant_range_lsq_plus, of_lsq_plus, false, -1, 0.04, -0.22, true, 0 },
    { &quant_range_lsq_plus, of_lsq_plus, true, 1, 0.09, 0, true, 0 },
    { &quant_range_pact, of_pact, false, -1, 0.6, 0, false, 5e-4 },
    { &quant_range_learned, of_learned, false, -1, -0.4, 0.7, false, 0 },
    { &quant_range_learned, of_learned, true, 1, -0.6, 0.6, false, 0 },
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static void begin_at(fixture *f, const rule_case *t)
{
    const nn_grid grid = t->symmetric ? (nn_grid){ -7, 7 } : (nn_grid){ 112, 127 };
    build(f, (nn_fakequant_attr){ .mode = NN_FQ_QUANTIZE,
                                  .learn = t->rule,
                                  .grid = grid,
                                  .symmetric = t->symmetric,
                                  .axis = t->axis });
    for (int i = 0; i < t->rule->learned * f->s.channels; i++)
        f->s.learned[i] = (nn_real)(i < f->s.channels ? t->first * (1 + 0.1 * i) : t->second);
    quant_ranges_settle(f->graph);
}

static void gradients_are_those_of_the_surrogates(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        const rule_case *t = &cases[i];
        fixture f = { 0 };
        begin_at(&f, t);
        run(&f, true);
        const double above = t->symmetric ? 7 : 15, count = (double)N / f.s.channels;
        check_gradient(&f, t->y, t->scaled ? 1 / sqrt(count * above) : 1, t->decay);
        release(&f);
    }
}

/* Inside, and nowhere else: the ends of the grid are inside. */
static void x_has_its_gradient_inside(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        fixture f = { 0 };
        begin_at(&f, &cases[i]);
        run(&f, true);
        const nn_real *x = f.x->param->value, *dx = f.x->param->grad;
        const nn_real *y = nn_exec_value(f.exec, f.y);
        const nn_grid g = f.y->attr.fakequant.grid;
        int inside = 0;
        for (int k = 0; k < N; k++) {
            const int c = channel_of(&f, k);
            const double scale = (double)f.s.scale[c], zero = (double)f.s.zero_point[c];
            const double v = (double)x[k], lo = scale * (g.qmin - zero),
                         hi = scale * (g.qmax - zero);
            if (fabs(v - lo) < 1e-6 || fabs(v - hi) < 1e-6)
                continue;
            const double want = v > lo && v < hi ? 2.0 / N * (double)y[k] : 0;
            assert_true(fabs((double)dx[k] - want) < 1e-9);
            inside += v > lo && v < hi;
        }
        assert_true(inside > N / 8 && inside < N);
        release(&f);
    }
}

/* Q_N 8, Q_P 7, s 0.1: an example of LSQ's published formula, with the factor taken out. */
static void lsq_has_the_gradient_of_the_paper(void **state)
{
    (void)state;
    const double v[] = { 0.26, -0.249, -0.93, 0.95 }, want[] = { 0.4, 0.49, -8, 7 };
    const nn_fakequant_attr a = { .grid = { -8, 7 }, .symmetric = true };
    for (int i = 0; i < 4; i++) {
        const double s = 0.1, q = round(v[i] / s);
        const nn_range_sums sums = { .below = v[i]<-8 * s, .above = v[i]> 7 * s,
                                     .inside = v[i] >= -8 * s && v[i] <= 7 * s ? q - v[i] / s : 0,
                                     .count = 100 };
        double grad;
        quant_range_lsq.gradient(&grad, NULL, &a, 0, &sums);
        assert_true(fabs(grad * sqrt(100 * 7.0) - want[i]) < 1e-9);
    }
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    const int most = omp_get_max_threads(), threads[] = { 1, 2, 7 };
    for (int i = 0; i < N_CASES; i++) {
        nn_real want[NN_RANGE_MOST_LEARNED * CHANNELS];
        for (int k = 0; k < 3; k++) {
            fixture f = { 0 };
            omp_set_num_threads(threads[k]);
            begin_at(&f, &cases[i]);
            run(&f, true);
            const nn_param *p = nn_params_find(f.params, "learned");
            if (k == 0)
                memcpy(want, p->grad, p->count * sizeof *want);
            assert_memory_equal(want, p->grad, p->count * sizeof *want);
            release(&f);
        }
    }
    omp_set_num_threads(most);
}

static void ranges_that_stand_still_have_no_gradient(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        fixture f = { 0 };
        begin_at(&f, &cases[i]);
        run(&f, false);
        const nn_param *p = nn_params_find(f.params, "learned");
        for (size_t k = 0; k < p->count; k++)
            assert_true(p->grad[k] == 0);
        release(&f);
    }
}

/* ---- beginning and steps --------------------------------------------------------------------- */

static double mean_magnitude(const fixture *f, int c)
{
    double sum = 0, n = 0;
    for (int i = 0; i < N; i++) {
        sum += channel_of(f, i) == c ? fabs((double)f->x->param->value[i]) : 0;
        n += channel_of(f, i) == c;
    }
    return sum / n;
}

static double largest_magnitude(const fixture *f, int channel)
{
    double largest = 0;
    for (int i = 0; i < N; i++)
        if (f->s.channels == 1 || channel_of(f, i) == channel)
            largest = fmax(largest, fabs((double)f->x->param->value[i]));
    return largest;
}

/* The paper's first step where the largest element is far out, else what reaches that one. */
static void lsq_begins_with_the_first_batch(void **state)
{
    (void)state;
    for (int axis = -1; axis <= 1; axis += 2) {
        fixture f = { 0 };
        build(&f, (nn_fakequant_attr){ .mode = NN_FQ_QUANTIZE,
                                       .learn = &quant_range_lsq,
                                       .grid = { -7, 7 },
                                       .symmetric = true,
                                       .axis = axis });
        for (int i = 0; i < N; i++)
            f.x->param->value[i] *= (nn_real)(1 + channel_of(&f, i));
        f.x->param->value[0] *= 50;
        run(&f, true);
        for (int c = 0; c < f.s.channels; c++) {
            const double paper = 2 * mean_magnitude(&f, c) / sqrt(7.0);
            const double reach = largest_magnitude(&f, c) / 7, want = fmin(paper, reach);
            assert_true(c == 0 ? paper < reach : reach < paper);
            assert_true(fabs((double)f.s.learned[c] - want) < 1e-6 * want);
            assert_true(fabs((double)f.s.scale[c] - want) < 1e-6 * want);
            assert_true(f.s.zero_point[c] == 0);
        }
        const nn_real first = f.s.learned[0];
        f.x->param->value[0] = 1000;
        run(&f, true); /* begins once, and follows no batch from then on */
        assert_true(f.s.learned[0] == first && f.s.max[0] < 90);
        release(&f);
    }
}

/* What was observed before the switch is where the others begin. */
static void clips_begin_where_they_were_observed(void **state)
{
    (void)state;
    const nn_range_rule *const rules[] = { &quant_range_pact, &quant_range_learned };
    for (int i = 0; i < 2; i++) {
        fixture f = { 0 };
        build(&f,
              (nn_fakequant_attr){
                  .mode = NN_FQ_QUANTIZE, .learn = rules[i], .grid = { -128, 127 }, .axis = -1 });
        f.s.min[0] = i == 0 ? 0 : -2;
        f.s.max[0] = 3;
        nn_range_derive(&f.s, &f.y->attr.fakequant);
        const nn_real scale = f.s.scale[0], zero = f.s.zero_point[0];
        run(&f, true);
        assert_true(f.s.scale[0] == scale && f.s.zero_point[0] == zero);
        release(&f);
    }
}

/* A layer that keeps its values (--freeze) is quantized like the others: its range begins, and
 * stays there. */
static void frozen_ranges_begin_too(void **state)
{
    (void)state;
    const nn_range_rule *const rules[] = { &quant_range_lsq, &quant_range_learned };
    for (int i = 0; i < 2; i++) {
        fixture f = { 0 };
        build_frozen(&f,
                     (nn_fakequant_attr){ .mode = NN_FQ_QUANTIZE,
                                          .learn = rules[i],
                                          .grid = { -127, 127 },
                                          .symmetric = true,
                                          .axis = 1 },
                     "*");
        run(&f, true);
        for (int c = 0; c < CHANNELS; c++)
            assert_true(f.s.scale[c] > 0 && f.s.max[c] > 0);
        release(&f);
    }
}

/* A symmetric one begins at the farther end, whichever that is. */
static void symmetric_clips_begin_at_the_farther_end(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        fixture f = { 0 };
        build(&f, (nn_fakequant_attr){ .mode = NN_FQ_QUANTIZE,
                                       .learn = &quant_range_learned,
                                       .grid = { -127, 127 },
                                       .symmetric = true,
                                       .axis = -1 });
        f.s.min[0] = i == 0 ? -3 : (nn_real)-0.5;
        f.s.max[0] = i == 0 ? (nn_real)0.5 : 3;
        nn_range_derive(&f.s, &f.y->attr.fakequant);
        run(&f, true);
        assert_true(f.s.min[0] == -3 && f.s.max[0] == 3);
        assert_true(fabs((double)f.s.scale[0] - 3.0 / 127) < 1e-7);
        release(&f);
    }
}

/* One value far away costs a grid from end to end much; the range of least error leaves it out. */
static void lsq_plus_begins_with_little_error(void **state)
{
    (void)state;
    fixture f = { 0 };
    build(&f, (nn_fakequant_attr){ .mode = NN_FQ_QUANTIZE,
                                   .learn = &quant_range_lsq_plus,
                                   .grid = { -128, -113 },
                                   .axis = -1 });
    f.x->param->value[0] = 9;
    run(&f, true);
    assert_true(f.s.max[0] < 5 && f.s.max[0] > (nn_real)0.5);
    assert_true(f.s.min[0] < 0 && f.s.learned[1] < 0);
    release(&f);
}

static void scales_stay_positive_and_ranges_hold_zero(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) {
        fixture f = { 0 };
        begin_at(&f, &cases[i]);
        const int channels = f.s.channels;
        const double before = (double)f.s.scale[0];
        for (int k = 0; k < cases[i].rule->learned * channels; k++)
            f.s.learned[k] = k < channels ? -100 : 0;
        if (cases[i].rule == &quant_range_learned)
            for (int k = 0; k < 2 * channels; k++)
                f.s.learned[k] = k < channels ? 50 : -50;
        quant_ranges_settle(f.graph);
        for (int c = 0; c < channels; c++) {
            assert_true(f.s.scale[c] > 0 && f.s.min[c] <= 0 && f.s.max[c] >= 0);
            assert_true(f.s.max[c] > f.s.min[c]);
        }
        assert_true(fabs((double)f.s.scale[0] / before - 0.5) < 1e-3);
        release(&f);
    }
}

/* ---- dorefa ---------------------------------------------------------------------------------- */

/* 2 quantize_k(tanh(w) / (2 max|tanh w|) + 1/2) - 1, times the maximum; dw = dy (1 - tanh^2 w). */
static void check_dorefa(int bits, int axis)
{
    enum { O = 5, I = 40 };
    nn_params *ps = NULL;
    nn_graph *g = NULL;
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    const int levels = (1 << bits) - 1;
    assert_ok(nn_params_new(&ps));
    assert_ok(nn_graph_new(&g, ps));
    nn_node *w = leaf(g, "w", NN_SHAPE(O, I), NN_PARAM_WEIGHT);
    nn_node *y = nn_node_new(g, NN_OP_dorefa, "y", &w, 1,
                             &(nn_attr){ .dorefa = { .levels = levels, .axis = axis } });
    nn_node *zero = leaf(g, "zero", NN_SHAPE(O, I), NN_PARAM_STATE);
    nn_node *loss = nn_node_new(g, NN_OP_mse, "loss", (nn_node *[]){ y, zero }, 2, NULL);
    nn_output(g, y);
    assert_ok(nn_graph_check(g));
    assert_ok(nn_params_collate(ps));
    test_noise(w->param->value, O * I, 4);
    for (int i = 0; i < I && axis == 0; i++)
        w->param->value[i] = 0; /* a channel without an extent */
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = 1, .loss = loss }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_forward(e, 1, &(nn_run){ .training = true });
    nn_exec_backward(e, 1, &(nn_run){ .training = true });
    double m[O] = { 0 };
    for (int i = 0; i < O * I; i++) {
        const int c = axis == 0 ? i / I : 0;
        m[c] = fmax(m[c], fabs(tanh((double)w->param->value[i])));
    }
    const nn_real *found = nn_exec_value(e, y);
    for (int i = 0; i < O * I; i++) {
        const double t = tanh((double)w->param->value[i]), most = m[axis == 0 ? i / I : 0];
        const double q = round(levels * (t / (2 * most) + 0.5)) / levels;
        const double want = most > 0 ? most * (2 * q - 1) : 0;
        assert_true(fabs((double)found[i] - want) < 1e-6);
        const double dw = 2.0 / (O * I) * want * (1 - t * t);
        assert_true(fabs((double)w->param->grad[i] - dw) < 1e-7);
    }
    nn_exec_free(e);
    nn_plan_free(plan);
    nn_graph_free(g);
    nn_params_free(ps);
}

static void dorefa_has_levels_on_both_sides(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 7; bits++)
        for (int axis = -1; axis <= 0; axis++)
            check_dorefa(bits, axis);
}

static void dorefa_clips_activations_at_one(void **state)
{
    (void)state;
    nn_real min, max;
    const float lo = -3, hi = 9;
    nn_range_state s = { .channels = 1, .min = &min, .max = &max };
    quant_range_dorefa.observe(&s, &lo, &hi);
    assert_true(min == 0 && max == 1);
}

/* ---- observers ------------------------------------------------------------------------------- */

static void averages_from_a_fixed_start_creep(void **state)
{
    (void)state;
    const float max[] = { 2, 4, 1, 3 };
    const double want[] = { 5.996, 5.994004, 5.98901, 5.986021 };
    const double debiased[] = { 2.0, 3.0005, 2.333, 2.5 };
    nn_real lo[2] = { 0 }, hi[2] = { 0 }, memory[2][3] = { { 0 } };
    for (int i = 0; i < 4; i++) {
        const float min = i == 3 ? -1.0f : 0.0f;
        for (int k = 0; k < 2; k++) {
            nn_range_state s = { .channels = 1, .min = &lo[k], .max = &hi[k], .memory = memory[k] };
            (k == 0 ? &quant_range_ema_undebiased : &quant_range_ema)->observe(&s, &min, &max[i]);
        }
        assert_true(fabs((double)hi[0] - want[i]) < 2e-6);
        assert_true(fabs((double)hi[1] - debiased[i]) < 1e-3);
    }
    assert_true(fabs((double)lo[0] + 0.001) < 1e-6); /* the first batch had nothing negative */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_surrogates),
        cmocka_unit_test(x_has_its_gradient_inside),
        cmocka_unit_test(lsq_has_the_gradient_of_the_paper),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(ranges_that_stand_still_have_no_gradient),
        cmocka_unit_test(lsq_begins_with_the_first_batch),
        cmocka_unit_test(clips_begin_where_they_were_observed),
        cmocka_unit_test(symmetric_clips_begin_at_the_farther_end),
        cmocka_unit_test(frozen_ranges_begin_too),
        cmocka_unit_test(lsq_plus_begins_with_little_error),
        cmocka_unit_test(scales_stay_positive_and_ranges_hold_zero),
        cmocka_unit_test(dorefa_has_levels_on_both_sides),
        cmocka_unit_test(dorefa_clips_activations_at_one),
        cmocka_unit_test(averages_from_a_fixed_start_creep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
