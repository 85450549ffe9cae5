/* octet sweep - the grid of bit widths: fine-tuning of one float network with each pair of widths,
 * as in tables 4.7 and 4.8 of Jacob et al. 2017 (arXiv 1712.05877). */
#include <stdio.h>
#include <string.h>

#include "train/cli/experiment.h"
#include "train/cli/log.h"
#include "train/cli/output.h"
#include "train/cli/report.h"
#include "train/cli/signals.h"
#include "train/cli/source.h"

typedef struct settings {
    train_common common;
    train_recipe recipe;
    train_tuning_options tuning;
    const char *out, *weight_bits, *act_bits;
} settings;

static const train_arg sweep_args[] = {
    { .name = "out",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, out),
      .form = "DIR",
      .help = "folder for the results; what is there is not done again",
      .flags = TRAIN_PASSING },
    { .name = "weight-bits",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, weight_bits),
      .value = "8,6,4,3,2",
      .form = "LIST",
      .help = "rows of the grid",
      .flags = TRAIN_PASSING },
    { .name = "act-bits",
      .kind = TRAIN_TEXT,
      .at = offsetof(settings, act_bits),
      .value = "8,6,4",
      .form = "LIST",
      .help = "its columns",
      .flags = TRAIN_PASSING },
};
static const train_rows sweep_rows = { "sweep", sweep_args, TRAIN_N(sweep_args) };

static const train_group groups[] = {
    { &sweep_rows, 0 },
    { &train_tuning_rows, offsetof(settings, tuning) },
    { &train_data_rows, offsetof(settings, recipe.data) },
    { &train_model_rows, offsetof(settings, recipe.model) },
    { &train_training_rows, offsetof(settings, recipe.training) },
    { &train_quant_rows, offsetof(settings, recipe.quant) },
};

/* ---- the grid -------------------------------------------------------------------------------- */

enum { FEWEST = 2, MOST = 8, WIDTHS = MOST - FEWEST + 1 };

typedef struct widths {
    int n, bits[WIDTHS];
} widths;

static nn_status read_widths(widths *w, const char *option, const char *text)
{
    const char *at = text != NULL ? text : "";
    *w = (widths){ .n = 0 };
    do {
        int bits = *at - '0';
        bool fine = bits >= FEWEST && bits <= MOST && (at[1] == ',' || at[1] == '\0');
        for (int i = 0; fine && i < w->n; i++)
            fine = w->bits[i] != bits;
        if (!fine)
            return nn_fail(NN_EINVAL,
                           "--%s: \"%.40s\" is no list of different widths from 2 to 8, "
                           "such as 8,6,4",
                           option, text != NULL ? text : "");
        w->bits[w->n++] = bits;
        at += at[1] == ',' ? 2 : 1;
    } while (*at != '\0');
    return NN_OK;
}

typedef struct grid {
    widths weights, acts;
} grid;

static const char *name_of(char text[8], int weight_bits, int act_bits)
{
    snprintf(text, 8, "w%da%d", weight_bits, act_bits);
    return text;
}

/* A cell of the grid: its options, and its name in `name`. */
static train_tuned_options cell_of(const grid *g, int i, int k, const settings *s, char name[8])
{
    train_tuned_options o = { s->recipe.quant, s->tuning };
    o.quant.qat = true;
    o.quant.weight_bits = g->weights.bits[i];
    o.quant.act_bits = g->acts.bits[k];
    name_of(name, o.quant.weight_bits, o.quant.act_bits);
    return o;
}

/* What cannot be is known before anything is trained or written. */
static nn_status try_all(train_experiment *e, const grid *g, const settings *s)
{
    char name[8];
    NN_TRY(train_experiment_try_float(e));
    for (int i = 0; i < g->weights.n; i++)
        for (int k = 0; k < g->acts.n; k++) {
            train_tuned_options o = cell_of(g, i, k, s, name);
            nn_status st = train_experiment_try_tuned(e, &o);
            if (st != NN_OK)
                return nn_fail_context(st, "%s", name);
        }
    return NN_OK;
}

static nn_status run_seed(train_experiment *e, const grid *g, const settings *s, uint64_t seed)
{
    char name[8];
    NN_TRY(train_experiment_float(e, seed));
    for (int i = 0; i < g->weights.n; i++)
        for (int k = 0; k < g->acts.n && !e->stopped; k++) {
            train_tuned_options o = cell_of(g, i, k, s, name);
            NN_TRY(train_experiment_tuned(e, name, seed, &o));
        }
    return NN_OK;
}

/* ---- the result ------------------------------------------------------------------------------ */

static void print_text(const train_experiment *e, const grid *g)
{
    char name[8];
    train_summary base = train_experiment_summary(e, "float");
    printf("float: top1 %.2f %%; change in points by weight bits (rows) and activation bits\n",
           100 * base.top1);
    printf("%-6s", "w\\a");
    for (int k = 0; k < g->acts.n; k++)
        printf("  %-14d", g->acts.bits[k]);
    for (int i = 0; i < g->weights.n; i++) {
        printf("\n%-6d", g->weights.bits[i]);
        for (int k = 0; k < g->acts.n; k++) {
            char cell[32];
            train_summary s =
                train_experiment_summary(e, name_of(name, g->weights.bits[i], g->acts.bits[k]));
            if (s.n > 1)
                snprintf(cell, sizeof cell, "%+.2f +- %.2f", 100 * s.delta, 100 * s.delta_sd);
            else
                snprintf(cell, sizeof cell, "%+.2f", 100 * s.delta);
            printf("  %-14s", cell);
        }
    }
    printf("\n");
}

static nn_status print_json(const train_experiment *e, const grid *g)
{
    char name[8];
    cJSON *o = cJSON_CreateObject(), *list;
    cJSON_AddNumberToObject(o, "float_top1", train_experiment_summary(e, "float").top1);
    list = cJSON_AddArrayToObject(o, "rows");
    for (int i = 0; i < g->weights.n; i++)
        for (int k = 0; k < g->acts.n; k++) {
            cJSON *row = cJSON_CreateObject();
            train_summary s =
                train_experiment_summary(e, name_of(name, g->weights.bits[i], g->acts.bits[k]));
            cJSON_AddNumberToObject(row, "weight_bits", g->weights.bits[i]);
            cJSON_AddNumberToObject(row, "act_bits", g->acts.bits[k]);
            cJSON_AddNumberToObject(row, "seeds", s.n);
            cJSON_AddNumberToObject(row, "top1", s.top1);
            cJSON_AddNumberToObject(row, "delta", s.delta);
            cJSON_AddNumberToObject(row, "delta_sd", s.delta_sd);
            cJSON_AddNumberToObject(row, "bytes", s.bytes);
            cJSON_AddItemToArray(list, row);
        }
    return train_output_json(o);
}

static nn_status run(train_call *call)
{
    const settings *s = call->settings;
    grid g;
    train_experiment e = { .command = "sweep",
                           .common = &s->common,
                           .recipe = &s->recipe,
                           .args = call->args,
                           .settings_bytes = sizeof *s };
    NN_TRY(read_widths(&g.weights, "weight-bits", s->weight_bits));
    NN_TRY(read_widths(&g.acts, "act-bits", s->act_bits));
    NN_TRY(train_source_check(s->recipe.data.data));
    nn_status st = train_experiment_open(&e, s->out, TRAIN_RESULT_SWEEP,
                                         (g.weights.n * g.acts.n + 1) * s->tuning.seeds);
    if (st == NN_OK)
        st = try_all(&e, &g, s);
    if (st == NN_OK)
        st = train_experiment_begin(&e);
    for (int k = 0; k < s->tuning.seeds && st == NN_OK && !e.stopped; k++)
        st = run_seed(&e, &g, s, s->common.seed + (uint64_t)k);
    if (st == NN_OK && e.stopped) {
        train_log("interrupted; the same command goes on");
        call->exit_code = train_signals_exit_code();
    } else if (st == NN_OK && s->common.json) {
        st = print_json(&e, &g);
    } else if (st == NN_OK) {
        print_text(&e, &g);
    }
    if (st == NN_OK && !e.stopped)
        train_report(s->out, &s->common);
    train_experiment_close(&e);
    return st;
}

const train_command train_command_sweep = {
    .name = "sweep",
    .operands = "[RECIPE.ini]",
    .about = "one float network, fine-tuned with each pair of bit widths: a grid",
    .more = "The float network is --init FILE or is trained by the recipe; the table is kept in\n"
            "OUT/sweep.csv, and the same command goes on where it stood.\n\n"
            "--json: {\"float_top1\", \"rows\": [{\"weight_bits\", \"act_bits\", \"seeds\", "
            "\"top1\", \"delta\",\n\"delta_sd\", \"bytes\"}]}; fractions",
    .operands_max = 1,
    .recipe = true,
    .settings_bytes = sizeof(settings),
    .groups = groups,
    .n_groups = TRAIN_N(groups),
    .run = run,
};
