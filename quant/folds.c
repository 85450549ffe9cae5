#include "quant/folds.h"

#include "quant/layer.h"

static const quant_fold *const folds[] = {
#define QUANT_FOLD(name) &quant_fold_##name,
#include "quant/folds.def"
#undef QUANT_FOLD
};

const quant_fold *quant_fold_at(int i)
{
    const int n = sizeof folds / sizeof folds[0];
    return i >= 0 && i < n ? folds[i] : NULL;
}

/* ---- for good -------------------------------------------------------------------------------- */

static void hold(const quant_layer *l)
{
    for (size_t o = 0; o < l->outputs; o++) {
        l->gamma->value[o] = 1;
        l->mean->value[o] = 0;
        l->var->value[o] = (nn_real)(1 - l->bn->attr.bnorm.epsilon);
        if (l->bias != NULL)
            l->bias->value[o] = 0;
    }
}

static void fold(const quant_layer *l)
{
    quant_layer_fold(l->weight->value, l);
    for (size_t o = 0; o < l->outputs; o++) {
        const double bias = l->bias != NULL ? (double)l->bias->value[o] : 0;
        const double d = (bias - (double)l->mean->value[o]) * (double)quant_layer_factor(l, o);
        l->beta->value[o] = (nn_real)((double)l->beta->value[o] + d);
    }
    hold(l);
}

static void each_pair(const nn_graph *g, void (*act)(const quant_layer *l))
{
    quant_layer l;
    for (int i = 0; i < nn_graph_count(g); i++)
        if (quant_layer_at(&l, g, i) && l.bn != NULL)
            act(&l);
}

void quant_fold_away(const nn_graph *g)
{
    each_pair(g, fold);
}

void quant_fold_hold(const nn_graph *g)
{
    each_pair(g, hold);
}
