#include "runtime/kernels/dwconv_s8.h"

#include <string.h>

enum { MOST = 32 };

int rt_dwconv_rows(const rt_dwconv_s8 *p)
{
    return p->win.n * p->win.out_h;
}

size_t rt_dwconv_scratch(const rt_dwconv_s8 *p)
{
    return (size_t)p->win.out_c * sizeof(int32_t);
}

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

void rt_dwconv_run(const rt_dwconv_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                   uint8_t *out, int row, void *scratch)
{
    size_t c = (size_t)p->win.out_c;
    const uint8_t *image = in + (size_t)(row / p->win.out_h) * (size_t)p->win.in_h *
                                    (size_t)p->win.in_w * (size_t)p->win.in_c;
    int32_t top = row % p->win.out_h * p->win.stride_h - p->win.pad_top;
    uint8_t *to = out + (size_t)row * (size_t)p->win.out_w * c;
    for (int32_t x = 0; x < p->win.out_w; x++, to += c) {
        memcpy(scratch, p->bias, c * sizeof *p->bias);
        add_taps(p, kernels, scratch, image, top, x * p->win.stride_w - p->win.pad_left);
        kernels->requant(to, scratch, (int)c, &p->requant);
    }
}
