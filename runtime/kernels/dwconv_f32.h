/* dwconv_f32 - float depthwise convolution: every channel with filters of its own; NHWC. */
#ifndef OCTET_RUNTIME_KERNELS_DWCONV_F32_H
#define OCTET_RUNTIME_KERNELS_DWCONV_F32_H

#include "runtime/kernels/window.h"

typedef struct rt_dwconv_f32 {
    rt_window win;
    float lo, hi;
} rt_dwconv_f32;

/* One row of output pixels; w [k_h][k_w][out_c], bias [out_c] or NULL. */
void rt_dwconv_f32_run(const rt_dwconv_f32 *p, const float *in, const float *w, const float *bias,
                       float *out, int row);

#endif
