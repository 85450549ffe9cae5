/* range - how the range of a fake-quantized tensor follows the data.
 *
 * A rule is a row of functions over one tensor's range state; the op fakequant calls it and knows
 * nothing else of it.  Rules live in quant/ (moving average, min-max, ...), one a file. */
#ifndef OCTET_NN_RANGE_H
#define OCTET_NN_RANGE_H

#include "nn/op.h"

/* The state of a range, as parameters of kind NN_PARAM_STATE named after the tensor, which are in
 * the checkpoint; each has one element for each channel (1 if per tensor). */
typedef struct nn_range_state {
    int channels;
    nn_real *min, *max;          /* the range in force */
    nn_real *scale, *zero_point; /* derived from it once; 0 scale: no range yet */
    nn_real *memory; /* 2 * channels + 1: the rule's own (biased averages, count of batches) */
} nn_range_state;

typedef struct nn_range_rule {
    const char *name;
    /* Takes note of a batch's smallest and largest value of each channel and sets s->min, s->max.
     */
    void (*observe)(nn_range_state *s, const float *batch_min, const float *batch_max);
} nn_range_rule;

/* The state of a fakequant node's range, whose parameters are collated. */
static inline nn_range_state nn_range_of(const nn_node *fakequant)
{
    nn_node *const *in = fakequant->in; /* x, min, max, scale, zero_point, memory */
    return (nn_range_state){ (int)in[1]->param->count, in[1]->param->value, in[2]->param->value,
                             in[3]->param->value,      in[4]->param->value, in[5]->param->value };
}

/* Scale and zero point of a range on that node's grid. */
static inline nn_affine nn_range_affine(const nn_fakequant_attr *a, float min, float max)
{
    return a->symmetric ? nn_affine_symmetric(min, max, a->grid)
                        : nn_affine_from_range(min, max, a->grid);
}

/* Derives scale and zero point from the range in force: the one place that does, so that they are
 * the same whoever set the range. */
static inline void nn_range_derive(nn_range_state *s, const nn_fakequant_attr *a)
{
    for (int c = 0; c < s->channels; c++) {
        nn_affine q = nn_range_affine(a, (float)s->min[c], (float)s->max[c]);
        s->scale[c] = (nn_real)q.scale;
        s->zero_point[c] = (nn_real)q.zero_point;
    }
}

#endif
