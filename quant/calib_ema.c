/* ema - moving averages of the extremes of the batches, as in quantization-aware training: an
 * outlier counts for its own batch only. */
#include "quant/calibrators.h"
#include "quant/ranges.h"

const quant_calibrator quant_calibrator_ema = {
    .name = "ema",
    .about = "moving averages of the extremes of the batches",
    .rule = &quant_range_ema,
};
