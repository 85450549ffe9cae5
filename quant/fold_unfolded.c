/* unfolded - the weights are quantized as they are, with an ordinary batch norm behind them; at the
 * end the codes stay and k goes into their scales.
 *
 *   y = bnorm(conv(x, Q(W)) + bias);  deployed: scale |k|, codes times the sign of k
 *
 * A grid that is symmetric and narrow makes the change of sign exact.  The form of the TensorFlow
 * Model Optimization Toolkit and of NNCF. */
#include "quant/fold_parts.h"

const quant_fold quant_fold_unfolded = {
    .name = "unfolded",
    .weight = quant__plain_weight,
    .bias = quant__plain_bias,
    .norm = quant__plain_norm,
    .keeps_codes = true,
};
