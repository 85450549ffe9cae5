#include "runtime/kernels/conv_s8.h"

#include <string.h>

#include "runtime/kernels/cut.h"
#include "runtime/real.h"

enum {
    GRAIN = 1 << 19,        /* multiply-accumulates that are worth a block of their own, */
    SHARED_GRAIN = 1 << 18, /* where others could take the next block, */
    LEAST_GRAIN = 1 << 16,  /* of a block that is there only so that each worker has one */
    LEAST_PIXELS = 24,      /* of a block of single taps: all weights pass by for it */
    WEIGHT_BYTES = 3 << 17, /* that stay near while such blocks follow each other */
    COPY_BYTES = 49152,     /* of a block's part of the image, unless one output row needs more */
    ACC_BYTES = 16384,      /* of a block's accumulators, where they are stored */
    NEAR_BYTES = 3 << 15,   /* of transformed weights that stay in the first-level cache, or near */
    LEAST_TILES = 8,        /* of a block by Winograd, and twice as many if its weights do not */
    SLACK = 64,             /* kernels may read past the end of the copy */
    ALIGN = 64
};

/* ---- the plan -------------------------------------------------------------------------------- */

static size_t align(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* How many input rows or columns are behind `n` output ones. */
static size_t reach(int32_t n, int32_t stride, int32_t k)
{
    return (size_t)(n - 1) * (size_t)stride + (size_t)k;
}

/* One tap, pixel for pixel: the images are one row of pixels. */
static bool flatten(rt_window *w)
{
    if (w->k_h != 1 || w->k_w != 1 || w->stride_h != 1 || w->stride_w != 1 || w->pad_top != 0 ||
        w->pad_left != 0 || w->in_h != w->out_h || w->in_w != w->out_w)
        return false;
    w->in_w = w->out_w = (int32_t)rt_window_pixels(w);
    w->n = w->in_h = w->out_h = 1;
    return true;
}

static bool taps_are_apart(const rt_window *w)
{
    return (w->k_h > 1 && w->dilation_h > 1) || (w->k_w > 1 && w->dilation_w > 1);
}

/* A patch as the product sees it: runs, and elements of one. */
static int32_t runs_of(const rt_conv_s8 *p)
{
    return p->how == RT_CONV_COPIED ? p->win.k_h : 1;
}

static int32_t run_length(const rt_conv_s8 *p)
{
    return p->k / runs_of(p);
}

size_t rt_conv_packed(const rt_conv_s8 *p, const rt_kernels *kernels)
{
    int32_t n = p->win.out_c / p->groups;
    return p->how == RT_CONV_WINOGRAD ? rt_wino_bytes(n, p->win.in_c)
                                      : kernels->pack_bytes(n, runs_of(p), run_length(p));
}

void rt_conv_pack(const rt_conv_s8 *p, const rt_kernels *kernels, void *packed, const int8_t *w)
{
    int32_t n = p->win.out_c / p->groups;
    if (p->how == RT_CONV_WINOGRAD)
        rt_wino_pack(packed, w, n, p->win.in_c);
    else
        kernels->pack(packed, w, n, runs_of(p), run_length(p));
}

/* Elements from one pixel to the next; kernels take four at a time. */
static size_t step_of(const rt_conv_s8 *p)
{
    return p->how == RT_CONV_PATCHES ? ((size_t)p->k + 3) / 4 * 4
                                     : (size_t)p->win.stride_w * (size_t)(p->win.in_c / p->groups);
}

/* Tiles are copied whole. */
static int32_t whole(const rt_conv_s8 *p, int32_t n)
{
    return p->how == RT_CONV_WINOGRAD ? rt_cut_count(n, RT_WINO_OUT) * RT_WINO_OUT : n;
}

static void set_line(rt_conv_s8 *p)
{
    size_t columns = reach(whole(p, p->tile_w), p->win.stride_w, p->win.k_w);
    p->line = p->how == RT_CONV_PATCHES ? (size_t)p->tile_w * step_of(p)
                                        : columns * (size_t)(p->win.in_c / p->groups);
}

static size_t copy_bytes(const rt_conv_s8 *p, const rt_kernels *kernels)
{
    size_t lines = reach(whole(p, p->tile_h), p->win.stride_h, p->win.k_h);
    if (p->how == RT_CONV_PATCHES)
        lines = (size_t)p->tile_h;
    return lines * p->line * (size_t)kernels->a_bytes;
}

/* Whether accumulators are stored and made codes of afterwards. */
static bool in_two_steps(const rt_conv_s8 *p)
{
    return p->factor != NULL || p->w_zero != 0 || !p->requant.narrow;
}

static size_t acc_bytes(const rt_conv_s8 *p)
{
    size_t pixels = (size_t)p->tile_h * (size_t)p->tile_w;
    return in_two_steps(p) ? pixels * (size_t)p->tile_c * 4 : 0;
}

/* Rows and columns: blocks of GRAIN multiply-accumulates, smaller if copy or accumulators get too
 * large. */
static void cut_pixels(rt_conv_s8 *p, const rt_kernels *kernels)
{
    uint64_t each = (uint64_t)p->k * (uint64_t)p->win.out_c, row = each * (uint64_t)p->win.out_w;
    p->tile_c = p->win.out_c / p->groups;
    p->tile_h = 1;
    p->tile_w = p->win.out_h > 1
                    ? p->win.out_w
                    : rt_cut_shared(p->win.out_w, p->grain / each + LEAST_PIXELS, p->hands);
    set_line(p);
    while ((copy_bytes(p, kernels) > 2 * COPY_BYTES || acc_bytes(p) > ACC_BYTES) &&
           p->tile_w > 16) {
        p->tile_w = rt_cut_even(p->win.out_w, (uint64_t)p->tile_w / 2);
        set_line(p);
    }
    p->tile_h = rt_cut_shared(p->win.out_h, p->grain / row + 1, p->hands);
    while ((copy_bytes(p, kernels) > COPY_BYTES || acc_bytes(p) > ACC_BYTES) && p->tile_h > 1)
        p->tile_h = rt_cut_shared(p->win.out_h, (uint64_t)p->tile_h - 1, p->hands);
}

/* Where weights outweigh the image all pixels are one block, and channels are what is cut. */
static void cut_channels(rt_conv_s8 *p, const rt_kernels *kernels)
{
    uint64_t pixels = (uint64_t)p->win.out_h * (uint64_t)p->win.out_w;
    size_t image = (size_t)p->win.in_h * (size_t)p->win.in_w * (size_t)p->win.in_c;
    size_t weights = (size_t)p->win.out_c * (size_t)p->k;
    bool flat = p->k == p->win.in_c;
    if (p->groups > 1 || image > weights || (flat && weights < WEIGHT_BYTES))
        return;
    rt_conv_s8 whole = *p;
    whole.tile_h = p->win.out_h;
    whole.tile_w = p->win.out_w;
    set_line(&whole);
    if (copy_bytes(&whole, kernels) > 4 * COPY_BYTES)
        return;
    uint64_t panel = pixels * (uint64_t)p->k * RT_PANEL;
    int32_t panels = rt_cut_count(p->win.out_c, RT_PANEL);
    uint64_t some = p->grain / panel + (flat ? 4 : 1); /* flat: the copy is work, too */
    *p = whole;
    p->tile_c = least(p->win.out_c, rt_cut_shared(panels, some, p->hands) * RT_PANEL);
}

static bool by_winograd(const rt_conv_s8 *p, const rt_kernels *kernels)
{
    return kernels->wino != NULL && p->groups == 1 && !in_two_steps(p) &&
           rt_wino_serves(&p->win, p->most);
}

/* Blocks of a few tiles: rows of them, or a part of one.  If that leaves one block, those who could
 * share it take some of the channels each, and transform the input each. */
static void cut_tiles(rt_conv_s8 *p)
{
    int32_t across = rt_cut_count(p->win.out_w, RT_WINO_OUT),
            down = rt_cut_count(p->win.out_h, RT_WINO_OUT);
    uint64_t each = (uint64_t)p->k * (uint64_t)p->win.out_c * RT_WINO_OUT * RT_WINO_OUT;
    size_t weights = rt_wino_bytes(p->win.out_c, p->win.in_c);
    uint64_t most = weights < NEAR_BYTES ? p->grain / each + LEAST_TILES : 2 * LEAST_TILES;
    int32_t columns = rt_cut_even(across, most);
    p->tile_c = p->win.out_c;
    p->tile_w = least(p->win.out_w, columns * RT_WINO_OUT);
    p->tile_h = least(p->win.out_h, rt_cut_even(down, most / (uint64_t)columns) * RT_WINO_OUT);
    if (p->hands > 1 && rt_conv_blocks(p) == 1) {
        int32_t panels = rt_cut_count(p->win.out_c, RT_WINO_LANES);
        p->tile_c = least(p->win.out_c, rt_cut_even(panels, (uint64_t)panels / 2) * RT_WINO_LANES);
    }
}

void rt_conv_plan(rt_conv_s8 *p, const rt_kernels *kernels, int workers)
{
    uint64_t macs = rt_window_pixels(&p->win) * (uint64_t)p->win.out_c * (uint64_t)p->k;
    p->grain = workers > 1 ? SHARED_GRAIN : GRAIN;
    p->hands = rt_cut_hands(macs, LEAST_GRAIN, workers);
    if (by_winograd(p, kernels)) {
        p->how = RT_CONV_WINOGRAD;
        cut_tiles(p);
        set_line(p);
        return;
    }
    bool in_place = p->groups == 1 && p->flip == 0 && kernels->a_bytes == 1 && p->win.in_c % 4 == 0;
    p->how = flatten(&p->win) && in_place ? RT_CONV_DIRECT
             : taps_are_apart(&p->win)    ? RT_CONV_PATCHES
                                          : RT_CONV_COPIED;
    cut_pixels(p, kernels);
    cut_channels(p, kernels);
    set_line(p);
}

int rt_conv_blocks(const rt_conv_s8 *p)
{
    return p->win.n * rt_cut_count(p->win.out_h, p->tile_h) *
           rt_cut_count(p->win.out_w, p->tile_w) *
           rt_cut_count(p->win.out_c / p->groups, p->tile_c);
}

static size_t image_bytes(const rt_conv_s8 *p, const rt_kernels *kernels)
{
    return p->how == RT_CONV_DIRECT ? 0 : align(copy_bytes(p, kernels) + SLACK);
}

/* Scratch holds the copy, the bytes of one patch, and accumulators, each if there is need of
 * it. */
static size_t acc_at(const rt_conv_s8 *p, const rt_kernels *kernels)
{
    return image_bytes(p, kernels) + (p->how == RT_CONV_PATCHES ? align((size_t)p->k) : 0);
}

size_t rt_conv_scratch(const rt_conv_s8 *p, const rt_kernels *kernels)
{
    if (p->how == RT_CONV_WINOGRAD)
        return image_bytes(p, kernels) + rt_wino_cut(p->tile_h, p->tile_w, p->win.in_c).bytes;
    return acc_at(p, kernels) + acc_bytes(p);
}

void rt_conv_fold(int32_t *bias, const int8_t *w, int rows, int k, int32_t in_zero)
{
    for (int o = 0; o < rows; o++) {
        int64_t sum = 0;
        for (int i = 0; i < k; i++)
            sum += w[(size_t)o * (size_t)k + (size_t)i];
        bias[o] = (int32_t)(uint32_t)(uint64_t)(bias[o] - in_zero * sum);
    }
}

/* ---- the image ------------------------------------------------------------------------------- */

/* n elements of real 0. */
static void fill(const rt_conv_s8 *p, uint8_t *to, size_t n, int a_bytes)
{
    if (a_bytes == 1) {
        memset(to, p->in_zero & 0xFF, n);
        return;
    }
    int16_t *wide = (int16_t *)(void *)to;
    for (size_t i = 0; i < n; i++)
        wide[i] = (int16_t)p->in_zero;
}

/* `columns` pixels of a row from column `left` on, of which some may lie outside the image. */
static void copy_line(const rt_conv_s8 *p, const rt_kernels *kernels, uint8_t *to,
                      const uint8_t *row, int32_t left, int32_t columns)
{
    size_t c = (size_t)(p->win.in_c / p->groups), pixel = c * (size_t)kernels->a_bytes;
    int32_t begin = left < 0 ? -left : 0, end = p->win.in_w - left;
    begin = begin > columns ? columns : begin;
    end = end > columns ? columns : end < begin ? begin : end;
    fill(p, to, (size_t)begin * c, kernels->a_bytes);
    fill(p, to + (size_t)end * pixel, (size_t)(columns - end) * c, kernels->a_bytes);
    if (p->groups == 1 && end > begin) {
        kernels->load(to + (size_t)begin * pixel, row + (size_t)(left + begin) * c,
                      (size_t)(end - begin) * c, p->flip);
        return;
    }
    for (int32_t x = begin; x < end; x++)
        kernels->load(to + (size_t)x * pixel, row + (size_t)(left + x) * (size_t)p->win.in_c, c,
                      p->flip);
}

/* A block of the output. */
typedef struct block {
    int32_t image, y, x, rows, columns, c, channels;
} block;

static void copy_image(const rt_conv_s8 *p, const rt_kernels *kernels, const block *b,
                       const uint8_t *in, uint8_t *to)
{
    const rt_window *w = &p->win;
    int32_t lines = (int32_t)reach(whole(p, b->rows), w->stride_h, w->k_h);
    int32_t columns = (int32_t)reach(whole(p, b->columns), w->stride_w, w->k_w);
    int32_t top = b->y * w->stride_h - w->pad_top, left = b->x * w->stride_w - w->pad_left;
    size_t line = p->line * (size_t)kernels->a_bytes;
    for (int32_t y = top; y < top + lines; y++, to += line) {
        if (y < 0 || y >= w->in_h)
            fill(p, to, (size_t)columns * (size_t)(w->in_c / p->groups), kernels->a_bytes);
        else
            copy_line(p, kernels, to, in + (size_t)y * (size_t)w->in_w * (size_t)w->in_c, left,
                      columns);
    }
}

/* Patches one by one, in bytes and then in elements. */
static void copy_patches(const rt_conv_s8 *p, const rt_kernels *kernels, const block *b,
                         const uint8_t *in, int g, uint8_t *to, uint8_t *patch)
{
    size_t first = ((size_t)b->image * (size_t)p->win.out_h + (size_t)b->y) * (size_t)p->win.out_w +
                   (size_t)b->x;
    for (int32_t y = 0; y < b->rows; y++)
        for (int32_t x = 0; x < b->columns; x++) {
            rt_window_gather(&p->win, p->groups, 1, (p->in_zero & 0xFF) ^ p->flip, patch, in,
                             first + (size_t)y * (size_t)p->win.out_w + (size_t)x, g);
            size_t at = (size_t)y * p->line + (size_t)x * step_of(p);
            kernels->load(to + at * (size_t)kernels->a_bytes, patch, (size_t)p->k, p->flip);
        }
}

/* ---- accumulators to codes, where the product cannot do it ----------------------------------- */

/* -w_zero * (sum of the patch - k * in_zero) for a pixel: what a weight's zero point adds. */
static uint32_t zero_term(const rt_conv_s8 *p, const rt_kernels *kernels, const uint8_t *a)
{
    int64_t sum = -(int64_t)p->k * p->in_zero;
    size_t length = (size_t)run_length(p);
    for (int32_t r = 0; r < runs_of(p); r++)
        for (size_t i = (size_t)r * p->line; i < (size_t)r * p->line + length; i++)
            sum += kernels->a_bytes == 2 ? ((const int16_t *)(const void *)a)[i]
                   : kernels->unsigned_a ? a[i]
                                         : (int8_t)a[i];
    return (uint32_t)-p->w_zero * (uint32_t)sum;
}

/* round(acc * factor), halves away from zero, as the reference's dense layer does since LiteRT
 * 1.3. */
static void rescale_in_double(const rt_conv_s8 *p, uint8_t *out, const int32_t *acc, int n,
                              const double *factor)
{
    for (int c = 0; c < n; c++) {
        int64_t v = rt_round((double)acc[c] * factor[c]) + p->requant.zero;
        out[c] = (uint8_t)rt_clamp(v, p->requant.lo, p->requant.hi);
    }
}

static void finish(const rt_conv_s8 *p, const rt_kernels *kernels, const rt_product *q,
                   const double *factor)
{
    int32_t *acc = q->acc;
    for (int y = 0; y < q->rows; y++)
        for (int x = 0; x < q->pixels; x++, acc += q->n) {
            const uint8_t *a = q->a;
            a += ((size_t)y * q->a_row + (size_t)x * q->a_step) * (size_t)kernels->a_bytes;
            uint32_t term = p->w_zero != 0 ? zero_term(p, kernels, a) : 0;
            for (int c = 0; c < q->n && term != 0; c++)
                acc[c] = (int32_t)((uint32_t)acc[c] + term);
            uint8_t *to = q->out + (size_t)y * q->out_row + (size_t)x * q->out_step;
            if (factor != NULL)
                rescale_in_double(p, to, acc, q->n, factor);
            else
                kernels->requant(to, acc, q->n, q->requant);
        }
}

/* ---- one block ------------------------------------------------------------------------------- */

/* Where the product finds the block's pixels. */
static const uint8_t *image_of(const rt_conv_s8 *p, const rt_kernels *kernels, const block *b,
                               const uint8_t *in, int g, uint8_t *scratch)
{
    size_t c = (size_t)(p->win.in_c / p->groups);
    size_t image = (size_t)p->win.in_h * (size_t)p->win.in_w * (size_t)p->win.in_c;
    if (p->how == RT_CONV_DIRECT)
        return in + (size_t)b->x * c;
    if (p->how == RT_CONV_PATCHES)
        copy_patches(p, kernels, b, in, g, scratch, scratch + image_bytes(p, kernels));
    else
        copy_image(p, kernels, b, in + (size_t)b->image * image + (size_t)g * c, scratch);
    return scratch;
}

static void run_group(const rt_conv_s8 *p, const rt_kernels *kernels, const block *b,
                      const uint8_t *in, uint8_t *out, int g, uint8_t *scratch)
{
    const rt_window *w = &p->win;
    int32_t n = w->out_c / p->groups, first = g * n + b->c;
    rt_requant_rows requant = p->requant;
    if (p->factor == NULL) {
        requant.mult += first;
        requant.shift += first;
    }
    size_t row = (size_t)w->out_w * (size_t)w->out_c;
    size_t y = (size_t)b->image * (size_t)w->out_h + (size_t)b->y;
    const rt_product q = {
        .a = image_of(p, kernels, b, in, g, scratch),
        .a_row = p->how == RT_CONV_PATCHES ? p->line : (size_t)w->stride_h * p->line,
        .a_step = step_of(p),
        .a_run = p->line,
        .runs = runs_of(p),
        .k = run_length(p),
        .rows = b->rows,
        .pixels = b->columns,
        .n = b->channels,
        .w = (const uint8_t *)p->weights + (size_t)g * p->weight_bytes +
             kernels->pack_bytes(b->c, runs_of(p), run_length(p)),
        .bias = p->bias + first,
        .acc = in_two_steps(p) ? (int32_t *)(void *)(scratch + acc_at(p, kernels)) : NULL,
        .out = out + y * row + (size_t)b->x * (size_t)w->out_c + first,
        .out_row = row,
        .out_step = (size_t)w->out_c,
        .requant = &requant,
    };
    kernels->product(&q);
    if (q.acc != NULL)
        finish(p, kernels, &q, p->factor != NULL ? p->factor + first : NULL);
}

static void run_tiles(const rt_conv_s8 *p, const rt_kernels *kernels, const block *b,
                      const uint8_t *in, uint8_t *out, uint8_t *scratch)
{
    const rt_window *w = &p->win;
    size_t row = (size_t)w->out_w * (size_t)w->out_c;
    size_t y = (size_t)b->image * (size_t)w->out_h + (size_t)b->y;
    rt_requant_rows requant = p->requant;
    requant.mult += b->c;
    requant.shift += b->c;
    const rt_wino q = {
        .a = image_of(p, kernels, b, in, 0, scratch),
        .a_row = p->line,
        .c = w->in_c,
        .n = b->channels,
        .rows = b->rows,
        .pixels = b->columns,
        .w = (const int16_t *)((const uint8_t *)p->weights + rt_wino_bytes(b->c, w->in_c)),
        .bias = p->bias + b->c,
        .most = p->most,
        .out = out + y * row + (size_t)b->x * (size_t)w->out_c + b->c,
        .out_row = row,
        .out_step = (size_t)w->out_c,
        .requant = &requant,
        .scratch = scratch + image_bytes(p, kernels),
    };
    kernels->wino(&q);
}

/* Channels change first: the image is still near, and other threads take it at the same time. */
static block block_at(const rt_conv_s8 *p, int32_t t)
{
    int32_t channels = p->win.out_c / p->groups, by_c = rt_cut_count(channels, p->tile_c);
    int32_t by_x = rt_cut_count(p->win.out_w, p->tile_w),
            by_y = rt_cut_count(p->win.out_h, p->tile_h);
    block b = { .c = t % by_c * p->tile_c,
                .x = t / by_c % by_x * p->tile_w,
                .y = t / by_c / by_x % by_y * p->tile_h,
                .image = t / by_c / by_x / by_y };
    b.channels = least(p->tile_c, channels - b.c);
    b.columns = least(p->tile_w, p->win.out_w - b.x);
    b.rows = least(p->tile_h, p->win.out_h - b.y);
    return b;
}

void rt_conv_run(const rt_conv_s8 *p, const rt_kernels *kernels, const uint8_t *in, uint8_t *out,
                 int t, void *scratch)
{
    block b = block_at(p, t);
    if (p->how == RT_CONV_WINOGRAD) {
        run_tiles(p, kernels, &b, in, out, scratch);
        return;
    }
    for (int g = 0; g < p->groups; g++)
        run_group(p, kernels, &b, in, out, g, scratch);
}
