/* values - the numbers that examples and pictures of ranges look at. */
#ifndef OCTET_DOCS_TOUR_VALUES_H
#define OCTET_DOCS_TOUR_VALUES_H

#include "nn/range.h"
#include "quant/calibrators.h"

enum { TOUR_VALUES = 10000 };

/* Evenly distributed in [-1, 1). */
void tour_uniform(float *x, int n);

/* As a relu's results are: half of them 0, the others positive, few of them large. */
void tour_long_tail(float *x, int n);
nn_status tour_long_tail_histogram(quant_histogram **out); /* of TOUR_VALUES; free it */

/* What a calibrator has to choose a range for: 4 bits of what is not negative. */
nn_fakequant_attr tour_calibration_attr(void);

/* The mean squared error of n values >= 0, of those up to `max` and of those beyond it apart. */
typedef struct tour_split {
    double rounding, clipping;
    int clipped; /* values beyond */
} tour_split;
tour_split tour_split_error(const float *x, int n, float max, nn_affine a, nn_grid grid);

#endif
