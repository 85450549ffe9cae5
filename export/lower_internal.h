/* lower_internal - what the files of the lowering share; nothing else includes it. */
#ifndef OCTET_EXPORT_LOWER_INTERNAL_H
#define OCTET_EXPORT_LOWER_INTERNAL_H

#include "export/lower.h"
#include "export/values.h"

enum { EX_NO_TENSOR = -1 };

typedef struct ex_lowerer {
    const nn_graph *g;
    ex_values values;   /* of weights and biases */
    enum tfl_type type; /* of activations */
    int32_t offset;     /* of the file's codes and zero points against the graph's */
    tfl_model *m;
    int32_t *tensor; /* of each node that is one in the file, else EX_NO_TENSOR */
} ex_lowerer;

/* Emits the operator that computes `tensor out` from conv2d, dwconv2d or dense node n. */
nn_status ex_lower__layer(ex_lowerer *l, const nn_node *n, int32_t out,
                          enum tfl_activation activation);

/* Appends an operator with one output. */
nn_status ex_lower__op(ex_lowerer *l, enum tfl_op code, const int32_t *in, int n_in, int32_t out,
                       const tfl_attr *attr);

/* Appends a PAD operator over tensor x and gives its output, in x's range. */
nn_status ex_lower__pad(int32_t *out, ex_lowerer *l, const char *name, int32_t x,
                        const nn_pad_attr *pad);

/* SAME or VALID if that is what the window's padding is for an input of shape x; false
 * otherwise. */
bool ex_lower__padding(enum tfl_padding *out, const nn_window *w, nn_shape x);

#endif
