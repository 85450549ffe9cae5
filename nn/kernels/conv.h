/* conv - the geometry of convolutions: which source element meets which kernel tap.
 *
 * Forward, and the input gradient at one phase of the stride, are the same thing, a pass:
 *
 *   dst[i] = sum over taps t of src[i * step + off(t)] * weight[k(t)]       on each of H and W
 *
 * A pass is cut into chunks (whole images, or rows of one image) that depend on its shape only. For
 * each chunk the source is seen through a view: the tensor itself where no tap leaves it, else a
 * copy with the border zeroed.  Pixels then are pointers and taps are offsets, as nn_gemm_tile and
 * nn_dw_tile want them; patches are never written out. */
#ifndef OCTET_NN_KERNELS_CONV_H
#define OCTET_NN_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/base/real.h"

/* x [n,h,w,c], y [n,oh,ow,o]; all >= 1, padding >= 0. */
typedef struct nn_conv_geom {
    int n, h, w, c;
    int oh, ow, o;
    int kh, kw, stride_h, stride_w, dil_h, dil_w;
    int pad_t, pad_l;
} nn_conv_geom;

typedef struct nn_conv_axis {
    int src;                       /* extent of the source */
    int out, dst_first, dst_step;  /* output i < out lies at dst_first + i * dst_step */
    int step;                      /* source positions from one output to the next */
    int taps, off_first, off_step; /* off(t) = off_first + t * off_step */
    int k_first, k_step;           /* k(t) = k_first + t * k_step */
} nn_conv_axis;

typedef struct nn_conv_pass {
    nn_conv_axis h, w;
    int n, c;         /* images; channels of the source */
    int repeat;       /* depthwise multiplier: every source channel is seen this many times */
    int images, rows; /* of a chunk: images > 1 only if rows is all of them */
    int chunks;
    bool copy;   /* the view is a copy */
    bool planar; /* in which each channel has a plane: pixels of a row lie side by side */
    int view_h, view_w;
} nn_conv_pass;

typedef struct nn_conv_chunk {
    int image, images, row, rows;
} nn_conv_chunk;

/* Output (i, j) of the chunk's image m reads, for tap offset t and channel c, at
 * base + m * image + i * row + j * pixel + t + c * channel. */
typedef struct nn_conv_view {
    const nn_real *base;
    ptrdiff_t image, row, pixel;
    ptrdiff_t tap_row, tap_pixel; /* from one source row, pixel to the next */
    ptrdiff_t channel;            /* 1 unless planar */
} nn_conv_view;

/* The pass from x to y.  `repeat` is the depthwise multiplier, else 1. */
nn_conv_pass nn_conv_forward(const nn_conv_geom *g, int repeat);

/* The passes from dy to dx; phase < nn_conv_phases.  A phase with no taps yields zeros. */
int nn_conv_phases(const nn_conv_geom *g);
nn_conv_pass nn_conv_backward(const nn_conv_geom *g, int phase);

/* The same pass over planes, for destinations of few channels.  It must have repeat = 1. */
nn_conv_pass nn_conv_by_planes(nn_conv_pass p);

/* The same pass with the largest chunk, and the largest number of them, that any batch of at most
 * p.n images has: what memory is planned by.  (Chunks do not simply grow with the batch.) */
nn_conv_pass nn_conv_largest(nn_conv_pass p);

nn_conv_chunk nn_conv_chunk_at(const nn_conv_pass *p, int index);

static inline int nn_conv_taps(const nn_conv_pass *p)
{
    return p->h.taps * p->w.taps;
}

/* Output pixels of a full chunk, and elements of its copy (0 without one). */
size_t nn_conv_pixels(const nn_conv_pass *p);
size_t nn_conv_copy_count(const nn_conv_pass *p);

/* The view of a chunk; `copy` holds nn_conv_copy_count elements. */
nn_conv_view nn_conv_look(const nn_conv_pass *p, nn_conv_chunk k, const nn_real *src,
                          nn_real *copy);

/* Where each output pixel of the chunk begins to read, and where it is written in dst [n,h,w,c]. */
void nn_conv_sources(const nn_real **at, const nn_conv_pass *p, nn_conv_chunk k,
                     const nn_conv_view *v);
void nn_conv_targets(nn_real **at, const nn_conv_pass *p, nn_conv_chunk k, nn_real *dst, int h,
                     int w, int c);

/* The same by lines: where the first output pixel of each of the chunk's rows begins to read, and
 * where it is written.
 * The others follow at the view's `pixel`, and at w.dst_step pixels. */
void nn_conv_source_lines(const nn_real **at, nn_conv_chunk k, const nn_conv_view *v);
void nn_conv_target_lines(nn_real **at, const nn_conv_pass *p, nn_conv_chunk k, nn_real *dst, int h,
                          int w, int c);

/* Kernel rows [first, last) of the pass, by which output row `row` meets the source; the others see
 * padding, and need not be multiplied. */
typedef struct nn_conv_meeting {
    int first, last;
} nn_conv_meeting;
nn_conv_meeting nn_conv_meet(const nn_conv_pass *p, int row);

/* Elements of src that the chunk looks at, from *first on. */
size_t nn_conv_reach(const nn_real **first, const nn_conv_pass *p, nn_conv_chunk k,
                     const nn_real *src);

/* The offset of each tap, rows first: [nn_conv_taps]. */
void nn_conv_tap_offsets(ptrdiff_t *tap, const nn_conv_pass *p, const nn_conv_view *v);

/* Taps that lie side by side are one run for a matrix product: how many runs, and elements in
 * each. */
typedef struct nn_conv_runs {
    int runs, len, taps_each;
} nn_conv_runs;
nn_conv_runs nn_conv_runs_of(const nn_conv_pass *p);

#endif
