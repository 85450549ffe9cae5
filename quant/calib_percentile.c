/* percentile - cuts off the outermost values: all but the share 1 - p / 100 of them is kept.
 *
 * Values of one sign are cut at one end.  Of values of both signs each end loses half that share,
 * as onnxruntime's asymmetric form.  The cut is the inner edge of the bin in which the running sum
 * reaches p, as in NVIDIA's pytorch-quantization. */
#include <math.h>

#include "quant/calibrators.h"
#include "quant/ranges.h"

int quant_percentile_bin(const uint64_t *count, int n, uint64_t before, double share)
{
    uint64_t total = before, sum = before;
    for (int b = 0; b < n; b++)
        total += count[b];
    for (int b = 0; b < n; b++) {
        sum += count[b];
        if ((double)sum >= share * (double)total)
            return b;
    }
    return n - 1;
}

static nn_status check(const quant_calibrator_options *o, nn_grid grid)
{
    (void)grid;
    if (!(o->percentile > 0 && o->percentile <= 100))
        return nn_fail(NN_EINVAL,
                       "--percentile %g: is not in (0, 100]; 99.99 keeps all but 1 value of 10000",
                       o->percentile);
    return NN_OK;
}

/* Where the values of one side are cut: at least one bin is left of them. */
static double cut(const quant_histogram *h, enum quant_side side, double share)
{
    int used = quant_histogram_used(h, side);
    uint64_t before = h->n;
    for (int b = 0; b < used; b++)
        before -= h->count[side][b];
    int bin = used > 0 ? quant_percentile_bin(h->count[side], used, before, share) : 0;
    return h->width * (bin > 0 ? bin : 1);
}

static nn_status choose(quant_interval *out, const quant_histogram *h, const nn_fakequant_attr *a,
                        const quant_calibrator_options *o)
{
    (void)a;
    bool both = h->min < 0 && h->max > 0;
    double share = o->percentile / 100;
    *out = (quant_interval){ h->min, h->max };
    if (share == 1)
        return NN_OK;
    if (both)
        share = (1 + share) / 2;
    out->max = (float)fmin((double)h->max, cut(h, QUANT_ABOVE, share));
    out->min = (float)fmax((double)h->min, -cut(h, QUANT_BELOW, share));
    return NN_OK;
}

const quant_calibrator quant_calibrator_percentile = {
    .name = "percentile",
    .about = "cuts off the outermost values",
    .rule = &quant_range_minmax,
    .check = check,
    .choose = choose,
};
