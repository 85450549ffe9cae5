#include "nn/kernels/conv.h"

#include <limits.h>
#include <string.h>

#include "nn/kernels/kernels.h"

enum {
    MOST_PIXELS = 1024, /* a chunk: enough rows for full tiles and little halo ... */
    LEAST_PIXELS = 64,
    WANTED_CHUNKS = 32,    /* ... and enough chunks for the threads of a workstation */
    MOST_COPY = 64 * 1024, /* elements: a quarter of a 1 MB second-level cache */
    /* Weights that the second-level cache does not hold come from further away for every chunk:
     * it must be worth it. */
    LONG_K = 2048,
    LONG_PIXELS = 200,
    LONG_COPY = 256 * 1024,
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}
static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static int gcd(int a, int b)
{
    return b == 0 ? a : gcd(b, a % b);
}

/* ---- axes ------------------------------------------------------------------------------------ */

static int offset(const nn_conv_axis *a, int tap)
{
    return a->off_first + tap * a->off_step;
}

/* True if some output meets the source through this tap. */
static bool meets(const nn_conv_axis *a, int tap)
{
    const int off = offset(a, tap);
    const int first = off < 0 ? divide_up(-off, a->step) : 0; /* output that is not before it */
    return first < a->out && (long long)first * a->step + off < a->src;
}

/* Drops the taps at both ends that see padding only, so that a view is never much larger than its
 * source, whatever the dilation. */
static nn_conv_axis trim(nn_conv_axis a)
{
    while (a.taps > 0 && !meets(&a, a.taps - 1))
        a.taps--;
    while (a.taps > 0 && !meets(&a, 0)) {
        a.taps--;
        a.off_first += a.off_step;
        a.k_first += a.k_step;
    }
    return a;
}

static nn_conv_axis axis_forward(int src, int out, int kernel, int stride, int dilation, int pad)
{
    return trim((nn_conv_axis){
        .src = src,
        .out = out,
        .dst_step = 1,
        .step = stride,
        .taps = kernel,
        .off_first = -pad,
        .off_step = dilation,
        .k_step = 1,
    });
}

/* Gradient with respect to positions first, first + stride, ... of the source.  Tap k of output q
 * reads position q * stride - pad + k * dilation, so position p meets q = (p + pad - k dilation) /
 * stride for those k that leave no remainder: every stride / gcd(stride, dilation)-th. */
static nn_conv_axis axis_backward(int src, int out, int kernel, int stride, int dilation, int pad,
                                  int first)
{
    const int every = stride / gcd(stride, dilation);
    int k = 0;
    while (k < smaller(kernel, every) && (first + pad - k * dilation) % stride != 0)
        k++;
    return trim((nn_conv_axis){
        .src = out,
        .out = divide_up(src - first, stride),
        .dst_first = first,
        .dst_step = stride,
        .step = 1,
        .taps = k < smaller(kernel, every) ? divide_up(kernel - k, every) : 0,
        .off_first = (first + pad - k * dilation) / stride,
        .off_step = -(every * dilation / stride),
        .k_first = k,
        .k_step = every,
    });
}

static int lowest(const nn_conv_axis *a)
{
    return a->taps == 0 ? 0 : smaller(offset(a, 0), offset(a, a->taps - 1));
}
static int highest(const nn_conv_axis *a)
{
    return a->taps == 0 ? 0 : larger(offset(a, 0), offset(a, a->taps - 1));
}

/* Source positions that `out` outputs look at, from the first to the last. */
static int reach(const nn_conv_axis *a, int out)
{
    return (out - 1) * a->step + highest(a) - lowest(a) + 1;
}

static bool leaves(const nn_conv_axis *a)
{
    return lowest(a) < 0 || lowest(a) + reach(a, a->out) > a->src;
}

/* ---- passes and chunks ----------------------------------------------------------------------- */

/* How the rows, and images, of a chunk become fewer while its copy is too large. */
typedef int lessen(int n);

static int halve(int n)
{
    return (n + 1) / 2;
}

static int less_one(int n)
{
    return n - 1;
}

/* Chunks of about 1/32 of the work, within bounds, the copy of which stays in the cache. */
static nn_conv_pass cut_by(nn_conv_pass p, lessen *less)
{
    const bool moves = p.repeat > 1 || (p.planar && p.c > 1);
    p.copy = nn_conv_taps(&p) > 0 && (leaves(&p.h) || leaves(&p.w) || moves);
    p.view_w = reach(&p.w, p.w.out);
    const bool is_long = (long long)nn_conv_taps(&p) * p.c > LONG_K;
    const int least = is_long ? LONG_PIXELS : LEAST_PIXELS;
    const int most_copy = is_long ? LONG_COPY : MOST_COPY;
    const long long image = (long long)p.h.out * p.w.out, share = image * p.n / WANTED_CHUNKS;
    const int pixels = (int)(share < least ? least : share > MOST_PIXELS ? MOST_PIXELS : share);
    const long long view_row = (long long)p.view_w * p.c * p.repeat;
    p.rows = smaller(p.h.out, larger(1, pixels / p.w.out));
    while (p.copy && p.rows > 1 && view_row * reach(&p.h, p.rows) > most_copy)
        p.rows = less(p.rows);
    p.images = 1;
    if (p.rows == p.h.out)
        p.images = smaller(p.n, larger(1, (int)(pixels / image)));
    while (p.copy && p.images > 1 && view_row * reach(&p.h, p.rows) * p.images > most_copy)
        p.images = less(p.images);
    p.view_h = reach(&p.h, p.rows);
    p.chunks = divide_up(p.n, p.images) * divide_up(p.h.out, p.rows);
    return p;
}

static nn_conv_pass cut(nn_conv_pass p)
{
    return cut_by(p, halve);
}

/* A smaller batch begins with a smaller chunk, but may not have to halve it: five images that are
 * too many become three, four that fit stay four.  None has more than what just fits. */
nn_conv_pass nn_conv_largest(nn_conv_pass p)
{
    const long long rows = (long long)p.n * p.h.out;
    p = cut_by(p, less_one);
    p.chunks = (int)(rows < INT_MAX ? rows : INT_MAX); /* of one row */
    return p;
}

nn_conv_pass nn_conv_forward(const nn_conv_geom *g, int repeat)
{
    return cut((nn_conv_pass){
        .h = axis_forward(g->h, g->oh, g->kh, g->stride_h, g->dil_h, g->pad_t),
        .w = axis_forward(g->w, g->ow, g->kw, g->stride_w, g->dil_w, g->pad_l),
        .n = g->n,
        .c = g->c,
        .repeat = repeat,
    });
}

int nn_conv_phases(const nn_conv_geom *g)
{
    return smaller(g->stride_h, g->h) * smaller(g->stride_w, g->w);
}

nn_conv_pass nn_conv_backward(const nn_conv_geom *g, int phase)
{
    const int wide = smaller(g->stride_w, g->w), i = phase / wide, j = phase % wide;
    return cut((nn_conv_pass){
        .h = axis_backward(g->h, g->oh, g->kh, g->stride_h, g->dil_h, g->pad_t, i),
        .w = axis_backward(g->w, g->ow, g->kw, g->stride_w, g->dil_w, g->pad_l, j),
        .n = g->n,
        .c = g->o,
        .repeat = 1,
    });
}

nn_conv_pass nn_conv_by_planes(nn_conv_pass p)
{
    p.planar = true;
    return cut(p);
}

nn_conv_chunk nn_conv_chunk_at(const nn_conv_pass *p, int index)
{
    const int bands = divide_up(p->h.out, p->rows);
    const int image = index / bands * p->images, row = index % bands * p->rows;
    return (nn_conv_chunk){
        .image = image,
        .images = smaller(p->images, p->n - image),
        .row = row,
        .rows = smaller(p->rows, p->h.out - row),
    };
}

size_t nn_conv_pixels(const nn_conv_pass *p)
{
    return (size_t)p->images * (size_t)p->rows * (size_t)p->w.out;
}

size_t nn_conv_copy_count(const nn_conv_pass *p)
{
    if (!p->copy)
        return 0;
    return (size_t)p->images * (size_t)p->view_h * (size_t)p->view_w * (size_t)p->c *
           (size_t)p->repeat;
}

/* ---- views ----------------------------------------------------------------------------------- */

static void copy_pixels(nn_real *to, const nn_real *from, size_t count, int repeat)
{
    if (repeat == 1) {
        memcpy(to, from, count * sizeof *to);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (int r = 0; r < repeat; r++)
            *to++ = from[i];
}

/* The part of a view's row that lies within the source: positions [first, last). */
typedef struct extent {
    int first, last;
} extent;

static extent inside(const nn_conv_pass *p, int y)
{
    const int lo = lowest(&p->w), first = smaller(p->view_w, larger(0, -lo));
    const int last = larger(first, smaller(p->view_w, p->w.src - lo));
    return y < 0 || y >= p->h.src ? (extent){ 0, 0 } : (extent){ first, last };
}

/* What position e.first of a view's row sees. */
static const nn_real *seen(const nn_conv_pass *p, const nn_real *image, int y, extent e)
{
    return image + ((ptrdiff_t)y * p->w.src + lowest(&p->w) + e.first) * p->c;
}

/* One row of a view, from source row y (which may lie outside). */
static void copy_row(nn_real *to, const nn_conv_pass *p, const nn_real *image, int y)
{
    const size_t c = (size_t)p->c, wide = c * (size_t)p->repeat;
    const extent e = inside(p, y);
    const size_t first = (size_t)e.first, last = (size_t)e.last;
    memset(to, 0, first * wide * sizeof *to);
    if (last > first)
        copy_pixels(to + first * wide, seen(p, image, y, e), (last - first) * c, p->repeat);
    memset(to + last * wide, 0, ((size_t)p->view_w - last) * wide * sizeof *to);
}

/* The same, each channel to its plane. */
static void spread_row(nn_real *to, ptrdiff_t plane, const nn_conv_pass *p, const nn_real *image,
                       int y)
{
    const extent e = inside(p, y);
    for (int c = 0; c < p->c; c++) {
        nn_real *row = to + c * plane;
        memset(row, 0, (size_t)e.first * sizeof *row);
        memset(row + e.last, 0, (size_t)(p->view_w - e.last) * sizeof *row);
    }
    if (e.last > e.first)
        nn_kernel.transpose(to + e.first, plane, seen(p, image, y, e), p->c, p->c,
                            e.last - e.first);
}

static nn_conv_view copy_planes(const nn_conv_pass *p, nn_conv_chunk k, const nn_real *src,
                                nn_real *copy)
{
    const ptrdiff_t plane = (ptrdiff_t)p->view_h * p->view_w, image = plane * p->c;
    const ptrdiff_t source = (ptrdiff_t)p->h.src * p->w.src * p->c;
    const int y0 = k.row * p->h.step + lowest(&p->h);
    for (int m = 0; m < k.images; m++)
        for (int y = 0; y < p->view_h; y++)
            spread_row(copy + m * image + (ptrdiff_t)y * p->view_w, plane, p,
                       src + (k.image + m) * source, y0 + y);
    return (nn_conv_view){
        .base = copy,
        .image = image,
        .row = (ptrdiff_t)p->view_w * p->h.step,
        .pixel = p->w.step,
        .tap_row = p->view_w,
        .tap_pixel = 1,
        .channel = plane,
    };
}

static nn_conv_view view_of(const nn_conv_pass *p, const nn_real *base, int h, int w)
{
    const ptrdiff_t pixel = (ptrdiff_t)p->c * p->repeat, row = pixel * w;
    return (nn_conv_view){
        .base = base,
        .image = row * h,
        .row = row * p->h.step,
        .pixel = pixel * p->w.step,
        .tap_row = row,
        .tap_pixel = pixel,
        .channel = 1,
    };
}

nn_conv_view nn_conv_look(const nn_conv_pass *p, nn_conv_chunk k, const nn_real *src, nn_real *copy)
{
    const ptrdiff_t plane = (ptrdiff_t)p->h.src * p->w.src * p->c;
    const int y0 = k.row * p->h.step + lowest(&p->h);
    const nn_real *image = src + k.image * plane;
    if (!p->copy)
        return view_of(p, image + ((ptrdiff_t)y0 * p->w.src + lowest(&p->w)) * p->c, p->h.src,
                       p->w.src);
    if (p->planar)
        return copy_planes(p, k, src, copy);
    const ptrdiff_t row = (ptrdiff_t)p->view_w * p->c * p->repeat;
    for (int m = 0; m < k.images; m++)
        for (int y = 0; y < p->view_h; y++)
            copy_row(copy + ((ptrdiff_t)m * p->view_h + y) * row, p, image + m * plane, y0 + y);
    return view_of(p, copy, p->view_h, p->view_w);
}

void nn_conv_sources(const nn_real **at, const nn_conv_pass *p, nn_conv_chunk k,
                     const nn_conv_view *v)
{
    for (int m = 0; m < k.images; m++)
        for (int i = 0; i < k.rows; i++)
            for (int j = 0; j < p->w.out; j++)
                *at++ = v->base + m * v->image + i * v->row + j * v->pixel;
}

void nn_conv_targets(nn_real **at, const nn_conv_pass *p, nn_conv_chunk k, nn_real *dst, int h,
                     int w, int c)
{
    for (int m = k.image; m < k.image + k.images; m++)
        for (int i = k.row; i < k.row + k.rows; i++) {
            const int y = p->h.dst_first + i * p->h.dst_step;
            nn_real *row = dst + ((ptrdiff_t)m * h + y) * w * c;
            for (int j = 0; j < p->w.out; j++)
                *at++ = row + (ptrdiff_t)(p->w.dst_first + j * p->w.dst_step) * c;
        }
}

void nn_conv_source_lines(const nn_real **at, nn_conv_chunk k, const nn_conv_view *v)
{
    for (int m = 0; m < k.images; m++)
        for (int i = 0; i < k.rows; i++)
            *at++ = v->base + m * v->image + i * v->row;
}

void nn_conv_target_lines(nn_real **at, const nn_conv_pass *p, nn_conv_chunk k, nn_real *dst, int h,
                          int w, int c)
{
    for (int m = k.image; m < k.image + k.images; m++)
        for (int i = k.row; i < k.row + k.rows; i++) {
            const int y = p->h.dst_first + i * p->h.dst_step;
            *at++ = dst + (((ptrdiff_t)m * h + y) * w + p->w.dst_first) * c;
        }
}

static bool is_padding(const nn_conv_axis *a, int out, int tap)
{
    const long long at = (long long)out * a->step + offset(a, tap);
    return at < 0 || at >= a->src;
}

nn_conv_meeting nn_conv_meet(const nn_conv_pass *p, int row)
{
    nn_conv_meeting m = { 0, p->h.taps };
    while (m.first < m.last && is_padding(&p->h, row, m.first))
        m.first++;
    while (m.first < m.last && is_padding(&p->h, row, m.last - 1))
        m.last--;
    return m;
}

size_t nn_conv_reach(const nn_real **first, const nn_conv_pass *p, nn_conv_chunk k,
                     const nn_real *src)
{
    const ptrdiff_t row = (ptrdiff_t)p->w.src * p->c, plane = row * p->h.src;
    const int y = k.row * p->h.step + lowest(&p->h);
    const int y0 = smaller(larger(y, 0), p->h.src);
    const int y1 = larger(y0, smaller(y + reach(&p->h, k.rows), p->h.src));
    *first = src + k.image * plane + y0 * row;
    return (size_t)((k.images - 1) * plane + (y1 - y0) * row);
}

void nn_conv_tap_offsets(ptrdiff_t *tap, const nn_conv_pass *p, const nn_conv_view *v)
{
    for (int i = 0; i < p->h.taps; i++)
        for (int j = 0; j < p->w.taps; j++)
            *tap++ = (offset(&p->h, i) - lowest(&p->h)) * v->tap_row +
                     (offset(&p->w, j) - lowest(&p->w)) * v->tap_pixel;
}

nn_conv_runs nn_conv_runs_of(const nn_conv_pass *p)
{
    if (p->w.off_step == 1)
        return (nn_conv_runs){ p->h.taps, p->w.taps * p->c, p->w.taps };
    return (nn_conv_runs){ nn_conv_taps(p), p->c, 1 };
}
