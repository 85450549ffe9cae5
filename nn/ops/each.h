/* each - the loop that most ops are made of: work cut into parts, from its size alone, for the
 * threads (nn/base/chunk.h).
 *
 * An op names what an item is (an element, a row of channels, an image) and gives a function for a
 * run of items.  Parts must not write what another part touches. */
#ifndef OCTET_NN_OPS_EACH_H
#define OCTET_NN_OPS_EACH_H

#include "nn/base/chunk.h"
#include "nn/op.h"

enum {
    NN_EACH_GRAIN = 1 << 14, /* elements: below that a second thread costs more than it gives */
    NN_EACH_MOST = 64        /* parts at most: more threads than that gain nothing */
};

/* Items [begin, end) of the op's work. */
typedef void (*nn_part)(const nn_call *c, size_t begin, size_t end);

/* Into how many parts `items` of `size` elements each are cut. */
static inline int nn_each_parts(size_t items, size_t size)
{
    return nn_chunk_count(items, size < NN_EACH_GRAIN ? NN_EACH_GRAIN / size : 1, NN_EACH_MOST);
}

/* Runs `part` over all items, which have `size` elements each. */
static inline void nn_each(const nn_call *c, size_t items, size_t size, nn_part part)
{
    int parts = nn_each_parts(items, size);
#pragma omp parallel for schedule(static) if (parts > 1)
    for (int i = 0; i < parts; i++)
        part(c, nn_chunk_begin(items, parts, i), nn_chunk_begin(items, parts, i + 1));
}

/* y has the shape of x[0]. */
static inline nn_status nn_each_infer(nn_node *n)
{
    n->shape = n->in[0]->shape;
    return NN_OK;
}

/* to = from, or to += from; nothing if they are the same memory and nothing is added. */
static inline void nn_each_pass(nn_real *to, const nn_real *from, size_t n, bool add)
{
    if (!add && to == from)
        return;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        to[i] = add ? to[i] + from[i] : from[i];
}

#endif
