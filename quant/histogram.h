/* histogram - how often which values occur, in bins of equal width that grow with the data.
 *
 * Values >= 0 and values < 0 are counted apart by their magnitude, in bins [b w, (b + 1) w).  The
 * width w is a power of two; when a value lies beyond the last bin, w doubles and neighbours merge.
 * As floor(x / 2w) = floor(floor(x / w) / 2), no count is lost and none is misplaced: the histogram
 * is that of a second pass over the data with the final width, whatever the order of the data. */
#ifndef OCTET_QUANT_HISTOGRAM_H
#define OCTET_QUANT_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/real.h"
#include "nn/base/status.h"

enum quant_side { QUANT_ABOVE, QUANT_BELOW }; /* values >= 0; values < 0 */

typedef struct quant_histogram {
    int bins;           /* the larger side uses more than `bins` and at most 2 * bins of them */
    double width;       /* of a bin; 0: only zeros so far */
    uint64_t *count[2]; /* [2 * bins] of each side */
    uint64_t n;         /* all counts */
    float min, max;     /* of the values; 0 if there are none */
} quant_histogram;

enum { QUANT_LEAST_BINS = 16, QUANT_MOST_BINS = 1 << 20 };

/* Errors: NN_EINVAL (bins out of [QUANT_LEAST_BINS, QUANT_MOST_BINS]), NN_ENOMEM. */
nn_status quant_histogram_new(quant_histogram **out, int bins);
void quant_histogram_free(quant_histogram *h); /* NULL is allowed */

/* Counts n values; false, and none is counted, if one is infinite or not a number. */
bool quant_histogram_add(quant_histogram *h, const nn_real *x, size_t n);

/* Bins of a side up to the last that is not empty. */
int quant_histogram_used(const quant_histogram *h, enum quant_side side);

/* magnitude[b] = counts of both sides, b < 2 * bins; returns how many bins are used. */
int quant_histogram_magnitudes(uint64_t *magnitude, const quant_histogram *h);

/* A bin of the whole axis, made of equally many of one side: magnitudes from the end nearer to
 * 0. */
typedef struct quant_cell {
    double from, to;
    uint64_t count;
} quant_cell;

/* The histogram in at most `most` >= 2 cells, for a drawing or a log: bins are merged two and two
 * as often as it takes.  Cells lie side by side and reach from the least value, or 0, to the
 * greatest, or 0; returns how many there are, 0 without values. */
int quant_histogram_cells(quant_cell *cells, int most, const quant_histogram *h);

#endif
