/* What quantization does to each layer: a table, and each tensor's values over its grid. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/mem.h"
#include "train/report/page.h"

enum { MOST_CELLS = 64, MOST_CHANNELS = 64, TEXT = 64 };

static bool has_grid(const quant_tensor_stats *t)
{
    return t->scale[0] > 0;
}

/* A share as per cent; so few that digits would only confuse are few. */
static void put_share(report_text *t, double share)
{
    if (share < 1e-6)
        report_put(t, share > 0 ? "&lt; 0.0001 %" : "0 %");
    else
        report_printf(t, "%.4f %%", 100 * share);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char *const columns[] = { "tensor",   "kind",        "shape",      "least",
                                       "greatest", "scale",       "zero point", "clipped",
                                       "SQNR",     "equal codes", "most steps" };
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

/* One number, or the least and the greatest of the channels'. */
static void put_scale(report_page *p, const quant_tensor_stats *t)
{
    float least = t->scale[0], most = t->scale[0];
    for (int c = 1; c < t->channels; c++) {
        least = fminf(least, t->scale[c]);
        most = fmaxf(most, t->scale[c]);
    }
    report_put(&p->html, "<td>");
    if (!has_grid(t))
        report_put(&p->html, "&ndash;");
    else if (t->channels == 1)
        report_printf(&p->html, "%.6g", (double)least);
    else
        report_printf(&p->html, "%.4g &hellip; %.4g", (double)least, (double)most);
    report_put(&p->html, "</td>");
}

static void put_match(report_page *p, const quant_tensor_stats *t)
{
    const ex_layer_match *m = report_look_match(&p->facts->look, t->name);
    if (m == NULL || t->is_weight || m->n == 0)
        report_put(&p->html, "<td></td><td></td>");
    else
        report_printf(&p->html, "<td>%.4f %%</td><td>%d</td>",
                      100 * (double)m->equal / (double)m->n, m->largest);
}

static void put_row(report_page *p, const quant_tensor_stats *t, int i)
{
    char shape[TEXT];
    report_row(p);
    report_printf(&p->html, "<td><a href=\"#layer-%d\">", i);
    report_escape(&p->html, t->name);
    report_printf(&p->html, "</a></td><td>%s</td>", t->is_weight ? "weight" : "activation");
    report_cell(p, nn_shape_text(t->shape, shape));
    report_cell_number(p, (double)t->values->min, 4);
    report_cell_number(p, (double)t->values->max, 4);
    put_scale(p, t);
    if (has_grid(t)) {
        report_printf(&p->html, "<td>%d</td><td>", (int)t->zero_point[0]);
        put_share(&p->html, quant_stats_clipped(t));
        report_put(&p->html, "</td>");
    } else {
        report_put(&p->html, "<td>&ndash;</td><td>&ndash;</td>");
    }
    report_put(&p->html, "<td>");
    report_number(&p->html, quant_stats_sqnr_db(t), 4);
    report_put(&p->html, "</td>");
    put_match(p, t);
}

static void put_table(report_page *p, const quant_stats *s)
{
    report_table_open(p, NULL, columns, N_COLUMNS);
    for (int i = 0; i < s->n; i++)
        put_row(p, &s->tensor[i], i);
    report_table_close(p, NULL);
}

/* ---- noise of all ---------------------------------------------------------------------------- */

/* Bars of the SQNR, so that the weakest tensor is seen at once. */
static void put_noise(report_page *p, const quant_stats *s)
{
    static const char *const heads[] = { "tensor", "SQNR, dB" };
    static const char about[] =
        "Signal to quantization noise of each tensor, in decibels: how loud its values are against "
        "the error of their rounding. 6 dB more are one bit more; the shortest bar is where a "
        "layer "
        "loses most.";
    report_bar *bar = nn_mem_alloc((size_t)(s->n > 0 ? s->n : 1) * sizeof *bar);
    int n = 0;
    for (int i = 0; bar != NULL && i < s->n; i++) {
        const double db = quant_stats_sqnr_db(&s->tensor[i]);
        const char *text = nn_arena_printf(p->facts->arena, "%.1f", db);
        if (isfinite(db) && text != NULL)
            bar[n++] = (report_bar){ s->tensor[i].name, text, db, s->tensor[i].is_weight ? 1 : 0 };
    }
    p->html.failed |= bar == NULL;
    if (n > 0) {
        report_figure_open(p, "Noise of the rounding", about);
        report_figure_chart_begin(p, "noise");
        report_chart_bars(&p->html,
                          &(report_chart){ "Signal to quantization noise",
                                           "dB (weights orange, "
                                           "activations blue)",
                                           NULL },
                          bar, n);
        report_figure_chart_end(p);
        report_table_open(p, "table", heads, 2);
        for (int i = 0; i < n; i++) {
            report_row(p);
            report_cell(p, bar[i].name);
            report_cell_number(p, bar[i].value, 6);
        }
        report_table_close(p, "table");
        report_figure_close(p);
    }
    nn_mem_free(bar);
}

/* ---- histograms ------------------------------------------------------------------------------ */

/* Of many channels, the grid with the longest steps: the others lie inside. */
static report_grid grid_of(const quant_tensor_stats *t)
{
    int widest = 0;
    for (int c = 1; c < t->channels; c++)
        widest = t->scale[c] > t->scale[widest] ? c : widest;
    const double scale = (double)t->scale[widest], zero = t->zero_point[widest];
    return (report_grid){ scale * (t->grid.qmin - zero), scale * (t->grid.qmax - zero), scale };
}

static void put_histogram_table(report_page *p, const quant_cell *cell, int n)
{
    static const char *const heads[] = { "from", "to", "values" };
    report_table_open(p, "table", heads, 3);
    for (int i = 0; i < n; i++) {
        report_row(p);
        report_cell_number(p, cell[i].from, 6);
        report_cell_number(p, cell[i].to, 6);
        report_cell_number(p, (double)cell[i].count, 15);
    }
    report_table_close(p, "table");
}

static void put_histogram(report_page *p, const quant_tensor_stats *t, int i)
{
    char id[TEXT];
    quant_cell cell[MOST_CELLS];
    const int n = quant_histogram_cells(cell, MOST_CELLS, t->values);
    snprintf(id, sizeof id, "histogram-%d", i);
    report_figure_chart_begin(p, id);
    report_chart_histogram(
        &p->html,
        &(report_chart){ "Histogram over the quantization grid", NULL, "values (logarithmic)" },
        cell, n, has_grid(t) ? grid_of(t) : (report_grid){ 0 });
    report_figure_chart_end(p);
    put_histogram_table(p, cell, n);
}

/* ---- channels -------------------------------------------------------------------------------- */

static report_range range_of(const quant_tensor_stats *t, int c)
{
    const double scale = (double)t->scale[c], zero = t->zero_point[c];
    return (report_range){ (double)t->least[c], (double)t->most[c], scale * (t->grid.qmin - zero),
                           scale * (t->grid.qmax - zero) };
}

/* At most MOST_CHANNELS, evenly spaced. */
static void put_channel_table(report_page *p, const quant_tensor_stats *t)
{
    static const char *const heads[] = { "channel", "least", "greatest", "scale" };
    const int every = (t->channels + MOST_CHANNELS - 1) / MOST_CHANNELS;
    char summary[TEXT];
    snprintf(summary, sizeof summary, every > 1 ? "table: one channel in %d" : "table", every);
    report_table_open(p, summary, heads, 4);
    for (int c = 0; c < t->channels; c += every) {
        report_row(p);
        report_cell_number(p, c, 9);
        report_cell_number(p, (double)t->least[c], 6);
        report_cell_number(p, (double)t->most[c], 6);
        report_cell_number(p, (double)t->scale[c], 6);
    }
    report_table_close(p, summary);
}

static void put_channels(report_page *p, const quant_tensor_stats *t, int i)
{
    char id[TEXT];
    report_range *range = nn_mem_alloc((size_t)t->channels * sizeof *range);
    p->html.failed |= range == NULL;
    for (int c = 0; range != NULL && c < t->channels; c++)
        range[c] = range_of(t, c);
    snprintf(id, sizeof id, "channels-%d", i);
    report_figure_chart_begin(p, id);
    if (range != NULL)
        report_chart_ranges(&p->html,
                            &(report_chart){ "Values of each channel and its codes' ends",
                                             "output channel", "weights" },
                            range, t->channels);
    report_figure_chart_end(p);
    put_channel_table(p, t);
    nn_mem_free(range);
}

static void put_tensor(report_page *p, const quant_tensor_stats *t, int i)
{
    report_printf(&p->html, "<div id=\"layer-%d\">", i);
    report_figure_open(p, t->name, NULL);
    report_printf(&p->html, "<p>%s, %llu values", t->is_weight ? "weight" : "activation",
                  (unsigned long long)t->values->n);
    if (has_grid(t)) {
        report_put(&p->html, ", ");
        put_share(&p->html, quant_stats_clipped(t));
        report_put(&p->html, " clipped");
    }
    report_put(&p->html, "</p>");
    put_histogram(p, t, i);
    if (t->is_weight && t->channels > 1)
        put_channels(p, t, i);
    report_figure_close(p);
    report_put(&p->html, "</div>\n");
}

/* ---- the section ----------------------------------------------------------------------------- */

static void put_about(report_page *p)
{
    const report_look *l = &p->facts->look;
    report_printf(&p->html,
                  "<p>Every tensor that the integer network holds, measured on %d of the %d %s "
                  "pictures, batch norm folded into the weights. A real number is <code>scale "
                  "&times; (code &minus; zero point)</code>. <b>Clipped</b> is the share of values "
                  "beyond the last code. <b>SQNR</b>, in decibels, says how loud the values are "
                  "against the error of their rounding. ",
                  l->pictures, l->of, ds_split_name(l->split));
    if (l->no_match == NULL)
        report_printf(&p->html,
                      "<b>Equal codes</b>: given the same input, how often the integer runtime "
                      "computes the very code that training predicted, on %lld pictures; the last "
                      "column is the largest difference.",
                      (long long)l->match.pictures);
    if (!p->facts->network->has_ranges)
        report_put(&p->html, "This network has no quantization ranges yet: the values are shown "
                             "without a grid.");
    report_put(&p->html, "</p>\n");
}

void report_layers(report_page *p)
{
    const quant_stats *s = p->facts->look.stats;
    if (!p->facts->has_look || s == NULL)
        return;
    report_section_open(p, "layers", "Layers", NULL);
    put_about(p);
    put_table(p, s);
    report_put(&p->html, "<div class=\"grid wide\">\n");
    put_noise(p, s);
    report_put(&p->html, "</div><h3>Values and their grid</h3><p>How often which value occurs. The "
                         "green ticks are the codes, and the green band is as far as they reach "
                         "(with a scale for each channel: those of the widest channel). A good "
                         "grid covers nearly all values and wastes few codes on empty room. Below "
                         "a weight: the range of each output channel between the ends of its "
                         "codes.</p><div class=\"grid\">\n");
    for (int i = 0; i < s->n; i++)
        put_tensor(p, &s->tensor[i], i);
    report_put(&p->html, "</div>\n");
    report_section_close(p);
}
