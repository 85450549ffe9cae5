/* wino - 3x3 convolutions at stride 1 with a quarter of the multiplications.
 *
 * Four by four results need 16 * 9 products of a pixel and a weight.  With the patch of 6 x 6
 * pixels d, the weights g and fixed matrices they are
 *
 *   Y = A' [(G g G') * (B' d B)] A          A' is A transposed, * multiplies element by element
 *
 * with 36 products: one matrix product over channels for each of the 36 elements.  The gradients
 * are the same thing transposed: dd is the convolution of dY with the weights turned by 180
 * degrees, dg = G' [(B' d B) * (A dY A')] G.  Winograd 1980; Lavin & Gray, "Fast algorithms for
 * convolutional neural networks", 2015 (arXiv 1509.09308).
 *
 * The matrices evaluate polynomials at 0, +-p, +-1/p and infinity.  Lavin & Gray take 0, +-1, +-2;
 * p = sqrt(1/2), which leaves no large number in them, loses half as much: in a simulation of 64
 * channels in binary32 the root mean square error was 6.2e-7 of the results' with it, 1.3e-6 with
 * theirs, 3.1e-7 without any of this, and 2.1e-7 with 2 x 2 results, which save only 2.25 of the
 * multiplications.  (That the points matter so: Barabasz et al., "Error analysis and improving the
 * accuracy of Winograd convolution for deep neural networks", 2020, arXiv 1803.10986.)
 *
 * Transforms of many channels: an element of a patch is a vector of channels, the 36 of a
 * transformed one lie `pitch` apart, each in a plane of its own. */
#ifndef OCTET_NN_KERNELS_WINO_H
#define OCTET_NN_KERNELS_WINO_H

#include <stddef.h>

enum {
    NN_WINO_IN = 6,      /* side of a patch of the source, and of a transformed one */
    NN_WINO_OUT = 4,     /* of the results */
    NN_WINO_PLANES = 36, /* NN_WINO_IN squared */
};

/* A patch of n x n pixels of a tensor in NHWC.  Those outside [row0, row1) x [col0, col1) do not
 * exist: they are read as zero and not written. */
typedef struct nn_wino_patch {
    ptrdiff_t at;         /* where pixel (0, 0), which need not exist, is in its tensor */
    ptrdiff_t row, pixel; /* from one row, one pixel to the next */
    int row0, row1, col0, col1;
} nn_wino_patch;

/* Which patches become planes, and by which matrix. */
typedef enum nn_wino_spread {
    NN_WINO_SOURCE, /* d, 6 x 6: B' */
    NN_WINO_DY,     /* dY, 4 x 4: A */
    NN_WINO_WEIGHT  /* g, 3 x 3: G */
} nn_wino_spread;

typedef enum nn_wino_gather {
    NN_WINO_RESULT, /* Y, 4 x 4: A' */
    NN_WINO_DW      /* dg, 3 x 3: G' */
} nn_wino_gather;

#endif
