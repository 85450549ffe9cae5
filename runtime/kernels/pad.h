/* pad - a tensor in the middle of a larger one that is filled with one value. */
#ifndef OCTET_RUNTIME_KERNELS_PAD_H
#define OCTET_RUNTIME_KERNELS_PAD_H

#include "runtime/rt.h"

typedef struct rt_pad {
    int rank; /* >= 1 */
    int32_t in[RT_MAX_RANK], out[RT_MAX_RANK], before[RT_MAX_RANK];
    size_t bytes; /* of an element: 1, 2, 4 or 8 */
} rt_pad;

/* value: one element. */
void rt_pad_run(const rt_pad *p, void *out, const void *in, const void *value);

#endif
