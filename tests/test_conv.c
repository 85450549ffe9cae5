/* conv2d, by Winograd's method too, dwconv2d and dense against the sums of their definition in
 * double: forward, gradients of all inputs, accumulation, unwanted gradients, and equal bits on 1,
 * 2 and 7 threads.  With -b a bench of typical layers. */
#include <omp.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"
#include "nn/op.h"
#include "runtime/cpu.h"
#include "tests/testing.h"

#ifdef NN_F64
static const double BOUND = 1e-12;
#else
static const double BOUND = 2e-5;
#endif

/* A node and the memory for one pass through it. */
typedef struct bench {
    nn_node node, in[3];
    int batch;
    size_t count[3], y_count;
    nn_real *x[3], *dx[3], *y, *dy;
    void *scratch;
} bench;

static void open_bench(bench *b, const nn_op *op, nn_window w, nn_shape x, nn_shape weight,
                       int bias, int batch)
{
    memset(b, 0, sizeof *b);
    b->in[0].shape = x;
    b->in[1].shape = weight;
    b->in[2].shape = NN_SHAPE(bias > 0 ? bias : 1);
    b->node = (nn_node){ .op = op, .name = "layer", .n_in = bias > 0 ? 3 : 2 };
    b->node.attr.window = w;
    b->batch = batch;
    for (int i = 0; i < 3; i++)
        b->node.in[i] = &b->in[i];
}

static void fill_bench(bench *b, uint64_t seed)
{
    b->y_count = nn_shape_count_batch(b->node.shape, b->batch);
    b->y = test_guard_new(b->y_count * sizeof(nn_real), 0);
    b->dy = test_guard_new(b->y_count * sizeof(nn_real), 4 * sizeof(nn_real));
    test_noise(b->dy, b->y_count, seed);
    for (int i = 0; i < b->node.n_in; i++) {
        b->count[i] = nn_shape_count_batch(b->in[i].shape, b->batch);
        b->x[i] = test_guard_new(b->count[i] * sizeof(nn_real), sizeof(nn_real));
        b->dx[i] = test_guard_new(b->count[i] * sizeof(nn_real), 0);
        test_noise(b->x[i], b->count[i], seed + 1 + (uint64_t)i);
        test_noise(b->dx[i], b->count[i], seed + 9 + (uint64_t)i);
    }
    b->scratch = test_guard_new(b->node.op->need(&b->node, b->batch, true).scratch, 0);
}

static void close_bench(bench *b)
{
    test_guard_free(b->y);
    test_guard_free(b->dy);
    test_guard_free(b->scratch);
    for (int i = 0; i < b->node.n_in; i++) {
        test_guard_free(b->x[i]);
        test_guard_free(b->dx[i]);
    }
}

static nn_call call_of(const bench *b)
{
    nn_call c = {
        .node = &b->node, .batch = b->batch, .y = b->y, .dy = b->dy, .scratch = b->scratch
    };
    for (int i = 0; i < b->node.n_in; i++) {
        c.x[i] = b->x[i];
        c.dx[i] = b->dx[i];
    }
    return c;
}

/* ---- the definition -------------------------------------------------------------------------- */

typedef struct sums {
    double *y, *dx[3];
} sums;

static void open_sums(sums *s, const bench *b)
{
    s->y = calloc(b->y_count, sizeof(double));
    for (int i = 0; i < 3; i++)
        s->dx[i] = calloc(b->count[i] + 1, sizeof(double));
}

static void close_sums(sums *s)
{
    free(s->y);
    for (int i = 0; i < 3; i++)
        free(s->dx[i]);
}

/* One product of the sum: y[iy] += x[ix] w[iw], and its three derivatives. */
static void meet(const bench *b, sums *s, size_t iy, size_t ix, size_t iw)
{
    s->y[iy] += (double)b->x[0][ix] * (double)b->x[1][iw];
    s->dx[0][ix] += (double)b->dy[iy] * (double)b->x[1][iw];
    s->dx[1][iw] += (double)b->dy[iy] * (double)b->x[0][ix];
}

static void define_bias(const bench *b, sums *s)
{
    size_t o = b->count[2];
    for (size_t i = 0; b->node.n_in > 2 && i < b->y_count; i++) {
        s->y[i] += (double)b->x[2][i % o];
        s->dx[2][i % o] += (double)b->dy[i];
    }
}

/* All input channels of one output element at one tap. */
static void meet_channels(const bench *b, sums *s, size_t iy, size_t pixel, int tap)
{
    const nn_shape x = b->in[0].shape, w = b->in[1].shape, y = b->node.shape;
    const size_t c = (size_t)x.dim[3], o = iy % (size_t)y.dim[3];
    const size_t taps = (size_t)(w.dim[1] * w.dim[2]);
    if (b->node.op == &nn_op_dwconv2d) {
        meet(b, s, iy, pixel * c + o / ((size_t)y.dim[3] / c), (size_t)tap * (size_t)y.dim[3] + o);
        return;
    }
    for (size_t i = 0; i < c; i++)
        meet(b, s, iy, pixel * c + i, (o * taps + (size_t)tap) * c + i);
}

static void define_conv(const bench *b, sums *s)
{
    const nn_shape x = b->in[0].shape, y = b->node.shape;
    const nn_window *w = &b->node.attr.window;
    define_bias(b, s);
    for (size_t iy = 0; iy < b->y_count; iy++) {
        const size_t at = iy / (size_t)y.dim[3];
        const int j = (int)(at % (size_t)y.dim[2]), i = (int)(at / (size_t)y.dim[2]) % y.dim[1];
        const int n = (int)(at / (size_t)(y.dim[1] * y.dim[2]));
        for (int tap = 0; tap < w->kernel_h * w->kernel_w; tap++) {
            const int h = i * w->stride_h - w->top + tap / w->kernel_w * w->dilation_h;
            const int v = j * w->stride_w - w->left + tap % w->kernel_w * w->dilation_w;
            if (h >= 0 && h < x.dim[1] && v >= 0 && v < x.dim[2])
                meet_channels(b, s, iy, (size_t)((n * x.dim[1] + h) * x.dim[2] + v), tap);
        }
    }
}

static void define_dense(const bench *b, sums *s)
{
    const size_t in = (size_t)b->in[0].shape.dim[1], out = (size_t)b->node.shape.dim[1];
    define_bias(b, s);
    for (size_t iy = 0; iy < b->y_count; iy++)
        for (size_t i = 0; i < in; i++)
            meet(b, s, iy, iy / out * in + i, iy % out * in + i);
}

/* ---- comparison ------------------------------------------------------------------------------ */

/* Against before + sum (before: NULL for 0), relative to the largest value. */
static void compare(const nn_real *got, const nn_real *before, const double *sum, size_t n,
                    const char *what, const char *layer)
{
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < n; i++) {
        const double want = sum[i] + (before ? (double)before[i] : 0), d = got[i] - want;
        worst = d > worst ? d : -d > worst ? -d : worst;
        largest = want > largest ? want : -want > largest ? -want : largest;
        if (d != d)
            fail_msg("%s of %s: NaN at %zu", what, layer, i);
    }
    if (worst > BOUND * largest)
        fail_msg("%s of %s: off by %g of %g", what, layer, worst, largest);
}

static nn_real *copy_of(const nn_real *x, size_t n)
{
    nn_real *c = malloc((n + 1) * sizeof *c);
    assert_non_null(c);
    memcpy(c, x, n * sizeof *c);
    return c;
}

static void check_guards(const bench *b)
{
    test_guard_check(b->y);
    test_guard_check(b->scratch);
    for (int i = 0; i < b->node.n_in; i++)
        test_guard_check(b->dx[i]);
}

static void check_sums(bench *b, const sums *s, const char *text)
{
    static const char *const what[] = { "dx", "dw", "dbias" };
    nn_call c = call_of(b);
    b->node.op->forward(&c);
    compare(b->y, NULL, s->y, b->y_count, "y", text);
    for (int add = 0; add < 2; add++) {
        nn_real *before[3];
        for (int i = 0; i < b->node.n_in; i++) {
            before[i] = copy_of(b->dx[i], b->count[i]);
            c.add[i] = add;
        }
        b->node.op->backward(&c);
        for (int i = 0; i < b->node.n_in; i++) {
            compare(b->dx[i], add ? before[i] : NULL, s->dx[i], b->count[i], what[i], text);
            free(before[i]);
        }
    }
    check_guards(b);
}

/* One wanted gradient at a time: the others stay as they are. */
static void check_unwanted(bench *b)
{
    for (int wanted = 0; wanted < b->node.n_in; wanted++) {
        nn_call c = call_of(b);
        for (int i = 0; i < b->node.n_in; i++)
            c.dx[i] = i == wanted ? b->dx[i] : NULL;
        b->node.op->backward(&c);
    }
}

static void check_threads(bench *b)
{
    static const int threads[] = { 1, 2, 7 };
    const int before = omp_get_max_threads();
    nn_call c = call_of(b);
    nn_real *first[4] = { NULL };
    for (int t = 0; t < 3; t++) {
        omp_set_num_threads(threads[t]);
        b->node.op->forward(&c);
        b->node.op->backward(&c);
        omp_set_num_threads(before);
        for (int i = 0; i <= b->node.n_in; i++) {
            const nn_real *now = i < b->node.n_in ? b->dx[i] : b->y;
            const size_t n = i < b->node.n_in ? b->count[i] : b->y_count;
            if (t == 0)
                first[i] = copy_of(now, n);
            else
                assert_memory_equal(now, first[i], n * sizeof *now);
        }
    }
    for (int i = 0; i < 4; i++)
        free(first[i]);
}

static void check_layer(bench *b, void (*define)(const bench *, sums *), const char *text)
{
    sums s;
    fill_bench(b, 3);
    open_sums(&s, b);
    define(b, &s);
    check_sums(b, &s, text);
    check_unwanted(b);
    check_threads(b);
    close_sums(&s);
    close_bench(b);
}

/* ---- cases ----------------------------------------------------------------------------------- */

typedef struct conv_case {
    int n, h, w, c, o; /* depthwise: o = c * multiplier */
    int kh, kw, sh, sw, dh, dw;
    nn_padding padding;
    int top, bottom, left, right, bias;
} conv_case;

static const char *text_of(const conv_case *k)
{
    static char text[160];
    snprintf(text, sizeof text, "[%d,%d,%d,%d]->%d kernel %dx%d stride %dx%d dilation %dx%d pad %d",
             k->n, k->h, k->w, k->c, k->o, k->kh, k->kw, k->sh, k->sw, k->dh, k->dw,
             (int)k->padding);
    return text;
}

static nn_window window_of(const conv_case *k)
{
    return (nn_window){ k->kh,      k->kw,  k->sh,     k->sw,   k->dh,   k->dw,
                        k->padding, k->top, k->bottom, k->left, k->right };
}

static void check_conv(const conv_case *k, const nn_op *op)
{
    const bool depthwise = op == &nn_op_dwconv2d;
    bench b;
    open_bench(&b, op, window_of(k), NN_SHAPE(NN_BATCH, k->h, k->w, k->c),
               depthwise ? NN_SHAPE(1, k->kh, k->kw, k->o) : NN_SHAPE(k->o, k->kh, k->kw, k->c),
               k->bias ? k->o : 0, k->n);
    assert_ok(op->infer(&b.node));
    check_layer(&b, define_conv, text_of(k));
}

static const conv_case conv_cases[] = {
    { 2, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 3, 9, 7, 3, 5, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 2, 9, 8, 5, 33, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    { 2, 8, 8, 7, 17, 1, 1, 1, 1, 1, 1, NN_VALID, 0, 0, 0, 0, 1 },
    { 2, 9, 9, 7, 17, 1, 1, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    { 1, 11, 13, 4, 6, 5, 2, 3, 2, 1, 1, NN_VALID, 0, 0, 0, 0, 1 },
    { 1, 11, 13, 4, 6, 3, 3, 1, 1, 2, 3, NN_SAME, 0, 0, 0, 0, 1 },
    { 2, 12, 10, 3, 4, 3, 2, 2, 3, 2, 2, NN_SAME, 0, 0, 0, 0, 0 },
    { 1, 12, 10, 3, 4, 4, 4, 4, 4, 6, 3, NN_EXPLICIT, 7, 8, 2, 9, 1 },
    { 1, 5, 6, 2, 3, 3, 3, 2, 1, 1, 1, NN_EXPLICIT, 4, 0, 0, 5, 0 },
    { 1, 4, 4, 2, 3, 3, 3, 1, 1, 9, 9, NN_SAME, 0, 0, 0, 0, 1 },
    { 1, 3, 3, 2, 3, 2, 2, 5, 5, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 5, 1, 1, 9, 4, 1, 1, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 33, 4, 4, 8, 40, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 1, 70, 65, 3, 8, 7, 7, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    { 3, 14, 14, 70, 66, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
};

static const conv_case dwconv_cases[] = {
    { 2, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 3, 9, 7, 35, 35, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 2, 9, 8, 5, 15, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    { 1, 9, 8, 1, 8, 4, 5, 2, 3, 2, 1, NN_VALID, 0, 0, 0, 0, 1 },
    { 2, 11, 9, 4, 8, 5, 5, 3, 2, 1, 2, NN_SAME, 0, 0, 0, 0, 0 },
    { 1, 5, 6, 2, 2, 3, 3, 2, 1, 1, 1, NN_EXPLICIT, 4, 0, 0, 5, 0 },
    { 1, 4, 4, 20, 20, 3, 3, 1, 1, 9, 9, NN_SAME, 0, 0, 0, 0, 1 },
    { 2, 6, 6, 70, 70, 1, 1, 1, 1, 1, 1, NN_VALID, 0, 0, 0, 0, 1 },
    { 40, 7, 7, 64, 64, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    { 1, 60, 50, 12, 12, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
};

/* 3x3 at stride 1: tiles whole and cut, vectors whole and cut, one block and several. */
static const conv_case winograd_cases[] = {
    { 2, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 3, 9, 7, 3, 5, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 1, 3, 3, 17, 19, 3, 3, 1, 1, 1, 1, NN_VALID, 0, 0, 0, 0, 0 },
    { 2, 13, 11, 31, 33, 3, 3, 1, 1, 1, 1, NN_VALID, 0, 0, 0, 0, 1 },
    { 1, 6, 5, 40, 24, 3, 3, 1, 1, 1, 1, NN_EXPLICIT, 5, 0, 1, 9, 1 },
    { 1, 1, 1, 2, 3, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
    { 7, 33, 17, 16, 20, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    { 2, 14, 14, 130, 65, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 1 },
};

static void conv2d_is_its_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conv_cases / sizeof conv_cases[0]; i++)
        check_conv(&conv_cases[i], &nn_op_conv2d);
}

static void winograd_is_its_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof winograd_cases / sizeof winograd_cases[0]; i++)
        check_conv(&winograd_cases[i], &nn_op_winograd);
}

static void dwconv2d_is_its_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dwconv_cases / sizeof dwconv_cases[0]; i++)
        check_conv(&dwconv_cases[i], &nn_op_dwconv2d);
}

static void dense_is_its_sum(void **state)
{
    (void)state;
    static const int sizes[][4] = {
        { 1, 1, 1, 1 }, { 5, 7, 3, 0 }, { 64, 100, 10, 1 }, { 130, 70, 33, 1 }, { 57, 300, 257, 1 }
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int *s = sizes[i];
        bench b;
        char text[64];
        snprintf(text, sizeof text, "dense [%d,%d]->%d", s[0], s[1], s[2]);
        open_bench(&b, &nn_op_dense, (nn_window){ 0 }, NN_SHAPE(NN_BATCH, s[1]),
                   NN_SHAPE(s[2], s[1]), s[3] ? s[2] : 0, s[0]);
        assert_ok(nn_op_dense.infer(&b.node));
        check_layer(&b, define_dense, text);
    }
}

static void check_random_tiles(void)
{
    for (uint64_t i = 0; i < 20; i++) {
        conv_case k = { .kh = 3, .kw = 3, .sh = 1, .sw = 1, .dh = 1, .dw = 1 };
        int *size[] = { &k.n, &k.h, &k.w, &k.c, &k.o, &k.top, &k.bottom, &k.left, &k.right };
        static const int most[] = { 4, 15, 15, 40, 40, 4, 4, 4, 4 };
        for (size_t j = 0; j < 9; j++)
            *size[j] = test_noise_int(i, 30 + j, 1, most[j]);
        k.padding = i % 2 ? NN_SAME : NN_EXPLICIT;
        k.bias = i % 3 == 0;
        check_conv(&k, &nn_op_winograd);
    }
}

static void check_random_windows(void)
{
    for (uint64_t i = 0; i < 40; i++) {
        conv_case k = { .n = test_noise_int(i, 0, 1, 4), .bias = test_noise_int(i, 1, 0, 1) };
        int *size[] = { &k.h, &k.w, &k.c, &k.o, &k.kh, &k.kw, &k.sh, &k.sw, &k.dh, &k.dw };
        static const int most[] = { 15, 15, 20, 20, 5, 5, 4, 4, 3, 3 };
        for (size_t j = 0; j < 10; j++)
            *size[j] = test_noise_int(i, 2 + j, 1, most[j]);
        k.padding = i % 2 ? NN_SAME : NN_EXPLICIT;
        k.top = k.bottom = (k.kh - 1) * k.dh;
        k.left = (k.kw - 1) * k.dw;
        k.right = test_noise_int(i, 20, 0, 3);
        check_conv(&k, &nn_op_conv2d);
        k.o = k.c * test_noise_int(i, 21, 1, 3);
        check_conv(&k, &nn_op_dwconv2d);
    }
}

/* With every variant of the kernels that this processor has. */
static void random_windows(void **state)
{
    (void)state;
    static const unsigned limit[] = { 0, RT_CPU_AVX2, ~0u };
    for (int i = 0; i < 3; i++) {
        rt_cpu_limit(limit[i]);
        nn_kernels_init();
        check_random_windows();
        check_random_tiles();
    }
}

static void free_results(nn_real **results)
{
    for (int i = 0; i < 4; i++)
        free(results[i]);
}

/* y, dx, dw and dbias, as the variants that `limit` allows compute them. */
static void find_results(nn_real **results, bench *b, unsigned limit)
{
    nn_call c = call_of(b);
    rt_cpu_limit(limit);
    nn_kernels_init();
    b->node.op->forward(&c);
    b->node.op->backward(&c);
    for (int i = 0; i < 3; i++)
        results[i] = copy_of(b->dx[i], b->count[i]);
    results[3] = copy_of(b->y, b->y_count);
}

/* Vectors of eight floats and of sixteen. */
static void vectors_change_no_bit(void **state)
{
    (void)state;
    rt_cpu_limit(~0u);
    if ((rt_cpu_flags() & RT_CPU_AVX512) == 0)
        test_skip("this processor has one kind of vectors");
    for (size_t i = 0; i < sizeof winograd_cases / sizeof winograd_cases[0]; i++) {
        conv_case k = winograd_cases[i];
        bench b;
        nn_real *narrow[4], *wide[4];
        open_bench(&b, &nn_op_winograd, window_of(&k), NN_SHAPE(NN_BATCH, k.h, k.w, k.c),
                   NN_SHAPE(k.o, 3, 3, k.c), k.o, k.n);
        assert_ok(nn_op_winograd.infer(&b.node));
        fill_bench(&b, 3);
        find_results(narrow, &b, RT_CPU_AVX2);
        find_results(wide, &b, ~0u);
        for (int r = 0; r < 4; r++)
            assert_memory_equal(narrow[r], wide[r],
                                (r < 3 ? b.count[r] : b.y_count) * sizeof(nn_real));
        free_results(narrow);
        free_results(wide);
        close_bench(&b);
    }
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void shapes_are_checked(void **state)
{
    (void)state;
    bench b;
    const nn_window w = { 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0 };
    const nn_shape x = NN_SHAPE(NN_BATCH, 8, 8, 3);
    open_bench(&b, &nn_op_conv2d, w, x, NN_SHAPE(8, 3, 3, 4), 0, 1);
    assert_fails(nn_op_conv2d.infer(&b.node), NN_ESHAPE, "layer: weight is [8,3,3,4]");
    open_bench(&b, &nn_op_conv2d, w, x, NN_SHAPE(8, 3, 3, 3), 9, 1);
    assert_fails(nn_op_conv2d.infer(&b.node), NN_ESHAPE, "bias is [9], must be [8]");
    open_bench(&b, &nn_op_dwconv2d, w, x, NN_SHAPE(1, 3, 3, 4), 0, 1);
    assert_fails(nn_op_dwconv2d.infer(&b.node), NN_ESHAPE, "multiple of 3");
    open_bench(&b, &nn_op_dense, w, x, NN_SHAPE(8, 3), 0, 1);
    assert_fails(nn_op_dense.infer(&b.node), NN_ESHAPE, "flatten");
    open_bench(&b, &nn_op_dense, w, NN_SHAPE(NN_BATCH, 4), NN_SHAPE(8, 3), 0, 1);
    assert_fails(nn_op_dense.infer(&b.node), NN_ESHAPE, "[O,4]");
}

/* ---- bench ----------------------------------------------------------------------------------- */

/* Seconds of the best of some passes; wanted: -1 forward, else the input whose gradient is
 * taken. */
static double time_pass(const bench *b, int wanted)
{
    nn_call c = call_of(b);
    double best = 1e9;
    for (int i = 0; i < 3; i++)
        c.dx[i] = i == wanted ? c.dx[i] : NULL;
    for (int i = 0; i < 5; i++) {
        const double start = omp_get_wtime();
        if (wanted < 0)
            b->node.op->forward(&c);
        else
            b->node.op->backward(&c);
        const double t = omp_get_wtime() - start;
        best = t < best ? t : best;
    }
    return best;
}

static void bench_conv(const conv_case *k, const nn_op *op)
{
    const bool depthwise = op == &nn_op_dwconv2d;
    bench b;
    open_bench(&b, op, window_of(k), NN_SHAPE(NN_BATCH, k->h, k->w, k->c),
               depthwise ? NN_SHAPE(1, k->kh, k->kw, k->o) : NN_SHAPE(k->o, k->kh, k->kw, k->c), 0,
               k->n);
    assert_ok(op->infer(&b.node));
    fill_bench(&b, 1);
    const double flops = 2.0 * (double)b.y_count * k->kh * k->kw * (depthwise ? 1 : k->c);
    printf("%-62s", text_of(k));
    for (int pass = -1; pass < 2; pass++) {
        const double t = time_pass(&b, pass);
        printf(" %6.2f ms %5.1f", 1e3 * t, 1e-9 * flops / t);
    }
    printf("\n");
    close_bench(&b);
}

/* ResNet-20 on CIFAR, batch 128; MobileNetV1 (width 1, 128 x 128), batch 16. */
static void bench_layers(void)
{
    static const conv_case conv[] = {
        { 128, 32, 32, 3, 16, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 128, 32, 32, 16, 16, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 128, 32, 32, 16, 32, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 128, 16, 16, 32, 32, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 128, 16, 16, 32, 64, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 128, 8, 8, 64, 64, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 128, 128, 3, 32, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 64, 64, 32, 64, 1, 1, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 16, 16, 256, 256, 1, 1, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 8, 8, 512, 512, 1, 1, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 4, 4, 1024, 1024, 1, 1, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    };
    static const conv_case depthwise[] = {
        { 16, 64, 64, 32, 32, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 64, 64, 64, 64, 3, 3, 2, 2, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 16, 16, 256, 256, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
        { 16, 8, 8, 512, 512, 3, 3, 1, 1, 1, 1, NN_SAME, 0, 0, 0, 0, 0 },
    };
    printf("%d threads, %s; forward, dx, dw: ms and GFLOP/s\n", omp_get_max_threads(),
           nn_kernel.isa);
    for (size_t i = 0; i < sizeof conv / sizeof conv[0]; i++)
        bench_conv(&conv[i], &nn_op_conv2d);
    for (size_t i = 0; i < sizeof depthwise / sizeof depthwise[0]; i++)
        bench_conv(&depthwise[i], &nn_op_dwconv2d);
}

int main(int argc, char **argv)
{
    nn_kernels_init();
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        bench_layers();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_is_its_sum),     cmocka_unit_test(winograd_is_its_sum),
        cmocka_unit_test(vectors_change_no_bit), cmocka_unit_test(dwconv2d_is_its_sum),
        cmocka_unit_test(dense_is_its_sum),      cmocka_unit_test(random_windows),
        cmocka_unit_test(shapes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
