/* batch - two convolutions: one by the float weights, for the batch's statistics alone, and one by
 * weights that are folded with the moving ones, then quantized, and corrected to the batch's.
 *
 *   Z = conv(x, W),  U = conv(x, Q(k W)),  y = bncorrect(U, Z, bias)
 *
 * Statistics are those of the float convolution, and gamma may pass through 0.  The form of
 * tf.contrib.quantize and of Krishnamoorthi 2018 (arXiv 1806.08342) section 3.2.2, which freezes
 * the statistics in the end; from then on the first convolution is left out. */
#include <stdio.h>

#include "quant/fold_parts.h"

static nn_node *norm(const quant_folding *f, nn_node *const in[])
{
    char name[QUANT_NAME_BYTES];
    const nn_node *layer = f->layer, *u = in[0];
    if (u == NULL)
        return NULL;
    snprintf(name, sizeof name, "%s/statistics", layer->name);
    nn_node *w = nn_param_leaf(f->to, layer->in[QUANT_WEIGHT]->param);
    nn_node *both[] = { u->in[QUANT_X], w };
    nn_node *x[] = { in[0], nn_node_new(f->to, layer->id, name, both, 2, &layer->attr) };
    if (x[1] != NULL)
        x[1]->for_statistics = true;
    return quant__norm(f, NN_OP_bncorrect, x, 2, &f->bn->attr.bnorm);
}

const quant_fold quant_fold_batch = {
    .name = "batch",
    .weight = quant__fold_weight,
    .bias = quant__no_bias,
    .norm = norm,
};
