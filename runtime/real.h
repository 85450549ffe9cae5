/* real - the few functions of real numbers that preparing a model needs, without libm.
 *
 * frexp and round are exact; exp and tanh have a relative error below 1e-15 in double, so that
 * their value rounded to float is the correctly rounded one except in about one of 10^7 cases. */
#ifndef OCTET_RUNTIME_REAL_H
#define OCTET_RUNTIME_REAL_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>

/* The reference's results are of binary32 steps, each rounded; 16 concerns half precision alone. */
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "float must be computed as float: -fexcess-precision=fast (s390x), -msse2 -mfpmath=sse (x86)"
#endif

/* x = f * 2^e with 0.5 <= |f| < 1; (0, 0) for 0.  x finite. */
double rt_frexp(double x, int *e);
/* x * 2^e, exact unless the result is subnormal or infinite. */
double rt_ldexp(double x, int e);
/* Nearest integer, halves away from zero.  |x| < 2^62, else 0 of no meaning. */
int64_t rt_round(double x);
double rt_exp(double x);
double rt_tanh(double x);
/* 1 / (1 + e^-x), in binary32 steps. */
float rt_logistic(float x);
bool rt_is_finite(float x);

/* round(x) as far as it can matter for a code, which is clamped afterwards: within +-2^30; 0 for
 * what is no number. */
static inline int32_t rt_round_code(double x)
{
    const double most = 1073741824.0;
    return (int32_t)rt_round(x > most ? most : x < -most ? -most : x);
}

static inline int32_t rt_clamp(int64_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : (int32_t)v;
}

#endif
