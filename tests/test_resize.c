/* resize: against values computed by hand, and against the formula in plain double arithmetic. */
#include <math.h>

#include "data/resize.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

static const ds_resize_rule stretch = { DS_STRETCH, DS_TRIANGLE }, crop = { DS_CROP, DS_TRIANGLE };

static void check(ds_image from, ds_resize_rule rule, int h, int w, int c, const uint8_t *want)
{
    uint8_t pixels[64];
    ds_scratch scratch = { 0 };
    ds_image to = { h, w, c, pixels };
    assert_ok(ds_resize(&from, rule, &to, &scratch));
    for (int i = 0; i < h * w * c; i++)
        assert_int_equal(pixels[i], want[i]);
    ds_scratch_free(&scratch);
}

static void by_hand(void **state)
{
    (void)state;
    uint8_t two[] = { 0, 100 }, four[] = { 10, 20, 30, 40 },
            eight[] = { 0, 0, 0, 0, 80, 80, 80, 80 };
    /* up: output centres at 1/4, 3/4, 5/4, 7/4 of input pixels with centres at 1/2 and 3/2 */
    check((ds_image){ 1, 2, 1, two }, stretch, 1, 4, 1, (uint8_t[]){ 0, 25, 75, 100 });
    check((ds_image){ 2, 1, 1, two }, stretch, 4, 1, 1, (uint8_t[]){ 0, 25, 75, 100 });
    /* down by 2: weights 3 3 1 (and 1 outside), so (30 + 60 + 30) / 7 = 17.14, mirrored 32.86 */
    check((ds_image){ 1, 4, 1, four }, stretch, 1, 2, 1, (uint8_t[]){ 17, 33 });
    /* down to one: weights 1 3 3 1 ... of the whole: 5 7 7 5 */
    check((ds_image){ 1, 4, 1, four }, stretch, 1, 1, 1, (uint8_t[]){ 25 });
    /* down by 4 of 8: weights 5 7 7 5 3 1, so 80 * 4 / 28 = 11.43 */
    check((ds_image){ 1, 8, 1, eight }, stretch, 1, 2, 1, (uint8_t[]){ 11, 69 });
    check((ds_image){ 2, 2, 1, four }, stretch, 2, 2, 1, four);
    check((ds_image){ 1, 1, 1, four }, stretch, 2, 2, 1, (uint8_t[]){ 10, 10, 10, 10 });
}

static void by_window(void **state)
{
    (void)state;
    uint8_t row[] = { 1, 2, 3, 4, 5, 6, 7 };
    check((ds_image){ 1, 7, 1, row }, crop, 1, 1, 1, (uint8_t[]){ 4 });
    check((ds_image){ 1, 7, 1, row }, crop, 1, 3, 1, (uint8_t[]){ 3, 4, 5 });
    check((ds_image){ 7, 1, 1, row }, crop, 2, 2, 1, (uint8_t[]){ 4, 4, 4, 4 });
    check((ds_image){ 1, 6, 1, row }, crop, 1, 1, 1, (uint8_t[]){ 3 }); /* rounded down */
}

static void by_channels(void **state)
{
    (void)state;
    uint8_t rgb[] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255 }, grey[] = { 7, 9 };
    check((ds_image){ 1, 4, 3, rgb }, stretch, 1, 4, 1, (uint8_t[]){ 77, 149, 29, 255 });
    check((ds_image){ 1, 2, 1, grey }, stretch, 1, 2, 3, (uint8_t[]){ 7, 7, 7, 9, 9, 9 });
    check((ds_image){ 1, 4, 3, rgb }, crop, 1, 1, 3, (uint8_t[]){ 0, 255, 0 });
    check((ds_image){ 1, 4, 3, rgb }, crop, 1, 1, 1, (uint8_t[]){ 149 });
}

/* The formula of the header, directly. */
static double weighed(const ds_image *im, int oy, int ox, int c, int h, int w)
{
    double total = 0, sum = 0, sy = fmax(1, (double)im->height / h),
           sx = fmax(1, (double)im->width / w);
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++) {
            double dy = fabs(y + 0.5 - (oy + 0.5) * im->height / h) / sy;
            double dx = fabs(x + 0.5 - (ox + 0.5) * im->width / w) / sx;
            double k = fmax(0, 1 - dy) * fmax(0, 1 - dx);
            total += k;
            sum += k * im->pixels[(y * im->width + x) * im->channels + c];
        }
    return sum / total;
}

static void by_formula(void **state)
{
    (void)state;
    ds_scratch scratch = { 0 };
    for (int k = 0; k < 60; k++) {
        int ih = test_noise_int(1, (uint64_t)k, 1, 25), iw = test_noise_int(2, (uint64_t)k, 1, 25);
        int h = test_noise_int(3, (uint64_t)k, 1, 25), w = test_noise_int(4, (uint64_t)k, 1, 25);
        int C = k % 2 ? 3 : 1;
        uint8_t *in = test_guard_new((size_t)(ih * iw * C), 0);
        uint8_t *out = test_guard_new((size_t)(h * w * C), 0);
        for (int i = 0; i < ih * iw * C; i++)
            in[i] = (uint8_t)test_noise_int(5, (uint64_t)(k * 10000 + i), 0, 255);
        ds_image from = { ih, iw, C, in }, to = { h, w, C, out };
        assert_ok(ds_resize(&from, stretch, &to, &scratch));
        for (int i = 0; i < h * w * C; i++) {
            double want = weighed(&from, i / C / w, i / C % w, i % C, h, w);
            assert_true(fabs(out[i] - want) <= 0.5 + 1e-9);
        }
        test_guard_check(in);
        test_guard_check(out);
        test_guard_free(in);
        test_guard_free(out);
    }
    ds_scratch_free(&scratch);
}

static void extreme_shapes(void **state)
{
    (void)state;
    enum { LONG = 70000 };
    static uint8_t in[LONG], out[LONG];
    ds_scratch scratch = { 0 };
    memset(in, 200, sizeof in);
    ds_image from = { 1, LONG, 1, in }, to = { 3, 2, 1, out };
    assert_ok(ds_resize(&from, stretch, &to, &scratch));
    for (int i = 0; i < 6; i++)
        assert_int_equal(out[i], 200);
    from = (ds_image){ LONG, 1, 1, in };
    to = (ds_image){ 1, LONG, 1, out };
    assert_ok(ds_resize(&from, crop, &to, &scratch));
    assert_int_equal(out[LONG - 1], 200);
    to.channels = 2;
    assert_fails(ds_resize(&from, crop, &to, &scratch), NN_ESHAPE, "1 channels cannot become 2");
    ds_scratch_free(&scratch);
    to.channels = 1;
    nn_mem_fail_after(1);
    nn_status st = ds_resize(&from, crop, &to, &scratch);
    nn_mem_fail_after(0);
    assert_fails(st, NN_ENOMEM, "resizing");
}

static void rules_are_stored_as_text(void **state)
{
    (void)state;
    ds_resize_rule r;
    for (int k = 0; k < 2; k++) {
        ds_resize_rule rule = k ? stretch : crop;
        assert_ok(ds_resize_rule_parse(&r, ds_resize_rule_text(rule)));
        assert_int_equal(r.fit, rule.fit);
        assert_int_equal(r.filter, rule.filter);
    }
    assert_ok(ds_resize_rule_parse(&r, "stretch"));
    assert_int_equal(r.fit, DS_STRETCH);
    assert_fails(ds_resize_rule_parse(&r, "strech"), NN_EINVAL, "did you mean stretch");
    assert_fails(ds_resize_rule_parse(&r, "crop,bicubic"), NN_EINVAL, "bicubic");
    assert_fails(ds_resize_rule_parse(&r, ""), NN_EINVAL, "there are crop, stretch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),        cmocka_unit_test(by_window),
        cmocka_unit_test(by_channels),    cmocka_unit_test(by_formula),
        cmocka_unit_test(extreme_shapes), cmocka_unit_test(rules_are_stored_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
