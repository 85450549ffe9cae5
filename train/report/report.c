#define _DEFAULT_SOURCE /* mkdir */
#include "train/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "train/report/page.h"

static void write_page(report_page *p, const report_facts *f)
{
    report_page_open(p, f);
    report_notes(p);
    report_results(p);
    report_curves(p);
    report_mistakes(p);
    report_layers(p);
    report_sizes(p);
    report_recipe(p);
    report_page_close(p);
}

static nn_status write_chart(const char *folder, const report_page *p, const report_slice *s)
{
    char path[TRAIN_PATH];
    report_text svg = { 0 };
    report_chart_alone(&svg, p->html.data + s->begin, s->end - s->begin);
    nn_status st = report_text_check(&svg);
    snprintf(path, sizeof path, "%.4000s/%s.svg", folder, s->name);
    if (st == NN_OK)
        st = nn_file_write(path, svg.data, svg.size);
    report_text_free(&svg);
    return st;
}

static nn_status write_charts(const char *folder, const report_page *p)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return nn_fail(NN_EIO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < p->n_slices; i++)
        NN_TRY(write_chart(folder, p, &p->slice[i]));
    return NN_OK;
}

nn_status report_write_facts(const char *path, const char *svg, const report_facts *f)
{
    report_page p;
    write_page(&p, f);
    nn_status st = report_text_check(&p.html);
    if (st == NN_OK)
        st = nn_file_write(path, p.html.data, p.html.size);
    if (st == NN_OK && svg != NULL)
        st = write_charts(svg, &p);
    report_page_free(&p);
    return st;
}

nn_status report_write(const char *folder, const char *svg, const report_options *o)
{
    char path[TRAIN_PATH];
    report_facts f;
    nn_status st = report_facts_read(&f, folder, o);
    snprintf(path, sizeof path, "%.4000s/report.html", folder);
    if (st == NN_OK)
        st = report_write_facts(path, svg, &f);
    report_facts_free(&f);
    return st;
}
