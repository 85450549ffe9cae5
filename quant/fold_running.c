/* running - one convolution by weights that are folded with the moving variance, then quantized;
 * batch norm behind it takes k out again and has the statistics of quantized results.
 *
 *   U = conv(x, Q(k W)),  y = bnorm(U / k + bias)
 *
 * Weights do not jitter with the batch, and one convolution is enough.  A channel whose gamma is 0
 * is dead (nn/ops/bnorm.c).  The form of torch.ao.nn.intrinsic.qat's ConvBn. */
#include "quant/fold_parts.h"

static nn_node *norm(const quant_folding *f, nn_node *const in[])
{
    nn_bnorm_attr attr = f->bn->attr.bnorm;
    attr.folded = true;
    return quant__norm(f, NN_OP_bnorm, in, 1, &attr);
}

const quant_fold quant_fold_running = {
    .name = "running",
    .weight = quant__fold_weight,
    .bias = quant__no_bias,
    .norm = norm,
};
