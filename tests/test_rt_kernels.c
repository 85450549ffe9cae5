/* runtime: every table of integer kernels against the portable one, bit for bit, over sizes around
 * the vector widths, at odd addresses, with guard bytes behind what is written.
 *
 * `test_rt_kernels -b` prints how fast each is instead. */
#include <time.h>

#include "runtime/cpu.h"
#include "runtime/kernels/kernels.h"
#include "tests/testing.h"

static const rt_kernels *tables[4];
static int n_tables;

static void find_tables(void)
{
    tables[n_tables++] = rt_kernels_c();
#if defined(__x86_64__)
    if ((rt_cpu_flags() & RT_CPU_AVX2) != 0)
        tables[n_tables++] = rt_kernels_avx2();
    if ((rt_cpu_flags() & RT_CPU_AVX512VNNI) != 0)
        tables[n_tables++] = rt_kernels_avx512vnni();
#endif
}

static void *noise_bytes(size_t n, uint64_t seed, size_t misalign)
{
    uint8_t *p = test_guard_new(n > 0 ? n : 1, misalign);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)test_noise_int(seed, i, 0, 255);
    return p;
}

static int32_t *noise_ints(size_t n, uint64_t seed, int32_t lo, int32_t hi)
{
    int32_t *p = test_guard_new(n * sizeof *p, 4);
    for (size_t i = 0; i < n; i++)
        p[i] = test_noise_int(seed, i, lo, hi);
    return p;
}

static void free_all(void **p, int n)
{
    for (int i = 0; i < n; i++)
        test_guard_free(p[i]);
}

/* The product by definition, of int8 rows. */
static int32_t dot(const int8_t *a, const int8_t *w, int k, int32_t bias)
{
    uint32_t sum = (uint32_t)bias;
    for (int i = 0; i < k; i++)
        sum += (uint32_t)(a[i] * w[i]);
    return (int32_t)sum;
}

static void check_gemm(const rt_kernels *t, int rows, int n, int k, uint64_t seed)
{
    size_t lda = ((size_t)k + 3) / 4 * 4 + (seed % 2) * 4;
    uint8_t *a = noise_bytes((size_t)rows * lda, seed, seed % 5);
    int8_t *w = noise_bytes((size_t)n * (size_t)k, seed + 1, 1);
    int32_t *bias = noise_ints((size_t)n, seed + 2, -1000000, 1000000);
    int32_t *acc = test_guard_new((size_t)rows * (size_t)n * sizeof *acc, 4);
    void *packed = w;
    if (t->gemm_bytes != NULL) {
        packed = test_guard_new(t->gemm_bytes(n, k), 0);
        t->gemm_pack(packed, w, n, k);
        test_guard_check(packed);
    }
    t->gemm(acc, a, lda, rows, packed, n, k, bias);
    test_guard_check(acc);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < n; c++) {
            const uint8_t *row = a + (size_t)r * lda;
            const int8_t *weights = w + (size_t)c * (size_t)k;
            int32_t want = dot((const int8_t *)row, weights, k, bias[c]);
            for (int i = 0; t->unsigned_a && i < k; i++)
                want += row[i] >= 128 ? 256 * weights[i] : 0;
            if (acc[r * n + c] != want)
                fail_msg("%s gemm %dx%dx%d [%d,%d]: %d, not %d", t->name, rows, n, k, r, c,
                         acc[r * n + c], want);
        }
    void *mine[] = { a, w, bias, acc, packed };
    free_all(mine, packed != w ? 5 : 4);
}

static void gemm(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++) {
        for (int rows = 1; rows <= 9; rows++)
            for (int n = 1; n <= 40; n += rows % 3 + 1)
                check_gemm(tables[t], rows, n, 1 + (rows * 7 + n) % 37, (uint64_t)(rows * 100 + n));
        check_gemm(tables[t], 5, 33, 511, 1);
        check_gemm(tables[t], 5, 33, 512, 2);
        check_gemm(tables[t], 3, 17, 1027, 3);
        check_gemm(tables[t], 64, 16, 144, 4);
    }
}

static void check_requant(const rt_kernels *t, int n, uint64_t seed, int32_t most)
{
    int32_t *acc = noise_ints((size_t)n, seed, -most, most);
    int32_t *mult = noise_ints((size_t)n, seed + 1, 1 << 30, INT32_MAX);
    int32_t *shift = noise_ints((size_t)n, seed + 2, -31, seed % 3 == 0 ? 30 : 2);
    uint8_t *got = test_guard_new((size_t)n, 3), *want = test_guard_new((size_t)n, 3);
    rt_requant_rows p = { mult, shift, test_noise_int(seed, 1, -128, 127), -128, 127 };
    if (seed % 2 == 1)
        p = (rt_requant_rows){ mult, shift, test_noise_int(seed, 1, 0, 255), 3, 250 };
    t->requant(got, acc, n, &p);
    rt_kernels_c()->requant(want, acc, n, &p);
    test_guard_check(got);
    for (int i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s requant %d of %d: acc %d mult %d shift %d: %d, not %d", t->name, i, n,
                     acc[i], mult[i], shift[i], got[i], want[i]);
    void *mine[] = { acc, mult, shift, got, want };
    free_all(mine, 5);
}

static void requant(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
        for (int n = 1; n <= 70; n++) {
            check_requant(tables[t], n, (uint64_t)n, 100000);
            check_requant(tables[t], n, (uint64_t)n + 1000, INT32_MAX);
        }
}

static void check_add(const rt_kernels *t, size_t n, uint64_t seed)
{
    uint8_t *a = noise_bytes(n, seed, 1), *b = noise_bytes(n, seed + 1, 2);
    uint8_t *got = test_guard_new(n, 3), *want = test_guard_new(n, 3);
    rt_add_params p = {
        .mult_a = test_noise_int(seed, 1, 1 << 30, INT32_MAX),
        .shift_a = -(int32_t)(seed % 7),
        .mult_b = 1 << 30,
        .shift_b = 0,
        .mult = test_noise_int(seed, 2, 1 << 30, INT32_MAX),
        .shift = -19 + (int32_t)(seed % 5),
        .zero_a = test_noise_int(seed, 3, -128, 127),
        .zero_b = test_noise_int(seed, 4, -128, 127),
        .zero = test_noise_int(seed, 5, -128, 127),
        .lo = -128,
        .hi = 127 - (int32_t)(seed % 20),
        .flip = seed % 2 == 0 ? 0 : 0x80,
    };
    t->add(got, a, b, n, &p);
    rt_kernels_c()->add(want, a, b, n, &p);
    test_guard_check(got);
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s add %zu of %zu: %d, not %d", t->name, i, n, got[i], want[i]);
    void *mine[] = { a, b, got, want };
    free_all(mine, 4);
}

static void add(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
        for (size_t n = 1; n <= 100; n++)
            check_add(tables[t], n, n);
}

static void check_dwconv(const rt_kernels *t, int n, int taps, uint64_t seed)
{
    uint8_t *x[32];
    int16_t *w[32];
    bool is_unsigned = seed % 2 == 0;
    int32_t zero =
        is_unsigned ? test_noise_int(seed, 1, 0, 255) : test_noise_int(seed, 1, -128, 127);
    for (int i = 0; i < taps; i++) {
        x[i] = noise_bytes((size_t)n, seed + (uint64_t)i, (size_t)i % 4);
        w[i] = test_guard_new((size_t)n * sizeof *w[i], 2);
        for (int c = 0; c < n; c++)
            w[i][c] = (int16_t)test_noise_int(seed + 7, (uint64_t)(i * n + c), -255, 255);
    }
    int32_t *got = noise_ints((size_t)n, seed, -1000, 1000);
    int32_t *want = noise_ints((size_t)n, seed, -1000, 1000);
    t->dwconv(got, (const uint8_t *const *)x, (const int16_t *const *)w, taps, is_unsigned, zero,
              n);
    rt_kernels_c()->dwconv(want, (const uint8_t *const *)x, (const int16_t *const *)w, taps,
                           is_unsigned, zero, n);
    test_guard_check(got);
    for (int c = 0; c < n; c++)
        if (got[c] != want[c])
            fail_msg("%s dwconv %d of %d, %d taps: %d, not %d", t->name, c, n, taps, got[c],
                     want[c]);
    free_all((void **)x, taps);
    free_all((void **)w, taps);
    void *mine[] = { got, want };
    free_all(mine, 2);
}

static void dwconv(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
        for (int n = 1; n <= 70; n++)
            check_dwconv(tables[t], n, n % 10, (uint64_t)n);
}

/* G multiply-accumulates a second of the product, and G bytes of the others. */
static void bench_table(const rt_kernels *t)
{
    enum { ROWS = 64, N = 64, K = 576, REPEAT = 400 };
    uint8_t *a = noise_bytes((size_t)ROWS * K, 1, 0);
    int8_t *w = noise_bytes((size_t)N * K, 2, 0);
    int32_t *bias = noise_ints(N, 3, -100, 100),
            *acc = noise_ints((size_t)ROWS * N, 4, -9999, 9999);
    int32_t *mult = noise_ints((size_t)ROWS * N, 5, 1 << 30, INT32_MAX);
    int32_t *shift = noise_ints((size_t)ROWS * N, 6, -9, -5);
    void *packed = w;
    if (t->gemm_bytes != NULL) {
        packed = test_guard_new(t->gemm_bytes(N, K), 0);
        t->gemm_pack(packed, w, N, K);
    }
    clock_t begin = clock();
    for (int i = 0; i < REPEAT; i++)
        t->gemm(acc, a, K, ROWS, packed, N, K, bias);
    double gemm_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    const rt_requant_rows p = { mult, shift, 0, -128, 127 };
    begin = clock();
    for (int i = 0; i < 10 * REPEAT; i++)
        t->requant(a, acc, ROWS * N, &p);
    double requant_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("%-12s gemm %6.1f GMAC/s   requant %5.2f G/s\n", t->name,
           1e-9 * REPEAT * ROWS * N * K / gemm_s, 1e-8 * REPEAT * ROWS * N / requant_s);
    void *mine[] = { a, w, bias, acc, mult, shift, packed };
    free_all(mine, packed != w ? 7 : 6);
}

int main(int argc, char **argv)
{
    find_tables();
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        for (int t = 0; t < n_tables; t++)
            bench_table(tables[t]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm),
        cmocka_unit_test(requant),
        cmocka_unit_test(add),
        cmocka_unit_test(dwconv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
