/* minmax - the smallest and the largest value ever seen: calibration as TFLite's converter does it.
 * memory[2C] counts the batches. */
#include "quant/ranges.h"

static void observe(nn_range_state *s, const float *batch_min, const float *batch_max)
{
    nn_real *count = &s->memory[2 * s->channels];
    for (int c = 0; c < s->channels; c++) {
        nn_real min = (nn_real)batch_min[c], max = (nn_real)batch_max[c];
        s->min[c] = *count == 0 || min < s->min[c] ? min : s->min[c];
        s->max[c] = *count == 0 || max > s->max[c] ? max : s->max[c];
    }
    *count += 1;
}

const nn_range_rule quant_range_minmax = { .name = "minmax", .observe = observe };
