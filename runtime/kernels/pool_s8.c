#include "runtime/kernels/pool_s8.h"

#include <string.h>

/* The part of a window that lies within the image. */
typedef struct part {
    int32_t top, bottom, left, right; /* bottom and right exclusive */
    const uint8_t *image;
} part;

static part clip(const rt_pool_s8 *p, const uint8_t *in, int row, int32_t x)
{
    int32_t top = row % p->win.out_h * p->win.stride_h - p->win.pad_top,
            left = x * p->win.stride_w - p->win.pad_left;
    part w;
    w.image = in + (size_t)(row / p->win.out_h) * (size_t)p->win.in_h * (size_t)p->win.in_w *
                       (size_t)p->win.out_c;
    w.top = top > 0 ? top : 0;
    w.left = left > 0 ? left : 0;
    w.bottom = p->win.in_h - top < p->win.k_h ? p->win.in_h : top + p->win.k_h;
    w.right = p->win.in_w - left < p->win.k_w ? p->win.in_w : left + p->win.k_w;
    return w;
}

static const uint8_t *pixel(const rt_pool_s8 *p, const part *w, int32_t y, int32_t x)
{
    return w->image + ((size_t)y * (size_t)p->win.in_w + (size_t)x) * (size_t)p->win.out_c;
}

static void store(const rt_pool_s8 *p, uint8_t *to, const int32_t *v)
{
    for (int32_t i = 0; i < p->win.out_c; i++)
        to[i] = (uint8_t)(v[i] < p->lo ? p->lo : v[i] > p->hi ? p->hi : v[i]);
}

void rt_average_pool_run(const rt_pool_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                         uint8_t *out, int row, int32_t *scratch)
{
    uint8_t *to = out + (size_t)row * (size_t)p->win.out_w * (size_t)p->win.out_c;
    for (int32_t x = 0; x < p->win.out_w; x++, to += p->win.out_c) {
        part w = clip(p, in, row, x);
        memset(scratch, 0, (size_t)p->win.out_c * sizeof *scratch);
        for (int32_t y = w.top; y < w.bottom; y++)
            kernels->sum(scratch, pixel(p, &w, y, w.left), (size_t)(w.right - w.left),
                         (size_t)p->win.out_c, p->win.out_c, p->unsigned_x);
        int32_t taps = (w.bottom - w.top) * (w.right - w.left);
        for (int32_t i = 0; i < p->win.out_c; i++)
            scratch[i] = (scratch[i] > 0 ? scratch[i] + taps / 2 : scratch[i] - taps / 2) / taps;
        store(p, to, scratch);
    }
}

/* Codes between lo and hi, in place. */
static void clamp(const rt_pool_s8 *p, uint8_t *codes)
{
    for (int32_t i = 0; i < p->win.out_c; i++) {
        int32_t v = p->unsigned_x ? codes[i] : (int8_t)codes[i];
        codes[i] = (uint8_t)(v < p->lo ? p->lo : v > p->hi ? p->hi : v);
    }
}

void rt_max_pool_run(const rt_pool_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                     uint8_t *out, int row, int32_t *scratch)
{
    (void)scratch;
    const bool whole = p->unsigned_x ? p->lo <= 0 && p->hi >= 255 : p->lo <= -128 && p->hi >= 127;
    uint8_t *to = out + (size_t)row * (size_t)p->win.out_w * (size_t)p->win.out_c;
    for (int32_t x = 0; x < p->win.out_w; x++, to += p->win.out_c) {
        part w = clip(p, in, row, x);
        memcpy(to, pixel(p, &w, w.top, w.left), (size_t)p->win.out_c);
        for (int32_t y = w.top; y < w.bottom; y++)
            kernels->max(to, pixel(p, &w, y, w.left), (size_t)(w.right - w.left),
                         (size_t)p->win.out_c, p->win.out_c, p->unsigned_x ? 0x80 : 0);
        if (!whole)
            clamp(p, to);
    }
}
