/* post - post-training quantization of a checkpoint: its options, its pictures, and the line by
 * which the result says how it was made. */
#ifndef OCTET_TRAIN_CLI_POST_H
#define OCTET_TRAIN_CLI_POST_H

#include "quant/post.h"
#include "train/session.h"

typedef struct train_post_options {
    const char *method; /* of quant/calibrators.def */
    int calib;          /* pictures */
    double percentile;
    int bins;
    int weight_range; /* quant_weight_range */
    int granularity, weight_bits, act_bits;
    bool equalize, absorb;
    int relu6;           /* 0 it is kept, 1 it becomes relu */
    int bias_correction; /* quant_bias_correction */
    bool adaround;
    int adaround_steps;
} train_post_options;
extern const train_rows train_post_rows;

/* NN_OK if the options can be.  Errors: NN_EINVAL naming the option. */
nn_status train_post_check(const train_post_options *o);

/* Loads the float checkpoint as a network that these options can quantize.
 * Errors: NN_EINVAL (it is quantized already), NN_ENOTSUP (it cannot be), train_network_load's. */
nn_status train_post_load(train_network **out, const char *path, const train_post_options *o,
                          const train_limits *limits);

/* What takes long says how far it is; NULL is allowed. */
typedef void train_post_progress(void *ctx, const char *layer, int done, int total);

/* Quantizes it: sets ranges, changes weights and biases as the options say, and sets n->info.made
 * to a line that says how.
 *
 *   set    its training pictures are looked at, chosen by the seed, not augmented
 *   used   how many it was
 *
 * Errors: NN_EINVAL, NN_EDIVERGED, ds_read's, NN_ENOMEM. */
nn_status train_post_run(int *used, train_network *n, const ds_set *set,
                         const train_post_options *o, uint64_t seed, train_post_progress *progress);

#endif
