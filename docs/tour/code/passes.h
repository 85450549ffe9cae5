/* passes - small graphs that are really run: what the training pages look at. */
#ifndef OCTET_DOCS_TOUR_PASSES_H
#define OCTET_DOCS_TOUR_PASSES_H

#include "nn/base/affine.h"
#include "nn/base/real.h"
#include "nn/base/status.h"

/* y = fakequant(x) of n elements, and dx where every dy is 1; dx may be NULL. */
nn_status tour_fake_quantize(nn_real *y, nn_real *dx, const nn_real *x, int n, nn_affine a,
                             nn_grid grid);

/* A convolution of one weight and its batch norm in training: gamma / deviation of each batch, and
 * gamma / deviation of the moving variance that this step's weight is folded with. */
typedef struct tour_folds {
    double by_batch, by_average;
} tour_folds;
nn_status tour_fold_batches(tour_folds *f, int steps);

/* Batch norm folded away: the weight and the bias that are left, and both networks' result. */
typedef struct tour_folded {
    double weight, bias, with_batch_norm, without;
} tour_folded;
nn_status tour_fold_once(tour_folded *f, double x);

/* Prints how each node of a concatenation of three branches would be quantized. */
nn_status tour_print_concat(void);

#endif
