/* adaround - learns for each weight whether its code is to be rounded up or down.
 *
 * Rounding each weight to the nearest code is best for the weight and not for the layer's output:
 * errors should cancel.  Layer after layer, with V a variable for each weight and s its scale:
 *
 *   w~   = s clip(floor(w / s) + h(V), n, p)      h(V) = clip(1.2 sigmoid(V) - 0.1, 0, 1)
 *   loss = mean |f(W x + b) - f(W~ x^ + b)|^2 + lambda sum (1 - |2 h(V) - 1|^beta)
 *
 * x is the float network's input, x^ that of the network quantized so far, f the activation; the
 * square is summed over the output channels, the mean is over pictures and positions.  V begins
 * where h is the fraction of w / s, is moved by Adam, and in the end h is rounded.  beta falls from
 * 20 to 2 by a cosine, and the second term begins after a fifth of the steps.  The chosen codes are
 * written into the weights, which afterwards lie on the grid.
 *
 * Nagel et al., "Up or down? Adaptive rounding for post-training quantization", ICML 2020 (arXiv
 * 2004.10568); the constants are those of Qualcomm's AIMET.  Here a step looks at some positions of
 * many pictures rather than at all positions of some: the same mean, at less cost. */
#ifndef OCTET_QUANT_ADAROUND_H
#define OCTET_QUANT_ADAROUND_H

#include "quant/stage.h"

/* Zero is the default of every field. */
typedef struct quant_adaround_options {
    int steps;     /* [10000] of Adam, for each layer */
    int rows;      /* [256] positions that a step looks at */
    int samples;   /* [16384] positions to choose them from, about */
    double rate;   /* [0.001] learning rate */
    double lambda; /* [0.01] */
    uint64_t seed; /* of the choice of positions */
    void (*progress)(void *ctx, const char *layer, int done, int total); /* NULL: none */
    void *progress_ctx;
} quant_adaround_options;

typedef struct quant_rounded {
    int layers;
    size_t weights, undecided; /* undecided: h in (0.01, 0.99) at the end; many: too few steps */
} quant_rounded;

/*   from   float graph over collated parameters; all ranges are known (quant_calibrate) and stay
 *
 * Errors: those of the pictures; NN_ENOTSUP, NN_ENOMEM. */
nn_status quant_adaround(quant_rounded *out, const nn_graph *from, const quant_config *config,
                         const quant_adaround_options *o, const quant_pictures *pictures);

/* h(V), the V of an h in (0, 1), and dR/dh of R = 1 - |2 h - 1|^beta. */
double quant_adaround_h(double v);
double quant_adaround_v(double h);
double quant_adaround_pull(double h, double beta);

#endif
