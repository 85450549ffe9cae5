#include "train/cli/report.h"

#include <string.h>

#include "train/cli/log.h"
#include "train/report/text.h"

void train_report(const char *folder, const train_common *common)
{
    const report_options options = { .max_pixels = common->max_pixels,
                                     .limits = { common->max_macs, common->max_memory } };
    if (report_write(folder, NULL, &options) == NN_OK)
        train_log("report: %s/report.html", folder);
    else
        train_log("report: not written: %s", nn_message());
}

/* ---- the command line ------------------------------------------------------------------------ */

static void put_option(report_text *t, const train_arg *arg, const void *base)
{
    char buffer[TRAIN_ARG_TEXT];
    const char *value = train_arg_text(arg, base, buffer);
    report_printf(t, " --%s", arg->name);
    if (arg->kind == TRAIN_FLAG) {
        report_put(t, strcmp(value, "false") == 0 ? "=false" : "");
        return;
    }
    report_put(t, " ");
    report_shell_word(t, value);
}

const char *train_report_command(nn_arena *a, const char *command, const train_args *args)
{
    report_text t = { 0 };
    report_printf(&t, "octet %s", command);
    for (int i = 0; i < args->n_operands; i++) {
        report_put(&t, " ");
        report_shell_word(&t, args->operand[i]);
    }
    for (int g = 0; g < args->n_groups; g++)
        for (int i = 0; i < args->groups[g].rows->n; i++) {
            const train_arg *arg = &args->groups[g].rows->args[i];
            if (train_args_given(args, arg->name))
                put_option(&t, arg, (const char *)args->settings + args->groups[g].at);
        }
    const char *text = t.failed ? NULL : nn_arena_strdup(a, t.data);
    report_text_free(&t);
    return text != NULL ? text : "";
}
