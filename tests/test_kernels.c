/* Matrix product and depthwise kernels: every variant against C, the vector variants bit for bit.
 * With -b a bench: GFLOP/s of one thread, and the share of the measured peak. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <time.h>

#include "nn/kernels/conv.h"
#include "nn/kernels/gemm.h"
#include "runtime/cpu.h"
#include "tests/testing.h"

enum { VARIANTS = 3, MOST_RUNS = 6, MOST_LINES = 24 };

/* C, the first vectors of the processor, its best; nn_kernel is that table from now on. */
static void use_variant(int v)
{
    static const unsigned limit[VARIANTS] = { 0, RT_CPU_AVX2 | RT_CPU_NEON, ~0u };
    rt_cpu_limit(limit[v]);
    nn_kernels_init();
}

/* Guarded noise, misaligned by an odd number of elements. */
static nn_real *noise_new(size_t n, uint64_t seed)
{
    nn_real *x = test_guard_new((n + 1) * sizeof *x, sizeof(nn_real) * (seed % 7));
    test_noise(x, n + 1, seed);
    return x;
}

static int draw(uint64_t seed, uint64_t i, int lo, int hi)
{
    return test_noise_int(seed, i, lo, hi);
}

/* Against the C variant's result within the bound of the sum's rounding, and against the other
 * vector variant's bits; got[v] has n elements. */
static void compare_variants(nn_real *const got[VARIANTS], size_t n, size_t k, const char *what)
{
    for (int v = 1; v < VARIANTS; v++)
        for (size_t i = 0; i < n; i++)
            if (!(fabs((double)got[v][i] - (double)got[0][i]) <= 2.4e-7 * (double)(k + 4)))
                fail_msg("%s, variant %d: %g at %zu, C has %g", what, v, (double)got[v][i], i,
                         (double)got[0][i]);
    if (memcmp(got[1], got[2], n * sizeof(nn_real)) != 0)
        fail_msg("%s: the vector variants differ", what);
}

/* ---- matrix product -------------------------------------------------------------------------- */

typedef struct product {
    int lines, per_line, n, runs, len, pitch;
    bool add, bias;
} product;

typedef struct operands {
    nn_real *a, *b, *bias, *packed;
    const nn_real *a_line[MOST_LINES];
    ptrdiff_t a_run[MOST_RUNS], b_run[MOST_RUNS];
} operands;

static size_t k_of(const product *p)
{
    return (size_t)p->runs * (size_t)p->len;
}

static size_t rows_of(const product *p)
{
    return (size_t)p->lines * (size_t)p->per_line;
}

/* Rows of a overlap, and lines and runs lie anywhere, as in a convolution. */
static operands open_operands(const product *p, uint64_t seed)
{
    const size_t k = k_of(p);
    const int line = p->per_line * p->pitch;
    operands o = { .a = noise_new((size_t)(p->lines + 1) * (size_t)line + k * 2, seed),
                   .b = noise_new(k * (size_t)p->n, seed + 1),
                   .bias = noise_new((size_t)p->n, seed + 2),
                   .packed = test_guard_new(k * (size_t)p->n * sizeof(nn_real), 0) };
    for (int i = 0; i < p->lines; i++)
        o.a_line[i] = o.a + draw(seed, (uint64_t)i + 100, 0, p->lines * line);
    for (int r = 0; r < p->runs; r++) {
        o.a_run[r] = draw(seed, (uint64_t)r + 50, 0, (int)k - p->len + 1);
        o.b_run[r] = (ptrdiff_t)(p->runs - 1 - r) * p->len * p->n;
    }
    return o;
}

static void close_operands(operands *o)
{
    test_guard_check(o->packed);
    test_guard_free(o->a);
    test_guard_free(o->b);
    test_guard_free(o->bias);
    test_guard_free(o->packed);
}

static nn_real *multiply(const product *p, operands *o, uint64_t seed)
{
    nn_real *c = noise_new(rows_of(p) * (size_t)p->n, seed + 3), *c_line[MOST_LINES];
    ptrdiff_t work[MOST_RUNS];
    for (int i = 0; i < p->lines; i++)
        c_line[i] = c + (size_t)i * (size_t)p->per_line * (size_t)p->n;
    const nn_gemm_source b = { p->n, p->runs, p->len, o->b, o->b_run, p->n, 1 };
    nn_gemm_pack(o->packed, &b, 0, nn_gemm_panels(p->n));
    nn_gemm_rows(&(nn_gemm){ .lines = p->lines,
                             .per_line = p->per_line,
                             .n = p->n,
                             .runs = p->runs,
                             .len = p->len,
                             .a = o->a_line,
                             .a_pitch = p->pitch,
                             .a_run = o->a_run,
                             .b = o->packed,
                             .b_run = work,
                             .bias = p->bias ? o->bias : NULL,
                             .add = p->add,
                             .c = c_line,
                             .c_pitch = p->n });
    test_guard_check(c);
    return c;
}

/* The definition, for the C variant. */
static void check_product(const product *p, const operands *o, const nn_real *c, uint64_t seed)
{
    nn_real *before = noise_new(rows_of(p) * (size_t)p->n, seed + 3);
    for (int i = 0; i < p->lines * p->per_line; i++)
        for (int j = 0; j < p->n; j++) {
            const size_t at = (size_t)i * (size_t)p->n + (size_t)j;
            double sum = p->add ? (double)before[at] : p->bias ? (double)o->bias[j] : 0;
            const nn_real *a = o->a_line[i / p->per_line] + i % p->per_line * p->pitch;
            for (int r = 0; r < p->runs; r++)
                for (int s = 0; s < p->len; s++)
                    sum += (double)a[o->a_run[r] + s] *
                           (double)o->b[o->b_run[r] + (ptrdiff_t)s * p->n + j];
            if (!(fabs(sum - (double)c[at]) <= 2.4e-7 * (double)(k_of(p) + 4)))
                fail_msg("%dx%dx%d, k %d: %g, must be %g", p->lines, p->per_line, p->n,
                         (int)k_of(p), (double)c[at], sum);
        }
    test_guard_free(before);
}

/* Small ones, high ones, and ones of a long k in rows that collide in the first-level cache. */
static product draw_product(uint64_t seed)
{
    const bool is_long = seed % 10 == 8;
    const int most = seed % 10 == 9 ? 190 : 70, lines = draw(seed, 6, 1, is_long ? 3 : MOST_LINES);
    return (product){ .lines = lines,
                      .per_line = draw(seed, 0, 1, 1 + most / lines),
                      .n = draw(seed, 1, 1, most),
                      .runs = draw(seed, 2, 0, MOST_RUNS),
                      .len = draw(seed, 3, 1, is_long ? 1200 : 40),
                      .pitch = is_long ? 1024 : 3,
                      .add = draw(seed, 4, 0, 1) == 1,
                      .bias = draw(seed, 5, 0, 1) == 1 };
}

static void gemm_variants_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 250; seed++) {
        const product p = draw_product(seed);
        operands o = open_operands(&p, seed);
        nn_real *c[VARIANTS];
        for (int v = 0; v < VARIANTS; v++) {
            use_variant(v);
            c[v] = multiply(&p, &o, seed);
        }
        check_product(&p, &o, c[0], seed);
        compare_variants(c, rows_of(&p) * (size_t)p.n, k_of(&p), "gemm");
        for (int v = 0; v < VARIANTS; v++)
            test_guard_free(c[v]);
        close_operands(&o);
    }
}

static void transposes_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        const int steps = draw(seed, 0, 0, 70), columns = draw(seed, 1, 0, 40);
        const int from_row = steps + draw(seed, 2, 0, 3), to_row = columns + draw(seed, 3, 0, 3);
        nn_real *from = noise_new((size_t)(from_row * columns), seed);
        for (int v = 0; v < VARIANTS; v++) {
            const size_t n = (size_t)(steps * to_row);
            nn_real *to = noise_new(n, seed + 1), *before = noise_new(n, seed + 1);
            use_variant(v);
            nn_kernel.transpose(to, to_row, from, from_row, steps, columns);
            test_guard_check(to);
            for (int i = 0; i < steps * to_row; i++) {
                const int s = i / to_row, j = i % to_row;
                if (to[i] != (j < columns ? from[j * from_row + s] : before[i]))
                    fail_msg("transpose %dx%d, variant %d: wrong at %d", steps, columns, v, i);
            }
            test_guard_free(to);
            test_guard_free(before);
        }
        test_guard_free(from);
    }
}

static void gemm_columns_variants_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const int m = draw(seed, 0, 1, 70), n = draw(seed, 1, 1, 70), k = draw(seed, 2, 0, 70);
        nn_real *a = noise_new((size_t)(m * k), seed), *b = noise_new((size_t)(n * k), seed + 1);
        const ptrdiff_t start = 0;
        nn_real *c[VARIANTS];
        for (int v = 0; v < VARIANTS; v++) {
            use_variant(v);
            c[v] = noise_new((size_t)(m * n), seed + 2);
            nn_gemm_columns(&(nn_gemm_outer){ .m = m,
                                              .n = n,
                                              .runs = 1,
                                              .len = k,
                                              .a = a,
                                              .b = b,
                                              .a_run = &start,
                                              .b_run = &start,
                                              .a_step = m,
                                              .b_step = n,
                                              .c_step = n,
                                              .add = seed % 2,
                                              .c = c[v] });
            test_guard_check(c[v]);
        }
        for (int i = 0; i < m * n; i++) {
            double sum = 0;
            for (int s = 0; s < k; s++)
                sum += (double)a[s * m + i / n] * (double)b[s * n + i % n];
            if (seed % 2 == 0 && fabs(sum - (double)c[0][i]) > 2.4e-7 * (k + 4))
                fail_msg("columns %d %d %d: %g, must be %g", m, n, k, (double)c[0][i], sum);
        }
        compare_variants(c, (size_t)(m * n), (size_t)k, "gemm columns");
        for (int v = 0; v < VARIANTS; v++)
            test_guard_free(c[v]);
        test_guard_free(a);
        test_guard_free(b);
    }
}

/* ---- depthwise ------------------------------------------------------------------------------- */

enum { PIXELS = 40, TAPS = 30 };

typedef struct depthwise {
    int pixels, channels, taps;
    nn_real *x, *w, *bias;
    const nn_real *at[PIXELS];
    ptrdiff_t x_tap[TAPS], w_tap[TAPS];
} depthwise;

static depthwise open_depthwise(uint64_t seed)
{
    depthwise d = { draw(seed, 0, 0, PIXELS), draw(seed, 1, 1, 70), draw(seed, 2, 0, TAPS),
                    .x = NULL };
    d.x = noise_new(5000, seed);
    d.w = noise_new((size_t)(d.channels * TAPS), seed + 1);
    d.bias = noise_new((size_t)d.channels, seed + 2);
    for (int i = 0; i < PIXELS; i++)
        d.at[i] = d.x + draw(seed, 10 + (uint64_t)i, 0, 2400);
    for (int t = 0; t < TAPS; t++) {
        d.x_tap[t] = draw(seed, 60 + (uint64_t)t, 0, 2400);
        d.w_tap[t] = (ptrdiff_t)(TAPS - 1 - t) * d.channels;
    }
    return d;
}

static void close_depthwise(depthwise *d)
{
    test_guard_free(d->x);
    test_guard_free(d->w);
    test_guard_free(d->bias);
}

static void dw_tile_variants_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 120; seed++) {
        depthwise d = open_depthwise(seed);
        nn_real *y[VARIANTS], *row[PIXELS];
        const size_t n = (size_t)d.pixels * (size_t)d.channels;
        for (int v = 0; v < VARIANTS; v++) {
            use_variant(v);
            y[v] = noise_new(n, seed + 3);
            for (int i = 0; i < d.pixels; i++)
                row[i] = y[v] + i * d.channels;
            nn_kernel.dw_tile(&(nn_dw_tile){ d.pixels, d.channels, d.taps, d.at, d.x_tap, d.w,
                                             d.w_tap, seed % 2 ? d.bias : NULL, seed % 3 == 0,
                                             row });
            test_guard_check(y[v]);
        }
        compare_variants(y, n, (size_t)d.taps, "depthwise");
        for (int v = 0; v < VARIANTS; v++)
            test_guard_free(y[v]);
        close_depthwise(&d);
    }
}

static void dw_grad_variants_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 120; seed++) {
        depthwise d = open_depthwise(seed);
        const nn_real *dy[PIXELS];
        nn_real *dw[VARIANTS];
        const size_t n = (size_t)d.taps * (size_t)d.channels;
        for (int i = 0; i < PIXELS; i++)
            dy[i] = d.at[PIXELS - 1 - i];
        for (int v = 0; v < VARIANTS; v++) {
            use_variant(v);
            dw[v] = noise_new(n, seed + 3);
            nn_kernel.dw_grad(
                &(nn_dw_grad){ d.pixels, d.channels, d.taps, d.at, d.x_tap, dy, dw[v] });
            test_guard_check(dw[v]);
        }
        compare_variants(dw, n, (size_t)d.pixels, "depthwise gradient");
        for (int v = 0; v < VARIANTS; v++)
            test_guard_free(dw[v]);
        close_depthwise(&d);
    }
}

/* ---- geometry -------------------------------------------------------------------------------- */

/* Every pixel of dx belongs to one phase, every tap of every pixel to one phase. */
static void phases_cover_the_input(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        nn_conv_geom g = { .n = 1, .c = 1, .o = 1, .kh = draw(seed, 0, 1, 6), .kw = 1 };
        g.h = draw(seed, 1, 1, 20);
        g.oh = draw(seed, 2, 1, 10);
        g.stride_h = draw(seed, 3, 1, 5);
        g.dil_h = draw(seed, 4, 1, 4);
        g.pad_t = draw(seed, 5, 0, 6);
        g.w = g.ow = g.stride_w = g.dil_w = 1;
        int want = 0, got = 0, pixels = 0;
        for (int i = 0; i < g.oh; i++)
            for (int k = 0; k < g.kh; k++) {
                const int y = i * g.stride_h - g.pad_t + k * g.dil_h;
                want += y >= 0 && y < g.h;
            }
        for (int f = 0; f < nn_conv_phases(&g); f++) {
            const nn_conv_pass p = nn_conv_backward(&g, f);
            pixels += p.h.out;
            for (int i = 0; i < p.h.out; i++)
                for (int t = 0; t < p.h.taps; t++) {
                    const int y = i + p.h.off_first + t * p.h.off_step;
                    got += y >= 0 && y < g.oh;
                }
        }
        assert_int_equal(pixels, g.h);
        assert_int_equal(got, want);
    }
}

/* ---- bench ----------------------------------------------------------------------------------- */

/* Processor time of this thread: other programs disturb it less than the clock. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The tile on one line of each operand: nothing but multiply-adds. */
static double measure_peak(void)
{
    static nn_real a[16], b[64], c[16][64];
    static const ptrdiff_t zero = 0;
    const nn_real *a_row[16];
    nn_real *c_row[16];
    for (int i = 0; i < 16; i++) {
        a_row[i] = a + i;
        c_row[i] = c[i];
    }
    enum { STEPS = 200000 };
    const nn_gemm_tile t = { nn_kernel.gemm_m,
                             nn_kernel.gemm_n,
                             1,
                             STEPS,
                             a_row,
                             1,
                             &zero,
                             0,
                             b,
                             &zero,
                             0,
                             NULL,
                             false,
                             c_row };
    double best = 0;
    for (int i = 0; i < 12; i++) {
        const double start = now();
        nn_kernel.gemm_tile(&t);
        const double rate = 2e-9 * STEPS * t.m * t.n / (now() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

typedef struct shape {
    const char *name;
    int lines, per_line, n, runs, len; /* a convolution of 3 x 3 has 3 runs */
    int pitch, line;                   /* distance of rows, of runs */
} shape;

static double bench_shape(const shape *s)
{
    const size_t k = (size_t)s->runs * (size_t)s->len, rows = (size_t)(s->lines * s->per_line);
    const size_t image = ((size_t)s->lines + 2) * (size_t)(s->line > 0 ? s->line : s->pitch);
    nn_real *a = calloc(image + rows * (size_t)s->pitch + k, sizeof *a);
    nn_real *b = calloc(k * (size_t)s->n, sizeof *b);
    nn_real *c = calloc(rows * (size_t)s->n, sizeof *c);
    const nn_real **a_line = calloc((size_t)s->lines, sizeof *a_line);
    nn_real **c_line = calloc((size_t)s->lines, sizeof *c_line);
    const ptrdiff_t run[3] = { 0, s->line, 2 * s->line };
    ptrdiff_t work[3];
    for (int i = 0; i < s->lines; i++) {
        a_line[i] = a + (size_t)i * (size_t)s->line;
        c_line[i] = c + (size_t)i * (size_t)s->per_line * (size_t)s->n;
    }
    const nn_gemm g = { .lines = s->lines,
                        .per_line = s->per_line,
                        .n = s->n,
                        .runs = s->runs,
                        .len = s->len,
                        .a = a_line,
                        .a_pitch = s->pitch,
                        .a_run = run,
                        .b = b,
                        .b_run = work,
                        .c = c_line,
                        .c_pitch = s->n };
    const double flops = 2.0 * (double)rows * s->n * (double)k;
    const int repeat = 1 + (int)(2e8 / flops);
    double best = 0;
    for (int i = 0; i < 10; i++) {
        const double start = now();
        for (int r = 0; r < repeat; r++)
            nn_gemm_rows(&g);
        const double rate = 1e-9 * flops * repeat / (now() - start);
        best = rate > best ? rate : best;
    }
    free(a);
    free(b);
    free(c);
    free(a_line);
    free(c_line);
    return best;
}

static void bench(void)
{
    static const shape shapes[] = {
        { "matrix 512 512 512", 1, 512, 512, 1, 512, 512, 0 },
        { "matrix 1024 1024 1024", 1, 1024, 1024, 1, 1024, 1024, 0 },
        { "3x3 16 channels 32x32", 32, 32, 16, 3, 48, 16, 34 * 16 },
        { "3x3 32 channels 16x16", 16, 16, 32, 3, 96, 32, 18 * 32 },
        { "3x3 64 channels 8x8", 8, 8, 64, 3, 192, 64, 10 * 64 },
        { "3x3 512 channels 14x14", 14, 14, 512, 3, 1536, 512, 16 * 512 },
        { "1x1 64 to 128 channels", 1, 1024, 128, 1, 64, 64, 0 },
        { "1x1 512 to 512 channels", 1, 196, 512, 1, 512, 512, 0 },
        { "1x1 1024 to 1024 channels", 1, 49, 1024, 1, 1024, 1024, 0 },
    };
    for (int v = 0; v < VARIANTS; v++) {
        use_variant(v);
        const double peak = measure_peak();
        printf("%s: peak %.1f GFLOP/s\n", nn_kernel.isa, peak);
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            const double rate = bench_shape(&shapes[i]);
            printf("  %-28s %7.1f GFLOP/s  %3.0f %%\n", shapes[i].name, rate, 100 * rate / peak);
        }
    }
}

/* Kernels of another thread may be running. */
static void a_filled_table_is_left_alone(void **state)
{
    (void)state;
    static const char mark[] = "filled";
    rt_cpu_limit(~0u);
    nn_kernels_init();
    nn_kernel.isa = mark;
    nn_kernels_init();
    assert_ptr_equal(nn_kernel.isa, mark);
    rt_cpu_limit(0);
    nn_kernels_init();
    assert_string_equal(nn_kernel.isa, "c");
    rt_cpu_limit(~0u);
    nn_kernels_init();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        bench();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_variants_agree),
        cmocka_unit_test(gemm_columns_variants_agree),
        cmocka_unit_test(transposes_agree),
        cmocka_unit_test(dw_tile_variants_agree),
        cmocka_unit_test(dw_grad_variants_agree),
        cmocka_unit_test(phases_cover_the_input),
        cmocka_unit_test(a_filled_table_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
