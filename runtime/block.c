/* block - the one block of memory that a model lives in, measured and given out piece by piece. */
#include <string.h>

#include "runtime/model.h"

void *rt_alloc(rt_build *b, size_t bytes)
{
    if (rt_flat_status(&b->f) != RT_OK)
        return NULL;
    size_t at = b->used, limit = b->options.limits.bytes < SIZE_MAX / 2
                                     ? (size_t)b->options.limits.bytes
                                     : SIZE_MAX / 2;
    if (bytes > limit || at > limit - bytes) {
        rt_flat_fail(&b->f, RT_ELIMIT, 0, "the model needs more than the limit of %zu bytes",
                     limit);
        return NULL;
    }
    b->used = (at + bytes + RT_ALIGN - 1) / RT_ALIGN * RT_ALIGN;
    if (b->block == NULL)
        return NULL;
    if (b->used > b->room) {
        rt_flat_fail(&b->f, RT_ENOMEM, 0, "the model block has %zu bytes; rt_measure says how many",
                     b->room);
        return NULL;
    }
    return b->block + at;
}

void *rt_alloc_many(rt_build *b, uint64_t count, size_t each)
{
    bool fits = each == 0 || count <= SIZE_MAX / each;
    return rt_alloc(b,
                    fits ? (size_t)count * each : SIZE_MAX); /* of which there is never so much */
}

const void *rt_keep(rt_build *b, const void *bytes, size_t size)
{
    void *p = rt_alloc(b, size);
    if (p != NULL && size != 0)
        memcpy(p, bytes, size);
    return p;
}
