/* calibrate - ranges from data without training: post-training quantization. */
#ifndef OCTET_QUANT_CALIBRATE_H
#define OCTET_QUANT_CALIBRATE_H

#include "quant/quant.h"

/* Gives the next batch of images: *n of them (0: no more), normalised, valid until the next call.
 * Errors are passed on. */
typedef nn_status quant_next_batch(void *ctx, const nn_real **image, int *n);

/* Runs the float network with folded batch norms over the batches and sets all ranges, scales and
 * zero points in the parameters, whose former ranges are forgotten.
 *
 *   from     float graph with an input "image" over collated parameters that hold the ranges' state
 *            (build the QUANT_DEPLOY graph before collating)
 *   batch    largest n
 *
 * Errors: those of the callback; NN_EINVAL if there was no batch; NN_ENOMEM. */
nn_status quant_calibrate(const nn_graph *from, const quant_config *config, int batch,
                          quant_next_batch *next, void *ctx);

#endif
