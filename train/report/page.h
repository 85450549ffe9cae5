/* page - the frame of report.html: sections, figures, tables, and the charts by name.
 *
 * One file that needs nothing else: style inside, pictures as data, no script, and a policy that
 * forbids the browser to fetch anything. */
#ifndef OCTET_TRAIN_REPORT_PAGE_H
#define OCTET_TRAIN_REPORT_PAGE_H

#include "train/report/chart.h"
#include "train/report/facts.h"

/* Where a chart stands in the text. */
typedef struct report_slice {
    char name[64]; /* "loss", "layer-03-weights": the figure's id and the name of its file */
    size_t begin, end;
} report_slice;

typedef struct report_page {
    const report_facts *facts;
    report_text html;
    report_slice *slice;
    int n_slices, room;
} report_page;

/* Begins the page: head, heading, what the run was. */
void report_page_open(report_page *p, const report_facts *f);
void report_page_close(report_page *p);
void report_page_free(report_page *p);

/* <section>: `about` explains it to a reader, NULL: nothing. */
void report_section_open(report_page *p, const char *id, const char *heading, const char *about);
void report_section_close(report_page *p);

/* <figure> with a chart: the chart is written between _chart_begin and _chart_end.  The heading may
 * come from a file. */
void report_figure_open(report_page *p, const char *heading, const char *about);
void report_figure_chart_begin(report_page *p, const char *name);
void report_figure_chart_end(report_page *p);
void report_figure_close(report_page *p);

/* A table; with a summary it is behind a chart, and closed until somebody opens it. */
void report_table_open(report_page *p, const char *summary, const char *const *heading,
                       int columns);
void report_row(report_page *p); /* begins the next one */
void report_cell(report_page *p, const char *text);
void report_cell_number(report_page *p, double x, int digits);
void report_table_close(report_page *p, const char *summary);

/* ---- the sections, in order: each leaves out what there is no material for ------------------- */

void report_notes(report_page *p);
void report_results(report_page *p);
void report_curves(report_page *p);
void report_mistakes(report_page *p);
void report_layers(report_page *p);
void report_sizes(report_page *p);
void report_recipe(report_page *p);

#endif
