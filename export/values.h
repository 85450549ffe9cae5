/* values - what the constants of a graph hold: weights and biases as folded and rounded by the
 * graph itself, in the order and bytes that a file wants. */
#ifndef OCTET_EXPORT_VALUES_H
#define OCTET_EXPORT_VALUES_H

#include "nn/base/arena.h"
#include "nn/exec.h"

/* The inputs of op fakequant. */
enum { EX_FQ_X, EX_FQ_MIN, EX_FQ_MAX, EX_FQ_SCALE, EX_FQ_ZERO_POINT };

typedef struct ex_values {
    nn_plan *plan;
    nn_exec *exec; /* keep_all, run once on zeros */
    nn_real *zeros;
} ex_values;

/* Runs the graph, whose parameters are collated, once on an image of zeros, so that every constant
 * in it can be read.  Close with ex_values_close, also after an error.
 * Errors: NN_EINVAL (no input "image"), NN_ENOMEM. */
nn_status ex_values_open(ex_values *v, const nn_graph *g);
void ex_values_close(ex_values *v); /* { 0 } is allowed */

/* The values of node n as floats in `arena`, its dimensions in the order perm[0], perm[1], ...
 * (NULL: as they are); NULL if memory is out. */
float *ex_values_floats(nn_arena *arena, const ex_values *v, const nn_node *n, const int *perm);

/* The scales of a fakequant node: of its range, or what the graph computes from them and from a
 * batch norm (op bngrid).  Borrowed; *n: how many. */
const nn_real *ex_values_scales(const ex_values *v, const nn_node *fq, size_t *n);

/* Whether the range of a fakequant node is known: every scale is above 0.
 * Errors: NN_EINVAL, saying so of `name`. */
nn_status ex_values_check_range(const ex_values *v, const nn_node *fq, const char *name);

/* n words of 32 bits as files hold them, little-endian, in `arena`; NULL if memory is out. */
void *ex_words(nn_arena *arena, const void *words, size_t n);

/* How a window's padding is called for an input of shape x. */
typedef enum ex_padding { EX_PADDING_VALID, EX_PADDING_SAME, EX_PADDING_OTHER } ex_padding;
ex_padding ex_padding_of(const nn_window *w, nn_shape x);

/* Part of a weight or a bias, or what only training needs: no activation. */
bool ex_is_constant(const nn_node *n);

/* The node is a weight's fakequant, not an activation's. */
bool ex_is_weight_quant(const nn_node *fq);

/* The parameter behind a weight: under what folds and rounds it. */
const nn_node *ex_param_of(const nn_node *weight);

/* The int32 code of a bias of that scale: half away from zero, saturating, as op quantbias. */
int32_t ex_bias_code(double bias, double scale);

#endif
