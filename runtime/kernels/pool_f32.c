#include "runtime/kernels/pool_f32.h"

static void add_tap(const rt_pool_f32 *p, float *sum, const float *x)
{
    int32_t c = p->win.out_c;
    if (p->largest)
        for (int32_t i = 0; i < c; i++)
            sum[i] = x[i] > sum[i] ? x[i] : sum[i];
    else
        for (int32_t i = 0; i < c; i++)
            sum[i] += x[i];
}

/* The taps of a window that begins at (top, left); returns how many lie within the image. */
static int32_t add_taps(const rt_pool_f32 *p, float *sum, const float *image, int32_t top,
                        int32_t left)
{
    const rt_window *win = &p->win;
    int32_t first_y = top > 0 ? top : 0, first_x = left > 0 ? left : 0;
    int32_t end_y = win->in_h - top < win->k_h ? win->in_h : top + win->k_h;
    int32_t end_x = win->in_w - left < win->k_w ? win->in_w : left + win->k_w;
    for (int32_t y = first_y; y < end_y; y++)
        for (int32_t x = first_x; x < end_x; x++)
            add_tap(p, sum,
                    image + ((size_t)y * (size_t)win->in_w + (size_t)x) * (size_t)win->in_c);
    return (end_y - first_y) * (end_x - first_x);
}

void rt_pool_f32_run(const rt_pool_f32 *p, const float *in, float *out, int row)
{
    const rt_window *win = &p->win;
    size_t image_size = (size_t)win->in_h * (size_t)win->in_w * (size_t)win->in_c;
    const float *image = in + (size_t)(row / win->out_h) * image_size;
    float *to = out + (size_t)row * (size_t)win->out_w * (size_t)win->out_c;
    int32_t top = row % win->out_h * win->stride_h - win->pad_top;
    for (int32_t x = 0; x < win->out_w; x++, to += win->out_c) {
        for (int32_t c = 0; c < win->out_c; c++)
            to[c] = p->largest ? -3.402823466e38f : 0;
        int32_t taps = add_taps(p, to, image, top, x * win->stride_w - win->pad_left);
        for (int32_t c = 0; c < win->out_c; c++) {
            float v = p->largest ? to[c] : to[c] / (float)taps;
            to[c] = v < p->lo ? p->lo : v > p->hi ? p->hi : v;
        }
    }
}
