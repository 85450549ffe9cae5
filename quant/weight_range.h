/* weight_range - the range of a weight with the least squared error of its codes.
 *
 * A few large weights stretch the grid of all; below 8 bits it is better to clip them. */
#ifndef OCTET_QUANT_WEIGHT_RANGE_H
#define OCTET_QUANT_WEIGHT_RANGE_H

#include "quant/quant.h"

/* The r among max|w| k / 100, k = 1 .. 100, for which codes of the symmetric grid [-r, r] are
 * nearest to the n weights w[0], w[step], ...: the largest of several, 0 if all are 0. */
float quant_weight_range_find(const nn_real *w, size_t n, size_t step, nn_grid grid);

/* Sets the ranges of all weights with symmetric grids, after folding, to such ones.  Errors:
 * NN_ENOMEM, NN_ENOTSUP. */
nn_status quant_weight_ranges(const nn_graph *from, const quant_config *config);

#endif
