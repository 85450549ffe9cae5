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

static void add(int32_t *sum, const uint8_t *x, int32_t c, bool unsigned_x)
{
    if (unsigned_x)
        for (int32_t i = 0; i < c; i++)
            sum[i] += x[i];
    else
        for (int32_t i = 0; i < c; i++)
            sum[i] += (int8_t)x[i];
}

static void raise(int32_t *most, const uint8_t *x, int32_t c, bool unsigned_x)
{
    for (int32_t i = 0; i < c; i++) {
        int32_t v = unsigned_x ? x[i] : (int8_t)x[i];
        most[i] = v > most[i] ? v : most[i];
    }
}

static void store(const rt_pool_s8 *p, uint8_t *to, const int32_t *v)
{
    for (int32_t i = 0; i < p->win.out_c; i++)
        to[i] = (uint8_t)(v[i] < p->lo ? p->lo : v[i] > p->hi ? p->hi : v[i]);
}

void rt_average_pool_run(const rt_pool_s8 *p, const uint8_t *in, uint8_t *out, int row,
                         int32_t *scratch)
{
    uint8_t *to = out + (size_t)row * (size_t)p->win.out_w * (size_t)p->win.out_c;
    for (int32_t x = 0; x < p->win.out_w; x++, to += p->win.out_c) {
        part w = clip(p, in, row, x);
        memset(scratch, 0, (size_t)p->win.out_c * sizeof *scratch);
        for (int32_t y = w.top; y < w.bottom; y++)
            for (int32_t at = w.left; at < w.right; at++)
                add(scratch, pixel(p, &w, y, at), p->win.out_c, p->unsigned_x);
        int32_t taps = (w.bottom - w.top) * (w.right - w.left);
        for (int32_t i = 0; i < p->win.out_c; i++)
            scratch[i] = (scratch[i] > 0 ? scratch[i] + taps / 2 : scratch[i] - taps / 2) / taps;
        store(p, to, scratch);
    }
}

void rt_max_pool_run(const rt_pool_s8 *p, const uint8_t *in, uint8_t *out, int row,
                     int32_t *scratch)
{
    uint8_t *to = out + (size_t)row * (size_t)p->win.out_w * (size_t)p->win.out_c;
    for (int32_t x = 0; x < p->win.out_w; x++, to += p->win.out_c) {
        part w = clip(p, in, row, x);
        for (int32_t i = 0; i < p->win.out_c; i++)
            scratch[i] = -128; /* below every code of either type */
        for (int32_t y = w.top; y < w.bottom; y++)
            for (int32_t at = w.left; at < w.right; at++)
                raise(scratch, pixel(p, &w, y, at), p->win.out_c, p->unsigned_x);
        store(p, to, scratch);
    }
}
