/* product_s8 in portable C: int8 by int8 into int32.
 *
 * Four pixels are widened to int16 once and meet every row of weights; compilers make the dot
 * product of int16 and widened int8 a multiply-add of pairs (pmaddwd on x86: 20 G
 * multiply-accumulates a second on one core of a 2.5 GHz server with SSE2 alone). */
#include <string.h>

#include "runtime/kernels/portable.h"

enum { ROWS = 4, BLOCK = 512, CHANNELS = 32 }; /* tiles: 4 KiB and 512 bytes of stack */

size_t rt_pack_bytes__c(int n, int runs, int k)
{
    return (size_t)n * (size_t)runs * (size_t)k;
}

void rt_load__c(void *to, const uint8_t *from, size_t n, uint8_t flip)
{
    uint8_t *out = to;
    memcpy(out, from, n);
    for (size_t i = 0; flip != 0 && i < n; i++)
        out[i] ^= flip;
}

static void widen(int16_t *tile, const int8_t *a, size_t step, int pixels, int k)
{
    for (int r = 0; r < ROWS; r++) {
        const int8_t *row = a + (size_t)(r < pixels ? r : 0) * step;
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
    sum[0] += (uint32_t)s0;
    sum[1] += (uint32_t)s1;
    sum[2] += (uint32_t)s2;
    sum[3] += (uint32_t)s3;
}

/* Elements of the patches of some pixels, from the patch's element `begin` on, as many as the tile
 * holds; how many. */
static int widen_some(int16_t *tile, const rt_product *p, const int8_t *a, int pixels, int begin)
{
    int used = 0, end = p->runs * p->k;
    while (begin + used < end && used < BLOCK) {
        int run = (begin + used) / p->k, i = (begin + used) % p->k;
        int some = p->k - i < BLOCK - used ? p->k - i : BLOCK - used;
        widen(tile + used, a + (size_t)run * p->a_run + i, p->a_step, pixels, some);
        used += some;
    }
    return used;
}

static void store(const rt_product *p, uint32_t sums[CHANNELS][ROWS], int y, int x, int pixels,
                  int first, int n)
{
    for (int r = 0; r < pixels; r++) {
        int32_t acc[CHANNELS];
        for (int c = 0; c < n; c++)
            acc[c] = (int32_t)sums[c][r];
        size_t pixel = (size_t)y * (size_t)p->pixels + (size_t)(x + r);
        if (p->acc != NULL) {
            memcpy(p->acc + pixel * (size_t)p->n + first, acc, (size_t)n * sizeof *acc);
            continue;
        }
        rt_requant_rows q = *p->requant;
        q.mult += first;
        q.shift += first;
        rt_requant_s8__c(p->out + (size_t)y * p->out_row + (size_t)(x + r) * p->out_step + first,
                         acc, n, &q);
    }
}

/* Up to four pixels of row y. */
static void run_some(const rt_product *p, int y, int x, int pixels)
{
    int16_t tile[ROWS * BLOCK];
    const int8_t *a = (const int8_t *)p->a + (size_t)y * p->a_row + (size_t)x * p->a_step;
    const int all = p->runs * p->k;
    int held = -1, block = 0; /* what the tile holds: often the whole patch */
    for (int first = 0; first < p->n; first += CHANNELS) {
        uint32_t sums[CHANNELS][ROWS];
        int n = p->n - first < CHANNELS ? p->n - first : CHANNELS;
        for (int c = 0; c < n; c++)
            for (int r = 0; r < ROWS; r++)
                sums[c][r] = (uint32_t)p->bias[first + c];
        for (int begin = 0; begin < all; begin += block) {
            if (held != begin)
                block = widen_some(tile, p, a, pixels, begin);
            held = begin;
            for (int c = 0; c < n; c++)
                dot(sums[c], tile, (const int8_t *)p->w + (size_t)(first + c) * (size_t)all + begin,
                    block);
        }
        store(p, sums, y, x, pixels, first, n);
    }
}

void rt_product__c(const rt_product *p)
{
    for (int y = 0; y < p->rows; y++)
        for (int x = 0; x < p->pixels; x += ROWS)
            run_some(p, y, x, p->pixels - x < ROWS ? p->pixels - x : ROWS);
}
