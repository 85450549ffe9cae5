/* conv_s8 - convolution as patches times weights: int8 or uint8 activations, NHWC.
 *
 *   acc[y,x,o] = bias[o] + sum (w[o,ky,kx,c] - w_zero) (in[y s + ky d - pad, ...] - in_zero)
 *   out        = clamp(requant(acc) + zero, lo, hi)
 *
 * Taps outside the image count as in_zero, that is as real 0.  The terms that do not depend on the
 * picture are in `bias` (see rt_conv_fold), so the inner loop is a product of plain codes.
 *
 * Work is cut into blocks of output rows, columns and channels.  A block's part of the image is
 * copied once, with its border and in the element type of the kernels; patches are not built: a row
 * of taps is a run of that copy (but where taps are apart they are).  A convolution of one tap over
 * the whole image is one long row of pixels, read where it is if the kernels can.  Bit-exact with
 * TensorFlow Lite's reference kernels (integer_ops/conv.h, conv.h). */
#ifndef OCTET_RUNTIME_KERNELS_CONV_S8_H
#define OCTET_RUNTIME_KERNELS_CONV_S8_H

#include "runtime/kernels/kernels.h"
#include "runtime/kernels/window.h"
#include "runtime/kernels/wino.h"

typedef struct rt_conv_s8 {
    rt_window win;
    int32_t groups;      /* group g takes in_c / groups input channels to out_c / groups outputs */
    int32_t k;           /* k_h k_w in_c / groups: length of a patch */
    int32_t in_zero;     /* as the kernel reads the input: after flipping */
    int32_t w_zero;      /* of int8 weights; 0 but for uint8 models */
    uint8_t flip;        /* 0x80 if input bytes must change between int8 and uint8 for the kernel */
    const void *weights; /* per group `weight_bytes` bytes, as product takes them */
    size_t weight_bytes;
    const int32_t *bias; /* folded */
    rt_requant_rows requant;
    int64_t most; /* no accumulator, nor a part of its sum, is larger in magnitude */
    const double
        *factor; /* not NULL (one group): requantize by this real factor per channel instead */

    /* Set by rt_conv_plan. */
    enum { RT_CONV_DIRECT, RT_CONV_COPIED, RT_CONV_PATCHES, RT_CONV_WINOGRAD } how;
    int32_t tile_h, tile_w, tile_c; /* output rows, columns and channels of a block */
    size_t line;                    /* elements of a row of the copy, or of patches */
    uint64_t grain;                 /* multiply-accumulates that are worth a block of their own */
    int hands;                      /* workers that share it */
} rt_conv_s8;

/* Chooses blocks, smaller ones if there are several workers to share them; the result does not
 * depend on them. */
void rt_conv_plan(rt_conv_s8 *p, const rt_kernels *kernels, int workers);

/* The weights of one group as the kernels take them: w is row-major [out_c / groups][k]. */
size_t rt_conv_packed(const rt_conv_s8 *p, const rt_kernels *kernels);
void rt_conv_pack(const rt_conv_s8 *p, const rt_kernels *kernels, void *packed, const int8_t *w);

/* Blocks of the whole convolution, and the scratch of one. */
int rt_conv_blocks(const rt_conv_s8 *p);
size_t rt_conv_scratch(const rt_conv_s8 *p, const rt_kernels *kernels);

/* bias[o] -= in_zero * sum of w[o]: the constant part of the accumulator; w row-major [rows][k]. */
void rt_conv_fold(int32_t *bias, const int8_t *w, int rows, int k, int32_t in_zero);

/* Computes block t of `out` (same element type as `in`). */
void rt_conv_run(const rt_conv_s8 *p, const rt_kernels *kernels, const uint8_t *in, uint8_t *out,
                 int t, void *scratch);

#endif
