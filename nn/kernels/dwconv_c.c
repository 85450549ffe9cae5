/* dwconv_c - depthwise correlation and its weight gradient in portable C. */
#include "nn/kernels/variants.h"

static void start(nn_real *y, const nn_dw_tile *t)
{
    if (t->add)
        return;
    for (int c = 0; c < t->channels; c++)
        y[c] = t->bias ? t->bias[c] : 0;
}

static void dw_tile__c(const nn_dw_tile *t)
{
    for (int i = 0; i < t->pixels; i++) {
        nn_real *restrict y = t->y[i];
        start(y, t);
        for (int k = 0; k < t->taps; k++) {
            const nn_real *restrict x = t->x[i] + t->x_tap[k], *restrict w = t->w + t->w_tap[k];
            for (int c = 0; c < t->channels; c++)
                y[c] += x[c] * w[c];
        }
    }
}

static void dw_grad__c(const nn_dw_grad *t)
{
    for (int i = 0; i < t->pixels; i++) {
        const nn_real *restrict dy = t->dy[i];
        for (int k = 0; k < t->taps; k++) {
            const nn_real *restrict x = t->x[i] + t->x_tap[k];
            nn_real *restrict dw = t->dw + (ptrdiff_t)k * t->channels;
            for (int c = 0; c < t->channels; c++)
                dw[c] += x[c] * dy[c];
        }
    }
}

void nn_kernels_dwconv_c(nn_kernel_table *t)
{
    t->dw_tile = dw_tile__c;
    t->dw_grad = dw_grad__c;
}
