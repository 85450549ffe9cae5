/* broadcast - two tensors element by element, where a dimension of 1 (or none) is repeated.
 *
 * Dimensions are lined up from the last; neighbours that behave alike are merged, so that the usual
 * cases (equal shapes, a scalar, a vector of channels) become one or two loops.  Everything happens
 * in rows: the innermost dimension, along which an operand either advances or stands still. */
#ifndef OCTET_RUNTIME_KERNELS_BROADCAST_H
#define OCTET_RUNTIME_KERNELS_BROADCAST_H

#include "runtime/rt.h"

typedef struct rt_broadcast {
    int rank;                                                          /* >= 1 after merging */
    size_t dim[RT_MAX_RANK], step_a[RT_MAX_RANK], step_b[RT_MAX_RANK]; /* elements; 0: repeated */
} rt_broadcast;

/* False if the shapes do not fit; else out_dim (rank max(rank_a, rank_b)) is the result's shape. */
bool rt_broadcast_of(rt_broadcast *p, int rank_a, const int32_t *dim_a, int rank_b,
                     const int32_t *dim_b, int32_t *out_dim);

/* n elements of a function of two operands that both advance. */
typedef void rt_binary_row(void *out, const void *a, const void *b, size_t n, const void *params);

/* The whole result.  `bytes` is the size of an element of all three: 1, 2, 4 or 8. */
void rt_broadcast_run(const rt_broadcast *p, void *out, const void *a, const void *b, size_t bytes,
                      rt_binary_row *row, const void *params);

/* Whether all is one row in which both advance; its length is dim[0]. */
static inline bool rt_broadcast_is_plain(const rt_broadcast *p)
{
    return p->rank == 1 && p->step_a[0] == 1 && p->step_b[0] == 1;
}

#endif
