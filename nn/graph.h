/* graph - an ordered list of nodes over a set of parameters; structure only, no values.
 *
 * Nodes are in topological order by construction: an input exists before the node that reads it.
 * Shapes are inferred as nodes are added.  Errors stick: after the first one every builder returns
 * NULL, builders accept NULL inputs, and nn_graph_check reports the first cause, so a model is
 * written without any error checks.  A graph is never changed after it was built; passes copy
 * it. */
#ifndef OCTET_NN_GRAPH_H
#define OCTET_NN_GRAPH_H

#include "nn/op.h"
#include "nn/param.h"

typedef struct nn_graph nn_graph;

/* An empty graph over `params`, which must outlive it.  Errors: NN_ENOMEM. */
nn_status nn_graph_new(nn_graph **out, nn_params *params);
void nn_graph_free(nn_graph *g); /* NULL is allowed */

/* NN_OK, or the first error since the graph was made, with its message set again. */
nn_status nn_graph_check(const nn_graph *g);

/* Makes the graph fail with the message that is set now; for builders that find an error
 * themselves. */
void nn_graph_stick(nn_graph *g, nn_status st);

/* Appends a node: the one constructor, which all layers and passes use.
 *
 *   name    copied; made unique by a suffix "_1", "_2", ... if it is taken
 *   in      n_in nodes of this graph
 *   attr    copied; NULL for all zero
 *
 * Returns NULL if the graph has failed or fails now (shape inference, number of inputs, memory). */
nn_node *nn_node_new(nn_graph *g, nn_op_id op, const char *name, nn_node *const in[], int n_in,
                     const nn_attr *attr);

/* An input that is bound to the caller's memory when the graph runs. */
nn_node *nn_input(nn_graph *g, const char *name, nn_shape shape);

/* The leaf that stands for parameter `name`, which is made if there is none yet. */
nn_node *nn_param_node(nn_graph *g, const char *name, nn_shape shape, nn_param_kind kind,
                       nn_init init);
/* The leaf of a parameter that exists.  One parameter has one leaf in a graph. */
nn_node *nn_param_leaf(nn_graph *g, nn_param *p);

/* Marks x as a result that is read after the forward pass; returns x. */
nn_node *nn_output(nn_graph *g, nn_node *x);

nn_params *nn_graph_params(const nn_graph *g);
int nn_graph_count(const nn_graph *g);
nn_node *nn_graph_node(const nn_graph *g, int i);
/* NULL if there is none. */
nn_node *nn_graph_find(const nn_graph *g, const char *name);

/* How many nodes read n. */
int nn_graph_readers(const nn_graph *g, const nn_node *n);
/* The one that does, if it is one and reads n once; else NULL. */
nn_node *nn_graph_only_reader(const nn_graph *g, const nn_node *n);

/* True for conv2d, dwconv2d and dense: ops with a weight in input 1. */
bool nn_node_has_weight(const nn_node *n);

/* Multiply-accumulates for one item: of convolutions and dense layers, 0 for other nodes. */
uint64_t nn_node_macs(const nn_node *n);
uint64_t nn_graph_macs(const nn_graph *g);

/* Copies `from` into the empty graph `to` through a rule.  For each node in order the rule gets the
 * node and its inputs translated, and returns what stands for it in `to` (NULL after an error that
 * it made stick); nn_rewrite_copy is the rule that changes nothing.  Shapes are inferred anew. If
 * `map` is not NULL it gets, for each node of `from` by index, its counterpart. */
typedef nn_node *(*nn_rewrite_rule)(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx);
nn_status nn_graph_rewrite(nn_graph *to, const nn_graph *from, nn_rewrite_rule rule, void *ctx,
                           nn_node **map);
nn_node *nn_rewrite_copy(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx);

#endif
