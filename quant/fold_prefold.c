/* prefold - before the first quantized step the batch norms are folded into weights and biases for
 * good; training goes on without them, beta being the bias.
 *
 *   once: W = k W, beta = beta + (bias - mean) k;  then y = conv(x, Q(W)) + beta
 *
 * For a network that is trained already.  The default of AIMET. */
#include "quant/fold_parts.h"

static nn_node *beta(const quant_folding *f, nn_node *bias)
{
    (void)bias;
    return nn_param_leaf(f->to, f->bn->in[QUANT_BN_BETA]->param);
}

static nn_node *norm(const quant_folding *f, nn_node *const in[])
{
    (void)f;
    return in[0];
}

const quant_fold quant_fold_prefold = {
    .name = "prefold",
    .weight = quant__plain_weight,
    .bias = beta,
    .norm = norm,
    .folds_away = true,
};
