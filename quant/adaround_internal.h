/* adaround_internal - the two halves of AdaRound: samples of a layer's inputs and outputs, and the
 * learning of its codes from them. */
#ifndef OCTET_QUANT_ADAROUND_INTERNAL_H
#define OCTET_QUANT_ADAROUND_INTERNAL_H

#include "quant/adaround.h"
#include "quant/layer.h"

/* A layer at some positions of the pictures. */
typedef struct quant_samples {
    size_t rows, x_width, y_width; /* a patch [KH,KW,I], as the weight lies; output channels */
    nn_real *x;                    /* [rows, x_width] what the quantized network reads there */
    nn_real *y;                    /* [rows, y_width] what the float network computes there, behind
                                      the activation */
    nn_real *bias;                 /* [y_width] folded; NULL: none */
} quant_samples;

/* What a layer's codes are learned from and where they go. */
typedef struct quant_rounding {
    const quant_layer *layer;
    const nn_node *point; /* its weight's fakequant node */
    const quant_samples *samples;
    const quant_adaround_options *options;
    uint64_t stream; /* names the layer's random numbers */
} quant_rounding;

/* Learns, writes the weights, and adds to what is in *out.  Errors: NN_ENOMEM, NN_ESHAPE. */
nn_status quant_adaround__learn(quant_rounded *out, const quant_rounding *r);

#endif
