/* requantize - the codes that the integer network computes, out of the reals of the float one.
 *
 * Behind a convolution the integer network holds an accumulator acc, an integer, and multiplies it
 * by a fixed-point number with two roundings.  The fake-quantized convolution computes
 * x = acc * x_scale * w_scale in float, from which acc comes back by rounding; then the runtime's
 * own arithmetic (runtime/requant.h) gives its code.  Rounding x / scale instead is right more
 * exactly and differs from the device in about one value of 2000 a layer, which adds up over a deep
 * network. A mean over n values is treated likewise: its sum is the accumulator.  Sums, products
 * and functions of tensors are computed from their codes. */
#ifndef OCTET_NN_OPS_REQUANTIZE_H
#define OCTET_NN_OPS_REQUANTIZE_H

#include "nn/op.h"

/* A code less its zero point, which is at most this. */
enum { NN_REQUANTIZE_MOST = 255 };

/* The code of x less its zero point: x lies on a grid with per_real codes in 1.0. */
static inline int32_t nn_requantize_steps(nn_real x, double per_real)
{
    double steps = (double)x * per_real;
    steps = steps > -NN_REQUANTIZE_MOST ? steps : -NN_REQUANTIZE_MOST; /* a NaN too */
    steps = steps < NN_REQUANTIZE_MOST ? steps : NN_REQUANTIZE_MOST;
    return (int32_t)(steps < 0 ? steps - 0.5 : steps + 0.5);
}

/* The value of a code after it is clamped to a grid. */
static inline nn_real nn_requantize_value(nn_affine out, nn_grid grid, int64_t code)
{
    code = code > grid.qmin ? code : grid.qmin;
    code = code < grid.qmax ? code : grid.qmax;
    return (nn_real)nn_affine_value((int32_t)code, out);
}

/* Bytes of scratch for a tensor of `channels`. */
size_t nn_requantize_bytes(size_t channels);

/* y [rows, channels] = scale * (code(x) - zero_point), the codes clamped to the grid.
 *
 *   x_scale    of the operator's input
 *   w_scale    of its weights, `w_scales` of them: channels or 1; NULL: a mean over mean_of
 *              values, or if that is 0 an average pool in the range of its input
 *   y          may be x
 *   relu6      x was clamped to 6, which need not be a whole accumulator: 6 has the code that the
 *              device clamps to
 *   is_uint8   the arithmetic of uint8 kernels, whose codes are those of the grid plus 128: the
 *              product of the scales is rounded to binary32, averages are rounded half up
 *
 * Exact as long as |acc| < 2^24. */
typedef struct nn_requantize {
    double x_scale;
    const nn_real *w_scale;
    size_t w_scales;
    int mean_of;
    bool relu6, is_uint8;
    nn_affine out;
    nn_grid grid;
} nn_requantize;
void nn_requantize_rows(const nn_requantize *r, nn_real *y, const nn_real *x, size_t rows,
                        size_t channels, void *scratch);

/* y [n] = the value of the code of a + b, where a and b lie on grids of scales a_scale and b_scale:
 * both are brought to twice the larger scale with 20 more bits, added, and brought to the output's,
 * as ADD does.
 *
 *   relu, relu6   the device's activation, which it does on codes */
typedef struct nn_requantize_pair {
    double a_scale, b_scale;
    bool relu, relu6;
    nn_affine out;
    nn_grid grid;
} nn_requantize_pair;
void nn_requantize_add(const nn_requantize_pair *r, nn_real *y, const nn_real *a, const nn_real *b,
                       size_t n);

/* y [rows, width] = the value of the code of a b, as MUL computes it; row i of a is multiplied by
 * row i / rows_per_b of b. */
void nn_requantize_mul(const nn_requantize_pair *r, nn_real *y, const nn_real *a, const nn_real *b,
                       size_t rows, size_t width, size_t rows_per_b);

/* y = the value of the code of f(x), where x lies on a grid of scale x_scale: RELU, RELU6,
 * HARD_SWISH and LOGISTIC of single values, SOFTMAX of rows. */
typedef struct nn_requantize_function {
    nn_op_id id;
    double x_scale;
    nn_affine out;
    nn_grid grid;
} nn_requantize_function;

/* Whether f has codes of its own on the device, which nn_requantize_rows does not know. */
bool nn_requantize_is_function(nn_op_id id);
/* False if the device refuses such scales; then y is as it was. */
bool nn_requantize_values(const nn_requantize_function *f, nn_real *y, const nn_real *x, size_t n);
bool nn_requantize_softmax(const nn_requantize_function *f, nn_real *y, const nn_real *x,
                           size_t rows, size_t width);

#endif
