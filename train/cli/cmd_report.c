/* octet report - writes report.html again, from what a run left. */
#include <stdio.h>

#include "train/cli/log.h"
#include "train/cli/output.h"
#include "train/cli/report.h"

typedef struct settings {
    train_common common;
    const char *data, *svg;
    int pictures;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
    { .name = "data",
      .kind = TRAIN_TEXT,
      .at = AT(data),
      .form = "DATA",
      .help = "pictures to look at; default: those of the recipe",
      .name_at = train_data_kind_at },
    { .name = "pictures",
      .kind = TRAIN_INT,
      .at = AT(pictures),
      .value = "1000",
      .help = "how many, for layers, confusion and mistakes",
      .min = 1,
      .max = 100000000 },
    { .name = "svg",
      .kind = TRAIN_TEXT,
      .at = AT(svg),
      .form = "FOLDER",
      .help = "write each chart as a file of its own, too" },
};
#undef AT

static const train_rows rows = { "report", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 } };

/* The page, and what it has to do without, also on stderr. */
static nn_status write_report(const char *path, const char *folder, const settings *s)
{
    report_facts f;
    const report_options options = { .pictures = s->pictures,
                                     .data = s->data,
                                     .max_pixels = s->common.max_pixels,
                                     .limits = { s->common.max_macs, s->common.max_memory } };
    nn_status st = report_facts_read(&f, folder, &options);
    if (st == NN_OK)
        st = report_write_facts(path, s->svg, &f);
    for (int i = 0; st == NN_OK && i < f.n_notes; i++)
        train_log("not in the report: %s", f.note[i]);
    report_facts_free(&f);
    return st;
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    char path[TRAIN_PATH];
    snprintf(path, sizeof path, "%.4000s/report.html", call->args->operand[0]);
    NN_TRY(write_report(path, call->args->operand[0], s));
    if (s->common.json) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "report", path);
        return train_output_json(o);
    }
    printf("%s\n", path);
    return NN_OK;
}

const train_command train_command_report = {
    .name = "report",
    .operands = "DIR",
    .about = "write DIR/report.html again, from what a run left",
    .more = "DIR is what octet train, octet compare or octet sweep left, or a folder with several\n"
            "runs.  The page needs nothing else and no network: curves, accuracies, the values of\n"
            "each layer over its quantization grid, mistakes, sizes, the recipe.  What a run that\n"
            "was cut off does not have is said on the page and on stderr.\n\n"
            "--json: {\"report\"}\n\n"
            "  octet report run\n"
            "  octet report run --pictures 10000 --svg charts",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
