/* reestimate - as unfolded, and when training ends the running statistics are replaced by plain
 * means over batches through the finished, quantized weights, which moving averages trail.
 *
 * The form of AIMET's batch norm re-estimation. */
#include "quant/fold_parts.h"

const quant_fold quant_fold_reestimate = {
    .name = "reestimate",
    .weight = quant__plain_weight,
    .bias = quant__plain_bias,
    .norm = quant__plain_norm,
    .keeps_codes = true,
    .reestimates = true,
};
