/* bias_correction - takes out of the biases what the rounding of weights adds to the mean.
 *
 * The errors of one output channel's codes are few and do not cancel: each output is off by their
 * sum times the mean input, the same for every picture.  Nagel et al., ICCV 2019 (arXiv
 * 1906.04721), section 4.2.  All ranges are known before (quant_calibrate). */
#ifndef OCTET_QUANT_BIAS_CORRECTION_H
#define OCTET_QUANT_BIAS_CORRECTION_H

#include "quant/stage.h"

typedef enum quant_bias_correction {
    QUANT_BIAS_KEPT,
    QUANT_BIAS_EMPIRICAL, /* by the mean difference on pictures, layer after layer */
    QUANT_BIAS_ANALYTICAL /* from the batch norms before, without pictures */
} quant_bias_correction;

/* Bias -= mean over pictures and positions of (quantized output - float output), in the order of
 * the graph, so that each layer sees what is left of the errors before it.
 *
 *   from        float graph over collated parameters
 *   reference   trained vector (nn_params_trained) of the float network that is to be matched,
 *               unchanged afterwards, or NULL: the parameters as they are
 *   corrected   how many layers; those without a bias or batch norm cannot be
 *
 * Errors: those of the pictures; NN_ENOMEM. */
nn_status quant_correct_bias_by_pictures(int *corrected, const nn_graph *from,
                                         const quant_config *config, nn_real *reference,
                                         const quant_pictures *pictures);

/* Bias -= sum over inputs of (quantized weight - weight) * E[input], where E[input] follows from
 * the network: a batch norm's output is taken as normal with mean beta and deviation |gamma|
 * (quant/moments.h), and a tap of the kernel counts at the share of the positions at which it does
 * not meet padding, which the paper leaves out.  Layers that read what has no such mean (the image)
 * or are in float are left. */
nn_status quant_correct_bias_by_moments(int *corrected, const nn_graph *from,
                                        const quant_config *config, nn_real *reference);

#endif
