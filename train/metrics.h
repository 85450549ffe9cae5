/* metrics - counts over pictures, and the scores made of them. */
#ifndef OCTET_TRAIN_METRICS_H
#define OCTET_TRAIN_METRICS_H

#include <stdint.h>

#include "nn/base/real.h"

typedef struct train_score {
    int64_t n; /* pictures */
    double top1,
        top5;    /* shares in [0, 1] of pictures whose label is among the 1, 5 largest outputs */
    double loss; /* mean cross-entropy */
    double seconds;
} train_score;

/* Sums over pictures, from which a score is made. */
typedef struct train_tally {
    int64_t n, top1, top5;
    double loss;
} train_tally;

/* Adds n pictures: outputs [n, classes], labels [n] (class indices below `classes`).  Equal outputs
 * rank by their index, and what is not a number ranks first, so that a broken network is never
 * right. Sums go over the pictures in order: the same on any number of threads. */
void train_tally_add(train_tally *t, const nn_real *outputs, const nn_real *labels, int n,
                     int classes);
train_score train_tally_score(const train_tally *t, double seconds);

/* How many of n pictures have their label's output before all others. */
int train_count_right(const nn_real *outputs, const nn_real *labels, int n, int classes);

#endif
