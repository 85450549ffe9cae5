/* exec - runs a planned graph: forward, and backward by the op table.
 *
 * Everything is resolved when an executor is made: each node has its nn_call with its pointers.
 * Forward and backward walk that list, allocate nothing and cannot fail. */
#ifndef OCTET_NN_EXEC_H
#define OCTET_NN_EXEC_H

#include "nn/plan.h"

typedef struct nn_exec nn_exec;

/* Binds a plan to memory.
 *
 *   block   plan->bytes bytes aligned to NN_ALIGN, which several executors may share if only one of
 *           them is between its forward and its backward pass; NULL: the executor has its own
 *
 * The graph's parameters must be collated.  The plan is borrowed.  Errors: NN_ENOMEM, NN_EINVAL. */
nn_status nn_exec_new(nn_exec **out, const nn_plan *plan, void *block);
void nn_exec_free(nn_exec *e); /* NULL is allowed */

/* Binds input node `input` to the caller's memory, which must hold a batch and stay until the
 * passes that use it are over. */
void nn_exec_bind(nn_exec *e, const nn_node *input, const nn_real *data);

/* Computes all nodes for `batch` items, 1 <= batch <= planned.  All inputs must be bound. */
void nn_exec_forward(nn_exec *e, int batch, const nn_run *run);

/* The same for the nodes up to `last`, or to the end of its chain, alone; the values of those after
 * it are undefined. */
void nn_exec_forward_to(nn_exec *e, const nn_node *last, int batch, const nn_run *run);

/* After a forward pass with the same batch and run: gradients of the plan's loss with respect to
 * all trained parameters, into their `grad` (overwritten; parameters the loss does not depend on
 * get 0). */
void nn_exec_backward(nn_exec *e, int batch, const nn_run *run);

/* The value of a node after the forward pass: an output, the loss, or any node of a keep_all
 * plan. */
const nn_real *nn_exec_value(const nn_exec *e, const nn_node *n);

/* Seconds spent in each node's forward and backward since the executor was made, by index; measured
 * only after nn_exec_profile(e, true); none where a pass left the node out (for_statistics). */
typedef struct nn_node_time {
    double forward, backward;
} nn_node_time;
void nn_exec_profile(nn_exec *e, bool on);
const nn_node_time *nn_exec_times(const nn_exec *e);

const nn_plan *nn_exec_plan(const nn_exec *e);

#endif
