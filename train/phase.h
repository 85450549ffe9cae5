/* phase - one way of running a network: a graph, perhaps with its loss, its plan and its executor.
 *
 * A training run has up to six: float, partly and wholly fake-quantized, each for training and for
 * evaluation.
 * All share the parameters, and one block of memory, since only one of them runs at a time. */
#ifndef OCTET_TRAIN_PHASE_H
#define OCTET_TRAIN_PHASE_H

#include "nn/exec.h"
#include "train/session.h"

typedef enum train_phase_kind {
    TRAIN_PHASE_FLOAT,   /* as the model is written */
    TRAIN_PHASE_WATCH,   /* the same, and activation ranges are observed */
    TRAIN_PHASE_WEIGHTS, /* weights fake-quantized, activations observed: between two delays */
    TRAIN_PHASE_ACTS,    /* activations fake-quantized, weights not yet */
    TRAIN_PHASE_QUANT,   /* fake-quantized training */
    TRAIN_PHASE_DEPLOY   /* fake-quantized, batch norms folded: evaluation only */
} train_phase_kind;

typedef struct train_phase {
    nn_graph *graph;
    nn_node *image, *logits;
    nn_node *label, *loss; /* training only */
    nn_plan *plan;
    nn_exec *exec;
} train_phase;

typedef struct train_phase_options {
    train_phase_kind kind;
    bool training; /* with loss and backward pass */
    int batch;
    double smoothing; /* of the labels */
    uint64_t max_bytes;
} train_phase_options;

/* Builds graph and plan over the parameters of a network, which are collated.  Frozen parameters
 * are marked before.  Errors: NN_ENOTSUP, NN_ENOMEM (also: more bytes than max_bytes, with both
 * numbers). */
nn_status train_phase_build(train_phase *p, const train_network *n, const train_phase_options *o);

/* Gives it memory: p->plan->bytes bytes, shared with other phases. */
nn_status train_phase_bind(train_phase *p, void *block);
void train_phase_free(train_phase *p); /* all zero is allowed */

#endif
