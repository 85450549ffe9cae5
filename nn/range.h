/* range - how the range of a fake-quantized tensor follows the data, or is learned.
 *
 * A rule is a row of functions over one tensor's range state; the op fakequant calls it and knows
 * nothing else of it.  Rules live in quant/ (moving average, min-max, LSQ, ...), one a file.
 *
 * A rule that learns has numbers of its own for each range, trained like weights: `begin` gives
 * them their first values, `gradient` their gradients, and `settle` makes the range in force of
 * them after each step of the optimizer. */
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
    nn_real
        *learned; /* rule->learned * channels, of kind NN_PARAM_RANGE: the first of each channel,
                     then the second; all 0 until begun; NULL: nothing is learned here */
} nn_range_state;

/* Values as [outer, channels, inner]. */
typedef struct nn_range_values {
    const nn_real *x;
    size_t outer, channels, inner;
} nn_range_values;

/* What a backward pass says of one range: sums of the gradient g over its elements x, whose
 * quantized value is y. */
typedef struct nn_range_sums {
    double below;  /* sum of g where x is less than the least value of the grid */
    double inside; /* sum of g (y - x) / scale where it is neither */
    double above;  /* sum of g where x is greater than the greatest */
    double count;  /* elements of one item that share the range */
} nn_range_sums;

typedef struct nn_range_rule {
    const char *name;
    /* Takes note of a batch's smallest and largest value of each channel and sets s->min,
     * s->max. */
    void (*observe)(nn_range_state *s, const float *batch_min, const float *batch_max);

    int learned; /* numbers learned for each range; 0: the rest is NULL */
    /* First values, from those of the first quantized batch, or, if it was observed, s->min,
     * s->max: one of them at least is observed. */
    void (*begin)(nn_range_state *s, const nn_fakequant_attr *a, const nn_range_values *v);
    /* Sets s->min, s->max of s->learned, which is brought back to where it makes sense: scales stay
     * positive, ranges hold 0. */
    void (*settle)(nn_range_state *s, const nn_fakequant_attr *a);
    /* Gradients of channel c's numbers, `learned` of them. */
    void (*gradient)(double *grad, const nn_range_state *s, const nn_fakequant_attr *a, int c,
                     const nn_range_sums *sums);

    /* Which tensors: as `--range` names it for the activations of a network. */
    bool only_positive;                  /* the others follow quant_range_ema */
    bool signed_is_symmetric;            /* what may be negative has zero point 0 */
    const struct nn_range_rule *weights; /* the rule that goes with it; NULL: quant_range_last */
} nn_range_rule;

enum { NN_RANGE_MOST_LEARNED = 2 };

/* Where a fakequant node's scale is kept; NULL: it is computed from another range's.  (That of a
 * weight may be widened for a bias: op biasgrid.) */
static inline nn_param *nn_range_scale(const nn_node *fakequant)
{
    const nn_node *scale = fakequant->in[3];
    return scale->id == NN_OP_biasgrid ? scale->in[0]->param : scale->param;
}

/* The state of a fakequant node's range, whose parameters are collated; not of one whose scale has
 * no place of its own (nn_range_scale). */
static inline nn_range_state nn_range_of(const nn_node *fakequant)
{
    nn_node *const *in = fakequant->in; /* x, min, max, scale, zero_point, memory, learned */
    const bool learns = fakequant->attr.fakequant.learn != NULL;
    return (nn_range_state){ .channels = (int)in[1]->param->count,
                             .min = in[1]->param->value,
                             .max = in[2]->param->value,
                             .scale = nn_range_scale(fakequant)->value,
                             .zero_point = in[4]->param->value,
                             .memory = in[5]->param->value,
                             .learned = learns ? in[6]->param->value : NULL };
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

/* Whether a learned range has its first values. */
static inline bool nn_range_has_begun(const nn_range_state *s, const nn_fakequant_attr *a)
{
    for (int i = 0; i < a->learn->learned * s->channels; i++)
        if (s->learned[i] != 0)
            return true;
    return false;
}

/* The range in force of what is learned, and the grid of that. */
static inline void nn_range_settle(nn_range_state *s, const nn_fakequant_attr *a)
{
    a->learn->settle(s, a);
    nn_range_derive(s, a);
}

#endif
