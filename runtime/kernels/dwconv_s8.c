#include "runtime/kernels/dwconv_s8.h"

#include <string.h>

#include "runtime/kernels/cut.h"

enum {
    MOST = 32, /* taps at a time */
    ALIGN = 64,
    GRAIN = 1 << 17,        /* multiply-accumulates that are worth a block of their own, */
    SHARED_GRAIN = 1 << 16, /* where others could take the next block, */
    LEAST_GRAIN = 1 << 15,  /* of a block that is there only so that each worker has one */
    MOST_TAPS = 16,         /* of a filter's side, for dw_rows */
    MOST_ROWS = 64,         /* of the image behind a block, likewise */
    MOST_COLUMNS = 4096     /* of the image with its border, likewise */
};

bool rt_dwconv_by_row(const rt_dwconv_s8 *p, const rt_kernels *kernels)
{
    const rt_window *w = &p->win;
    return kernels->dw_rows != NULL && p->multiplier == 1 && p->requant.narrow &&
           w->k_h <= MOST_TAPS && w->dilation_h == 1 && w->pad_left <= MOST_COLUMNS &&
           w->dilation_w <= MOST_COLUMNS && w->k_w <= MOST_TAPS && w->stride_w <= MOST_TAPS &&
           w->stride_h <= MOST_TAPS && w->out_w <= MOST_COLUMNS;
}

void rt_dwconv_plan(rt_dwconv_s8 *p, int workers)
{
    const rt_window *w = &p->win;
    uint64_t row = (uint64_t)w->out_w * (uint64_t)w->out_c * (uint64_t)(w->k_h * w->k_w);
    uint64_t rows = (workers > 1 ? SHARED_GRAIN : GRAIN) / row + 1;
    uint64_t most = (uint64_t)(MOST_ROWS - MOST_TAPS) / (uint64_t)w->stride_h + 1;
    uint64_t macs = row * (uint64_t)w->n * (uint64_t)w->out_h;
    p->tile_h = rt_cut_shared(w->out_h, rows > most ? most : rows,
                              rt_cut_hands(macs, LEAST_GRAIN, workers));
}

static int blocks_of_image(const rt_dwconv_s8 *p)
{
    return rt_cut_count(p->win.out_h, p->tile_h);
}

int rt_dwconv_blocks(const rt_dwconv_s8 *p)
{
    return p->win.n * blocks_of_image(p);
}

/* ---- whole rows ------------------------------------------------------------------------------ */

/* What the rows have in common. */
static rt_dwrow row_of(const rt_dwconv_s8 *p)
{
    return (rt_dwrow){ .in_w = p->win.in_w,
                       .in_step = p->win.stride_h,
                       .channels = p->win.in_c,
                       .k_h = p->win.k_h,
                       .k_w = p->win.k_w,
                       .stride = p->win.stride_w,
                       .dilation = p->win.dilation_w,
                       .pad = p->win.pad_left,
                       .pixels = p->win.out_w,
                       .fill = (uint8_t)p->in_zero,
                       .flip = p->flip,
                       .w = p->packed,
                       .bias = p->bias,
                       .requant = &p->requant };
}

size_t rt_dwconv_packed_bytes(const rt_dwconv_s8 *p, const rt_kernels *kernels)
{
    const rt_dwrow d = row_of(p);
    return kernels->dw_bytes(&d);
}

void rt_dwconv_pack(const rt_dwconv_s8 *p, const rt_kernels *kernels, void *packed, const int8_t *w)
{
    const rt_dwrow d = row_of(p);
    kernels->dw_pack(packed, w, &d);
}

static void run_rows(const rt_dwconv_s8 *p, const rt_kernels *kernels, const uint8_t *image,
                     uint8_t *out, int32_t y, int32_t rows, void *scratch)
{
    const uint8_t *in[MOST_ROWS];
    int32_t top = y * p->win.stride_h - p->win.pad_top;
    int32_t lines = (rows - 1) * p->win.stride_h + p->win.k_h;
    size_t line = (size_t)p->win.in_w * (size_t)p->win.in_c;
    for (int32_t i = 0; i < lines; i++)
        in[i] = top + i < 0 || top + i >= p->win.in_h ? NULL : image + (size_t)(top + i) * line;
    rt_dwrow d = row_of(p);
    d.in = in;
    d.rows = rows;
    d.out = out;
    d.scratch = scratch;
    kernels->dw_rows(&d);
}

size_t rt_dwconv_scratch(const rt_dwconv_s8 *p, const rt_kernels *kernels)
{
    if (p->packed == NULL)
        return (size_t)p->win.out_c * sizeof(int32_t);
    const rt_dwrow d = row_of(p);
    return kernels->dw_scratch(&d) + ALIGN;
}

/* ---- tap by tap ------------------------------------------------------------------------------ */

/* A tap where every input channel feeds several outputs. */
static void spread_tap(const rt_dwconv_s8 *p, int32_t *acc, const uint8_t *x, const int16_t *w)
{
    for (int32_t i = 0; i < p->win.in_c; i++) {
        int32_t v = (p->unsigned_x ? x[i] : (int8_t)x[i]) - p->in_zero;
        for (int32_t j = 0; j < p->multiplier; j++, acc++, w++)
            *acc = (int32_t)((uint32_t)*acc + (uint32_t)(v * *w));
    }
}

/* Taps that the kernel is given at a time. */
typedef struct taps {
    const uint8_t *x[MOST];
    const int16_t *w[MOST];
    int count;
} taps;

static void flush(const rt_dwconv_s8 *p, const rt_kernels *kernels, int32_t *acc, taps *t)
{
    if (p->multiplier == 1)
        kernels->dwconv(acc, t->x, t->w, t->count, p->unsigned_x, p->in_zero, p->win.in_c);
    else
        for (int i = 0; i < t->count; i++)
            spread_tap(p, acc, t->x[i], t->w[i]);
    t->count = 0;
}

/* The taps of one output pixel whose window starts at (top, left) of `image`. */
static void add_taps(const rt_dwconv_s8 *p, const rt_kernels *kernels, int32_t *acc,
                     const uint8_t *image, int32_t top, int32_t left)
{
    size_t c = (size_t)p->win.out_c;
    taps t;
    t.count = 0;
    for (int32_t ky = 0; ky < p->win.k_h; ky++) {
        int32_t y = top + ky * p->win.dilation_h;
        if (y < 0 || y >= p->win.in_h)
            continue;
        for (int32_t kx = 0; kx < p->win.k_w; kx++) {
            int32_t x = left + kx * p->win.dilation_w;
            if (x < 0 || x >= p->win.in_w)
                continue;
            t.w[t.count] = p->weights + ((size_t)ky * (size_t)p->win.k_w + (size_t)kx) * c;
            t.x[t.count++] =
                image + ((size_t)y * (size_t)p->win.in_w + (size_t)x) * (size_t)p->win.in_c;
            if (t.count == MOST)
                flush(p, kernels, acc, &t);
        }
    }
    flush(p, kernels, acc, &t);
}

static void run_pixels(const rt_dwconv_s8 *p, const rt_kernels *kernels, const uint8_t *image,
                       uint8_t *out, int32_t y, void *scratch)
{
    size_t c = (size_t)p->win.out_c;
    int32_t top = y * p->win.stride_h - p->win.pad_top;
    for (int32_t x = 0; x < p->win.out_w; x++, out += c) {
        memcpy(scratch, p->bias, c * sizeof *p->bias);
        add_taps(p, kernels, scratch, image, top, x * p->win.stride_w - p->win.pad_left);
        kernels->requant(out, scratch, (int)c, &p->requant);
    }
}

void rt_dwconv_run(const rt_dwconv_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                   uint8_t *out, int t, void *scratch)
{
    const rt_window *w = &p->win;
    int32_t image = t / blocks_of_image(p), y = t % blocks_of_image(p) * p->tile_h;
    int32_t end = w->out_h - y < p->tile_h ? w->out_h : y + p->tile_h;
    const uint8_t *from = in + (size_t)image * (size_t)w->in_h * (size_t)w->in_w * (size_t)w->in_c;
    void *aligned = (uint8_t *)scratch + (ALIGN - (uintptr_t)scratch % ALIGN) % ALIGN;
    size_t row = (size_t)w->out_w * (size_t)w->out_c;
    uint8_t *to = out + ((size_t)image * (size_t)w->out_h + (size_t)y) * row;
    if (p->packed != NULL)
        run_rows(p, kernels, from, to, y, end - y, aligned);
    for (; p->packed == NULL && y < end; y++, to += row)
        run_pixels(p, kernels, from, to, y, scratch);
}
