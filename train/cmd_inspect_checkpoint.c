/* inspect: a checkpoint - the network, its ranges, and how each tensor is quantized or why not. */
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/show.h"
#include "train/inspect.h"
#include "train/output.h"
#include "train/safetensors.h"

enum { FQ_X, FQ_MIN, FQ_MAX, FQ_SCALE, FQ_ZERO_POINT }; /* inputs of op fakequant */
enum { TEXT = 512, NAME = NN_MAX_NAME + 32 };

typedef struct view {
    const char *path;
    const train_network *n;
    const train_tensors *file;
    nn_arena *texts;
    quant_point *point; /* of each node of the float graph; NULL without --plan */
} view;

static const char *clean(const view *v, const char *text)
{
    return train_output_clean(v->texts, text);
}

/* ---- the plan
 * ------------------------------------------------------------------------------------------ */

static const nn_node *reader_of(const nn_graph *g, const nn_node *n)
{
    for (int i = n->index + 1; i < nn_graph_count(g); i++)
        for (int k = 0; k < nn_graph_node(g, i)->n_in; k++)
            if (nn_graph_node(g, i)->in[k] == n)
                return nn_graph_node(g, i);
    return NULL;
}

static void explain_parameter(const view *v, const nn_node *n, char text[TEXT])
{
    const nn_node *reader = reader_of(v->n->graph, n);
    if (reader == NULL)
        snprintf(text, TEXT, "nothing reads it");
    else if (!quant_has_weight(reader))
        snprintf(text, TEXT, "folded into the weights and bias before %s", clean(v, reader->name));
    else if (reader->in[1] != n)
        snprintf(text, TEXT, "int32, scale of input * scale of weights");
    else
        snprintf(text, TEXT, "%d bits, symmetric, one scale %s", v->n->quant.weight_bits,
                 v->n->quant.granularity == QUANT_PER_CHANNEL ? "for each output channel"
                                                              : "for all of it");
}

/* The scale and zero point of an activation's range, if they are known. */
static bool find_range(const view *v, const nn_node *leader, double *scale, double *zero_point)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s/act_quant/scale", leader->name);
    const nn_param *s = nn_params_find(v->n->params, name);
    snprintf(name, sizeof name, "%s/act_quant/zero_point", leader->name);
    const nn_param *z = nn_params_find(v->n->params, name);
    if (s == NULL || z == NULL || !(s->value[0] > 0))
        return false;
    *scale = (double)s->value[0];
    *zero_point = (double)z->value[0];
    return true;
}

static void explain_activation(const view *v, const nn_node *n, char text[TEXT])
{
    const quant_point *p = &v->point[n->index];
    const nn_node *leader = nn_graph_node(v->n->graph, p->leader);
    double scale, zero_point;
    int used = p->leader != n->index
                   ? snprintf(text, TEXT, "in the range of %s", clean(v, leader->name))
               : p->how == QUANT_FIXED
                   ? snprintf(text, TEXT, "8 bits, the range is %s",
                              n->id == NN_OP_input ? "that of pixels" : "the operator's own")
                   : snprintf(text, TEXT, "%d bits, affine, range by %s", v->n->quant.act_bits,
                              v->n->quant.act_rule->name);
    if (used < 0 || used >= TEXT)
        return;
    if (find_range(v, leader, &scale, &zero_point))
        snprintf(text + used, (size_t)(TEXT - used), ": %.9g * (q - %g)", scale, zero_point);
    else
        snprintf(text + used, (size_t)(TEXT - used), ", not known yet");
}

static const char *explain(const view *v, const nn_node *n, char text[TEXT])
{
    switch (v->point[n->index].how) {
    case QUANT_WEIGHTS:
        explain_parameter(v, n, text);
        break;
    case QUANT_FUSED:
        snprintf(text, TEXT, "part of %s", clean(v, quant_fused_into(v->n->graph, n)->name));
        break;
    case QUANT_FLOAT:
        snprintf(text, TEXT, "not part of the integer network");
        break;
    default:
        explain_activation(v, n, text);
    }
    return text;
}

static void print_plan(const view *v)
{
    char text[TEXT];
    printf("\n%-40s %-10s %-9s %s\n", "tensor", "op", "how", "why");
    for (int i = 0; i < nn_graph_count(v->n->graph); i++) {
        const nn_node *n = nn_graph_node(v->n->graph, i);
        printf("%-40s %-10s %-9s %s\n", clean(v, n->name), n->op->name,
               quant_how_name(v->point[i].how), explain(v, n, text));
    }
}

static void describe_plan(cJSON *list, const view *v)
{
    char text[TEXT];
    for (int i = 0; i < nn_graph_count(v->n->graph); i++) {
        const nn_node *n = nn_graph_node(v->n->graph, i);
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", clean(v, n->name));
        cJSON_AddStringToObject(row, "op", n->op->name);
        cJSON_AddStringToObject(row, "how", quant_how_name(v->point[i].how));
        cJSON_AddStringToObject(row, "why", explain(v, n, text));
        cJSON_AddItemToArray(list, row);
    }
}

/* ---- ranges
 * -------------------------------------------------------------------------------------------- */

/* The next quantized tensor at or after node *i of the deployed graph, which *i then passes. */
static const nn_node *next_range(const view *v, int *i)
{
    for (; v->n->has_ranges && *i < nn_graph_count(v->n->deploy); ++*i)
        if (nn_graph_node(v->n->deploy, *i)->id == NN_OP_fakequant)
            return nn_graph_node(v->n->deploy, (*i)++);
    return NULL;
}

static const nn_param *state(const nn_node *fq, int k)
{
    return fq->in[k]->param;
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

/* ---- the whole
 * ----------------------------------------------------------------------------------------- */

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
    const char *table = nn_show_table(v->texts, v->n->graph);
    if (table == NULL)
        return NN_ENOMEM;
    print_head(v);
    if (v->point != NULL) {
        print_plan(v);
        return NN_OK;
    }
    printf("\n%s", table);
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
    if (!v->n->can_quantize && v->n->reason != NULL)
        cJSON_AddStringToObject(o, "cannot_quantize", clean(v, v->n->reason));
    describe_tensors(cJSON_AddArrayToObject(o, "tensors"), v->file, v);
    describe_ranges(cJSON_AddArrayToObject(o, "ranges"), v);
    if (v->point != NULL)
        describe_plan(cJSON_AddArrayToObject(o, "plan"), v);
    return train_output_json(o);
}

static nn_status make_plan(view *v)
{
    const train_network *n = v->n;
    if (!n->can_quantize)
        return nn_fail(NN_ENOTSUP, "%s: cannot be quantized: %s", v->path,
                       n->reason != NULL ? n->reason : "");
    v->point = nn_arena_alloc(v->texts, (size_t)nn_graph_count(n->graph) * sizeof *v->point);
    return v->point != NULL ? quant_points_find(v->point, n->graph, n->quant.input) : NN_ENOMEM;
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
