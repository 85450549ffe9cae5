/* chunk - how work is cut among threads: from its shape, never from their number.
 *
 * An op computes its chunks from sizes alone and loops over them under
 * `#pragma omp parallel for schedule(static)`.  What a chunk writes depends on the chunk only, and
 * sums over chunks go to one slot per chunk and are added in chunk order: so the bits of a result
 * do not depend on the number of threads. */
#ifndef OCTET_NN_BASE_CHUNK_H
#define OCTET_NN_BASE_CHUNK_H

#include <omp.h>
#include <stddef.h>

/* Chunks of at least `grain` of n items each: as many as fit, at most `most`, at least 1. */
static inline int nn_chunk_count(size_t n, size_t grain, int most)
{
    size_t c = grain > 0 ? n / grain : n;
    return c < 1 ? 1 : c > (size_t)most ? most : (int)c;
}

/* First item of chunk i of `chunks` over n items; chunk i ends where chunk i + 1 begins. */
static inline size_t nn_chunk_begin(size_t n, int chunks, int i)
{
    size_t each = n / (size_t)chunks, rest = n % (size_t)chunks;
    return each * (size_t)i + ((size_t)i < rest ? (size_t)i : rest);
}

/* Threads that a parallel loop will use at most, and the one that asks: for scratch memory only. */
static inline int nn_thread_count(void)
{
    return omp_get_max_threads();
}
static inline int nn_thread_index(void)
{
    return omp_get_thread_num();
}

#endif
