/* post - post-training quantization whole: a float network becomes one with ranges, in the order in
 * which its methods build on each other.
 *
 *   equalize -> absorb high biases -> ranges from pictures -> choose codes -> correct biases
 *
 * Only the ranges are indispensable.  Each step changes parameters of the network and leaves it one
 * that can be evaluated, lowered, saved and trained further. */
#ifndef OCTET_QUANT_POST_H
#define OCTET_QUANT_POST_H

#include "quant/adaround.h"
#include "quant/bias_correction.h"
#include "quant/calibrate.h"
#include "quant/equalize.h"

typedef struct quant_post {
    bool equalize, absorb;
    quant_calibration calibration;
    bool adaround;
    quant_adaround_options rounding;
    quant_bias_correction correction;
} quant_post;

typedef struct quant_post_report {
    quant_equalized equalized;
    int absorbed; /* channels */
    quant_rounded rounded;
    int corrected; /* layers */
} quant_post_report;

/* Errors: those of the steps. */
nn_status quant_post_run(quant_post_report *out, const nn_graph *from, const quant_config *config,
                         const quant_post *p, const quant_pictures *pictures);

#endif
