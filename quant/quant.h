/* quant - from a float graph to a fake-quantized one: graph -> graph, sharing the parameters.
 *
 * This is what tf.contrib.quantize's create_training_graph and create_eval_graph did, without
 * editing the graph: the float graph is copied through a rule (nn_graph_rewrite) that folds batch
 * norms and puts a fakequant node behind every tensor that the integer network will hold
 * (quant/points.h). */
#ifndef OCTET_QUANT_QUANT_H
#define OCTET_QUANT_QUANT_H

#include "nn/graph.h"
#include "quant/folds.h"
#include "quant/points.h"
#include "quant/ranges.h"

typedef enum quant_granularity { QUANT_PER_CHANNEL, QUANT_PER_TENSOR } quant_granularity;
typedef enum quant_scheme { QUANT_SYMMETRIC, QUANT_AFFINE } quant_scheme;

typedef struct quant_config {
    int weight_bits, act_bits;     /* 2 to 8; quant/spec.h says what becomes of them */
    quant_granularity granularity; /* of weights */
    quant_scheme weight_scheme,
        act_scheme;                   /* affine weights are per tensor, and lower to uint8 only */
    const nn_range_rule *act_rule;    /* of activations */
    const nn_range_rule *weight_rule; /* of weights; NULL: what goes with act_rule */
    const quant_fold *fold;           /* of batch norms, in training */
    const char *layers; /* of single layers, "GLOB=w4a8,GLOB=float": a glob names a node, or all
                           below a part of its path; later ones win; NULL: none; borrowed */
    nn_affine input;    /* of the image: real = scale * (code - zero_point), code int8 */
    bool is_uint8;      /* QUANT_DEPLOY predicts a uint8 file, whose codes are int8's plus 128 */
} quant_config;

/* 8 bits, weights symmetric and per channel, activations affine by moving averages; an input of
 * mean 0 and deviation 1 in real = code. */
quant_config quant_config_default(void);

/* Pixels p (0..255) normalized as (p - mean) / std with an integer mean have the int8 codes p -
 * 128: scale 1 / std, zero point mean - 128.  Errors: NN_EINVAL if mean is no integer in [0, 255]
 * or std is not positive, or so small or large that 1 / std is no normal binary32. */
nn_status quant_input_affine(nn_affine *out, double mean, double std);

/* The graph of one stage of a network's life.  All have an input "image" and one output. */
typedef enum quant_stage {
    QUANT_WATCH,         /* float training, batch norms as they are; activations are observed */
    QUANT_TRAIN,         /* fake-quantized training; batch norms as config->fold has them */
    QUANT_TRAIN_WEIGHTS, /* the same between two delays: weights only, activations are observed */
    QUANT_TRAIN_ACTS,    /* or activations only */
    QUANT_CALIBRATE,     /* float, batch norms folded; weights and activations are observed */
    QUANT_DEPLOY,        /* fake-quantized, batch norms folded, biases rounded: an integer file */
    QUANT_NONE           /* float, batch norms folded, nothing observed: a float file */
} quant_stage;

/* Builds into the empty graph `to`, over the same parameters, the stage's copy of the float graph
 * `from`.  The ranges are parameters of kind NN_PARAM_STATE named after the node or parameter:
 * "stage1/conv1/relu/act_quant/min", "stage1/conv1/weight/quant/scale", ... (nn/range.h); what a
 * rule learns is of kind NN_PARAM_RANGE and has its name: "stage1/conv1/weight/quant/lsq".
 * QUANT_NONE asks nothing of `from`, needs no config (it may be NULL) and keeps a batch norm that
 * cannot be folded.
 * Errors: NN_ENOTSUP (what cannot be quantized, by name), NN_EINVAL (quant_config_check),
 * NN_ENOMEM. */
nn_status quant_build(nn_graph *to, const nn_graph *from, const quant_config *config,
                      quant_stage stage);

#endif
