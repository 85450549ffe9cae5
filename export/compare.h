/* compare - a fake-quantized graph against the .tflite file that it became.
 *
 * Three questions, in the order in which an answer helps:
 *
 *   constants     do the file's codes of weights and biases have exactly the values that the graph
 *                 computes with?
 *   layers        given equal inputs, does each operator give the graph's codes?  Every operator
 *                 is run alone on the codes of the graph's tensors, so one layer's difference does
 *                 not hide in the next.  A step is allowed: requantization rounds an exact
 *                 product, the graph a sum of rounded ones.
 *   predictions   run as a whole, does the file choose the same class?
 *
 * Tensors are matched by name (docs/tflite-files.md).  Files are int8 (weights int8 or int4) or
 * uint8. */
#ifndef OCTET_EXPORT_COMPARE_H
#define OCTET_EXPORT_COMPARE_H

#include "nn/base/arena.h"
#include "nn/graph.h"
#include "quant/calibrate.h"
#include "runtime/rt.h"

/* Weights or biases of one layer. */
typedef struct ex_constant_match {
    const char *name; /* of the file's tensor */
    int64_t n, equal;
} ex_constant_match;

/* The values of one operator's output, over all pictures. */
typedef struct ex_layer_match {
    const char *name; /* of the output tensor */
    const char *op;   /* "CONV_2D" */
    int64_t n, equal;
    int largest; /* difference, in steps of the output's scale */
} ex_layer_match;

typedef struct ex_comparison {
    ex_constant_match *constant;
    ex_layer_match *layer; /* in order of execution */
    int n_constants, n_layers;
    int64_t pictures, agree;        /* agree: same class from file and graph */
    int64_t outputs, outputs_equal; /* values of the result when the file runs as a whole */
    int outputs_largest;
} ex_comparison;

typedef struct ex_compare_file {
    const void *bytes; /* borrowed */
    size_t size;
    const rt_limits *limits; /* NULL: the runtime's default */
} ex_compare_file;

/* Compares over the batches that `next` gives.
 *
 *   from     float graph over parameters that hold the ranges; the graph that is compared is its
 *   config   QUANT_DEPLOY for the type of the file's input
 *   batch    largest n of a batch
 *
 * The result's rows live in `arena`.
 * Errors: NN_EFORMAT (the file is of another network: which tensor), NN_ENOTSUP (types), those of
 * the runtime and of the callback, NN_EINVAL if there was no batch, NN_ENOMEM. */
nn_status ex_compare(ex_comparison *out, nn_arena *arena, const nn_graph *from,
                     const quant_config *config, const ex_compare_file *file, int batch,
                     quant_next_batch *next, void *ctx);

/* The first layer that differs by more than one step, else the first that differs at all, or
 * NULL. */
const ex_layer_match *ex_compare_first(const ex_comparison *c);

#endif
