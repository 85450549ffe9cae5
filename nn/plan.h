/* plan - where every value, gradient, saved byte and scratch byte of a graph lies in one block.
 *
 * A plan is made for a largest batch and for inference or training.  Time runs over the nodes
 * forward (node i at i) and, in training, backward (node i at 2n-1-i); a buffer lives from the
 * first moment that writes it to the last that reads it, and buffers that never live together share
 * memory.  Values are shared in place where the op allows it and nobody reads the input later;
 * views always share. Parameters and inputs are not in the block.
 *
 * Nodes that can be computed in one pass over memory are joined to chains (nn/chain.h), which run
 * at the moment of their last node; the values and gradients between them have no memory at all. */
#ifndef OCTET_NN_PLAN_H
#define OCTET_NN_PLAN_H

#include "nn/chain.h"

typedef struct nn_plan_options {
    int batch;        /* items at most, >= 1 */
    nn_node *loss;    /* training: the scalar whose gradient is wanted; NULL: forward only */
    bool fast;        /* convolutions in fewer multiplications, with other rounding, where that is
                         faster: nn/ops/winograd.h */
    bool keep_all;    /* no value is overwritten and no chains are made: every node can be read
                         after the forward pass */
    size_t max_bytes; /* a larger block is refused before memory is asked for; 0: no limit */
} nn_plan_options;

/* What a node's call needs, as offsets into the block. */
enum { NN_NO_OFFSET = -1 };
typedef struct nn_place {
    ptrdiff_t value; /* NN_NO_OFFSET: external (input, param) or a view of it: see `root` */
    ptrdiff_t grad;  /* NN_NO_OFFSET: no gradient, or a parameter's own */
    ptrdiff_t saved;
    int root;        /* the node whose memory the value shares; its own index if it has its own */
    const nn_op *op; /* that computes it: the node's own, unless a faster one does */
    const nn_chain *chain;    /* that it belongs to; NULL: none */
    bool backward;            /* takes part in the backward pass */
    bool wants_dx[NN_MAX_IN]; /* input k's gradient is to be computed */
    bool add[NN_MAX_IN];      /* ... and added to what is there */
    bool clear[NN_MAX_IN];    /* ... to zeros: two inputs are one node, and no order is promised */
} nn_place;

typedef struct nn_plan {
    const nn_graph *graph;
    nn_plan_options options;
    nn_place *place; /* one for each node */
    nn_chain *chains;
    int n_chains;
    ptrdiff_t scratch;  /* one region that all nodes use in turn */
    size_t bytes;       /* the block's size, a multiple of NN_ALIGN */
    size_t lower_bound; /* largest sum of buffers that live at one moment */
} nn_plan;

/* Errors: NN_ENOMEM (also if bytes > max_bytes, with both numbers), NN_EINVAL.
 *
 *   g      checked graph; borrowed, must outlive the plan
 *   out    free with nn_plan_free
 *
 * Greedy by size: Pisarchyk & Lee, "Efficient memory management for deep neural net inference",
 * 2020 (arXiv 2001.03288).  Not optimal; `lower_bound` stands beside it. */
nn_status nn_plan_new(nn_plan **out, const nn_graph *g, const nn_plan_options *options);
void nn_plan_free(nn_plan *p); /* NULL is allowed */

#endif
