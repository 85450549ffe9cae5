/* show - a graph as text: its size, a table of its layers, a drawing. */
#ifndef OCTET_NN_SHOW_H
#define OCTET_NN_SHOW_H

#include "nn/base/arena.h"
#include "nn/graph.h"

typedef struct nn_size {
    size_t trained; /* elements of the parameters that this graph reads and that can be trained */
    size_t state;   /* of the others: running statistics, ranges */
    size_t folded;  /* what a deployed network holds: the weights of convolutions and dense layers
                       and one bias for each of their output channels */
    uint64_t macs;  /* nn_graph_macs: for one item */
} nn_size;

nn_size nn_graph_size(const nn_graph *g);

/* The node that names n's layer: of those whose name is a scope of n's, the outermost; or n. */
const nn_node *nn_show_leader(const nn_graph *g, const nn_node *n);

/* One more column of the table, the last. */
typedef struct nn_show_column {
    const char *heading;
    const char *const *text; /* [nodes of g], some NULL; a layer shows its last one */
} nn_show_column;

/* A table with one row a layer (its nodes are those that share its name as a scope: conv1,
 * conv1/bn, conv1/relu), with output shape, parameters that can be trained, multiply-accumulates
 * for one item, and `more` unless it is NULL; the heading is the first line, the sums stand below.
 * Lines end in '\n'.  Lives in `a`; NULL if memory is out. */
const char *nn_show_table(nn_arena *a, const nn_graph *g, const nn_show_column *more);

/* The same graph in the dot language of Graphviz; parameters are left out.  Lives in `a`; NULL if
 * memory is out. */
const char *nn_show_dot(nn_arena *a, const nn_graph *g);

#endif
