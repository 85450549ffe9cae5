/* moments: means and variances of normals that an activation clips, against published values and
 * sums. */
#include <math.h>

#include "quant/moments.h"
#include "tests/testing.h"

static void clipped_normals_have_known_means(void **state)
{
    (void)state;
    static const double want[3][3] = { { 0, 1, .39894228 },
                                       { 1, 2, 1.39158484 },
                                       { 4, 3, 3.67382641 } };
    for (int i = 0; i < 3; i++) {
        const quant_moments x = { want[i][0], want[i][1] * want[i][1] };
        assert_true(fabs(quant_clipped_normal(x, 6).mean - want[i][2]) < 1e-8);
    }
    const quant_moments relu = quant_clipped_normal((quant_moments){ 0, 1 }, INFINITY);
    const double pi = 3.14159265358979323846;
    assert_true(fabs(relu.mean - 1 / sqrt(2 * pi)) < 1e-12);
    assert_true(fabs(relu.variance - (0.5 - 1 / (2 * pi))) < 1e-12);
    const quant_moments fixed = quant_clipped_normal((quant_moments){ -2, 0 }, 6);
    assert_true(fixed.mean == 0 && fixed.variance == 0);
    const quant_moments far = quant_clipped_normal((quant_moments){ 100, 1 }, INFINITY);
    assert_true(fabs(far.mean - 100) < 1e-9 && fabs(far.variance - 1) < 1e-6);
}

/* By summing a fine grid. */
static void clipped_moments_are_integrals(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const double mean = test_noise_int(seed, 0, -40, 90) / 10.0;
        const double deviation = test_noise_int(seed, 1, 2, 40) / 10.0, step = 1e-3;
        double first = 0, second = 0;
        for (double z = -9; z < 9; z += step) {
            const double x = fmin(fmax(mean + deviation * z, 0), 6);
            const double p = exp(-z * z / 2) / sqrt(2 * 3.14159265358979323846) * step;
            first += x * p;
            second += x * x * p;
        }
        const quant_moments m =
            quant_clipped_normal((quant_moments){ mean, deviation * deviation }, 6);
        assert_true(fabs(m.mean - first) < 1e-5);
        assert_true(fabs(m.variance - (second - first * first)) < 1e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clipped_normals_have_known_means),
        cmocka_unit_test(clipped_moments_are_integrals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
