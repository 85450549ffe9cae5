#include "docs/tour/code/values.h"

#include <math.h>

#include "nn/base/rng.h"

void tour_uniform(float *x, int n)
{
    nn_rng r = nn_rng_stream(1, "tour uniform", 0, 0);
    for (int i = 0; i < n; i++)
        x[i] = 2 * nn_rng_uniform(&r) - 1;
}

/* max(0, v) for v normal, but one value of 100 is four times as large. */
void tour_long_tail(float *x, int n)
{
    nn_rng r = nn_rng_stream(1, "tour long tail", 0, 0);
    for (int i = 0; i < n; i++) {
        double v = nn_rng_normal(&r) * (i % 100 == 0 ? 4 : 1);
        x[i] = (float)fmax(v, 0);
    }
}

nn_status tour_long_tail_histogram(quant_histogram **out)
{
    static float x[TOUR_VALUES];
    tour_long_tail(x, TOUR_VALUES);
    NN_TRY(quant_histogram_new(out, 2048));
    if (quant_histogram_add(*out, x, TOUR_VALUES))
        return NN_OK;
    quant_histogram_free(*out);
    return nn_fail(NN_EINVAL, "a value is not finite");
}

nn_fakequant_attr tour_calibration_attr(void)
{
    return (nn_fakequant_attr){ .grid = { 112, 127 }, .axis = -1 };
}

tour_split tour_split_error(const float *x, int n, float max, nn_affine a, nn_grid grid)
{
    tour_split s = { 0 };
    for (int i = 0; i < n; i++) {
        double error = (double)nn_affine_value(nn_affine_code(x[i], a, grid), a) - (double)x[i];
        *(x[i] > max ? &s.clipping : &s.rounding) += error * error / n;
        s.clipped += x[i] > max;
    }
    return s;
}
