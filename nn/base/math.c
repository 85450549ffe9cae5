#include "nn/base/math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double ln2_hi = 0x1.62e42fee00000p-1; /* 32 bits of ln 2: k * ln2_hi is exact */
static const double ln2_lo = 0x1.a39ef35793c76p-33;

static double scale_by_power_of_two(double x, int k)
{
    /* Two steps, so that results below the smallest normal number come out right. */
    int half = k / 2;
    for (int step = 0; step < 2; step++) {
        uint64_t bits = (uint64_t)(1023 + (step == 0 ? half : k - half)) << 52;
        double factor;
        memcpy(&factor, &bits, sizeof factor);
        x *= factor;
    }
    return x;
}

double nn_exp(double x)
{
    if (isnan(x))
        return x;
    if (x > 709.782712893384)
        return (double)INFINITY;
    if (x < -745.1332191019412)
        return 0.0;
    /* x = k ln 2 + r, |r| <= ln 2 / 2; Taylor's series of e^r to r^13 / 13! (remainder 4e-18). */
    double k = floor(x * 1.4426950408889634 + 0.5);
    double r = (x - k * ln2_hi) - k * ln2_lo;
    double sum = 1.0 / 6227020800.0;
    static const double inverse_factorial[] = {
        1.0 / 479001600.0,
        1.0 / 39916800.0,
        1.0 / 3628800.0,
        1.0 / 362880.0,
        1.0 / 40320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    };
    for (int i = 0; i < 11; i++)
        sum = sum * r + inverse_factorial[i];
    double e = 1.0 + (r + r * r * sum);
    return scale_by_power_of_two(e, (int)k);
}

double nn_log(double x)
{
    if (isnan(x) || x < 0.0)
        return (double)NAN;
    if (x == 0.0)
        return -(double)INFINITY;
    if (isinf(x))
        return x;
    int k = 0;
    if (x < 0x1p-1022) { /* subnormal */
        x *= 0x1p54;
        k = -54;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    k += (int)(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        k++;
    }
    /* ln m = 2 atanh(s), s = (m-1)/(m+1), |s| <= 0.1716; series to s^21. */
    double f = m - 1.0, s = f / (2.0 + f), s2 = s * s;
    double sum = 0.0;
    for (int i = 21; i >= 3; i -= 2)
        sum = (sum + 2.0 / i) * s2;
    /* f - s*(f - sum) keeps the last bits: 2s = f - s f. */
    double ln_m = f - s * (f - sum);
    return (double)k * ln2_hi + (ln_m + (double)k * ln2_lo);
}

double nn_sigmoid(double x)
{
    if (x >= 0.0)
        return 1.0 / (1.0 + nn_exp(-x));
    double e = nn_exp(x);
    return e / (1.0 + e);
}

double nn_tanh(double x)
{
    double a = fabs(x);
    double y;
    if (a < 0.1) { /* the exponential form would cancel: Taylor to x^15 */
        double x2 = a * a;
        y = a * (1.0 +
                 x2 * (-1.0 / 3 +
                       x2 * (2.0 / 15 + x2 * (-17.0 / 315 +
                                              x2 * (62.0 / 2835 +
                                                    x2 * (-1382.0 / 155925 +
                                                          x2 * (21844.0 / 6081075 +
                                                                x2 * (-929569.0 / 638512875))))))));
    } else if (a < 20.0) {
        double e = nn_exp(-2.0 * a);
        y = (1.0 - e) / (1.0 + e);
    } else {
        y = 1.0;
    }
    return x < 0.0 ? -y : y;
}

double nn_cos(double x)
{
    static const double pi_hi = 0x1.921fb54400000p+1, pi_lo = 0x1.0b4611a626331p-33;
    double k = floor(fabs(x) / 3.141592653589793 + 0.5);
    double r = (fabs(x) - k * pi_hi) - k * pi_lo; /* |r| <= pi/2 */
    double r2 = r * r, sum = 0.0;
    for (int i = 24; i >= 2; i -= 2) /* cos r = 1 - r^2/2! (1 - r^2/(3*4) (1 - ...)) */
        sum = (1.0 - sum) * r2 / (double)(i * (i - 1));
    double c = 1.0 - sum;
    return fmod(k, 2.0) == 0.0 ? c : -c;
}

double nn_pow(double x, double y)
{
    return nn_exp(y * nn_log(x));
}
