/* lsq+ - LSQ with an offset, for activations that are negative to some extent.
 *
 *   y = s clamp(round((x - b) / s), 0, Q) + b,  Q = qmax - qmin
 *   dy/ds = round((x - b) / s) - (x - b) / s inside, 0 below, Q above;  dy/db = 0 inside, else 1
 *   both times LSQ's factor 1 / sqrt(N Q)
 *
 * The integer network has a zero point, so b is rounded to a multiple of s wherever it is used, and
 * held to [-s Q, 0], so that 0 is a code.  First s and b: the range of least squared error for the
 * first batch.  Symmetric ranges (weights) have b = 0 and LSQ's gradient; their first s reaches to
 * three deviations around the mean.  learned: s, b.
 * Bhalgat et al., "LSQ+", 2020 (arXiv 2004.09576). */
#include "quant/range_learn.h"

enum { MOST_SAMPLES = 4096, STEPS = 25 };

/* ---- first values ---------------------------------------------------------------------------- */

static double error_of(const nn_range_values *v, double lo, double hi, nn_grid grid)
{
    const nn_affine q = nn_affine_from_range((float)lo, (float)hi, grid);
    const size_t n = v->outer * v->inner, step = n / MOST_SAMPLES + 1;
    double sum = 0;
    for (size_t i = 0; i < n; i += step) {
        const float x = (float)v->x[i];
        const double e = (double)x - (double)nn_affine_value(nn_affine_code(x, q, grid), q);
        sum += e * e;
    }
    return sum;
}

/* The ends of least error among fractions of both, the widest of several. */
static void search(double end[2], const nn_range_values *v, nn_grid grid)
{
    double best[2] = { end[0], end[1] }, least = error_of(v, end[0], end[1], grid);
    const int lowest = end[0] < 0 ? 1 : STEPS; /* an end that is 0 has no fractions */
    for (int i = STEPS; i >= lowest; i--)
        for (int k = STEPS; k > 0; k--) {
            const double lo = end[0] * i / STEPS, hi = end[1] * k / STEPS;
            const double error = error_of(v, lo, hi, grid);
            if (error < least) {
                least = error;
                best[0] = lo;
                best[1] = hi;
            }
        }
    end[0] = best[0];
    end[1] = best[1];
}

/* max(|mean - 3 deviations|, |mean + 3 deviations|) */
static double reach(const nn_range_values *v, size_t channel)
{
    double sum = 0, square = 0;
    const double n = (double)(v->outer * v->inner);
    for (size_t o = 0; o < v->outer; o++) {
        const nn_real *x = v->x + (o * v->channels + channel) * v->inner;
        for (size_t i = 0; i < v->inner; i++) {
            sum += (double)x[i];
            square += (double)x[i] * (double)x[i];
        }
    }
    const double mean = sum / n, variance = square / n - mean * mean;
    return fabs(mean) + 3 * sqrt(fmax(variance, 0));
}

static void begin_symmetric(nn_range_state *s, double above, const nn_range_values *v)
{
    for (int c = 0; c < s->channels; c++) {
        const double r = reach(v, (size_t)c);
        s->learned[c] = (nn_real)(r > 0 ? r / above : 1);
    }
}

static void begin(nn_range_state *s, const nn_fakequant_attr *a, const nn_range_values *v)
{
    const double above = quant_codes_of(a).above;
    double end[2] = { fmin((double)s->min[0], 0), fmax((double)s->max[0], 0) };
    if (a->symmetric) {
        begin_symmetric(s, above, v);
        return;
    }
    search(end, v, a->grid); /* affine ranges are of whole tensors */
    s->learned[0] = (nn_real)(end[1] > end[0] ? (end[1] - end[0]) / above : 1);
    s->learned[1] = (nn_real)end[0];
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void settle(nn_range_state *s, const nn_fakequant_attr *a)
{
    const quant_codes q = quant_codes_of(a);
    for (int c = 0; c < s->channels; c++) {
        nn_real *offset = &s->learned[s->channels + c];
        const double step = quant_positive_scale((double)s->learned[c], s, c);
        const double b = fmin(fmax((double)*offset, -step * q.above), 0);
        s->learned[c] = (nn_real)step;
        *offset = (nn_real)(a->symmetric ? 0 : b);
        s->min[c] = (nn_real)(a->symmetric ? -step * q.below : b);
        s->max[c] = (nn_real)(a->symmetric ? step * q.above : b + step * q.above);
    }
}

static void gradient(double *grad, const nn_range_state *s, const nn_fakequant_attr *a, int c,
                     const nn_range_sums *sums)
{
    const quant_codes q = quant_codes_of(a);
    const double factor = quant_gradient_factor(sums, q.above);
    (void)s, (void)c;
    grad[0] = (sums->inside - q.below * sums->below + q.above * sums->above) * factor;
    grad[1] = a->symmetric ? 0 : (sums->below + sums->above) * factor;
}

const nn_range_rule quant_range_lsq_plus = {
    .name = "lsq+",
    .observe = quant_follow_ema,
    .learned = 2,
    .begin = begin,
    .settle = settle,
    .gradient = gradient,
    .weights = &quant_range_lsq_plus,
};
