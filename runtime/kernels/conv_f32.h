/* conv_f32 - float convolution as patches times weights; NHWC.
 *
 * Each output is one chain of binary32 multiply-adds in the order of the patch, so its value does
 * not depend on tiles or threads; it differs from TensorFlow Lite's by rounding alone. */
#ifndef OCTET_RUNTIME_KERNELS_CONV_F32_H
#define OCTET_RUNTIME_KERNELS_CONV_F32_H

#include "runtime/kernels/window.h"

enum { RT_CONV_F32_PANEL = 8 }; /* output channels that are computed side by side */

typedef struct rt_conv_f32 {
    rt_window win;
    int32_t groups, k; /* k: length of a patch */
    int32_t tile;      /* output pixels of one piece of work; rt_conv_f32_plan chooses it */
    const float
        *weights;      /* packed: groups, panels, k, channels of a panel (0 where there is none) */
    const float *bias; /* out_c */
    float lo, hi;
} rt_conv_f32;

void rt_conv_f32_plan(rt_conv_f32 *p);
int rt_conv_f32_tiles(const rt_conv_f32 *p);
size_t rt_conv_f32_scratch(const rt_conv_f32 *p);

/* Floats of the packed weights, and where weight i of output channel o goes. */
size_t rt_conv_f32_packed(const rt_conv_f32 *p);
size_t rt_conv_f32_place(const rt_conv_f32 *p, int32_t o, int32_t i);

void rt_conv_f32_run(const rt_conv_f32 *p, const float *in, float *out, int t, float *scratch);

#endif
