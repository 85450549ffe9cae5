#include "runtime/real.h"

#include <string.h>

static uint64_t bits_of(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static double from_bits(uint64_t b)
{
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}

double rt_frexp(double x, int *e)
{
    const uint64_t exponent = UINT64_C(0x7FF) << 52;
    *e = 0;
    if (x == 0)
        return x;
    int shift = 0;
    if ((bits_of(x) & exponent) == 0) { /* subnormal */
        x *= 18014398509481984.0;       /* 2^54 */
        shift = 54;
    }
    uint64_t b = bits_of(x);
    *e = (int)((b & exponent) >> 52) - 1022 - shift;
    return from_bits((b & ~exponent) | UINT64_C(1022) << 52);
}

double rt_ldexp(double x, int e)
{
    for (; e > 1000; e -= 1000)
        x *= from_bits(UINT64_C(2023) << 52);
    for (; e < -1000; e += 1000)
        x *= from_bits(UINT64_C(23) << 52);
    return x * from_bits((uint64_t)(1023 + e) << 52);
}

int64_t rt_round(double x)
{
    const double limit = 4611686018427387904.0; /* 2^62 */
    if (!(x > -limit && x < limit))
        return 0;
    int64_t whole = (int64_t)x;
    double rest = x - (double)whole; /* exact: both have the same exponent or less */
    if (rest >= 0.5)
        return whole + 1;
    return rest <= -0.5 ? whole - 1 : whole;
}

/* x = k ln 2 + r with |r| <= ln 2 / 2 in two pieces (Cody and Waite); e^r by its series to r^13. */
double rt_exp(double x)
{
    if (x > 709.7)
        return from_bits(UINT64_C(0x7FF) << 52);
    if (!(x > -745.0))
        return x == x ? 0 : x;
    int64_t k = rt_round(x * 1.4426950408889634);
    double r =
        (x - (double)k * 6.93147180369123816490e-01) - (double)k * 1.90821492927058770002e-10;
    double sum = 0;
    for (int i = 13; i >= 1; i--)
        sum = (1 + sum) * r / i;
    return rt_ldexp(1 + sum, (int)k);
}

double rt_tanh(double x)
{
    double a = x < 0 ? -x : x;
    double y;
    if (a < 0.25) { /* e^2a - 1 by its series: the difference would lose digits */
        double r = 2 * a, sum = 0;
        for (int i = 17; i >= 2; i--)
            sum = (1 + sum) * r / i;
        double m = r + r * sum;
        y = m / (m + 2);
    } else {
        y = 1 - 2 / (rt_exp(2 * a) + 1);
    }
    return x < 0 ? -y : y;
}

float rt_logistic(float x)
{
    float e = (float)rt_exp(-(double)x), sum = 1.0f + e;
    return 1.0f / sum;
}

bool rt_is_finite(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return (b & 0x7F800000u) != 0x7F800000u;
}
