#include "data/resize.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/base/suggest.h"

static const char *const fits[] = { [DS_CROP] = "crop", [DS_STRETCH] = "stretch" };
static const char *const filters[] = { [DS_TRIANGLE] = "triangle" };
static const char *const texts[] = {
    [DS_CROP] = "crop,triangle", [DS_STRETCH] = "stretch,triangle"
};

enum { N_FITS = sizeof fits / sizeof fits[0], N_FILTERS = sizeof filters / sizeof filters[0] };

const char *ds_resize_rule_text(ds_resize_rule rule)
{
    return texts[rule.fit];
}

static nn_status find(int *out, const char *const *names, int n, const char *name)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(names[*out], name) == 0)
            return NN_OK;
    return nn_fail_unknown("resize rule: ", name, names, n);
}

nn_status ds_resize_rule_parse(ds_resize_rule *out, const char *text)
{
    char fit[32];
    size_t n = strcspn(text, ",");
    snprintf(fit, sizeof fit, "%.*s", (int)(n < sizeof fit ? n : sizeof fit - 1), text);
    int found_fit, found_filter = DS_TRIANGLE;
    NN_TRY(find(&found_fit, fits, N_FITS, fit));
    if (text[n] == ',')
        NN_TRY(find(&found_filter, filters, N_FILTERS, text + n + 1));
    *out = (ds_resize_rule){ .fit = (ds_fit)found_fit, .filter = (ds_filter)found_filter };
    return NN_OK;
}

/* At least `bytes` bytes, content undefined, or NULL if memory is out (the message is set). */
static void *get(ds_scratch *s, size_t bytes)
{
    if (bytes <= s->bytes)
        return s->block;
    ds_scratch_free(s);
    s->block = nn_mem_alloc(bytes);
    if (s->block == NULL) {
        nn_fail(NN_ENOMEM, "out of memory: %zu bytes for resizing a picture could not be had",
                bytes);
        return NULL;
    }
    s->bytes = bytes;
    return s->block;
}

void ds_scratch_free(ds_scratch *s)
{
    nn_mem_free(s->block);
    *s = (ds_scratch){ 0 };
}

/* A window of a picture: what is resized. */
typedef struct window {
    const uint8_t *pixels; /* its first */
    int height, width, channels;
    size_t pitch; /* bytes from row to row */
} window;

static int min(int a, int b)
{
    return a < b ? a : b;
}

/* round(a b / c), half up, at least 1. */
static int scaled(int a, int b, int c)
{
    int64_t r = (2 * (int64_t)a * b + c) / (2 * (int64_t)c);
    return r < 1 ? 1 : (int)(r > INT32_MAX ? INT32_MAX : r);
}

static window choose(const ds_image *im, ds_resize_rule rule, int height, int width)
{
    int h = im->height, w = im->width;
    if (rule.fit == DS_CROP) {
        h = min(im->height, scaled(im->width, height, width));
        w = min(im->width, scaled(im->height, width, height));
    }
    size_t pitch = (size_t)im->width * (size_t)im->channels;
    size_t top = (size_t)((im->height - h) / 2), left = (size_t)((im->width - w) / 2);
    return (window){ .pixels = im->pixels + top * pitch + left * (size_t)im->channels,
                     .height = h,
                     .width = w,
                     .channels = im->channels,
                     .pitch = pitch };
}

/* The window in grey, packed into `grey`. */
static window to_grey(window from, uint8_t *grey)
{
    for (int y = 0; y < from.height; y++) {
        const uint8_t *p = from.pixels + (size_t)y * from.pitch;
        uint8_t *q = grey + (size_t)y * (size_t)from.width;
        for (int x = 0; x < from.width; x++, p += 3)
            q[x] = (uint8_t)((77 * p[0] + 150 * p[1] + 29 * p[2] + 128) >> 8);
    }
    return (window){ .pixels = grey,
                     .height = from.height,
                     .width = from.width,
                     .channels = 1,
                     .pitch = (size_t)from.width };
}

/* The inputs that output o of an axis is made of.  In units of 1 / (2 n_out) of an input pixel,
 * input i lies at (2i + 1) n_out, output o at (2o + 1) n_in, the triangle reaches 2 max(n_in,
 * n_out) to both sides, and weights are whole numbers: reach - distance. */
typedef struct taps {
    int first, end;
    int64_t centre, reach, step;
} taps;

static taps taps_of(int o, int n_in, int n_out)
{
    taps t = { .centre = (2 * (int64_t)o + 1) * n_in,
               .reach = 2 * (int64_t)(n_in > n_out ? n_in : n_out),
               .step = n_out };
    int64_t below = t.centre - t.reach - n_out; /* 2 n_out i must be above */
    int64_t above = t.centre + t.reach - n_out; /* and below */
    t.first = below < 0 ? 0 : (int)(below / (2 * t.step)) + 1;
    int64_t end = (above + 2 * t.step - 1) / (2 * t.step);
    t.end = end < n_in ? (int)end : n_in;
    return t;
}

static double weight(const taps *t, int i)
{
    int64_t distance = (2 * (int64_t)i + 1) * t->step - t->centre;
    return (double)(t->reach - (distance < 0 ? -distance : distance));
}

/* sum[x] = the weighted sum of column x over the rows of t; returns the sum of the weights. */
static double sum_rows(double *sum, const window *w, const taps *t)
{
    int n = w->width * w->channels;
    double total = 0;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int i = t->first; i < t->end; i++) {
        const uint8_t *row = w->pixels + (size_t)i * w->pitch;
        double k = weight(t, i);
        total += k;
        for (int x = 0; x < n; x++)
            sum[x] += k * row[x];
    }
    return total;
}

/* One output row from the sums of its input rows; `down` is the sum of those rows' weights. */
static void sum_columns(uint8_t *to, int width, const double *sum, const window *w, double down)
{
    int C = w->channels;
    for (int o = 0; o < width; o++) {
        taps t = taps_of(o, w->width, width);
        double across = 0, value[3] = { 0 };
        for (int i = t.first; i < t.end; i++) {
            double k = weight(&t, i);
            across += k;
            for (int c = 0; c < C; c++)
                value[c] += k * sum[i * C + c];
        }
        for (int c = 0; c < C; c++)
            to[o * C + c] = (uint8_t)(value[c] / (down * across) + 0.5);
    }
}

static void copy_rows(uint8_t *to, const window *w)
{
    size_t bytes = (size_t)w->width * (size_t)w->channels;
    for (int y = 0; y < w->height; y++)
        memcpy(to + (size_t)y * bytes, w->pixels + (size_t)y * w->pitch, bytes);
}

/* [n] grey values at the start of p become [n, 3], in place from the end. */
static void spread_grey(uint8_t *p, size_t n)
{
    while (n-- > 0) {
        uint8_t v = p[n];
        p[3 * n] = p[3 * n + 1] = p[3 * n + 2] = v;
    }
}

nn_status ds_resize(const ds_image *from, ds_resize_rule rule, ds_image *to, ds_scratch *scratch)
{
    if (from->channels != to->channels && from->channels + to->channels != 4)
        return nn_fail(NN_ESHAPE,
                       "pictures of %d channels cannot become %d channels: only 1 and 3 can",
                       from->channels, to->channels);
    window w = choose(from, rule, to->height, to->width);
    size_t sums = nn_align_up((size_t)w.width * (size_t)w.channels * sizeof(double));
    double *sum = get(scratch, sums + (size_t)w.width * (size_t)w.height);
    if (sum == NULL)
        return NN_ENOMEM;
    if (from->channels == 3 && to->channels == 1)
        w = to_grey(w, (uint8_t *)sum + sums);
    if (w.height == to->height && w.width == to->width) {
        copy_rows(to->pixels, &w);
    } else {
        size_t pitch = (size_t)to->width * (size_t)w.channels;
        for (int y = 0; y < to->height; y++) {
            taps t = taps_of(y, w.height, to->height);
            double down = sum_rows(sum, &w, &t);
            sum_columns(to->pixels + (size_t)y * pitch, to->width, sum, &w, down);
        }
    }
    if (from->channels == 1 && to->channels == 3)
        spread_grey(to->pixels, (size_t)to->height * (size_t)to->width);
    return NN_OK;
}
