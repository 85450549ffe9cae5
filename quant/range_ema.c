/* ema - exponential moving average of the batches' ranges, each widened to hold 0 first.
 *
 *   t += 1;  biased += (batch - biased) (1 - d);  range = biased / (1 - d^t),  d = 0.999
 *
 * The division takes out the pull of the start at 0: after one batch the range is that batch's,
 * early on it is a plain average, later a window of about 1000 batches.  tf.contrib.quantize's
 * assign_moving_average with zero debiasing; Kingma & Ba 2015 (arXiv 1412.6980) section 3.
 * memory: biased minima [C], biased maxima [C], t. */
#include "nn/base/math.h"
#include "quant/ranges.h"

static const double decay = 0.999;

static nn_real follow(nn_real *biased, double batch, double debias)
{
    *biased = (nn_real)((double)*biased + (batch - (double)*biased) * (1.0 - decay));
    return (nn_real)((double)*biased / debias);
}

void quant_follow_ema(nn_range_state *s, const float *batch_min, const float *batch_max)
{
    nn_real *min = s->memory, *max = min + s->channels, *t = max + s->channels;
    *t += 1;
    double debias = 1.0 - nn_pow(decay, (double)*t);
    for (int c = 0; c < s->channels; c++) {
        double lo = batch_min[c] < 0 ? (double)batch_min[c] : 0.0;
        double hi = batch_max[c] > 0 ? (double)batch_max[c] : 0.0;
        s->min[c] = follow(&min[c], lo, debias);
        s->max[c] = follow(&max[c], hi, debias);
    }
}

const nn_range_rule quant_range_ema = { .name = "ema", .observe = quant_follow_ema };
