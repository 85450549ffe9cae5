/* What is missing; how large and fast the result is; how to make it again. */
#include <string.h>

#include "train/report/page.h"

void report_notes(report_page *p)
{
    const report_facts *f = p->facts;
    for (int i = 0; i < f->n_notes; i++) {
        report_put(&p->html, "<p class=\"note\">Missing here: ");
        report_escape(&p->html, f->note[i]);
        report_put(&p->html, "</p>\n");
    }
}

/* ---- sizes and latency ----------------------------------------------------------------------- */

static void put_bytes(report_page *p, const char *what, double bytes)
{
    report_row(p);
    report_cell(p, what);
    report_printf(&p->html, "<td>%.0f</td><td>%.1f KiB</td>", bytes, bytes / 1024);
}

static void put_files(report_page *p)
{
    static const char *const heads[] = { "file", "bytes", "" };
    report_table_open(p, NULL, heads, 3);
    for (int i = 0; i < p->facts->n_files; i++)
        put_bytes(p, p->facts->file[i].name, (double)p->facts->file[i].bytes);
    report_table_close(p, NULL);
}

static void put_costs(report_page *p, const report_look *l)
{
    static const char *const heads[] = { "the integer model", "", "" };
    if (l->latency.runs == 0)
        return;
    report_table_open(p, NULL, heads, 3);
    put_bytes(p, "weights and biases", (double)l->cost.parameter_bytes);
    put_bytes(p, "memory of the model", (double)l->cost.model_bytes);
    put_bytes(p, "memory of its activations", (double)l->cost.arena_bytes);
    report_row(p);
    report_printf(&p->html, "<td>multiply-accumulates</td><td>%llu</td><td></td>",
                  (unsigned long long)l->cost.macs);
    report_row(p);
    report_printf(&p->html,
                  "<td>a picture, on one thread of this machine</td><td>%.1f</td>"
                  "<td>microseconds, median of %d</td>",
                  l->latency.median_us, l->latency.runs);
    report_table_close(p, NULL);
}

static void put_agreement(report_page *p, const report_look *l)
{
    if (l->no_match != NULL) {
        report_put(&p->html, "<p>Not compared with the integer runtime: ");
        report_escape(&p->html, l->no_match);
        report_put(&p->html, "</p>\n");
        return;
    }
    report_printf(&p->html,
                  "<p>The file chooses the class that the fake-quantized network chooses on "
                  "%lld of %lld pictures. <code>octet verify</code> compares all.</p>\n",
                  (long long)l->match.agree, (long long)l->match.pictures);
}

void report_sizes(report_page *p)
{
    const report_facts *f = p->facts;
    if (f->n_files == 0 && !f->has_look)
        return;
    report_section_open(
        p, "sizes", "Size and speed",
        "A checkpoint holds every weight in 32 bits (<code>model.safetensors</code> "
        "also what training needs to go on), the <code>.tflite</code> file in 8 or "
        "fewer.");
    if (f->n_files > 0)
        put_files(p);
    if (f->has_look) {
        put_costs(p, &f->look);
        put_agreement(p, &f->look);
    }
    report_section_close(p);
}

/* ---- recipe ---------------------------------------------------------------------------------- */

static void put_recipe(report_page *p, const char *name, const char *text, const char *command)
{
    if (name != NULL && name[0] != '\0') {
        report_put(&p->html, "<h3>");
        report_escape(&p->html, name);
        report_put(&p->html, "</h3>");
    }
    report_put(&p->html, "<pre class=\"command\">");
    report_escape(&p->html, command);
    report_put(&p->html, "</pre>");
    if (text != NULL) {
        report_put(&p->html, "<pre class=\"recipe\">");
        report_escape(&p->html, text);
        report_put(&p->html, "</pre>\n");
    }
}

void report_recipe(report_page *p)
{
    const report_facts *f = p->facts;
    report_section_open(p, "recipe", "Recipe",
                        "Everything that decides about the result, and the command that makes it "
                        "again, bit for bit with the same build and instruction set.");
    if (f->command != NULL)
        put_recipe(p, NULL, f->recipe, f->command);
    for (int i = 0; i < f->n_runs; i++) {
        const report_run *run = &f->run[i];
        const char *command = report_repeat(f->arena, "train", run->folder);
        if (run->recipe != NULL && command != NULL)
            put_recipe(p, run->name, run->recipe, command);
    }
    report_section_close(p);
}
