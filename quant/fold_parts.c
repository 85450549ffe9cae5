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
