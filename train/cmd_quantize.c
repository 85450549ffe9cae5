/* octet quantize - post-training quantization: ranges from pictures, without training. */
#include <stdio.h>
#include <string.h>

#include "nn/base/suggest.h"
#include "quant/calibrate.h"
#include "train/checkpoint.h"
#include "train/log.h"
#include "train/output.h"
#include "train/ship.h"
#include "train/source.h"

typedef struct settings {
    train_common common;
    train_source source;
    const char *method, *out, *save;
    int calib, granularity, weight_bits, act_bits;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
    { .name = "method",
      .kind = TRAIN_TEXT,
      .at = AT(method),
      .value = "minmax",
      .form = "NAME",
      .help = "how activation ranges follow from the pictures: minmax, ema" },
    { .name = "calib",
      .kind = TRAIN_INT,
      .at = AT(calib),
      .value = "1000",
      .help = "training pictures to look at, chosen by the seed, not augmented",
      .min = 1,
      .max = 100000000 },
    { .name = "granularity",
      .kind = TRAIN_CHOICE,
      .at = AT(granularity),
      .value = "channel",
      .choices = train_granularity_names,
      .help = "a weight's scale is one for each" },
    { .name = "weight-bits",
      .kind = TRAIN_INT,
      .at = AT(weight_bits),
      .value = "8",
      .help = "of weights",
      .min = 2,
      .max = 8 },
    { .name = "act-bits",
      .kind = TRAIN_INT,
      .at = AT(act_bits),
      .value = "8",
      .help = "of activations",
      .min = 2,
      .max = 8 },
    { .name = "out",
      .kind = TRAIN_TEXT,
      .at = AT(out),
      .form = "FILE.tflite",
      .help = "where the model goes; - is standard output" },
    { .name = "save",
      .kind = TRAIN_TEXT,
      .at = AT(save),
      .form = "FILE",
      .help = "write the network with its ranges as a checkpoint, for verify and export" },
};
#undef AT

static const train_rows rows = { "quantize", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 },
                                      { &train_source_rows, offsetof(settings, source) } };

/* ---- settings
 * ------------------------------------------------------------------------------------------ */

static nn_status check_method(const char *method)
{
    static const char *const here[] = { "minmax", "ema" };
    static const char *const later[] = { "percentile", "mse", "entropy" };
    for (int i = 0; i < TRAIN_N(here); i++)
        if (strcmp(method, here[i]) == 0)
            return NN_OK;
    for (int i = 0; i < TRAIN_N(later); i++)
        if (strcmp(method, later[i]) == 0)
            return nn_fail(NN_EINVAL, "--method %s: is not there yet; minmax and ema are", method);
    const char *near = nn_suggest(method, here, TRAIN_N(here));
    return nn_fail(NN_EINVAL, "--method: \"%.60s\" is unknown; %s%s%s", method,
                   near != NULL ? "did you mean " : "minmax and ema are there",
                   near != NULL ? near : "", near != NULL ? "?" : "");
}

static nn_status check(const settings *s)
{
    NN_TRY(check_method(s->method != NULL ? s->method : ""));
    if (s->out == NULL && s->save == NULL)
        return nn_fail(NN_EINVAL, "--out: is missing; name the .tflite file to write");
    if (s->out != NULL && train_output_is_stdout(s->out) && s->common.json)
        return nn_fail(NN_EINVAL, "--out -: and --json both want standard output");
    return NN_OK;
}

static nn_status make_quant(train_quant_options *q, const settings *s)
{
    static const train_group group = { &train_quant_rows, 0 };
    NN_TRY(train_args_defaults(&group, 1, q));
    q->range = s->method;
    q->granularity = s->granularity;
    q->weight_bits = s->weight_bits;
    q->act_bits = s->act_bits;
    return NN_OK;
}

/* ---- calibration
 * --------------------------------------------------------------------------------------- */

typedef struct feed {
    ds_loader *loader;
    int left;
} feed;

static nn_status next(void *ctx, const nn_real **image, int *n)
{
    feed *f = ctx;
    const ds_batch *batch;
    *n = 0;
    if (f->left == 0)
        return NN_OK;
    NN_TRY(ds_loader_next(f->loader, &batch));
    *image = batch->image;
    *n = batch->n < f->left ? batch->n : f->left;
    f->left -= *n;
    return NN_OK;
}

/* *used: how many pictures it was. */
static nn_status calibrate(int *used, const train_network *n, const ds_set *set, const settings *s)
{
    enum { MOST = 50 };
    int count = ds_count(set, DS_TRAIN);
    NN_TRY(ds_check_usable(set, DS_TRAIN));
    feed f = { .left = s->calib < count ? s->calib : count };
    ds_loader_options o = train_prep_loader(&n->info.prep, f.left < MOST ? f.left : MOST);
    o.train = true; /* shuffled, so that few pictures are of all classes */
    o.seed = s->common.seed;
    *used = f.left;
    NN_TRY(ds_loader_new(&f.loader, set, DS_TRAIN, &o));
    nn_status st = quant_calibrate(n->graph, &n->quant, o.batch, next, &f);
    ds_loader_free(f.loader);
    return st;
}

/* ---- the command
 * --------------------------------------------------------------------------------------- */

typedef struct result {
    const char *checkpoint;
    int pictures;
    size_t bytes;
} result;

static nn_status write_files(result *r, const train_network *n, const settings *s)
{
    nn_bytes file;
    NN_TRY(train_ship(&file, n, EX_INT8));
    r->bytes = file.size;
    nn_status st = s->out != NULL ? train_output_write(s->out, file.data, file.size) : NN_OK;
    nn_bytes_free(&file);
    if (st == NN_OK && s->save != NULL)
        st = train_checkpoint_save(s->save, n, &(train_state){ .step = n->info.step });
    return st;
}

static nn_status quantize(result *r, train_network *n, const train_call *call)
{
    const settings *s = call->settings;
    ds_set *set;
    if (!n->can_quantize)
        return nn_fail(NN_ENOTSUP, "%s: cannot be quantized: %s", r->checkpoint,
                       n->reason != NULL ? n->reason : "");
    NN_TRY(train_source_open(&set, &s->source, call, &n->info.prep, &n->info, n->info.classes));
    nn_status st = calibrate(&r->pictures, n, set, s);
    train_source_say_bad(set);
    ds_close(set);
    return st == NN_OK ? write_files(r, n, s) : st;
}

static nn_status print(const result *r, const settings *s)
{
    cJSON *o;
    if (!s->common.json) {
        train_log("%s: %s over %d pictures", r->checkpoint, s->method, r->pictures);
        if (s->out != NULL && !train_output_is_stdout(s->out))
            printf("%s: %zu bytes\n", s->out, r->bytes);
        return NN_OK;
    }
    o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "checkpoint", r->checkpoint);
    cJSON_AddStringToObject(o, "method", s->method);
    cJSON_AddNumberToObject(o, "pictures", r->pictures);
    if (s->out != NULL)
        cJSON_AddStringToObject(o, "file", s->out);
    if (s->save != NULL)
        cJSON_AddStringToObject(o, "saved", s->save);
    cJSON_AddNumberToObject(o, "bytes", (double)r->bytes);
    return train_output_json(o);
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    const train_limits limits = { s->common.max_macs, s->common.max_memory };
    result r = { .checkpoint = call->args->operand[0] };
    train_quant_options quant = { 0 };
    train_network *n;
    NN_TRY(check(s));
    NN_TRY(make_quant(&quant, s));
    NN_TRY(train_network_load(&n, r.checkpoint, &quant, &limits));
    nn_status st = quantize(&r, n, call);
    train_network_free(n);
    return st == NN_OK ? print(&r, s) : st;
}

const train_command train_command_quantize = {
    .name = "quantize",
    .operands = "CHECKPOINT",
    .about = "post-training quantization: a float checkpoint becomes an int8 .tflite file",
    .more = "--json: {\"checkpoint\", \"method\", \"pictures\", \"file\", \"saved\", \"bytes\"}\n\n"
            "  octet quantize run/best.safetensors --data cifar10:DIR --out model.tflite",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
