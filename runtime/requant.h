/* requant - fixed-point arithmetic: from a real multiplier to integers, and from an accumulator to
 * a code.
 *
 * A real multiplier d >= 0 becomes (mult, shift) with d ~ mult * 2^(shift - 31) and mult in
 * [2^30, 2^31) or 0; positive shifts go left.  The operations are bit-exact with TensorFlow Lite's
 * reference kernels (their default build, which rounds twice) and with gemmlowp's fixedpoint.h,
 * where the names come from: SRDHM is the saturating rounding doubling high multiply, RDBP the
 * rounding division by a power of two.  Jacob et al. 2017 (arXiv 1712.05877), section 2.2.  Sums
 * and shifts that leave 32 bits wrap around; nothing here is undefined. */
#ifndef OCTET_RUNTIME_REQUANT_H
#define OCTET_RUNTIME_REQUANT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/real.h"

typedef struct rt_multiplier {
    int32_t mult;
    int32_t shift; /* in [-31, 30] where rt_multiplier_of said true */
} rt_multiplier;

/* TWICE: SRDHM, then RDBP (the reference kernels).  ONCE: one rounding of the exact product, halves
 * upward (ruy, and TFLITE_SINGLE_ROUNDING). */
typedef enum rt_rounding { RT_ROUND_TWICE, RT_ROUND_ONCE } rt_rounding;

/* (mult, shift) of d: mult = round(f * 2^31) for d = f * 2^shift.  Below 2^-32 both are 0.  False
 * if d is negative, not finite, or so large (2^30 and more) that a code could not be shifted that
 * far. */
static inline bool rt_multiplier_of(double d, rt_multiplier *out)
{
    out->mult = 0;
    out->shift = 0;
    if (!(d >= 0 && d < 1e300))
        return false;
    int shift;
    int64_t q = rt_round(rt_frexp(d, &shift) * 2147483648.0);
    if (q == INT64_C(1) << 31) {
        q /= 2;
        shift++;
    }
    if (shift > 30)
        return false;
    if (shift >= -31 && q != 0) {
        out->mult = (int32_t)q;
        out->shift = shift;
    }
    return true;
}

/* d / n for the d that m stands for, n >= 1: mult is shifted left as far as it stays within its
 * type, then divided, as the reference MEAN does. */
static inline rt_multiplier rt_multiplier_over(rt_multiplier m, int32_t n)
{
    int bits = 0;
    while (n >> bits > 1)
        bits++;
    if (bits > 31 + m.shift)
        bits = 31 + m.shift;
    return (rt_multiplier){ (int32_t)(((int64_t)m.mult << bits) / n), m.shift - bits };
}

/* a * b / 2^31, halves upward; the one case that does not fit saturates. */
static inline int32_t rt_srdhm(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN)
        return INT32_MAX;
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^e, halves away from zero; 0 <= e <= 31. */
static inline int32_t rt_rdbp(int32_t x, int e)
{
    int64_t half = e > 0 ? INT64_C(1) << (e - 1) : 0;
    return (int32_t)(((int64_t)x + half - (x < 0 && e > 0)) >> e);
}

/* x * 2^e, 0 <= e <= 31, wrapping. */
static inline int32_t rt_shl(int32_t x, int e)
{
    return (int32_t)((uint32_t)x << e);
}

/* x * d for the d that m stands for. */
static inline int32_t rt_requant(int32_t x, rt_multiplier m, rt_rounding rounding)
{
    if (rounding == RT_ROUND_ONCE) {
        int t = 31 - m.shift;
        return (int32_t)(((int64_t)x * m.mult + (INT64_C(1) << (t - 1))) >> t);
    }
    int left = m.shift > 0 ? m.shift : 0, right = m.shift < 0 ? -m.shift : 0;
    return rt_rdbp(rt_srdhm(rt_shl(x, left), m.mult), right);
}

#endif
