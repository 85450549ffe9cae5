/* rows_s8 in portable C: sums and maxima of rows of channels, for pooling. */
#include "runtime/kernels/portable.h"

static void add_unsigned(int32_t *sums, const uint8_t *x, int n)
{
    for (int c = 0; c < n; c++)
        sums[c] = (int32_t)((uint32_t)sums[c] + (uint32_t)x[c]);
}

static void add_signed(int32_t *sums, const int8_t *x, int n)
{
    for (int c = 0; c < n; c++)
        sums[c] = (int32_t)((uint32_t)sums[c] + (uint32_t)x[c]);
}

void rt_sum_s8__c(int32_t *sums, const uint8_t *x, size_t rows, size_t step, int n, bool unsigned_x)
{
    for (; rows > 0; rows--, x += step)
        if (unsigned_x)
            add_unsigned(sums, x, n);
        else
            add_signed(sums, (const int8_t *)x, n);
}

void rt_max_s8__c(uint8_t *most, const uint8_t *x, size_t rows, size_t step, int n, uint8_t flip)
{
    for (; rows > 0; rows--, x += step)
        for (int c = 0; c < n; c++) {
            int8_t v = (int8_t)(x[c] ^ flip), m = (int8_t)(most[c] ^ flip);
            most[c] = (uint8_t)((uint8_t)(v > m ? v : m) ^ flip);
        }
}
