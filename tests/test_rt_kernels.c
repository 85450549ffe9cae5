/* runtime: every table of integer kernels against the portable one, bit for bit, over sizes around
 * the vector widths, at odd addresses, with guard bytes behind what is written.
 *
 * `test_rt_kernels -b` prints how fast each is instead. */
#include <math.h>
#include <time.h>

#include "runtime/cpu.h"
#include "runtime/kernels/kernels.h"
#include "runtime/requant.h"
#include "tests/testing.h"

static const rt_kernels *tables[4]; /* most that one processor has, and C */
static int n_tables;

static void try_table(unsigned flag, const rt_kernels *t)
{
    if ((rt_cpu_flags() & flag) != 0)
        tables[n_tables++] = t;
    else
        printf("%s: skipped, this processor does not have it\n", rt_kernels_name(t));
}

static void find_tables(void)
{
    tables[n_tables++] = rt_kernels_c();
#if defined(__x86_64__)
    try_table(RT_CPU_AVX2, rt_kernels_avx2());
    try_table(RT_CPU_AVXVNNI, rt_kernels_avxvnni());
    try_table(RT_CPU_AVX512VNNI, rt_kernels_avx512vnni());
#elif defined(__aarch64__)
    try_table(RT_CPU_NEON, rt_kernels_neon());
    try_table(RT_CPU_NEONDOT, rt_kernels_neondot());
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
    o->a = noise_bytes(size, seed, seed % 5);
    o->w = noise_bytes(n * taps, seed + 1, 1);
    o->bias = noise_ints(n, seed + 2, -1000000, 1000000);
    o->mult = noise_ints(n, seed + 3, 1 << 30, INT32_MAX);
    o->shift = noise_ints(n, seed + 4, -14, -3);
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
    free_all(mine, 7);
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
    for (int t = 0; t < n_tables; t++) {
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
                check_product(tables[t], p, (uint64_t)(pixels * 100 + n));
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
            check_product(tables[t], p, (uint64_t)k);
        }
    }
}

/* narrow: as layers are that can promise it. */
static void check_requant(const rt_kernels *t, int n, uint64_t seed, int32_t most, bool narrow)
{
    int32_t *acc = noise_ints((size_t)n, seed, -most, most);
    int32_t *mult = noise_ints((size_t)n, seed + 1, 1 << 30, INT32_MAX);
    int32_t *shift = noise_ints((size_t)n, seed + 2, -31, narrow ? 0 : seed % 3 == 0 ? 30 : 2);
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
    free_all(mine, 5);
}

static void requant(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
        for (int n = 1; n <= 70; n++) {
            check_requant(tables[t], n, (uint64_t)n, 100000, false);
            check_requant(tables[t], n, (uint64_t)n + 1000, INT32_MAX, false);
            check_requant(tables[t], n, (uint64_t)n + 2000, 300, true);
            check_requant(tables[t], n, (uint64_t)n + 3000, (1 << 30) - 1, true);
        }
}

/* Accumulators next to where the code changes, as biases of channels whose weights are 0: `around`
 * of them for each code, all with one multiplier. */
static void check_steps(const rt_kernels *t, rt_multiplier m, const rt_requant_rows *bounds,
                        uint64_t seed)
{
    enum { CODES = 258, AROUND = 5, N = CODES * AROUND };
    const double unit = m.mult * (1.0 / 2147483648.0) / (double)(INT64_C(1) << -m.shift);
    int32_t *bias = noise_ints(N, seed, -9, 9), *mult = noise_ints(N, 0, m.mult, m.mult);
    int32_t *shift = noise_ints(N, 0, m.shift, m.shift);
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
    free_all(mine, 8);
}

static void steps(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
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
            check_steps(tables[t], m, &bounds, seed);
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
    uint8_t *a = noise_bytes(n, seed, 1), *b = noise_bytes(n, seed + 1, 2);
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
    free_all(mine, 2);
}

static void add(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
        for (size_t n = 1; n <= 200; n++)
            check_add(tables[t], n, n);
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
    for (int t = 0; t < n_tables; t++)
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
            compare_sums(tables[t], a, b, PAIRS, &p);
        }
    test_guard_free(a);
    test_guard_free(b);
}

/* Sums and maxima of rows. */
static void check_rows(const rt_kernels *t, int n, size_t rows, uint64_t seed)
{
    size_t step = (size_t)n + seed % 3;
    uint8_t *x = noise_bytes(rows * step, seed, 1);
    int32_t *got = noise_ints((size_t)n, seed, -1000, 1000);
    int32_t *want = noise_ints((size_t)n, seed, -1000, 1000);
    uint8_t *most = noise_bytes((size_t)n, seed + 1, 1),
            *best = noise_bytes((size_t)n, seed + 1, 2);
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
    free_all(mine, 5);
}

static void rows(void **state)
{
    (void)state;
    for (int t = 0; t < n_tables; t++)
        for (int n = 1; n <= 70; n++)
            check_rows(tables[t], n, (size_t)(n % 7 == 0 ? 200 + n : n % 11), (uint64_t)n);
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

/* Rows of a depthwise convolution by definition. */
static void convolve(const rt_dwrow *d, const int8_t *w, uint8_t *out)
{
    for (int i = 0; i < d->rows * d->pixels * d->channels; i++) {
        int c = i % d->channels, x = i / d->channels % d->pixels, y = i / d->channels / d->pixels;
        int32_t sum = d->bias[c];
        for (int t = 0; t < d->k_h * d->k_w; t++) {
            const uint8_t *row = d->in[y * d->in_step + t / d->k_w];
            int at = x * d->stride + t % d->k_w * d->dilation - d->pad;
            uint8_t v =
                row != NULL && at >= 0 && at < d->in_w ? row[at * d->channels + c] : d->fill;
            v ^= d->flip;
            sum += (d->flip != 0 ? v : (int8_t)v) * w[t * d->channels + c];
        }
        rt_requant_rows q = *d->requant;
        q.mult += c;
        q.shift += c;
        rt_kernels_c()->requant(out + i, &sum, 1, &q);
    }
}

static void check_dw_rows(const rt_kernels *t, rt_dwrow d, uint64_t seed)
{
    size_t n = (size_t)d.channels, row = n * (size_t)d.in_w, taps = (size_t)(d.k_h * d.k_w);
    size_t count = n * (size_t)(d.pixels * d.rows);
    uint8_t *image = noise_bytes(row * 16, seed, seed % 3);
    const uint8_t *in[16];
    for (int y = 0; y < 16; y++)
        in[y] = (seed + (uint64_t)y) % 5 == 0 ? NULL : image + (size_t)y * row;
    int8_t *w = noise_bytes(n * taps, seed + 1, 1);
    int32_t *bias = noise_ints(n, seed + 2, -100000, 100000);
    int32_t *mult = noise_ints(n, seed + 3, 1 << 30, INT32_MAX);
    int32_t *shift = noise_ints(n, seed + 4, -12, -2);
    const rt_requant_rows q = { mult, shift, -5, seed % 2 == 0 ? -5 : -128, 120, true };
    uint8_t *out = test_guard_new(count, 1), *want = test_guard_new(count, 1);
    d.in = in;
    d.flip = t->unsigned_a ? 0x80 : 0;
    d.bias = bias;
    d.requant = &q;
    void *packed = test_guard_new(t->dw_bytes(&d), seed % 2 * 16);
    t->dw_pack(packed, w, &d);
    test_guard_check(packed);
    d.w = packed;
    d.out = out;
    d.scratch = test_guard_new(t->dw_scratch(&d), 0);
    t->dw_rows(&d);
    test_guard_check(d.scratch);
    test_guard_check(out);
    convolve(&d, w, want);
    for (size_t i = 0; i < count; i++)
        if (out[i] != want[i])
            fail_msg("%s dw_rows %dx%d, stride %d, %d channels: pixel %zu channel %zu: %d, not %d",
                     t->name, d.k_h, d.k_w, d.stride, d.channels, i / n, i % n, out[i], want[i]);
    void *mine[] = { image, w, bias, mult, shift, out, want, packed, d.scratch };
    free_all(mine, 9);
}

static void dw_rows(void **state)
{
    (void)state;
    static const int sides[][2] = { { 3, 3 }, { 5, 5 }, { 1, 1 }, { 4, 10 }, { 2, 3 }, { 7, 7 } };
    for (int t = 0; t < n_tables; t++)
        for (int channels = 1; channels <= 150 && tables[t]->dw_rows != NULL;
             channels += channels < 40 ? 1 : 13)
            for (int i = 0; i < 6; i++) {
                int wide = channels % 9;
                rt_dwrow d = { .rows = 1 + channels % 3,
                               .in_step = 1 + channels % 2,
                               .channels = channels,
                               .k_h = sides[i][0],
                               .k_w = sides[i][1],
                               .stride = 1 + channels % 3,
                               .dilation = 1 + (channels + i) % 7 / 6,
                               .pad = channels % (sides[i][1] + 1),
                               .in_w = 1 + wide,
                               .pixels = 1 + wide / 2 + i % 3,
                               .fill = (uint8_t)(channels * 37) };
                check_dw_rows(tables[t], d, (uint64_t)(channels * 10 + i));
            }
}

/* Rows so wide that kernels cut them, of channels that are taken several pixels at a time. */
static void wide_dw_rows(void **state)
{
    (void)state;
    static const int channels[] = { 4, 8, 12, 16, 24, 32, 48, 56, 64, 80, 96, 144, 200 };
    for (int t = 0; t < n_tables; t++)
        for (int i = 0; i < 13 * 24 && tables[t]->dw_rows != NULL; i++) {
            const int c = channels[i % 13],
                      pixels = 1 + test_noise_int(1, (uint64_t)i, 0, 3000 / c);
            rt_dwrow d = { .rows = 1 + i % 4,
                           .in_step = 1 + i / 13 % 3 / 2,
                           .channels = c,
                           .k_h = i % 5 == 4 ? 5 : 3,
                           .k_w = i % 7 == 6 ? 5 : 3,
                           .stride = 1 + i / 13 % 3 / 2,
                           .dilation = 1 + i % 11 / 9,
                           .pad = i % 3,
                           .pixels = pixels,
                           .fill = (uint8_t)(i * 37) };
            d.in_w = pixels * d.stride + i % 4;
            check_dw_rows(tables[t], d, (uint64_t)i);
        }
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
    int32_t *acc = noise_ints(N, 4, -9999, 9999);
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
    free_all(mine, 2);
    free_product(&o);
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
        cmocka_unit_test(product), cmocka_unit_test(requant),   cmocka_unit_test(steps),
        cmocka_unit_test(add),     cmocka_unit_test(every_sum), cmocka_unit_test(rows),
        cmocka_unit_test(dwconv),  cmocka_unit_test(dw_rows),   cmocka_unit_test(wide_dw_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
