/* mse - the range with the least squared error of the codes: clipping a few large values costs less
 * than making every step larger.
 *
 * The two ends are multiples of a hundredth of the smallest and of the largest value: first the
 * best of the 100 ranges (min k / 100, max k / 100), then each end alone in turn while that helps.
 * After NVIDIA's pytorch-quantization, which searches one threshold. */
#include <float.h>
#include <math.h>

#include "quant/calibrators.h"
#include "quant/ranges.h"

enum { STEPS = 100, MOST_ROUNDS = 10 };

/* Of the values of one side; sign: 1 or -1. */
static double side_error(const quant_histogram *h, enum quant_side side, double sign, nn_affine a,
                         nn_grid grid)
{
    const double scale = (double)a.scale, inverse = sign * h->width / scale;
    const int used = quant_histogram_used(h, side);
    double sum = 0;
    for (int b = 0; b < used; b++) {
        if (h->count[side][b] == 0)
            continue;
        double exact = (b + 0.5) * inverse; /* code - zero point, before rounding */
        double code = round(exact);
        code = fmin(fmax(code, grid.qmin - a.zero_point), grid.qmax - a.zero_point);
        sum += (double)h->count[side][b] * (code - exact) * (code - exact);
    }
    return sum * scale * scale;
}

double quant_histogram_error(const quant_histogram *h, nn_affine a, nn_grid grid)
{
    return side_error(h, QUANT_ABOVE, 1, a, grid) + side_error(h, QUANT_BELOW, -1, a, grid);
}

/* A candidate: hundredths of the smallest and of the largest value. */
typedef struct candidate {
    int low, high;
    double error;
} candidate;

static quant_interval interval_of(const quant_histogram *h, int low, int high)
{
    return (quant_interval){ h->min < 0 ? h->min * (float)low / STEPS : 0,
                             h->max > 0 ? h->max * (float)high / STEPS : 0 };
}

/* Takes (low, high) if it is better. */
static void try(candidate *best, const quant_histogram *h, const nn_fakequant_attr *a, int low,
                int high)
{
    quant_interval r = interval_of(h, low, high);
    double error = quant_histogram_error(h, nn_range_affine(a, r.min, r.max), a->grid);
    if (error < best->error)
        *best = (candidate){ low, high, error };
}

static nn_status choose(quant_interval *out, const quant_histogram *h, const nn_fakequant_attr *a,
                        const quant_calibrator_options *o)
{
    candidate best = { STEPS, STEPS, DBL_MAX };
    (void)o;
    for (int k = STEPS; k > 0; k--)
        try(&best, h, a, k, k);
    for (int round = 0; h->min < 0 && h->max > 0 && round < MOST_ROUNDS; round++) {
        const double before = best.error;
        for (int k = STEPS; k > 0; k--)
            try(&best, h, a, k, best.high);
        for (int k = STEPS; k > 0; k--)
            try(&best, h, a, best.low, k);
        if (!(best.error < before))
            break;
    }
    *out = interval_of(h, best.low, best.high);
    return NN_OK;
}

const quant_calibrator quant_calibrator_mse = {
    .name = "mse",
    .about = "the range with the least squared error",
    .rule = &quant_range_minmax,
    .choose = choose,
};
