/* runtime: work cut into pieces, by itself and as convolutions do it: all of it, no piece too
 * large, and as many pieces for each worker. */
#include "runtime/kernels/conv_s8.h"
#include "runtime/kernels/cut.h"
#include "runtime/kernels/dwconv_s8.h"
#include "tests/testing.h"

static void pieces_are_even(void **state)
{
    (void)state;
    assert_int_equal(rt_cut_even(100, 40), 34);
    assert_int_equal(rt_cut_even(100, 0), 1);
    assert_int_equal(rt_cut_even(100, UINT64_MAX), 100);
    assert_int_equal(rt_cut_count(INT32_MAX, 1), INT32_MAX);
    assert_int_equal(rt_cut_even(INT32_MAX, 1), 1);
    assert_int_equal(rt_cut_shared(INT32_MAX, INT32_MAX, 2), 1 << 30);
    assert_int_equal(rt_cut_shared(1, 1, 4096), 1);
}

static void each_hand_has_as_many(void **state)
{
    (void)state;
    for (int n = 1; n <= 130; n++)
        for (int most = 1; most <= n + 1; most++)
            for (int hands = 1; hands <= 9; hands++) {
                int each = rt_cut_shared(n, (uint64_t)most, hands), count = rt_cut_count(n, each);
                int rounds = rt_cut_count(rt_cut_count(n, rt_cut_even(n, (uint64_t)most)), hands);
                assert_in_range(each, 1, most);
                assert_int_equal(rt_cut_count(count, hands), rounds);
                assert_in_range(each, 1, n / (rounds * hands) + 1); /* no longer than it must be */
            }
}

static void little_work_is_for_few(void **state)
{
    (void)state;
    assert_int_equal(rt_cut_hands(99, 100, 8), 1);
    assert_int_equal(rt_cut_hands(300, 100, 8), 3);
    assert_int_equal(rt_cut_hands(UINT64_MAX, 1, 8), 8);
}

static int blocks(int32_t side, int32_t in_c, int32_t out_c, int32_t taps, int workers)
{
    rt_conv_s8 p = { .win = { 1, side, side, in_c, side, side, out_c, taps, taps, 1, 1, 1, 1,
                              taps / 2, taps / 2 },
                     .groups = 1,
                     .k = taps * taps * in_c,
                     .requant.narrow = true,
                     .most = INT32_MAX };
    rt_conv_plan(&p, rt_kernels_c(), workers);
    return rt_conv_blocks(&p);
}

static void convolutions_are_shared(void **state)
{
    (void)state;
    assert_int_equal(blocks(6, 128, 128, 1, 1), 1);
    assert_int_equal(blocks(6, 128, 128, 1, 2), 2);
    assert_int_equal(blocks(6, 128, 128, 1, 3), 3);
    assert_int_equal(blocks(6, 16, 16, 1, 2), 1); /* 9,216 products */
    assert_int_equal(blocks(16, 16, 16, 3, 2), 2);
    assert_int_equal(blocks(28, 64, 64, 1, 3) % 3, 0);
    assert_int_equal(blocks(3, 512, 512, 3, 2) % 2, 0); /* by channels */
}

static void depthwise_ones_are_shared(void **state)
{
    (void)state;
    rt_dwconv_s8 p = { .win = { 1, 24, 24, 16, 24, 24, 16, 3, 3, 1, 1, 1, 1, 1, 1 },
                       .multiplier = 1 };
    for (int workers = 1; workers <= 4; workers++) {
        rt_dwconv_plan(&p, workers);
        assert_int_equal(rt_dwconv_blocks(&p), workers < 2 ? 1 : 2); /* 82,944 products */
    }
    p.win.in_c = p.win.out_c = 1;
    rt_dwconv_plan(&p, 4);
    assert_int_equal(rt_dwconv_blocks(&p), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_even),           cmocka_unit_test(each_hand_has_as_many),
        cmocka_unit_test(little_work_is_for_few),    cmocka_unit_test(convolutions_are_shared),
        cmocka_unit_test(depthwise_ones_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
