/* runtime: fixed-point arithmetic and the runtime's own frexp, round, exp, tanh.  Golden values are
 * those of TensorFlow Lite's compiled public reference headers (both rounding builds). */
#include <math.h>

#include "runtime/real.h"
#include "runtime/requant.h"
#include "tests/testing.h"

static void multipliers(void **state)
{
    (void)state;
    static const struct {
        double d;
        int32_t mult, shift;
    } golden[] = {
        { 1.0, 1073741824, 1 },
        { 0.5, 1073741824, 0 },
        { 0.0, 0, 0 },
        { 1.0 / 3, 1431655765, -1 },
        { 1.5, 1610612736, 1 },
        { 100.7, 1689465651, 7 },
        { 0.007247427341846, 1992157658, -7 },
        { 0x1p-32, 1073741824, -31 },
        { 0x1.ffffffffea028p-1, 1073741824, 1 },
        { 0x1.4ed9ecap-8, 1404468008, -7 },
        { 0x1.438d0ap-8, 1357070976, -7 },
        { 0x1.1634d14p+12, 1166881872, 13 },
        { 0x1.35adfd0f920c8p-43, 0, 0 },
        { 0x1.0412b38p+10, 1090825440, 11 },
        { 0x1.871b97ep-23, 1640424952, -22 },
        { 0x1.de69c5ap-30, 2006610280, -29 },
        { 0x1.54b1e18p-1, 1428977760, 0 },
        { 0x1.6497dep-8, 1495660416, -7 },
        { 0x1.aca0eb2p+17, 1797798600, 18 },
        { 0x1.560e7dff920c8p-35, 0, 0 },
        { 0x1.b1ac0dap-45, 0, 0 },
    };
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        rt_multiplier m;
        assert_true(rt_multiplier_of(golden[i].d, &m));
        assert_int_equal(m.mult, golden[i].mult);
        assert_int_equal(m.shift, golden[i].shift);
    }
    rt_multiplier m;
    assert_false(rt_multiplier_of(0x1p31, &m));
    assert_false(rt_multiplier_of(-1, &m));
    assert_false(rt_multiplier_of((double)NAN, &m));
    assert_false(rt_multiplier_of((double)INFINITY, &m));
}

static void rescaling(void **state)
{
    (void)state;
    static const struct {
        int32_t x, mult, shift, twice, once;
    } golden[] = {
        { 1000, 1073741824, 1, 1000, 1000 },
        { 12345, 1992157658, -7, 89, 89 },
        { -12345, 1992157658, -7, -89, -89 },
        { 3, 1073741824, 0, 2, 2 },
        { -3, 1073741824, 0, -1, -1 },
        { -1, 1073741824, 0, 0, 0 },
        { -6, 1073741824, -1, -2, -1 },
        { 6, 1073741824, -1, 2, 2 },
        { -1000, 1717986918, -3, -100, -100 },
        { 32878, 1253014863, -5, 600, 599 },
        { -21398, 1967009137, -5, -613, -612 },
        { 46764, 1245394584, -5, 848, 847 },
        { 38663, 1866261792, -7, 263, 262 },
        { INT32_MIN, 2147483647, 0, -2147483647, -2147483647 },
        { -94015, 1788400341, -5, -2447, -2447 },
        { -3238661, 1847046306, -14, -170, -170 },
        { 1914988780, 1808214139, -26, 24, 24 },
        { 11024693, 2034731562, -14, 638, 638 },
        { 45, 2002476160, 1, 84, 84 },
        { 221545, 1296275720, -14, 8, 8 },
        { 335517, 1438837456, -11, 110, 110 },
        { -15, 1152566351, -3, -1, -1 },
        { -1653, 1473916907, -4, -71, -71 },
        { 3524, 2064850252, -5, 106, 106 },
        { 7552, 1152668404, -12, 1, 1 },
        { -13, 1587213742, -2, -3, -2 },
        { -1, 1110248043, -1, -1, 0 },
        { 646, 1239500147, -1, 187, 186 },
        { -7, 1783935086, -2, -2, -1 },
        { 3, 2075884842, -1, 2, 1 },
        { -60, 1957490089, -1, -28, -27 },
        { 12, 1608313679, -1, 5, 4 },
        { -2230, 1442338707, -2, -375, -374 },
        { -57, 1418219291, -2, -10, -9 },
    };
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        rt_multiplier m = { golden[i].mult, golden[i].shift };
        assert_int_equal(rt_requant(golden[i].x, m, RT_ROUND_TWICE), golden[i].twice);
        assert_int_equal(rt_requant(golden[i].x, m, RT_ROUND_ONCE), golden[i].once);
    }
}

static void halves(void **state)
{
    (void)state;
    assert_int_equal(rt_srdhm(3, 1 << 30), 2);
    assert_int_equal(rt_srdhm(-3, 1 << 30), -1);
    assert_int_equal(rt_srdhm(-1, 1 << 30), 0);
    assert_int_equal(rt_srdhm(INT32_MIN, INT32_MIN), INT32_MAX);
    assert_int_equal(rt_rdbp(-1, 1), -1);
    assert_int_equal(rt_rdbp(-3, 1), -2);
    assert_int_equal(rt_rdbp(3, 1), 2);
    assert_int_equal(rt_rdbp(-5, 2), -1);
    assert_int_equal(rt_rdbp(-6, 2), -2);
    assert_int_equal(rt_rdbp(INT32_MIN, 0), INT32_MIN);
    assert_int_equal(rt_rdbp(INT32_MIN, 31), -1);
    assert_int_equal(rt_rdbp(INT32_MAX, 31), 1);
}

/* Any input and multiplier: nothing undefined (under the sanitizers), and the two roundings agree
 * to one step. */
static void rescaling_is_defined_everywhere(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        rt_multiplier m = { test_noise_int(1, i, 1 << 30, INT32_MAX),
                            test_noise_int(2, i, -31, 30) };
        int32_t x = test_noise_int(3, i, -INT32_MAX, INT32_MAX);
        int32_t twice = rt_requant(x, m, RT_ROUND_TWICE), once = rt_requant(x, m, RT_ROUND_ONCE);
        if (m.shift <= 0)
            assert_true(twice - once <= 1 && once - twice <= 1);
    }
}

static void real_functions(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        double x = test_noise_int(4, i, -1000000000, 1000000000) * 1e-8;
        assert_true(fabs(rt_exp(x) - exp(x)) <= 1e-15 * exp(x));
        assert_true(fabs(rt_tanh(x) - tanh(x)) <= 2e-15 * fabs(tanh(x)));
        assert_true(rt_round(x * 0.5) == (int64_t)round(x * 0.5));
        int e, f;
        double scaled = ldexp(x, test_noise_int(5, i, -1060, 1000));
        assert_true(rt_frexp(scaled, &e) == frexp(scaled, &f) && (e == f || scaled == 0));
    }
    assert_int_equal(rt_round(0.49999999999999994), 0);
    assert_int_equal(rt_round(-0.5), -1);
    assert_int_equal(rt_round(2.5), 3);
    assert_int_equal(rt_round(4503599627370497.5), INT64_C(4503599627370498));
    assert_true(isinf(rt_exp(1000)) && rt_exp(-1000) == 0 && rt_tanh(-400) == -1);
    assert_true(rt_is_finite(3e38f) && !rt_is_finite(INFINITY) && !rt_is_finite(NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipliers),    cmocka_unit_test(rescaling),
        cmocka_unit_test(halves),         cmocka_unit_test(rescaling_is_defined_everywhere),
        cmocka_unit_test(real_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
