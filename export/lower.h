/* lower - from a graph of quant/quant.h to a plain mirror of a .tflite file.
 *
 * An integer file is made of the graph of QUANT_DEPLOY.  Each tensor that the integer network holds
 * has a fakequant node with its scale and zero point, which are taken as they stand and never
 * derived again; the codes of weights are those whose values the graph itself computes with, and
 * biases are rounded by the same rule as in op quantbias.  A float file is made of the graph of
 * QUANT_NONE, whose values it takes.  A convolution with the relu behind it becomes one operator.
 *
 *               activations                weights                                   biases
 *   EX_INT8     int8, a scale a tensor     int8, int4 where the grid is [-7, 7] or   int32
 *                                          narrower; zero point 0
 *   EX_UINT8    uint8, likewise            uint8, one scale, any zero point          int32
 *   EX_FLOAT    float32                    float32                                   float32
 *
 * Graphs hold int8 codes; those of a uint8 file and its zero points are greater by 128.  The scale
 * of a bias is input * weight.  Batch 1.  Tensors are named after the graph's nodes. */
#ifndef OCTET_EXPORT_LOWER_H
#define OCTET_EXPORT_LOWER_H

#include "export/tfl_model.h"
#include "nn/graph.h"

typedef enum ex_form { EX_INT8, EX_UINT8, EX_FLOAT } ex_form;

typedef struct ex_info {
    const char *name;        /* of the network: "resnet20" */
    const char *description; /* one line, shown by viewers */
    const tfl_metadata *metadata;
    int n_metadata;
} ex_info;

/* Lowers `g`, whose parameters are collated and hold values and ranges.  The model and its
 * constants live in `arena`.  Errors: NN_EINVAL for a tensor without a range (naming it),
 * NN_ENOTSUP for a node that no operator expresses and for weights that the form cannot hold (int8:
 * a zero point; uint8: a scale for each channel), NN_ENOMEM. */
nn_status ex_lower(tfl_model **out, nn_arena *arena, const nn_graph *g, ex_form form,
                   const ex_info *info);

#endif
