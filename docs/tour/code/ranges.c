/* ranges - from a range to codes, what rounding costs, and where calibrators cut. */
#include <math.h>
#include <stdio.h>

#include "docs/tour/code/tour.h"
#include "docs/tour/code/values.h"
#include "nn/base/affine.h"
#include "nn/base/math.h"

/* ---- page 1 ---------------------------------------------------------------------------------- */

static void print_codes(const float *x, int n, nn_affine a, nn_grid grid)
{
    printf("       x    code    value    error\n");
    for (int i = 0; i < n; i++) {
        int32_t code = nn_affine_code(x[i], a, grid);
        double value = (double)nn_affine_value(code, a);
        printf("%8.2f  %6d  %7.3f  %+7.3f\n", (double)x[i], code, value, value - (double)x[i]);
    }
}

nn_status tour_affine(void)
{
    static const float activations[] = { 0, 0.33f, -1, 2, 2.7f }, weights[] = { -0.7f, 0.24f, 0 };
    nn_grid full = nn_grid_signed(4, false), narrow = nn_grid_signed(4, true);
    nn_affine a = nn_affine_from_range(-1, 2, full), w = nn_affine_symmetric(-0.7f, 0.5f, narrow);
    printf("affine, -1 to 2 on %d to %d: scale %g, zero point %d\n", full.qmin, full.qmax,
           (double)a.scale, a.zero_point);
    print_codes(activations, 5, a, full);
    printf("symmetric, -0.7 to 0.5 on %d to %d: scale %g, zero point %d\n", narrow.qmin,
           narrow.qmax, (double)w.scale, w.zero_point);
    print_codes(weights, 3, w, narrow);
    return NN_OK;
}

/* ---- page 2 ---------------------------------------------------------------------------------- */

typedef struct loss {
    double largest, mean_square, signal;
} loss;

static loss loss_of(const float *x, int n, nn_affine a, nn_grid grid)
{
    loss l = { 0 };
    for (int i = 0; i < n; i++) {
        double error = (double)nn_affine_value(nn_affine_code(x[i], a, grid), a) - (double)x[i];
        l.largest = fmax(l.largest, fabs(error));
        l.mean_square += error * error / n;
        l.signal += (double)x[i] * (double)x[i] / n;
    }
    return l;
}

static double decibels(double ratio)
{
    return 10 * nn_log(ratio) / nn_log(10);
}

nn_status tour_error(void)
{
    static float x[TOUR_VALUES];
    tour_uniform(x, TOUR_VALUES);
    printf("%d values, evenly spread over -1 to 1\n", TOUR_VALUES);
    printf("bits    scale   half of it  largest error   scale/sqrt(12)  rms error   dB\n");
    for (int bits = 8; bits >= 2; bits -= 2) {
        nn_grid grid = nn_grid_signed(bits, false);
        nn_affine a = nn_affine_from_range(-1, 1, grid);
        loss l = loss_of(x, TOUR_VALUES, a, grid);
        double scale = (double)a.scale;
        printf("%4d  %.5f      %.5f        %.5f          %.5f    %.5f  %4.1f\n", bits, scale,
               scale / 2, l.largest, scale / sqrt(12), sqrt(l.mean_square),
               decibels(l.signal / l.mean_square));
    }
    return NN_OK;
}

/* ---- page 3 ---------------------------------------------------------------------------------- */

static void print_cut(const char *name, quant_interval range, const nn_fakequant_attr *a)
{
    static float x[TOUR_VALUES];
    tour_long_tail(x, TOUR_VALUES);
    nn_affine q = nn_range_affine(a, range.min, range.max);
    tour_split s = tour_split_error(x, TOUR_VALUES, range.max, q, a->grid);
    printf("%-10s  %6.3f  %.4f  %8.5f  %8.5f  %8.5f  %d\n", name, (double)range.max,
           (double)q.scale, s.rounding, s.clipping, s.rounding + s.clipping, s.clipped);
}

static nn_status print_calibrator(const quant_calibrator *c, const quant_histogram *h)
{
    const nn_fakequant_attr a = tour_calibration_attr();
    quant_calibrator_options o = { .percentile = 99.9 };
    quant_interval range = { h->min, h->max };
    NN_TRY(quant_calibrator_check(c, &o, a.grid));
    if (c->choose != NULL)
        NN_TRY(c->choose(&range, h, &a, &o));
    print_cut(c->name, range, &a);
    return NN_OK;
}

nn_status tour_calibration(void)
{
    quant_histogram *h;
    NN_TRY(tour_long_tail_histogram(&h));
    printf("%d values from 0 to %.3f, 4 bits; squared errors, mean over all values\n", (int)h->n,
           (double)h->max);
    printf("method         max   scale  rounding  clipping       sum  values clipped\n");
    static const char *const names[] = { "minmax", "percentile", "mse", "entropy" };
    nn_status st = NN_OK;
    for (int i = 0; i < 4 && st == NN_OK; i++)
        st = print_calibrator(quant_calibrator_by_name(names[i]), h);
    quant_histogram_free(h);
    return st;
}

nn_status tour_divergence(void)
{
    enum { BINS = 8, LEVELS = 4 };
    static const uint64_t count[BINS] = { 8, 4, 2, 1, 0, 0, 0, 1 };
    printf("counts 8 4 2 1 0 0 0 1, %d levels\n", LEVELS);
    for (int i = LEVELS; i <= BINS; i++) {
        double d = quant_divergence(count, BINS, i, LEVELS);
        printf(d < 1e9 ? "cut behind bin %d: %.4f\n" : "cut behind bin %d: infinite\n", i, d);
    }
    printf("least: behind bin %d\n", quant_divergence_least(count, BINS, LEVELS));
    return NN_OK;
}
