/* graphdef - a graph of quant/quant.h as a frozen TensorFlow graph (GraphDef).
 *
 * The graph of QUANT_NONE becomes a float graph.  That of QUANT_DEPLOY becomes what
 * tf.contrib.quantize left of a trained network: a FakeQuantWithMinMaxVars wherever an activation
 * is an integer, FakeQuantWithMinMaxVars or ...PerChannel behind each weight, all ranges as
 * constants.
 *
 *   min = scale * (qmin - zero_point), max = scale * (qmax - zero_point)
 *
 * from the scales and zero points as they stand, so that TensorFlow derives the same ones again;
 * weights are those that the graph computes with, which lie on the grid, and biases are rounded.
 *
 * NHWC, any batch; placeholder "image", and nodes named after the graph's nodes.  Formats and
 * operators from TensorFlow's public specification. */
#ifndef OCTET_EXPORT_GRAPHDEF_H
#define OCTET_EXPORT_GRAPHDEF_H

#include "export/lower.h"
#include "nn/base/file.h"

/* The bytes of `g`, whose parameters are collated and hold values and ranges; free with
 * nn_bytes_free.  `info` is not used: a GraphDef has no place for it.  Errors: NN_EINVAL for a
 * tensor without a range (naming it), NN_ENOTSUP for a node that has no form, NN_ENOMEM. */
nn_status ex_graphdef(nn_bytes *out, const nn_graph *g, const ex_info *info);

/* The structure of any graph, also of one that is being trained, as a GraphDef for viewers: each
 * node by TensorFlow's name for its operator, or octet's where that has none, parameters without
 * their values, and shapes.  A fakequant node's min and max are constants with their values, zeros
 * as long as there is no range; min, max, scale and zero_point stand at the node too where it has
 * one range.  Errors: NN_ENOMEM. */
nn_status ex_graphdef_outline(nn_bytes *out, const nn_graph *g);

#endif
