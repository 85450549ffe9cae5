/* Curves: points joined by lines, a legend above, dashed lines where something changes. */
#include <math.h>

#include "train/report/chart_internal.h"

enum { WIDTH = 500, HEIGHT = 290, LEFT = 52, RIGHT = 488, TOP = 52, BOTTOM = 246 };
enum { MOST_DOTS = 150 }; /* points of a series that have a tooltip */

typedef struct frame {
    report_axis x, y;
} frame;

static frame make_frame(const report_series *series, int n)
{
    report_extent x = report_nothing, y = report_nothing;
    for (int s = 0; s < n; s++)
        for (int i = 0; i < series[s].n; i++) {
            x = report_widen(x, series[s].x[i]);
            y = report_widen(y, series[s].y[i]);
        }
    return (frame){ report_axis_of(x, LEFT, RIGHT, 6), report_axis_of(y, BOTTOM, TOP, 5) };
}

static bool can_be_drawn(const report_series *s, int i)
{
    return fabs(s->x[i]) < 1e30 && fabs(s->y[i]) < 1e30;
}

/* A gap where a number is missing. */
static void draw_line(report_text *t, const frame *f, const report_series *s, int colour)
{
    char command = 'M';
    report_printf(t, "<path class=\"l s%d\" d=\"", colour);
    for (int i = 0; i < s->n; i++) {
        if (!can_be_drawn(s, i)) {
            command = 'M';
            continue;
        }
        report_xy(t, command, report_at(&f->x, s->x[i]), report_at(&f->y, s->y[i]));
        command = 'L';
    }
    report_put(t, "\"/>");
}

static void draw_dot(report_text *t, const frame *f, const report_series *s, int i, int colour)
{
    report_printf(t, "<circle class=\"f%d\" cx=\"%.4g\" cy=\"%.4g\" r=\"2.5\"><title>", colour,
                  report_at(&f->x, s->x[i]), report_at(&f->y, s->y[i]));
    report_escape(t, s->name);
    report_printf(t, " at %.10g: ", s->x[i]);
    if (s->text != NULL)
        report_escape(t, s->text[i]);
    else
        report_number(t, s->y[i], 6);
    report_put(t, "</title></circle>");
}

/* Evenly spaced ones where there are many; the last one always. */
static void draw_dots(report_text *t, const frame *f, const report_series *s, int colour)
{
    const int every = s->n / MOST_DOTS + 1;
    for (int i = 0; i < s->n; i++)
        if (((s->n - 1 - i) % every == 0) && can_be_drawn(s, i))
            draw_dot(t, f, s, i, colour);
}

static void draw_mark(report_text *t, const frame *f, const report_mark *m, double y)
{
    const double x = report_at(&f->x, m->x);
    const bool left = x > (LEFT + RIGHT) / 2;
    report_printf(t,
                  "<path class=\"d\" d=\"M%.4g %dV%d\"/><text class=\"m%s\" x=\"%.4g\" y=\"%g\">",
                  x, TOP, BOTTOM, left ? " e" : "", left ? x - 5 : x + 5, y);
    report_escape(t, m->label);
    report_put(t, "</text>");
}

/* Names beside a piece of their lines, in columns. */
static void draw_legend(report_text *t, const report_series *series, int n)
{
    const int columns = n < 3 ? n : 3;
    for (int s = 0; s < n; s++) {
        const double x = LEFT + (double)(RIGHT - LEFT) / columns * (s % columns);
        const double y = 12 + 16 * (s / columns);
        report_printf(t, "<path class=\"l s%d\" d=\"M%.4g %gh16\"/><text x=\"%.4g\" y=\"%g\">",
                      s % REPORT_COLOURS, x, y - 4, x + 21, y);
        report_escape_cut(t, series[s].name, 26);
        report_put(t, "</text>");
    }
}

void report_chart_lines(report_text *t, const report_chart *c, const report_series *series,
                        int n_series, const report_mark *marks, int n_marks)
{
    const frame f = make_frame(series, n_series);
    report_svg_open(t, c, WIDTH, HEIGHT);
    draw_legend(t, series, n_series);
    report_axis_y(t, &f.x, &f.y, c->y_label);
    report_axis_x(t, &f.x, &f.y, c->x_label);
    for (int m = 0; m < n_marks; m++)
        draw_mark(t, &f, &marks[m], TOP - 5 + 17 * m);
    for (int s = 0; s < n_series; s++)
        draw_line(t, &f, &series[s], s % REPORT_COLOURS);
    for (int s = 0; s < n_series; s++)
        draw_dots(t, &f, &series[s], s % REPORT_COLOURS);
    report_svg_close(t);
}
