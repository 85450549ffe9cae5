/* ops: every op of nn/ops.def on the nodes of tests/op_examples.h.
 *
 * An op is called as the executor calls it, with memory of its own: guard bytes around it, NaN in
 * all that it may not read.  Checked are the gradients against central differences, gradients that
 * add and that nobody wants, work in place, equal bits on any number of threads, and refusal of
 * wrong shapes. */
#include <float.h>
#include <math.h>
#include <omp.h>

#include "nn/graph.h"
#include "nn/kernels/kernels.h"
#include "tests/op_examples.h"
#include "tests/testing.h"

#ifdef NN_F64
static const double epsilon = 1e-5, tolerance = 1e-6, rounding = 1e-13, last_bit = DBL_EPSILON;
#else
static const double epsilon = 1e-2, tolerance = 1e-3, rounding = 1e-5, last_bit = FLT_EPSILON;
#endif

enum { BATCH = 3, MOST_DIFFERENCES = 24 }; /* elements of an input that are moved */

typedef struct row {
    const char *name;
    nn_op_id id;
    const example *examples;
    int n_examples;
    const example *bad;
} row;

static const row rows[] = {
#define NN_OP(name)                                                                                \
    { #name, NN_OP_##name, examples_##name, (int)(sizeof examples_##name / sizeof(example)),       \
      &bad_##name },
#include "nn/ops.def"
#undef NN_OP
};

/* ---- a graph of one op and all its memory ---------------------------------------------------- */

typedef struct bench {
    const example *e;
    nn_params *params;
    nn_graph *graph;
    nn_node *node;
    nn_call call;
    nn_real *x[NN_MAX_IN]; /* as at first, state too */
    nn_real *y, *dy, *dx[NN_MAX_IN], *poison;
    void *saved, *scratch;
    nn_need need;
    size_t count, count_in[NN_MAX_IN];
} bench;

static bool is_state(const example *e, int k)
{
    return e->holds[k] == MEAN || e->holds[k] == VARIANCE;
}

static bool has_gradient(const bench *b, int k)
{
    return k < b->e->n_in && !is_state(b->e, k) && b->e->holds[k] != LABELS;
}

static nn_real *new_reals(size_t n)
{
    return test_guard_new(n * sizeof(nn_real), 0);
}

static void fill_with(void *p, int byte, size_t bytes)
{
    if (p != NULL && bytes > 0)
        memset(p, byte, bytes);
}

/* All bits set: NaN in float and double. */
static void poison_reals(nn_real *x, size_t n)
{
    fill_with(x, 0xFF, n * sizeof *x);
}

static nn_real away_from_kinks(nn_real x)
{
    static const nn_real kinks[] = { -3, 0, 3, 6 };
    for (size_t i = 0; i < sizeof kinks / sizeof *kinks; i++) {
        nn_real d = x - kinks[i];
        if (d > (nn_real)-0.1 && d < (nn_real)0.1)
            x = kinks[i] + (nn_real)(d < 0 ? -0.1 : 0.1);
    }
    return x;
}

static void fill_input(nn_real *x, size_t n, content holds, int classes, uint64_t seed)
{
    test_noise(x, n, seed);
    for (size_t i = 0; i < n; i++) {
        if (holds == APART)
            x[i] = away_from_kinks(8 * x[i]);
        if (holds == DISTINCT) /* 7919 is prime: a permutation of the n values, if n is smaller */
            x[i] = (nn_real)0.05 * ((nn_real)(i * 7919 % n) - (nn_real)n / 2);
        if (holds == LABELS)
            x[i] = (nn_real)test_noise_int(seed, i, 0, classes - 1);
        if (holds == VARIANCE || holds == POSITIVE)
            x[i] = 1 + x[i] / 2;
    }
}

/* The node, named "sick", over leaves for its inputs; NULL if it is refused. */
static nn_node *build(nn_graph *g, nn_op_id id, const example *e)
{
    nn_node *in[NN_MAX_IN];
    const nn_init none = { .kind = NN_INIT_CONSTANT };
    for (int k = 0; k < e->n_in; k++) {
        char name[] = { 'x', (char)('0' + k), '\0' };
        in[k] = is_state(e, k) ? nn_param_node(g, name, e->in[k], NN_PARAM_STATE, none)
                               : nn_input(g, name, e->in[k]);
    }
    return nn_node_new(g, id, "sick", in, e->n_in, &e->attr);
}

static void make_memory(bench *b)
{
    const nn_node *n = b->node;
    for (int k = 0; k < n->n_in; k++) {
        b->count_in[k] = nn_shape_count_batch(n->in[k]->shape, BATCH);
        b->x[k] = new_reals(b->count_in[k]);
        fill_input(b->x[k], b->count_in[k], b->e->holds[k], nn_shape_channels(n->in[0]->shape),
                   (uint64_t)k + 1);
        b->dx[k] = new_reals(b->count_in[k]);
        b->count = b->count_in[k] > b->count ? b->count_in[k] : b->count;
    }
    size_t most = b->count;
    b->count = nn_shape_count_batch(n->shape, BATCH);
    b->poison = new_reals(most > b->count ? most : b->count);
    poison_reals(b->poison, most > b->count ? most : b->count);
    b->y = new_reals(b->count);
    b->dy = new_reals(b->count);
    test_noise(b->dy, b->count, 99);
    if (n->op->need != NULL)
        b->need = n->op->need(n, BATCH, true);
    b->saved = b->need.saved > 0 ? test_guard_new(b->need.saved, 0) : NULL;
    b->scratch = test_guard_new(b->need.scratch, 0);
}

static void open_bench(bench *b, nn_op_id id, const example *e)
{
    *b = (bench){ .e = e };
    assert_ok(nn_params_new(&b->params));
    assert_ok(nn_graph_new(&b->graph, b->params));
    b->node = build(b->graph, id, e);
    assert_ok(nn_graph_check(b->graph));
    assert_ok(nn_params_collate(b->params));
    make_memory(b);
}

static void check_guards(const bench *b)
{
    for (int k = 0; k < b->e->n_in; k++) {
        test_guard_check(b->x[k]);
        test_guard_check(b->dx[k]);
    }
    test_guard_check(b->y);
    test_guard_check(b->dy);
    test_guard_check(b->scratch);
    if (b->saved != NULL)
        test_guard_check(b->saved);
}

static void close_bench(bench *b)
{
    check_guards(b);
    for (int k = 0; k < b->e->n_in; k++) {
        test_guard_free(b->x[k]);
        test_guard_free(b->dx[k]);
    }
    test_guard_free(b->y);
    test_guard_free(b->dy);
    test_guard_free(b->poison);
    test_guard_free(b->scratch);
    if (b->saved != NULL)
        test_guard_free(b->saved);
    nn_graph_free(b->graph);
    nn_params_free(b->params);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* y = op(x), from the first state. */
static void run_forward(bench *b, nn_real *y, const nn_real *x0)
{
    nn_call *c = &b->call;
    *c = (nn_call){ .node = b->node,
                    .run = &b->e->run,
                    .batch = BATCH,
                    .y = y,
                    .saved = b->saved,
                    .scratch = b->scratch };
    for (int k = 0; k < b->e->n_in; k++) {
        c->x[k] = k == 0 ? x0 : b->x[k];
        if (!is_state(b->e, k))
            continue;
        memcpy(nn_call_state(c, k), b->x[k], b->count_in[k] * sizeof(nn_real));
        c->x[k] = nn_call_state(c, k);
    }
    fill_with(b->saved, 0xFF, b->need.saved);
    fill_with(b->scratch, 0xFF, b->need.scratch);
    b->node->op->forward(c);
}

/* Backward with NaN in all that the op's row does not name; `wanted` has a bit for each input. */
static void run_backward(bench *b, unsigned wanted, unsigned add, nn_real *dx0, const nn_real *dy)
{
    nn_call *c = &b->call;
    const nn_op *op = b->node->op;
    for (int k = 0; k < b->e->n_in; k++) {
        if (!(op->keeps & NN_KEEP_X(k)))
            c->x[k] = b->poison;
        c->add[k] = add >> k & 1;
        c->dx[k] = (wanted >> k & 1) && has_gradient(b, k) ? k == 0 ? dx0 : b->dx[k] : NULL;
    }
    if (!(op->keeps & NN_KEEP_Y))
        c->y = b->poison;
    c->dy = dy;
    fill_with(b->scratch, 0xFF, b->need.scratch);
    op->backward(c);
}

/* All gradients into b->dx, over NaN. */
static void find_gradients(bench *b)
{
    for (int k = 0; k < b->e->n_in; k++)
        poison_reals(b->dx[k], b->count_in[k]);
    run_forward(b, b->y, b->x[0]);
    run_backward(b, ~0u, 0, b->dx[0], b->dy);
}

static nn_real *copy_of(const nn_real *x, size_t n)
{
    nn_real *copy = new_reals(n);
    memcpy(copy, x, n * sizeof *x);
    return copy;
}

static void assert_same(const nn_real *a, const nn_real *b, size_t n, const char *what, int k)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s %d: element %zu is %.9g, was %.9g", what, k, i, (double)a[i],
                     (double)b[i]);
}

/* Runs `check` over a bench for each example of an op. */
static void each_example(void **state, void (*check)(bench *b))
{
    const row *r = *state;
    for (int i = 0; i < r->n_examples; i++) {
        bench b;
        if (r->examples[i].n_in == 0)
            test_skip("no examples");
        print_message("example %d\n", i);
        open_bench(&b, r->id, &r->examples[i]);
        check(&b);
        close_bench(&b);
    }
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* d(sum dy y) / d(x[k][i]): only elements of y that change add to the difference. */
static double difference(bench *b, int k, size_t i, nn_real *y_above)
{
    const nn_real x = b->x[k][i];
    const nn_real above = x + (nn_real)epsilon, below = x - (nn_real)epsilon;
    b->x[k][i] = above;
    run_forward(b, y_above, b->x[0]);
    b->x[k][i] = below;
    run_forward(b, b->y, b->x[0]);
    b->x[k][i] = x;
    double sum = 0;
    for (size_t j = 0; j < b->count; j++)
        sum += (double)b->dy[j] * ((double)y_above[j] - (double)b->y[j]);
    return sum / ((double)above - (double)below);
}

static void check_gradient(bench *b, int k)
{
    nn_real *y_above = new_reals(b->count);
    size_t n = b->count_in[k], step = n > MOST_DIFFERENCES ? n / MOST_DIFFERENCES : 1;
    double scale = 1e-3; /* a gradient that is all 0, or nearly, is held to an absolute error */
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)b->dx[k][i]));
    for (size_t i = 0; i < n; i += step) {
        double want = difference(b, k, i, y_above), got = (double)b->dx[k][i];
        /* a loss over many elements hardly moves with one of them: its last bit shows */
        double blur = b->count == 1 ? fabs((double)b->y[0]) * last_bit / epsilon : 0;
        if (!(fabs(got - want) <= tolerance * scale + blur))
            fail_msg("dx[%d][%zu] is %.9g, differences say %.9g (scale %.3g)", k, i, got, want,
                     scale);
    }
    test_guard_check(y_above);
    test_guard_free(y_above);
}

static void check_gradients(bench *b)
{
    find_gradients(b);
    for (int k = 0; k < b->e->n_in; k++)
        if (has_gradient(b, k))
            check_gradient(b, k);
}

static void gradients(void **state)
{
    each_example(state, check_gradients);
}

/* Each gradient alone, where nobody wants the others, has the same bits. */
static void check_wanted(bench *b)
{
    find_gradients(b);
    for (int k = 0; k < b->e->n_in; k++) {
        nn_real *all = copy_of(b->dx[k], b->count_in[k]);
        if (has_gradient(b, k)) {
            run_forward(b, b->y, b->x[0]);
            run_backward(b, 1u << k, 0, b->dx[0], b->dy);
            assert_same(b->dx[k], all, b->count_in[k], "alone, dx", k);
        }
        test_guard_free(all);
    }
    run_backward(b, 0, 0, b->dx[0], b->dy);
}

static void unwanted_gradients(void **state)
{
    each_example(state, check_wanted);
}

static void check_added(bench *b)
{
    find_gradients(b);
    nn_real *plain[NN_MAX_IN];
    for (int k = 0; k < b->e->n_in; k++) {
        plain[k] = copy_of(b->dx[k], b->count_in[k]);
        test_noise(b->dx[k], b->count_in[k], 55);
    }
    run_forward(b, b->y, b->x[0]);
    run_backward(b, ~0u, ~0u, b->dx[0], b->dy);
    for (int k = 0; k < b->e->n_in; k++) {
        nn_real *sum = new_reals(b->count_in[k]);
        test_noise(sum, b->count_in[k], 55);
        for (size_t i = 0; i < b->count_in[k]; i++)
            sum[i] += plain[k][i];
        if (has_gradient(b, k))
            assert_true(test_relative_error(b->dx[k], sum, b->count_in[k]) < rounding);
        test_guard_free(sum);
        test_guard_free(plain[k]);
    }
}

static void added_gradients(void **state)
{
    each_example(state, check_added);
}

/* ---- memory that is shared ------------------------------------------------------------------- */

static void check_in_place(bench *b)
{
    unsigned flags = b->node->op->flags;
    find_gradients(b);
    run_forward(b, b->y, b->x[0]);
    if (flags & (NN_FLAG_INPLACE | NN_FLAG_VIEW)) {
        nn_real *y = copy_of(b->x[0], b->count_in[0]);
        run_forward(b, y, y);
        assert_same(y, b->y, b->count, "in place, input", 0);
        test_guard_check(y);
        test_guard_free(y);
    }
    if (flags & (NN_FLAG_INPLACE_GRAD | NN_FLAG_VIEW)) {
        nn_real *dy = copy_of(b->dy, b->count);
        run_forward(b, b->y, b->x[0]);
        run_backward(b, ~0u, 0, dy, dy);
        assert_same(dy, b->dx[0], b->count, "in place, dx", 0);
        test_guard_check(dy);
        test_guard_free(dy);
    }
}

static void in_place(void **state)
{
    each_example(state, check_in_place);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void check_threads(bench *b)
{
    nn_real *y = NULL, *dx[NN_MAX_IN] = { NULL }, *after[NN_MAX_IN] = { NULL };
    for (int threads = 1; threads <= 7; threads = threads == 2 ? 7 : threads + 1) {
        omp_set_num_threads(threads);
        find_gradients(b);
        if (threads == 1)
            y = copy_of(b->y, b->count);
        assert_same(b->y, y, b->count, "on threads, y", threads);
        for (int k = 0; k < b->e->n_in; k++) {
            const nn_real *now = is_state(b->e, k) ? nn_call_state(&b->call, k) : b->x[k];
            if (threads == 1) {
                dx[k] = copy_of(b->dx[k], b->count_in[k]);
                after[k] = copy_of(now, b->count_in[k]);
            }
            assert_same(b->dx[k], dx[k], b->count_in[k], "on threads, dx", k);
            assert_same(now, after[k], b->count_in[k], "on threads, state", k);
        }
        if (threads == 7)
            break;
    }
    test_guard_free(y);
    for (int k = 0; k < b->e->n_in; k++) {
        test_guard_free(dx[k]);
        test_guard_free(after[k]);
    }
}

static void threads_agree(void **state)
{
    int before = omp_get_max_threads();
    each_example(state, check_threads);
    omp_set_num_threads(before);
}

/* ---- refusal --------------------------------------------------------------------------------- */

static void wrong_shapes(void **state)
{
    const row *r = *state;
    nn_params *params = NULL;
    nn_graph *g = NULL;
    if (r->bad->n_in == 0)
        test_skip("no example");
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&g, params));
    assert_null(build(g, r->id, r->bad));
    nn_status st = nn_graph_check(g);
    print_message("%s\n", nn_message());
    assert_true(st == NN_ESHAPE || st == NN_EINVAL);
    assert_fails(st, st, "sick");
    assert_fails(st, st, r->name);
    nn_graph_free(g);
    nn_params_free(params);
}

static void op_row_is_complete(void **state)
{
    const row *r = *state;
    const nn_op *op = nn_op_of(r->id);
    assert_string_equal(op->name, r->name);
    assert_true((op->backward == NULL) == ((op->flags & NN_FLAG_NO_GRAD) != 0));
    assert_true((op->forward == NULL) == (op->n_in_max == 0));
    assert_true(op->n_in_min <= op->n_in_max && op->n_in_max <= NN_MAX_IN);
}

/* ---- every check on every op ----------------------------------------------------------------- */

typedef struct check {
    const char *name;
    void (*run)(void **state);
    bool needs_examples;
} check;

static const check checks[] = {
    { "row", op_row_is_complete, false },     { "gradients", gradients, true },
    { "unwanted", unwanted_gradients, true }, { "added", added_gradients, true },
    { "in place", in_place, true },           { "threads", threads_agree, true },
    { "refusal", wrong_shapes, true },
};

enum { ROWS = sizeof rows / sizeof *rows, CHECKS = sizeof checks / sizeof *checks };

int main(void)
{
    static struct CMUnitTest tests[ROWS * CHECKS];
    static char names[ROWS * CHECKS][32];
    size_t n = 0;
    nn_kernels_init();
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < CHECKS; k++) {
            if (checks[k].needs_examples && rows[i].examples[0].n_in == 0)
                continue;
            snprintf(names[n], sizeof names[n], "%s: %s", rows[i].name, checks[k].name);
            tests[n] = (struct CMUnitTest){ names[n], checks[k].run, NULL, NULL,
                                            (void *)(uintptr_t)&rows[i] };
            n++;
        }
    return _cmocka_run_group_tests("ops", tests, n, NULL, NULL);
}
