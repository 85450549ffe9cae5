/* dwconv_s8 in portable C: one tap of a depthwise convolution, channels side by side. */
#include "runtime/kernels/portable.h"

static void tap_signed(int32_t *acc, const int8_t *x, int16_t zero, const int16_t *w, int n)
{
    for (int c = 0; c < n; c++)
        acc[c] = (int32_t)((uint32_t)acc[c] + (uint32_t)((int16_t)(x[c] - zero) * w[c]));
}

static void tap_unsigned(int32_t *acc, const uint8_t *x, int16_t zero, const int16_t *w, int n)
{
    for (int c = 0; c < n; c++)
        acc[c] = (int32_t)((uint32_t)acc[c] + (uint32_t)((int16_t)(x[c] - zero) * w[c]));
}

void rt_dwconv_tap_s8__c(int32_t *acc, const void *x, bool unsigned_x, int32_t zero,
                         const int16_t *w, int n)
{
    if (unsigned_x)
        tap_unsigned(acc, x, (int16_t)zero, w, n);
    else
        tap_signed(acc, x, (int16_t)zero, w, n);
}
