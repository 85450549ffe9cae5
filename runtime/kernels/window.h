/* window - a window that slides over NHWC images: the geometry of convolution and pooling.
 *
 * The window of output pixel (y, x) begins at input row y stride_h - pad_top, column
 * x stride_w - pad_left; its taps are `dilation` apart.  Taps outside the image are no error: each
 * kernel says what they count as. */
#ifndef OCTET_RUNTIME_KERNELS_WINDOW_H
#define OCTET_RUNTIME_KERNELS_WINDOW_H

#include "runtime/rt.h"

typedef struct rt_window {
    int32_t n, in_h, in_w, in_c, out_h, out_w, out_c;
    int32_t k_h, k_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
} rt_window;

static inline size_t rt_window_pixels(const rt_window *w)
{
    return (size_t)w->n * (size_t)w->out_h * (size_t)w->out_w;
}

/* Copies the patch that is behind output pixel number `pixel` (counted over images, rows, columns):
 * k_h k_w times the channels of one of `groups` groups, element size `each` bytes.  Taps outside
 * the image are filled with the byte `fill`. */
void rt_window_gather(const rt_window *w, int groups, size_t each, int fill, uint8_t *to,
                      const uint8_t *in, size_t pixel, int group);

#endif
