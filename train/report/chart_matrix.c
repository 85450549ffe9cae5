/* A confusion matrix: the darker a cell, the more pictures; right answers lie on the diagonal. */
#include <math.h>

#include "train/report/chart_internal.h"

enum { SIDE = 380, LEFT = 108, TOP = 20, FOOT = 104, RIGHT = 12 };
enum { MOST_NAMES = 32, MOST_NUMBERS = 16 }; /* classes whose names and counts have room */

typedef struct matrix {
    const int64_t *count;
    const char *const *name;
    int n;
    double cell; /* its side */
} matrix;

static int64_t row_sum(const matrix *m, int row)
{
    int64_t sum = 0;
    for (int k = 0; k < m->n; k++)
        sum += m->count[row * m->n + k];
    return sum;
}

static void draw_cell(report_text *t, const matrix *m, int row, int column, int64_t of)
{
    const int64_t count = m->count[row * m->n + column];
    const double x = LEFT + m->cell * column, y = TOP + m->cell * row;
    const double share = of > 0 ? (double)count / (double)of : 0;
    if (count == 0)
        return;
    report_printf(t,
                  "<rect class=\"%s\" x=\"%.4g\" y=\"%.4g\" width=\"%.3g\" height=\"%.3g\" "
                  "fill-opacity=\"%.3g\"><title>",
                  row == column ? "f0" : "f1", x, y, m->cell * 0.96, m->cell * 0.96,
                  0.12 + 0.88 * sqrt(share));
    report_escape(t, m->name[row]);
    report_put(t, row == column ? " recognized: " : " taken for ");
    if (row != column) {
        report_escape(t, m->name[column]);
        report_put(t, ": ");
    }
    report_printf(t, "%lld of %lld</title></rect>", (long long)count, (long long)of);
    if (m->n <= MOST_NUMBERS)
        report_printf(
            t, "<text class=\"c\"%s pointer-events=\"none\" x=\"%.4g\" y=\"%.4g\">%lld</text>",
            share > 0.3 ? " style=\"fill:var(--paper)\"" : "", x + m->cell / 2, y + m->cell / 2 + 4,
            (long long)count);
}

/* What is true stands at the left, what was said below, on end. */
static void draw_names(report_text *t, const matrix *m)
{
    const double bottom = TOP + SIDE + 6;
    for (int i = 0; i < m->n && m->n <= MOST_NAMES; i++) {
        const double at = m->cell * (i + 0.5) + 4;
        report_printf(t, "<text class=\"e\" x=\"%d\" y=\"%.4g\">", LEFT - 5, TOP + at);
        report_escape_cut(t, m->name[i], 15);
        report_printf(t, "</text><text class=\"e\" transform=\"translate(%.4g %g) rotate(-90)\">",
                      LEFT + at, bottom);
        report_escape_cut(t, m->name[i], 13);
        report_put(t, "</text>");
    }
}

void report_chart_matrix(report_text *t, const report_chart *c, const int64_t *count,
                         const char *const *name, int n)
{
    const matrix m = { count, name, n, (double)SIDE / (n > 0 ? n : 1) };
    report_svg_open(t, c, LEFT + SIDE + RIGHT, TOP + SIDE + FOOT);
    report_printf(
        t, "<rect style=\"fill:var(--faint)\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", LEFT,
        TOP, SIDE, SIDE);
    for (int row = 0; row < n; row++) {
        const int64_t of = row_sum(&m, row);
        for (int column = 0; column < n; column++)
            draw_cell(t, &m, row, column, of);
    }
    draw_names(t, &m);
    report_printf(t, "<text class=\"m\" x=\"%d\" y=\"13\">", LEFT);
    report_escape(t, c->y_label);
    report_printf(t, "</text><text class=\"c m\" x=\"%d\" y=\"%d\">", LEFT + SIDE / 2,
                  TOP + SIDE + FOOT - 6);
    report_escape(t, c->x_label);
    report_put(t, "</text>");
    report_svg_close(t);
}
