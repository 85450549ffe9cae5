/* octet compare - the experiment: one float network, quantized in every way, side by side. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/base/suggest.h"
#include "train/cli/experiment.h"
#include "train/cli/log.h"
#include "train/cli/output.h"
#include "train/cli/report.h"
#include "train/cli/signals.h"
#include "train/cli/source.h"

typedef struct settings {
    train_common common;
    train_recipe recipe;
    train_post_options post;
    train_tuning_options tuning;
    const char *out, *methods;
    double max_drop;
} settings;

static const train_arg compare_args[] = {
    { .name = "out",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, out),
      .form = "DIR",
      .help = "folder for the results; what is there is not done again",
      .flags = TRAIN_PASSING },
    { .name = "methods",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, methods),
      .form = "LIST",
      .help = "rows of the table, such as minmax,mse:tensor,qat:weight-bits=4; default: all but "
              "float-tuned",
      .flags = TRAIN_PASSING },
    { .name = "max-drop",
      .kind = TRAIN_REAL,
      .at = offsetof(settings, max_drop),
      .value = "-1",
      .min = -1,
      .max = 1,
      .help = "fail if a row's mean is worse than the float network's by more, as a fraction; -1: "
              "no gate",
      .flags = TRAIN_PASSING },
};
static const train_rows compare_rows = { "compare", compare_args, TRAIN_N(compare_args) };

static const train_group groups[] = {
    { &compare_rows, 0 },
    { &train_tuning_rows, offsetof(settings, tuning) },
    { &train_data_rows, offsetof(settings, recipe.data) },
    { &train_model_rows, offsetof(settings, recipe.model) },
    { &train_training_rows, offsetof(settings, recipe.training) },
    { &train_quant_rows, offsetof(settings, recipe.quant) },
    { &train_post_rows, offsetof(settings, post) },
};

/* ---- methods --------------------------------------------------------------------------------- */

typedef struct method {
    const char *name, *about;
    void (*post)(train_post_options *o);  /* after training; or */
    void (*tune)(train_quant_options *o); /* by training on */
    bool only_named;                      /* not one of --methods' default */
} method;

static void minmax(train_post_options *o)
{
    o->method = "minmax";
}

static void percentile(train_post_options *o)
{
    o->method = "percentile";
}

static void mse(train_post_options *o)
{
    o->method = "mse";
}

static void entropy(train_post_options *o)
{
    o->method = "entropy";
}

static void equalize(train_post_options *o)
{
    minmax(o);
    o->equalize = true;
}

static void correct_bias(train_post_options *o)
{
    minmax(o);
    o->bias_correction = QUANT_BIAS_EMPIRICAL;
}

static void adaround(train_post_options *o)
{
    minmax(o);
    o->adaround = true;
}

/* What tf.contrib.quantize did: one affine scale for a whole weight, evaluated as uint8. */
static void contrib(train_quant_options *o)
{
    o->qat = true;
    o->granularity = QUANT_PER_TENSOR;
    o->weight_scheme = QUANT_AFFINE;
}

static void lsq(train_quant_options *o)
{
    o->qat = true;
    o->range = "lsq";
}

static void plain(train_quant_options *o)
{
    o->qat = true;
}

/* The control: what as many more epochs are worth without any quantization. */
static void keep_float(train_quant_options *o)
{
    o->qat = false;
}

static const method methods[] = {
    { "minmax", "smallest and largest value", minmax, NULL, false },
    { "percentile", "99.99 % of the values (--percentile)", percentile, NULL, false },
    { "mse", "least squared error", mse, NULL, false },
    { "entropy", "least Kullback-Leibler divergence", entropy, NULL, false },
    { "equalize", "minmax, channels of neighbouring layers made alike before", equalize, NULL,
      false },
    { "bias-correction", "minmax, mean error taken out of the biases", correct_bias, NULL, false },
    { "adaround", "minmax, rounding of weights learned", adaround, NULL, false },
    { "qat-contrib", "fine-tuned; one affine scale a weight, uint8", NULL, contrib, false },
    { "qat", "fine-tuned with fake quantization", NULL, plain, false },
    { "qat-lsq", "fine-tuned; scales learned, of weights and activations", NULL, lsq, false },
    { "float-tuned", "fine-tuned in float, the control of the three before", NULL, keep_float,
      true },
};

enum { N_METHODS = TRAIN_N(methods), MOST_ROWS = 64, ROW_NAME = 64, MOST_CHANGES = 8 };

/* A row of the table: a method, perhaps with options of its own. */
typedef struct row {
    char name[ROW_NAME];   /* "qat:bn-fold=batch" */
    char pieces[ROW_NAME]; /* the same, cut into texts */
    const method *method;
    const char *change[MOST_CHANGES]; /* "bn-fold=batch" */
    int n_changes;
} row;

typedef struct table {
    int n;
    row rows[MOST_ROWS];
} table;

static nn_status unknown_method(const char *name)
{
    const char *names[N_METHODS];
    for (int i = 0; i < N_METHODS; i++)
        names[i] = methods[i].name;
    return nn_fail_unknown("--methods: ", name, names, N_METHODS);
}

/* All but --seeds. */
static bool is_own(const train_arg *arg)
{
    return (arg->flags & TRAIN_PASSING) == 0;
}

static nn_status unknown_change(const char *name, const train_group *own, int n)
{
    nn_suggestion near = { .given = name };
    for (int k = 0; k < n; k++)
        for (int i = 0; i < own[k].rows->n; i++)
            if (is_own(&own[k].rows->args[i]))
                nn_suggest_offer(&near, own[k].rows->args[i].name);
    return nn_fail(NN_EINVAL, "\"%s\" is no option of this method%s%s%s", name,
                   near.best != NULL ? "; did you mean " : "", near.best != NULL ? near.best : "",
                   near.best != NULL ? "?" : "");
}

/* "tensor" and "channel" stand for "granularity=...", a flag's name for "name=true". */
static nn_status apply_change(const char *change, const train_group *own, int n, void *options)
{
    char name[ROW_NAME];
    size_t base = 0;
    const char *value = strchr(change, '=');
    snprintf(name, sizeof name, "%.*s", (int)strcspn(change, "="), change);
    if (strcmp(change, "tensor") == 0 || strcmp(change, "channel") == 0)
        value = change, strcpy(name, "granularity");
    else if (value != NULL)
        value++;
    const train_arg *arg = train_arg_find(own, n, name, &base);
    if (arg == NULL || !is_own(arg))
        return unknown_change(name, own, n);
    if (value == NULL)
        value = arg->bare != NULL ? arg->bare : "true";
    return train_arg_store(arg, (char *)options + base, value);
}

static nn_status apply_changes(const row *r, const train_group *own, int n, void *options)
{
    for (int i = 0; i < r->n_changes; i++) {
        nn_status st = apply_change(r->change[i], own, n, options);
        if (st != NN_OK)
            return nn_fail_context(st, "--methods: %s", r->name);
    }
    return NN_OK;
}

/* Bits and granularity of [quantization] hold for the rows without training too. */
static nn_status post_options(train_post_options *o, const row *r, const settings *s)
{
    *o = s->post;
    o->granularity = s->recipe.quant.granularity;
    o->weight_bits = s->recipe.quant.weight_bits;
    o->act_bits = s->recipe.quant.act_bits;
    r->method->post(o);
    return apply_changes(r, &(train_group){ &train_post_rows, 0 }, 1, o);
}

/* Without fake quantization only epochs and rate can be a row's own. */
static nn_status tune_options(train_tuned_options *o, const row *r, const settings *s)
{
    static const train_group own[] = {
        { &train_tuning_rows, offsetof(train_tuned_options, tuning) },
        { &train_quant_rows, offsetof(train_tuned_options, quant) },
    };
    *o = (train_tuned_options){ s->recipe.quant, s->tuning };
    r->method->tune(&o->quant);
    return apply_changes(r, own, o->quant.qat ? 2 : 1, o);
}

/* METHOD[:CHANGE]..., n characters of text. */
static nn_status split_row(row *r, const char *text, size_t n)
{
    if (n >= sizeof r->name)
        return nn_fail(NN_EINVAL, "--methods: \"%.60s...\": too long", text);
    memcpy(r->name, text, n);
    memcpy(r->pieces, text, n);
    for (char *at = r->pieces; (at = strchr(at, ':')) != NULL;) {
        *at++ = '\0';
        if (r->n_changes == MOST_CHANGES)
            return nn_fail(NN_EINVAL, "--methods: %s: more than %d options", r->name, MOST_CHANGES);
        r->change[r->n_changes++] = at;
    }
    return NN_OK;
}

/* The row's options are tried now, so that a wrong one is known before anything is trained. */
static nn_status add_row(table *t, const char *text, size_t n, const settings *s)
{
    train_post_options post;
    train_tuned_options tuned;
    if (t->n == MOST_ROWS)
        return nn_fail(NN_EINVAL, "--methods: more than %d", MOST_ROWS);
    row *r = &t->rows[t->n++];
    *r = (row){ .n_changes = 0 };
    NN_TRY(split_row(r, text, n));
    for (int i = 0; i < t->n - 1; i++)
        if (strcmp(t->rows[i].name, r->name) == 0)
            return nn_fail(NN_EINVAL, "--methods: %s: stands twice; leave one out", r->name);
    for (int i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].name, r->pieces) == 0)
            r->method = &methods[i];
    if (r->method == NULL)
        return unknown_method(r->pieces);
    return r->method->post != NULL ? post_options(&post, r, s) : tune_options(&tuned, r, s);
}

static nn_status make_table(table *t, const settings *s)
{
    const char *at = s->methods;
    for (int i = 0; at == NULL && i < N_METHODS; i++)
        if (!methods[i].only_named)
            NN_TRY(add_row(t, methods[i].name, strlen(methods[i].name), s));
    while (at != NULL && *at != '\0') {
        size_t n = strcspn(at, ",");
        NN_TRY(add_row(t, at, n, s));
        at += at[n] == ',' ? n + 1 : n;
    }
    return NN_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

static nn_status make_row(train_experiment *e, const row *r, uint64_t seed, const settings *s)
{
    train_post_options post;
    train_tuned_options tuned;
    if (r->method->post != NULL) {
        NN_TRY(post_options(&post, r, s));
        return train_experiment_post(e, r->name, seed, &post);
    }
    NN_TRY(tune_options(&tuned, r, s));
    return train_experiment_tuned(e, r->name, seed, &tuned);
}

static nn_status try_row(const train_experiment *e, const row *r, const settings *s)
{
    train_post_options post;
    train_tuned_options tuned;
    if (r->method->post != NULL) {
        NN_TRY(post_options(&post, r, s));
        return train_post_check(&post);
    }
    NN_TRY(tune_options(&tuned, r, s));
    return train_experiment_try_tuned(e, &tuned);
}

/* What cannot be is known before anything is trained or written. */
static nn_status try_all(train_experiment *e, const table *t, const settings *s)
{
    NN_TRY(train_experiment_try_float(e));
    for (int i = 0; i < t->n; i++) {
        nn_status st = try_row(e, &t->rows[i], s);
        if (st != NN_OK)
            return nn_fail_context(st, "%s", t->rows[i].name);
    }
    return NN_OK;
}

static nn_status run_all(train_experiment *e, const table *t, const settings *s)
{
    for (int k = 0; k < s->tuning.seeds && !e->stopped; k++) {
        uint64_t seed = s->common.seed + (uint64_t)k;
        NN_TRY(train_experiment_float(e, seed));
        for (int i = 0; i < t->n && !e->stopped; i++) {
            nn_status st = make_row(e, &t->rows[i], seed, s);
            if (st != NN_OK)
                return nn_fail_context(st, "%s", t->rows[i].name);
        }
    }
    return NN_OK;
}

/* ---- the result ------------------------------------------------------------------------------ */

static void print_row(const char *name, const char *about, train_summary s)
{
    char spread[32] = "";
    if (s.n > 1)
        snprintf(spread, sizeof spread, " +- %.2f", 100 * s.top1_sd);
    printf("%-22s %6.2f%-8s %+7.2f %10.0f  %s\n", name, 100 * s.top1, spread, 100 * s.delta,
           s.bytes, about);
}

static void print_text(const train_experiment *e, const table *t)
{
    printf("%-22s %-14s %7s %10s\n", "method", "top1 %", "delta", "bytes");
    print_row("float", "", train_experiment_summary(e, "float"));
    for (int i = 0; i < t->n; i++)
        print_row(t->rows[i].name, t->rows[i].method->about,
                  train_experiment_summary(e, t->rows[i].name));
}

static void describe_row(cJSON *list, const char *name, train_summary s)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "method", name);
    cJSON_AddNumberToObject(o, "seeds", s.n);
    cJSON_AddNumberToObject(o, "top1", s.top1);
    cJSON_AddNumberToObject(o, "top1_sd", s.top1_sd);
    cJSON_AddNumberToObject(o, "delta", s.delta);
    cJSON_AddNumberToObject(o, "delta_sd", s.delta_sd);
    cJSON_AddNumberToObject(o, "bytes", s.bytes);
    cJSON_AddNumberToObject(o, "seconds", s.seconds);
    cJSON_AddItemToArray(list, o);
}

static nn_status print_json(const train_experiment *e, const table *t)
{
    cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "rows");
    describe_row(list, "float", train_experiment_summary(e, "float"));
    for (int i = 0; i < t->n; i++)
        describe_row(list, t->rows[i].name, train_experiment_summary(e, t->rows[i].name));
    return train_output_json(o);
}

static nn_status check_drop(const train_experiment *e, const table *t, double most,
                            train_call *call)
{
    for (int i = 0; most >= 0 && i < t->n; i++) {
        train_summary s = train_experiment_summary(e, t->rows[i].name);
        if (-s.delta <= most)
            continue;
        call->exit_code = 1;
        return nn_fail(NN_EINVAL, "--max-drop %g: %s loses %.4f", most, t->rows[i].name, -s.delta);
    }
    return NN_OK;
}

static nn_status finish(const train_experiment *e, const table *t, train_call *call)
{
    const settings *s = call->settings;
    if (e->stopped) {
        train_log("interrupted; the same command goes on");
        call->exit_code = train_signals_exit_code();
        return NN_OK;
    }
    if (s->common.json)
        NN_TRY(print_json(e, t));
    else
        print_text(e, t);
    train_report(s->out, &s->common);
    return check_drop(e, t, s->max_drop, call);
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    table t = { .n = 0 };
    train_experiment e = { .command = "compare",
                           .common = &s->common,
                           .recipe = &s->recipe,
                           .args = call->args,
                           .settings_bytes = sizeof *s };
    NN_TRY(make_table(&t, s));
    NN_TRY(train_source_check(s->recipe.data.data));
    nn_status st =
        train_experiment_open(&e, s->out, TRAIN_RESULT_COMPARISON, (t.n + 1) * s->tuning.seeds);
    if (st == NN_OK)
        st = try_all(&e, &t, s);
    if (st == NN_OK)
        st = train_experiment_begin(&e);
    if (st == NN_OK)
        st = run_all(&e, &t, s);
    if (st == NN_OK)
        st = finish(&e, &t, call);
    train_experiment_close(&e);
    return st;
}

const train_command train_command_compare = {
    .name = "compare",
    .operands = "[RECIPE.ini]",
    .about = "one float network, quantized in every way: a table",
    .more =
        "methods: minmax, percentile, mse, entropy, equalize, bias-correction, adaround,\n"
        "qat-contrib, qat, qat-lsq, float-tuned.  Options of its own stand behind a method:\n"
        "minmax:tensor, mse:equalize:bias-correction, qat:weight-bits=4:quant-delay=500; behind\n"
        "those that train also qat-epochs and qat-lr, as in qat-lsq:qat-lr=0.001.\n"
        "The float network is --init FILE or is trained by the recipe; the table is kept in\n"
        "OUT/compare.csv, and the same command goes on where it stood.\n\n"
        "--json: {\"rows\": [{\"method\", \"seeds\", \"top1\", \"top1_sd\", \"delta\", "
        "\"delta_sd\", \"bytes\",\n\"seconds\"}]}; top1 and delta are fractions",
    .operands_max = 1,
    .recipe = true,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
