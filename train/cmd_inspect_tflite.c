/* inspect: a .tflite file, whoever wrote it. */
#include <stdio.h>
#include <string.h>

#include "export/tflite.h"
#include "train/inspect.h"
#include "train/output.h"
#include "train/tflite_file.h"

enum { LINE = 512 };

typedef struct view {
    const char *path;
    size_t bytes;
    const rt_model *m;
    nn_arena *texts;
} view;

static const char *clean(const view *v, const char *text)
{
    return train_output_clean(v->texts, text);
}

static const char *name_of(const view *v, int t)
{
    return t >= 0 ? clean(v, rt_tensor_at(v->m, t)->name) : "-";
}

/* "[1,28,28,1]" */
static const char *shape_text(const rt_tensor *t, char text[LINE])
{
    int n = snprintf(text, LINE, "[");
    for (int i = 0; i < t->rank; i++)
        n += snprintf(text + n, (size_t)(LINE - n), "%s%d", i > 0 ? "," : "", t->dim[i]);
    snprintf(text + n, (size_t)(LINE - n), "]");
    return text;
}

/* "padding SAME, stride_w 2" */
static const char *options_text(const view *v, int op, char text[LINE])
{
    rt_option o;
    int n = 0;
    text[0] = '\0';
    for (int k = 0; rt_option_at(v->m, op, k, &o) && n < LINE; k++) {
        const char *comma = k > 0 ? ", " : "";
        size_t room = (size_t)(LINE - n);
        n += o.text != NULL ? snprintf(text + n, room, "%s%s %s", comma, o.name, o.text)
                            : snprintf(text + n, room, "%s%s %g", comma, o.name, o.value);
    }
    return text;
}

/* ---- text
 * ---------------------------------------------------------------------------------------------- */

static void print_operators(const view *v)
{
    char shape[LINE], options[LINE];
    printf("\n%4s  %-18s %2s  %-18s %12s  %s\n", "#", "operator", "v", "output", "MACs",
           "inputs -> outputs; options");
    for (int i = 0; i < rt_n_operators(v->m); i++) {
        const rt_operator *op = rt_operator_at(v->m, i);
        printf("%4d  %-18s %2d  %-18s %12llu ", i, op->name, op->version,
               shape_text(rt_tensor_at(v->m, op->out[0]), shape), (unsigned long long)op->macs);
        for (int k = 0; k < op->n_in; k++)
            printf(" %d", op->in[k]);
        printf(" ->");
        for (int k = 0; k < op->n_out; k++)
            printf(" %d", op->out[k]);
        options_text(v, i, options);
        printf("%s%s\n", options[0] != '\0' ? "; " : "", options);
    }
}

/* "0.0039 (x - -128)", or the extremes of scales for each channel. */
static void print_quantization(const rt_tensor *t)
{
    if (t->n_scales == 0)
        return;
    if (t->n_scales == 1) {
        printf("  %.9g * (q - %d)", (double)t->scale, t->zero_point);
        return;
    }
    float least = t->scale, most = t->scale;
    for (int c = 1; c < t->n_scales; c++) {
        float s = rt_scale(t, c);
        least = s < least ? s : least;
        most = s > most ? s : most;
    }
    printf("  %d channels of dimension %d: %.9g .. %.9g", t->n_scales, t->axis, (double)least,
           (double)most);
}

static void print_tensors(const view *v)
{
    char shape[LINE];
    printf("\n%4s  %-8s %-8s %-18s %10s  %s\n", "#", "type", "", "shape", "bytes",
           "name; scale * (q - zero point)");
    for (int i = 0; i < rt_n_tensors(v->m); i++) {
        const rt_tensor *t = rt_tensor_at(v->m, i);
        printf("%4d  %-8s %-8s %-18s %10zu  %s", i, rt_type_name(t->type),
               t->data != NULL ? "constant" : "", shape_text(t, shape), t->bytes, name_of(v, i));
        print_quantization(t);
        printf("\n");
    }
}

static void print_metadata(const view *v)
{
    enum { MOST_TEXT = 400 };
    const void *bytes;
    size_t size;
    for (int i = 0;; i++) {
        const char *name = rt_metadata_at(v->m, i, &bytes, &size);
        if (name == NULL)
            return;
        printf("metadata %s, %zu bytes", clean(v, name), size);
        if (strcmp(name, EX_METADATA_PREPROCESSING) == 0 && size <= MOST_TEXT)
            printf(": %s",
                   clean(v, nn_arena_printf(v->texts, "%.*s", (int)size, (const char *)bytes)));
        printf("\n");
    }
}

static void print_ports(const view *v, const char *what, int n, int (*port)(const rt_model *, int))
{
    char shape[LINE];
    for (int i = 0; i < n; i++) {
        const rt_tensor *t = rt_tensor_at(v->m, port(v->m, i));
        printf("%s %d: %s %s %s\n", what, port(v->m, i), name_of(v, port(v->m, i)),
               rt_type_name(t->type), shape_text(t, shape));
    }
}

static void print_text(const view *v)
{
    rt_cost c = rt_costs(v->m);
    printf("%s: .tflite, %zu bytes, \"%s\"\n", clean(v, v->path), v->bytes,
           clean(v, rt_description(v->m)));
    print_ports(v, "input", rt_n_inputs(v->m), rt_input);
    print_ports(v, "output", rt_n_outputs(v->m), rt_output);
    print_metadata(v);
    print_operators(v);
    print_tensors(v);
    printf("\n%d operators, %d tensors; %llu parameters in %llu bytes; %llu MACs\n",
           rt_n_operators(v->m), rt_n_tensors(v->m), (unsigned long long)c.parameters,
           (unsigned long long)c.parameter_bytes, (unsigned long long)c.macs);
    printf("memory: model %zu bytes, arena %zu bytes (no plan needs less than %zu)\n",
           c.model_bytes, c.arena_bytes, c.arena_bound);
}

/* ---- JSON
 * ---------------------------------------------------------------------------------------------- */

static cJSON *describe_operator(const view *v, int i)
{
    const rt_operator *op = rt_operator_at(v->m, i);
    cJSON *o = cJSON_CreateObject(), *options;
    rt_option option;
    cJSON_AddNumberToObject(o, "index", i);
    cJSON_AddStringToObject(o, "op", op->name);
    cJSON_AddNumberToObject(o, "version", op->version);
    cJSON_AddItemToObject(o, "inputs", cJSON_CreateIntArray((const int *)op->in, op->n_in));
    cJSON_AddItemToObject(o, "outputs", cJSON_CreateIntArray((const int *)op->out, op->n_out));
    cJSON_AddNumberToObject(o, "macs", (double)op->macs);
    options = cJSON_AddObjectToObject(o, "options");
    for (int k = 0; rt_option_at(v->m, i, k, &option); k++) {
        if (option.text != NULL)
            cJSON_AddStringToObject(options, option.name, option.text);
        else
            cJSON_AddNumberToObject(options, option.name, option.value);
    }
    return o;
}

static cJSON *describe_tensor(const view *v, int i)
{
    const rt_tensor *t = rt_tensor_at(v->m, i);
    cJSON *o = cJSON_CreateObject(), *scales, *zeros;
    cJSON_AddNumberToObject(o, "index", i);
    cJSON_AddStringToObject(o, "name", name_of(v, i));
    cJSON_AddStringToObject(o, "type", rt_type_name(t->type));
    cJSON_AddItemToObject(o, "shape", cJSON_CreateIntArray((const int *)t->dim, t->rank));
    cJSON_AddNumberToObject(o, "bytes", (double)t->bytes);
    cJSON_AddBoolToObject(o, "constant", t->data != NULL);
    if (t->n_scales == 0)
        return o;
    scales = cJSON_AddArrayToObject(o, "scale");
    zeros = cJSON_AddArrayToObject(o, "zero_point");
    for (int c = 0; c < t->n_scales; c++) {
        cJSON_AddItemToArray(scales, cJSON_CreateNumber((double)rt_scale(t, c)));
        cJSON_AddItemToArray(zeros, cJSON_CreateNumber(rt_zero_point(t, c)));
    }
    cJSON_AddNumberToObject(o, "axis", t->axis);
    return o;
}

static void describe_ports(cJSON *to, int n, const rt_model *m, int (*port)(const rt_model *, int))
{
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(to, cJSON_CreateNumber(port(m, i)));
}

static void describe_metadata(cJSON *to, const view *v)
{
    const void *bytes;
    const char *name;
    size_t size;
    for (int i = 0; (name = rt_metadata_at(v->m, i, &bytes, &size)) != NULL; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", clean(v, name));
        cJSON_AddNumberToObject(row, "bytes", (double)size);
        cJSON_AddItemToArray(to, row);
    }
}

static void describe_costs(cJSON *o, rt_cost c)
{
    cJSON_AddNumberToObject(o, "parameters", (double)c.parameters);
    cJSON_AddNumberToObject(o, "parameter_bytes", (double)c.parameter_bytes);
    cJSON_AddNumberToObject(o, "macs", (double)c.macs);
    cJSON_AddNumberToObject(o, "model_bytes", (double)c.model_bytes);
    cJSON_AddNumberToObject(o, "arena_bytes", (double)c.arena_bytes);
    cJSON_AddNumberToObject(o, "arena_bound", (double)c.arena_bound);
}

static nn_status print_json(const view *v)
{
    cJSON *o = cJSON_CreateObject(), *list;
    cJSON_AddStringToObject(o, "file", clean(v, v->path));
    cJSON_AddStringToObject(o, "format", "tflite");
    cJSON_AddNumberToObject(o, "bytes", (double)v->bytes);
    cJSON_AddStringToObject(o, "description", clean(v, rt_description(v->m)));
    list = cJSON_AddArrayToObject(o, "operators");
    for (int i = 0; i < rt_n_operators(v->m); i++)
        cJSON_AddItemToArray(list, describe_operator(v, i));
    list = cJSON_AddArrayToObject(o, "tensors");
    for (int i = 0; i < rt_n_tensors(v->m); i++)
        cJSON_AddItemToArray(list, describe_tensor(v, i));
    describe_ports(cJSON_AddArrayToObject(o, "inputs"), rt_n_inputs(v->m), v->m, rt_input);
    describe_ports(cJSON_AddArrayToObject(o, "outputs"), rt_n_outputs(v->m), v->m, rt_output);
    describe_costs(o, rt_costs(v->m));
    describe_metadata(cJSON_AddArrayToObject(o, "metadata"), v);
    return train_output_json(o);
}

/* ---- dot
 * -----------------------------------------------------------------------------------------------
 */

static void print_quoted(const char *text)
{
    for (; *text != '\0'; text++)
        printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

/* Activations are ovals, operators boxes; constants are left out. */
static void print_dot(const view *v)
{
    char shape[LINE];
    printf("digraph model {\n  node [shape=oval];\n");
    for (int i = 0; i < rt_n_tensors(v->m); i++) {
        const rt_tensor *t = rt_tensor_at(v->m, i);
        if (t->data != NULL)
            continue;
        printf("  t%d [label=\"", i);
        print_quoted(name_of(v, i));
        printf("\\n%s %s\"];\n", rt_type_name(t->type), shape_text(t, shape));
    }
    for (int i = 0; i < rt_n_operators(v->m); i++) {
        const rt_operator *op = rt_operator_at(v->m, i);
        printf("  op%d [shape=box, label=\"%s\"];\n", i, op->name);
        for (int k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0 && rt_tensor_at(v->m, op->in[k])->data == NULL)
                printf("  t%d -> op%d;\n", op->in[k], i);
        for (int k = 0; k < op->n_out; k++)
            printf("  op%d -> t%d;\n", i, op->out[k]);
    }
    printf("}\n");
}

nn_status train_inspect_tflite(const char *path, const train_limits *limits,
                               const train_inspect_options *o)
{
    train_tflite file;
    view v = { .path = path };
    if (o->plan)
        return nn_fail(NN_EINVAL, "--plan: is about a checkpoint; the tensors of a .tflite file "
                                  "are listed with their scales without it");
    nn_status st = train_tflite_load(&file, path, limits, false);
    if (st == NN_OK)
        st = nn_arena_new(&v.texts);
    if (st == NN_OK) {
        v.bytes = file.file.size;
        v.m = file.model;
        if (o->json)
            st = print_json(&v);
        else if (o->dot)
            print_dot(&v);
        else
            print_text(&v);
    }
    nn_arena_free(v.texts);
    train_tflite_free(&file);
    return st;
}
