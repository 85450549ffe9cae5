#include "train/report/chart.h"

#include <math.h>
#include <string.h>

#include "train/report/chart_internal.h"

/* Okabe & Ito, "Color universal design", 2008: told apart by every kind of colour vision. */
const char report_chart_style[] =
    ":root{--paper:#fff;--ink:#222;--soft:#d5d5d5;--faint:#f1f1f1;--mute:#666;--c0:#0072b2;"
    "--c1:#d55e00;--c2:#009e73;--c3:#b5508a;--c4:#9a7b00;--c5:#4a9fd0}"
    "@media(prefers-color-scheme:dark){:root{--paper:#16181b;--ink:#e4e4e4;--soft:#43474d;"
    "--faint:#23262a;--mute:#a0a4a8;--c0:#56b4e9;--c1:#f0894a;--c2:#2ec49a;--c3:#e08abc;"
    "--c4:#d9b62f;--c5:#8fd0f5}}"
    "@media print{:root{--paper:#fff;--ink:#000;--soft:#bbb;--faint:#eee;--mute:#444;--c0:#0072b2;"
    "--c1:#d55e00;--c2:#009e73;--c3:#b5508a;--c4:#9a7b00;--c5:#4a9fd0}}"
    "svg.chart{font:12px system-ui,sans-serif;max-width:100%;height:auto;display:block}"
    "svg.chart text{fill:var(--ink)}svg.chart .m{fill:var(--mute)}"
    "svg.chart .g{stroke:var(--soft);stroke-width:1;fill:none}"
    "svg.chart .a{stroke:var(--ink);stroke-width:1;fill:none}"
    "svg.chart .d{stroke:var(--mute);stroke-dasharray:4 3;fill:none}"
    "svg.chart .l{fill:none;stroke-width:2;stroke-linejoin:round}"
    "svg.chart .e{text-anchor:end}svg.chart .c{text-anchor:middle}"
    "svg.chart .q{fill:var(--c2);fill-opacity:.14}svg.chart .t{stroke:var(--c2);fill:none}"
    "svg.chart .s0{stroke:var(--c0)}svg.chart .s1{stroke:var(--c1)}svg.chart .s2{stroke:var(--c2)}"
    "svg.chart .s3{stroke:var(--c3)}svg.chart .s4{stroke:var(--c4)}svg.chart .s5{stroke:var(--c5)}"
    "svg.chart .f0{fill:var(--c0)}svg.chart .f1{fill:var(--c1)}svg.chart .f2{fill:var(--c2)}"
    "svg.chart .f3{fill:var(--c3)}svg.chart .f4{fill:var(--c4)}svg.chart .f5{fill:var(--c5)}";

void report_chart_alone(report_text *t, const char *svg, size_t size)
{
    const char *inside = memchr(svg, '>', size);
    if (inside == NULL)
        return;
    const int head = (int)(inside - svg) + 1;
    report_put(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    report_printf(t,
                  "%.*s<style>%s</style><rect width=\"100%%\" height=\"100%%\" "
                  "style=\"fill:var(--paper)\"/>%.*s\n",
                  head, svg, report_chart_style, (int)size - head, svg + head);
}

/* ---- axes ------------------------------------------------------------------------------------ */

const report_extent report_nothing = { INFINITY, -INFINITY };

report_extent report_widen(report_extent e, double x)
{
    if (!(fabs(x) < 1e30))
        return e;
    x = fabs(x) < 1e-30 ? 0 : x;
    return (report_extent){ fmin(e.least, x), fmax(e.most, x) };
}

/* 1, 2 or 5 times a power of 10, not below x. */
static double round_step(double x)
{
    const double power = pow(10, floor(log10(x)));
    const double digit = x / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

report_axis report_axis_of(report_extent e, double from, double to, int ticks)
{
    if (!(e.least <= e.most))
        e = (report_extent){ 0, 1 };
    const double size = fmax(fabs(e.least), fabs(e.most));
    if (!(e.most - e.least > 1e-9 * size)) {
        e.least -= size > 0 ? 0.05 * size : 0.5;
        e.most += size > 0 ? 0.05 * size : 0.5;
    }
    return (report_axis){ .least = e.least,
                          .most = e.most,
                          .from = from,
                          .to = to,
                          .step = round_step((e.most - e.least) / ticks) };
}

double report_at(const report_axis *a, double x)
{
    const double share = (x - a->least) / (a->most - a->least);
    return a->from + fmin(fmax(share, 0), 1) * (a->to - a->from);
}

/* The i-th tick, or NAN behind the last. */
static double tick(const report_axis *a, int i)
{
    const double x = (ceil(a->least / a->step - 1e-9) + i) * a->step;
    return x <= a->most + 1e-9 * a->step ? x : NAN;
}

static void put_number(report_text *t, const report_axis *a, double x)
{
    static const char *const powers[] = { "1",    "10", "100", "1k",   "10k",
                                          "100k", "1M", "10M", "100M", "1G" };
    if (a->logarithmic && x >= 0 && x < 9.5)
        report_put(t, powers[(int)(x + 0.5)]);
    else
        report_printf(t, "%.4g", fabs(x) < 1e-9 * a->step ? 0 : a->logarithmic ? pow(10, x) : x);
}

/* ---- the frame ------------------------------------------------------------------------------- */

void report_svg_open(report_text *t, const report_chart *c, double width, double height)
{
    report_printf(t,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 %g %g\" "
                  "width=\"%g\" height=\"%g\" role=\"img\" aria-label=\"",
                  width, height, width, height);
    report_escape(t, c->title);
    report_put(t, "\">");
}

void report_svg_close(report_text *t)
{
    report_put(t, "</svg>\n");
}

void report_xy(report_text *t, char command, double x, double y)
{
    report_printf(t, "%c%.4g %.4g", command, x, y);
}

void report_axis_x(report_text *t, const report_axis *x, const report_axis *y, const char *label)
{
    double value;
    for (int i = 0; isfinite(value = tick(x, i)); i++) {
        const double at = report_at(x, value);
        report_printf(
            t, "<path class=\"g\" d=\"M%.4g %gv5\"/><text class=\"c m\" x=\"%.4g\" y=\"%g\">", at,
            y->from, at, y->from + 18);
        put_number(t, x, value);
        report_put(t, "</text>");
    }
    report_printf(t, "<path class=\"a\" d=\"M%g %gH%g\"/>", x->from, y->from, x->to);
    if (label != NULL) {
        report_printf(t, "<text class=\"c m\" x=\"%g\" y=\"%g\">", (x->from + x->to) / 2,
                      y->from + 35);
        report_escape(t, label);
        report_put(t, "</text>");
    }
}

void report_axis_y(report_text *t, const report_axis *x, const report_axis *y, const char *label)
{
    double value;
    for (int i = 0; isfinite(value = tick(y, i)); i++) {
        const double at = report_at(y, value);
        report_printf(
            t, "<path class=\"g\" d=\"M%g %.4gH%g\"/><text class=\"e m\" x=\"%g\" y=\"%.4g\">",
            x->from, at, x->to, x->from - 6, at + 4);
        put_number(t, y, value);
        report_put(t, "</text>");
    }
    if (label != NULL) {
        report_printf(t, "<text class=\"m\" x=\"4\" y=\"%g\">", y->to - 10);
        report_escape(t, label);
        report_put(t, "</text>");
    }
}
