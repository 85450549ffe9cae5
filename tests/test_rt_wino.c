/* runtime: 3x3 convolutions by Winograd against their definition, bit for bit: every table's kernel
 * over blocks of all sizes, whole convolutions with borders, and which of them are done this way.
 */
#include <math.h>

#include "runtime/kernels/conv_s8.h"
#include "tests/rt_tables.h"
#include "tests/testing.h"

static test_tables tables; /* those that have Winograd */

static test_tables with_winograd(void)
{
    const test_tables all = test_rt_tables();
    test_tables ts = { .n = 0 };
    for (int i = 0; i < all.n; i++)
        if (all.table[i]->wino != NULL)
            ts.table[ts.n++] = all.table[i];
    return ts;
}

/* What codes and weights are like: all alike at an end of their range give the largest sums, and
 * signs that alternate the largest transforms. */
typedef enum fill { NOISE, HIGH, LOW, BOARD, N_FILLS } fill;

static int code_of(fill how, uint64_t seed, size_t i, size_t column, size_t row)
{
    return how == NOISE            ? test_noise_int(seed, i, -128, 127)
           : how == HIGH           ? 127
           : how == LOW            ? -128
           : column % 2 == row % 2 ? 127
                                   : -128;
}

/* A convolution of in_h x in_w pixels over `images` images, and its result by definition. */
typedef struct sample {
    rt_window win;
    uint8_t *in, *want;
    int8_t *w;
    int32_t *bias, *mult, *shift, *folded;
    rt_requant_rows requant;
    int64_t most;    /* magnitude of an accumulator */
    int32_t in_zero; /* int8 */
    bool unsigned_x;
} sample;

static int tap(const sample *s, int image, int y, int x, int c)
{
    const rt_window *w = &s->win;
    if (y < 0 || x < 0 || y >= w->in_h || x >= w->in_w)
        return s->in_zero;
    size_t at = (((size_t)image * (size_t)w->in_h + (size_t)y) * (size_t)w->in_w + (size_t)x) *
                    (size_t)w->in_c +
                (size_t)c;
    return (int8_t)(s->in[at] ^ (s->unsigned_x ? 0x80 : 0));
}

static int32_t accumulate(const sample *s, size_t pixel, int o)
{
    const rt_window *w = &s->win;
    int x = (int)(pixel % (size_t)w->out_w), y = (int)(pixel / (size_t)w->out_w % (size_t)w->out_h);
    int image = (int)(pixel / (size_t)w->out_w / (size_t)w->out_h);
    int32_t sum = s->bias[o];
    const int8_t *g = s->w + (size_t)o * 9 * (size_t)w->in_c;
    for (int t = 0; t < 9; t++)
        for (int c = 0; c < w->in_c; c++)
            sum += *g++ *
                   (tap(s, image, y + t / 3 - w->pad_top, x + t % 3 - w->pad_left, c) - s->in_zero);
    return sum;
}

static void make_sample(sample *s, rt_window win, fill codes, fill weights, uint64_t seed)
{
    size_t n = (size_t)win.out_c, count = rt_window_pixels(&win) * n;
    size_t row = (size_t)win.in_w * (size_t)win.in_c, size = (size_t)(win.n * win.in_h) * row;
    s->win = win;
    s->unsigned_x = seed % 3 == 1;
    s->in_zero = seed % 4 == 0 ? -128 : seed % 4 == 1 ? 127 : test_noise_int(seed, 1, -128, 127);
    s->in = test_guard_new(size, seed % 5);
    for (size_t i = 0; i < size; i++)
        s->in[i] = (uint8_t)(code_of(codes, seed, i, i / (size_t)win.in_c, i / row) ^
                             (s->unsigned_x ? 0x80 : 0));
    s->w = test_guard_new(n * 9 * (size_t)win.in_c, 1);
    for (size_t i = 0; i < n * 9 * (size_t)win.in_c; i++) {
        size_t at = i / (size_t)win.in_c % 9;
        s->w[i] = (int8_t)code_of(weights, seed + 1, i, at % 3, at / 3);
    }
    s->bias = test_guard_new(n * 4, 4);
    s->mult = test_guard_new(n * 4, 4);
    s->shift = test_guard_new(n * 4, 4);
    s->folded = test_guard_new(n * 4, 4);
    for (size_t o = 0; o < n; o++) {
        s->folded[o] = s->bias[o] = test_noise_int(seed + 2, o, -30000, 30000);
        s->mult[o] = test_noise_int(seed + 3, o, 1 << 30, INT32_MAX);
        s->shift[o] = seed % 7 == 0 ? -test_noise_int(seed + 4, o, 0, 31)
                                    : -test_noise_int(seed + 4, o, 8, 14);
    }
    s->requant = (rt_requant_rows){ s->mult, s->shift, 3, seed % 2 == 0 ? 3 : -128, 127, true };
    if (s->unsigned_x)
        s->requant =
            (rt_requant_rows){ s->mult, s->shift, 120, seed % 2 == 0 ? 120 : 0, 255, true };
    s->want = test_guard_new(count, 0);
    s->most = 0;
    for (size_t i = 0; i < count; i++) {
        int o = (int)(i % n);
        rt_requant_rows q = s->requant;
        q.mult += o;
        q.shift += o;
        int32_t sum = accumulate(s, i / n, o);
        s->most = sum > s->most ? sum : -sum > s->most ? -sum : s->most;
        rt_kernels_c()->requant(s->want + i, &sum, 1, &q);
    }
}

static void free_sample(sample *s)
{
    void *mine[] = { s->in, s->want, s->w, s->bias, s->mult, s->shift, s->folded };
    for (int i = 0; i < 7; i++)
        test_guard_free(mine[i]);
}

static void compare(const rt_kernels *t, const sample *s, const uint8_t *got, const char *what)
{
    const rt_window *w = &s->win;
    size_t n = (size_t)w->out_c;
    for (size_t i = 0; i < rt_window_pixels(w) * n; i++)
        if (got[i] != s->want[i])
            fail_msg("%s %s, %dx%d of %dx%d, %d to %d channels: pixel %zu channel %zu: %d, not %d",
                     t->name, what, w->out_h, w->out_w, w->in_h, w->in_w, w->in_c, w->out_c, i / n,
                     i % n, got[i], s->want[i]);
}

/* One block through the kernel alone: the whole image without a border. */
static void check_block(const rt_kernels *t, int rows, int pixels, int c, int n, fill codes,
                        fill weights, uint64_t seed)
{
    int down = (rows + 3) / 4 * 4 + 2, across = (pixels + 3) / 4 * 4 + 2;
    rt_window win = { 1, down, across, c, rows, pixels, n, 3, 3, 1, 1, 1, 1, 0, 0 };
    sample s;
    make_sample(&s, win, codes, weights, seed);
    size_t size = (size_t)down * (size_t)across * (size_t)c;
    uint8_t *a = test_guard_new((size + 64) * (size_t)t->a_bytes, 0);
    t->load(a, s.in, size, t->unsigned_a == s.unsigned_x ? 0 : 0x80);
    int16_t *packed = test_guard_new(rt_wino_bytes(n, c), 0);
    rt_wino_pack(packed, s.w, n, c);
    test_guard_check(packed);
    rt_conv_fold(s.folded, s.w, n, 9 * c, s.in_zero + (t->unsigned_a ? 128 : 0));
    uint8_t *out = test_guard_new((size_t)(rows * pixels * n), seed % 3);
    void *scratch = test_guard_new(rt_wino_cut(rows, pixels, c).bytes, 0);
    rt_wino p = { .a = a,
                  .a_row = (size_t)across * (size_t)c,
                  .c = c,
                  .n = n,
                  .rows = rows,
                  .pixels = pixels,
                  .w = packed,
                  .bias = s.folded,
                  .most = s.most,
                  .out = out,
                  .out_row = (size_t)(pixels * n),
                  .out_step = (size_t)n,
                  .requant = &s.requant,
                  .scratch = scratch };
    t->wino(&p);
    test_guard_check(out);
    test_guard_check(scratch);
    compare(t, &s, out, "block");
    test_guard_free(a);
    test_guard_free(packed);
    test_guard_free(out);
    test_guard_free(scratch);
    free_sample(&s);
}

static void blocks(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++) {
        for (int rows = 1; rows <= 11; rows++)
            for (int pixels = 1; pixels <= 23; pixels += 1 + rows % 3)
                check_block(tables.table[t], rows, pixels, 1 + (rows * 5 + pixels) % 40,
                            1 + (rows + pixels * 7) % 50, NOISE, NOISE,
                            (uint64_t)(rows * 30 + pixels));
        for (int c = 1; c <= 70; c++)
            check_block(tables.table[t], 5, 6, c, 71 - c, NOISE, NOISE, (uint64_t)c);
    }
}

/* Codes and weights at the ends of their ranges, up to as many channels as keep sums below 2^25. */
static void extremes(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int i = 0; i < N_FILLS * N_FILLS; i++) {
            check_block(tables.table[t], 4, 8, 33, 17, (fill)(i / N_FILLS), (fill)(i % N_FILLS),
                        (uint64_t)i);
            check_block(tables.table[t], 5, 5, 113, 16, (fill)(i / N_FILLS), (fill)(i % N_FILLS),
                        (uint64_t)i + 50);
        }
}

/* Accumulators next to where the code changes, as biases of channels whose weights are 0: `around`
 * of them for each code, and the largest of all, with one multiplier. */
static void check_steps(const rt_kernels *t, int32_t mult, int32_t shift, int64_t most,
                        uint64_t seed)
{
    enum { CODES = 258, AROUND = 5, N = CODES * AROUND };
    const double unit = mult * (1.0 / 2147483648.0) / (double)(INT64_C(1) << -shift);
    int32_t *bias = test_noise_ints(N, seed, -9, 9), *mults = test_noise_ints(N, 0, mult, mult);
    int32_t *shifts = test_noise_ints(N, 0, shift, shift);
    for (int i = 0; i < N; i++) {
        double x = floor((i / AROUND - CODES / 2 + 0.5) / unit + (i % AROUND - AROUND / 2));
        if (fabs(x) <= (double)most)
            bias[i] = (int32_t)x;
    }
    bias[0] = (int32_t)-most;
    bias[N - 1] = (int32_t)most;
    const rt_requant_rows requant = { mults, shifts, 3, seed % 2 == 0 ? 3 : -128, 127, true };
    uint8_t *a = test_guard_new((36 + 64) * (size_t)t->a_bytes, 0), *got = test_guard_new(N, 1);
    uint8_t *want = test_guard_new(N, 0), *scratch = test_guard_new(rt_wino_cut(1, 1, 1).bytes, 0);
    int16_t *w = test_guard_new(rt_wino_bytes(N, 1), 0);
    memset(a, 0, 36 * (size_t)t->a_bytes);
    memset(w, 0, rt_wino_bytes(N, 1));
    const rt_wino p = { .a = a,
                        .a_row = 6,
                        .c = 1,
                        .n = N,
                        .rows = 1,
                        .pixels = 1,
                        .w = w,
                        .bias = bias,
                        .most = most,
                        .out = got,
                        .out_row = N,
                        .out_step = N,
                        .requant = &requant,
                        .scratch = scratch };
    t->wino(&p);
    test_guard_check(got);
    rt_kernels_c()->requant(want, bias, N, &requant);
    for (int i = 0; i < N; i++)
        if (got[i] != want[i])
            fail_msg("%s code of %d by %d, shift %d, most %lld: %d, not %d", t->name, bias[i], mult,
                     shift, (long long)most, got[i], want[i]);
    void *mine[] = { bias, mults, shifts, a, got, want, scratch, w };
    test_guards_free(mine, 8);
}

static void steps(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int i = 0; i < 460; i++) {
            uint64_t seed = (uint64_t)i;
            int32_t mult = i % 3 == 0 ? INT32_MAX - i : test_noise_int(seed, 1, 1 << 30, INT32_MAX);
            /* 576 of them fit an int32; do not; 64 of them just do */
            const int64_t most[3] = { INT32_MAX / RT_WINO_SCALE, INT32_MAX / RT_WINO_SCALE + 1,
                                      (1 << 25) - 1 };
            check_steps(tables.table[t], mult, -(i % 23), most[i % 3], seed);
        }
}

/* ---- whole convolutions ---------------------------------------------------------------------- */

static rt_conv_s8 plan(const sample *s, const rt_kernels *t, int workers)
{
    rt_conv_s8 p = { .win = s->win,
                     .groups = 1,
                     .k = 9 * s->win.in_c,
                     .in_zero = s->in_zero + (t->unsigned_a ? 128 : 0),
                     .flip = t->unsigned_a == s->unsigned_x ? 0 : 0x80,
                     .bias = s->folded,
                     .requant = s->requant,
                     .most = s->most };
    rt_conv_plan(&p, t, workers);
    return p;
}

static void check_whole(const rt_kernels *t, int h, int w, int pad, uint64_t seed)
{
    int c = test_noise_int(seed, 1, 16, 40), n = test_noise_int(seed, 2, 16, 70);
    rt_window win = { 1 + (int)(seed % 2),
                      h,
                      w,
                      c,
                      h + 2 * pad - 2,
                      w + 2 * pad - 2,
                      n,
                      3,
                      3,
                      1,
                      1,
                      1,
                      1,
                      pad,
                      pad };
    if (win.out_h < 1 || win.out_w < 1)
        return;
    sample s;
    make_sample(&s, win, NOISE, NOISE, seed);
    rt_conv_s8 p = plan(&s, t, 1 + (int)(seed % 3));
    rt_conv_fold(s.folded, s.w, n, p.k, p.in_zero);
    void *packed = test_guard_new(rt_conv_packed(&p, t), 0);
    if (t->pack != NULL || p.how == RT_CONV_WINOGRAD)
        rt_conv_pack(&p, t, packed, s.w);
    else
        memcpy(packed, s.w, rt_conv_packed(&p, t));
    p.weights = packed;
    size_t count = rt_window_pixels(&win) * (size_t)n;
    uint8_t *out = test_guard_new(count, 0);
    void *scratch = test_guard_new(rt_conv_scratch(&p, t), 0);
    for (int b = 0; b < rt_conv_blocks(&p); b++)
        rt_conv_run(&p, t, s.in, out, b, scratch);
    test_guard_check(out);
    test_guard_check(scratch);
    compare(t, &s, out, p.how == RT_CONV_WINOGRAD ? "by Winograd" : "directly");
    test_guard_free(packed);
    test_guard_free(out);
    test_guard_free(scratch);
    free_sample(&s);
}

static void whole(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int h = 1; h <= 23; h++)
            for (int w = 1 + h % 2; w <= 23; w += 1 + h % 4)
                check_whole(tables.table[t], h, w, (h + w) % 5 == 0 ? 0 : 1,
                            (uint64_t)(h * 25 + w));
    for (int t = 0; t < tables.n; t++)
        check_whole(tables.table[t], 9, 150, 1, 7); /* several blocks in a row of tiles */
}

static bool by_winograd(rt_conv_s8 p, const rt_kernels *t)
{
    rt_conv_plan(&p, t, 1);
    return p.how == RT_CONV_WINOGRAD;
}

static void choice(void **state)
{
    (void)state;
    const double factor = 0.5;
    for (int t = 0; t < tables.n; t++) {
        const rt_kernels *k = tables.table[t];
        const rt_window win = { 1, 32, 32, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1 };
        const rt_conv_s8 good = { .win = win,
                                  .groups = 1,
                                  .k = 9 * 64,
                                  .requant = { .narrow = true },
                                  .most = (1 << 25) - 1 };
        assert_true(by_winograd(good, k));
        rt_conv_s8 p = good;
        p.most = 1 << 25; /* results times 64 would leave 32 bits */
        assert_false(by_winograd(p, k));
        p = good;
        p.requant.narrow = false;
        assert_false(by_winograd(p, k));
        p = good;
        p.w_zero = 1;
        assert_false(by_winograd(p, k));
        p = good;
        p.factor = &factor;
        assert_false(by_winograd(p, k));
        p = good;
        p.groups = 2;
        p.k /= 2;
        assert_false(by_winograd(p, k));
        p = good;
        p.win.stride_w = 2;
        p.win.out_w = 16;
        assert_false(by_winograd(p, k));
        p = good;
        p.win.dilation_h = 2;
        p.win.out_h = 30;
        assert_false(by_winograd(p, k));
        p = good;
        p.win.in_h = p.win.in_w = p.win.out_h = p.win.out_w = 5; /* four tiles for 25 pixels */
        assert_false(by_winograd(p, k));
        p = good;
        p.win.in_c = p.win.out_c = 4096; /* 1.2 GB of transformed weights */
        p.k = 9 * 4096;
        assert_false(by_winograd(p, k));
    }
}

int main(void)
{
    tables = with_winograd();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks), cmocka_unit_test(extremes), cmocka_unit_test(steps),
        cmocka_unit_test(whole),  cmocka_unit_test(choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
