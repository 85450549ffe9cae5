/* watch - which values the weights and results of a float network take. */
#ifndef OCTET_TRAIN_EVENTS_WATCH_H
#define OCTET_TRAIN_EVENTS_WATCH_H

#include "nn/base/arena.h"
#include "quant/histogram.h"
#include "quant/stage.h"

typedef struct train_watch {
    int n;
    const char **name; /* of the parameter or node */
    quant_histogram **values;
    nn_arena *arena;
} train_watch;

/* Histograms of at least `bins` bins of each weight, and of each result over all pictures: batch
 * norms are folded, and what disappears into the node behind it in a deployed network (a
 * convolution into its relu) has none.  Free with train_watch_free.  Errors: NN_EDIVERGED naming a
 * node whose values are not finite, NN_ENOMEM, the pictures'. */
nn_status train_watch_values(train_watch **out, const nn_graph *g, const quant_pictures *pictures,
                             int bins);
void train_watch_free(train_watch *w); /* NULL is allowed */

#endif
