/* evaluate - how often a network is right on a split: float, fake-quantized, or as integers.
 *
 * The pictures come in order through a loader; every number is summed over pictures in that order,
 * so a score does not depend on the number of threads. */
#ifndef OCTET_TRAIN_EVALUATE_H
#define OCTET_TRAIN_EVALUATE_H

#include "data/loader.h"
#include "nn/exec.h"
#include "runtime/rt.h"
#include "train/metrics.h"
#include "train/session.h"

/* A forward-only executor over all pictures that `loader` gives, which starts anew.
 * Errors: the loader's. */
nn_status train_evaluate_exec(train_score *out, nn_exec *e, const nn_node *image,
                              const nn_node *logits, ds_loader *loader);

/* A graph of the network (float or deploy) on a split; plans and allocates for itself. */
nn_status train_evaluate_graph(train_score *out, const train_network *n, const nn_graph *g,
                               const ds_set *set, ds_split split, int batch);

/* A .tflite model on the integer runtime, one context a thread.
 *   prep   how pictures become real inputs; int8 and uint8 inputs take the codes as they are when
 *          the tensor's scale and zero point say so
 * Errors: NN_ENOTSUP (types, more than one input or output), NN_ESHAPE (sizes), the loader's. */
nn_status train_evaluate_model(train_score *out, const rt_model *m, const train_prep *prep,
                               const ds_set *set, ds_split split);

/* The same for a file's bytes, which are opened with the runtime's default limits.
 * Errors: also NN_EFORMAT (the runtime's message). */
nn_status train_evaluate_bytes(train_score *out, const void *bytes, size_t size,
                               const train_prep *prep, const ds_set *set, ds_split split);

#endif
