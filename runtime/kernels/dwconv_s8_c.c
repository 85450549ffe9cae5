/* dwconv_s8 in portable C: taps of a depthwise convolution, channels side by side. */
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

void rt_dwconv_s8__c(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                     bool unsigned_x, int32_t zero, int n)
{
    for (int t = 0; t < taps; t++) {
        if (unsigned_x)
            tap_unsigned(acc, x[t], (int16_t)zero, w[t], n);
        else
            tap_signed(acc, (const int8_t *)x[t], (int16_t)zero, w[t], n);
    }
}
