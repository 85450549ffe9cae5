/* cut - how work is cut into pieces of equal size, for one worker or several.
 *
 * What a round of tasks begins and ends with takes tenths of a microsecond, an operator of a small
 * network one to ten: so each worker should have a piece, and as many as the others, unless pieces
 * become so small that sharing them costs more than it saves. */
#ifndef OCTET_RUNTIME_KERNELS_CUT_H
#define OCTET_RUNTIME_KERNELS_CUT_H

#include <stdint.h>

/* How many pieces there are of `each` in n > 0. */
static inline int32_t rt_cut_count(int32_t n, int32_t each)
{
    return (int32_t)(((int64_t)n + each - 1) / each);
}

/* n cut into equal pieces of at most `most` (at least 1): the size of one. */
static inline int32_t rt_cut_even(int32_t n, uint64_t most)
{
    int32_t each = most < 1 ? 1 : most > (uint64_t)n ? n : (int32_t)most;
    return rt_cut_count(n, rt_cut_count(n, each));
}

/* The same into as many pieces for each of `hands` workers, if n suffices. */
static inline int32_t rt_cut_shared(int32_t n, uint64_t most, int hands)
{
    int64_t rounds = rt_cut_count(rt_cut_count(n, rt_cut_even(n, most)), hands);
    int64_t each = (n + rounds * hands - 1) / (rounds * hands);
    return (int32_t)each;
}

/* How many of `workers` can share `work` if none is to have less than `least` of it. */
static inline int rt_cut_hands(uint64_t work, uint64_t least, int workers)
{
    uint64_t most = work / least;
    return most < 1 ? 1 : most < (uint64_t)workers ? (int)most : workers;
}

#endif
