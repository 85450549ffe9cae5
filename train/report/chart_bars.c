/* Bars that lie, so that names can be read; each has its number at its end. */
#include <math.h>

#include "train/report/chart_internal.h"

enum { WIDTH = 500, RIGHT = 434, TOP = 10, ROW = 24, BAR = 16, FOOT = 44 };
enum { MOST_LETTERS = 26, LETTER = 7 }; /* of a name: units of width */

/* Room for the longest name. */
static double left_of(const report_bar *bars, int n)
{
    int longest = 0;
    for (int i = 0; i < n; i++) {
        const int length = report_length(bars[i].name);
        longest = length > longest ? length : longest;
    }
    return 14 + LETTER * (longest < MOST_LETTERS ? longest : MOST_LETTERS);
}

static void draw_bar(report_text *t, const report_axis *x, const report_bar *b, double y)
{
    const double zero = report_at(x, 0), end = report_at(x, b->value);
    const bool left = end < zero;
    report_printf(t, "<text class=\"e\" x=\"%g\" y=\"%g\">", x->from - 8, y + BAR - 4);
    report_escape_tail(t, b->name, MOST_LETTERS);
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
        report_axis_of(e.most > e.least ? e : (report_extent){ 0, 1 }, left_of(bars, n), RIGHT, 5);
    const report_axis y = { .from = bottom, .to = TOP };
    report_svg_open(t, c, WIDTH, bottom + (c->x_label != NULL ? FOOT : FOOT - 16));
    report_axis_x(t, &x, &y, c->x_label);
    for (int i = 0; i < n; i++)
        draw_bar(t, &x, &bars[i], TOP + ROW * i);
    report_printf(t, "<path class=\"a\" d=\"M%.4g %dV%g\"/>", report_at(&x, 0), TOP, bottom);
    report_svg_close(t);
}
