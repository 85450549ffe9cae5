/* minmax - from the smallest to the largest value ever seen: nothing is clipped, and one outlier
 * makes every step larger.  What TFLite's converter does. */
#include "quant/calibrators.h"
#include "quant/ranges.h"

const quant_calibrator quant_calibrator_minmax = {
    .name = "minmax",
    .about = "from the smallest to the largest value",
    .rule = &quant_range_minmax,
};
