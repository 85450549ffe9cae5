/* tfl_model - a plain mirror of a .tflite file, before it is bytes.
 *
 * Lowering fills it (export/lower.c), the writer turns it into a file (export/tflite.c).  It holds
 * one subgraph: tensors, operators in execution order, inputs, outputs.  A tensor is either not
 * quantized or has all of its scales and zero points: there is nothing in between that could be
 * forgotten. What follows from the rest is not here: operator versions, operator codes and buffer
 * numbers are the writer's.  Everything lives in one arena; there is nothing to free. */
#ifndef OCTET_EXPORT_TFL_MODEL_H
#define OCTET_EXPORT_TFL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/arena.h"
#include "nn/base/status.h"
#include "runtime/schema.h"

/* ---- tensors --------------------------------------------------------------------------------- */

/* real = scale[c] * (code - zero_point[c]), c the index along `axis`. */
typedef struct tfl_quant {
    int n;                     /* 0: not quantized; 1: per tensor; dim[axis]: per channel */
    const float *scale;        /* n, finite and > 0 */
    const int64_t *zero_point; /* n, within the type; NULL: all 0 (a tensor of a model has them) */
    int axis;                  /* of per-channel scales; 0 otherwise */
    const float *min, *max; /* n each, or NULL: the range as it was learned, for the reader's eye */
} tfl_quant;

typedef struct tfl_tensor {
    const char *name; /* unique in the model: "stage1/block0/conv1/weights" */
    enum tfl_type type;
    int rank; /* 0: a scalar */
    int32_t dim[TFL_MAX_RANK];
    const void
        *data;    /* a constant's bytes as the file holds them (little-endian), row-major; NULL:
                     the tensor is computed.  Int4 packs two elements a byte, the even one low. */
    size_t bytes; /* of data */
    tfl_quant quant;
} tfl_tensor;

/* ---- operators ------------------------------------------------------------------------------- */

/* CONV_2D, DEPTHWISE_CONV_2D */
typedef struct tfl_conv {
    enum tfl_padding padding;
    int stride_h, stride_w, dilation_h, dilation_w; /* >= 1 */
    int multiplier; /* depthwise: output channels per input channel; else 0 */
    enum tfl_activation activation;
} tfl_conv;

/* AVERAGE_POOL_2D, MAX_POOL_2D */
typedef struct tfl_pool {
    enum tfl_padding padding;
    int stride_h, stride_w, filter_h, filter_w; /* >= 1 */
    enum tfl_activation activation;
} tfl_pool;

/* FULLY_CONNECTED */
typedef struct tfl_dense {
    enum tfl_activation activation;
    bool keep_num_dims; /* [N,H,W,I] gives [N,H,W,O] rather than [N*H*W,O] */
} tfl_dense;

/* CONCATENATION */
typedef struct tfl_concat {
    int axis; /* in [-rank, rank) */
} tfl_concat;

/* RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR */
typedef struct tfl_resize {
    bool align_corners, half_pixel_centers; /* not both */
} tfl_resize;

/* RESHAPE: the new shape (its second input says the same); SQUEEZE: the dimensions that go */
typedef struct tfl_dims {
    int n;
    int32_t dim[TFL_MAX_RANK];
} tfl_dims;

/* STRIDED_SLICE: bit i of a mask is dimension i */
typedef struct tfl_strided_slice {
    int begin_mask, end_mask; /* the given begin or end does not count: the whole extent does */
    int shrink_mask;          /* the dimension has one element and goes */
} tfl_strided_slice;

/* Options of an operator; its code says which member holds.  Operators that are not named here have
 * none: RELU, RELU6, RELU_N1_TO_1, LOGISTIC, TANH, HARD_SWISH, PAD, PADV2, TRANSPOSE, QUANTIZE,
 * DEQUANTIZE, MINIMUM, MAXIMUM. */
typedef union tfl_attr {
    tfl_conv conv;
    tfl_pool pool;
    tfl_dense dense;
    tfl_concat concat;
    tfl_resize resize;
    tfl_dims dims;
    tfl_strided_slice strided_slice;
    enum tfl_activation activation; /* ADD, SUB, MUL */
    float beta;                     /* SOFTMAX: > 0, commonly 1 */
    float alpha;                    /* LEAKY_RELU: slope below 0 */
    bool keep_dims;                 /* MEAN */
    int splits;                     /* SPLIT: number of outputs */
    enum tfl_type output_type;      /* ARG_MAX: int32 or int64 */
} tfl_attr;

/* The inputs of an operator, in the order of the schema:
 *   CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED   x, weights, bias (dense: TFL_OPTIONAL_TENSOR or
 *                                                 left out for none)
 *   ADD, SUB, MUL, MINIMUM, MAXIMUM               a, b
 *   CONCATENATION                                 x0, x1, ...
 *   MEAN, ARG_MAX                                 x, axes int32 [k] (ARG_MAX: a scalar or [1])
 *   PAD, PADV2                                    x, paddings int32 [rank,2] (PADV2: and the value)
 *   RESHAPE, TRANSPOSE                            x, shape or permutation int32 [rank]
 *   RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR      x, size int32 [2]: height, width
 *   SPLIT                                         axis int32 scalar, x
 *   STRIDED_SLICE                                 x, begin, end, strides int32 [rank] each
 *   all others                                    x */
typedef struct tfl_operator {
    enum tfl_op code;
    int n_in, n_out;
    const int32_t *in, *out; /* tensor indices */
    tfl_attr attr;
} tfl_operator;

/* ---- the model ------------------------------------------------------------------------------- */

/* An input or output under the name that callers of the signature "serving_default" use. */
typedef struct tfl_port {
    int32_t tensor;
    const char *name; /* unique among the inputs, or the outputs */
} tfl_port;

typedef struct tfl_metadata {
    const char *name;
    const void *data;
    size_t bytes;
} tfl_metadata;

typedef struct tfl_model {
    nn_arena *arena;
    const char *description; /* what Netron shows first; "" for none */
    const char *name;        /* of the subgraph */
    tfl_tensor *tensors;
    tfl_operator *operators;
    tfl_port *inputs, *outputs;
    tfl_metadata *metadata;
    int n_tensors, n_operators, n_inputs, n_outputs, n_metadata;
} tfl_model;

/* An empty model that lives in `arena`.  Strings are copied.  Errors: NN_ENOMEM. */
nn_status tfl_model_new(tfl_model **out, nn_arena *arena, const char *name,
                        const char *description);

/* Appends a tensor and gives its index.  All that t points to is copied but `data`, which must live
 * as long as the model does (take it from m->arena).
 * Errors: NN_EINVAL (size of the data against shape and type, scales, zero points, axis; the
 * message names the tensor), NN_ENOMEM. */
nn_status tfl_add_tensor(int32_t *index, tfl_model *m, const tfl_tensor *t);

/* Appends an int32 constant of shape [n], or a scalar for n = 0 (one value): axes, sizes, shapes.
 * The values are copied.  Errors: as tfl_add_tensor. */
nn_status tfl_add_ints(int32_t *index, tfl_model *m, const char *name, const int32_t *values,
                       int n);

/* The same of shape [n, 2]: what PAD adds before and after each of n dimensions. */
nn_status tfl_add_pairs(int32_t *index, tfl_model *m, const char *name, const int32_t *values,
                        int n);

/* Appends an operator, which runs after all that were appended before it.  Indices are copied.
 * Errors: NN_EINVAL (number of inputs or outputs, an index, types or scales of its tensors that do
 * not go together, an option; the message names the operator and its output), NN_ENOTSUP (an
 * operator or type that octet does not write), NN_ENOMEM. */
nn_status tfl_add_operator(tfl_model *m, const tfl_operator *op);

/* Appends an input or output of the model.  name: NULL for the tensor's own. */
nn_status tfl_add_input(tfl_model *m, int32_t tensor, const char *name);
nn_status tfl_add_output(tfl_model *m, int32_t tensor, const char *name);

/* Appends a metadata entry; a copy.  docs/tflite-files.md lists the names that octet uses. */
nn_status tfl_add_metadata(tfl_model *m, const char *name, const void *data, size_t bytes);

/* Checks what only the whole can show: names are unique, each tensor that is read is an input, a
 * constant or the result of an earlier operator, none is computed twice, and there are inputs and
 * outputs.  The writer calls it.  Errors: NN_EINVAL, NN_ENOMEM. */
nn_status tfl_model_check(const tfl_model *m);

/* The schema's name of an operator ("CONV_2D"), or NULL if octet does not write it. */
const char *tfl_op_name(enum tfl_op code);

/* Elements of a tensor, and the bytes that they take in the file. */
size_t tfl_tensor_count(const tfl_tensor *t);
size_t tfl_tensor_bytes(const tfl_tensor *t);

#endif
