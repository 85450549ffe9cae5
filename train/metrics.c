#include "train/metrics.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>

#include "nn/base/math.h"

enum { BLOCK = 128 }; /* pictures whose numbers wait to be added in order */

/* How many outputs come before the label's. */
static int rank_of(const nn_real *v, int classes, int label)
{
    int before = 0;
    for (int j = 0; j < classes; j++)
        before += !(v[j] < v[label]) && (j < label || v[j] != v[label]) && j != label;
    return v[label] == v[label] ? before : INT_MAX;
}

/* -log softmax(v)[label] */
static double cross_entropy(const nn_real *v, int classes, int label)
{
    double largest = (double)v[0], sum = 0;
    for (int j = 1; j < classes; j++)
        largest = (double)v[j] > largest ? (double)v[j] : largest; /* gcc 12 dislikes fmax here */
    for (int j = 0; j < classes; j++)
        sum += nn_exp((double)v[j] - largest);
    return nn_log(sum) + largest - (double)v[label];
}

static void add_block(train_tally *t, const nn_real *outputs, const nn_real *labels, int n,
                      int classes)
{
    int rank[BLOCK];
    double loss[BLOCK];
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++) {
        const nn_real *v = outputs + (size_t)i * (size_t)classes;
        rank[i] = rank_of(v, classes, (int)labels[i]);
        loss[i] = cross_entropy(v, classes, (int)labels[i]);
    }
    for (int i = 0; i < n; i++) {
        t->top1 += rank[i] < 1;
        t->top5 += rank[i] < 5;
        t->loss += loss[i];
    }
    t->n += n;
}

void train_tally_add(train_tally *t, const nn_real *outputs, const nn_real *labels, int n,
                     int classes)
{
    for (int i = 0; i < n; i += BLOCK)
        add_block(t, outputs + (size_t)i * (size_t)classes, labels + i,
                  n - i < BLOCK ? n - i : BLOCK, classes);
}

train_score train_tally_score(const train_tally *t, double seconds)
{
    double n = t->n > 0 ? (double)t->n : 1;
    return (train_score){ t->n, (double)t->top1 / n, (double)t->top5 / n, t->loss / n, seconds };
}

int train_count_right(const nn_real *outputs, const nn_real *labels, int n, int classes)
{
    int right = 0;
    for (int i = 0; i < n; i++)
        right += rank_of(outputs + (size_t)i * (size_t)classes, classes, (int)labels[i]) == 0;
    return right;
}
