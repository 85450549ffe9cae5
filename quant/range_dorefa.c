/* dorefa - activations are clipped to [0, 1], whatever they are; nothing is observed or learned.
 *
 *   y = round((2^b - 1) clamp(x, 0, 1)) / (2^b - 1)
 *
 * A network must be trained for it: what a float one has beyond 1 is cut off.  What may be negative
 * follows a moving average.  Weights: op dorefa, whose codes have a bit more than its levels, so
 * there are at most 7 bits in int8; layers with 8 (--quant-layers) have plain ones, where the paper
 * leaves the first and the last layer in float.
 * Zhou et al., "DoReFa-Net", 2016 (arXiv 1606.06160) eq. 9-11. */
#include "quant/ranges.h"

static void observe(nn_range_state *s, const float *batch_min, const float *batch_max)
{
    (void)batch_min, (void)batch_max;
    for (int c = 0; c < s->channels; c++) {
        s->min[c] = 0;
        s->max[c] = 1;
    }
}

const nn_range_rule quant_range_dorefa = {
    .name = "dorefa",
    .observe = observe,
    .only_positive = true,
    .signed_is_symmetric = true,
    .weights = &quant_range_dorefa,
};
