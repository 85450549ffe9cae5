#include "nn/base/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t n_allocations;
static atomic_size_t fail_at;  /* allocation number from which on all fail; 0: never */
static atomic_size_t fail_one; /* the one that fails; 0: none */

void *nn_mem_alloc(size_t bytes)
{
    size_t number = atomic_fetch_add(&n_allocations, 1) + 1;
    size_t limit = atomic_load(&fail_at);
    if ((limit != 0 && number >= limit) || number == atomic_load(&fail_one))
        return NULL;
    if (bytes > SIZE_MAX - NN_ALIGN)
        return NULL;
    size_t rounded = nn_align_up(bytes != 0 ? bytes : 1);
    void *p = aligned_alloc(NN_ALIGN, rounded);
    if (p != NULL)
        memset(p, 0, rounded);
    return p;
}

void nn_mem_free(void *p)
{
    free(p);
}

size_t nn_mem_count(void)
{
    return atomic_load(&n_allocations);
}

void nn_mem_fail_after(size_t k)
{
    atomic_store(&fail_at, k == 0 ? 0 : atomic_load(&n_allocations) + k);
}

void nn_mem_fail_once(size_t k)
{
    atomic_store(&fail_one, k == 0 ? 0 : atomic_load(&n_allocations) + k);
}
