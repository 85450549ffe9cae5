/* octet quantize - post-training quantization: ranges from pictures, without training. */
#include <stdio.h>
#include <string.h>

#include "train/checkpoint.h"
#include "train/cli/log.h"
#include "train/cli/output.h"
#include "train/cli/post.h"
#include "train/cli/report.h"
#include "train/ship.h"
#include "train/cli/source.h"

typedef struct settings {
    train_common common;
    train_source source;
    train_post_options post;
    const char *out, *save, *report;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
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
    { .name = "report",
      .kind = TRAIN_TEXT,
      .at = AT(report),
      .form = "FILE.html",
      .help = "write a page about it: each layer over its grid, mistakes, size and speed" },
};
#undef AT

static const train_rows rows = { "quantize", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 },
                                      { &train_source_rows, offsetof(settings, source) },
                                      { &train_post_rows, offsetof(settings, post) } };

static nn_status check(const settings *s, const char *input)
{
    NN_TRY(train_post_check(&s->post));
    if (s->out == NULL && s->save == NULL)
        return nn_fail(NN_EINVAL, "--out: is missing; name the .tflite file to write");
    if (s->out != NULL && train_output_is_stdout(s->out) && s->common.json)
        return nn_fail(NN_EINVAL, "--out -: and --json both want standard output");
    if (s->out != NULL && s->save != NULL && strcmp(s->out, s->save) == 0)
        return nn_fail(NN_EINVAL, "--save %s: --out has that name; choose another", s->save);
    NN_TRY(train_output_check("out", s->out, input));
    return train_output_check("save", s->save, input);
}

/* ---- the command ----------------------------------------------------------------------------- */

typedef struct result {
    const char *checkpoint;
    char made[256];
    int pictures;
    size_t bytes;
} result;

/* A page that cannot be made is a note: the model is there. */
static void write_report(const train_network *n, const ds_set *set, const nn_bytes *file,
                         const train_call *call)
{
    const settings *s = call->settings;
    report_facts f = { 0 };
    nn_arena *a = NULL;
    nn_status st = nn_arena_new(&a);
    if (st == NN_OK)
        st = report_facts_of(&f, s->out != NULL ? s->out : s->save,
                             train_report_command(a, "quantize", call->args), n, set, file,
                             REPORT_PICTURES);
    if (st == NN_OK)
        st = report_write_facts(s->report, NULL, &f);
    if (st != NN_OK)
        train_log("report: not written: %s", nn_message());
    report_facts_free(&f);
    nn_arena_free(a);
}

static nn_status write_files(result *r, const train_network *n, const ds_set *set,
                             const train_call *call)
{
    const settings *s = call->settings;
    nn_bytes file;
    NN_TRY(train_ship(&file, n, train_ship_form(n)));
    r->bytes = file.size;
    nn_status st = s->out != NULL ? train_output_write(s->out, file.data, file.size) : NN_OK;
    if (st == NN_OK && s->report != NULL)
        write_report(n, set, &file, call);
    nn_bytes_free(&file);
    if (st == NN_OK && s->save != NULL)
        st = train_checkpoint_save(s->save, n, &(train_state){ .step = n->info.step });
    return st;
}

static void say_progress(void *ctx, const char *layer, int done, int total)
{
    (void)ctx;
    train_log_live("adaround: layer %d of %d, %s", done + 1, total, layer);
}

static nn_status quantize(result *r, train_network *n, const train_call *call)
{
    const settings *s = call->settings;
    ds_set *set;
    NN_TRY(train_source_open(&set, &s->source, call, &n->info.prep, &n->info, n->info.classes));
    nn_status st = train_post_run(&r->pictures, n, set, &s->post, s->common.seed, say_progress);
    train_source_say_bad(set);
    if (st == NN_OK) {
        snprintf(r->made, sizeof r->made, "%s", n->info.made);
        st = write_files(r, n, set, call);
    }
    ds_close(set);
    return st;
}

static nn_status print(const result *r, const settings *s)
{
    cJSON *o;
    if (!s->common.json) {
        train_log("%s: %s", r->checkpoint, r->made);
        if (s->out != NULL && !train_output_is_stdout(s->out))
            printf("%s: %zu bytes\n", s->out, r->bytes);
        return NN_OK;
    }
    o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "checkpoint", r->checkpoint);
    cJSON_AddStringToObject(o, "method", s->post.method);
    cJSON_AddStringToObject(o, "made", r->made);
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
    train_network *n;
    NN_TRY(check(s, r.checkpoint));
    NN_TRY(train_post_load(&n, r.checkpoint, &s->post, &limits));
    nn_status st = quantize(&r, n, call);
    train_network_free(n);
    return st == NN_OK ? print(&r, s) : st;
}

const train_command train_command_quantize = {
    .name = "quantize",
    .operands = "CHECKPOINT",
    .about = "post-training quantization: a float checkpoint becomes an int8 .tflite file",
    .more = "--json: {\"checkpoint\", \"method\", \"made\", \"pictures\", \"file\", \"saved\", "
            "\"bytes\"}\n\n"
            "  octet quantize run/best.safetensors --data cifar10:DIR --out model.tflite",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
