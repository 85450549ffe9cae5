/* range_learn - what the rules that learn have in common; quant/range_*.c include it. */
#ifndef OCTET_QUANT_RANGE_LEARN_H
#define OCTET_QUANT_RANGE_LEARN_H

#include <math.h>

#include "quant/ranges.h"

/* Codes below and above that of 0, as LSQ's Q_N and Q_P, on a grid where it is fixed: that of a
 * symmetric range, or of one from 0 on. */
typedef struct quant_codes {
    double below, above;
} quant_codes;

static inline quant_codes quant_codes_of(const nn_fakequant_attr *a)
{
    const double qmin = a->grid.qmin, qmax = a->grid.qmax;
    return a->symmetric ? (quant_codes){ -qmin, qmax } : (quant_codes){ 0, qmax - qmin };
}

/* LSQ's factor 1 / sqrt(N Q_P): a range shared by many elements would else learn much faster than
 * they do (arXiv 1902.08153 section 2.2). */
static inline double quant_gradient_factor(const nn_range_sums *sums, double above)
{
    return 1 / sqrt(sums->count * above);
}

/* A scale that a step of the optimizer has moved: it stays positive, as one step can at most halve
 * it, and above what nn_affine_from_range takes for no range at all. */
static inline double quant_positive_scale(double scale, const nn_range_state *s, int c)
{
    const double least = fmax((double)s->scale[c] / 2, 0x1p-100);
    return scale >= least ? scale : least; /* also NaN */
}

#endif
