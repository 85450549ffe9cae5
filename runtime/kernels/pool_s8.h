/* pool_s8 - the average or the maximum of a window, channel by channel; int8 or uint8, NHWC.
 *
 * Windows are clipped to the image and averages divide by the taps that are left; the average of
 * raw codes is rounded half away from zero (raw zero, not the zero point), as in TensorFlow Lite's
 * integer_ops/pooling.h and pooling.h.  One piece of work is one row of output pixels. */
#ifndef OCTET_RUNTIME_KERNELS_POOL_S8_H
#define OCTET_RUNTIME_KERNELS_POOL_S8_H

#include "runtime/kernels/kernels.h"
#include "runtime/kernels/window.h"

typedef struct rt_pool_s8 {
    rt_window win; /* dilation is not looked at */
    bool unsigned_x;
    int32_t lo, hi; /* of the fused activation */
} rt_pool_s8;

/* Scratch for one row: c int32. */
void rt_average_pool_run(const rt_pool_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                         uint8_t *out, int row, int32_t *scratch);
void rt_max_pool_run(const rt_pool_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                     uint8_t *out, int row, int32_t *scratch);

#endif
