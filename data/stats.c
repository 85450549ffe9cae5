#include "data/stats.h"

#include <math.h>
#include <string.h>

#include "nn/base/mem.h"

/* ---- mean and deviation ---------------------------------------------------------------------- */

typedef struct sums {
    uint64_t n, sum[3], square[3]; /* n counts pictures */
} sums;

static void add_pixels(sums *s, const uint8_t *pixels, size_t n, int channels)
{
    for (size_t i = 0; i < n; i++, pixels += channels)
        for (int c = 0; c < channels; c++) {
            s->sum[c] += pixels[c];
            s->square[c] += (uint64_t)pixels[c] * pixels[c];
        }
    s->n++;
}

/* sqrt(E x^2 - (E x)^2).  The sums are exact; in double the difference of two nearly equal terms
 * keeps at least six digits of a deviation of one code. */
static double deviation(double n, double sum, double square)
{
    double variance = (square - sum / n * sum) / n;
    return variance > 0 ? sqrt(variance) : 0;
}

static void conclude(ds_stats *out, const sums *s, double pixels)
{
    double n = (double)s->n * pixels, sum = 0, square = 0;
    for (int c = 0; c < out->channels; c++) {
        out->mean[c] = (double)s->sum[c] / n;
        out->std[c] = deviation(n, (double)s->sum[c], (double)s->square[c]);
        sum += (double)s->sum[c];
        square += (double)s->square[c];
    }
    n *= out->channels;
    out->mean_all = sum / n;
    out->std_all = deviation(n, sum, square);
    out->n = (int)s->n;
}

static nn_status measure(sums *s, const ds_set *set, ds_split split, int most, uint8_t *pixels,
                         ds_scratch *scratch)
{
    int count = ds_count(set, split), label;
    int n = most > 0 && most < count ? most : count;
    size_t area = (size_t)ds_height(set) * (size_t)ds_width(set);
    for (int i = 0; i < n; i++) {
        int index = (int)((int64_t)i * count / n);
        nn_status st = ds_read_with(set, split, index, pixels, &label, scratch);
        if (st == NN_OK)
            add_pixels(s, pixels, area, ds_channels(set));
        else if (st == NN_ENOMEM || !ds_skips_bad(set))
            return st;
    }
    if (s->n == 0)
        return nn_fail_context(NN_EFORMAT, "none of %d pictures can be read; the last", n);
    return NN_OK;
}

nn_status ds_measure(ds_stats *out, const ds_set *set, ds_split split, int most)
{
    *out = (ds_stats){ .channels = ds_channels(set) };
    NN_TRY(ds_check_usable(set, split));
    uint8_t *pixels = nn_mem_alloc(ds_item_bytes(set));
    if (pixels == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a picture could not be had");
    sums s = { 0 };
    ds_scratch scratch = { 0 };
    nn_status st = measure(&s, set, split, most, pixels, &scratch);
    if (st == NN_OK)
        conclude(out, &s, (double)ds_height(set) * ds_width(set));
    ds_scratch_free(&scratch);
    nn_mem_free(pixels);
    return st;
}

/* ---- contact sheet --------------------------------------------------------------------------- */

enum { GAP = 2, GREY = 128 };

static void place(ds_image *sheet, const uint8_t *pixels, int height, int width, int row,
                  int column)
{
    size_t C = (size_t)sheet->channels, bytes = (size_t)width * C;
    size_t top = (size_t)(GAP + row * (height + GAP)),
           left = (size_t)(GAP + column * (width + GAP));
    uint8_t *to = sheet->pixels + (top * (size_t)sheet->width + left) * C;
    for (int y = 0; y < height; y++, to += (size_t)sheet->width * C, pixels += bytes)
        memcpy(to, pixels, bytes);
}

/* Goes through the split once; `filled` counts the pictures in each row. */
static nn_status fill_sheet(ds_image *sheet, const ds_set *set, ds_split split, int columns,
                            int *filled, uint8_t *pixels)
{
    int missing = columns * ds_classes(set), label;
    for (int i = 0; i < ds_count(set, split) && missing > 0; i++) {
        int row = ds_label(set, split, i);
        if (filled[row] == columns)
            continue;
        nn_status st = ds_read(set, split, i, pixels, &label);
        if (st != NN_OK && (st == NN_ENOMEM || !ds_skips_bad(set)))
            return st;
        if (st != NN_OK)
            continue;
        place(sheet, pixels, ds_height(set), ds_width(set), row, filled[row]++);
        missing--;
    }
    return NN_OK;
}

static nn_status new_sheet(ds_image *out, const ds_set *set, int columns)
{
    uint64_t height = GAP + (uint64_t)ds_classes(set) * (uint64_t)(ds_height(set) + GAP);
    uint64_t width = GAP + (uint64_t)columns * (uint64_t)(ds_width(set) + GAP);
    NN_TRY(ds_check_size("contact sheet", height, width, ds_limits_used(set)));
    NN_TRY(ds_image_new(out, (int)height, (int)width, ds_channels(set)));
    memset(out->pixels, GREY, (size_t)(height * width) * (size_t)out->channels);
    return NN_OK;
}

nn_status ds_contact_sheet(ds_image *out, const ds_set *set, ds_split split, int columns)
{
    *out = (ds_image){ 0 };
    if (columns < 1)
        return nn_fail(NN_EINVAL, "contact sheet: %d pictures a row; it must be at least 1",
                       columns);
    NN_TRY(ds_check_usable(set, split));
    NN_TRY(new_sheet(out, set, columns));
    int *filled = nn_mem_alloc((size_t)ds_classes(set) * sizeof *filled);
    uint8_t *pixels = nn_mem_alloc(ds_item_bytes(set));
    nn_status st = filled == NULL || pixels == NULL
                       ? nn_fail(NN_ENOMEM, "contact sheet: out of memory")
                       : fill_sheet(out, set, split, columns, filled, pixels);
    nn_mem_free(filled);
    nn_mem_free(pixels);
    if (st != NN_OK)
        ds_image_free(out);
    return st;
}
