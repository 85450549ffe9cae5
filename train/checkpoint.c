#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/range.h"

enum { NAME_BYTES = 320, TEXT_BYTES = 160 };

static const char format[] = "octet checkpoint 1";
static const char recipe_prefix[] = "recipe.";

/* ---- strings --------------------------------------------------------------------------------- */

static nn_status put_recipe(train_tensors *to, const train_info *info)
{
    char key[64], buffer[TRAIN_ARG_TEXT];
    for (int g = 0; g < TRAIN_N_RECIPE_GROUPS; g++) {
        const train_group *group = &train_recipe_groups[g];
        for (int i = 0; i < group->rows->n; i++) {
            const train_arg *arg = &group->rows->args[i];
            if (!(arg->flags & TRAIN_MATHS))
                continue;
            snprintf(key, sizeof key, "%s%s", recipe_prefix, arg->name);
            const char *base = (const char *)&info->recipe + group->at;
            NN_TRY(train_tensors_set(to, key, train_arg_text(arg, base, buffer)));
        }
    }
    snprintf(buffer, sizeof buffer, "%llu", (unsigned long long)info->seed);
    return train_tensors_set(to, "seed", buffer);
}

static nn_status put_input(train_tensors *to, const train_prep *p)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "%dx%dx%d", p->height, p->width, p->channels);
    NN_TRY(train_tensors_set(to, "input.size", text));
    snprintf(text, sizeof text, "%.17g,%.17g,%.17g", p->mean[0], p->mean[1], p->mean[2]);
    NN_TRY(train_tensors_set(to, "input.mean", text));
    snprintf(text, sizeof text, "%.17g,%.17g,%.17g", p->std[0], p->std[1], p->std[2]);
    NN_TRY(train_tensors_set(to, "input.std", text));
    return train_tensors_set(to, "input.resize", ds_resize_rule_text(p->resize));
}

static nn_status put_classes(train_tensors *to, const train_info *info)
{
    size_t bytes = 1;
    for (int i = 0; i < info->classes; i++)
        bytes += strlen(info->class_name[i]) + 1;
    char *text = nn_arena_alloc(train_tensors_arena(to), bytes), *at = text;
    if (text == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < info->classes; i++)
        at += sprintf(at, "%s%s", i > 0 ? "\n" : "", info->class_name[i]);
    return train_tensors_set(to, "classes", text);
}

static nn_status put_strings(train_tensors *to, const train_info *info)
{
    NN_TRY(train_tensors_set(to, "format", format));
    NN_TRY(put_recipe(to, info));
    NN_TRY(put_input(to, &info->prep));
    NN_TRY(train_tensors_set(to, "quantized", info->quantized ? "true" : "false"));
    if (info->made != NULL)
        NN_TRY(train_tensors_set(to, "made", info->made));
    return put_classes(to, info);
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* A vector's values as float, which they are except in the double build. */
static const void *as_float(nn_arena *arena, const nn_real *value, size_t n)
{
#ifdef NN_F64
    float *copy = nn_arena_alloc(arena, n * sizeof *copy);
    for (size_t i = 0; copy != NULL && i < n; i++)
        copy[i] = (float)value[i];
    return copy;
#else
    (void)arena, (void)n;
    return value;
#endif
}

static void from_float(nn_real *to, const train_tensor *t)
{
    const float *from = t->data;
    for (size_t i = 0; i < t->count; i++)
        to[i] = (nn_real)from[i];
}

/* Adds `value`, which is laid out like parameter p, under prefix + p's name. */
static nn_status put_values(train_tensors *to, const char *prefix, const nn_param *p,
                            const nn_real *value)
{
    char name[NAME_BYTES];
    int64_t dim[NN_MAX_RANK];
    for (int i = 0; i < p->shape.rank; i++)
        dim[i] = p->shape.dim[i];
    const void *data = as_float(train_tensors_arena(to), value, p->count);
    if (data == NULL)
        return NN_ENOMEM;
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    return train_tensors_add(to, name, TRAIN_F32, p->shape.rank, dim, data);
}

/* The file's tensor of that name if it has p's shape, else NULL. */
static const train_tensor *matching(const train_tensors *file, const char *prefix,
                                    const nn_param *p)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    const train_tensor *t = train_tensors_find(file, name);
    bool fits = t != NULL && t->dtype == TRAIN_F32 && t->rank == p->shape.rank;
    for (int i = 0; fits && i < t->rank; i++)
        fits = t->dim[i] == p->shape.dim[i];
    return fits ? t : NULL;
}

static nn_status take_values(const train_tensors *file, const char *prefix, const nn_param *p,
                             nn_real *to)
{
    const train_tensor *t = matching(file, prefix, p);
    char text[NN_SHAPE_TEXT];
    if (t == NULL)
        return nn_fail(NN_EFORMAT, "tensor %s%s %s: is missing or has another shape or type",
                       prefix, p->name, nn_shape_text(p->shape, text));
    from_float(to, t);
    return NN_OK;
}

/* ---- the parts of a state: vectors that are laid out like the parameters --------------------- */

/* What to do with one parameter's share of a vector: save or restore. */
typedef nn_status visit(void *file, const char *prefix, const nn_param *p, nn_real *value);

static nn_status save_visit(void *file, const char *prefix, const nn_param *p, nn_real *value)
{
    return put_values(file, prefix, p, value);
}

static nn_status restore_visit(void *file, const char *prefix, const nn_param *p, nn_real *value)
{
    return take_values(file, prefix, p, value);
}

static nn_status visit_slots(void *file, const nn_params *ps, opt *o, visit *each)
{
    char prefix[64];
    for (int s = 0; s < opt_slot_count(o); s++) {
        snprintf(prefix, sizeof prefix, "opt/%s/", opt_slot_name(o, s));
        for (int i = 0; i < nn_params_count(ps); i++) {
            const nn_param *p = nn_params_at(ps, i);
            if (nn_param_is_trained(p))
                NN_TRY(each(file, prefix, p, opt_slot_vector(o, s) + p->offset));
        }
    }
    return NN_OK;
}

static nn_status visit_average(void *file, const nn_params *ps, const opt_average *a, visit *each)
{
    for (int i = 0; i < nn_params_count(ps); i++) {
        const nn_param *p = nn_params_at(ps, i);
        bool state = p->kind == NN_PARAM_STATE;
        nn_vector v = state ? opt_average_state(a) : opt_average_trained(a);
        if (opt_average_has(p))
            NN_TRY(each(file, "ema/", p, v.value + p->offset));
    }
    return NN_OK;
}

static nn_status visit_all(void *file, const train_network *n, const train_state *s, visit *each)
{
    for (int i = 0; i < nn_params_count(n->params); i++) {
        const nn_param *p = nn_params_at(n->params, i);
        NN_TRY(each(file, "", p, p->value));
    }
    if (s->optimizer != NULL)
        NN_TRY(visit_slots(file, n->params, s->optimizer, each));
    return s->average != NULL ? visit_average(file, n->params, s->average, each) : NN_OK;
}

/* ---- counters -------------------------------------------------------------------------------- */

static const struct counter {
    const char *name;
    train_dtype dtype;
    size_t at;  /* in train_state */
    bool later; /* older files are without it: 0 */
} counters[] = {
    { "counter/step", TRAIN_I64, offsetof(train_state, step), false },
    { "counter/best_correct", TRAIN_I64, offsetof(train_state, best_correct), false },
    { "counter/best_step", TRAIN_I64, offsetof(train_state, best_step), false },
    { "counter/seen", TRAIN_I64, offsetof(train_state, seen), false },
    { "counter/correct", TRAIN_I64, offsetof(train_state, correct), false },
    { "counter/loss", TRAIN_F64, offsetof(train_state, loss), false },
    { "counter/halvings", TRAIN_I64, offsetof(train_state, halvings), true },
    { "counter/pictures", TRAIN_I64, offsetof(train_state, pictures), true },
};

enum { N_COUNTERS = sizeof counters / sizeof counters[0] };

static nn_status put_counters(train_tensors *to, const train_state *s)
{
    for (int i = 0; i < N_COUNTERS; i++)
        NN_TRY(train_tensors_add(to, counters[i].name, counters[i].dtype, 0, NULL,
                                 (const char *)s + counters[i].at));
    return NN_OK;
}

static nn_status take_counters(const train_tensors *file, train_state *s)
{
    for (int i = 0; i < N_COUNTERS; i++) {
        const train_tensor *t = train_tensors_find(file, counters[i].name);
        memset((char *)s + counters[i].at, 0, sizeof(int64_t));
        if (t == NULL && counters[i].later)
            continue;
        if (t == NULL || t->dtype != counters[i].dtype || t->count != 1)
            return nn_fail(NN_EFORMAT, "tensor %s: is missing; this is no state to resume from",
                           counters[i].name);
        memcpy((char *)s + counters[i].at, t->data, t->bytes);
    }
    if (s->step < 0)
        return nn_fail(NN_EFORMAT, "counter/step: %lld is negative", (long long)s->step);
    if (s->halvings < 0)
        return nn_fail(NN_EFORMAT, "counter/halvings: %lld is negative", (long long)s->halvings);
    return NN_OK;
}

/* ---- saving and restoring -------------------------------------------------------------------- */

static nn_status save(train_tensors *file, const char *path, const train_network *n,
                      const train_state *s)
{
    NN_TRY(put_strings(file, &n->info));
    NN_TRY(put_counters(file, s));
    NN_TRY(visit_all(file, n, s, save_visit));
    return train_tensors_write(file, path);
}

nn_status train_checkpoint_save(const char *path, const train_network *n, const train_state *s)
{
    train_tensors *file = NULL;
    NN_TRY(train_tensors_new(&file));
    nn_status st = save(file, path, n, s);
    train_tensors_free(file);
    return st;
}

nn_status train_checkpoint_restore(const train_tensors *file, train_network *n, train_state *s)
{
    NN_TRY(take_counters(file, s));
    return visit_all((void *)(uintptr_t)file, n, s, restore_visit);
}

/* ---- using a network ------------------------------------------------------------------------- */

/* A deployed graph computes only if each of its ranges has a scale. */
static bool has_ranges(const train_network *n)
{
    for (int i = 0; n->deploy != NULL && i < nn_graph_count(n->deploy); i++) {
        const nn_node *q = nn_graph_node(n->deploy, i);
        const nn_param *scale = q->id == NN_OP_fakequant ? nn_range_scale(q) : NULL;
        if (scale == NULL) /* or computed from another one's */
            continue;
        for (size_t k = 0; k < scale->count; k++)
            if (!(scale->value[k] > 0))
                return false;
    }
    return n->deploy != NULL;
}

nn_status train_checkpoint_fill(const train_tensors *file, train_network *n)
{
    bool complete = true;
    for (int i = 0; i < nn_params_count(n->params); i++) {
        const nn_param *p = nn_params_at(n->params, i);
        const train_tensor *average = matching(file, "ema/", p);
        if (average != NULL)
            from_float(p->value, average);
        else if (i < n->n_float)
            NN_TRY(take_values(file, "", p, p->value));
        else if (matching(file, "", p) != NULL)
            from_float(p->value, matching(file, "", p));
        else
            complete = false;
    }
    n->has_ranges = complete && has_ranges(n);
    return NN_OK;
}

/* Is the tensor a parameter, rather than the state of a run? */
static bool is_parameter(const char *name)
{
    return strncmp(name, "opt/", 4) != 0 && strncmp(name, "ema/", 4) != 0 &&
           strncmp(name, "counter/", 8) != 0;
}

nn_status train_checkpoint_init(train_match *out, nn_arena *arena, const train_tensors *file,
                                train_network *n)
{
    size_t params = (size_t)nn_params_count(n->params), tensors = (size_t)train_tensors_count(file);
    *out = (train_match){ .skipped = nn_arena_alloc(arena, (tensors + 1) * sizeof(char *)),
                          .missing = nn_arena_alloc(arena, (params + 1) * sizeof(char *)) };
    if (out->skipped == NULL || out->missing == NULL)
        return NN_ENOMEM;
    for (size_t i = 0; i < params; i++) {
        const nn_param *p = nn_params_at(n->params, (int)i);
        const train_tensor *t = matching(file, "ema/", p);
        if (t == NULL)
            t = matching(file, "", p);
        if (t != NULL)
            from_float(p->value, t);
        else
            out->missing[out->n_missing++] = p->name;
        out->matched += t != NULL;
    }
    for (size_t i = 0; i < tensors; i++) {
        const char *name = train_tensors_at(file, (int)i)->name;
        const nn_param *p = is_parameter(name) ? nn_params_find(n->params, name) : NULL;
        if (is_parameter(name) && (p == NULL || matching(file, "", p) == NULL))
            if ((out->skipped[out->n_skipped++] = nn_arena_strdup(arena, name)) == NULL)
                return NN_ENOMEM;
    }
    return NN_OK;
}

/* ---- reading the description ----------------------------------------------------------------- */

static nn_status get(const char **out, const train_tensors *file, const char *key)
{
    *out = train_tensors_get(file, key);
    if (*out == NULL)
        return nn_fail(NN_EFORMAT, "has no \"%s\" in its metadata; this is no checkpoint of octet",
                       key);
    return NN_OK;
}

static nn_status take_recipe(train_info *info, nn_arena *arena, const train_tensors *file)
{
    NN_TRY(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, &info->recipe));
    for (int i = 0; i < train_tensors_n_strings(file); i++) {
        const char *key = train_tensors_key(file, i);
        size_t skip = sizeof recipe_prefix - 1, base;
        if (strncmp(key, recipe_prefix, skip) != 0)
            continue;
        const train_arg *arg =
            train_arg_find(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, key + skip, &base);
        if (arg == NULL || !(arg->flags & TRAIN_MATHS))
            return nn_fail(NN_EFORMAT, "metadata %.60s: is not known to this version", key);
        const char *text = nn_arena_strdup(arena, train_tensors_get(file, key));
        if (text == NULL)
            return NN_ENOMEM;
        if (train_arg_store(arg, (char *)&info->recipe + base, text) != NN_OK)
            return nn_fail_context(NN_EFORMAT, "metadata");
    }
    return NN_OK;
}

static nn_status take_numbers(double *out, const train_tensors *file, const char *key, double lo,
                              double hi, int channels)
{
    const char *text;
    int used = 0;
    NN_TRY(get(&text, file, key));
    if (sscanf(text, "%lf,%lf,%lf%n", &out[0], &out[1], &out[2], &used) != 3 || text[used] != '\0')
        return nn_fail(NN_EFORMAT, "metadata %s: \"%.60s\" is not three numbers", key, text);
    for (int i = 0; i < channels; i++)
        if (!(out[i] >= lo && out[i] <= hi))
            return nn_fail(NN_EFORMAT, "metadata %s: %g is out of its range", key, out[i]);
    return NN_OK;
}

static nn_status take_input(train_prep *p, const train_tensors *file)
{
    const char *text;
    char rest;
    NN_TRY(get(&text, file, "input.size"));
    if (sscanf(text, "%5dx%5dx%5d%c", &p->height, &p->width, &p->channels, &rest) != 3 ||
        p->height < 1 || p->width < 1 || (p->channels != 1 && p->channels != 3))
        return nn_fail(NN_EFORMAT, "metadata input.size: \"%.60s\" is no size", text);
    NN_TRY(take_numbers(p->mean, file, "input.mean", 0, 255, p->channels));
    NN_TRY(take_numbers(p->std, file, "input.std", 1e-9, 1e6, p->channels));
    NN_TRY(get(&text, file, "input.resize"));
    if (ds_resize_rule_parse(&p->resize, text) != NN_OK)
        return nn_fail_context(NN_EFORMAT, "metadata input.resize");
    return NN_OK;
}

static nn_status take_classes(train_info *info, nn_arena *arena, const train_tensors *file)
{
    const char *text;
    NN_TRY(get(&text, file, "classes"));
    char *copy = nn_arena_strdup(arena, text);
    info->classes = 1;
    for (const char *c = text; *c != '\0'; c++)
        info->classes += *c == '\n';
    const char **names = nn_arena_alloc(arena, (size_t)info->classes * sizeof *names);
    if (copy == NULL || names == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < info->classes; i++) {
        names[i] = copy;
        copy += strcspn(copy, "\n");
        *copy++ = '\0';
    }
    info->class_name = names;
    return NN_OK;
}

nn_status train_checkpoint_info(train_info *out, nn_arena *arena, const train_tensors *file)
{
    const char *text;
    train_state counters_of_file;
    *out = (train_info){ 0 };
    NN_TRY(get(&text, file, "format"));
    if (strcmp(text, format) != 0)
        return nn_fail(NN_EFORMAT, "metadata format: \"%.60s\", this version reads \"%s\"", text,
                       format);
    NN_TRY(get(&text, file, "crc32"));
    NN_TRY(take_recipe(out, arena, file));
    NN_TRY(take_input(&out->prep, file));
    NN_TRY(take_classes(out, arena, file));
    NN_TRY(get(&text, file, "quantized"));
    out->quantized = strcmp(text, "true") == 0;
    out->made = train_tensors_get(file, "made");
    NN_TRY(get(&text, file, "seed"));
    out->seed = strtoull(text, NULL, 10);
    NN_TRY(take_counters(file, &counters_of_file));
    out->step = counters_of_file.step;
    return NN_OK;
}
