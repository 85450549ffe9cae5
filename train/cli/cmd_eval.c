/* octet eval - how often a checkpoint or a .tflite file is right. */
#include <stdio.h>

#include "train/evaluate.h"
#include "train/cli/output.h"
#include "train/picture.h"
#include "train/cli/source.h"
#include "train/cli/tflite_file.h"

enum { EVAL_BATCH = 128 };

typedef enum form { AS_AUTO, AS_FLOAT, AS_FAKE_QUANT } form;
static const char *const form_names[] = { "auto", "float", "fake-quant", NULL };

typedef struct settings {
    train_common common;
    train_source source;
    train_picture_options pictures;
    const char *split;
    int form;
    double min_top1;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
    { .name = "split",
      .kind = TRAIN_TEXT,
      .at = AT(split),
      .value = "test",
      .form = "train|val|test",
      .help = "the part that is looked at" },
    { .name = "as",
      .kind = TRAIN_CHOICE,
      .at = AT(form),
      .value = "auto",
      .choices = form_names,
      .help = "of a checkpoint: which network; auto is fake-quant if it has ranges" },
    { .name = "min-top1",
      .kind = TRAIN_REAL,
      .at = AT(min_top1),
      .value = "0",
      .form = "X",
      .help = "fail unless top1 is at least this, a fraction",
      .max = 1 },
};
#undef AT

static const train_rows rows = { "eval", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 },
                                      { &train_source_rows, offsetof(settings, source) },
                                      { &train_picture_rows, offsetof(settings, pictures) } };

typedef struct result {
    const char *file, *as;
    ds_split split;
    train_score score;
} result;

/* ---- the two kinds of files ------------------------------------------------------------------ */

static nn_status pick_graph(const nn_graph **out, const char **as, const train_network *n, form f)
{
    bool deploy = f == AS_FAKE_QUANT || (f == AS_AUTO && n->has_ranges);
    if (deploy && !n->can_quantize)
        return nn_fail(NN_ENOTSUP, "cannot be quantized: %s", n->reason != NULL ? n->reason : "");
    if (deploy && !n->has_ranges)
        return nn_fail(NN_EINVAL, "--as fake-quant: the checkpoint has no ranges; train with --qat "
                                  "or calibrate with octet quantize --save");
    *out = deploy ? n->deploy : n->graph;
    *as = deploy ? "fake-quant" : "float";
    return NN_OK;
}

static nn_status eval_network(result *r, const train_network *n, const train_call *call)
{
    const settings *s = call->settings;
    const nn_graph *g = NULL;
    ds_set *set;
    if (s->pictures.mean.n > 0 || s->pictures.std.n > 0 || s->pictures.resize != NULL)
        return nn_fail(NN_EINVAL, "--mean, --std, --resize: are for .tflite files; a checkpoint "
                                  "knows its own");
    NN_TRY(pick_graph(&g, &r->as, n, (form)s->form));
    NN_TRY(train_source_open(&set, &s->source, call, &n->info.prep, &n->info, n->info.classes));
    nn_status st = train_evaluate_graph(&r->score, n, g, set, r->split, EVAL_BATCH);
    train_source_say_bad(set);
    ds_close(set);
    return st;
}

static nn_status eval_checkpoint(result *r, const train_call *call)
{
    const train_common *common = call->settings;
    const train_limits limits = { common->max_macs, common->max_memory };
    train_network *n;
    NN_TRY(train_network_load(&n, r->file, NULL, &limits));
    nn_status st = eval_network(r, n, call);
    train_network_free(n);
    return st;
}

static nn_status eval_model(result *r, const train_tflite *file, const train_call *call)
{
    const settings *s = call->settings;
    train_prep prep;
    train_picture_source source;
    const rt_tensor *scores;
    ds_set *set;
    r->as = "tflite";
    if (s->form != AS_AUTO)
        return nn_fail(NN_EINVAL, "--as: is of checkpoints; a .tflite file is run as it is");
    nn_status st = train_picture_prep(&prep, &source, file->model, &s->pictures);
    if (st == NN_OK)
        st = train_picture_scores(&scores, file->model);
    if (st != NN_OK)
        return nn_fail_context(st, "%s", r->file);
    NN_TRY(train_source_open(&set, &s->source, call, &prep, NULL, (int)scores->count));
    st = train_evaluate_model(&r->score, file->model, &prep, set, r->split);
    train_source_say_bad(set);
    ds_close(set);
    return st;
}

static nn_status eval_tflite(result *r, const train_call *call)
{
    const train_limits limits = train_tflite_limits(call);
    train_tflite file;
    nn_status st = train_tflite_load(&file, r->file, &limits, false);
    if (st == NN_OK)
        st = eval_model(r, &file, call);
    train_tflite_free(&file);
    return st;
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status print_json(const result *r)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "file", r->file);
    cJSON_AddStringToObject(o, "as", r->as);
    cJSON_AddStringToObject(o, "split", ds_split_name(r->split));
    cJSON_AddNumberToObject(o, "n", (double)r->score.n);
    cJSON_AddNumberToObject(o, "top1", r->score.top1);
    cJSON_AddNumberToObject(o, "top5", r->score.top5);
    cJSON_AddNumberToObject(o, "loss", r->score.loss);
    cJSON_AddNumberToObject(o, "seconds", r->score.seconds);
    return train_output_json(o);
}

static nn_status print(const result *r, bool json)
{
    const train_score *s = &r->score;
    if (json)
        return print_json(r);
    printf("%s (%s) on %lld %s pictures: top1 %.2f %%, top5 %.2f %%, loss %.4f, %.1f s\n", r->file,
           r->as, (long long)s->n, ds_split_name(r->split), 100 * s->top1, 100 * s->top5, s->loss,
           s->seconds);
    return NN_OK;
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    result r = { .file = call->args->operand[0] };
    train_file_kind kind;
    if (ds_split_parse(&r.split, s->split != NULL ? s->split : "") != NN_OK)
        return nn_fail_context(NN_EINVAL, "--split");
    NN_TRY(train_file_kind_of(&kind, r.file));
    NN_TRY(kind == TRAIN_FILE_TFLITE ? eval_tflite(&r, call) : eval_checkpoint(&r, call));
    NN_TRY(print(&r, s->common.json));
    if (r.score.top1 >= s->min_top1)
        return NN_OK;
    call->exit_code = 1;
    return nn_fail(NN_EFORMAT, "%s: top1 is %.4f, --min-top1 wants %.4f", r.file, r.score.top1,
                   s->min_top1);
}

const train_command train_command_eval = {
    .name = "eval",
    .operands = "FILE",
    .about = "how often a checkpoint or a .tflite file is right",
    .more = "--json: {\"file\", \"as\": float, fake-quant or tflite, \"split\", \"n\", \"top1\",\n"
            "\"top5\", \"loss\", \"seconds\"}; top1 and top5 are fractions\n\n"
            "  octet eval run/best.safetensors --data cifar10:DIR\n"
            "  octet eval run/model.tflite --data cifar10:DIR --min-top1 0.85",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
