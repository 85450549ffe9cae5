/* pool_f32 - the average or the maximum of a window of float values; windows are clipped to the
 * image. */
#ifndef OCTET_RUNTIME_KERNELS_POOL_F32_H
#define OCTET_RUNTIME_KERNELS_POOL_F32_H

#include "runtime/kernels/window.h"

typedef struct rt_pool_f32 {
    rt_window win; /* dilation is not looked at */
    bool largest;  /* the maximum, else the average */
    float lo, hi;
} rt_pool_f32;

/* One row of output pixels. */
void rt_pool_f32_run(const rt_pool_f32 *p, const float *in, float *out, int row);

#endif
