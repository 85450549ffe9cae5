/* chart - pictures of numbers, as SVG.
 *
 * Each function writes one <svg> element, the same bytes for the same numbers, drawn for a page of
 * some 500 units width and still readable on a phone.  What a mark stands for is its tooltip.
 * Colours are those of report_chart_style, light or dark as the reader's screen; in an element of
 * its own the style stands inside (report_chart_alone).  Numbers that are not finite are left
 * out. */
#ifndef OCTET_TRAIN_REPORT_CHART_H
#define OCTET_TRAIN_REPORT_CHART_H

#include "quant/histogram.h"
#include "train/report/text.h"

/* CSS of the charts: goes into a page's <style>. */
extern const char report_chart_style[];

/* What all have. */
typedef struct report_chart {
    const char *title;             /* for who cannot see it */
    const char *x_label, *y_label; /* NULL: none */
} report_chart;

/* ---- lines: a number against another --------------------------------------------------------- */

typedef struct report_series {
    const char *name;
    int n;
    const double *x, *y;
    const char *const *text; /* [n] y as tooltips say it; NULL: its digits */
} report_series;

/* A vertical line where something changes. */
typedef struct report_mark {
    double x;
    const char *label;
} report_mark;

enum { REPORT_COLOURS = 6 }; /* series of one chart that can be told apart */
void report_chart_lines(report_text *t, const report_chart *c, const report_series *series,
                        int n_series, const report_mark *marks, int n_marks);

/* ---- bars: a number for each name ------------------------------------------------------------ */

typedef struct report_bar {
    const char *name, *text; /* text: the number as it is written at the bar's end */
    double value;
    int colour; /* 0 .. REPORT_COLOURS - 1 */
} report_bar;

/* From 0 to the right, or to the left below it. */
void report_chart_bars(report_text *t, const report_chart *c, const report_bar *bars, int n);

/* ---- histograms: how often which value occurs, and the quantization grid under it ------------ */

/* Codes from..to, a tick for each step; `step` 0: there is no grid. */
typedef struct report_grid {
    double from, to, step;
} report_grid;

/* Counts on a logarithmic scale, so that a single outlier can be seen. */
void report_chart_histogram(report_text *t, const report_chart *c, const quant_cell *cells, int n,
                            report_grid grid);

/* ---- ranges: the values of each channel, and how far its codes reach ------------------------- */

typedef struct report_range {
    double least, most; /* of the values */
    double from, to;    /* of the codes; equal: no grid */
} report_range;

void report_chart_ranges(report_text *t, const report_chart *c, const report_range *ranges, int n);

/* ---- matrix: how often class i was taken for class k ----------------------------------------- */

/*   count   [n, n]: rows are what is true, columns what was said
 *   name    [n] */
void report_chart_matrix(report_text *t, const report_chart *c, const int64_t *count,
                         const char *const *name, int n);

/* ---------------------------------------------------------------------------------------------- */

/* A file of its own from a chart's text: with the XML declaration and the style in it. */
void report_chart_alone(report_text *t, const char *svg, size_t size);

#endif
