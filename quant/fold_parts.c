#include "quant/fold_parts.h"

#include <stdio.h>

static nn_node *leaf(const quant_folding *f, int input)
{
    return nn_param_leaf(f->to, f->bn->in[input]->param);
}

int quant__channel_axis(const nn_node *layer)
{
    return layer->id == NN_OP_dwconv2d ? 3 : 0;
}

nn_node *quant__fold_weight(const quant_folding *f, nn_node *w)
{
    char name[QUANT_NAME_BYTES];
    snprintf(name, sizeof name, "%s/folded", f->layer->in[QUANT_WEIGHT]->name);
    nn_attr attr = { .bnorm = f->bn->attr.bnorm };
    attr.bnorm.axis = quant__channel_axis(f->layer);
    nn_node *in[] = { w, leaf(f, QUANT_BN_GAMMA), leaf(f, QUANT_BN_VAR) };
    return nn_node_new(f->to, NN_OP_bnscale, name, in, 3, &attr);
}

nn_node *quant__fold_bias(const quant_folding *f, nn_node *bias)
{
    char name[QUANT_NAME_BYTES];
    snprintf(name, sizeof name, "%s/bias/folded", f->layer->name);
    nn_node *in[] = { leaf(f, QUANT_BN_GAMMA), leaf(f, QUANT_BN_BETA), leaf(f, QUANT_BN_MEAN),
                      leaf(f, QUANT_BN_VAR), bias };
    return nn_node_new(f->to, NN_OP_bnbias, name, in, bias != NULL ? 5 : 4,
                       &(nn_attr){ .bnorm = f->bn->attr.bnorm });
}

nn_node *quant__own_bias(const quant_folding *f)
{
    return f->layer->n_in > QUANT_BIAS ? nn_param_leaf(f->to, f->layer->in[QUANT_BIAS]->param)
                                       : NULL;
}

nn_node *quant__plain_weight(const quant_folding *f, nn_node *w)
{
    (void)f;
    return w;
}

nn_node *quant__no_bias(const quant_folding *f, nn_node *bias)
{
    (void)f, (void)bias;
    return NULL;
}

nn_node *quant__plain_bias(const quant_folding *f, nn_node *bias)
{
    (void)f;
    return bias;
}

nn_node *quant__plain_norm(const quant_folding *f, nn_node *const in[])
{
    return nn_rewrite_copy(f->to, f->bn, in, NULL);
}

nn_node *quant__norm(const quant_folding *f, nn_op_id id, nn_node *const x[], int n,
                     const nn_bnorm_attr *attr)
{
    nn_node *in[NN_MAX_IN], *bias = quant__own_bias(f);
    for (int i = 0; i < n; i++)
        in[i] = x[i];
    for (int k = QUANT_BN_GAMMA; k <= QUANT_BN_VAR; k++)
        in[n++] = leaf(f, k);
    if (bias != NULL)
        in[n++] = bias;
    return nn_node_new(f->to, id, f->bn->name, in, n, &(nn_attr){ .bnorm = *attr });
}

enum { FQ_X, FQ_SCALE = 3 }; /* inputs of op fakequant */

nn_node *quant__widen(nn_graph *to, nn_node *scale, const quant_bias_fit *fit)
{
    char name[QUANT_NAME_BYTES];
    if (fit->bias == NULL || scale == NULL)
        return scale;
    snprintf(name, sizeof name, "%s/wide", scale->name);
    nn_node *in[] = { scale, fit->bias, fit->x_scale };
    return nn_node_new(to, NN_OP_biasgrid, name, in, 3, NULL);
}

nn_node *quant__fold_quantized(const quant_folding *f, nn_node *q, const quant_bias_fit *fit)
{
    char name[QUANT_NAME_BYTES];
    nn_node *in[NN_MAX_IN];
    if (q == NULL)
        return NULL;
    snprintf(name, sizeof name, "%s/scale/folded", f->layer->in[QUANT_WEIGHT]->name);
    nn_node *scale[] = { q->in[FQ_SCALE], leaf(f, QUANT_BN_GAMMA), leaf(f, QUANT_BN_VAR) };
    for (int i = 0; i < q->n_in; i++)
        in[i] = q->in[i];
    in[FQ_X] = quant__fold_weight(f, q);
    in[FQ_SCALE] = quant__widen(
        f->to,
        nn_node_new(f->to, NN_OP_bngrid, name, scale, 3, &(nn_attr){ .bnorm = f->bn->attr.bnorm }),
        fit);
    nn_attr attr = q->attr;
    attr.fakequant.rule = NULL;
    snprintf(name, sizeof name, "%s/folded/quant", f->layer->in[QUANT_WEIGHT]->name);
    return nn_node_new(f->to, NN_OP_fakequant, name, in, q->n_in, &attr);
}
