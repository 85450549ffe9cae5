/* lsq - learned step size: the scale is trained by its own gradient.
 *
 *   y = s clamp(round(x / s), -Q_N, Q_P)
 *   dy/ds = round(x / s) - x / s inside, -Q_N below, Q_P above;  ds = sum(dy dy/ds) / sqrt(N Q_P)
 *   first s = 2 mean|x| / sqrt(Q_P) of the first batch;  N elements of one item share s
 *
 * The paper's weights have one code more below 0 than above.  Ours do not (Q_N = Q_P), because int8
 * weights of .tflite leave out -128.  Activations: Q_N = 0 where nothing is negative, else zero
 * point 0 on the grid of int8.  learned: s.
 * Esser et al., "Learned step size quantization", ICLR 2020 (arXiv 1902.08153). */
#include "quant/range_learn.h"

static double mean_magnitude(const nn_range_values *v, size_t channel)
{
    double sum = 0;
    for (size_t o = 0; o < v->outer; o++) {
        const nn_real *x = v->x + (o * v->channels + channel) * v->inner;
        for (size_t i = 0; i < v->inner; i++)
            sum += fabs((double)x[i]);
    }
    return sum / (double)(v->outer * v->inner);
}

static void begin(nn_range_state *s, const nn_fakequant_attr *a, const nn_range_values *v)
{
    for (int c = 0; c < s->channels; c++) {
        const double mean = mean_magnitude(v, (size_t)c);
        s->learned[c] = (nn_real)(mean > 0 ? 2 * mean / sqrt(quant_codes_of(a).above) : 1);
    }
}

static void settle(nn_range_state *s, const nn_fakequant_attr *a)
{
    const quant_codes q = quant_codes_of(a);
    for (int c = 0; c < s->channels; c++) {
        const double step = quant_positive_scale((double)s->learned[c], s, c);
        s->learned[c] = (nn_real)step;
        s->min[c] = (nn_real)(-step * q.below);
        s->max[c] = (nn_real)(step * q.above);
    }
}

static void gradient(double *grad, const nn_range_state *s, const nn_fakequant_attr *a, int c,
                     const nn_range_sums *sums)
{
    const quant_codes q = quant_codes_of(a);
    (void)s, (void)c;
    grad[0] = (sums->inside - q.below * sums->below + q.above * sums->above) *
              quant_gradient_factor(sums, q.above);
}

const nn_range_rule quant_range_lsq = {
    .name = "lsq",
    .observe = quant_follow_ema,
    .learned = 1,
    .begin = begin,
    .settle = settle,
    .gradient = gradient,
    .signed_is_symmetric = true,
    .weights = &quant_range_lsq,
};
