/* loop - training, step by step.
 *
 * A loop owns all that a run needs besides the network and the pictures, allocates it when it is
 * made and nothing afterwards.  What happens in step s is a function of (network, recipe, seed, s):
 * so a run may be stopped after any step, saved, restored and go on with the same bits, on any
 * number of threads.  The loop prints nothing and writes no file: its hooks do. */
#ifndef OCTET_TRAIN_LOOP_H
#define OCTET_TRAIN_LOOP_H

#include "nn/exec.h"
#include "train/checkpoint.h"
#include "train/metrics.h"

typedef struct train_loop train_loop;

/* What a step computes with: in this order, the second one only with two delays. */
typedef enum train_stage { TRAIN_FLOAT, TRAIN_PARTLY, TRAIN_QUANTIZED } train_stage;

/* "float", "part", "qat": as in log.csv. */
const char *train_stage_name(train_stage s);

/* Where a run is. */
typedef struct train_moment {
    int64_t step, total;    /* steps done, steps of the whole run */
    int64_t batches, epoch; /* steps of an epoch; epochs begun */
    int batch;              /* pictures a step */
    train_stage stage;      /* of the last step */
    double lr;              /* of the last step */
    double loss, top1;      /* means since the last line */
} train_moment;

/* A line of the log: means over the training pictures since the line before, and, at the end of an
 * epoch, the validation. */
typedef struct train_line {
    train_moment at;
    bool has_val; /* validated: as the network is trained, folded once it is quantized */
    train_score val;
    bool has_int8; /* and on the integer runtime */
    train_score int8;
    bool is_best; /* the best validation so far */
} train_line;

/* What the loop calls; any may be NULL.  A status other than NN_OK ends the run. */
typedef struct train_hooks {
    void *ctx;
    nn_status (*on_line)(void *ctx, const train_line *line); /* about ten an epoch */
    nn_status (*on_step)(void *ctx, const train_moment *at); /* after the step and its line */
    bool (*stop)(void *ctx);                                 /* asked after each step: leave now? */
    /* Before the first step at which something changes for good; one line without a full stop. */
    void (*on_switch)(void *ctx, int64_t step, const char *what);
} train_hooks;

/* Prepares a run of the network's own recipe on a set that fits it.  With QAT the graphs before and
 * after the switch are built, planned and allocated here.  Parameters that shall be frozen are
 * marked, initial values are in place.  Network and set outlive the loop.
 *
 *   max_memory   bytes of activations at most
 *
 * Errors: NN_EINVAL (options that do not fit each other or the number of steps), NN_ENOTSUP,
 * NN_ENOMEM. */
nn_status train_loop_new(train_loop **out, train_network *n, const ds_set *set,
                         uint64_t max_memory);
void train_loop_free(train_loop *t); /* NULL is allowed */

/* Goes on until `step` steps are done or the run is over or hooks->stop says so.
 * Errors: NN_EDIVERGED naming the step, the loader's, the hooks'. */
nn_status train_loop_run(train_loop *t, int64_t step, const train_hooks *hooks);

train_moment train_loop_moment(const train_loop *t);

/* The first quantized step: the quant delay; -1 without QAT. */
int64_t train_loop_switch(const train_loop *t);

/* The graph of the training steps at the end of the run. */
const nn_graph *train_loop_graph(const train_loop *t);

/* How often the schedule's learning rate is halved, from the next step on; part of the state. */
int64_t train_loop_halvings(const train_loop *t);
void train_loop_set_halvings(train_loop *t, int64_t n);

/* The state to resume from, and back.  Restoring fails with NN_EINVAL if another number of pictures
 * was trained on, or more steps are done than the run has. */
nn_status train_loop_save(train_loop *t, const char *path);
nn_status train_loop_restore(train_loop *t, const train_tensors *file);

/* The network as it would be used now (with averaged weights if there are any), without the state
 * of the run: `best.safetensors`. */
nn_status train_loop_save_network(train_loop *t, const char *path);

/* Bytes of activations that the run holds. */
size_t train_loop_bytes(const train_loop *t);

/* Where the time of the steps goes: from now on it is measured, each node's too (nn_exec_times).
 * Call it once. */
void train_loop_profile(train_loop *t);

/* Seconds since then.  What the loader does beside the step is not in it, only waiting for it. */
typedef struct train_times {
    double data, forward, score, backward, update;
} train_times;
train_times train_loop_times(const train_loop *t);

/* What ran the last step. */
const nn_exec *train_loop_exec(const train_loop *t);

#endif
