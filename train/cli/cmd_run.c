/* octet run - classifies pictures with the integer runtime, or runs a model over raw bytes. */
#include <limits.h>
#include <stdio.h>

#include "nn/base/math.h"
#include "nn/base/mem.h"
#include "train/cli/command.h"
#include "train/cli/log.h"
#include "train/cli/output.h"
#include "train/picture.h"
#include "train/raw.h"
#include "train/cli/tflite_file.h"

typedef struct settings {
    train_common common;
    train_picture_options pictures;
    const char *labels, *raw, *raw_out;
    int top;
} settings;

#define AT(member) offsetof(settings, member)
static const train_arg args[] = {
    { .name = "labels",
      .kind = TRAIN_TEXT,
      .at = AT(labels),
      .form = "FILE",
      .help = "class names, one a line; default: the model's own" },
    { .name = "top",
      .kind = TRAIN_INT,
      .at = AT(top),
      .value = "5",
      .help = "classes to print for each picture",
      .min = 1,
      .max = 65536 },
    { .name = "raw",
      .kind = TRAIN_TEXT,
      .at = AT(raw),
      .form = "IN",
      .help = "run over bytes instead: inputs one after another; - is standard input" },
    { .name = "raw-out",
      .kind = TRAIN_TEXT,
      .at = AT(raw_out),
      .form = "OUT",
      .help = "where the outputs' bytes go; - is standard output" },
};
#undef AT

static const train_rows rows = { "run", args, TRAIN_N(args) };
static const train_group groups[] = { { &rows, 0 },
                                      { &train_picture_rows, offsetof(settings, pictures) } };

/* A model that is ready for pictures, and the memory for one run. */
typedef struct classifier {
    const settings *set;
    nn_arena *texts;
    train_tflite file;
    train_prep prep;
    train_labels labels;
    const rt_tensor *input, *scores;
    bool is_probability;
    void *arena;
    float *probability; /* [classes] */
    uint8_t *pixels;    /* [height, width, channels] */
    ds_scratch scratch;
} classifier;

/* ---- making one ------------------------------------------------------------------------------ */

static nn_status read_labels(classifier *c)
{
    nn_bytes file;
    if (c->set->labels == NULL)
        return train_labels_of_model(&c->labels, c->texts, c->file.model);
    NN_TRY(nn_file_read(&file, c->set->labels, (size_t)c->set->common.max_memory));
    nn_status st = train_labels_parse(&c->labels, c->texts, (const char *)file.data, file.size);
    nn_bytes_free(&file);
    return st;
}

static nn_status check_labels(const classifier *c)
{
    const char *from = c->set->labels != NULL ? c->set->labels : "the model's own labels";
    if ((c->labels.n > 0 || c->set->labels != NULL) && (size_t)c->labels.n != c->scores->count)
        return nn_fail(NN_EFORMAT, "%s: %d names for a model with %zu classes", from, c->labels.n,
                       c->scores->count);
    return NN_OK;
}

static void say_assumed(const classifier *c, train_picture_source source)
{
    if (source == TRAIN_PICTURE_ASSUMED && c->set->pictures.mean.n == 0 &&
        c->set->pictures.std.n == 0)
        train_log("note: the file does not say how pictures become its float input; "
                  "(pixel - 127.5) / 127.5 is assumed, --mean and --std say otherwise");
}

/* How pictures go in and scores come out. */
static nn_status find_ports(classifier *c, const char *path)
{
    const rt_model *m = c->file.model;
    train_picture_source source;
    nn_status st = train_picture_prep(&c->prep, &source, m, &c->set->pictures);
    if (st == NN_OK)
        st = train_picture_scores(&c->scores, m);
    if (st != NN_OK)
        return nn_fail_context(st, "%s", path);
    say_assumed(c, source);
    c->input = rt_tensor_at(m, rt_input(m, 0));
    c->is_probability = train_picture_is_probability(m);
    return NN_OK;
}

static nn_status prepare(classifier *c, const char *path)
{
    NN_TRY(find_ports(c, path));
    NN_TRY(nn_arena_new(&c->texts));
    NN_TRY(read_labels(c));
    NN_TRY(check_labels(c));
    NN_TRY(ex_integer_arena(&c->arena, c->file.model));
    c->probability = nn_mem_alloc(c->scores->count * sizeof *c->probability);
    c->pixels = nn_mem_alloc(c->input->count);
    return c->probability != NULL && c->pixels != NULL
               ? NN_OK
               : nn_fail(NN_ENOMEM, "out of memory: one picture and its classes");
}

static void release(classifier *c)
{
    nn_mem_free(c->pixels);
    nn_mem_free(c->probability);
    nn_mem_free(c->arena);
    nn_arena_free(c->texts);
    ds_scratch_free(&c->scratch);
}

/* ---- one picture ----------------------------------------------------------------------------- */

static nn_status load(classifier *c, const char *path)
{
    ds_image from, to = { c->prep.height, c->prep.width, c->prep.channels, c->pixels };
    ds_limits limits = { .max_pixels = (size_t)c->set->common.max_pixels };
    NN_TRY(ds_image_load(&from, path, limits));
    nn_status st = ds_resize(&from, c->prep.resize, &to, &c->scratch);
    ds_image_free(&from);
    return st;
}

static void to_probabilities(float *x, size_t n)
{
    float most = x[0];
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += nn_exp((double)x[i] - (double)most);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(nn_exp((double)x[i] - (double)most) / sum);
}

static void infer(classifier *c)
{
    const rt_model *m = c->file.model;
    train_picture_encode(rt_data(m, c->arena, rt_input(m, 0)), c->input, &c->prep, c->pixels);
    rt_run(m, c->arena, NULL);
    rt_decode(c->scores, c->probability, rt_data(m, c->arena, rt_output(m, 0)), c->scores->count);
    if (!c->is_probability)
        to_probabilities(c->probability, c->scores->count);
}

/* Takes the most probable class out, the lower one of equals; -1 when none is left. */
static int take_best(float *probability, size_t n, double *value)
{
    int best = -1;
    for (size_t i = 0; i < n; i++)
        if (probability[i] >= 0 && (best < 0 || probability[i] > probability[best]))
            best = (int)i;
    if (best >= 0) {
        *value = (double)probability[best];
        probability[best] = -1;
    }
    return best;
}

static const char *label_of(const classifier *c, int class)
{
    return class < c->labels.n ? train_output_clean(c->texts, c->labels.name[class])
                               : nn_arena_printf(c->texts, "%d", class);
}

static void print_picture(classifier *c, const char *path)
{
    double p;
    int class;
    printf("%s\n", path);
    for (int k = 0;
         k < c->set->top && (class = take_best(c->probability, c->scores->count, &p)) >= 0; k++)
        printf("  %6.4f  %s\n", p, label_of(c, class));
}

static void describe_picture(classifier *c, const char *path, cJSON *results)
{
    double p;
    int class;
    cJSON *one = cJSON_CreateObject(), *list;
    cJSON_AddStringToObject(one, "image", train_output_clean(c->texts, path));
    list = cJSON_AddArrayToObject(one, "top");
    for (int k = 0;
         k < c->set->top && (class = take_best(c->probability, c->scores->count, &p)) >= 0; k++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddNumberToObject(row, "class", class);
        cJSON_AddStringToObject(row, "label", label_of(c, class));
        cJSON_AddNumberToObject(row, "probability", p);
        cJSON_AddItemToArray(list, row);
    }
    cJSON_AddItemToArray(results, one);
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status classify_all(classifier *c, const train_args *a, cJSON *results)
{
    for (int i = 1; i < a->n_operands; i++) {
        NN_TRY(load(c, a->operand[i]));
        infer(c);
        if (results != NULL)
            describe_picture(c, a->operand[i], results);
        else
            print_picture(c, a->operand[i]);
    }
    return NN_OK;
}

static nn_status classify(classifier *c, const train_args *a)
{
    if (a->n_operands < 2)
        return nn_fail(NN_EINVAL, "no picture is given; name PNG or JPEG files, or use --raw");
    NN_TRY(prepare(c, a->operand[0]));
    if (!c->set->common.json)
        return classify_all(c, a, NULL);
    cJSON *object = cJSON_CreateObject(), *results;
    cJSON_AddStringToObject(object, "file", train_output_clean(c->texts, a->operand[0]));
    results = cJSON_AddArrayToObject(object, "results");
    nn_status st = classify_all(c, a, results);
    if (st == NN_OK)
        return train_output_json(object);
    cJSON_Delete(object);
    return st;
}

static nn_status run_raw(const classifier *c)
{
    const settings *s = c->set;
    nn_bytes in, out;
    NN_TRY(train_input_read(&in, s->raw, (size_t)s->common.max_memory));
    nn_status st = train_raw_run(&out, c->file.model, in.data, in.size);
    if (st != NN_OK)
        st = nn_fail_context(st, "--raw %s", s->raw);
    else
        st = train_output_write(s->raw_out, out.data, out.size);
    nn_bytes_free(&in);
    nn_bytes_free(&out);
    return st;
}

static nn_status check(const settings *s, const train_args *a)
{
    if ((s->raw == NULL) != (s->raw_out == NULL))
        return nn_fail(NN_EINVAL, "--raw and --raw-out: belong together; give both or none");
    if (s->raw != NULL && a->n_operands > 1)
        return nn_fail(NN_EINVAL, "%.80s: pictures and --raw exclude each other", a->operand[1]);
    if (s->raw != NULL && s->common.json)
        return nn_fail(NN_EINVAL, "--json: --raw gives bytes and nothing else; leave it out");
    return NN_OK;
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    const train_limits limits = train_tflite_limits(call);
    classifier c = { .set = s };
    NN_TRY(check(s, call->args));
    nn_status st = train_tflite_load(&c.file, call->args->operand[0], &limits, false);
    if (st == NN_OK)
        st = s->raw != NULL ? run_raw(&c) : classify(&c, call->args);
    release(&c);
    train_tflite_free(&c.file);
    return st;
}

const train_command train_command_run = {
    .name = "run",
    .operands = "FILE.tflite IMAGE... | FILE.tflite --raw IN --raw-out OUT",
    .about = "classify pictures, or run bytes, with the integer runtime",
    .more =
        "--json: {\"file\", \"results\": [{\"image\", \"top\": [{\"class\", \"label\", "
        "\"probability\"}]}]}\n\n"
        "Files of octet say how pictures become their input and what their classes are called;\n"
        "for others uint8 inputs take pixels as they are, int8 inputs pixel - 128, and float\n"
        "inputs (pixel - mean) / std.\n\n"
        "  octet run model.tflite cat.png dog.jpg --top 3\n"
        "  octet run model.tflite --raw inputs.bin --raw-out - | od -t d1",
    .operands_min = 1,
    .operands_max = INT_MAX,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
