#include "runtime/kernels/window.h"

#include <string.h>

/* The taps kx in [*begin, *end) of a row that lie within the image when the row starts at `left`.
 * In 64 bits: dilation and border are as large as the file says. */
static void clip(const rt_window *w, int32_t left, int32_t *begin, int32_t *end)
{
    int64_t d = w->dilation_w, room = (int64_t)w->in_w - left; /* to the image's right edge */
    int64_t first = left >= 0 ? 0 : (d - 1 - left) / d, past = room <= 0 ? 0 : (room + d - 1) / d;
    *end = past > w->k_w ? w->k_w : (int32_t)past;
    *begin = first > *end ? *end : (int32_t)first;
}

/* One row of taps: k_w pieces of `piece` bytes from pixels of `pixel` bytes, the outer ones
 * filled. */
static void gather_row(const rt_window *w, uint8_t *to, const uint8_t *row, int32_t left,
                       size_t piece, size_t pixel, int fill)
{
    int32_t begin, end;
    clip(w, left, &begin, &end);
    memset(to, fill, (size_t)begin * piece);
    memset(to + (size_t)end * piece, fill, (size_t)(w->k_w - end) * piece);
    if (w->dilation_w == 1 && piece == pixel) {
        if (end > begin)
            memcpy(to + (size_t)begin * piece, row + (size_t)(left + begin) * pixel,
                   (size_t)(end - begin) * piece);
        return;
    }
    for (int32_t kx = begin; kx < end; kx++)
        memcpy(to + (size_t)kx * piece, row + (size_t)(left + kx * w->dilation_w) * pixel, piece);
}

void rt_window_gather(const rt_window *w, int groups, size_t each, int fill, uint8_t *to,
                      const uint8_t *in, size_t pixel, int group)
{
    int32_t x = (int32_t)(pixel % (size_t)w->out_w);
    size_t rest = pixel / (size_t)w->out_w;
    int32_t y = (int32_t)(rest % (size_t)w->out_h);
    size_t bytes = (size_t)w->in_c * each, line = (size_t)w->in_w * bytes;
    size_t piece = (size_t)(w->in_c / groups) * each, row = (size_t)w->k_w * piece;
    const uint8_t *image =
        in + rest / (size_t)w->out_h * (size_t)w->in_h * line + (size_t)group * piece;
    int32_t top = y * w->stride_h - w->pad_top, left = x * w->stride_w - w->pad_left;
    for (int32_t ky = 0; ky < w->k_h; ky++, to += row) {
        int32_t at = top + ky * w->dilation_h;
        if (at < 0 || at >= w->in_h)
            memset(to, fill, row);
        else
            gather_row(w, to, image + (size_t)at * line, left, piece, bytes, fill);
    }
}
