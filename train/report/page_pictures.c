/* Where the network is wrong: the confusion matrix, and the worst mistakes as pictures. */
#include <stdlib.h>

#include "nn/base/mem.h"
#include "train/report/page.h"

enum { MOST_LISTED = 40, WHOLE_TABLE = 20 };

/* ---- confusion ------------------------------------------------------------------------------- */

/* The whole matrix as a table, where it is small. */
static void put_whole(report_page *p, const report_look *l)
{
    const train_info *info = &l->network->info;
    const char *head[WHOLE_TABLE + 1] = { "true \\ said" };
    for (int k = 0; k < info->classes; k++)
        head[k + 1] = info->class_name[k];
    report_table_open(p, "table", head, info->classes + 1);
    for (int i = 0; i < info->classes; i++) {
        report_row(p);
        report_cell(p, info->class_name[i]);
        for (int k = 0; k < info->classes; k++)
            report_cell_number(p, (double)l->confusion[i * info->classes + k], 12);
    }
    report_table_close(p, "table");
}

typedef struct pair {
    int label, said;
    int64_t count;
} pair;

static int compare_pairs(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->label != y->label ? x->label - y->label : x->said - y->said;
}

/* Of many classes, those that are confused most often. */
static void put_pairs(report_page *p, const report_look *l)
{
    static const char *const heads[] = { "true", "said", "pictures" };
    const train_info *info = &l->network->info;
    pair *list = nn_mem_alloc((size_t)(l->n_wrong > 0 ? l->n_wrong : 1) * sizeof *list);
    int n = 0;
    p->html.failed |= list == NULL;
    for (int i = 0; list != NULL && i < info->classes; i++)
        for (int k = 0; k < info->classes; k++) {
            const int64_t count = l->confusion[i * info->classes + k];
            if (i != k && count > 0 && n < l->n_wrong)
                list[n++] = (pair){ i, k, count };
        }
    if (n > 0)
        qsort(list, (size_t)n, sizeof *list, compare_pairs);
    report_table_open(p, "table: the most frequent", heads, 3);
    for (int i = 0; i < n && i < MOST_LISTED; i++) {
        report_row(p);
        report_cell(p, info->class_name[list[i].label]);
        report_cell(p, info->class_name[list[i].said]);
        report_cell_number(p, (double)list[i].count, 12);
    }
    report_table_close(p, "table");
    nn_mem_free(list);
}

static void put_confusion(report_page *p, const report_look *l)
{
    const train_info *info = &l->network->info;
    report_figure_open(p, "Confusion",
                       "A row for each true class, a column for what was said: "
                       "what lies off the diagonal is a mistake.");
    report_figure_chart_begin(p, "confusion");
    report_chart_matrix(&p->html, &(report_chart){ "Confusion matrix", "said", "true" },
                        l->confusion, info->class_name, info->classes);
    report_figure_chart_end(p);
    if (info->classes <= WHOLE_TABLE)
        put_whole(p, l);
    else
        put_pairs(p, l);
    report_figure_close(p);
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static void put_mistake(report_page *p, const report_look *l, const train_mistake *m)
{
    nn_bytes png;
    const char *const *name = l->network->info.class_name;
    if (report_mistake_png(&png, m) != NN_OK) {
        p->html.failed = true;
        return;
    }
    report_put(&p->html, "<figure><img alt=\"\" src=\"data:image/png;base64,");
    report_base64(&p->html, png.data, png.size);
    nn_bytes_free(&png);
    report_put(&p->html, "\">said <b>");
    report_escape_cut(&p->html, name[m->said], 40);
    report_printf(&p->html, "</b> (%.1f %%)<br>is <b>", 100 * m->share);
    report_escape_cut(&p->html, name[m->label], 40);
    report_printf(&p->html, "</b><br><small>picture %d, loss %.2f</small></figure>\n", m->index,
                  m->loss);
}

static void put_mistakes(report_page *p, const report_look *l)
{
    if (l->n_mistakes == 0)
        return;
    report_put(&p->html, "<h3>The worst mistakes</h3><p>Where the network was sure and wrong: the "
                         "pictures with the largest loss, as it saw them. A label that "
                         "is wrong is one reason.</p><div class=\"mistakes\" id=\"mistakes\">\n");
    for (int i = 0; i < l->n_mistakes; i++)
        put_mistake(p, l, &l->mistake[i]);
    report_put(&p->html, "</div>\n");
}

/* ---- the section ----------------------------------------------------------------------------- */

void report_mistakes(report_page *p)
{
    const report_look *l = &p->facts->look;
    if (!p->facts->has_look || l->pictures == 0)
        return;
    report_section_open(p, "pictures", "Right and wrong", NULL);
    report_printf(&p->html,
                  "<p>The %s network on %d of the %d %s pictures: %lld right (%.2f %%), %d "
                  "wrong.</p>\n",
                  p->facts->network->has_ranges ? "fake-quantized" : "float", l->pictures, l->of,
                  ds_split_name(l->split), (long long)l->right,
                  100 * (double)l->right / l->pictures, l->n_wrong);
    if (l->confusion != NULL)
        put_confusion(p, l);
    put_mistakes(p, l);
    report_section_close(p);
}
