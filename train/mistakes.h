/* mistakes - pictures that a network takes for another class than they are of. */
#ifndef OCTET_TRAIN_MISTAKES_H
#define OCTET_TRAIN_MISTAKES_H

#include "data/dataset.h"
#include "nn/base/arena.h"
#include "nn/base/real.h"
#include "train/session.h"

typedef struct train_mistake {
    int index; /* in the split */
    int label,
        said;       /* classes: its own, and the one with the largest output, the first of equals */
    double share;   /* of what was said, in [0, 1]: softmax */
    double loss;    /* cross-entropy: the larger, the worse */
    ds_image image; /* as the network sees it, not normalized; lives in an arena */
} train_mistake;

/* What outputs [classes] say of a picture of class `label`, right or wrong; neither index nor image
 * is set. */
train_mistake train_mistake_judge(const nn_real *outputs, int classes, int label);

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
