/* runtime: depthwise kernels of every table, tap by tap against the portable ones, by rows against
 * their definition; bit for bit, at odd addresses, with guard bytes behind what is written. */
#include "runtime/requant.h"
#include "tests/rt_tables.h"
#include "tests/testing.h"

static test_tables tables;

static void check_dwconv(const rt_kernels *t, int n, int taps, uint64_t seed)
{
    uint8_t *x[32];
    int16_t *w[32];
    bool is_unsigned = seed % 2 == 0;
    int32_t zero =
        is_unsigned ? test_noise_int(seed, 1, 0, 255) : test_noise_int(seed, 1, -128, 127);
    for (int i = 0; i < taps; i++) {
        x[i] = test_noise_bytes((size_t)n, seed + (uint64_t)i, (size_t)i % 4);
        w[i] = test_guard_new((size_t)n * sizeof *w[i], 2);
        for (int c = 0; c < n; c++)
            w[i][c] = (int16_t)test_noise_int(seed + 7, (uint64_t)(i * n + c), -255, 255);
    }
    int32_t *got = test_noise_ints((size_t)n, seed, -1000, 1000);
    int32_t *want = test_noise_ints((size_t)n, seed, -1000, 1000);
    t->dwconv(got, (const uint8_t *const *)x, (const int16_t *const *)w, taps, is_unsigned, zero,
              n);
    rt_kernels_c()->dwconv(want, (const uint8_t *const *)x, (const int16_t *const *)w, taps,
                           is_unsigned, zero, n);
    test_guard_check(got);
    for (int c = 0; c < n; c++)
        if (got[c] != want[c])
            fail_msg("%s dwconv %d of %d, %d taps: %d, not %d", t->name, c, n, taps, got[c],
                     want[c]);
    test_guards_free((void **)x, taps);
    test_guards_free((void **)w, taps);
    void *mine[] = { got, want };
    test_guards_free(mine, 2);
}

static void dwconv(void **state)
{
    (void)state;
    for (int t = 0; t < tables.n; t++)
        for (int n = 1; n <= 70; n++)
            check_dwconv(tables.table[t], n, n % 10, (uint64_t)n);
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
    uint8_t *image = test_noise_bytes(row * 16, seed, seed % 3);
    const uint8_t *in[16];
    for (int y = 0; y < 16; y++)
        in[y] = (seed + (uint64_t)y) % 5 == 0 ? NULL : image + (size_t)y * row;
    int8_t *w = test_noise_bytes(n * taps, seed + 1, 1);
    int32_t *bias = test_noise_ints(n, seed + 2, -100000, 100000);
    int32_t *mult = test_noise_ints(n, seed + 3, 1 << 30, INT32_MAX);
    int32_t *shift = test_noise_ints(n, seed + 4, -12, -2);
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
    test_guards_free(mine, 9);
}

static void dw_rows(void **state)
{
    (void)state;
    static const int sides[][2] = { { 3, 3 }, { 5, 5 }, { 1, 1 }, { 4, 10 }, { 2, 3 }, { 7, 7 } };
    for (int t = 0; t < tables.n; t++)
        for (int channels = 1; channels <= 150 && tables.table[t]->dw_rows != NULL;
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
                check_dw_rows(tables.table[t], d, (uint64_t)(channels * 10 + i));
            }
}

/* Rows so wide that kernels cut them, of channels that are taken several pixels at a time. */
static void wide_dw_rows(void **state)
{
    (void)state;
    static const int channels[] = { 4, 8, 12, 16, 24, 32, 48, 56, 64, 80, 96, 144, 200 };
    for (int t = 0; t < tables.n; t++)
        for (int i = 0; i < 13 * 24 && tables.table[t]->dw_rows != NULL; i++) {
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
            check_dw_rows(tables.table[t], d, (uint64_t)i);
        }
}

int main(void)
{
    tables = test_rt_tables();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dwconv),
        cmocka_unit_test(dw_rows),
        cmocka_unit_test(wide_dw_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
