/* shape - the extent of a tensor, outermost dimension first (NHWC).
 *
 * A leading NN_BATCH stands for the number of items in a batch, which is known only when a plan is
 * made: one graph serves training, evaluation and deployment. */
#ifndef OCTET_NN_SHAPE_H
#define OCTET_NN_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum { NN_MAX_RANK = 4, NN_BATCH = -1, NN_SHAPE_TEXT = 64 };

typedef struct nn_shape {
    int rank;             /* 0 is a scalar */
    int dim[NN_MAX_RANK]; /* dim[0] may be NN_BATCH; the others are >= 1; unused ones are 0 */
} nn_shape;

/* NN_SHAPE(NN_BATCH, 28, 28, 1) */
#define NN_SHAPE(...)                                                                              \
    ((nn_shape){ (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)), { __VA_ARGS__ } })

bool nn_shape_equal(nn_shape a, nn_shape b);

/* Elements of one item: the product of all dimensions but NN_BATCH. */
size_t nn_shape_count(nn_shape s);

/* Elements for a batch of n items. */
size_t nn_shape_count_batch(nn_shape s, int n);

/* False if a dimension is not positive or the elements of one item exceed 2^31 - 1. */
bool nn_shape_is_valid(nn_shape s);

/* The last dimension, 1 for a scalar. */
int nn_shape_channels(nn_shape s);

/* "[N,28,28,1]" in text, which has NN_SHAPE_TEXT bytes; returns text. */
const char *nn_shape_text(nn_shape s, char *text);

#endif
