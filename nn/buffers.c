#include "nn/buffers.h"

#include <stdbool.h>
#include <stdlib.h>

#include "nn/base/mem.h"

static int larger_first(const void *a, const void *b)
{
    const nn_buffer *x = *(nn_buffer *const *)a, *y = *(nn_buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool live_together(const nn_buffer *a, const nn_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int by_offset(const void *a, const void *b)
{
    const nn_buffer *x = *(nn_buffer *const *)a, *y = *(nn_buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest offset at which b fits between the placed buffers that live with it. */
static size_t lowest_fit(const nn_buffer *b, nn_buffer *const *placed, int n, nn_buffer **others)
{
    int m = 0;
    for (int i = 0; i < n; i++)
        if (live_together(b, placed[i]))
            others[m++] = placed[i];
    qsort(others, (size_t)m, sizeof(nn_buffer *), by_offset);
    size_t at = 0;
    for (int i = 0; i < m; i++) {
        if (others[i]->offset >= at + b->bytes)
            break;
        size_t end = others[i]->offset + others[i]->bytes;
        at = end > at ? end : at;
    }
    return at;
}

static size_t place(nn_buffer *buffers, int count, nn_buffer **order, nn_buffer **others)
{
    int n = 0;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        buffers[i].bytes = nn_align_up(buffers[i].bytes);
        if (buffers[i].bytes > 0)
            order[n++] = &buffers[i];
    }
    qsort(order, (size_t)n, sizeof(nn_buffer *), larger_first);
    for (int i = 0; i < n; i++) {
        order[i]->offset = lowest_fit(order[i], order, i, others);
        size_t end = order[i]->offset + order[i]->bytes;
        total = end > total ? end : total;
    }
    return total;
}

nn_status nn_buffers_place(size_t *total, nn_buffer *buffers, int count)
{
    nn_buffer **order = nn_mem_alloc(2 * (size_t)count * sizeof(nn_buffer *));
    if (order == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a plan of %d buffers", count);
    *total = place(buffers, count, order, order + count);
    nn_mem_free(order);
    return NN_OK;
}

size_t nn_buffers_bound(const nn_buffer *buffers, int count, int times)
{
    size_t largest = 0;
    for (int t = 0; t <= times; t++) {
        size_t sum = 0;
        for (int i = 0; i < count; i++)
            if (buffers[i].first <= t && t <= buffers[i].last)
                sum += buffers[i].bytes;
        largest = sum > largest ? sum : largest;
    }
    return largest;
}
