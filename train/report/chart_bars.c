/* Bars that lie, so that names can be read; each has its number at its end. */
#include <math.h>

#include "train/report/chart_internal.h"

enum { WIDTH = 500, LEFT = 128, RIGHT = 430, TOP = 10, ROW = 24, BAR = 16, FOOT = 44 };

static void draw_bar(report_text *t, const report_axis *x, const report_bar *b, double y)
{
    const double zero = report_at(x, 0), end = report_at(x, b->value);
    const bool left = end < zero;
    report_printf(t, "<text class=\"e\" x=\"%d\" y=\"%g\">", LEFT - 8, y + BAR - 4);
    report_escape_cut(t, b->name, 19);
    report_put(t, "</text>");
    if (isfinite(b->value)) {
        report_printf(
            t, "<rect class=\"f%d\" x=\"%.4g\" y=\"%g\" width=\"%.4g\" height=\"%d\"><title>",
            b->colour % REPORT_COLOURS, left ? end : zero, y, fabs(end - zero), BAR);
        report_escape(t, b->name);
        report_put(t, ": ");
        report_escape(t, b->text);
        report_put(t, "</title></rect>");
    }
    /* a number has room to the left of a bar as long as the bar is not the longest */
    const double at = isfinite(b->value) ? fmax(end, zero) : zero;
    report_printf(t, "<text x=\"%.4g\" y=\"%g\">", at + 5, y + BAR - 4);
    report_escape_cut(t, b->text, 18);
    report_put(t, "</text>");
}

void report_chart_bars(report_text *t, const report_chart *c, const report_bar *bars, int n)
{
    report_extent e = { 0, 0 };
    for (int i = 0; i < n; i++)
        e = report_widen(e, bars[i].value);
    const double bottom = TOP + ROW * n;
    const report_axis x =
        report_axis_of(e.most > e.least ? e : (report_extent){ 0, 1 }, LEFT, RIGHT, 5);
    const report_axis y = { .from = bottom, .to = TOP };
    report_svg_open(t, c, WIDTH, bottom + (c->x_label != NULL ? FOOT : FOOT - 16));
    report_axis_x(t, &x, &y, c->x_label);
    for (int i = 0; i < n; i++)
        draw_bar(t, &x, &bars[i], TOP + ROW * i);
    report_printf(t, "<path class=\"a\" d=\"M%.4g %dV%g\"/>", report_at(&x, 0), TOP, bottom);
    report_svg_close(t);
}
