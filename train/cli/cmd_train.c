/* octet train - trains a network, in float or with fake quantization. */
#define _POSIX_C_SOURCE 200809L /* access */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "train/cli/command.h"
#include "train/cli/log.h"
#include "train/cli/report.h"
#include "train/cli/run.h"
#include "train/cli/signals.h"

typedef struct settings {
    train_common common;
    train_recipe recipe;
    const char *out;
    bool resume, overwrite;
    int events, report; /* ON, or 1 */
} settings;

static const char *const on_off_names[] = { "on", "off", NULL };
enum { ON };

static const train_arg output_args[] = {
    { .name = "out",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, out),
      .form = "DIR",
      .help = "folder for the results",
      .flags = TRAIN_PASSING },
    { .name = "resume",
      .kind = TRAIN_FLAG,
      .at = offsetof(settings, resume),
      .help = "go on with the run in --out, if there is one",
      .flags = TRAIN_PASSING },
    { .name = "overwrite",
      .kind = TRAIN_FLAG,
      .at = offsetof(settings, overwrite),
      .help = "replace the run in --out",
      .flags = TRAIN_PASSING },
    { .name = "events",
      .kind = TRAIN_CHOICE,
      .at = offsetof(settings, events),
      .value = "on",
      .help = "write event files, for tensorboard --logdir DIR",
      .choices = on_off_names,
      .flags = TRAIN_PASSING },
    { .name = "report",
      .kind = TRAIN_CHOICE,
      .at = offsetof(settings, report),
      .value = "on",
      .help = "write report.html at the end; octet report writes it later",
      .choices = on_off_names,
      .flags = TRAIN_PASSING },
};
static const train_rows output_rows = { "output", output_args, TRAIN_N(output_args) };

static const train_group groups[] = {
    { &train_data_rows, offsetof(settings, recipe.data) },
    { &train_model_rows, offsetof(settings, recipe.model) },
    { &train_training_rows, offsetof(settings, recipe.training) },
    { &train_quant_rows, offsetof(settings, recipe.quant) },
    { &output_rows, 0 },
};

/* ---- results --------------------------------------------------------------------------------- */

static void print_score(const char *what, const train_score *s)
{
    printf("%-10s  top1 %6.2f %%  top5 %6.2f %%  loss %.4f  (%lld test pictures)\n", what,
           100 * s->top1, 100 * s->top5, s->loss, (long long)s->n);
}

static void print_text(const train_result *r)
{
    if (!r->has_test)
        return;
    print_score(r->quantized ? "fake-quant" : "float", &r->test);
    if (r->quantized)
        print_score(r->device, &r->int8);
}

static void print_json(const train_result *r)
{
    printf("{\"steps\":%lld,\"seconds\":%.3f,\"quantized\":%s", (long long)r->step, r->seconds,
           r->quantized ? "true" : "false");
    if (r->has_test)
        printf(",\"split\":\"test\",\"n\":%lld,\"top1\":%.6f,\"top5\":%.6f,\"loss\":%.6f",
               (long long)r->test.n, r->test.top1, r->test.top5, r->test.loss);
    if (r->has_test && r->quantized)
        printf(",\"int8_top1\":%.6f,\"int8_top5\":%.6f,\"int8_loss\":%.6f", r->int8.top1,
               r->int8.top5, r->int8.loss);
    if (r->quantized)
        printf(",\"tflite_bytes\":%zu", r->tflite_bytes);
    printf("}\n");
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool is_there(const settings *s, const char *name, char path[TRAIN_PATH])
{
    snprintf(path, TRAIN_PATH, "%s/%s", s->out, name);
    return access(path, F_OK) == 0;
}

/* A run that goes on takes what was not said again from its own recipe.  Where there is no state
 * either, it begins. */
static nn_status take_own_recipe(train_args *args, const settings *s)
{
    char path[TRAIN_PATH], state[TRAIN_PATH];
    if (is_there(s, TRAIN_RESULT_RECIPE, path))
        return train_args_recipe(args, path);
    if (s->recipe.data.data == NULL && is_there(s, TRAIN_RESULT_MODEL, state))
        return nn_fail(NN_EINVAL, "%s: is missing; name the recipe that the run was begun with",
                       path);
    return NN_OK;
}

/* The folder of an experiment holds many trainings, and a report would mix them with this one. */
static nn_status refuse_experiment(const settings *s)
{
    static const char *const tables[] = { TRAIN_RESULT_COMPARISON, TRAIN_RESULT_SWEEP };
    char path[TRAIN_PATH];
    for (int i = 0; i < TRAIN_N(tables); i++)
        if (is_there(s, tables[i], path))
            return nn_fail(NN_EIO,
                           "--out %s: holds an experiment (%s), which no single run replaces or "
                           "goes on with; choose another folder, or delete this one",
                           s->out, tables[i]);
    return NN_OK;
}

static nn_status run(train_call *call)
{
    settings *s = call->args->settings;
    train_result result;
    if (s->out == NULL)
        return nn_fail(NN_EINVAL,
                       "--out: is missing; name a folder for the results, such as --out first");
    if (s->resume && s->overwrite)
        return nn_fail(NN_EINVAL, "--resume and --overwrite: choose one");
    NN_TRY(refuse_experiment(s));
    if (s->resume && call->args->n_recipes == 0)
        NN_TRY(take_own_recipe(call->args, s));
    const train_run_options options = { .recipe = &s->recipe,
                                        .seed = s->common.seed,
                                        .max_pixels = s->common.max_pixels,
                                        .max_macs = s->common.max_macs,
                                        .max_memory = s->common.max_memory,
                                        .out = s->out,
                                        .use = s->resume      ? TRAIN_FOLDER_RESUME
                                               : s->overwrite ? TRAIN_FOLDER_OVERWRITE
                                                              : TRAIN_FOLDER_NEW,
                                        .args = call->args,
                                        .resize_given = train_args_given(call->args, "resize"),
                                        .events = s->events == ON,
                                        .stop = train_signals_caught };
    train_signals_watch();
    NN_TRY(train_run(&result, &options));
    if (result.stopped) {
        train_log("interrupted after step %lld of %lld; go on with --resume",
                  (long long)result.step, (long long)result.total);
        call->exit_code = train_signals_exit_code();
        return NN_OK;
    }
    (s->common.json ? print_json : print_text)(&result);
    if (s->report == ON)
        train_report(s->out, &s->common);
    return NN_OK;
}

static const train_names networks = { "networks", train_model_at, model_about };

const train_command train_command_train = {
    .name = "train",
    .operands = "[RECIPE.ini]",
    .about = "train a network, in float or with fake quantization",
    .names = &networks,
    .more = "--json: steps, seconds, quantized; with test pictures split, n, top1, top5, loss\n"
            "(float or fake-quant), int8_top1, int8_top5, int8_loss; tflite_bytes.",
    .operands_max = 1,
    .recipe = true,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
