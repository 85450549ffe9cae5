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

char *train_ship_preprocessing(nn_arena *arena, const train_prep *p)
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

char *train_ship_labels(nn_arena *arena, const train_info *info)
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

static nn_status ship(nn_bytes *out, nn_arena *arena, const train_network *n)
{
    const train_model_options *m = &n->info.recipe.model;
    char *prep = train_ship_preprocessing(arena, &n->info.prep);
    char *labels = train_ship_labels(arena, &n->info);
    char *about = nn_arena_printf(arena, "%s, width %g, int8, by octet", m->model, m->width);
    tfl_model *model = NULL;
    if (prep == NULL || labels == NULL || about == NULL)
        return NN_ENOMEM;
    const tfl_metadata metadata[] = {
        { EX_METADATA_PREPROCESSING, prep, strlen(prep) },
        { EX_METADATA_LABELS, labels, strlen(labels) },
    };
    const ex_info info = { m->model, about, metadata, 2 };
    NN_TRY(ex_lower(&model, arena, n->deploy, &info));
    return ex_tflite_write(out, model);
}

nn_status train_ship(nn_bytes *out, const train_network *n)
{
    nn_arena *arena = NULL;
    if (n->deploy == NULL)
        return nn_fail(NN_ENOTSUP, "%s", n->reason != NULL ? n->reason : "is not quantized");
    NN_TRY(nn_arena_new(&arena));
    nn_status st = ship(out, arena, n);
    nn_arena_free(arena);
    return st;
}
