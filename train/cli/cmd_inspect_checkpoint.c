/* inspect: a checkpoint - the network, its ranges, and how each tensor is quantized or why not. */
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/range.h"
#include "nn/show.h"
#include "quant/plan.h"
#include "train/cli/inspect.h"
#include "train/cli/output.h"
#include "train/safetensors.h"

enum { FQ_X, FQ_MIN, FQ_MAX, FQ_SCALE, FQ_ZERO_POINT }; /* inputs of op fakequant */

typedef struct view {
    const char *path;
    const train_network *n;
    const train_tensors *file;
    nn_arena *texts;
    quant_plan_row *plan; /* of each node of the float graph; NULL without --plan */
} view;

static const char *clean(const view *v, const char *text)
{
    return train_output_clean(v->texts, text);
}

/* ---- the plan -------------------------------------------------------------------------------- */

static void print_plan(const view *v)
{
    printf("\n%-40s %-10s %-9s %s\n", "tensor", "op", "how", "why");
    for (int i = 0; i < nn_graph_count(v->n->graph); i++) {
        const quant_plan_row *r = &v->plan[i];
        printf("%-40s %-10s %-9s %s\n", clean(v, r->node->name), r->node->op->name,
               quant_how_name(r->how), clean(v, r->why));
    }
}

static void describe_plan(cJSON *list, const view *v)
{
    for (int i = 0; i < nn_graph_count(v->n->graph); i++) {
        const quant_plan_row *r = &v->plan[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", clean(v, r->node->name));
        cJSON_AddStringToObject(row, "op", r->node->op->name);
        cJSON_AddStringToObject(row, "how", quant_how_name(r->how));
        cJSON_AddStringToObject(row, "why", clean(v, r->why));
        cJSON_AddItemToArray(list, row);
    }
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static const nn_param *state(const nn_node *fq, int k)
{
    return k == FQ_SCALE ? nn_range_scale(fq) : fq->in[k]->param;
}

/* The next tensor with a range at or after node *i of the deployed graph, which *i then passes.
 * (Scales that are computed from another node's belong to its range.) */
static const nn_node *next_range(const view *v, int *i)
{
    for (; v->n->has_ranges && *i < nn_graph_count(v->n->deploy); ++*i) {
        const nn_node *n = nn_graph_node(v->n->deploy, *i);
        if (n->id == NN_OP_fakequant && state(n, FQ_SCALE) != NULL)
            return nn_graph_node(v->n->deploy, (*i)++);
    }
    return NULL;
}

static void extremes(const nn_param *p, double *least, double *most)
{
    *least = *most = (double)p->value[0];
    for (size_t c = 1; c < p->count; c++) {
        double x = (double)p->value[c];
        *least = x < *least ? x : *least;
        *most = x > *most ? x : *most;
    }
}

/* ---- the layers ------------------------------------------------------------------------------ */

/* "scale  zero point" of each node of the float graph whose values are quantized under its name;
 * NULL if memory is out. */
static const char **scales_of_nodes(const view *v)
{
    const nn_graph *g = v->n->graph;
    const char **text = nn_arena_alloc(v->texts, (size_t)nn_graph_count(g) * sizeof *text);
    const nn_node *fq;
    for (int i = 0; text != NULL && (fq = next_range(v, &i)) != NULL;) {
        const nn_node *n = nn_graph_find(g, fq->in[FQ_X]->name);
        if (n != NULL)
            text[n->index] =
                nn_arena_printf(v->texts, "%12.6g %11g", (double)state(fq, FQ_SCALE)->value[0],
                                (double)state(fq, FQ_ZERO_POINT)->value[0]);
    }
    return text;
}

static nn_status print_layers(const view *v)
{
    const nn_show_column scales = { "       scale  zero point", scales_of_nodes(v) };
    if (scales.text == NULL)
        return NN_ENOMEM;
    const char *table = nn_show_table(v->texts, v->n->graph, v->n->has_ranges ? &scales : NULL);
    if (table == NULL)
        return NN_ENOMEM;
    int heading = (int)strcspn(table, "\n");
    printf("\n%s%.*s%s%s", train_output_style(TRAIN_BOLD), heading, table,
           train_output_style(TRAIN_PLAIN), table + heading);
    return NN_OK;
}

static void print_ranges(const view *v)
{
    const nn_node *fq;
    int i = 0;
    printf("\n%-40s %8s %12s %12s  %s\n", "range of", "scales", "min", "max",
           "scale * (q - zero point)");
    while ((fq = next_range(v, &i)) != NULL) {
        double min, max, low, high, unused;
        extremes(state(fq, FQ_MIN), &min, &unused);
        extremes(state(fq, FQ_MAX), &unused, &max);
        extremes(state(fq, FQ_SCALE), &low, &high);
        printf("%-40s %8zu %12.5g %12.5g  %.9g", clean(v, fq->in[FQ_X]->name),
               state(fq, FQ_SCALE)->count, min, max, low);
        if (state(fq, FQ_SCALE)->count > 1)
            printf(" .. %.9g\n", high);
        else
            printf(" * (q - %g)\n", (double)state(fq, FQ_ZERO_POINT)->value[0]);
    }
}

static cJSON *values(const nn_param *p)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t c = 0; c < p->count; c++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)p->value[c]));
    return list;
}

static void describe_ranges(cJSON *list, const view *v)
{
    const nn_node *fq;
    int i = 0;
    while ((fq = next_range(v, &i)) != NULL) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", clean(v, fq->in[FQ_X]->name));
        cJSON_AddItemToObject(row, "min", values(state(fq, FQ_MIN)));
        cJSON_AddItemToObject(row, "max", values(state(fq, FQ_MAX)));
        cJSON_AddItemToObject(row, "scale", values(state(fq, FQ_SCALE)));
        cJSON_AddItemToObject(row, "zero_point", values(state(fq, FQ_ZERO_POINT)));
        cJSON_AddItemToArray(list, row);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void print_numbers(const char *what, const double *x, int n)
{
    printf(", %s ", what);
    for (int i = 0; i < n; i++)
        printf("%s%g", i > 0 ? "," : "", x[i]);
}

static void print_classes(const train_info *info, const view *v)
{
    enum { MOST = 12 };
    printf("%d classes: ", info->classes);
    for (int i = 0; i < info->classes && i < MOST; i++)
        printf("%s%s", i > 0 ? ", " : "", clean(v, info->class_name[i]));
    printf("%s\n", info->classes > MOST ? ", ..." : "");
}

static void print_head(const view *v)
{
    const train_info *info = &v->n->info;
    const train_prep *p = &info->prep;
    printf("%s: checkpoint of %s after %lld steps\n", clean(v, v->path),
           clean(v, info->recipe.model.model), (long long)info->step);
    printf("input %dx%dx%d", p->height, p->width, p->channels);
    print_numbers("mean", p->mean, p->channels);
    print_numbers("std", p->std, p->channels);
    printf(", %s\n", ds_resize_rule_text(p->resize));
    print_classes(info, v);
    printf("%s; ranges are %s\n",
           info->quantized ? "trained with fake quantization" : "trained in float",
           v->n->has_ranges ? "known" : "not known");
    if (info->made != NULL)
        printf("quantized after training: %s\n", clean(v, info->made));
    if (!v->n->can_quantize)
        printf("cannot be quantized: %s\n", v->n->reason != NULL ? clean(v, v->n->reason) : "");
}

static void print_tensors(const view *v)
{
    printf("\n%-60s %s\n", "tensor in the file", "shape");
    for (int i = 0; i < train_tensors_count(v->file); i++) {
        const train_tensor *t = train_tensors_at(v->file, i);
        printf("%-60s [", clean(v, t->name));
        for (int k = 0; k < t->rank; k++)
            printf("%s%lld", k > 0 ? "," : "", (long long)t->dim[k]);
        printf("]\n");
    }
}

static nn_status print_text(const view *v)
{
    print_head(v);
    if (v->plan != NULL) {
        print_plan(v);
        return NN_OK;
    }
    NN_TRY(print_layers(v));
    if (v->n->has_ranges)
        print_ranges(v);
    print_tensors(v);
    return NN_OK;
}

static void describe_tensors(cJSON *list, const train_tensors *file, const view *v)
{
    for (int i = 0; i < train_tensors_count(file); i++) {
        const train_tensor *t = train_tensors_at(file, i);
        cJSON *row = cJSON_CreateObject(), *shape;
        cJSON_AddStringToObject(row, "name", clean(v, t->name));
        shape = cJSON_AddArrayToObject(row, "shape");
        for (int k = 0; k < t->rank; k++)
            cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->dim[k]));
        cJSON_AddItemToArray(list, row);
    }
}

static void describe_head(cJSON *o, const view *v)
{
    const train_info *info = &v->n->info;
    const train_prep *p = &info->prep;
    const int size[] = { p->height, p->width, p->channels };
    cJSON *classes;
    cJSON_AddStringToObject(o, "file", clean(v, v->path));
    cJSON_AddStringToObject(o, "format", "checkpoint");
    cJSON_AddStringToObject(o, "model", clean(v, info->recipe.model.model));
    cJSON_AddNumberToObject(o, "step", (double)info->step);
    cJSON_AddItemToObject(o, "input", cJSON_CreateIntArray(size, 3));
    cJSON_AddItemToObject(o, "mean", cJSON_CreateDoubleArray(p->mean, p->channels));
    cJSON_AddItemToObject(o, "std", cJSON_CreateDoubleArray(p->std, p->channels));
    cJSON_AddStringToObject(o, "resize", ds_resize_rule_text(p->resize));
    classes = cJSON_AddArrayToObject(o, "classes");
    for (int i = 0; i < info->classes; i++)
        cJSON_AddItemToArray(classes, cJSON_CreateString(clean(v, info->class_name[i])));
}

static nn_status print_json(const view *v)
{
    nn_size size = nn_graph_size(v->n->graph);
    cJSON *o = cJSON_CreateObject();
    describe_head(o, v);
    cJSON_AddNumberToObject(o, "parameters", (double)size.trained);
    cJSON_AddNumberToObject(o, "macs", (double)size.macs);
    cJSON_AddBoolToObject(o, "quantized", v->n->info.quantized);
    cJSON_AddBoolToObject(o, "has_ranges", v->n->has_ranges);
    if (v->n->info.made != NULL)
        cJSON_AddStringToObject(o, "made", clean(v, v->n->info.made));
    if (!v->n->can_quantize && v->n->reason != NULL)
        cJSON_AddStringToObject(o, "cannot_quantize", clean(v, v->n->reason));
    describe_tensors(cJSON_AddArrayToObject(o, "tensors"), v->file, v);
    describe_ranges(cJSON_AddArrayToObject(o, "ranges"), v);
    if (v->plan != NULL)
        describe_plan(cJSON_AddArrayToObject(o, "plan"), v);
    return train_output_json(o);
}

static nn_status make_plan(view *v)
{
    const train_network *n = v->n;
    if (!n->can_quantize)
        return nn_fail(NN_ENOTSUP, "%s: cannot be quantized: %s", v->path,
                       n->reason != NULL ? n->reason : "");
    return quant_plan_rows(&v->plan, v->texts, n->graph, &n->quant);
}

static nn_status show(view *v, const train_inspect_options *o)
{
    NN_TRY(nn_arena_new(&v->texts));
    if (o->plan)
        NN_TRY(make_plan(v));
    if (o->json)
        return print_json(v);
    if (!o->dot)
        return print_text(v);
    const char *dot = nn_show_dot(v->texts, v->n->graph);
    if (dot == NULL)
        return NN_ENOMEM;
    fputs(dot, stdout);
    return NN_OK;
}

nn_status train_inspect_checkpoint(const char *path, const train_limits *limits,
                                   const train_inspect_options *o)
{
    train_network *n = NULL;
    train_tensors *file = NULL;
    NN_TRY(train_network_load(&n, path, NULL, limits));
    view v = { .path = path, .n = n };
    nn_status st = train_tensors_read(&file, path);
    v.file = file;
    if (st == NN_OK)
        st = show(&v, o);
    nn_arena_free(v.texts);
    train_tensors_free(file);
    train_network_free(n);
    return st;
}
