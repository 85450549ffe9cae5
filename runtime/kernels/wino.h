/* wino - integer Winograd convolution F(4x4,3x3): what its kernels take, and how memory is laid
 * out. The algorithm, and why it is exact, are in runtime/kernels/wino_s8.c. */
#ifndef OCTET_RUNTIME_KERNELS_WINO_H
#define OCTET_RUNTIME_KERNELS_WINO_H

#include "runtime/kernels/kernels.h"
#include "runtime/kernels/window.h"

enum {
    RT_WINO_OUT = 4,     /* side of a tile's output */
    RT_WINO_IN = 6,      /* and of its input, and of its transforms */
    RT_WINO_LANES = 16,  /* channels that lie together, of transformed input and of output */
    RT_WINO_SCALE = 576, /* what the transforms multiply the result by: 9 << 6, modulo 2^32 */
    RT_WINO_NINTH = 0x38E38E39, /* times 9 it is 1 modulo 2^32 */
    RT_WINO_SHIFT = 6
};

/* A block of the output: rows x pixels, from a copy of its part of the image with all the tiles
 * that cover it: 4 th + 2 lines of at least 4 tw + 2 pixels, th = ceil(rows / 4) and
 * tw = ceil(pixels / 4).  Elements are what rt_kernels.load makes; 64 bytes may be read past the
 * last. */
struct rt_wino {
    const void *a;
    size_t a_row; /* elements from one line to the next */
    int c, n;     /* input and output channels */
    int rows, pixels;
    const int16_t *w; /* as rt_wino_pack left them */
    const int32_t *bias;
    int64_t most; /* no sum with its bias is larger in magnitude; below 2^25 */
    uint8_t *out;
    size_t out_row, out_step;
    const rt_requant_rows *requant; /* narrow */
    void *scratch;                  /* rt_wino_cut(...).bytes at a multiple of 64 */
};

/* Whether a convolution of this geometry is exact and faster this way; `most` as in rt_conv_s8. */
bool rt_wino_serves(const rt_window *w, int64_t most);

/* Transformed weights: for each 16 output channels, column j of the transform and pair of input
 * channels, for each row i of it 16 times two weights.  Filled up with zeros. */
size_t rt_wino_bytes(int n, int c);
void rt_wino_pack(int16_t *packed, const int8_t *w, int n, int c);

/* Scratch: rows transformed, for one line of tiles; tiles transformed; products. */
typedef struct rt_wino_parts {
    size_t line;   /* int16 of one transformed row of pixels */
    size_t column; /* int16 of all tiles' transforms of one column */
    size_t rows_at, tiles_at, sums_at, bytes;
} rt_wino_parts;

rt_wino_parts rt_wino_cut(int rows, int pixels, int c);

#endif
