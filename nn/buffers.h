/* buffers - where buffers lie in one block of memory, two of them in the same place if they are
 * never needed at the same time.
 *
 * The largest come first, each at the lowest offset that is free in its time: "greedy by size" of
 * Pisarchyk & Lee 2020 (arXiv 2001.03288). */
#ifndef OCTET_NN_BUFFERS_H
#define OCTET_NN_BUFFERS_H

#include <stddef.h>

#include "nn/base/status.h"

/* A stretch of memory, and the time in which it must keep its content. */
typedef struct nn_buffer {
    size_t bytes;
    int first, last; /* moments, both included */
    size_t offset;   /* from the block's begin: what nn_buffers_place finds */
} nn_buffer;

/* Rounds sizes up to whole cache lines and gives each buffer that is not empty its offset; *total:
 * bytes of the block.  Errors: NN_ENOMEM. */
nn_status nn_buffers_place(size_t *total, nn_buffer *buffers, int count);

/* No block can be smaller: the largest sum of what lives together, over moments 0 .. times. */
size_t nn_buffers_bound(const nn_buffer *buffers, int count, int times);

#endif
