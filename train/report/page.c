#include "train/report/page.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"

static const char page_style[] =
    "body{margin:0 auto;max-width:1120px;padding:0 16px 48px;background:var(--paper);"
    "color:var(--ink);font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}"
    "h1{font-size:1.5em;overflow-wrap:anywhere;margin:24px 0 4px}h2{margin:40px 0 4px}"
    "h3{font-size:1em;margin:24px 0 2px;overflow-wrap:anywhere}figure h3{margin-top:0}"
    "p{max-width:46em;margin:4px 0 12px}figure p{font-size:.875em;color:var(--mute)}"
    "code,pre{font:.875em ui-monospace,monospace}pre{overflow:auto;background:var(--faint);"
    "padding:10px}"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));"
    "gap:24px}.grid.wide{grid-template-columns:repeat(auto-fill,minmax(min(100%,430px),1fr))}"
    "figure{margin:0;min-width:0;break-inside:avoid}.scroll{overflow-x:auto;margin-bottom:12px}"
    "table{border-collapse:collapse;font-size:.8125em;font-variant-numeric:tabular-nums}"
    "th,td{padding:3px 10px 3px 0;text-align:right;white-space:nowrap;"
    "border-bottom:1px solid var(--soft)}"
    "th:first-child,td:first-child,td.t,th.t{text-align:left}thead th{color:var(--mute);"
    "font-weight:600}"
    "summary{cursor:pointer;color:var(--mute);font-size:.8125em;margin:4px 0}"
    ".note{border-left:4px solid var(--c1);padding:4px 12px;background:var(--faint)}"
    ".mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:16px}"
    ".mistakes figure{font-size:.8125em;line-height:1.35}.mistakes img{width:96px;display:block;"
    "image-rendering:pixelated;margin-bottom:4px}"
    "@media print{body{max-width:none;font-size:11pt}summary{display:none}"
    "section{break-inside:auto}h2,h3{break-after:avoid}}";

/* ---- the frame ------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void put_network(report_page *p)
{
    const train_network *n = p->facts->network;
    if (n == NULL)
        return;
    const train_prep *prep = &n->info.prep;
    report_put(&p->html, "<p>Network <b>");
    report_escape(&p->html, n->info.recipe.model.model);
    report_printf(&p->html,
                  "</b>: %zu parameters, %.2f million multiply-accumulates for a picture of "
                  "%d&times;%d&times;%d, %d classes; %lld training steps%s.</p>",
                  nn_params_trained_count(n->params), (double)nn_graph_macs(n->graph) / 1e6,
                  prep->height, prep->width, prep->channels, n->info.classes,
                  (long long)n->info.step,
                  n->info.quantized ? ", the last of them with fake quantization" : "");
    if (n->info.made != NULL) {
        report_put(&p->html, "<p>Quantized after training: ");
        report_escape(&p->html, n->info.made);
        report_put(&p->html, ".</p>\n");
    }
}

void report_page_open(report_page *p, const report_facts *f)
{
    *p = (report_page){ .facts = f };
    report_text *t = &p->html;
    report_put(t, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                  "<meta name=\"color-scheme\" content=\"light dark\">"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
                  "style-src 'unsafe-inline';img-src data:\">"
                  "<link rel=\"icon\" href=\"data:,\"><title>octet: ");
    report_escape(t, base_name(f->folder));
    report_printf(t, "</title>\n<style>%s%s</style></head>\n<body><h1>", report_chart_style,
                  page_style);
    report_escape(t, f->folder);
    report_put(t, "</h1>\n");
    put_network(p);
}

void report_page_close(report_page *p)
{
    report_put(&p->html, "<p><small>Written by octet " OCTET_VERSION
                         ". Point at a mark to read its number; every chart has its table below it."
                         "</small></p></body></html>\n");
}

void report_page_free(report_page *p)
{
    report_text_free(&p->html);
    nn_mem_free(p->slice);
    *p = (report_page){ 0 };
}

/* ---- sections and figures -------------------------------------------------------------------- */

void report_section_open(report_page *p, const char *id, const char *heading, const char *about)
{
    report_printf(&p->html, "<section id=\"%s\"><h2>%s</h2>\n", id, heading);
    if (about != NULL)
        report_printf(&p->html, "<p>%s</p>\n", about);
}

void report_section_close(report_page *p)
{
    report_put(&p->html, "</section>\n");
}

void report_figure_open(report_page *p, const char *heading, const char *about)
{
    report_put(&p->html, "<figure><h3>");
    report_escape(&p->html, heading);
    report_put(&p->html, "</h3>");
    if (about != NULL)
        report_printf(&p->html, "<p>%s</p>", about);
    report_put(&p->html, "\n");
}

static bool make_room(report_page *p)
{
    if (p->n_slices < p->room)
        return true;
    const int room = 2 * p->room + 64;
    report_slice *larger = nn_mem_alloc((size_t)room * sizeof *larger);
    if (larger == NULL)
        return false;
    if (p->n_slices > 0)
        memcpy(larger, p->slice, (size_t)p->n_slices * sizeof *larger);
    nn_mem_free(p->slice);
    p->slice = larger;
    p->room = room;
    return true;
}

void report_figure_chart_begin(report_page *p, const char *name)
{
    report_printf(&p->html, "<div class=\"chart\" id=\"%s\">", name);
    p->html.failed |= !make_room(p);
    if (p->html.failed)
        return;
    report_slice *s = &p->slice[p->n_slices];
    *s = (report_slice){ .begin = p->html.size };
    snprintf(s->name, sizeof s->name, "%s", name);
}

void report_figure_chart_end(report_page *p)
{
    if (!p->html.failed)
        p->slice[p->n_slices++].end = p->html.size;
    report_put(&p->html, "</div>");
}

void report_figure_close(report_page *p)
{
    report_put(&p->html, "</figure>\n");
}

/* ---- tables ---------------------------------------------------------------------------------- */

void report_table_open(report_page *p, const char *summary, const char *const *heading, int columns)
{
    if (summary != NULL)
        report_printf(&p->html, "<details><summary>%s</summary>", summary);
    report_put(&p->html, "<div class=\"scroll\"><table><thead><tr>");
    for (int i = 0; i < columns; i++) {
        report_put(&p->html, "<th>");
        report_escape(&p->html, heading[i]);
        report_put(&p->html, "</th>");
    }
    report_put(&p->html, "</tr></thead><tbody>");
}

void report_row(report_page *p)
{
    report_put(&p->html, "\n<tr>"); /* HTML ends the former one */
}

void report_cell(report_page *p, const char *text)
{
    report_put(&p->html, "<td>");
    report_escape(&p->html, text);
    report_put(&p->html, "</td>");
}

void report_cell_number(report_page *p, double x, int digits)
{
    report_put(&p->html, "<td>");
    report_number(&p->html, x, digits);
    report_put(&p->html, "</td>");
}

void report_table_close(report_page *p, const char *summary)
{
    report_printf(&p->html, "</tbody></table></div>%s\n", summary != NULL ? "</details>" : "");
}
