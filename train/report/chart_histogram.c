/* Histograms over their quantization grid, and the ranges of many channels side by side. */
#include <math.h>

#include "train/report/chart_internal.h"

enum { WIDTH = 400, HEIGHT = 220, LEFT = 44, RIGHT = 388, TOP = 28, BOTTOM = 168, GRID = 176 };

/* ---- histogram ------------------------------------------------------------------------------- */

/* The codes as a band, and a tick for each: dashes of one line. */
static void draw_grid(report_text *t, const report_axis *x, report_grid g)
{
    const double from = report_at(x, g.from), to = report_at(x, g.to);
    const double pitch = g.step / (x->most - x->least) * (x->to - x->from);
    const double dash = fmin(1, pitch / 2);
    report_printf(t, "<rect class=\"q\" x=\"%.4g\" y=\"%d\" width=\"%.4g\" height=\"%d\"/>", from,
                  TOP, to - from, GRID - TOP);
    report_printf(t,
                  "<path class=\"t\" stroke-width=\"8\" stroke-dasharray=\"%.6g %.6g\" "
                  "d=\"M%.6g %dH%.6g\"><title>",
                  dash, pitch - dash, from - dash / 2, GRID - 4, to + dash);
    report_printf(t, "codes from %.6g to %.6g, a step is %.6g</title></path>", g.from, g.to,
                  g.step);
}

static void draw_cell(report_text *t, const report_axis *x, const report_axis *y,
                      const quant_cell *cell)
{
    const double from = report_at(x, cell->from), to = report_at(x, cell->to);
    if (cell->count == 0)
        return;
    const double top = report_at(y, log10((double)cell->count));
    report_printf(t, "<rect class=\"f0\" x=\"%.4g\" y=\"%.4g\" width=\"%.3g\" height=\"%.4g\">",
                  from, top, fmax(to - from - 0.3, 0.5), BOTTOM - top);
    report_printf(t, "<title>%.4g to %.4g: %llu</title></rect>", cell->from, cell->to,
                  (unsigned long long)cell->count);
}

void report_chart_histogram(report_text *t, const report_chart *c, const quant_cell *cells, int n,
                            report_grid grid)
{
    report_extent values = report_nothing;
    uint64_t most = 1;
    for (int i = 0; i < n; i++) {
        values = report_widen(report_widen(values, cells[i].from), cells[i].to);
        most = cells[i].count > most ? cells[i].count : most;
    }
    const bool has_grid = grid.step > 0 && isfinite(grid.step) && grid.to > grid.from;
    if (has_grid)
        values = report_widen(report_widen(values, grid.from), grid.to);
    const report_axis x = report_axis_of(values, LEFT, RIGHT, 6);
    report_axis y = { -0.3, ceil(log10((double)most) + 0.05), BOTTOM, TOP, 1, true };
    y.step = y.most > 5 ? 2 : 1;
    report_svg_open(t, c, WIDTH, HEIGHT);
    report_axis_y(t, &x, &y, c->y_label);
    if (has_grid)
        draw_grid(t, &x, grid);
    for (int i = 0; i < n; i++)
        draw_cell(t, &x, &y, &cells[i]);
    const report_axis foot = { .from = BOTTOM + 10, .to = TOP };
    report_axis_x(t, &x, &foot, c->x_label);
    report_svg_close(t);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

enum { MOST_TOOLTIPS = 128 };

static void draw_values(report_text *t, const report_axis *x, const report_axis *y,
                        const report_range *r, int i, double width)
{
    const double top = report_at(y, r->most), bottom = report_at(y, r->least);
    report_printf(t,
                  "<rect class=\"f0\" x=\"%.4g\" y=\"%.4g\" width=\"%.3g\" height=\"%.4g\"><title>",
                  report_at(x, i) + 0.1 * width, top, 0.8 * width, fmax(bottom - top, 0.5));
    report_printf(t, "channel %d: values %.4g to %.4g", i, r->least, r->most);
    if (r->to > r->from)
        report_printf(t, ", codes %.4g to %.4g", r->from, r->to);
    report_put(t, "</title></rect>");
}

/* Too many to point at: one path. */
static void draw_all_values(report_text *t, const report_axis *x, const report_axis *y,
                            const report_range *r, int n, double width)
{
    report_printf(t, "<path class=\"s0\" stroke-width=\"%.3g\" d=\"", 0.8 * width);
    for (int i = 0; i < n; i++)
        report_printf(t, "M%.4g %.4gV%.4g", report_at(x, i + 0.5), report_at(y, r[i].least),
                      report_at(y, r[i].most));
    report_put(t, "\"/>");
}

/* The ends of the codes, a step line for each side. */
static void draw_codes(report_text *t, const report_axis *x, const report_axis *y,
                       const report_range *r, int n)
{
    for (int side = 0; side < 2; side++) {
        report_put(t, "<path class=\"t\" d=\"");
        for (int i = 0; i < n; i++)
            report_printf(t, "%c%.4g %.4gH%.4g", i == 0 ? 'M' : 'L', report_at(x, i),
                          report_at(y, side == 0 ? r[i].from : r[i].to), report_at(x, i + 1));
        report_put(t, "\"/>");
    }
}

void report_chart_ranges(report_text *t, const report_chart *c, const report_range *ranges, int n)
{
    report_extent values = { 0, 0 };
    bool has_codes = false;
    for (int i = 0; i < n; i++) {
        const report_range *r = &ranges[i];
        values = report_widen(report_widen(values, r->least), r->most);
        values = report_widen(report_widen(values, r->from), r->to);
        has_codes |= r->to > r->from;
    }
    const report_axis x = report_axis_of((report_extent){ 0, n }, LEFT, RIGHT, 6);
    const report_axis y = report_axis_of(values, BOTTOM, TOP, 4);
    const double width = (double)(RIGHT - LEFT) / (n > 0 ? n : 1);
    report_svg_open(t, c, WIDTH, HEIGHT - 10);
    report_axis_y(t, &x, &y, c->y_label);
    if (n > MOST_TOOLTIPS)
        draw_all_values(t, &x, &y, ranges, n, width);
    for (int i = 0; i < n && n <= MOST_TOOLTIPS; i++)
        draw_values(t, &x, &y, &ranges[i], i, width);
    if (has_codes)
        draw_codes(t, &x, &y, ranges, n);
    report_axis_x(t, &x, &y, c->x_label);
    report_svg_close(t);
}
