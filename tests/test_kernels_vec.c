/* Vector kernels: every variant gives the bits of the definition, over short and long vectors,
 * misaligned, in place, with guard bytes.  With -b a bench in GB/s. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <time.h>

#include "nn/base/affine.h"
#include "nn/kernels/kernels.h"
#include "runtime/cpu.h"
#include "tests/testing.h"

enum { VARIANTS = 3, MOST = 700 };

static void use_variant(int v)
{
    static const unsigned limit[VARIANTS] = { 0, RT_CPU_AVX2, ~0u };
    rt_cpu_limit(limit[v]);
    nn_kernels_init();
}

/* Three inputs and an output of n elements; `want` begins as the output does. */
typedef struct vectors {
    size_t n;
    nn_real *x, *y, *z, *out, *want, *second, *want_second;
} vectors;

static nn_real *noise_new(size_t n, uint64_t seed)
{
    nn_real *x = test_guard_new(n * sizeof *x, sizeof(nn_real) * (seed % 5));
    test_noise(x, n, seed);
    return x;
}

static vectors open_vectors(size_t n, uint64_t seed)
{
    vectors v = { n,
                  noise_new(n, seed),
                  noise_new(n, seed + 1),
                  noise_new(n, seed + 2),
                  noise_new(n, seed + 3),
                  noise_new(n, seed + 3),
                  noise_new(n, seed + 4),
                  noise_new(n, seed + 4) };
    for (size_t i = 0; i < n; i += 13) /* values on the limits that the tests use */
        v.x[i] = (nn_real)(i % 3) / 2 - (nn_real)0.5;
    return v;
}

static void close_vectors(vectors *v, const char *what)
{
    test_guard_check(v->out);
    test_guard_check(v->second);
    if (memcmp(v->out, v->want, v->n * sizeof(nn_real)) != 0 ||
        memcmp(v->second, v->want_second, v->n * sizeof(nn_real)) != 0)
        fail_msg("%s of %zu elements differs from its definition", what, v->n);
    nn_real *all[] = { v->x, v->y, v->z, v->out, v->want, v->second, v->want_second };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        test_guard_free(all[i]);
}

/* Runs `check` on every variant and many lengths. */
static void each_length(void (*check)(size_t n, uint64_t seed))
{
    for (int v = 0; v < VARIANTS; v++) {
        use_variant(v);
        for (size_t n = 0; n <= 70; n++)
            check(n, n);
        check(MOST - 1, 1);
    }
}

/* ---- elements -------------------------------------------------------------------------------- */

static void check_add(size_t n, uint64_t seed)
{
    vectors v = open_vectors(n, seed);
    nn_kernel.add(v.out, v.x, v.y, n);
    nn_kernel.add(v.second, v.second, v.x, n);
    for (size_t i = 0; i < n; i++) {
        v.want[i] = v.x[i] + v.y[i];
        v.want_second[i] += v.x[i];
    }
    close_vectors(&v, "add");
}

static void adds(void **state)
{
    (void)state;
    each_length(check_add);
}

static void check_clamp(size_t n, uint64_t seed)
{
    const nn_real lo = (nn_real)-0.5, hi = (nn_real)0.5;
    for (int add = 0; add < 2; add++) {
        vectors v = open_vectors(n, seed);
        nn_kernel.clamp(v.second, v.x, lo, hi, n);
        nn_kernel.clamp_grad(v.out, v.y, v.x, lo, hi, add, n);
        for (size_t i = 0; i < n; i++) {
            const nn_real x = v.x[i], pass = x > lo && x < hi ? v.y[i] : 0;
            v.want_second[i] = x < lo ? lo : x > hi ? hi : x;
            v.want[i] = add ? v.want[i] + pass : pass;
        }
        close_vectors(&v, "clamp");
    }
}

static void clamps(void **state)
{
    (void)state;
    each_length(check_clamp);
    nn_real x = (nn_real)NAN, y = 0;
    nn_kernel.clamp(&y, &x, 0, 6, 1);
    assert_true(isnan(y));
}

/* The bits of `pass` begin as every third one clear; those behind the last element stay. */
static void check_bits(size_t n, uint64_t seed)
{
    const nn_real lo = (nn_real)-0.5, hi = (nn_real)0.5;
    const size_t bytes = n / 8 + 1;
    for (int kind = 0; kind < 4; kind++) {
        const bool closed = kind & 1, add = kind & 2;
        vectors v = open_vectors(n, seed);
        unsigned char *pass = test_guard_new(bytes, 3), want[MOST / 8 + 1];
        for (size_t i = 0; i < bytes; i++)
            want[i] = pass[i] = (unsigned char)(0xDB + 37 * i);
        if (n > 2)
            v.x[2] = (nn_real)NAN;
        for (size_t i = 0; i < n; i++) {
            const nn_real x = v.x[i];
            const bool in = closed ? x >= lo && x <= hi : x > lo && x < hi;
            if (!in)
                want[i / 8] &= (unsigned char)~(1u << i % 8);
            const nn_real d = want[i / 8] >> i % 8 & 1 ? v.y[i] : 0;
            v.want[i] = add ? v.want[i] + d : d;
        }
        nn_kernel.inside(pass, v.x, lo, hi, closed, n);
        nn_kernel.keep(v.out, v.y, pass, add, n);
        assert_memory_equal(pass, want, bytes);
        test_guard_check(pass);
        test_guard_free(pass);
        close_vectors(&v, "inside and keep");
    }
}

static void bits_of_what_passes(void **state)
{
    (void)state;
    each_length(check_bits);
}

static void check_fake_quant(size_t n, uint64_t seed)
{
    const nn_grid grid = { -20, 30 };
    const nn_affine a = { 0.03125f, 5 }; /* x of 1/2 a code and more: ties */
    const nn_fq_grid g = { a.scale, (float)a.zero_point, (float)grid.qmin, (float)grid.qmax };
    vectors v = open_vectors(n, seed);
    for (size_t i = 0; i < n; i += 2)
        v.x[i] = ((nn_real)(i % 64) - 32) / 64;
    if (n > 0)
        v.x[0] = (nn_real)0.49999997f * (nn_real)a.scale;
    nn_kernel.fake_quant(v.out, v.x, &g, n);
    for (size_t i = 0; i < n; i++)
        v.want[i] = (nn_real)nn_affine_value(nn_affine_code((float)v.x[i], a, grid), a);
    close_vectors(&v, "fake_quant");
}

static void fake_quant_is_quantize(void **state)
{
    (void)state;
    each_length(check_fake_quant);
}

static void check_min_max(size_t n, uint64_t seed)
{
    nn_real *x = noise_new(n, seed), lo = 0, hi = 0, low = 0, high = 0;
    if (n > 1)
        x[n / 2] = (nn_real)NAN;
    nn_kernel.min_max(x, n, &lo, &hi);
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    assert_true(lo == low && hi == high);
    low = lo = (nn_real)INFINITY;
    high = hi = (nn_real)-INFINITY;
    nn_kernel.min_max(x, n, &lo, &hi);
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    assert_true(lo == low && hi == high);
    test_guard_free(x);
}

static void min_max_ignores_nan(void **state)
{
    (void)state;
    each_length(check_min_max);
}

/* ---- rows of channels ------------------------------------------------------------------------ */

static void check_channel_sums(size_t c, uint64_t seed)
{
    enum { ROWS = 9 };
    nn_real *x = noise_new(ROWS * c, seed), *y = noise_new(ROWS * c, seed + 1);
    double *got = test_guard_new(5 * c * sizeof *got, 8);
    memset(got, 0, 5 * c * sizeof *got);
    nn_kernel.channel_sums(got, got + c, x, ROWS, c);
    nn_kernel.channel_dots(got + 2 * c, got + 3 * c, x, y, ROWS, c);
    nn_kernel.channel_sums(got + 4 * c, NULL, x, ROWS, c);
    test_guard_check(got);
    for (size_t j = 0; j < c; j++) {
        double sum = 0, square = 0, dot = 0;
        for (size_t i = 0; i < ROWS; i++) {
            const double a = (double)x[i * c + j];
            sum += a;
            square += a * a;
            dot += a * (double)y[i * c + j];
        }
        assert_true(got[j] == sum && got[c + j] == square && got[2 * c + j] == sum &&
                    got[3 * c + j] == dot && got[4 * c + j] == sum);
    }
    test_guard_free(x);
    test_guard_free(y);
    test_guard_free(got);
}

static void check_channel_bounds(size_t c, uint64_t seed)
{
    enum { ROWS = 9 };
    nn_real *x = noise_new(ROWS * c, seed), *got = noise_new(2 * c, 5), *want = noise_new(2 * c, 5);
    if (c > 3)
        x[4 * c + 3] = (nn_real)NAN;
    nn_kernel.channel_bounds(got, got + c, x, ROWS, c);
    for (size_t i = 0; i < ROWS * c; i++) {
        nn_real *lo = &want[i % c], *hi = lo + c;
        *lo = x[i] < *lo ? x[i] : *lo;
        *hi = x[i] > *hi ? x[i] : *hi;
    }
    assert_memory_equal(got, want, 2 * c * sizeof *got);
    test_guard_check(got);
    test_guard_free(x);
    test_guard_free(got);
    test_guard_free(want);
}

static void check_channel_affine(size_t c, uint64_t seed)
{
    enum { ROWS = 9 };
    for (int add = 0; add < 2; add++) {
        vectors v = open_vectors(ROWS * c, seed);
        nn_real *p = noise_new(3 * c, seed + 7), *q = p + c, *r = q + c;
        nn_kernel.channel_affine(v.second, v.x, p, q, ROWS, c);
        nn_kernel.channel_affine_grad(v.out, v.y, v.x, p, q, r, add, ROWS, c);
        for (size_t i = 0; i < ROWS * c; i++) {
            const size_t j = i % c;
            const nn_real d = p[j] * v.y[i] + q[j] * v.x[i] + r[j];
            v.want_second[i] = v.x[i] * p[j] + q[j];
            v.want[i] = add ? v.want[i] + d : d;
        }
        close_vectors(&v, "channel_affine");
        test_guard_free(p);
    }
}

static void channels(void **state)
{
    (void)state;
    each_length(check_channel_sums);
    each_length(check_channel_bounds);
    each_length(check_channel_affine);
}

/* ---- bench ----------------------------------------------------------------------------------- */

enum { BENCH_ROWS = 1024, BENCH_CHANNELS = 16, BENCH_N = BENCH_ROWS * BENCH_CHANNELS };

static nn_real bench_x[BENCH_N], bench_y[BENCH_N], bench_z[BENCH_N];
static unsigned char bench_bits[BENCH_N / 8];
static double bench_sum[2 * BENCH_CHANNELS];

static void run_clamp(void)
{
    nn_kernel.clamp(bench_y, bench_x, 0, 6, BENCH_N);
}
static void run_clamp_grad(void)
{
    nn_kernel.clamp_grad(bench_y, bench_z, bench_x, 0, 6, false, BENCH_N);
}
static void run_inside(void)
{
    nn_kernel.inside(bench_bits, bench_x, -1, 1, true, BENCH_N);
}
static void run_keep(void)
{
    nn_kernel.keep(bench_y, bench_z, bench_bits, false, BENCH_N);
}
static void run_fake_quant(void)
{
    const nn_fq_grid g = { 0.01f, 0, -128, 127 };
    nn_kernel.fake_quant(bench_y, bench_x, &g, BENCH_N);
}
static void run_min_max(void)
{
    nn_real lo = 0, hi = 0;
    nn_kernel.min_max(bench_x, BENCH_N, &lo, &hi);
}
static void run_channel_sums(void)
{
    nn_kernel.channel_sums(bench_sum, bench_sum + BENCH_CHANNELS, bench_x, BENCH_ROWS,
                           BENCH_CHANNELS);
}
static void run_channel_dots(void)
{
    nn_kernel.channel_dots(bench_sum, bench_sum + BENCH_CHANNELS, bench_x, bench_z, BENCH_ROWS,
                           BENCH_CHANNELS);
}
static void run_channel_bounds(void)
{
    nn_kernel.channel_bounds(bench_y, bench_z, bench_x, BENCH_ROWS, BENCH_CHANNELS);
}
static void run_channel_affine(void)
{
    nn_kernel.channel_affine(bench_y, bench_x, bench_z, bench_z, BENCH_ROWS, BENCH_CHANNELS);
}
static void run_channel_affine_grad(void)
{
    nn_kernel.channel_affine_grad(bench_y, bench_x, bench_z, bench_z, bench_z, bench_z, false,
                                  BENCH_ROWS, BENCH_CHANNELS);
}

/* Processor time of this thread: other programs disturb it less than the clock. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void bench(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } rows[] = {
        { "clamp", run_clamp },
        { "clamp_grad", run_clamp_grad },
        { "inside", run_inside },
        { "keep", run_keep },
        { "fake_quant", run_fake_quant },
        { "min_max", run_min_max },
        { "channel_sums", run_channel_sums },
        { "channel_dots", run_channel_dots },
        { "channel_bounds", run_channel_bounds },
        { "channel_affine", run_channel_affine },
        { "channel_affine_grad", run_channel_affine_grad },
    };
    printf("elements per nanosecond, %d channels, operands in the second-level cache\n",
           (int)BENCH_CHANNELS);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        printf("  %-20s", rows[i].name);
        for (int v = 0; v < VARIANTS; v++) {
            use_variant(v);
            double best = 1;
            for (int k = 0; k < 200; k++) {
                const double start = now();
                rows[i].run();
                const double t = now() - start;
                best = t < best ? t : best;
            }
            printf(" %s %5.2f", nn_kernel.isa, BENCH_N / best * 1e-9);
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        bench();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds),
        cmocka_unit_test(clamps),
        cmocka_unit_test(bits_of_what_passes),
        cmocka_unit_test(fake_quant_is_quantize),
        cmocka_unit_test(min_max_ignores_nan),
        cmocka_unit_test(channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
