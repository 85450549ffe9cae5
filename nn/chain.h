/* chain - nodes that are computed together, in two passes over memory instead of two for each.
 *
 * Batch norm, an activation, fake quantization and the sum of a residual block each do little
 * arithmetic on a tensor that comes from memory and goes back there.  A chain is such nodes in a
 * row,
 *
 *   [bnorm] gate .. [add gate ..]            gates: relu, relu6, fakequant of one range
 *
 * each read by the next alone.  It is run at its last node, strip by strip (nn/ops/rows.h): a strip
 * of x is normalized, clamped, added to, quantized while it is in the first-level cache, and only
 * the last node's value is written.  What has to be known before comes from one pass over x:
 * batch statistics, and the range of a fakequant before the sum, which follows from the least and
 * greatest x of each channel as all functions up to it are monotone.  A fakequant behind the sum
 * (or without a batch norm) can observe its range only when the strips are done: it is the chain's
 * end, in a second pass.
 *
 * Backward needs x and one bit an element for the gates before the sum and one for those behind it:
 * a pass for the sums of batch norm, a pass for dx.  Values between the nodes, and gradients, exist
 * for a strip at a time.
 *
 * A chain gives the bits that its nodes give one by one.  The plan makes chains (nn/plan.h); the
 * graph knows nothing of them. */
#ifndef OCTET_NN_CHAIN_H
#define OCTET_NN_CHAIN_H

#include "nn/graph.h"

enum { NN_CHAIN_MOST = 8 }; /* nodes */

typedef struct nn_chain {
    int n;
    const nn_node *node[NN_CHAIN_MOST]; /* in their order; the value of the last is the chain's */
    int sum;                            /* the place of the add among them, -1: none */
} nn_chain;

/* The longest chain that begins at node `head` and takes no node for which `taken` says true.
 * Returns false if that is less than two nodes.  `loss` may be NULL. */
bool nn_chain_find(nn_chain *out, const nn_graph *g, const nn_node *head, const nn_node *loss,
                   const bool *taken);

/* Whether input k of the chain's node m is the value of the node before it. */
static inline bool nn_chain_links(const nn_chain *ch, int m, int k)
{
    return m >= 1 && m < NN_CHAIN_MOST && ch->node[m]->in[k] == ch->node[m - 1];
}
static inline const nn_node *nn_chain_last(const nn_chain *ch)
{
    return ch->node[ch->n - 1];
}

/* Memory besides what batch norm saves: bits for backward; scratch for all. */
nn_need nn_chain_need(const nn_chain *ch, int batch, bool backward);

/* `call` holds the calls of all nodes of the graph by index; `saved` of the last node's is the
 * chain's. */
void nn_chain_forward(const nn_chain *ch, const nn_call *call);
void nn_chain_backward(const nn_chain *ch, const nn_call *call);

#endif
