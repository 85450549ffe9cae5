/* resize - NHWC images to another height and width: the nearest pixel, or between four.
 *
 * Positions are worked out as TensorFlow Lite's reference kernels do (reference/resize_*.h):
 * bilinear in 10-bit fixed point for int8, in binary32 for uint8 and float. */
#ifndef OCTET_RUNTIME_KERNELS_RESIZE_H
#define OCTET_RUNTIME_KERNELS_RESIZE_H

#include "runtime/rt.h"

typedef struct rt_resize {
    int32_t n, in_h, in_w, out_h, out_w, c;
    bool align_corners, half_pixel; /* not both */
    rt_type type;                   /* int8, uint8, float32; for the nearest pixel any */
} rt_resize;

/* One row of output pixels: row y of image n is number n * out_h + y. */
void rt_resize_nearest_row(const rt_resize *p, void *out, const void *in, int row);
void rt_resize_bilinear_row(const rt_resize *p, void *out, const void *in, int row);

#endif
