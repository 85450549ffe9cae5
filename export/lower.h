/* lower - from a fake-quantized graph to a plain mirror of a .tflite file.
 *
 * Takes the graph of QUANT_DEPLOY (quant/quant.h).  Each tensor that the integer network holds has
 * a fakequant node with its scale and zero point, which are taken as they stand and never derived
 * again; the codes of weights are those whose values the graph itself computes with, and biases are
 * rounded by the same rule as in op quantbias.  A convolution with the relu behind it becomes one
 * operator.
 *
 * Layout: activations int8 per tensor; weights int8, symmetric, [-127, 127]; biases int32 with the
 * scale input * weight.  Batch 1.  Tensors are named after the graph's nodes. */
#ifndef OCTET_EXPORT_LOWER_H
#define OCTET_EXPORT_LOWER_H

#include "export/tfl_model.h"
#include "nn/graph.h"

typedef struct ex_info {
    const char *name;        /* of the network: "resnet20" */
    const char *description; /* one line, shown by viewers */
    const tfl_metadata *metadata;
    int n_metadata;
} ex_info;

/* Lowers `deploy`, whose parameters are collated and hold values and ranges.  The model and its
 * constants live in `arena`.  Errors: NN_EINVAL for a tensor without a range (naming it),
 * NN_ENOTSUP for a node that no operator expresses, NN_ENOMEM. */
nn_status ex_lower(tfl_model **out, nn_arena *arena, const nn_graph *deploy, const ex_info *info);

#endif
