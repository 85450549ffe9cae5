/* affine - the one place where a range becomes a scale and a zero point.
 *
 *   real = scale * (code - zero_point)
 *
 * Scales are binary32, as the .tflite file holds them.  They are derived here once, when a range is
 * fixed, then stored (checkpoint, file) and never derived again: two derivations of the same range
 * can differ by one code, because the zero point of a symmetric range is a tie. Jacob et al. 2017
 * (arXiv 1712.05877) eq. 1 and section 3; TensorFlow's converter rule. */
#ifndef OCTET_NN_BASE_AFFINE_H
#define OCTET_NN_BASE_AFFINE_H

#include <stdbool.h>
#include <stdint.h>

/* The integers that a tensor may hold: [qmin, qmax], within int8 or uint8. */
typedef struct nn_grid {
    int32_t qmin, qmax;
} nn_grid;

typedef struct nn_affine {
    float scale;        /* > 0, finite */
    int32_t zero_point; /* within the grid */
} nn_affine;

/* int8 grids: activations [-128, 127] at 8 bits; narrow drops the lowest code, for weights. */
nn_grid nn_grid_signed(int bits, bool narrow);

/* Affine: the range is widened to hold 0, then
 *   scale = (max - min) / (qmax - qmin),  zero_point = the rounded code of 0,
 * taken from the end of the range where the rounding error is smaller.
 * A range without an extent gives scale 1, and as zero point the grid's code that is nearest to
 * 0. */
nn_affine nn_affine_from_range(float min, float max, nn_grid grid);

/* Symmetric: zero point 0, scale = max(max / qmax, min / qmin) for qmin < 0 < qmax, which on a
 * narrow grid is max(|min|, |max|) / qmax.  A range without an extent gives scale 1. */
nn_affine nn_affine_symmetric(float min, float max, nn_grid grid);

/* The code of x: round(x / scale) + zero_point, half away from zero, clamped to the grid; the
 * arithmetic is TFLite QUANTIZE's (binary32 division). */
int32_t nn_affine_code(float x, nn_affine a, nn_grid grid);

/* The value of a code. */
static inline float nn_affine_value(int32_t code, nn_affine a)
{
    return a.scale * (float)(code - a.zero_point);
}

#endif
