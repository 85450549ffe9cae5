/* octet verify - a checkpoint's fake-quantized network against the .tflite file made from it. */
#include <limits.h>
#include <stdio.h>

#include "export/compare.h"
#include "train/cli/output.h"
#include "train/cli/source.h"
#include "train/cli/tflite_file.h"

typedef struct settings {
    train_common common;
    train_source source;
    const char *split;
    int n;
    double min_agree;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
    { .name = "split",
      .kind = TRAIN_TEXT,
      .at = AT(split),
      .value = "test",
      .form = "train|val|test",
      .help = "the part that is looked at" },
    { .name = "n",
      .kind = TRAIN_INT,
      .at = AT(n),
      .value = "0",
      .help = "pictures to compare, the first of the split; 0: all",
      .max = INT_MAX },
    { .name = "min-agree",
      .kind = TRAIN_REAL,
      .at = AT(min_agree),
      .value = "0",
      .form = "X",
      .help = "fail unless this fraction of the predictions is the same",
      .max = 1 },
};
#undef AT

static const train_rows rows = { "verify", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 },
                                      { &train_source_rows, offsetof(settings, source) } };

typedef struct verifier {
    const train_call *call;
    const settings *set;
    const char *checkpoint, *path; /* the operands */
    train_network *n;
    nn_bytes file;
    nn_arena *arena;
    ds_split split;
    ex_comparison result;
} verifier;

/* ---- comparing ------------------------------------------------------------------------------- */

typedef struct feed {
    ds_loader *loader;
    int left;
} feed;

static nn_status next(void *ctx, const nn_real **image, int *n)
{
    feed *f = ctx;
    const ds_batch *batch = NULL;
    *n = 0;
    if (f->left > 0)
        NN_TRY(ds_loader_next(f->loader, &batch));
    if (batch == NULL)
        return NN_OK;
    *image = batch->image;
    *n = batch->n < f->left ? batch->n : f->left;
    f->left -= *n;
    return NN_OK;
}

static nn_status compare(verifier *v, const ds_set *set)
{
    enum { BATCH = 32 };
    const train_limits limits = train_tflite_limits(v->call);
    rt_limits most = rt_options_default().limits;
    feed f = { .left = v->set->n > 0 ? v->set->n : INT_MAX };
    ds_loader_options o = train_prep_loader(&v->n->info.prep, BATCH);
    most.macs = limits.macs;
    most.bytes = limits.bytes;
    NN_TRY(ds_loader_new(&f.loader, set, v->split, &o));
    const ex_compare_file file = { v->file.data, v->file.size, &most };
    nn_status st =
        ex_compare(&v->result, v->arena, v->n->graph, &v->n->quant, &file, BATCH, next, &f);
    ds_loader_free(f.loader);
    return st == NN_EFORMAT || st == NN_ENOTSUP ? nn_fail_context(st, "%s", v->path) : st;
}

static nn_status verify(verifier *v)
{
    const train_common *common = &v->set->common;
    const train_limits limits = { common->max_macs, common->max_memory };
    ds_set *set;
    NN_TRY(nn_arena_new(&v->arena));
    NN_TRY(nn_file_read(&v->file, v->path, (size_t)train_tflite_limits(v->call).bytes));
    NN_TRY(train_network_load(&v->n, v->checkpoint, NULL, &limits));
    const train_info *info = &v->n->info;
    if (!v->n->can_quantize || !v->n->has_ranges)
        return nn_fail(NN_ENOTSUP, "%s: %s", v->checkpoint,
                       v->n->can_quantize     ? "has no quantization ranges; train with --qat, or "
                                                "calibrate with octet quantize --save"
                       : v->n->reason != NULL ? v->n->reason
                                              : "cannot be quantized");
    NN_TRY(train_source_open(&set, &v->set->source, v->call, &info->prep, info, info->classes));
    nn_status st = compare(v, set);
    train_source_say_bad(set);
    ds_close(set);
    return st;
}

/* ---- printing -------------------------------------------------------------------------------- */

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 1;
}

static int64_t n_unequal_constants(const ex_comparison *c, const char **first)
{
    int64_t unequal = 0;
    for (int i = c->n_constants - 1; i >= 0; i--) {
        if (c->constant[i].equal != c->constant[i].n)
            *first = c->constant[i].name;
        unequal += c->constant[i].n - c->constant[i].equal;
    }
    return unequal;
}

static void print_layers(const verifier *v)
{
    const ex_comparison *c = &v->result;
    printf("%-44s %-18s %10s %6s\n", "layer, given equal inputs", "operator", "equal", "steps");
    for (int i = 0; i < c->n_layers; i++) {
        const ex_layer_match *l = &c->layer[i];
        printf("%-44s %-18s %8.4f %% %6d\n", train_output_clean(v->arena, l->name), l->op,
               100 * share(l->equal, l->n), l->largest);
    }
}

static void print_text(const verifier *v)
{
    const ex_comparison *c = &v->result;
    const ex_layer_match *first = ex_compare_first(c);
    const char *constant = NULL;
    int64_t unequal = n_unequal_constants(c, &constant), codes = 0;
    for (int i = 0; i < c->n_constants; i++)
        codes += c->constant[i].n;
    print_layers(v);
    printf("weight and bias codes: %lld of %lld equal\n", (long long)(codes - unequal),
           (long long)codes);
    if (first != NULL)
        printf("first layer that differs%s: %s, by %d\n",
               first->largest > 1 ? " by more than one step" : "",
               train_output_clean(v->arena, first->name), first->largest);
    else
        printf("every layer gives the same codes\n");
    printf("outputs as a whole: %.4f %% equal, at most %d steps apart\n",
           100 * share(c->outputs_equal, c->outputs), c->outputs_largest);
    printf("predictions: %lld of %lld agree (%.3f %%)\n", (long long)c->agree,
           (long long)c->pictures, 100 * share(c->agree, c->pictures));
}

static void describe_rows(cJSON *o, const verifier *v)
{
    const ex_comparison *c = &v->result;
    cJSON *list = cJSON_AddArrayToObject(o, "constants");
    for (int i = 0; i < c->n_constants; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", train_output_clean(v->arena, c->constant[i].name));
        cJSON_AddNumberToObject(row, "n", (double)c->constant[i].n);
        cJSON_AddNumberToObject(row, "equal", (double)c->constant[i].equal);
        cJSON_AddItemToArray(list, row);
    }
    list = cJSON_AddArrayToObject(o, "layers");
    for (int i = 0; i < c->n_layers; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", train_output_clean(v->arena, c->layer[i].name));
        cJSON_AddStringToObject(row, "op", c->layer[i].op);
        cJSON_AddNumberToObject(row, "n", (double)c->layer[i].n);
        cJSON_AddNumberToObject(row, "equal", (double)c->layer[i].equal);
        cJSON_AddNumberToObject(row, "steps", c->layer[i].largest);
        cJSON_AddItemToArray(list, row);
    }
}

static nn_status print_json(const verifier *v)
{
    const ex_comparison *c = &v->result;
    const ex_layer_match *first = ex_compare_first(c);
    const char *constant = NULL;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "checkpoint", train_output_clean(v->arena, v->checkpoint));
    cJSON_AddStringToObject(o, "file", train_output_clean(v->arena, v->path));
    cJSON_AddStringToObject(o, "split", ds_split_name(v->split));
    cJSON_AddNumberToObject(o, "n", (double)c->pictures);
    cJSON_AddNumberToObject(o, "agree", share(c->agree, c->pictures));
    cJSON_AddNumberToObject(o, "codes_unequal", (double)n_unequal_constants(c, &constant));
    cJSON_AddNumberToObject(o, "outputs_equal", share(c->outputs_equal, c->outputs));
    cJSON_AddNumberToObject(o, "outputs_steps", c->outputs_largest);
    if (first != NULL)
        cJSON_AddStringToObject(o, "first", train_output_clean(v->arena, first->name));
    else
        cJSON_AddNullToObject(o, "first");
    describe_rows(o, v);
    return train_output_json(o);
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status judge(const verifier *v, train_call *call)
{
    const ex_comparison *c = &v->result;
    const char *name = NULL;
    int64_t unequal = n_unequal_constants(c, &name);
    double agree = share(c->agree, c->pictures);
    if (unequal > 0)
        return nn_fail(NN_EFORMAT,
                       "%s: %lld weight and bias codes are not the checkpoint's, the first in %s; "
                       "export the file again",
                       v->path, (long long)unequal, name);
    if (agree >= v->set->min_agree)
        return NN_OK;
    call->exit_code = 1;
    return nn_fail(NN_EFORMAT, "%s: %.5f of the predictions agree, --min-agree wants %.5f", v->path,
                   agree, v->set->min_agree);
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    verifier v = {
        .call = call, .set = s, .checkpoint = call->args->operand[0], .path = call->args->operand[1]
    };
    if (ds_split_parse(&v.split, s->split != NULL ? s->split : "") != NN_OK)
        return nn_fail_context(NN_EINVAL, "--split");
    nn_status st = verify(&v);
    if (st == NN_OK && s->common.json)
        st = print_json(&v);
    else if (st == NN_OK)
        print_text(&v);
    if (st == NN_OK)
        st = judge(&v, call);
    train_network_free(v.n);
    nn_bytes_free(&v.file);
    nn_arena_free(v.arena);
    return st;
}

const train_command train_command_verify = {
    .name = "verify",
    .operands = "CHECKPOINT FILE.tflite",
    .about = "compare a checkpoint with the .tflite file made from it, layer by layer",
    .more =
        "Weight and bias codes must be equal.  Each layer is given the same input codes in both:\n"
        "the share of equal output values, and the largest difference in steps, which should be\n"
        "at most 1.  Then the whole file: on how many pictures it chooses the same class.\n\n"
        "--json: {\"checkpoint\", \"file\", \"split\", \"n\", \"agree\", \"codes_unequal\",\n"
        "\"outputs_equal\", \"outputs_steps\", \"first\", \"constants\": [{\"name\", \"n\", "
        "\"equal\"}],\n\"layers\": [{\"name\", \"op\", \"n\", \"equal\", \"steps\"}]}; agree and\n"
        "outputs_equal are fractions\n\n"
        "  octet verify run/model.safetensors run/model.tflite --data cifar10:DIR",
    .operands_min = 2,
    .operands_max = 2,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
