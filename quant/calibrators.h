/* calibrators - the ways in which the range of an activation follows from pictures.
 *
 * A calibrator is a row: a rule that follows the extremes of the batches (nn/range.h), and perhaps
 * a function that chooses a narrower range out of a histogram of all values. */
#ifndef OCTET_QUANT_CALIBRATORS_H
#define OCTET_QUANT_CALIBRATORS_H

#include "nn/range.h"
#include "quant/histogram.h"

/* Zero is the default of every field. */
typedef struct quant_calibrator_options {
    double percentile; /* [99.99] share of the values to be kept, in (0, 100] */
    int bins;          /* [2048] least number of bins of a histogram */
} quant_calibrator_options;

typedef struct quant_interval {
    float min, max;
} quant_interval;

typedef struct quant_calibrator {
    const char *name;
    const char *about; /* one line */
    const nn_range_rule *rule;
    /* Errors: NN_EINVAL naming the option; NULL: nothing to check. */
    nn_status (*check)(const quant_calibrator_options *o, nn_grid grid);
    /* The range for the codes of `a`, within the smallest and largest value.  h has at least one
     * value that is not 0.  NULL: the rule's own range stands.  Errors: NN_ENOMEM. */
    nn_status (*choose)(quant_interval *out, const quant_histogram *h, const nn_fakequant_attr *a,
                        const quant_calibrator_options *o);
} quant_calibrator;

#define QUANT_CALIBRATOR(name) extern const quant_calibrator quant_calibrator_##name;
#include "quant/calibrators.def"
#undef QUANT_CALIBRATOR

/* The calibrator of that name, or NULL and a message with the nearest known one. */
const quant_calibrator *quant_calibrator_by_name(const char *name);
int quant_calibrator_count(void);
const quant_calibrator *quant_calibrator_at(int i);

/* Fills in defaults, then asks the calibrator.  Errors: NN_EINVAL naming the option. */
nn_status quant_calibrator_check(const quant_calibrator *c, quant_calibrator_options *o,
                                 nn_grid grid);

/* ---- the searches behind them ---------------------------------------------------------------- */

/* The first of n bins at which the running sum of the counts, with `before` ahead of the first bin,
 * reaches `share` of `before` and all counts; 0 < share <= 1. */
int quant_percentile_bin(const uint64_t *count, int n, uint64_t before, double share);

/* How much is lost if `levels` codes cover the first i of n bins of magnitudes:  the divergence
 * sum P log(P / Q) over P > 0, natural logarithm, of
 *
 *   P[j] = count[j], j < i, and what lies beyond is added to P[i - 1]
 *   Q    = the first i bins, without what lies beyond, merged into `levels` equal intervals; the
 *          mass of each is shared equally among those of its bins that are not empty
 *
 * both normalized.  DBL_MAX where Q = 0 and P > 0: the last bin is empty, but gets the rest.
 *   levels <= i <= n
 * Migacz, "8-bit inference with TensorRT", GTC 2017; NVIDIA's pytorch-quantization. */
double quant_divergence(const uint64_t *count, int n, int i, int levels);

/* The i of least divergence, levels <= i <= n, the last of several; n if n < levels. */
int quant_divergence_least(const uint64_t *count, int n, int levels);

/* Sum over all values x of (x - the value of x's code)^2, each value taken as the centre of its
 * bin. */
double quant_histogram_error(const quant_histogram *h, nn_affine a, nn_grid grid);

#endif
