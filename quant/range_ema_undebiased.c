/* ema-undebiased - the moving average of ema from a fixed start, which is not taken out of it.
 *
 *   range += (batch - range) (1 - 0.999), from [-6, 6], or [0, 6] if the first batch has nothing
 *   negative
 *
 * After n batches 0.999^n of the start is left: it takes some 5,000 to forget it.  What
 * tensorflow_model_optimization does, and so what is to be compared with it. memory[2C]:
 * batches. */
#include "quant/ranges.h"

static const double decay = 0.999, start = 6;

static void follow(nn_real *end, double batch)
{
    *end = (nn_real)((double)*end + (batch - (double)*end) * (1 - decay));
}

static void observe(nn_range_state *s, const float *batch_min, const float *batch_max)
{
    nn_real *batches = &s->memory[2 * s->channels];
    for (int c = 0; c < s->channels; c++) {
        if (*batches == 0) {
            s->min[c] = (nn_real)(batch_min[c] < 0 ? -start : 0);
            s->max[c] = (nn_real)start;
        }
        follow(&s->min[c], batch_min[c] < 0 ? (double)batch_min[c] : 0);
        follow(&s->max[c], batch_max[c] > 0 ? (double)batch_max[c] : 0);
    }
    *batches += 1;
}

const nn_range_rule quant_range_ema_undebiased = { .name = "ema-undebiased", .observe = observe };
