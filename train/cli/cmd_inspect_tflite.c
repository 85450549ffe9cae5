/* inspect: a .tflite file, whoever wrote it, also one that the runtime does not run. */
#include <stdio.h>
#include <string.h>

#include "export/outline.h"
#include "export/tflite.h"
#include "train/cli/inspect.h"
#include "train/cli/output.h"
#include "train/cli/tflite_file.h"

enum { LINE = 512 };

typedef struct view {
    const char *path;
    size_t bytes;
    ex_outline o;
    const rt_model *m; /* NULL: the runtime refuses the file */
    const char *why;   /* its reason */
    nn_arena *texts;
} view;

static const char *clean(const view *v, const char *text)
{
    return train_output_clean(v->texts, text);
}

static const char *name_of(const view *v, int t)
{
    return t >= 0 ? clean(v, v->o.tensors[t].name) : "-";
}

static uint64_t macs_of(const view *v, int op)
{
    return v->m != NULL ? rt_operator_at(v->m, op)->macs : 0;
}

/* Of a constant in the file, of an activation in memory. */
static size_t bytes_of(const rt_tensor *t)
{
    size_t each = rt_type_bytes(t->type);
    if (t->data != NULL || each == 0)
        return t->bytes;
    return t->count < SIZE_MAX / each ? t->count * each : SIZE_MAX;
}

/* Elements of constants that operators read, and their bytes. */
static void count_parameters(const view *v, uint64_t *elements, uint64_t *bytes)
{
    *elements = *bytes = 0;
    for (int i = 0; i < v->o.n_operators; i++)
        for (int k = 0; k < v->o.operators[i].n_in; k++) {
            int t = v->o.operators[i].in[k];
            if (t < 0 || v->o.tensors[t].data == NULL)
                continue;
            *elements += v->o.tensors[t].count;
            *bytes += v->o.tensors[t].bytes;
        }
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
    for (int k = 0; v->m != NULL && rt_option_at(v->m, op, k, &o) && n < LINE; k++) {
        const char *comma = k > 0 ? ", " : "";
        size_t room = (size_t)(LINE - n);
        n += o.text != NULL ? snprintf(text + n, room, "%s%s %s", comma, o.name, o.text)
                            : snprintf(text + n, room, "%s%s %g", comma, o.name, o.value);
    }
    return text;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Elements of the constants that it reads. */
static uint64_t parameters_of(const view *v, const rt_operator *op)
{
    uint64_t sum = 0;
    for (int k = 0; k < op->n_in; k++)
        if (op->in[k] >= 0 && v->o.tensors[op->in[k]].data != NULL)
            sum += v->o.tensors[op->in[k]].count;
    return sum;
}

/* Scale and zero point of the first output, where it has one of each. */
static void print_scale(const view *v, const rt_operator *op)
{
    const rt_tensor *t = op->n_out > 0 ? &v->o.tensors[op->out[0]] : NULL;
    if (t != NULL && t->n_scales == 1)
        printf("%12.6g %11d ", (double)t->scale, (int)t->zero_point);
    else
        printf("%12s %11s ", "", "");
}

static void print_operator(const view *v, int i)
{
    const rt_operator *op = &v->o.operators[i];
    char shape[LINE] = "-", options[LINE];
    const char *refused = v->o.refused[i];
    if (op->n_out > 0)
        shape_text(&v->o.tensors[op->out[0]], shape);
    printf("%s%4d%c %-18s %2d  %-18s %11llu %12llu  ",
           train_output_style(refused != NULL ? TRAIN_RED : TRAIN_PLAIN), i,
           refused != NULL ? '!' : ' ', clean(v, op->name), op->version, shape,
           (unsigned long long)parameters_of(v, op), (unsigned long long)macs_of(v, i));
    print_scale(v, op);
    for (int k = 0; k < op->n_in; k++)
        printf(" %d", op->in[k]);
    printf(" ->");
    for (int k = 0; k < op->n_out; k++)
        printf(" %d", op->out[k]);
    options_text(v, i, options);
    printf("%s%s", options[0] != '\0' ? "; " : "", options);
    printf("%s%s%s\n", refused != NULL ? "; refused: " : "",
           refused != NULL ? clean(v, refused) : "", train_output_style(TRAIN_PLAIN));
}

static void print_operators(const view *v)
{
    printf("\n%s%4s  %-18s %2s  %-18s %11s %12s  %12s %11s  %s%s\n", train_output_style(TRAIN_BOLD),
           "#", "operator", "v", "output", "parameters", "MACs", "scale", "zero point",
           "inputs -> outputs; options", train_output_style(TRAIN_PLAIN));
    for (int i = 0; i < v->o.n_operators; i++)
        print_operator(v, i);
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
    for (int i = 0; i < v->o.n_tensors; i++) {
        const rt_tensor *t = &v->o.tensors[i];
        printf("%4d  %-8s %-8s %-18s %10zu  %s", i, rt_type_name(t->type),
               t->data != NULL ? "constant" : "", shape_text(t, shape), bytes_of(t), name_of(v, i));
        print_quantization(t);
        printf("\n");
    }
}

static void print_metadata(const view *v)
{
    enum { MOST_TEXT = 400 };
    for (int i = 0; i < v->o.n_metadata; i++) {
        const ex_outline_metadata *m = &v->o.metadata[i];
        printf("metadata %s, %zu bytes", clean(v, m->name), m->size);
        if (strcmp(m->name, EX_METADATA_PREPROCESSING) == 0 && m->size <= MOST_TEXT)
            printf(": %s", clean(v, nn_arena_printf(v->texts, "%.*s", (int)m->size,
                                                    (const char *)m->bytes)));
        printf("\n");
    }
}

static void print_ports(const view *v, const char *what, const int32_t *port, int n)
{
    char shape[LINE];
    for (int i = 0; i < n; i++) {
        const rt_tensor *t = &v->o.tensors[port[i]];
        printf("%s %d: %s %s %s\n", what, (int)port[i], name_of(v, port[i]), rt_type_name(t->type),
               shape_text(t, shape));
    }
}

static void print_costs(const view *v)
{
    uint64_t elements, bytes;
    count_parameters(v, &elements, &bytes);
    printf("\n%d operators, %d tensors; %llu parameters in %llu bytes", v->o.n_operators,
           v->o.n_tensors, (unsigned long long)elements, (unsigned long long)bytes);
    if (v->m == NULL) {
        printf("\nthe runtime does not run it: %s\n", v->why);
        return;
    }
    rt_cost c = rt_costs(v->m);
    printf("; %llu MACs\n", (unsigned long long)c.macs);
    printf("memory: model %zu bytes, arena %zu bytes (no plan needs less than %zu)\n",
           c.model_bytes, c.arena_bytes, c.arena_bound);
}

static void print_text(const view *v)
{
    printf("%s: .tflite, %zu bytes, \"%s\"\n", clean(v, v->path), v->bytes,
           clean(v, v->o.description));
    if (v->o.n_subgraphs > 1)
        printf("%d subgraphs, of which this is the first\n", v->o.n_subgraphs);
    print_ports(v, "input", v->o.inputs, v->o.n_inputs);
    print_ports(v, "output", v->o.outputs, v->o.n_outputs);
    print_metadata(v);
    print_operators(v);
    print_tensors(v);
    print_costs(v);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static cJSON *indices(const int32_t *index, int n)
{
    return cJSON_CreateIntArray((const int *)index, n);
}

static cJSON *describe_operator(const view *v, int i)
{
    const rt_operator *op = &v->o.operators[i];
    cJSON *o = cJSON_CreateObject(), *options;
    rt_option option;
    cJSON_AddNumberToObject(o, "index", i);
    cJSON_AddStringToObject(o, "op", clean(v, op->name));
    cJSON_AddNumberToObject(o, "version", op->version);
    cJSON_AddItemToObject(o, "inputs", indices(op->in, op->n_in));
    cJSON_AddItemToObject(o, "outputs", indices(op->out, op->n_out));
    if (v->o.refused[i] != NULL)
        cJSON_AddStringToObject(o, "refused", clean(v, v->o.refused[i]));
    if (v->m == NULL)
        return o;
    cJSON_AddNumberToObject(o, "macs", (double)macs_of(v, i));
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
    const rt_tensor *t = &v->o.tensors[i];
    cJSON *o = cJSON_CreateObject(), *scales, *zeros;
    cJSON_AddNumberToObject(o, "index", i);
    cJSON_AddStringToObject(o, "name", name_of(v, i));
    cJSON_AddStringToObject(o, "type", rt_type_name(t->type));
    cJSON_AddItemToObject(o, "shape", indices(t->dim, t->rank));
    cJSON_AddNumberToObject(o, "bytes", (double)bytes_of(t));
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

static void describe_metadata(cJSON *to, const view *v)
{
    for (int i = 0; i < v->o.n_metadata; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", clean(v, v->o.metadata[i].name));
        cJSON_AddNumberToObject(row, "bytes", (double)v->o.metadata[i].size);
        cJSON_AddItemToArray(to, row);
    }
}

static void describe_costs(cJSON *o, const view *v)
{
    uint64_t elements, bytes;
    count_parameters(v, &elements, &bytes);
    cJSON_AddNumberToObject(o, "parameters", (double)elements);
    cJSON_AddNumberToObject(o, "parameter_bytes", (double)bytes);
    cJSON_AddBoolToObject(o, "runs", v->m != NULL);
    if (v->m == NULL) {
        cJSON_AddStringToObject(o, "why", v->why);
        return;
    }
    rt_cost c = rt_costs(v->m);
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
    cJSON_AddStringToObject(o, "description", clean(v, v->o.description));
    cJSON_AddNumberToObject(o, "subgraphs", v->o.n_subgraphs);
    list = cJSON_AddArrayToObject(o, "operators");
    for (int i = 0; i < v->o.n_operators; i++)
        cJSON_AddItemToArray(list, describe_operator(v, i));
    list = cJSON_AddArrayToObject(o, "tensors");
    for (int i = 0; i < v->o.n_tensors; i++)
        cJSON_AddItemToArray(list, describe_tensor(v, i));
    cJSON_AddItemToObject(o, "inputs", indices(v->o.inputs, v->o.n_inputs));
    cJSON_AddItemToObject(o, "outputs", indices(v->o.outputs, v->o.n_outputs));
    describe_costs(o, v);
    describe_metadata(cJSON_AddArrayToObject(o, "metadata"), v);
    return train_output_json(o);
}

/* ---- dot ------------------------------------------------------------------------------------- */

static void print_quoted(const char *text)
{
    for (; *text != '\0'; text++)
        printf("%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
}

/* Activations are ovals, operators boxes, red where the runtime refuses them; constants are left
 * out. */
static void print_dot(const view *v)
{
    char shape[LINE];
    printf("digraph model {\n  node [shape=oval];\n");
    for (int i = 0; i < v->o.n_tensors; i++) {
        const rt_tensor *t = &v->o.tensors[i];
        if (t->data != NULL)
            continue;
        printf("  t%d [label=\"", i);
        print_quoted(name_of(v, i));
        printf("\\n%s %s\"];\n", rt_type_name(t->type), shape_text(t, shape));
    }
    for (int i = 0; i < v->o.n_operators; i++) {
        const rt_operator *op = &v->o.operators[i];
        printf("  op%d [shape=box%s, label=\"", i, v->o.refused[i] != NULL ? ", color=red" : "");
        print_quoted(clean(v, op->name));
        printf("\"];\n");
        for (int k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0 && v->o.tensors[op->in[k]].data == NULL)
                printf("  t%d -> op%d;\n", op->in[k], i);
        for (int k = 0; k < op->n_out; k++)
            printf("  op%d -> t%d;\n", i, op->out[k]);
    }
    printf("}\n");
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Opens the file as the runtime would, for what only that knows. */
static nn_status open_model(view *v, ex_integer *model, const nn_bytes *file,
                            const train_limits *limits)
{
    rt_options options = rt_options_default();
    options.limits.macs = limits->macs;
    options.limits.bytes = limits->bytes;
    options.kernels = rt_kernels_best();
    nn_status st = ex_integer_open(model, file->data, file->size, &options);
    if (st == NN_ENOMEM)
        return st;
    v->m = st == NN_OK ? model->model : NULL;
    if (st == NN_OK)
        return NN_OK;
    v->why = clean(v, nn_message());
    ex_outline_blame(&v->o, v->why);
    return NN_OK;
}

static nn_status show(view *v, const nn_bytes *file, const train_limits *limits,
                      const train_inspect_options *o)
{
    ex_integer model = { 0 };
    v->bytes = file->size;
    nn_status st = ex_outline_read(&v->o, v->texts, file->data, file->size);
    if (st == NN_OK)
        st = open_model(v, &model, file, limits);
    if (st != NN_OK)
        st = nn_fail_context(st, "%s", v->path);
    else if (o->json)
        st = print_json(v);
    else if (o->dot)
        print_dot(v);
    else
        print_text(v);
    ex_integer_close(&model);
    return st;
}

nn_status train_inspect_tflite(const char *path, const train_limits *limits,
                               const train_inspect_options *o)
{
    nn_bytes file = { 0 };
    view v = { .path = path };
    if (o->plan)
        return nn_fail(NN_EINVAL, "--plan: is about a checkpoint; the tensors of a .tflite file "
                                  "are listed with their scales without it");
    NN_TRY(nn_file_read(&file, path, (size_t)limits->bytes));
    nn_status st = nn_arena_new(&v.texts);
    if (st == NN_OK)
        st = show(&v, &file, limits, o);
    nn_arena_free(v.texts);
    nn_bytes_free(&file);
    return st;
}
