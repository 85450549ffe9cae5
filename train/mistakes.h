/* mistakes - pictures that a network takes for another class than they are of. */
#ifndef OCTET_TRAIN_MISTAKES_H
#define OCTET_TRAIN_MISTAKES_H

#include "data/dataset.h"
#include "nn/base/arena.h"
#include "train/session.h"

typedef struct train_mistake {
    int index;       /* in the split */
    int label, said; /* classes: its own, and the one with the largest output */
    ds_image image;  /* as the network sees it, not normalised; lives in the arena */
} train_mistake;

typedef struct train_mistakes {
    int n;
    train_mistake *item;
    nn_arena *arena;
} train_mistakes;

/* The first `most` mistakes that graph g of the network (float or deploy) makes on a split; fewer
 * if it makes fewer.  Free with train_mistakes_free, also after an error.  Errors: the loader's,
 * NN_ENOMEM. */
nn_status train_mistakes_find(train_mistakes *out, const train_network *n, const nn_graph *g,
                              const ds_set *set, ds_split split, int most);
void train_mistakes_free(train_mistakes *m); /* { 0 } is allowed */

#endif
