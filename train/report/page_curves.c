/* How the training went: the lines of log.csv as curves. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/mem.h"
#include "train/report/page.h"

enum { MOST_CURVES = 3, MOST_ROWS = 500 };

/* A chart over some columns of the log. */
typedef struct curves {
    const char *id, *heading, *about, *label;
    const char *column[MOST_CURVES], *name[MOST_CURVES];
    int n;
} curves;

static const curves loss = {
    "loss",
    "Loss",
    "What training makes smaller: the mean cross-entropy, 0 for a network that is sure and right. "
    "When the loss of the validation rises while that of the training falls, the network learns "
    "its pictures by heart.",
    "loss",
    { "train_loss", "val_loss", "int8_loss" },
    { "training pictures", "validation", "validation, int8" },
    3
};
static const curves accuracy = {
    "accuracy",
    "Accuracy",
    "The share of pictures whose class was named first. The int8 curve is measured on the integer "
    "runtime, with the bytes that would be shipped at that moment.",
    "top-1",
    { "train_top1", "val_top1", "int8_top1" },
    { "training pictures", "validation", "validation, int8" },
    3
};
static const curves rate = {
    "rate", "Learning rate", "How far a step goes, as the schedule has it.",
    "lr",   { "lr" },        { "learning rate" },
    1
};

/* ---- a chart --------------------------------------------------------------------------------- */

typedef struct points {
    double *x, *y;
    const char **text;
} points;

static bool get_points(points *to, size_t n)
{
    *to = (points){ nn_mem_alloc(n * sizeof(double)), nn_mem_alloc(n * sizeof(double)),
                    nn_mem_alloc(n * sizeof(char *)) };
    return to->x != NULL && to->y != NULL && to->text != NULL;
}

static void free_points(points *p)
{
    nn_mem_free(p->x);
    nn_mem_free(p->y);
    nn_mem_free((void *)p->text);
}

/* The lines where the column has a number. */
static int collect(points *to, const report_csv *log, const char *column)
{
    const int step = report_csv_column(log, "step"), at = report_csv_column(log, column);
    int n = 0;
    for (int i = 0; i < log->rows; i++) {
        to->x[n] = report_csv_number(log, i, step);
        to->y[n] = report_csv_number(log, i, at);
        to->text[n] = report_csv_text(log, i, at);
        n += isfinite(to->x[n]) && isfinite(to->y[n]);
    }
    return n;
}

/* Lines where the phase changes, at the last step of the former one or, if the recipe says it in
 * steps, where it was. */
static int find_switches(report_mark *mark, int most, const report_csv *log, const char *delay)
{
    const int step = report_csv_column(log, "step"), phase = report_csv_column(log, "phase");
    char *end = NULL;
    const double planned = delay != NULL ? strtod(delay, &end) : NAN;
    const bool in_steps = end != NULL && end != delay && *end == '\0';
    int n = 0;
    for (int i = 1; i < log->rows && n < most; i++) {
        const char *now = report_csv_text(log, i, phase);
        const double before = report_csv_number(log, i - 1, step);
        if (strcmp(now, report_csv_text(log, i - 1, phase)) == 0)
            continue;
        const bool fits =
            in_steps && planned >= before && planned < report_csv_number(log, i, step);
        mark[n++] = (report_mark){ fits ? planned : before,
                                   strcmp(now, "qat") == 0 ? "fake quantization begins" : now };
    }
    return n;
}

static void put_table(report_page *p, const report_csv *log, const curves *c)
{
    const char *column[MOST_CURVES + 3] = { "step", "epoch", "phase" };
    char summary[96];
    const int every = (log->rows + MOST_ROWS - 1) / MOST_ROWS;
    for (int i = 0; i < c->n; i++)
        column[3 + i] = c->column[i];
    snprintf(summary, sizeof summary, every > 1 ? "table: every %d. line of log.csv" : "table",
             every);
    report_table_open(p, summary, column, 3 + c->n);
    for (int i = 0; i < log->rows; i++) {
        if ((log->rows - 1 - i) % every != 0)
            continue;
        report_row(p);
        for (int k = 0; k < 3 + c->n; k++)
            report_cell(p, report_csv_text(log, i, report_csv_column(log, column[k])));
    }
    report_table_close(p, summary);
}

static void put_curves(report_page *p, const report_run *run, int number, const curves *c)
{
    char id[48];
    report_mark mark[4];
    points data[MOST_CURVES] = { 0 };
    report_series series[MOST_CURVES];
    bool fine = true;
    int n = 0;
    const char *delay = report_recipe_value(p->facts->arena, run->recipe, "quant-delay");
    const int marks = find_switches(mark, 4, &run->log, delay);
    for (int i = 0; i < c->n && fine; i++) {
        fine = get_points(&data[i], (size_t)run->log.rows + 1);
        const int count = fine ? collect(&data[i], &run->log, c->column[i]) : 0;
        if (count > 0)
            series[n++] = (report_series){ c->name[i], count, data[i].x, data[i].y, data[i].text };
    }
    p->html.failed |= !fine;
    snprintf(id, sizeof id, number > 0 ? "%s-%d" : "%s", c->id, number);
    report_figure_open(p, c->heading, c->about);
    report_figure_chart_begin(p, id);
    report_chart_lines(&p->html, &(report_chart){ c->heading, "step", c->label }, series, n, mark,
                       marks);
    report_figure_chart_end(p);
    put_table(p, &run->log, c);
    report_figure_close(p);
    for (int i = 0; i < c->n; i++)
        free_points(&data[i]);
}

/* ---- the section ----------------------------------------------------------------------------- */

/* How far the run came, if its log says less than its recipe. */
static void put_run(report_page *p, const report_run *run, int number)
{
    if (run->name[0] != '\0') {
        report_put(&p->html, "<h3>");
        report_escape(&p->html, run->name);
        report_put(&p->html, "</h3>");
    }
    report_put(&p->html, "<div class=\"grid wide\">\n");
    put_curves(p, run, number, &loss);
    put_curves(p, run, number, &accuracy);
    put_curves(p, run, number, &rate);
    report_put(&p->html, "</div>\n");
}

void report_curves(report_page *p)
{
    int shown = 0;
    for (int i = 0; i < p->facts->n_runs; i++) {
        const report_run *run = &p->facts->run[i];
        if (run->log.rows == 0)
            continue;
        if (shown == 0)
            report_section_open(p, "training", "Training",
                                "Each point is a line of <code>log.csv</code>, the mean over the "
                                "steps since the line before. The dashed line is the step from "
                                "which the network computes with rounded weights and activations.");
        put_run(p, run, shown++);
    }
    if (shown > 0)
        report_section_close(p);
}
