/* math - the transcendental functions of the training path.
 *
 * libm's differ between systems in the last bit, and a training run must not.  These are computed
 * in double from +, -, *, / and exact bit operations only (the build forbids contraction), so they
 * give the same bits on every machine with IEEE arithmetic; relative error below 4e-16 (exp, log),
 * tested against libm.  sqrt, fabs, floor are exact in IEEE and come from libm. */
#ifndef OCTET_NN_BASE_MATH_H
#define OCTET_NN_BASE_MATH_H

double nn_exp(double x); /* e^x; 0 below -745.2, inf above 709.8 */
double nn_log(double x); /* ln x, x > 0; -inf at 0, NaN below */
double nn_tanh(double x);
double nn_sigmoid(double x); /* 1 / (1 + e^-x), without overflow */
double nn_cos(double x);     /* |x| <= 1e5: schedules need no more */
double nn_pow(double x,
              double y); /* x^y for x > 0, as exp(y log x): relative error |y log x| 4e-16 */

#endif
