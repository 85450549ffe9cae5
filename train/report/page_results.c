/* What came out: float, quantized after training, fine-tuned, side by side. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/report/page.h"

enum { MOST_BARS = 48, MOST_ROWS = 1000, TEXT = 32 };
enum { FLOAT_COLOUR, POST_COLOUR, TRAINED_COLOUR, FAKE_COLOUR };

/* A row of the charts: the mean over the seeds of one method. */
typedef struct result {
    const char *name;
    int n; /* seeds */
    double top1, delta;
    char top1_text[TEXT], delta_text[TEXT];
} result;

typedef struct results {
    int n;
    result row[MOST_BARS];
} results;

static result *find(results *r, const char *name)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->row[i].name, name) == 0)
            return &r->row[i];
    if (r->n == MOST_BARS)
        return NULL;
    r->row[r->n] = (result){ .name = name };
    return &r->row[r->n++];
}

static void add(results *r, const char *name, double top1, double delta)
{
    result *row = isfinite(top1) ? find(r, name) : NULL;
    if (row == NULL)
        return;
    row->n++;
    row->top1 += (top1 - row->top1) / row->n;
    row->delta += (delta - row->delta) / row->n;
}

static void describe(results *r)
{
    for (int i = 0; i < r->n; i++) {
        result *row = &r->row[i];
        snprintf(row->top1_text, TEXT, "%.2f %%", 100 * row->top1);
        snprintf(row->delta_text, TEXT, "%+.2f", 100 * row->delta);
    }
}

static bool starts_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

static int colour_of(const char *name)
{
    return strstr(name, "float") != NULL        ? FLOAT_COLOUR
           : strstr(name, "fake-quant") != NULL ? FAKE_COLOUR
           : starts_with(name, "qat") || starts_with(name, "w") || strstr(name, "int8") != NULL
               ? TRAINED_COLOUR
               : POST_COLOUR;
}

/* ---- the charts ------------------------------------------------------------------------------ */

static void put_accuracies(report_page *p, const results *r)
{
    report_bar bar[MOST_BARS];
    for (int i = 0; i < r->n; i++)
        bar[i] = (report_bar){ r->row[i].name, r->row[i].top1_text, 100 * r->row[i].top1,
                               colour_of(r->row[i].name) };
    report_figure_open(p, "Accuracy on the test pictures",
                       "The share of pictures whose class is named first.");
    report_figure_chart_begin(p, "results");
    report_chart_bars(&p->html,
                      &(report_chart){ "Accuracy on the test pictures", "top-1, per cent", NULL },
                      bar, r->n);
    report_figure_chart_end(p);
}

/* The means that the bars show; of one seed, the numbers of the file. */
static void put_means(report_page *p, const results *r)
{
    static const char *const heads[] = { "method", "seeds", "top1", "delta" };
    report_table_open(p, "table", heads, 4);
    for (int i = 0; i < r->n; i++) {
        report_row(p);
        report_cell(p, r->row[i].name);
        report_cell_number(p, r->row[i].n, 4);
        report_cell_number(p, r->row[i].top1, 6);
        report_cell_number(p, r->row[i].delta, 6);
    }
    report_table_close(p, "table");
}

static void put_deltas(report_page *p, const results *r)
{
    report_bar bar[MOST_BARS];
    int n = 0;
    for (int i = 0; i < r->n; i++)
        if (isfinite(r->row[i].delta) && strcmp(r->row[i].name, "float") != 0)
            bar[n++] = (report_bar){ r->row[i].name, r->row[i].delta_text, 100 * r->row[i].delta,
                                     colour_of(r->row[i].name) };
    if (n == 0)
        return;
    report_figure_open(p, "What quantization costs",
                       "The same as differences from the float network, in points of a per cent.");
    report_figure_chart_begin(p, "deltas");
    report_chart_bars(
        &p->html, &(report_chart){ "Difference from the float network", "points", NULL }, bar, n);
    report_figure_chart_end(p);
    put_means(p, r);
    report_figure_close(p);
}

static void put_csv(report_page *p, const report_csv *c, const char *summary)
{
    report_table_open(p, summary, c->name, c->columns);
    for (int i = 0; i < c->rows && i < MOST_ROWS; i++) {
        report_row(p);
        for (int k = 0; k < c->columns; k++)
            report_cell(p, report_csv_text(c, i, k));
    }
    report_table_close(p, summary);
}

/* ---- from compare.csv ------------------------------------------------------------------------ */

static void put_experiment(report_page *p)
{
    const report_csv *c = &p->facts->table;
    const int name = report_csv_column(c, "method"), top1 = report_csv_column(c, "top1");
    const int delta = report_csv_column(c, "delta");
    results r = { 0 };
    for (int i = 0; i < c->rows; i++)
        add(&r, report_csv_text(c, i, name), report_csv_number(c, i, top1),
            report_csv_number(c, i, delta));
    describe(&r);
    report_section_open(p, "scores", "Results",
                        "One float network, made into integers in several ways: with ranges "
                        "measured after training, or by fine-tuning with fake quantization "
                        "(<i>qat</i>). Bars are means over the seeds.");
    report_put(&p->html, "<div class=\"grid wide\">\n");
    put_accuracies(p, &r);
    put_csv(p, c, "table");
    report_figure_close(p);
    put_deltas(p, &r);
    report_put(&p->html, "</div>\n");
    report_section_close(p);
}

/* ---- from test.csv --------------------------------------------------------------------------- */

/* The differences of a run are those from its own first row, of the network before rounding. */
static void add_run(results *r, nn_arena *a, const report_run *run, int n_runs)
{
    const report_csv *c = &run->test;
    const int network = report_csv_column(c, "network"), top1 = report_csv_column(c, "top1");
    for (int i = 0; i < c->rows; i++) {
        const char *what = report_csv_text(c, i, network);
        const char *name = n_runs > 1 ? nn_arena_printf(a, "%s %s", run->name, what) : what;
        if (name != NULL)
            add(r, name, report_csv_number(c, i, top1), NAN);
    }
}

static void put_tests(report_page *p)
{
    const report_facts *f = p->facts;
    results r = { 0 };
    for (int i = 0; i < f->n_runs; i++)
        add_run(&r, f->arena, &f->run[i], f->n_runs);
    describe(&r);
    if (r.n == 0)
        return;
    report_section_open(p, "scores", "Results",
                        "The test pictures are used once, at the end, on the weights that are "
                        "shipped. <i>int8</i> is measured on the integer runtime.");
    put_accuracies(p, &r);
    for (int i = 0; i < f->n_runs; i++)
        if (f->run[i].test.rows > 0)
            put_csv(p, &f->run[i].test, "table");
    report_figure_close(p);
    report_section_close(p);
}

void report_results(report_page *p)
{
    if (p->facts->table.rows > 0)
        put_experiment(p);
    else
        put_tests(p);
}
