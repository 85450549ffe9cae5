#include "quant/points.h"

const char *quant_how_name(quant_how how)
{
    static const char *const names[] = { "fused",   "weights", "observed", "fixed",
                                         "rounded", "kept",    "float" };
    return names[how];
}

static bool can_carry_activation(const nn_node *n)
{
    return nn_node_has_weight(n) || n->id == NN_OP_bnorm || n->id == NN_OP_add ||
           n->id == NN_OP_mul;
}

nn_node *quant_fused_into(const nn_graph *g, const nn_node *n)
{
    nn_node *m = n->is_output ? NULL : nn_graph_only_reader(g, n);
    if (m == NULL || m->in[0] != n)
        return NULL;
    if (m->id == NN_OP_bnorm)
        return n->id == NN_OP_conv2d || n->id == NN_OP_dwconv2d ? m : NULL;
    if (m->id == NN_OP_relu || m->id == NN_OP_relu6)
        return can_carry_activation(n) ? m : NULL;
    return NULL;
}

static nn_affine probability(void)
{
    return (nn_affine){ .scale = 1.0f / 256, .zero_point = -128 }; /* as TFLite's kernels demand */
}

static nn_status classify(quant_point *p, const nn_graph *g, const nn_node *n, nn_affine input)
{
    *p = (quant_point){ .how = QUANT_OBSERVED, .leader = n->index };
    if (n->id == NN_OP_input) {
        bool image = n->shape.rank > 1;
        *p = (quant_point){ image ? QUANT_FIXED : QUANT_FLOAT, n->index, input };
    } else if (n->id == NN_OP_param) {
        p->how = QUANT_WEIGHTS;
    } else if (n->op->flags & NN_FLAG_TRAIN_ONLY) {
        p->how = n->id == NN_OP_dropout ? QUANT_KEPT : QUANT_FLOAT;
    } else if (quant_fused_into(g, n) != NULL) {
        p->how = QUANT_FUSED;
    } else if (n->id == NN_OP_softmax || n->id == NN_OP_logistic) {
        *p = (quant_point){ QUANT_FIXED, n->index, probability() };
    } else if (n->id == NN_OP_avg_pool) {
        p->how = QUANT_ROUNDED;
    } else if (n->id == NN_OP_max_pool || n->id == NN_OP_reshape || n->id == NN_OP_pad) {
        p->how = QUANT_KEPT;
    }
    if (n->id == NN_OP_bnorm && quant_fused_into(g, n->in[0]) != n)
        return nn_fail(
            NN_ENOTSUP,
            "bnorm %s: does not follow a convolution that only it reads, so it cannot be "
            "folded; put it right behind its convolution",
            n->name);
    return NN_OK;
}

/* ---- groups: union by leader ----------------------------------------------------------------- */

static int leader_of(const quant_point *points, int i)
{
    while (points[i].leader != i)
        i = points[i].leader;
    return i;
}

/* Puts the ranges of nodes a and b into one group.  A fixed range leads; else the later observed
 * one does, which has seen what the earlier ones produce. */
static nn_status tie(quant_point *points, const nn_graph *g, int a, int b)
{
    int x = leader_of(points, a), y = leader_of(points, b);
    if (x == y)
        return NN_OK;
    bool x_fixed = points[x].how == QUANT_FIXED, y_fixed = points[y].how == QUANT_FIXED;
    if (x_fixed || y_fixed)
        return nn_fail(
            NN_ENOTSUP,
            "concat: %s and %s must have one range in int8, but that of %s is fixed; put a "
            "convolution between them",
            nn_graph_node(g, a)->name, nn_graph_node(g, b)->name,
            nn_graph_node(g, x_fixed ? x : y)->name);
    bool x_leads = x > y && points[x].how == QUANT_OBSERVED;
    if (points[y].how != QUANT_OBSERVED)
        x_leads = true;
    points[x_leads ? y : x].leader = x_leads ? x : y;
    return NN_OK;
}

nn_status quant_points_find(quant_point *points, const nn_graph *g, nn_affine input)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        NN_TRY(classify(&points[i], g, n, input));
        if (points[i].how == QUANT_KEPT || points[i].how == QUANT_ROUNDED)
            points[i].leader = leader_of(points, n->in[0]->index);
    }
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        for (int k = 0; n->id == NN_OP_concat && k < n->n_in; k++)
            NN_TRY(tie(points, g, n->in[k]->index, i));
    }
    for (int i = 0; i < nn_graph_count(g); i++)
        points[i].leader = leader_of(points, i);
    return NN_OK;
}
