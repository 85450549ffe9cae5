/* runtime: every table of integer kernels against the portable one, bit for bit, over sizes around
 * the vector widths, at odd addresses, with guard bytes behind what is written.
 *
 * `test_rt_kernels -b` prints how fast each is instead. */
#include <math.h>
#include <time.h>

#include "runtime/requant.h"
#include "tests/rt_tables.h"
#include "tests/testing.h"

static test_tables tables;

/* One product over noise: runs of k elements, `apart` bytes from one to the next. */
typedef struct product_case {
    rt_product p;
    uint8_t *a;
    int8_t *w;
    int32_t *bias, *mult, *shift;
    void *elements, *packed;
    rt_requant_rows requant;
} product_case;

static void make_product(product_case *o, const rt_kernels *t, rt_product p, uint64_t seed)
{
    size_t taps = (size_t)p.runs * (size_t)p.k, n = (size_t)p.n;
    size_t size = (size_t)(p.rows - 1) * p.a_row + (size_t)(p.pixels - 1) * p.a_step +
                  (size_t)(p.runs - 1) * p.a_run + (size_t)p.k + 4;
    o->a = test_noise_bytes(size, seed, seed % 5);
    o->w = test_noise_bytes(n * taps, seed + 1, 1);
    o->bias = test_noise_ints(n, seed + 2, -1000000, 1000000);
    o->mult = test_noise_ints(n, seed + 3, 1 << 30, INT32_MAX);
    o->shift = test_noise_ints(n, seed + 4, -14, -3);
    o->requant = (rt_requant_rows){ o->mult, o->shift, 3, -128, 127, true };
    if (seed % 3 == 1)
        o->requant = (rt_requant_rows){ o->mult, o->shift, 120, 120, 255, true };
    o->elements = test_guard_new(size * (size_t)t->a_bytes, t->a_bytes == 1 ? seed % 5 : 2);
    t->load(o->elements, o->a, size, t->unsigned_a ? 0x80 : 0);
    test_guard_check(o->elements);
    o->packed = test_guard_new(t->pack_bytes(p.n, p.runs, p.k), 0);
    if (t->pack != NULL)
        t->pack(o->packed, o->w, p.n, p.runs, p.k);
    else
        memcpy(o->packed, o->w, n * taps);
    test_guard_check(o->packed);
    p.a = o->elements;
    p.w = o->packed;
    p.bias = o->bias;
    p.requant = &o->requant;
    o->p = p;
}

static void free_product(product_case *o)
{
    void *mine[] = { o->a, o->w, o->bias, o->mult, o->shift, o->elements, o->packed };
    test_guards_free(mine, 7);
}

/* The accumulator by definition; elements that were flipped count 128 more. */
static int32_t accumulate(const product_case *o, int y, int x, int c, bool flipped)
{
    const rt_product *p = &o->p;
    uint32_t sum = (uint32_t)p->bias[c];
    for (int r = 0; r < p->runs; r++)
        for (int i = 0; i < p->k; i++) {
            size_t at = (size_t)y * p->a_row + (size_t)x * p->a_step + (size_t)r * p->a_run;
            int v = (int8_t)o->a[at + (size_t)i] + (flipped ? 128 : 0);
            sum += (uint32_t)(v * o->w[((size_t)c * (size_t)p->runs + (size_t)r) * (size_t)p->k +
                                       (size_t)i]);
        }
    return (int32_t)sum;
}

static void check_product(const rt_kernels *t, rt_product p, uint64_t seed)
{
    product_case o;
    make_product(&o, t, p, seed);
    size_t count = (size_t)p.rows * (size_t)p.pixels * (size_t)p.n;
    int32_t *acc = test_guard_new(count * sizeof *acc, 4);
    uint8_t *out = test_guard_new(count, 1), *want = test_guard_new((size_t)p.n, 0);
    rt_product q = o.p;
    q.acc = acc;
    t->product(&q);
    test_guard_check(acc);
    q.acc = NULL;
    q.out = out;
    q.out_step = (size_t)p.n;
    q.out_row = (size_t)p.n * (size_t)p.pixels;
    t->product(&q);
    test_guard_check(out);
    for (int y = 0; y < p.rows; y++)
        for (int x = 0; x < p.pixels; x++) {
            size_t at = ((size_t)y * (size_t)p.pixels + (size_t)x) * (size_t)p.n;
            rt_kernels_c()->requant(want, acc + at, p.n, &o.requant);
            for (int c = 0; c < p.n; c++) {
                int32_t sum = accumulate(&o, y, x, c, t->unsigned_a);
                if (acc[at + (size_t)c] != sum || out[at + (size_t)c] != want[c])
                    fail_msg("%s product %dx%d, %d channels, %dx%d [%d,%d,%d]: %d, not %d; code "
                             "%d, not %d",
                             t->name, p.rows, p.pixels, p.n, p.runs, p.k, y, x, c,
                             acc[at + (size_t)c], sum, out[at + (size_t)c], want[c]);
            }
        }
    test_guard_free(acc);
    test_guard_free(out);
    test_guard_free(want);
    free_product(&o);
}

static void product(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++) {
        for (int pixels = 1; pixels <= 18; pixels++)
            for (int n = 1; n <= 70; n += pixels % 3 + 3) {
                int k = 1 + (pixels * 7 + n) % 37;
                rt_product p = { .rows = 1 + n % 2,
                                 .pixels = pixels,
                                 .n = n,
                                 .runs = 1 + n % 3,
                                 .k = k,
                                 .a_step = (size_t)(1 + n % 5),
                                 .a_run = 90,
                                 .a_row = 300 };
                check_product(tables.table[t], p, (uint64_t)(pixels * 100 + n));
            }
        for (int k = 510; k < 520; k++) {
            rt_product p = { .rows = 2,
                             .pixels = 5,
                             .n = 33,
                             .runs = 2,
                             .k = k,
                             .a_step = 12,
                             .a_run = 700,
                             .a_row = 1500 };
            check_product(tables.table[t], p, (uint64_t)k);
        }
    }
}

/* narrow: as layers are that can promise it. */
static void check_requant(const rt_kernels *t, int n, uint64_t seed, int32_t most, bool narrow)
{
    int32_t *acc = test_noise_ints((size_t)n, seed, -most, most);
    int32_t *mult = test_noise_ints((size_t)n, seed + 1, 1 << 30, INT32_MAX);
    int32_t *shift = test_noise_ints((size_t)n, seed + 2, -31, narrow ? 0 : seed % 3 == 0 ? 30 : 2);
    uint8_t *got = test_guard_new((size_t)n, 3), *want = test_guard_new((size_t)n, 3);
    rt_requant_rows p = { mult, shift, test_noise_int(seed, 1, -128, 127), -128, 127, narrow };
    if (seed % 2 == 1)
        p = (rt_requant_rows){ mult, shift, test_noise_int(seed, 1, 0, 255), 3, 250, narrow };
    t->requant(got, acc, n, &p);
    rt_kernels_c()->requant(want, acc, n, &p);
    test_guard_check(got);
    for (int i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s requant %d of %d: acc %d mult %d shift %d: %d, not %d", t->name, i, n,
                     acc[i], mult[i], shift[i], got[i], want[i]);
    void *mine[] = { acc, mult, shift, got, want };
    test_guards_free(mine, 5);
}

static void requant(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int n = 1; n <= 70; n++) {
            check_requant(tables.table[t], n, (uint64_t)n, 100000, false);
            check_requant(tables.table[t], n, (uint64_t)n + 1000, INT32_MAX, false);
            check_requant(tables.table[t], n, (uint64_t)n + 2000, 300, true);
            check_requant(tables.table[t], n, (uint64_t)n + 3000, (1 << 30) - 1, true);
        }
}

/* Accumulators next to where the code changes, as biases of channels whose weights are 0: `around`
 * of them for each code, all with one multiplier. */
static void check_steps(const rt_kernels *t, rt_multiplier m, const rt_requant_rows *bounds,
                        uint64_t seed)
{
    enum { CODES = 258, AROUND = 5, N = CODES * AROUND };
    const double unit = m.mult * (1.0 / 2147483648.0) / (double)(INT64_C(1) << -m.shift);
    int32_t *bias = test_noise_ints(N, seed, -9, 9), *mult = test_noise_ints(N, 0, m.mult, m.mult);
    int32_t *shift = test_noise_ints(N, 0, m.shift, m.shift);
    rt_requant_rows q = *bounds;
    q.mult = mult;
    q.shift = shift;
    for (int i = 0; i < N; i++) {
        double x = (i / AROUND - CODES / 2 + 0.5) / unit + (i % AROUND - AROUND / 2);
        if (x > -1073741000.0 && x < 1073741000.0)
            bias[i] = (int32_t)floor(x);
    }
    size_t w_bytes = t->pack_bytes(N, 1, 1);
    int8_t *w = test_guard_new(N > w_bytes ? N : w_bytes, 0), *zeros = test_guard_new(N, 0);
    uint8_t *a = test_guard_new(16, 0), *got = test_guard_new(N, 1), *want = test_guard_new(N, 0);
    memset(a, 0, 16);
    memset(w, 0, N);
    memset(zeros, 0, N);
    if (t->pack != NULL)
        t->pack(w, zeros, N, 1, 1);
    const rt_product p = { .a = a,
                           .runs = 1,
                           .k = 1,
                           .rows = 1,
                           .pixels = 1,
                           .n = N,
                           .w = w,
                           .bias = bias,
                           .out = got,
                           .requant = &q };
    t->product(&p);
    test_guard_check(got);
    rt_kernels_c()->requant(want, bias, N, &q);
    for (int i = 0; i < N; i++)
        if (got[i] != want[i])
            fail_msg("%s product, code of %d by %d, shift %d: %d, not %d", t->name, bias[i], m.mult,
                     m.shift, got[i], want[i]);
    void *mine[] = { bias, mult, shift, w, zeros, a, got, want };
    test_guards_free(mine, 8);
}

static void steps(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int i = 0; i < 460; i++) {
            uint64_t seed = (uint64_t)i;
            const rt_multiplier m = { i % 3 == 0 ? INT32_MAX - i
                                                 : test_noise_int(seed, 1, 1 << 30, INT32_MAX),
                                      -(i % 23) };
            rt_requant_rows bounds = { .zero = test_noise_int(seed, 2, -128, 127), .narrow = true };
            bounds.lo = i % 2 == 0 ? bounds.zero : -128;
            bounds.hi = i % 5 == 0 ? 100 : 127;
            if (bounds.hi < bounds.lo)
                bounds.hi = bounds.lo;
            if (i % 4 == 3) { /* uint8 */
                bounds.zero += 128;
                bounds.lo += 128;
                bounds.hi = 255;
            }
            check_steps(tables.table[t], m, &bounds, seed);
        }
}

static void compare_sums(const rt_kernels *t, const uint8_t *a, const uint8_t *b, size_t n,
                         const rt_add_params *p)
{
    uint8_t *got = test_guard_new(n, 3), *want = test_guard_new(n, 3);
    t->add(got, a, b, n, p);
    rt_kernels_c()->add(want, a, b, n, p);
    test_guard_check(got);
    for (size_t i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("%s add %zu of %zu, %d and %d: %d, not %d", t->name, i, n, a[i], b[i], got[i],
                     want[i]);
    test_guard_free(got);
    test_guard_free(want);
}

static void check_add(const rt_kernels *t, size_t n, uint64_t seed)
{
    uint8_t *a = test_noise_bytes(n, seed, 1), *b = test_noise_bytes(n, seed + 1, 2);
    rt_add_params p = {
        .mult_a = test_noise_int(seed, 1, 1 << 30, INT32_MAX),
        .shift_a = -(int32_t)(seed % 7),
        .mult_b = seed % 3 == 2 ? test_noise_int(seed, 6, 1 << 30, INT32_MAX) : 1 << 30,
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
    if (seed % 3 == 1) { /* the half is a's */
        p.mult_b = p.mult_a;
        p.shift_b = p.shift_a;
        p.mult_a = 1 << 30;
        p.shift_a = 0;
    }
    compare_sums(t, a, b, n, &p);
    void *mine[] = { a, b };
    test_guards_free(mine, 2);
}

static void add(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (size_t n = 1; n <= 200; n++)
            check_add(tables.table[t], n, n);
}

/* Every pair of codes, with multipliers as networks have them: those of the inputs at most 1/2. */
static void every_sum(void **state)
{
    (void)state;
    enum { PAIRS = 1 << 16 };
    uint8_t *a = test_guard_new(PAIRS, 0), *b = test_guard_new(PAIRS, 0);
    for (int i = 0; i < PAIRS; i++) {
        a[i] = (uint8_t)(i >> 8);
        b[i] = (uint8_t)i;
    }
    for (int t = 0; t < tables.n; t++)
        for (int i = 0; i < 24; i++) {
            uint64_t seed = (uint64_t)i;
            const int zero = i % 3 == 0 ? -128 : test_noise_int(seed, 1, -128, 127);
            const rt_add_params p = {
                .mult_a = i % 4 == 1 ? 1 << 30 : test_noise_int(seed, 2, 1 << 30, INT32_MAX),
                .shift_a = i % 4 == 1 ? 0 : -1 - i % 2,
                .mult_b = i % 4 != 1 ? 1 << 30 : test_noise_int(seed, 2, 1 << 30, INT32_MAX),
                .shift_b = i % 4 != 1 ? 0 : -1 - i % 3,
                .mult = i % 8 == 7 ? 1 << 30 : test_noise_int(seed, 3, 1 << 30, INT32_MAX),
                .shift = i % 8 == 7 ? -18 : -18 - i % 3, /* up to twice an input */
                .zero_a = test_noise_int(seed, 4, -128, 127),
                .zero_b = test_noise_int(seed, 5, -128, 127),
                .zero = zero,
                .lo = i % 2 == 0 ? zero : -128,
                .hi = 127,
                .flip = i % 5 == 0 ? 0x80 : 0,
            };
            compare_sums(tables.table[t], a, b, PAIRS, &p);
        }
    test_guard_free(a);
    test_guard_free(b);
}

/* Sums and maxima of rows. */
static void check_rows(const rt_kernels *t, int n, size_t rows, uint64_t seed)
{
    size_t step = (size_t)n + seed % 3;
    uint8_t *x = test_noise_bytes(rows * step, seed, 1);
    int32_t *got = test_noise_ints((size_t)n, seed, -1000, 1000);
    int32_t *want = test_noise_ints((size_t)n, seed, -1000, 1000);
    uint8_t *most = test_noise_bytes((size_t)n, seed + 1, 1),
            *best = test_noise_bytes((size_t)n, seed + 1, 2);
    bool is_unsigned = seed % 2 == 0;
    t->sum(got, x, rows, step, n, is_unsigned);
    t->max(most, x, rows, step, n, is_unsigned ? 0x80 : 0);
    test_guard_check(got);
    test_guard_check(most);
    for (int c = 0; c < n; c++) {
        for (size_t r = 0; r < rows; r++) {
            uint8_t v = x[r * step + (size_t)c];
            want[c] += is_unsigned ? v : (int8_t)v;
            if (is_unsigned ? v > best[c] : (int8_t)v > (int8_t)best[c])
                best[c] = v;
        }
        if (got[c] != want[c] || most[c] != best[c])
            fail_msg("%s rows %zu x %d, channel %d: sum %d, not %d; max %d, not %d", t->name, rows,
                     n, c, got[c], want[c], most[c], best[c]);
    }
    void *mine[] = { x, got, want, most, best };
    test_guards_free(mine, 5);
}

static void rows(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int n = 1; n <= 70; n++)
            check_rows(tables.table[t], n, (size_t)(n % 7 == 0 ? 200 + n : n % 11), (uint64_t)n);
}

/* G multiply-accumulates a second of a 3x3 convolution of 64 channels and 56 columns, and G codes
 * of the requantization. */
static void bench_table(const rt_kernels *t)
{
    enum { N = 64, ROWS = 4, COLUMNS = 56, REPEAT = 40 };
    rt_product p = { .rows = ROWS,
                     .pixels = COLUMNS,
                     .n = N,
                     .runs = 3,
                     .k = 3 * N,
                     .a_step = N,
                     .a_run = (COLUMNS + 2) * N,
                     .a_row = (COLUMNS + 2) * N };
    product_case o;
    make_product(&o, t, p, 3);
    uint8_t *out = test_guard_new((size_t)ROWS * COLUMNS * N, 0);
    int32_t *acc = test_noise_ints(N, 4, -9999, 9999);
    o.p.out = out;
    o.p.out_step = N;
    o.p.out_row = (size_t)COLUMNS * N;
    clock_t begin = clock();
    for (int i = 0; i < REPEAT; i++)
        t->product(&o.p);
    double product_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    begin = clock();
    for (int i = 0; i < 1000 * REPEAT; i++)
        t->requant(out, acc, N, &o.requant);
    double requant_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("%-12s product %6.1f GMAC/s   requant %5.2f G/s\n", t->name,
           1e-9 * REPEAT * ROWS * COLUMNS * N * 9 * N / product_s, 1e-6 * REPEAT * N / requant_s);
    void *mine[] = { out, acc };
    test_guards_free(mine, 2);
    free_product(&o);
}

int main(int argc, char **argv)
{
    tables = test_rt_tables();
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        for (int t = 0; t < tables.n; t++)
            bench_table(tables.table[t]);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product), cmocka_unit_test(requant),   cmocka_unit_test(steps),
        cmocka_unit_test(add),     cmocka_unit_test(every_sum), cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
