#include "quant/histogram.h"

#include <float.h>
#include <math.h>

#include "nn/base/mem.h"

nn_status quant_histogram_new(quant_histogram **out, int bins)
{
    if (bins < QUANT_LEAST_BINS || bins > QUANT_MOST_BINS)
        return nn_fail(NN_EINVAL, "a histogram of %d bins; possible are %d to %d", bins,
                       (int)QUANT_LEAST_BINS, (int)QUANT_MOST_BINS);
    quant_histogram *h = nn_mem_alloc(sizeof *h);
    uint64_t *counts = nn_mem_alloc(4 * (size_t)bins * sizeof *counts);
    if (h == NULL || counts == NULL) {
        nn_mem_free(h);
        nn_mem_free(counts);
        return nn_fail(NN_ENOMEM, "out of memory: a histogram of %d bins", bins);
    }
    *h = (quant_histogram){ .bins = bins, .count = { counts, counts + 2 * (size_t)bins } };
    *out = h;
    return NN_OK;
}

void quant_histogram_free(quant_histogram *h)
{
    if (h == NULL)
        return;
    nn_mem_free(h->count[0]);
    nn_mem_free(h);
}

/* ---- the width ------------------------------------------------------------------------------- */

static void merge_neighbours(uint64_t *count, int bins)
{
    for (int b = 0; b < bins; b++)
        count[b] = count[2 * b] + count[2 * b + 1];
    for (int b = bins; b < 2 * bins; b++)
        count[b] = 0;
}

/* The power of two w with bins <= x / w < 2 * bins, for the first value that is not 0. */
static double first_width(double x, int bins)
{
    int exponent;
    frexp(x / bins, &exponent);
    return ldexp(1, exponent - 1);
}

static void make_room(quant_histogram *h, double largest)
{
    if (largest > 0 && h->width == 0)
        h->width = first_width(largest, h->bins);
    while (largest >= 2 * h->bins * h->width && largest > 0) {
        for (int side = 0; side < 2; side++)
            merge_neighbours(h->count[side], h->bins);
        h->width *= 2;
    }
}

/* ---- counting -------------------------------------------------------------------------------- */

/* A NaN makes the sum a NaN; an infinite value makes an end infinite. */
static bool find_ends(float *min, float *max, const nn_real *x, size_t n)
{
    nn_real lo = x[0], hi = x[0], zero = 0;
    for (size_t i = 0; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
        zero += x[i] * 0;
    }
    *min = (float)lo;
    *max = (float)hi;
    return zero == 0;
}

bool quant_histogram_add(quant_histogram *h, const nn_real *x, size_t n)
{
    float min, max;
    if (n == 0)
        return true;
    if (!find_ends(&min, &max, x, n))
        return false;
    make_room(h, fmax(fabs((double)min), fabs((double)max)));
    h->min = h->n == 0 || min < h->min ? min : h->min;
    h->max = h->n == 0 || max > h->max ? max : h->max;
    h->n += n;
    const double inverse = h->width > 0 ? 1 / h->width : 0;
    for (size_t i = 0; i < n; i++)
        h->count[x[i] < 0][(size_t)(fabs((double)x[i]) * inverse)]++;
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

int quant_histogram_used(const quant_histogram *h, enum quant_side side)
{
    int used = 2 * h->bins;
    while (used > 0 && h->count[side][used - 1] == 0)
        used--;
    return used;
}

int quant_histogram_magnitudes(uint64_t *magnitude, const quant_histogram *h)
{
    int used = 0;
    for (int b = 0; b < 2 * h->bins; b++) {
        magnitude[b] = h->count[QUANT_ABOVE][b] + h->count[QUANT_BELOW][b];
        used = magnitude[b] > 0 ? b + 1 : used;
    }
    return used;
}

/* How many cells of 2^level bins hold n bins. */
static int cells_of(int n, int level)
{
    return (n + (1 << level) - 1) >> level;
}

int quant_histogram_cells(quant_cell *cells, int most, const quant_histogram *h)
{
    const int used_above = quant_histogram_used(h, QUANT_ABOVE);
    const int used_below = quant_histogram_used(h, QUANT_BELOW);
    int level = 0;
    while (cells_of(used_above, level) + cells_of(used_below, level) > most)
        level++;
    const int below = cells_of(used_below, level), n = below + cells_of(used_above, level);
    const double width = ldexp(h->width, level);
    for (int i = 0; i < n; i++)
        cells[i] = (quant_cell){ (i - below) * width, (i - below + 1) * width, 0 };
    for (int b = 0; b < used_above; b++)
        cells[below + (b >> level)].count += h->count[QUANT_ABOVE][b];
    for (int b = 0; b < used_below; b++)
        cells[below - 1 - (b >> level)].count += h->count[QUANT_BELOW][b];
    return n;
}
