/* rows - activations as rows of channels: cut in chunks for the threads, and in strips that stay in
 * the first-level cache while several things are done to them.
 *
 * The cut depends on the shape alone, so that sums over chunks have one order.  Chunks and strips
 * begin at whole bytes of a mask of one bit an element. */
#ifndef OCTET_NN_OPS_ROWS_H
#define OCTET_NN_OPS_ROWS_H

#include "nn/base/chunk.h"
#include "nn/shape.h"

typedef struct nn_rows {
    size_t rows, channels;
    size_t unit; /* rows that make whole bytes of bits: 1, 2, 4 or 8 */
    int chunks;
} nn_rows;

enum {
    NN_ROWS_GRAIN = 1 << 14, /* elements of a chunk at least, ... */
    NN_ROWS_LEAST = 64,      /* and rows, so that adding up the chunks' sums is little work */
    NN_ROWS_MOST = 64,       /* chunks at most: more threads than that gain nothing */
    NN_ROWS_STRIP = 1 << 9,  /* elements of a strip: of 2 KB; from 8 KB on the backward pass of a
                                chain takes half as long again */
    NN_ROWS_STRIP_LEAST = 4  /* rows of it at least */
};

/* `rows` rows of `channels` >= 1. */
static inline nn_rows nn_rows_cut(size_t rows, size_t channels)
{
    const size_t odd = channels % 8 == 0 ? 8 : channels % 4 == 0 ? 4 : channels % 2 == 0 ? 2 : 1;
    size_t grain = NN_ROWS_GRAIN / channels;
    grain = grain > NN_ROWS_LEAST ? grain : NN_ROWS_LEAST;
    return (nn_rows){ rows, channels, 8 / odd, nn_chunk_count(rows, grain, NN_ROWS_MOST) };
}

/* First row of chunk k, which ends where chunk k + 1 begins. */
static inline size_t nn_rows_begin(nn_rows r, int k)
{
    const size_t units = (r.rows + r.unit - 1) / r.unit;
    const size_t row = nn_chunk_begin(units, r.chunks, k) * r.unit;
    return row < r.rows ? row : r.rows;
}

/* Rows of a strip, a multiple of the unit. */
static inline size_t nn_rows_strip(nn_rows r)
{
    const size_t rows = NN_ROWS_STRIP / r.channels;
    const size_t most = rows > NN_ROWS_STRIP_LEAST ? rows : NN_ROWS_STRIP_LEAST;
    return (most + r.unit - 1) / r.unit * r.unit;
}

/* Bytes of one bit for each of n elements. */
static inline size_t nn_bits_bytes(size_t n)
{
    return (n + 7) / 8;
}

#endif
