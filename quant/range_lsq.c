/* lsq - learned step size: the scale is trained by its own gradient.
 *
 *   y = s clamp(round(x / s), -Q_N, Q_P)
 *   dy/ds = round(x / s) - x / s inside, -Q_N below, Q_P above;  ds = sum(dy dy/ds) / sqrt(N Q_P)
 *   first s = min(2 mean|x| / sqrt(Q_P), max|x| / Q_P) of the first batch;  N elements of one item
 *   share s
 *
 * The paper begins with the first of the two.  It is meant for a few bits and many elements: with 8
 * bits, or for the nine weights of a depthwise channel, it is several times what the largest
 * element needs, and two epochs do not unlearn that.
 *
 * The paper's weights have one code more below 0 than above.  Ours do not (Q_N = Q_P), because int8
 * weights of .tflite leave out -128.  Activations: Q_N = 0 where nothing is negative, else zero
 * point 0 on the grid of int8.  learned: s.
 * Esser et al., "Learned step size quantization", ICLR 2020 (arXiv 1902.08153). */
#include "quant/range_learn.h"

typedef struct magnitude {
    double mean, largest;
} magnitude;

static magnitude magnitude_of(const nn_range_values *v, size_t channel)
{
    double sum = 0, largest = 0;
    for (size_t o = 0; o < v->outer; o++) {
        const nn_real *x = v->x + (o * v->channels + channel) * v->inner;
        for (size_t i = 0; i < v->inner; i++) {
            sum += fabs((double)x[i]);
            largest = fmax(largest, fabs((double)x[i]));
        }
    }
    return (magnitude){ sum / (double)(v->outer * v->inner), largest };
}

static void begin(nn_range_state *s, const nn_fakequant_attr *a, const nn_range_values *v)
{
    const double most = quant_codes_of(a).above;
    for (int c = 0; c < s->channels; c++) {
        const magnitude m = magnitude_of(v, (size_t)c);
        const double step = fmin(2 * m.mean / sqrt(most), m.largest / most);
        s->learned[c] = (nn_real)(step > 0 ? step : 1);
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
