/* pact - activations are clipped at a learned height.
 *
 *   y = the nearest of 2^b levels of [0, a] to clamp(x, 0, a)
 *   dx = dy where 0 <= x <= a, else 0;   da = sum(dy where x > a) + decay a
 *
 * Nothing but the decay makes a smaller, so it decays as weights do by default.  The paper starts
 * at one number for all layers; here a starts at the range that was observed, and there is no clip
 * to learn for what may be negative, which follows a moving average.  The paper's weights are
 * DoReFa's: --weight-rule dorefa.  learned: a.
 * Choi et al., "PACT: parameterized clipping activation", 2018 (arXiv 1805.06085). */
#include "quant/range_learn.h"

static const double decay = 5e-4;

static void begin(nn_range_state *s, const nn_fakequant_attr *a, const nn_range_values *v)
{
    (void)a, (void)v;
    for (int c = 0; c < s->channels; c++)
        s->learned[c] = s->max[c] > 0 ? s->max[c] : 1;
}

static void settle(nn_range_state *s, const nn_fakequant_attr *a)
{
    const double above = quant_codes_of(a).above;
    for (int c = 0; c < s->channels; c++) {
        const double scale = (double)s->learned[c] / above;
        if (quant_positive_scale(scale, s, c) != scale)
            s->learned[c] = (nn_real)(quant_positive_scale(scale, s, c) * above);
        s->min[c] = 0;
        s->max[c] = s->learned[c];
    }
}

static void gradient(double *grad, const nn_range_state *s, const nn_fakequant_attr *a, int c,
                     const nn_range_sums *sums)
{
    (void)a;
    grad[0] = sums->above + decay * (double)s->learned[c];
}

const nn_range_rule quant_range_pact = {
    .name = "pact",
    .observe = quant_follow_ema,
    .learned = 1,
    .begin = begin,
    .settle = settle,
    .gradient = gradient,
    .only_positive = true,
};
