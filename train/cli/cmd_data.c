/* octet data - what a set of pictures looks like: counts, sizes, balance, mean and deviation. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/stats.h"
#include "train/cli/command.h"
#include "train/cli/log.h"
#include "train/cli/output.h"
#include "train/recipe.h"

enum { MOST_MEASURED = 10000, COLUMNS = 10 };

typedef struct settings {
    train_common common;
    train_data_options data;
    const char *png;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
    { .name = "png",
      .kind = TRAIN_TEXT,
      .at = AT(png),
      .form = "FILE",
      .help = "write a sheet of examples, one row for each class" },
    { .name = "val",
      .kind = TRAIN_TEXT,
      .at = AT(data.val),
      .value = "0.05",
      .form = "X",
      .help = "share of the training pictures held back, or test" },
    { .name = "input",
      .kind = TRAIN_EXTENT,
      .at = AT(data.input),
      .value = "0x0",
      .help = "size to see the pictures at; 0x0 is their own" },
    { .name = "channels",
      .kind = TRAIN_INT,
      .at = AT(data.channels),
      .value = "0",
      .max = 3,
      .help = "1 grey, 3 colour; 0 is the pictures' own" },
    { .name = "resize",
      .kind = TRAIN_TEXT,
      .at = AT(data.resize),
      .value = "crop",
      .form = "crop|stretch",
      .help = "how pictures of another size are fitted" },
    { .name = "skip-bad",
      .kind = TRAIN_FLAG,
      .at = AT(data.skip_bad),
      .help = "list pictures that cannot be read instead of stopping at the first" },
};
#undef AT

static const train_rows rows = { "data", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 } };

/* What was found out; without a size nothing can be measured. */
typedef struct report {
    const ds_set *set;
    nn_arena *texts;
    bool is_measured;
    ds_stats stats; /* of the training pictures */
} report;

/* A whole mean lets an integer network take pixels as they are. */
static double whole(double x, double least)
{
    return fmax(least, floor(x + 0.5));
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_counts(const report *r)
{
    int n = ds_classes(r->set), width = 8;
    for (int i = 0; i < n; i++) {
        int length = (int)strlen(train_output_clean(r->texts, ds_class_name(r->set, i)));
        width = length > width ? length : width;
    }
    printf("%-*s %9s %9s %9s\n", width, "class", "train", "val", "test");
    for (int i = 0; i < n; i++)
        printf("%-*s %9d %9d %9d\n", width, train_output_clean(r->texts, ds_class_name(r->set, i)),
               ds_class_count(r->set, DS_TRAIN, i), ds_class_count(r->set, DS_VAL, i),
               ds_class_count(r->set, DS_TEST, i));
    printf("%-*s %9d %9d %9d\n", width, "all", ds_count(r->set, DS_TRAIN), ds_count(r->set, DS_VAL),
           ds_count(r->set, DS_TEST));
}

static void print_stats(const report *r)
{
    const ds_stats *s = &r->stats;
    for (int c = 0; c < s->channels; c++)
        printf("channel %d: mean %.2f, deviation %.2f\n", c, s->mean[c], s->std[c]);
    printf("all: mean %.2f, deviation %.2f, of %d training pictures; --mean %.0f --std %.0f\n",
           s->mean_all, s->std_all, s->n, whole(s->mean_all, 0), whole(s->std_all, 1));
}

static void print_report(const report *r)
{
    printf("%s: %d classes, pictures of ", train_output_clean(r->texts, ds_spec(r->set)),
           ds_classes(r->set));
    if (ds_height(r->set) > 0)
        printf("%dx%dx%d\n", ds_height(r->set), ds_width(r->set), ds_channels(r->set));
    else
        printf("various sizes; --input HxW measures them at one\n");
    print_counts(r);
    if (r->is_measured)
        print_stats(r);
    for (int i = 0; i < ds_n_bad(r->set) && i < DS_BAD_LISTED; i++)
        printf("cannot be read: %s\n", train_output_clean(r->texts, ds_bad(r->set, i)));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void describe_classes(cJSON *list, const report *r)
{
    for (int i = 0; i < ds_classes(r->set); i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name",
                                train_output_clean(r->texts, ds_class_name(r->set, i)));
        for (int split = 0; split < DS_N_SPLITS; split++)
            cJSON_AddNumberToObject(row, ds_split_name((ds_split)split),
                                    ds_class_count(r->set, (ds_split)split, i));
        cJSON_AddItemToArray(list, row);
    }
}

static nn_status print_json(const report *r)
{
    const ds_stats *s = &r->stats;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "data", train_output_clean(r->texts, ds_spec(r->set)));
    cJSON_AddNumberToObject(o, "height", ds_height(r->set));
    cJSON_AddNumberToObject(o, "width", ds_width(r->set));
    cJSON_AddNumberToObject(o, "channels", ds_channels(r->set));
    for (int split = 0; split < DS_N_SPLITS; split++)
        cJSON_AddNumberToObject(o, ds_split_name((ds_split)split),
                                ds_count(r->set, (ds_split)split));
    describe_classes(cJSON_AddArrayToObject(o, "classes"), r);
    if (r->is_measured) {
        cJSON_AddNumberToObject(o, "measured", s->n);
        cJSON_AddItemToObject(o, "mean", cJSON_CreateDoubleArray(s->mean, s->channels));
        cJSON_AddItemToObject(o, "std", cJSON_CreateDoubleArray(s->std, s->channels));
        cJSON_AddNumberToObject(o, "mean_all", s->mean_all);
        cJSON_AddNumberToObject(o, "std_all", s->std_all);
    }
    cJSON_AddNumberToObject(o, "bad", ds_n_bad(r->set));
    return train_output_json(o);
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status write_sheet(const ds_set *set, const char *path)
{
    ds_image sheet;
    NN_TRY(ds_check_usable(set, DS_TRAIN));
    NN_TRY(ds_contact_sheet(&sheet, set, DS_TRAIN, COLUMNS));
    nn_status st = ds_png_write(path, &sheet);
    ds_image_free(&sheet);
    return st;
}

static nn_status look(report *r, const settings *s)
{
    NN_TRY(nn_arena_new(&r->texts));
    r->is_measured = ds_height(r->set) > 0 && ds_count(r->set, DS_TRAIN) > 0;
    if (r->is_measured)
        NN_TRY(ds_measure(&r->stats, r->set, DS_TRAIN, MOST_MEASURED));
    if (s->png != NULL) {
        NN_TRY(write_sheet(r->set, s->png));
        train_log("wrote %s", s->png);
    }
    if (s->common.json)
        return print_json(r);
    print_report(r);
    return NN_OK;
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    ds_options options;
    ds_set *set = NULL;
    NN_TRY(train_recipe_dataset(&options, &s->data, s->common.seed, s->common.max_pixels));
    NN_TRY(ds_open(&set, call->args->operand[0], &options));
    report r = { .set = set };
    nn_status st = look(&r, s);
    nn_arena_free(r.texts);
    ds_close(set);
    return st;
}

static const train_names kinds = { "DATA", train_data_kind_at, ds_kind_about };

const train_command train_command_data = {
    .name = "data",
    .operands = "DATA",
    .about = "what a set of pictures looks like: counts, sizes, balance, mean and deviation",
    .names = &kinds,
    .more =
        "--json: {\"data\", \"height\", \"width\", \"channels\", \"train\", \"val\", \"test\",\n"
        "\"classes\": [{\"name\", \"train\", \"val\", \"test\"}], \"measured\", \"mean\": [],\n"
        "\"std\": [], \"mean_all\", \"std_all\", \"bad\"}; a folder without --input has height 0\n"
        "and nothing measured\n\n"
        "  octet data sample --png examples.png\n"
        "  octet data folder:pictures --input 96x96",
    .operands_min = 1,
    .operands_max = 1,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
