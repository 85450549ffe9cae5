/* conv_s8 - convolution as patches times weights: int8 or uint8 activations, NHWC.
 *
 *   acc[y,x,o] = bias[o] + sum (w[o,ky,kx,c] - w_zero) (in[y s + ky d - pad, ...] - in_zero)
 *   out        = clamp(requant(acc) + zero, lo, hi)
 *
 * Taps outside the image count as in_zero, that is as real 0.  The terms that do not depend on the
 * picture are in `bias` (see rt_conv_fold), so the inner loop is a product of plain codes.  Work is
 * cut into tiles of output pixels; one tile needs rt_conv_scratch bytes.  Bit-exact with TensorFlow
 * Lite's reference kernels (integer_ops/conv.h, conv.h). */
#ifndef OCTET_RUNTIME_KERNELS_CONV_S8_H
#define OCTET_RUNTIME_KERNELS_CONV_S8_H

#include "runtime/kernels/kernels.h"
#include "runtime/kernels/window.h"

typedef struct rt_conv_s8 {
    rt_window win;
    int32_t groups;      /* group g takes in_c / groups input channels to out_c / groups outputs */
    int32_t tile;        /* output pixels of one piece of work; rt_conv_plan chooses it */
    int32_t k;           /* k_h k_w in_c / groups: length of a patch */
    int32_t in_zero;     /* as the kernel reads the input: after flipping */
    int32_t w_zero;      /* of int8 weights; 0 but for uint8 models */
    uint8_t flip;        /* 0x80 if input bytes must change between int8 and uint8 for the kernel */
    const void *weights; /* per group `weight_bytes` bytes, as gemm takes them */
    size_t weight_bytes;
    const int32_t *bias; /* folded */
    rt_requant_rows requant;
    const double
        *factor; /* not NULL (one group): requantize by this real factor per channel instead */
} rt_conv_s8;

/* Chooses the tile.  Depends on shapes only. */
void rt_conv_plan(rt_conv_s8 *p);

/* Tiles of the whole convolution, and the scratch of one. */
int rt_conv_tiles(const rt_conv_s8 *p);
size_t rt_conv_scratch(const rt_conv_s8 *p);

/* bias[o] -= in_zero * sum of w[o]: the constant part of the accumulator; w row-major [rows][k]. */
void rt_conv_fold(int32_t *bias, const int8_t *w, int rows, int k, int32_t in_zero);

/* Computes tile t of `out` (same element type as `in`). */
void rt_conv_run(const rt_conv_s8 *p, const rt_kernels *kernels, const uint8_t *in, uint8_t *out,
                 int t, void *scratch);

#endif
