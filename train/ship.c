#include "train/ship.h"

#include <string.h>

#include "export/lower.h"
#include "export/tflite.h"

static bool is_one_number(const double *v, int channels)
{
    for (int c = 1; c < channels; c++)
        if (v[c] != v[0])
            return false;
    return true;
}

static char *numbers(nn_arena *arena, const double *v, int channels)
{
    if (is_one_number(v, channels))
        return nn_arena_printf(arena, "[%.15g]", v[0]);
    return nn_arena_printf(arena, "[%.15g,%.15g,%.15g]", v[0], v[1], v[2]);
}

static char *preprocessing_text(nn_arena *arena, const train_prep *p)
{
    const char *rule = ds_resize_rule_text(p->resize), *comma = strchr(rule, ',');
    char *mean = numbers(arena, p->mean, p->channels), *std = numbers(arena, p->std, p->channels);
    if (mean == NULL || std == NULL)
        return NULL;
    return nn_arena_printf(
        arena,
        "{\"mean\":%s,\"std\":%s,\"resize\":{\"how\":\"%.*s\",\"filter\":\"%s\"},"
        "\"channels\":%d}",
        mean, std, (int)(comma - rule), rule, comma + 1, p->channels);
}

static char *labels_text(nn_arena *arena, const train_info *info)
{
    size_t bytes = 1;
    for (int i = 0; i < info->classes; i++)
        bytes += strlen(info->class_name[i]) + 1;
    char *text = nn_arena_alloc(arena, bytes), *at = text;
    for (int i = 0; text != NULL && i < info->classes; i++) {
        size_t n = strlen(info->class_name[i]);
        memcpy(at, info->class_name[i], n);
        at[n] = '\n';
        at += n + 1;
    }
    return text;
}

/* "int8", "int8 with 4-bit weights", ... */
static char *form_text(nn_arena *arena, const train_network *n, ex_form form)
{
    static const char *const names[] = {
        [EX_INT8] = "int8", [EX_UINT8] = "uint8", [EX_FLOAT] = "float"
    };
    if (form != EX_FLOAT && n->quant.layers != NULL)
        return nn_arena_printf(arena, "%s with bits by layer", names[form]);
    if (form == EX_FLOAT || n->quant.weight_bits == 8)
        return nn_arena_strdup(arena, names[form]);
    return nn_arena_printf(arena, "%s with %d-bit weights", names[form], n->quant.weight_bits);
}

/* A .tflite file in one form, as the other writers are called. */
static nn_status write_tflite(nn_bytes *out, const nn_graph *g, const ex_info *info, ex_form form)
{
    nn_arena *arena = NULL;
    tfl_model *model = NULL;
    NN_TRY(nn_arena_new(&arena));
    nn_status st = ex_lower(&model, arena, g, form, info);
    if (st == NN_OK)
        st = ex_tflite_write(out, model);
    nn_arena_free(arena);
    return st;
}

static nn_status write(nn_bytes *out, nn_arena *arena, const train_network *n, const nn_graph *g,
                       ex_form form, train_ship_write *writer)
{
    const train_model_options *m = &n->info.recipe.model;
    char *prep = preprocessing_text(arena, &n->info.prep);
    char *labels = labels_text(arena, &n->info);
    char *text = form_text(arena, n, form), *about = NULL;
    if (text != NULL)
        about = nn_arena_printf(arena, "%s, width %g, %s, by octet", m->model, m->width, text);
    if (prep == NULL || labels == NULL || about == NULL)
        return NN_ENOMEM;
    const tfl_metadata metadata[] = {
        { EX_METADATA_PREPROCESSING, prep, strlen(prep) },
        { EX_METADATA_LABELS, labels, strlen(labels) },
    };
    const ex_info info = { m->model, about, metadata, 2 };
    return writer != NULL ? writer(out, g, &info) : write_tflite(out, g, &info, form);
}

static nn_status write_float(nn_bytes *out, nn_arena *arena, const train_network *n,
                             train_ship_write *writer)
{
    nn_graph *g = NULL;
    nn_status st = nn_graph_new(&g, n->params);
    if (st == NN_OK)
        st = quant_build(g, n->graph, NULL, QUANT_NONE);
    if (st == NN_OK)
        st = write(out, arena, n, g, EX_FLOAT, writer);
    nn_graph_free(g);
    return st;
}

ex_form train_ship_form(const train_network *n)
{
    return n->quant.is_uint8 ? EX_UINT8 : EX_INT8;
}

const char *train_ship_type(const train_network *n)
{
    return train_ship_form(n) == EX_UINT8 ? "uint8" : "int8";
}

nn_status train_ship_as(nn_bytes *out, const train_network *n, ex_form form,
                        train_ship_write *writer)
{
    nn_arena *arena = NULL;
    if (form != EX_FLOAT && n->deploy == NULL)
        return nn_fail(NN_ENOTSUP, "cannot be quantized: %s",
                       n->reason != NULL ? n->reason : "it was built without ranges");
    NN_TRY(nn_arena_new(&arena));
    nn_status st = form == EX_FLOAT ? write_float(out, arena, n, writer)
                                    : write(out, arena, n, n->deploy, form, writer);
    nn_arena_free(arena);
    return st;
}

nn_status train_ship(nn_bytes *out, const train_network *n, ex_form form)
{
    return train_ship_as(out, n, form, NULL);
}
