/* equalize - makes the channels of neighbouring layers alike, without changing what the network
 * computes, so that one scale for all of a weight loses little.
 *
 * Where layer a feeds layer b alone, through an activation with f(s x) = s f(x) for s > 0, channel
 * i may be divided by any s_i behind a and multiplied by it in b:
 *
 *   s_i = sqrt(r1_i / r2_i)     r1_i = max |a's folded weights of output i|
 *                               r2_i = max |b's folded weights of input i|
 *
 * after which both ranges are sqrt(r1_i r2_i).  Sweeps over all such pairs go on until no s is far
 * from 1.  The parameters are changed (batch norm's gamma and beta, or weight and bias; b's
 * weight), so the result is a network like any other.  Nagel et al., "Data-free quantization
 * through weight equalization and bias correction", ICCV 2019 (arXiv 1906.04721), sections 4.1
 * and 4.1.3.
 *
 * relu6 is not such an activation, so the paper replaces it by relu first, which changes a network
 * that was trained with it.  Here a channel behind relu6 that reaches 6 on the pictures keeps its
 * scale, and one that does not is not scaled beyond 6: on these pictures nothing changes. */
#ifndef OCTET_QUANT_EQUALIZE_H
#define OCTET_QUANT_EQUALIZE_H

#include "quant/stage.h"

typedef struct quant_equalized {
    int pairs, bounded; /* pairs of layers, and those of them with relu6 between */
    int sweeps;
} quant_equalized;

/*   from       float graph over collated parameters (as quant_calibrate's)
 *   pictures   are looked at if there is a relu6 between two layers
 *
 * Errors: those of the pictures; NN_ENOMEM. */
nn_status quant_equalize(quant_equalized *out, const nn_graph *from, const quant_config *config,
                         const quant_pictures *pictures);

/* Moves what is nearly always there of a channel into the bias of the layer behind, so that
 * activations have smaller ranges:  with c_i = max(0, beta_i - 3 |gamma_i|) of the batch norm
 * before a relu, a's bias loses c, b's gains b's weights times c.  Exact where the channel is above
 * c (99.865 % of a normal distribution) and no padding is near.  Section 4.1.4 of the same paper.
 * *absorbed: how many channels.  Errors: NN_ENOMEM. */
nn_status quant_absorb_bias(int *absorbed, const nn_graph *from);

#endif
