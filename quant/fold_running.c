/* running - one convolution by weights that are folded with the moving variance, then quantized;
 * batch norm behind it takes k out again and has the statistics of quantized results.
 *
 *   U = conv(x, Q(k W)),  y = bnorm(U / k)
 *
 * Weights do not jitter with the batch, and after training the deployed network is the trained one
 * but for the statistics.  A channel whose gamma is 0 is dead (nn/ops/bnorm.c).
 * The form of torch.ao.nn.intrinsic.qat's ConvBn. */
#include "quant/fold_parts.h"

static nn_node *norm(const quant_folding *f, nn_node *const in[])
{
    nn_attr attr = f->bn->attr;
    attr.bnorm.folded = true;
    return nn_node_new(f->to, NN_OP_bnorm, f->bn->name, in, f->bn->n_in, &attr);
}

const quant_fold quant_fold_running = {
    .name = "running",
    .weight = quant__fold_weight,
    .norm = norm,
};
