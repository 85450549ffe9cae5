/* calibrate - ranges from pictures without training: the first half of post-training
 * quantization. */
#ifndef OCTET_QUANT_CALIBRATE_H
#define OCTET_QUANT_CALIBRATE_H

#include "quant/calibrators.h"
#include "quant/stage.h"

typedef enum quant_weight_range {
    QUANT_WEIGHT_MINMAX, /* up to the largest magnitude */
    QUANT_WEIGHT_MSE     /* the range with the least squared error */
} quant_weight_range;

typedef struct quant_calibration {
    const quant_calibrator *how; /* of activations */
    quant_calibrator_options options;
    quant_weight_range weights;
} quant_calibration;

/* Runs the float network with folded batch norms over the pictures and sets all ranges, scales and
 * zero points in the parameters, whose former ranges are forgotten.  The config's rules are not
 * used; its fold is one that quantizes folded weights.
 *
 *   from     float graph with an input "image" over collated parameters that hold the ranges' state
 *            (build the QUANT_DEPLOY graph before collating)
 *
 * Errors: NN_EINVAL (an option; no picture), NN_EDIVERGED (a value that is not finite, with the
 * tensor's name), those of the pictures, NN_ENOMEM. */
nn_status quant_calibrate(const nn_graph *from, const quant_config *config,
                          const quant_calibration *c, const quant_pictures *pictures);

#endif
