#include "runtime/kernels/conv_s8.h"

#include <string.h>

#include "runtime/real.h"

enum {
    TILE_BYTES = 16384, /* of patches: they stay in the nearest cache while weights pass by */
    TILE_MOST = 64,
    TILE_LEAST = 4,
    ALIGN = 64
};

static size_t align(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* Bytes from one patch to the next: kernels may read up to the next multiple of 4. */
static size_t patch_stride(const rt_conv_s8 *p)
{
    return ((size_t)p->k + 3) / 4 * 4;
}

void rt_conv_plan(rt_conv_s8 *p)
{
    size_t fit = TILE_BYTES / patch_stride(p);
    p->tile = fit > TILE_MOST ? TILE_MOST : fit < TILE_LEAST ? TILE_LEAST : (int32_t)(fit / 4 * 4);
    if ((size_t)p->tile > rt_window_pixels(&p->win))
        p->tile = (int32_t)rt_window_pixels(&p->win);
}

int rt_conv_tiles(const rt_conv_s8 *p)
{
    return (int)((rt_window_pixels(&p->win) + (size_t)p->tile - 1) / (size_t)p->tile);
}

/* Scratch holds the patches of a tile and the accumulators of a group. */
size_t rt_conv_scratch(const rt_conv_s8 *p)
{
    size_t tile = (size_t)p->tile, outputs = (size_t)(p->win.out_c / p->groups);
    return align(tile * patch_stride(p)) + align(tile * outputs * 4);
}

void rt_conv_fold(int32_t *bias, const int8_t *w, int rows, int k, int32_t in_zero)
{
    for (int o = 0; o < rows; o++) {
        int64_t sum = 0;
        for (int i = 0; i < k; i++)
            sum += w[(size_t)o * (size_t)k + (size_t)i];
        bias[o] = (int32_t)((uint32_t)bias[o] - (uint32_t)in_zero * (uint32_t)sum);
    }
}

/* ---- patches --------------------------------------------------------------------------------- */

/* The input's byte for real 0, as it is before flipping. */
static int fill_of(const rt_conv_s8 *p)
{
    return (p->in_zero & 0xFF) ^ p->flip;
}

/* Between int8 and uint8; bytes between the patches may be anything. */
static void flip_all(uint8_t *a, size_t n, uint8_t flip)
{
    for (size_t i = 0; i < n; i++)
        a[i] ^= flip;
}

/* Whether the input's pixels are the patches as they stand. */
static bool is_pointwise(const rt_conv_s8 *p)
{
    return p->win.k_h == 1 && p->win.k_w == 1 && p->win.stride_h == 1 && p->win.stride_w == 1 &&
           p->win.pad_top == 0 && p->win.pad_left == 0 && p->groups == 1 && p->flip == 0 &&
           p->win.in_c % 4 == 0;
}

/* -w_zero * (sum of the patch - k * in_zero) for each row: what a weight's zero point adds. */
static void add_zero_terms(const rt_conv_s8 *p, int32_t *acc, const uint8_t *a, size_t lda,
                           int rows, int n, bool unsigned_a)
{
    for (int r = 0; r < rows; r++) {
        const uint8_t *row = a + (size_t)r * lda;
        int64_t sum = 0;
        for (int32_t i = 0; i < p->k; i++)
            sum += (unsigned_a ? row[i] : (int8_t)row[i]) - p->in_zero;
        uint32_t term = (uint32_t)-p->w_zero * (uint32_t)sum;
        for (int c = 0; c < n; c++)
            acc[(size_t)r * (size_t)n + (size_t)c] =
                (int32_t)((uint32_t)acc[(size_t)r * (size_t)n + (size_t)c] + term);
    }
}

/* round(acc * factor), halves away from zero, as the reference's dense layer does since LiteRT
 * 1.3. */
static void rescale_in_double(uint8_t *out, const int32_t *acc, int n, const rt_conv_s8 *p)
{
    for (int c = 0; c < n; c++) {
        int64_t v = rt_round((double)acc[c] * p->factor[c]) + p->requant.zero;
        out[c] = (uint8_t)rt_clamp(v, p->requant.lo, p->requant.hi);
    }
}

/* ---- one tile -------------------------------------------------------------------------------- */

static void run_group(const rt_conv_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                      uint8_t *out, size_t first, int rows, int g, uint8_t *scratch)
{
    int n = p->win.out_c / p->groups;
    size_t lda = patch_stride(p);
    int32_t *acc = (int32_t *)(void *)(scratch + align((size_t)p->tile * lda));
    const uint8_t *a = scratch;
    if (is_pointwise(p)) {
        a = in + first * (size_t)p->win.in_c;
        lda = (size_t)p->win.in_c;
    } else {
        for (int r = 0; r < rows; r++)
            rt_window_gather(&p->win, p->groups, 1, fill_of(p), scratch + (size_t)r * lda, in,
                             first + (size_t)r, g);
        if (p->flip != 0)
            flip_all(scratch, (size_t)rows * lda, p->flip);
    }
    const int32_t *bias = p->bias + (size_t)g * (size_t)n;
    kernels->gemm(acc, a, lda, rows, (const uint8_t *)p->weights + (size_t)g * p->weight_bytes, n,
                  p->k, bias);
    if (p->w_zero != 0)
        add_zero_terms(p, acc, a, lda, rows, n, kernels->unsigned_a);
    rt_requant_rows requant = p->requant;
    if (p->factor == NULL) {
        requant.mult += (size_t)g * (size_t)n;
        requant.shift += (size_t)g * (size_t)n;
    }
    for (int r = 0; r < rows; r++) {
        uint8_t *to = out + (first + (size_t)r) * (size_t)p->win.out_c + (size_t)g * (size_t)n;
        const int32_t *from = acc + (size_t)r * (size_t)n;
        if (p->factor != NULL)
            rescale_in_double(to, from, n, p);
        else
            kernels->requant(to, from, n, &requant);
    }
}

void rt_conv_run(const rt_conv_s8 *p, const rt_kernels *kernels, const uint8_t *in, uint8_t *out,
                 int t, void *scratch)
{
    size_t first = (size_t)t * (size_t)p->tile, left = rt_window_pixels(&p->win) - first;
    int rows = left < (size_t)p->tile ? (int)left : p->tile;
    for (int g = 0; g < p->groups; g++)
        run_group(p, kernels, in, out, first, rows, g, scratch);
}
