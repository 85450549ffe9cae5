#include "runtime/kernels/dwconv_f32.h"

/* m outputs of each of c channels. */
static void add_tap(float *sum, const float *x, const float *w, int32_t c, int32_t m)
{
    if (m == 1) {
        for (int32_t i = 0; i < c; i++)
            sum[i] += x[i] * w[i];
        return;
    }
    for (int32_t i = 0; i < c; i++)
        for (int32_t j = 0; j < m; j++)
            sum[i * m + j] += x[i] * w[i * m + j];
}

static void add_taps(const rt_window *win, float *sum, const float *image, const float *w,
                     int32_t top, int32_t left)
{
    for (int32_t ky = 0; ky < win->k_h; ky++)
        for (int32_t kx = 0; kx < win->k_w; kx++) {
            int32_t y = top + ky * win->dilation_h, x = left + kx * win->dilation_w;
            if (y < 0 || y >= win->in_h || x < 0 || x >= win->in_w)
                continue;
            size_t pixel = (size_t)y * (size_t)win->in_w + (size_t)x;
            size_t tap = (size_t)ky * (size_t)win->k_w + (size_t)kx;
            add_tap(sum, image + pixel * (size_t)win->in_c, w + tap * (size_t)win->out_c, win->in_c,
                    win->out_c / win->in_c);
        }
}

void rt_dwconv_f32_run(const rt_dwconv_f32 *p, const float *in, const float *w, const float *bias,
                       float *out, int row)
{
    const rt_window *win = &p->win;
    size_t image_size = (size_t)win->in_h * (size_t)win->in_w * (size_t)win->in_c;
    const float *image = in + (size_t)(row / win->out_h) * image_size;
    int32_t top = row % win->out_h * win->stride_h - win->pad_top;
    float *to = out + (size_t)row * (size_t)win->out_w * (size_t)win->out_c;
    for (int32_t x = 0; x < win->out_w; x++, to += win->out_c) {
        for (int32_t c = 0; c < win->out_c; c++)
            to[c] = 0;
        add_taps(win, to, image, w, top, x * win->stride_w - win->pad_left);
        for (int32_t c = 0; c < win->out_c; c++) {
            float v = to[c] + (bias != NULL ? bias[c] : 0);
            to[c] = v < p->lo ? p->lo : v > p->hi ? p->hi : v;
        }
    }
}
