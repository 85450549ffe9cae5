/* onnx_nodes - an ONNX model in the making: operators, constants, inputs and outputs, its bytes.
 *
 * Errors stick, as in export/message.h: once memory has run out every function does nothing, nodes
 * and names are NULL, and ex_onnx_pack says so. */
#ifndef OCTET_EXPORT_ONNX_NODES_H
#define OCTET_EXPORT_ONNX_NODES_H

#include "export/lower.h"
#include "export/message.h"
#include "nn/shape.h"

typedef struct ex_onnx_writer {
    ex_message m;
    void *graph; /* a GraphProto of export/onnx.proto */
} ex_onnx_writer;

typedef struct ex_onnx_node ex_onnx_node; /* a NodeProto of it */

/* An empty graph; ex_onnx_close frees all of it, also after an error.  Errors: NN_ENOMEM. */
nn_status ex_onnx_open(ex_onnx_writer *w);
void ex_onnx_close(ex_onnx_writer *w); /* { 0 } is allowed */

/* Appends an operator with its inputs' names, all copied; it and its one result are called
 * `name`. */
ex_onnx_node *ex_onnx_add(ex_onnx_writer *w, const char *type, const char *name,
                          const char *const in[], size_t n_in);

/* Attributes; a node that is NULL is left alone. */
void ex_onnx_set_int(ex_onnx_writer *w, ex_onnx_node *n, const char *name, int64_t value);
void ex_onnx_set_ints(ex_onnx_writer *w, ex_onnx_node *n, const char *name, const int64_t *values,
                      size_t count);

/* Append a constant [dims] of `rank` dimensions (0: a scalar), whose values are copied; give its
 * name.  `values` NULL: the caller's memory has run out. */
const char *ex_onnx_floats(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                           const float *values);
const char *ex_onnx_int8s(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                          const int8_t *values);
const char *ex_onnx_int32s(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                           const int32_t *values);
const char *ex_onnx_int64s(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                           const int64_t *values);

/* Append an input or output of the model: floats of octet's shape, the batch a symbol "N". */
void ex_onnx_input(ex_onnx_writer *w, const char *name, nn_shape shape);
void ex_onnx_output(ex_onnx_writer *w, const char *name, nn_shape shape);

/* "name/what", a name that hangs on a node's; NULL if memory is out. */
const char *ex_onnx_under(ex_onnx_writer *w, const char *name, const char *what);

/* The bytes of the model; free with nn_bytes_free.  info->metadata must be texts.
 * Errors: NN_ENOMEM. */
nn_status ex_onnx_pack(nn_bytes *out, ex_onnx_writer *w, const ex_info *info);

#endif
