#include "docs/tour/code/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docs/tour/code/one_op.h"
#include "docs/tour/code/passes.h"
#include "docs/tour/code/values.h"
#include "docs/tour/code/watch.h"
#include "nn/base/file.h"
#include "nn/base/math.h"
#include "runtime/requant.h"
#include "train/report/chart.h"

/* ---- curves ---------------------------------------------------------------------------------- */

enum { MOST_POINTS = 1200 };

typedef struct curve {
    const char *name;
    int n;
    double x[MOST_POINTS], y[MOST_POINTS];
} curve;

static void add(curve *c, double x, double y)
{
    if (c->n == MOST_POINTS)
        return;
    c->x[c->n] = x;
    c->y[c->n++] = y;
}

static void add_segment(curve *c, double x0, double y0, double x1, double y1)
{
    add(c, x0, y0);
    add(c, x1, y1);
    add(c, NAN, NAN);
}

/* What stands still until it jumps: `y` was reached at x. */
static void add_step(curve *c, double x, double y)
{
    if (c->n > 0 && c->y[c->n - 1] != y)
        add(c, x, c->y[c->n - 1]);
    if (c->n == 0 || c->y[c->n - 1] != y)
        add(c, x, y);
}

typedef struct picture {
    const char *name;
    report_chart about;
    const report_mark *marks;
    int n_marks;
} picture;

enum { MOST_CURVES = 3 };

/* Dots carry tooltips, which a picture inside a page does not show. */
static void remove_dots(report_text *t)
{
    static const char end[] = "</circle>";
    char *to = t->data;
    for (const char *from = t->data; *from != '\0';) {
        if (strncmp(from, "<circle", 7) == 0 && strstr(from, end) != NULL)
            from = strstr(from, end) + sizeof end - 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    t->size = (size_t)(to - t->data);
}

static nn_status save(const char *folder, const picture *p, const curve *c, int n)
{
    char path[1024];
    report_series series[MOST_CURVES];
    report_text chart = { 0 }, file = { 0 };
    for (int i = 0; i < n; i++)
        series[i] = (report_series){ .name = c[i].name, .n = c[i].n, .x = c[i].x, .y = c[i].y };
    report_chart_lines(&chart, &p->about, series, n, p->marks, p->n_marks);
    nn_status st = report_text_check(&chart);
    if (st == NN_OK)
        remove_dots(&chart);
    if (st == NN_OK)
        report_chart_alone(&file, chart.data, chart.size);
    if (st == NN_OK)
        st = report_text_check(&file);
    snprintf(path, sizeof path, "%s/%s.svg", folder, p->name);
    if (st == NN_OK)
        st = nn_file_write(path, file.data, file.size);
    report_text_free(&chart);
    report_text_free(&file);
    return st;
}

/* ---- pages 1 and 2 --------------------------------------------------------------------------- */

/* The example of page 1. */
static const nn_grid grid = { -8, 7 };

static nn_affine example(void)
{
    return nn_affine_from_range(-1, 2, grid);
}

static double rounded(double x)
{
    return (double)nn_affine_value(nn_affine_code((float)x, example(), grid), example());
}

static nn_status draw_codes(const char *folder, curve *c)
{
    const picture p = { .name = "codes",
                        .about = { "Numbers and the values of their 4-bit codes", "number",
                                   "number, and the value of its code" } };
    c[0].name = "the number itself";
    c[1].name = "the value of its code";
    add_segment(&c[0], -1.6, -1.6, 2.6, 2.6);
    for (int i = -1600; i <= 2600; i++)
        add_step(&c[1], i / 1000.0, rounded(i / 1000.0));
    add(&c[1], 2.6, rounded(2.6));
    return save(folder, &p, c, 2);
}

static nn_status draw_error(const char *folder, curve *c)
{
    const picture p = { .name = "error",
                        .about = { "Error of a 4-bit code", "number",
                                   "value of the code - number" } };
    c[0].name = "error";
    c[1].name = "half a scale";
    for (int i = -1600; i <= 2600; i++) {
        const double x = i / 1000.0, before = rounded(x - 0.001), y = rounded(x);
        if (i == -1600 || i == 2600 || before != y) {
            add(&c[0], x, before - x);
            add(&c[0], x, y - x);
        }
    }
    add_segment(&c[1], -1.6, 0.1, 2.6, 0.1);
    add_segment(&c[1], -1.6, -0.1, 2.6, -0.1);
    return save(folder, &p, c, 2);
}

/* ---- page 3 ---------------------------------------------------------------------------------- */

static nn_status find_marks(report_mark *m, int n, const quant_histogram *h)
{
    const nn_fakequant_attr a = tour_calibration_attr();
    for (int i = 0; i < n; i++) {
        const quant_calibrator *how = quant_calibrator_by_name(m[i].label);
        quant_calibrator_options o = { .percentile = 99.9 };
        quant_interval range = { h->min, h->max };
        NN_TRY(quant_calibrator_check(how, &o, a.grid));
        if (how->choose != NULL)
            NN_TRY(how->choose(&range, h, &a, &o));
        m[i].x = (double)range.max;
    }
    return NN_OK;
}

static nn_status draw_calibration(const char *folder, const quant_histogram *h, curve *c)
{
    static float x[TOUR_VALUES];
    const nn_fakequant_attr a = tour_calibration_attr();
    report_mark marks[] = { { 0, "percentile" }, { 0, "mse" }, { 0, "entropy" }, { 0, "minmax" } };
    const picture p = { "calibration",
                        { "Mean squared error by the threshold", "threshold",
                          "mean squared error" },
                        marks,
                        4 };
    c[0].name = "rounding";
    c[1].name = "clipping";
    c[2].name = "sum";
    tour_long_tail(x, TOUR_VALUES);
    for (int i = 0; i <= 90; i++) {
        const float t = 3.5f + (h->max - 3.5f) * (float)i / 90;
        tour_split s = tour_split_error(x, TOUR_VALUES, t, nn_range_affine(&a, 0, t), a.grid);
        add(&c[0], (double)t, s.rounding);
        add(&c[1], (double)t, s.clipping);
        add(&c[2], (double)t, s.rounding + s.clipping);
    }
    NN_TRY(find_marks(marks, 4, h));
    return save(folder, &p, c, 3);
}

/* A threshold for each 32 bins; those whose last bin is empty are infinite. */
static nn_status draw_divergence(const char *folder, const quant_histogram *h, curve *c)
{
    enum { CODES = 16, GROUP = 32 };
    uint64_t *count = malloc(2 * (size_t)h->bins * sizeof *count);
    report_mark mark = { 0, "entropy" };
    const picture p = { "divergence",
                        { "Divergence by the threshold", "threshold",
                          "divergence (natural units)" },
                        &mark,
                        1 };
    if (count == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a histogram");
    const int used = quant_histogram_magnitudes(count, h);
    count[0] = count[1]; /* as the calibrator does */
    c[0].name = "divergence";
    for (int from = (int)(3.5 / h->width); from <= used; from += GROUP) {
        int i = from;
        while (i < from + GROUP && i < used && count[i - 1] == 0)
            i++;
        if (count[i - 1] > 0)
            add(&c[0], i * h->width, quant_divergence(count, used, i, CODES));
    }
    free(count);
    NN_TRY(find_marks(&mark, 1, h));
    return save(folder, &p, c, 1);
}

/* ---- pages 4 to 6 ---------------------------------------------------------------------------- */

static nn_status draw_gradient(const char *folder, curve *c)
{
    enum { N = 841 };
    nn_real x[N], y[N], dx[N];
    const picture p = { .name = "gradient",
                        .about = { "Fake quantization and its gradient", "x",
                                   "y, and dx for dy = 1" } };
    for (int i = 0; i < N; i++)
        x[i] = (nn_real)((i - 320) / 200.0);
    NN_TRY(tour_fake_quantize(y, dx, x, N, example(), grid));
    c[0].name = "y";
    c[1].name = "the gradient that passes";
    for (int i = 0; i < N; i++) {
        add_step(&c[0], (double)x[i], (double)y[i]);
        add_step(&c[1], (double)x[i], (double)dx[i]);
    }
    add(&c[0], (double)x[N - 1], (double)y[N - 1]);
    add(&c[1], (double)x[N - 1], (double)dx[N - 1]);
    return save(folder, &p, c, 2);
}

static nn_status draw_delay(const char *folder, curve *c)
{
    enum { STEPS = 54 };
    double largest[STEPS], average[STEPS];
    const picture p = { .name = "delay",
                        .about = { "Range of an activation in the first steps of a training",
                                   "step", "largest value behind c1/relu" } };
    NN_TRY(tour_watch(largest, "last", STEPS));
    NN_TRY(tour_watch(average, "ema", STEPS));
    c[0].name = "of the batch";
    c[1].name = "moving average";
    for (int i = 0; i < STEPS; i++) {
        add(&c[0], i + 1, largest[i]);
        add(&c[1], i + 1, average[i]);
    }
    return save(folder, &p, c, 2);
}

static nn_status draw_fold(const char *folder, curve *c)
{
    enum { STEPS = 60 };
    tour_folds f[STEPS];
    const picture p = { .name = "fold",
                        .about = { "A folded weight in each step of a training", "step",
                                   "folded weight" } };
    NN_TRY(tour_fold_batches(f, STEPS));
    c[0].name = "by the batch";
    c[1].name = "by the moving average";
    for (int i = 0; i < STEPS; i++) {
        add(&c[0], i, f[i].by_batch / 2);
        add(&c[1], i, f[i].by_average / 2);
    }
    return save(folder, &p, c, 2);
}

/* ---- pages 7 to 10 --------------------------------------------------------------------------- */

/* A tick for each value within -2.5 and 2.5 that a code stands for. */
static void add_ticks(curve *c, nn_affine a, double from, double to)
{
    for (int code = -128; code < 128; code++) {
        const double value = (double)nn_affine_value(code, a);
        if (fabs(value) < 2.501)
            add_segment(c, value, from, value, to);
    }
}

static nn_status draw_add(const char *folder, curve *c)
{
    static const report_mark marks[] = { { -1.5, "b" }, { 0.5, "y" }, { 2, "a" } };
    const picture p = { "add", { "Values of the codes of a, b and y", "value", NULL }, marks, 3 };
    c[0].name = "a: scale 0.1";
    c[1].name = "b: scale 0.05";
    c[2].name = "y: scale 0.125";
    add_segment(&c[0], 0, 4.4, 0, 4.4); /* room for the marks */
    add_ticks(&c[0], (nn_affine){ 0.1f, 0 }, 3, 3.6);
    add_ticks(&c[1], (nn_affine){ 0.05f, -10 }, 2, 2.6);
    add_ticks(&c[2], (nn_affine){ 0.125f, 5 }, 1, 1.6);
    return save(folder, &p, c, 3);
}

static nn_status draw_requantize(const char *folder, curve *c)
{
    const picture p = { .name = "requantize",
                        .about = { "Accumulators and their codes", "accumulator", "code" } };
    rt_multiplier m;
    rt_multiplier_of(0.025, &m);
    c[0].name = "acc * 0.025 + 3";
    c[1].name = "code, with a relu";
    add_segment(&c[0], -200, -2, 600, 18);
    for (int acc = -200; acc <= 600; acc++)
        add_step(&c[1], acc, fmax(rt_requant(acc, m, RT_ROUND_TWICE), 0) + 3);
    add(&c[1], 600, 18);
    return save(folder, &p, c, 2);
}

static nn_status draw_rounding(const char *folder, curve *c)
{
    const picture p = { .name = "rounding",
                        .about = { "Results that rounding twice changes", "right shift",
                                   "y: one accumulator in 2^y" } };
    c[0].name = "counted";
    c[1].name = "y = shift + 1";
    for (int right = 2; right <= 10; right++) {
        rt_multiplier m;
        const double d = 0.7071 * ldexp(1, -right);
        int n = 0;
        rt_multiplier_of(d, &m);
        for (int32_t acc = -50000; acc <= 50000; acc++)
            n += rt_requant(acc, m, RT_ROUND_TWICE) != (int32_t)round(acc * d);
        add(&c[0], right, nn_log(100001.0 / n) / nn_log(2));
        add(&c[1], right, right + 1);
    }
    return save(folder, &p, c, 2);
}

static nn_status add_sigmoid(curve *c, float scale)
{
    enum { N = 256 };
    int8_t x[N], y[N];
    for (int i = 0; i < N; i++)
        x[i] = (int8_t)(i - 128);
    const tour_op op = { .code = TFL_OP_LOGISTIC,
                         .x = { { x, N, scale, 0 } },
                         .n_x = 1,
                         .y = { NULL, N, 1.0f / 256, -128 } };
    NN_TRY(tour_run_op(y, &op));
    for (int i = 0; i < N; i++) {
        const double at = (x[i] - 0.5) * (double)scale;
        if (at >= -6 && at <= 6)
            add_step(c, at, (y[i] + 128) / 256.0);
    }
    return NN_OK;
}

static nn_status draw_sigmoid(const char *folder, curve *c)
{
    const picture p = { .name = "sigmoid", .about = { "Sigmoid in int8", "x", "sigmoid" } };
    c[0].name = "exact";
    c[1].name = "input scale 1/4";
    c[2].name = "input scale 1";
    for (int i = -60; i <= 60; i++)
        add(&c[0], i / 10.0, nn_sigmoid(i / 10.0));
    NN_TRY(add_sigmoid(&c[1], 0.25f));
    NN_TRY(add_sigmoid(&c[2], 1));
    return save(folder, &p, c, 3);
}

/* ---------------------------------------------------------------------------------------------- */

typedef nn_status draw(const char *folder, curve *c);

static nn_status draw_calibrations(const char *folder)
{
    quant_histogram *h;
    NN_TRY(tour_long_tail_histogram(&h));
    curve *c = calloc(MOST_CURVES, sizeof *c), *d = calloc(MOST_CURVES, sizeof *d);
    nn_status st = c != NULL && d != NULL ? NN_OK : nn_fail(NN_ENOMEM, "out of memory: curves");
    if (st == NN_OK)
        st = draw_calibration(folder, h, c);
    if (st == NN_OK)
        st = draw_divergence(folder, h, d);
    free(c);
    free(d);
    quant_histogram_free(h);
    return st;
}

nn_status tour_pictures(const char *folder)
{
    static draw *const draws[] = { draw_codes,      draw_error,    draw_gradient,
                                   draw_delay,      draw_fold,     draw_add,
                                   draw_requantize, draw_rounding, draw_sigmoid };
    for (size_t i = 0; i < sizeof draws / sizeof draws[0]; i++) {
        curve *c = calloc(MOST_CURVES, sizeof *c);
        nn_status st =
            c != NULL ? draws[i](folder, c) : nn_fail(NN_ENOMEM, "out of memory: curves");
        free(c);
        NN_TRY(st);
    }
    return draw_calibrations(folder);
}
