#include "nn/base/affine.h"

#include <float.h>
#include <math.h>

nn_grid nn_grid_signed(int bits, bool narrow)
{
    int32_t half = (int32_t)1 << (bits - 1);
    return (nn_grid){ .qmin = narrow ? 1 - half : -half, .qmax = half - 1 };
}

nn_affine nn_affine_from_range(float min, float max, nn_grid grid)
{
    double lo = fmin(min, 0.0), hi = fmax(max, 0.0);
    if (hi - lo < (double)FLT_MIN * (grid.qmax - grid.qmin))
        return (nn_affine){ .scale = 1.0f,
                            .zero_point = grid.qmin > 0   ? grid.qmin
                                          : grid.qmax < 0 ? grid.qmax
                                                          : 0 };
    double scale = (hi - lo) / (grid.qmax - grid.qmin);
    double from_min = grid.qmin - lo / scale, from_max = grid.qmax - hi / scale;
    double error_min = fabs((double)grid.qmin) + fabs(lo / scale);
    double error_max = fabs((double)grid.qmax) + fabs(hi / scale);
    double z = round(error_min < error_max ? from_min : from_max);
    z = fmin(fmax(z, grid.qmin), grid.qmax);
    return (nn_affine){ .scale = (float)scale, .zero_point = (int32_t)z };
}

nn_affine nn_affine_symmetric(float min, float max, nn_grid grid)
{
    double scale = fmax((double)max / grid.qmax, (double)min / grid.qmin);
    if (scale < (double)FLT_MIN)
        return (nn_affine){ .scale = 1.0f, .zero_point = 0 };
    return (nn_affine){ .scale = (float)scale, .zero_point = 0 };
}

int32_t nn_affine_code(float x, nn_affine a, nn_grid grid)
{
    float q = roundf(x / a.scale) + (float)a.zero_point;
    if (!(q > (float)grid.qmin)) /* also NaN */
        return grid.qmin;
    return q < (float)grid.qmax ? (int32_t)q : grid.qmax;
}
