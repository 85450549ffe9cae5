/* chart_internal - the frame that the charts share: plot area, axes, ticks. */
#ifndef OCTET_TRAIN_REPORT_CHART_INTERNAL_H
#define OCTET_TRAIN_REPORT_CHART_INTERNAL_H

#include "train/report/chart.h"

/* An axis: values least..most lie at pixels from..to. */
typedef struct report_axis {
    double least, most;
    double from, to;
    double step;      /* between ticks */
    bool logarithmic; /* values are powers of 10: least and most are exponents */
} report_axis;

/* A range of values, which report_extent widens. */
typedef struct report_extent {
    double least, most;
} report_extent;
extern const report_extent report_nothing;
report_extent report_widen(report_extent e, double x); /* not by 1e30 and more */

/* The axis that shows an extent on the pixels from..to with some `ticks` round numbers; an extent
 * of nothing or of one value gets room. */
report_axis report_axis_of(report_extent e, double from, double to, int ticks);

/* Where a value lies. */
double report_at(const report_axis *a, double x);

void report_svg_open(report_text *t, const report_chart *c, double width, double height);
void report_svg_close(report_text *t);

/* Grid lines, numbers and labels of a plot area. */
void report_axis_x(report_text *t, const report_axis *x, const report_axis *y, const char *label);
void report_axis_y(report_text *t, const report_axis *x, const report_axis *y, const char *label);

/* A coordinate: a tenth of a unit is finer than anybody can see. */
void report_xy(report_text *t, char command, double x, double y);

#endif
