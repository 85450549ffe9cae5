/* graphdef_nodes - a TensorFlow graph in the making: nodes, their attributes, and its bytes.
 *
 * Errors stick, as in export/message.h: once memory has run out every function does nothing, nodes
 * and names are NULL, and ex_tf_pack says so. */
#ifndef OCTET_EXPORT_GRAPHDEF_NODES_H
#define OCTET_EXPORT_GRAPHDEF_NODES_H

#include <stdbool.h>

#include "export/message.h"
#include "nn/shape.h"

typedef struct ex_tf {
    ex_message m;
    void *graph; /* a GraphDef of export/graphdef.proto */
} ex_tf;

typedef struct ex_tf_node ex_tf_node; /* a NodeDef of it */

/* The numbers of TensorFlow's DataType. */
typedef enum ex_tf_type { EX_TF_FLOAT = 1, EX_TF_INT32 = 3 } ex_tf_type;

/* An empty graph; ex_tf_close frees all of it, also after an error.  Errors: NN_ENOMEM. */
nn_status ex_tf_open(ex_tf *w);
void ex_tf_close(ex_tf *w); /* { 0 } is allowed */

/* A new node with its inputs' names, all copied. */
ex_tf_node *ex_tf_add(ex_tf *w, const char *op, const char *name, const char *const in[],
                      size_t n_in);
/* The same for an operator on floats: with attribute T. */
ex_tf_node *ex_tf_add_op(ex_tf *w, const char *op, const char *name, const char *const in[],
                         size_t n_in);

/* Attributes; a node that is NULL is left alone. */
void ex_tf_set_type(ex_tf *w, ex_tf_node *n, const char *name, ex_tf_type type);
void ex_tf_set_bool(ex_tf *w, ex_tf_node *n, const char *name, bool value);
void ex_tf_set_int(ex_tf *w, ex_tf_node *n, const char *name, int64_t value);
void ex_tf_set_text(ex_tf *w, ex_tf_node *n, const char *name, const char *value);
void ex_tf_set_shape(ex_tf *w, ex_tf_node *n, const char *name, nn_shape s);
void ex_tf_set_float(ex_tf *w, ex_tf_node *n, const char *name, float value);
/* The shape of its one result, as viewers show it beside an edge. */
void ex_tf_set_result(ex_tf *w, ex_tf_node *n, nn_shape s);
/* Four numbers for N, H, W and C: 1, height, width, 1. */
void ex_tf_set_nhwc(ex_tf *w, ex_tf_node *n, const char *name, int height, int width);

/* A Const, whose values are copied; gives its name. */
const char *ex_tf_floats(ex_tf *w, const char *name, nn_shape s, const float *values);
const char *ex_tf_ints(ex_tf *w, const char *name, nn_shape s, const int32_t *values);

/* The same, whose values a viewer shows as numbers. */
const char *ex_tf_readable(ex_tf *w, const char *name, nn_shape s, const float *values);

/* "name/what", a name that hangs on a node's; "" if memory is out. */
const char *ex_tf_under(ex_tf *w, const char *name, const char *what);

/* The bytes of the graph, marked as of a TensorFlow that has all operators which octet writes; free
 * with nn_bytes_free.  Errors: NN_ENOMEM. */
nn_status ex_tf_pack(nn_bytes *out, ex_tf *w);

#endif
