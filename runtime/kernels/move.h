/* move - a tensor whose elements stand elsewhere, or in another order, in another one:
 * transposition, slices, steps backward.
 *
 *   out[i0, i1, ...] = in[base + i0 step0 + i1 step1 + ...]   (elements) */
#ifndef OCTET_RUNTIME_KERNELS_MOVE_H
#define OCTET_RUNTIME_KERNELS_MOVE_H

#include "runtime/rt.h"

typedef struct rt_move {
    int rank;
    int32_t dim[RT_MAX_RANK]; /* of the output; all >= 1 */
    int64_t step[RT_MAX_RANK], base;
    size_t bytes; /* of an element */
} rt_move;

void rt_move_run(const rt_move *p, void *out, const void *in);

#endif
