/* ranges - the rules by which the range of a fake-quantized tensor follows the data (nn/range.h).
 */
#ifndef OCTET_QUANT_RANGES_H
#define OCTET_QUANT_RANGES_H

#include "nn/range.h"

#define QUANT_RANGE(name) extern const nn_range_rule quant_range_##name;
#include "quant/ranges.def"
#undef QUANT_RANGE

/* The i-th, in the order of ranges.def; NULL when there are no more. */
const nn_range_rule *quant_range_at(int i);

/* The rule of that name, or NULL and a message with the nearest known one. */
const nn_range_rule *quant_range_by_name(const char *name);

#endif
