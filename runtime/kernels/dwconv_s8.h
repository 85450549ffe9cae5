/* dwconv_s8 - depthwise convolution: every channel with filters of its own; int8 or uint8, NHWC.
 *
 *   acc[y,x,o] = bias[o] + sum (w[ky,kx,o] - w_zero) (in[y s + ky d - pad, ..., o / m] - in_zero)
 *
 * over the taps inside the image, for m filters a channel; then as conv_s8.  Work is cut into
 * blocks of output rows.  With one int8 filter a channel a row is one call of the kernels' dw_rows,
 * if they have it; else pixels go tap by tap.  Bit-exact with TensorFlow Lite's
 * integer_ops/depthwise_conv.h and depthwiseconv_uint8.h. */
#ifndef OCTET_RUNTIME_KERNELS_DWCONV_S8_H
#define OCTET_RUNTIME_KERNELS_DWCONV_S8_H

#include "runtime/kernels/kernels.h"
#include "runtime/kernels/window.h"

typedef struct rt_dwconv_s8 {
    rt_window win;
    int32_t multiplier;     /* out_c / in_c */
    bool unsigned_x;        /* uint8 activations */
    int32_t in_zero;        /* of the activations' type */
    const int16_t *weights; /* [k_h][k_w][in_c * multiplier], less their zero point: within +-255 */
    const void *packed;     /* not NULL: for dw_rows, and the bias is folded */
    uint8_t flip;           /* for dw_rows */
    const int32_t *bias;
    rt_requant_rows requant;
    int32_t tile_h; /* rows of a block; rt_dwconv_plan chooses it */
} rt_dwconv_s8;

/* Whether dw_rows serves.  `narrow` must be known. */
bool rt_dwconv_by_row(const rt_dwconv_s8 *p, const rt_kernels *kernels);

/* The weights of dw_rows; to pack them, bias and requant must be final. */
size_t rt_dwconv_packed_bytes(const rt_dwconv_s8 *p, const rt_kernels *kernels);
void rt_dwconv_pack(const rt_dwconv_s8 *p, const rt_kernels *kernels, void *packed,
                    const int8_t *w);

/* Chooses blocks, by shape and number of workers; the result does not depend on them. */
void rt_dwconv_plan(rt_dwconv_s8 *p, int workers);

/* Blocks of the whole, and the scratch that one needs. */
int rt_dwconv_blocks(const rt_dwconv_s8 *p);
size_t rt_dwconv_scratch(const rt_dwconv_s8 *p, const rt_kernels *kernels);
void rt_dwconv_run(const rt_dwconv_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                   uint8_t *out, int t, void *scratch);

#endif
