/* integers - what the pages on integer networks work out. */
#include <math.h>
#include <stdio.h>

#include "docs/tour/code/one_op.h"
#include "docs/tour/code/tour.h"
#include "nn/base/affine.h"
#include "nn/base/math.h"
#include "runtime/requant.h"

static double real(const tour_codes *c, int8_t code)
{
    return (double)nn_affine_value(code, (nn_affine){ c->scale, (int32_t)c->zero_point });
}

nn_status tour_add(void)
{
    const int8_t a = 20, b = -40;
    tour_op op = { .code = TFL_OP_ADD,
                   .x = { { &a, 1, 0.1f, 0 }, { &b, 1, 0.05f, -10 } },
                   .n_x = 2,
                   .y = { NULL, 1, 0.125f, 5 } };
    int8_t y;
    NN_TRY(tour_run_op(&y, &op));
    printf("a  code %4d  scale %-5g  zero point %3d  value %5.3f\n", a, 0.1, 0, real(&op.x[0], a));
    printf("b  code %4d  scale %-5g  zero point %3d  value %5.3f\n", b, 0.05, -10,
           real(&op.x[1], b));
    printf("y  code %4d  scale %-5g  zero point %3d  value %5.3f\n", y, 0.125, 5, real(&op.y, y));
    return NN_OK;
}

/* ---- requantization -------------------------------------------------------------------------- */

nn_status tour_convolution(void)
{
    enum { N = 4 };
    static const int8_t x[N] = { 10, -20, 30, 40 }, w[N] = { 3, -2, -1, 7 };
    const tour_codes weights = { w, N, 0.02f, 0 };
    tour_op op = { .code = TFL_OP_CONV_2D,
                   .attr.conv = { TFL_PADDING_VALID, 1, 1, 1, 1, 0, TFL_ACT_NONE },
                   .x = { { x, N, 0.05f, -5 } },
                   .n_x = 1,
                   .y = { NULL, 1, 0.04f, 3 },
                   .weights = &weights,
                   .bias = 100 };
    int32_t acc = op.bias;
    for (int i = 0; i < N; i++)
        acc += w[i] * (x[i] + 5);
    const double d = (double)op.x[0].scale * (double)weights.scale / (double)op.y.scale;
    rt_multiplier m;
    rt_multiplier_of(d, &m);
    int8_t y;
    NN_TRY(tour_run_op(&y, &op));
    printf("accumulator %d\n", acc);
    printf("%.6f = %d * 2^(%d - 31)\n", d, m.mult, m.shift);
    printf("%d * %.6f = %.3f, in integers %d\n", acc, d, acc * d,
           rt_requant(acc, m, RT_ROUND_TWICE));
    printf("code %d, value %.2f; in real numbers %.4f\n", y, real(&op.y, y),
           acc * (double)op.x[0].scale * (double)weights.scale);
    return NN_OK;
}

/* Accumulators up to 20000 away from 0 whose code is not that of the exact product. */
static int count_unequal(rt_multiplier m, double d, rt_rounding rounding)
{
    int n = 0;
    for (int32_t acc = -20000; acc <= 20000; acc++)
        n += rt_requant(acc, m, rounding) != (int32_t)round(acc * d);
    return n;
}

nn_status tour_rounding(void)
{
    static const int32_t some[] = { 38663, 46764, -21398 };
    static const int32_t mult[] = { 1866261792, 1245394584, 1967009137 }, shift[] = { -7, -5, -5 };
    printf("accumulator        exact  doubled  shifted  once\n");
    for (int i = 0; i < 3; i++) {
        rt_multiplier m = { mult[i], shift[i] };
        double d = mult[i] * pow(2, shift[i] - 31);
        printf("%11d  %11.5f  %7d  %7d  %4d\n", some[i], some[i] * d, rt_srdhm(some[i], m.mult),
               rt_requant(some[i], m, RT_ROUND_TWICE), rt_requant(some[i], m, RT_ROUND_ONCE));
    }
    printf("of 40001 accumulators another code than the exact product's:\n");
    printf("multiplier  right shift  rounded twice  once\n");
    for (int right = 4; right <= 9; right++) {
        rt_multiplier m;
        double d = 0.7071 * pow(2, -right);
        rt_multiplier_of(d, &m);
        printf("%10.6f  %11d  %11.3f %%  %4d\n", d, -m.shift,
               100 * count_unequal(m, d, RT_ROUND_TWICE) / 40001.0,
               count_unequal(m, d, RT_ROUND_ONCE));
    }
    return NN_OK;
}

/* ---- functions that are no sums -------------------------------------------------------------- */

static const float unit = 1.0f / 256;

nn_status tour_sigmoid(void)
{
    enum { N = 6 };
    static const int8_t x[N] = { -128, -64, -16, 0, 16, 127 };
    const tour_op op = { .code = TFL_OP_LOGISTIC,
                         .x = { { x, N, 0.0625f, 0 } },
                         .n_x = 1,
                         .y = { NULL, N, unit, -128 } };
    int8_t y[N];
    NN_TRY(tour_run_op(y, &op));
    printf("code      x   code   value  sigmoid\n");
    for (int i = 0; i < N; i++) {
        double v = real(&op.x[0], x[i]);
        printf("%4d  %5.2f   %4d  %.4f   %.4f\n", x[i], v, y[i], real(&op.y, y[i]), nn_sigmoid(v));
    }
    return NN_OK;
}

static void exact_softmax(double *p, const tour_codes *x)
{
    double sum = 0;
    for (int i = 0; i < x->n; i++)
        sum += p[i] = nn_exp(real(x, x->code[i]));
    for (int i = 0; i < x->n; i++)
        p[i] /= sum;
}

nn_status tour_softmax(void)
{
    enum { N = 4 };
    static const int8_t x[N] = { 40, 30, 10, -40 };
    double exact[N];
    const tour_op op = { .code = TFL_OP_SOFTMAX,
                         .attr.beta = 1,
                         .x = { { x, N, 0.1f, 0 } },
                         .n_x = 1,
                         .y = { NULL, N, unit, -128 } };
    int8_t y[N];
    NN_TRY(tour_run_op(y, &op));
    exact_softmax(exact, &op.x[0]);
    printf("code  logit   code   value  softmax\n");
    for (int i = 0; i < N; i++)
        printf("%4d  %5.1f   %4d  %.4f  %.5f\n", x[i], real(&op.x[0], x[i]), y[i],
               real(&op.y, y[i]), exact[i]);
    return NN_OK;
}
