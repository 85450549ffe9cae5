/* mem - the heap, behind two functions, so that allocations can be counted and made to fail.
 *
 * Everything of octet that lives on the heap comes from here or from an arena above it.  Tests set
 * a failure point and read the counters: "zero allocations per training step" and "every build
 * survives a failure at its k-th allocation" are checked that way. */
#ifndef OCTET_NN_BASE_MEM_H
#define OCTET_NN_BASE_MEM_H

#include <stddef.h>

enum { NN_ALIGN = 64 }; /* bytes: a cache line, and the widest vector */

/* Rounds a byte count up to a multiple of NN_ALIGN. */
static inline size_t nn_align_up(size_t bytes)
{
    return (bytes + (NN_ALIGN - 1)) & ~(size_t)(NN_ALIGN - 1);
}

/* `bytes` zeroed bytes at a multiple of NN_ALIGN, or NULL.  Free with nn_mem_free. */
void *nn_mem_alloc(size_t bytes);
void nn_mem_free(void *p);

/* Allocations since the program began (all threads). */
size_t nn_mem_count(void);

/* Tests: the k-th allocation from now (1 is the next one) and all after it return NULL; 0 ends
 * it. */
void nn_mem_fail_after(size_t k);

/* Tests: the k-th allocation from now alone returns NULL, so that an error which nobody looked at
 * is not hidden by the next one; 0 ends it. */
void nn_mem_fail_once(size_t k);

#endif
