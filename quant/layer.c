#include "quant/layer.h"

#include <math.h>

enum { WEIGHT = 1, BIAS };
enum { BN_GAMMA = 1, BN_BETA, BN_MEAN, BN_VAR };

static void add_batch_norm(quant_layer *l, const nn_node *bn)
{
    l->bn = bn;
    l->gamma = bn->in[BN_GAMMA]->param;
    l->beta = bn->in[BN_BETA]->param;
    l->mean = bn->in[BN_MEAN]->param;
    l->var = bn->in[BN_VAR]->param;
}

bool quant_layer_at(quant_layer *l, const nn_graph *g, int i)
{
    const nn_node *n = nn_graph_node(g, i);
    if (!nn_node_has_weight(n))
        return false;
    *l = (quant_layer){ .node = n, .weight = n->in[WEIGHT]->param, .last = n };
    if (n->n_in > BIAS)
        l->bias = n->in[BIAS]->param;
    l->outputs = (size_t)nn_shape_channels(n->shape);
    l->fan_in = l->weight->count / l->outputs;
    l->step = n->id == NN_OP_dwconv2d ? l->outputs : 1;
    for (const nn_node *m = quant_fused_into(g, n); m != NULL; m = quant_fused_into(g, m)) {
        if (m->id == NN_OP_bnorm)
            add_batch_norm(l, m);
        else
            l->act = m;
        l->last = m;
    }
    return true;
}

bool quant_layer_reads(const quant_layer *l, size_t channels)
{
    const size_t inputs = (size_t)nn_shape_channels(l->node->in[0]->shape);
    return l->node->id == NN_OP_dwconv2d ? inputs == channels : inputs % channels == 0;
}

size_t quant_layer_input(const quant_layer *l, size_t o, size_t k, size_t channels)
{
    return l->node->id == NN_OP_dwconv2d ? o / (l->outputs / channels) : k % channels;
}

nn_real quant_layer_factor(const quant_layer *l, size_t o)
{
    if (l->bn == NULL)
        return 1;
    const double variance = (double)l->var->value[o] + l->bn->attr.bnorm.epsilon;
    return l->gamma->value[o] * (nn_real)(1.0 / sqrt(variance));
}

void quant_layer_fold(nn_real *folded, const quant_layer *l)
{
    for (size_t o = 0; o < l->outputs; o++) {
        const nn_real factor = quant_layer_factor(l, o);
        for (size_t k = 0; k < l->fan_in; k++) {
            const size_t i = quant_layer_index(l, o, k);
            folded[i] = l->weight->value[i] * factor;
        }
    }
}

bool quant_layer_has_bias(const quant_layer *l)
{
    return l->beta != NULL || l->bias != NULL;
}

void quant_layer_add_bias(const quant_layer *l, size_t o, double d)
{
    nn_param *p = l->beta != NULL ? l->beta : l->bias;
    p->value[o] = (nn_real)((double)p->value[o] + d);
}

const nn_node *quant_layer_weight_point(const nn_graph *stage, const quant_layer *l)
{
    const nn_node *n = nn_graph_find(stage, l->node->name)->in[WEIGHT];
    return n->id == NN_OP_fakequant ? n : NULL;
}
