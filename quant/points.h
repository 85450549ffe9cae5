/* points - which tensors of a float network the integer network will hold, and whose range each
 * has.
 *
 * The integer network fuses: conv + batch norm + relu is one operator, add + relu is one.  A node
 * that disappears into the one behind it has no range of its own; every other node's result exists
 * as integers and must have a scale and a zero point.  Operators that only move values (max pool,
 * reshape, pad) keep their input's; int8 CONCATENATION demands one range for all its inputs and its
 * output, so these are tied into a group with one leader, whose range they all use.
 *
 * Jacob et al. 2017 (arXiv 1712.05877) section 3 and appendix A; tf.contrib.quantize's quantize.py;
 * the rules of TFLite's quantization specification. */
#ifndef OCTET_QUANT_POINTS_H
#define OCTET_QUANT_POINTS_H

#include "nn/graph.h"

typedef enum quant_how {
    QUANT_FUSED,    /* disappears into its only reader */
    QUANT_WEIGHTS,  /* a parameter: quantized where a layer reads it */
    QUANT_OBSERVED, /* a range that follows the data */
    QUANT_FIXED,    /* a range that the operator or the pixels dictate */
    QUANT_ROUNDED,  /* computes new values in its input's range: average pool */
    QUANT_KEPT,     /* moves values of its input's range */
    QUANT_FLOAT     /* not part of the integer network: losses, labels */
} quant_how;

typedef struct quant_point {
    quant_how how;
    int leader;      /* index of the node whose range this one has; its own index if it leads */
    nn_affine fixed; /* QUANT_FIXED */
} quant_point;

/* Fills points[i] for each node i of a float graph.
 *
 *   input    scale and zero point (int8) of the graph's inputs: the pixels' codes
 *
 * Errors: NN_ENOTSUP for what an integer network cannot hold, naming the node and what to do (a
 * batch norm that does not follow a convolution, say). */
nn_status quant_points_find(quant_point *points, const nn_graph *g, nn_affine input);

/* The node that n disappears into (conv into its batch norm, batch norm into its relu, ...), or
 * NULL. */
nn_node *quant_fused_into(const nn_graph *g, const nn_node *n);

/* "observed", "fixed", ...: for the printed plan. */
const char *quant_how_name(quant_how how);

#endif
