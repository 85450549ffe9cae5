/* ranges - the rules by which the range of a fake-quantized tensor follows the data
 * (nn/range.h). */
#ifndef OCTET_QUANT_RANGES_H
#define OCTET_QUANT_RANGES_H

#include "nn/graph.h"
#include "nn/range.h"

#define QUANT_RANGE(name) extern const nn_range_rule quant_range_##name;
#include "quant/ranges.def"
#undef QUANT_RANGE

/* The i-th, in the order of ranges.def; NULL when there are no more. */
const nn_range_rule *quant_range_at(int i);

/* The rule of that name, or NULL and a message with the nearest known one. */
const nn_range_rule *quant_range_by_name(const char *name);

/* Whether weights can follow it, or what it does to weights is a way of its own. */
static inline bool quant_range_is_of_weights(const nn_range_rule *r)
{
    return !r->only_positive || r->weights == r;
}

/* What quant_range_ema does with a batch: rules that learn observe so before they begin. */
void quant_follow_ema(nn_range_state *s, const float *batch_min, const float *batch_max);

/* After a step of the optimizer: makes the ranges in force of what is learned in graph g.  A range
 * that nothing has gone through yet is left as it is. */
void quant_ranges_settle(const nn_graph *g);

/* The same after all values were exchanged for others: those of an average, say. */
void quant_ranges_exchange(const nn_graph *g);

/* Learned ranges keep their values from here on (or no longer). */
void quant_ranges_hold(nn_params *ps, bool hold);

#endif
