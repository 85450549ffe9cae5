/* learned - both ends of the range are trained, as TensorFlow's fake_quant_with_min_max_vars
 * defines their gradients.
 *
 *   dmin = sum(dy where x < least value of the grid),  dmax = sum(dy where x > greatest)
 *
 * A symmetric range [-r, r] has dr = dmax - dmin.  The ends start where they were observed, r at
 * the farther one, and hold 0.  learned: min, max. FakeQuantWithMinMaxVarsGradient; Jacob et al.
 * 2017 (arXiv 1712.05877) observe instead. */
#include "quant/range_learn.h"

static void begin(nn_range_state *s, const nn_fakequant_attr *a, const nn_range_values *v)
{
    (void)v;
    for (int c = 0; c < s->channels; c++) {
        const nn_real min = s->min[c], max = a->symmetric && -min > s->max[c] ? -min : s->max[c];
        s->learned[c] = min;
        s->learned[s->channels + c] = max;
    }
}

static void settle(nn_range_state *s, const nn_fakequant_attr *a)
{
    const double steps = (double)(a->grid.qmax - a->grid.qmin);
    for (int c = 0; c < s->channels; c++) {
        nn_real *min = &s->learned[c], *max = &s->learned[s->channels + c];
        *max = *max > 0 ? *max : 0;
        *min = a->symmetric ? -*max : *min < 0 ? *min : 0;
        const double extent = (double)*max - (double)*min;
        const double least = quant_positive_scale(extent / steps, s, c) * steps;
        if (extent < least) { /* the steps of the optimizer have brought the ends together */
            *max += (nn_real)((least - extent) / (a->symmetric ? 2 : 1));
            *min = a->symmetric ? -*max : *min;
        }
        s->min[c] = *min;
        s->max[c] = *max;
    }
}

static void gradient(double *grad, const nn_range_state *s, const nn_fakequant_attr *a, int c,
                     const nn_range_sums *sums)
{
    (void)s, (void)c;
    grad[0] = a->symmetric ? 0 : sums->below;
    grad[1] = a->symmetric ? sums->above - sums->below : sums->above;
}

const nn_range_rule quant_range_learned = {
    .name = "learned",
    .observe = quant_follow_ema,
    .learned = 2,
    .begin = begin,
    .settle = settle,
    .gradient = gradient,
    .weights = &quant_range_learned,
};
