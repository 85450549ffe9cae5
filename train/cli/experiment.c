#define _POSIX_C_SOURCE 200809L
#include "train/cli/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "train/evaluate.h"
#include "train/heading.h"
#include "train/cli/log.h"
#include "train/cli/progress.h"
#include "train/cli/run.h"
#include "train/ship.h"
#include "train/cli/signals.h"

#define AT(member) offsetof(train_tuning_options, member)
static const train_arg args_of_tuning[] = {
    { .name = "seeds",
      .kind = TRAIN_INT,
      .at = AT(seeds),
      .value = "1",
      .min = 1,
      .max = 1000,
      .help = "repetitions, with --seed, --seed + 1, ...",
      .flags = TRAIN_PASSING },
    { .name = "qat-epochs",
      .kind = TRAIN_INT,
      .at = AT(epochs),
      .value = "0",
      .max = 1000000,
      .help = "of fine-tuning; 0: a tenth of --epochs" },
    { .name = "qat-lr",
      .kind = TRAIN_REAL,
      .at = AT(lr),
      .value = "0",
      .max = 1e6,
      .help = "of fine-tuning, at its peak; 0: a hundredth of --lr" },
};
#undef AT
const train_rows train_tuning_rows = { "fine-tuning", args_of_tuning, TRAIN_N(args_of_tuning) };

/* ---- the table ------------------------------------------------------------------------------- */

static nn_status write_table(const train_experiment *e)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", e->csv);
    fprintf(to, "%s\n", train_heading_rows);
    for (int i = 0; i < e->n_rows; i++) {
        const train_row *r = &e->rows[i];
        fprintf(to, "%llu,%s,%.6f,%.6f,%.6f,%zu,%.1f\n", (unsigned long long)r->seed, r->name,
                r->top1, r->delta, r->loss, r->bytes, r->seconds);
    }
    nn_status st = fclose(to) == 0 ? nn_file_write(e->csv, text, size)
                                   : nn_fail(NN_ENOMEM, "%s: out of memory", e->csv);
    free(text);
    return st;
}

static bool read_row(train_row *r, const char *line)
{
    unsigned long long seed;
    int used = 0;
    *r = (train_row){ .seed = 0 };
    bool fine = sscanf(line, "%llu,%63[^,\n],%lf,%lf,%lf,%zu,%lf%n", &seed, r->name, &r->top1,
                       &r->delta, &r->loss, &r->bytes, &r->seconds, &used) == 7;
    r->seed = seed;
    return fine && strchr("\r\n", line[used]) != NULL; /* or the end */
}

static nn_status read_table(train_experiment *e)
{
    nn_bytes file;
    NN_TRY(nn_file_read(&file, e->csv, 1 << 24));
    char *text = (char *)file.data;
    nn_status st = train_heading_check(text, train_heading_rows, e->csv);
    for (char *line = text + strcspn(text, "\n") + 1; st == NN_OK && *line != '\0';) {
        if (e->n_rows == e->capacity || !read_row(&e->rows[e->n_rows], line))
            st = nn_fail(NN_EFORMAT, "%s: line %d: \"%.*s\" is no row of this experiment", e->csv,
                         e->n_rows + 2, (int)strcspn(line, "\r\n"), line);
        e->n_rows++;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    nn_bytes_free(&file);
    return st;
}

/* The row, or NULL if it is not there yet. */
static const train_row *find_row(const train_experiment *e, const char *name, uint64_t seed)
{
    for (int i = 0; i < e->n_rows; i++)
        if (e->rows[i].seed == seed && strcmp(e->rows[i].name, name) == 0)
            return &e->rows[i];
    return NULL;
}

static nn_status add_row(train_experiment *e, train_row row)
{
    const train_row *base = find_row(e, "float", row.seed);
    row.delta = base != NULL ? row.top1 - base->top1 : 0;
    e->rows[e->n_rows++] = row;
    train_log("seed %llu  %-24s %6.2f %%  %+.2f  %zu bytes", (unsigned long long)row.seed, row.name,
              100 * row.top1, 100 * row.delta, row.bytes);
    return write_table(e);
}

static double spread(double squares, double mean, int n)
{
    return n > 1 ? sqrt(fmax(squares - n * mean * mean, 0) / (n - 1)) : 0;
}

train_summary train_experiment_summary(const train_experiment *e, const char *name)
{
    train_summary s = { .n = 0 };
    double top1_squares = 0, delta_squares = 0;
    for (int i = 0; i < e->n_rows; i++) {
        const train_row *r = &e->rows[i];
        if (strcmp(r->name, name) != 0)
            continue;
        s.n++;
        s.top1 += r->top1, s.delta += r->delta;
        s.bytes += (double)r->bytes, s.seconds += r->seconds;
        top1_squares += r->top1 * r->top1, delta_squares += r->delta * r->delta;
    }
    if (s.n == 0)
        return s;
    s.top1 /= s.n, s.delta /= s.n, s.bytes /= s.n, s.seconds /= s.n;
    s.top1_sd = spread(top1_squares, s.top1, s.n);
    s.delta_sd = spread(delta_squares, s.delta, s.n);
    return s;
}

/* ---- the folder ------------------------------------------------------------------------------ */

/* The same recipe as before, perhaps written by an octet that had fewer options. */
static nn_status check_recipe(const train_experiment *e)
{
    char path[TRAIN_PATH];
    nn_status st = train_args_same(
        e->args, train_folder_file(&e->folder, TRAIN_RESULT_RECIPE, path), e->settings_bytes);
    return st == NN_OK ? NN_OK
                       : nn_fail_context(st,
                                         "--out %s: was begun with another recipe; repeat it as "
                                         "its recipe.ini has it, or choose another folder",
                                         e->folder.path);
}

nn_status train_experiment_open(train_experiment *e, const char *out, const char *csv, int most)
{
    e->folder.lock = -1;
    if (out == NULL)
        return nn_fail(NN_EINVAL,
                       "--out: is missing; name a folder for the results, such as --out first");
    NN_TRY(train_folder_open(&e->folder, out, TRAIN_FOLDER_RESUME));
    if (train_folder_has(&e->folder, TRAIN_RESULT_LOG))
        return nn_fail(NN_EIO, "--out %s: holds a run of octet train (%s); choose another folder",
                       out, TRAIN_RESULT_LOG);
    e->begun = train_folder_has(&e->folder, TRAIN_RESULT_RECIPE);
    if (e->begun)
        NN_TRY(check_recipe(e));
    train_folder_file(&e->folder, csv, e->csv);
    e->capacity = most + 1024; /* and rows of other methods, from another call */
    e->rows = nn_mem_alloc((size_t)e->capacity * sizeof *e->rows);
    if (e->rows == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a table of %d rows", e->capacity);
    train_signals_watch();
    return train_folder_has(&e->folder, csv) ? read_table(e) : NN_OK;
}

nn_status train_experiment_begin(train_experiment *e)
{
    char path[TRAIN_PATH], heading[64];
    if (e->begun)
        return NN_OK;
    snprintf(heading, sizeof heading, "octet %s recipe.ini --out DIR repeats this experiment",
             e->command);
    NN_TRY(train_args_write(e->args, train_folder_file(&e->folder, TRAIN_RESULT_RECIPE, path),
                            heading));
    e->begun = true;
    return write_table(e); /* without rows yet, it shows what the folder is of */
}

void train_experiment_close(train_experiment *e)
{
    nn_mem_free(e->rows);
    if (e->begun)
        train_folder_close(&e->folder);
    else
        train_folder_abandon(&e->folder);
}

/* OUT/seedN/name */
static const char *place(const train_experiment *e, uint64_t seed, const char *name,
                         char out[TRAIN_PATH])
{
    snprintf(out, TRAIN_PATH, "%.3900s/seed%llu/%.100s", e->folder.path, (unsigned long long)seed,
             name);
    return out;
}

/* OUT/seedN/row, with the extension; a row's name may hold a path of layers. */
static const char *place_row(const train_experiment *e, uint64_t seed, const char *row,
                             const char *extension, char out[TRAIN_PATH])
{
    char name[sizeof((train_row *)NULL)->name + 8];
    snprintf(name, sizeof name, "%s%s", row, extension);
    for (char *at = name; (at = strchr(at, '/')) != NULL;)
        *at = '_';
    return place(e, seed, name, out);
}

/* ---- networks and pictures ------------------------------------------------------------------- */

static train_limits limits_of(const train_experiment *e)
{
    return (train_limits){ e->common->max_macs, e->common->max_memory };
}

/* The pictures as this network sees them, with the share held back that its training held back. */
static nn_status open_set(ds_set **out, const train_experiment *e, const train_network *n)
{
    ds_options base;
    const train_data_options *d = &e->recipe->data;
    NN_TRY(train_recipe_dataset(&base, d, n->info.seed, e->common->max_pixels));
    base = train_prep_dataset(&n->info.prep, &base);
    NN_TRY(ds_open(out, d->data, &base));
    nn_status st = ds_check_usable(*out, DS_TEST);
    if (st != NN_OK)
        ds_close(*out);
    return st;
}

/* A checkpoint, loaded in the way of the caller, with its pictures. */
typedef struct subject {
    train_network *n;
    ds_set *set;
    double begun;
} subject;

static void release(subject *s)
{
    ds_close(s->set);
    train_network_free(s->n);
}

/* The network as a file: written, scored, described. */
static nn_status score_file(train_row *row, const train_experiment *e, const subject *s,
                            ex_form form)
{
    char path[TRAIN_PATH];
    nn_bytes file;
    train_score score;
    NN_TRY(train_ship(&file, s->n, form));
    nn_status st =
        nn_file_write(place_row(e, row->seed, row->name, ".tflite", path), file.data, file.size);
    if (st == NN_OK)
        st = train_evaluate_bytes(&score, file.data, file.size, &s->n->info.prep, s->set, DS_TEST);
    row->bytes = file.size;
    nn_bytes_free(&file);
    if (st != NN_OK)
        return st;
    row->top1 = score.top1;
    row->loss = score.loss;
    return NN_OK;
}

/* ---- float ----------------------------------------------------------------------------------- */

static const char *float_checkpoint(const train_experiment *e, uint64_t seed, char out[TRAIN_PATH])
{
    if (e->recipe->training.init != NULL) {
        snprintf(out, TRAIN_PATH, "%s", e->recipe->training.init);
        return out;
    }
    return place(e, seed, "float/model.safetensors", out);
}

static train_recipe float_recipe(const train_experiment *e)
{
    train_recipe recipe = *e->recipe;
    recipe.quant.qat = false;
    return recipe;
}

static int tuning_epochs(const train_experiment *e, const train_tuning_options *o)
{
    int tenth = (e->recipe->training.epochs + 5) / 10;
    return o->epochs > 0 ? o->epochs : tenth > 0 ? tenth : 1;
}

/* Of fine-tuning the checkpoint `init`. */
static train_recipe tuned_recipe(const train_experiment *e, const train_tuned_options *o,
                                 const char *init)
{
    train_recipe recipe = *e->recipe;
    recipe.quant = o->quant;
    recipe.training.init = init;
    recipe.training.epochs = tuning_epochs(e, &o->tuning);
    recipe.training.steps = 0;
    recipe.training.lr = o->tuning.lr > 0 ? o->tuning.lr : recipe.training.lr / 100;
    return recipe;
}

static train_run_options run_options(const train_experiment *e, train_recipe *recipe, uint64_t seed)
{
    return (train_run_options){ .recipe = recipe,
                                .seed = seed,
                                .max_pixels = e->common->max_pixels,
                                .max_macs = e->common->max_macs,
                                .max_memory = e->common->max_memory,
                                .use = TRAIN_FOLDER_RESUME,
                                .resize_given = train_args_given(e->args, "resize"),
                                .events = true,
                                .needs_test = true,
                                .stop = train_signals_caught };
}

static nn_status try_recipe(const train_experiment *e, train_recipe *recipe)
{
    const train_run_options options = run_options(e, recipe, e->common->seed);
    return e->begun ? NN_OK : train_run_check(&options);
}

nn_status train_experiment_try_float(train_experiment *e)
{
    train_recipe recipe = float_recipe(e);
    nn_status st = try_recipe(e, &recipe);
    e->mean = recipe.data.mean;
    e->std = recipe.data.std;
    return st;
}

/* The checkpoint of the float training is not there yet; without it all but its values is known. */
nn_status train_experiment_try_tuned(const train_experiment *e, const train_tuned_options *o)
{
    train_recipe recipe = tuned_recipe(e, o, e->recipe->training.init);
    recipe.data.mean = e->mean;
    recipe.data.std = e->std;
    return try_recipe(e, &recipe);
}

/* A training in a folder of its own; goes on where it stood. */
static nn_status train_in(train_experiment *e, train_result *result, const char *name,
                          uint64_t seed, train_recipe *recipe)
{
    char path[TRAIN_PATH];
    train_run_options options = run_options(e, recipe, seed);
    options.out = place_row(e, seed, name, "", path);
    train_log("seed %llu  %s", (unsigned long long)seed, name);
    NN_TRY(train_run(result, &options));
    e->stopped = result->stopped;
    return NN_OK;
}

/* The row of a network that stays in float. */
static nn_status score_float(train_experiment *e, train_row row, const char *checkpoint)
{
    const train_limits limits = limits_of(e);
    subject s = { .n = NULL };
    NN_TRY(train_network_load(&s.n, checkpoint, NULL, &limits));
    nn_status st = open_set(&s.set, e, s.n);
    if (st == NN_OK)
        st = score_file(&row, e, &s, EX_FLOAT);
    release(&s);
    return st == NN_OK ? add_row(e, row) : st;
}

static bool is_idle(train_experiment *e, const char *name, uint64_t seed)
{
    e->stopped |= train_signals_caught();
    return e->stopped || find_row(e, name, seed) != NULL;
}

nn_status train_experiment_float(train_experiment *e, uint64_t seed)
{
    char folder[TRAIN_PATH];
    train_result result = { .seconds = 0 };
    if (is_idle(e, "float", seed))
        return NN_OK;
    if (e->recipe->training.init == NULL) {
        train_recipe recipe = float_recipe(e);
        NN_TRY(train_in(e, &result, "float", seed, &recipe));
    } else { /* the folder that its file goes to */
        train_folder made;
        NN_TRY(train_folder_open(&made, place(e, seed, "", folder), TRAIN_FOLDER_RESUME));
        train_folder_close(&made);
    }
    train_row row = { .name = "float", .seed = seed, .seconds = result.seconds };
    return e->stopped ? NN_OK : score_float(e, row, float_checkpoint(e, seed, folder));
}

/* ---- after training, and by training --------------------------------------------------------- */

nn_status train_experiment_post(train_experiment *e, const char *name, uint64_t seed,
                                const train_post_options *o)
{
    char path[TRAIN_PATH];
    int used = 0;
    const train_limits limits = limits_of(e);
    train_row row = { .seed = seed };
    subject s = { .begun = train_clock() };
    if (is_idle(e, name, seed))
        return NN_OK;
    snprintf(row.name, sizeof row.name, "%s", name);
    NN_TRY(train_post_load(&s.n, float_checkpoint(e, seed, path), o, &limits));
    nn_status st = open_set(&s.set, e, s.n);
    if (st == NN_OK)
        st = train_post_run(&used, s.n, s.set, o, seed, NULL);
    row.seconds = train_clock() - s.begun;
    if (st == NN_OK)
        st = score_file(&row, e, &s, train_ship_form(s.n));
    release(&s);
    return st == NN_OK ? add_row(e, row) : st;
}

nn_status train_experiment_tuned(train_experiment *e, const char *name, uint64_t seed,
                                 const train_tuned_options *o)
{
    char path[TRAIN_PATH];
    train_result result;
    train_row row = { .seed = seed };
    if (is_idle(e, name, seed))
        return NN_OK;
    snprintf(row.name, sizeof row.name, "%s", name);
    train_recipe recipe = tuned_recipe(e, o, float_checkpoint(e, seed, path));
    NN_TRY(train_in(e, &result, name, seed, &recipe));
    if (e->stopped)
        return NN_OK;
    row.seconds = result.seconds;
    if (!o->quant.qat) {
        char file[TRAIN_PATH + 32];
        snprintf(file, sizeof file, "%s/model.safetensors", place_row(e, seed, name, "", path));
        return score_float(e, row, file);
    }
    row.top1 = result.int8.top1;
    row.loss = result.int8.loss;
    row.bytes = result.tflite_bytes;
    return add_row(e, row);
}
