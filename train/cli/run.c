#include "train/cli/run.h"

#include <string.h>

#include "quant/plan.h"
#include "train/board.h"
#include "train/evaluate.h"
#include "train/heading.h"
#include "train/history.h"
#include "train/cli/log.h"
#include "train/cli/progress.h"
#include "train/ship.h"

static const char last_name[] = "model.safetensors", best_name[] = "best.safetensors",
                  previous_name[] = "previous.safetensors";

/* Everything that a run holds. */
typedef struct run {
    const train_run_options *o;
    train_result *result;
    train_limits limits;
    train_folder folder;
    nn_arena *arena;
    ds_set *set;
    train_tensors *init, *state; /* files: of --init, and to resume from; NULL: none */
    const char *state_name;      /* of the latter */
    bool last_is_sound;          /* the folder's last state may become its previous one */
    train_network *network;
    train_loop *loop;
    train_history history;
    train_board *board; /* NULL: no event files */
    train_progress progress;
    double saved_at; /* when the state was last saved: time and step */
    int64_t saved_step;
} run;

static nn_status in_file(nn_status st, const char *path)
{
    return st == NN_OK ? NN_OK : nn_fail_context(st, "%s", path);
}

/* ---- beginning with another network's parameters --------------------------------------------- */

static train_reals reals_of(const double *v, int channels)
{
    train_reals r = { .n = channels };
    memcpy(r.v, v, (size_t)channels * sizeof *v);
    bool same = true;
    for (int c = 1; c < channels; c++)
        same = same && v[c] == v[0];
    r.n = same ? 1 : channels;
    return r;
}

/* What the recipe leaves open is as it was for the network that --init names. */
static nn_status inherit(run *r)
{
    train_info info;
    train_recipe *recipe = r->o->recipe;
    NN_TRY(train_tensors_read(&r->init, recipe->training.init));
    NN_TRY(in_file(train_checkpoint_info(&info, r->arena, r->init), recipe->training.init));
    const train_prep *p = &info.prep;
    if (recipe->model.model == NULL)
        recipe->model = info.recipe.model;
    if (recipe->data.input.height == 0)
        recipe->data.input = (train_extent){ p->height, p->width };
    if (recipe->data.channels == 0)
        recipe->data.channels = p->channels;
    if (recipe->data.mean.n == 0)
        recipe->data.mean = reals_of(p->mean, p->channels);
    if (recipe->data.std.n == 0)
        recipe->data.std = reals_of(p->std, p->channels);
    return NN_OK;
}

static void list_names(const char *what, const char *const *names, int n)
{
    enum { MOST_LISTED = 20 };
    for (int i = 0; i < n && i < MOST_LISTED; i++)
        train_log("  %s %s", what, names[i]);
    if (n > MOST_LISTED)
        train_log("  %s ... and %d more", what, n - MOST_LISTED);
}

static nn_status apply_init(run *r)
{
    train_match m;
    NN_TRY(train_checkpoint_init(&m, r->arena, r->init, r->network));
    int missing = 0; /* ranges that begin anew are no news */
    for (int i = 0; i < m.n_missing; i++)
        if (nn_params_find(r->network->params, m.missing[i])->kind != NN_PARAM_STATE)
            m.missing[missing++] = m.missing[i];
    train_log("init: %d tensors of %s matched, %d skipped, %d begin anew", m.matched,
              r->o->recipe->training.init, m.n_skipped, missing);
    list_names("skipped   ", m.skipped, m.n_skipped);
    list_names("begins anew", m.missing, missing);
    if (m.matched == 0)
        return nn_fail(NN_EINVAL, "--init %s: nothing in it matches this network",
                       r->o->recipe->training.init);
    return NN_OK;
}

static nn_status freeze(run *r)
{
    char *list = nn_arena_strdup(r->arena, r->o->recipe->training.freeze);
    if (list == NULL)
        return NN_ENOMEM;
    for (char *glob = strtok(list, ","); glob != NULL; glob = strtok(NULL, ",")) {
        int n = nn_params_freeze(r->network->params, glob);
        if (n == 0)
            return nn_fail(NN_EINVAL,
                           "--freeze %s: matches no parameter; `octet inspect` lists "
                           "them",
                           glob);
        train_log("freeze: %d parameters match %s", n, glob);
    }
    return NN_OK;
}

/* ---- resuming -------------------------------------------------------------------------------- */

/* NN_EINVAL naming the first option that would make this another run. */
static nn_status same_recipe(const train_recipe *saved, const train_recipe *now)
{
    char a[TRAIN_ARG_TEXT], b[TRAIN_ARG_TEXT];
    for (int g = 0; g < TRAIN_N_RECIPE_GROUPS; g++) {
        const train_group *group = &train_recipe_groups[g];
        for (int i = 0; i < group->rows->n; i++) {
            const train_arg *arg = &group->rows->args[i];
            const char *was = train_arg_text(arg, (const char *)saved + group->at, a);
            const char *is = train_arg_text(arg, (const char *)now + group->at, b);
            if ((arg->flags & TRAIN_MATHS) && strcmp(was, is) != 0)
                return nn_fail(NN_EINVAL,
                               "--%s: the run was begun with \"%s\", not \"%s\"; resume it as it "
                               "was, or start anew with --overwrite",
                               arg->name, was, is);
        }
    }
    return NN_OK;
}

/* The state to go on from: the last one, or, if that is damaged, the one before.  None: r->state
 * stays NULL and the run begins. */
static nn_status find_state(run *r)
{
    char path[TRAIN_PATH];
    const bool has_previous = train_folder_has(&r->folder, previous_name);
    r->state_name = last_name;
    if (train_folder_has(&r->folder, last_name)) {
        nn_status st =
            train_tensors_read(&r->state, train_folder_file(&r->folder, last_name, path));
        r->last_is_sound = st == NN_OK;
        if (st != NN_EFORMAT || !has_previous)
            return st;
        train_log("resume: %s; going on from %s instead", nn_message(), previous_name);
    }
    if (!has_previous)
        return NN_OK;
    r->state_name = previous_name;
    return train_tensors_read(&r->state, train_folder_file(&r->folder, previous_name, path));
}

static nn_status resume(run *r)
{
    train_info info;
    const train_info *now = &r->network->info;
    NN_TRY(train_checkpoint_info(&info, r->arena, r->state));
    NN_TRY(same_recipe(&info.recipe, &now->recipe));
    if (info.seed != now->seed)
        return nn_fail(NN_EINVAL, "--seed: the run was begun with %llu, not %llu",
                       (unsigned long long)info.seed, (unsigned long long)now->seed);
    if (info.classes != now->classes || memcmp(&info.prep, &now->prep, sizeof info.prep) != 0)
        return nn_fail(NN_EINVAL, "--data: the run was begun with other pictures");
    NN_TRY(train_loop_restore(r->loop, r->state));
    train_log("resume: after step %lld", (long long)train_loop_moment(r->loop).step);
    return NN_OK;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static nn_status open_data(run *r)
{
    const train_data_options *d = &r->o->recipe->data;
    ds_options options;
    if (d->data == NULL)
        return nn_fail(NN_EINVAL, "--data: is missing; `octet help data` lists what it can be");
    NN_TRY(train_recipe_dataset(&options, d, r->o->seed, r->o->max_pixels));
    NN_TRY(ds_open(&r->set, d->data, &options));
    NN_TRY(ds_check_usable(r->set, DS_TRAIN));
    if (r->o->needs_test)
        NN_TRY(ds_check_usable(r->set, DS_TEST));
    if (r->o->recipe->quant.ship == 1 && ds_count(r->set, DS_VAL) == 0)
        return nn_fail(NN_EINVAL, "--ship best: no pictures are held back to choose on; set --val");
    return NN_OK;
}

static nn_status make_network(run *r)
{
    train_info info;
    NN_TRY(train_info_new(&info, r->arena, r->o->recipe, r->o->seed, r->set));
    r->o->recipe->data.mean = info.recipe.data.mean;
    r->o->recipe->data.std = info.recipe.data.std;
    NN_TRY(train_network_new(&r->network, &info, info.recipe.quant.qat, &r->limits));
    if (r->init != NULL)
        NN_TRY(apply_init(r));
    return r->o->recipe->training.freeze != NULL ? freeze(r) : NN_OK;
}

static void say_what(const run *r)
{
    const train_recipe *recipe = r->o->recipe;
    const train_prep *p = &r->network->info.prep;
    train_log("%s: %zu parameters, %.1f M multiply-accumulates a picture of %dx%dx%d",
              recipe->model.model, nn_params_trained_count(r->network->params),
              (double)nn_graph_macs(r->network->graph) / 1e6, p->height, p->width, p->channels);
    train_log("%s: %d pictures to train, %d to validate, %d to test, %d classes; mean %g, std %g",
              ds_spec(r->set), ds_count(r->set, DS_TRAIN), ds_count(r->set, DS_VAL),
              ds_count(r->set, DS_TEST), r->network->info.classes, p->mean[0], p->std[0]);
    train_log("%lld steps of %d pictures, seed %llu, %.0f MB of activations",
              (long long)train_loop_moment(r->loop).total, recipe->training.batch,
              (unsigned long long)r->o->seed, (double)train_loop_bytes(r->loop) / 1e6);
    if (train_loop_switch(r->loop) >= 0)
        train_log("fake quantization of the whole network after %lld steps",
                  (long long)train_loop_switch(r->loop));
}

/* How each tensor of the file will be quantized, before a day is spent on it. */
static nn_status say_plan(const run *r)
{
    const train_network *n = r->network;
    quant_plan_row *rows;
    if (!n->can_quantize)
        return NN_OK;
    NN_TRY(quant_plan_rows(&rows, r->arena, n->graph, &n->quant));
    for (int i = 0; i < nn_graph_count(n->graph); i++)
        if (rows[i].in_file)
            train_log("  %-32s %s", rows[i].node->name, rows[i].why);
    return NN_OK;
}

/* Logs and clocks, from the step where the loop stands. */
static nn_status begin(run *r)
{
    char path[TRAIN_PATH];
    int64_t step = train_loop_moment(r->loop).step;
    train_progress_begin(&r->progress, step);
    r->saved_at = train_clock();
    NN_TRY(train_history_open(&r->history, train_folder_file(&r->folder, "log.csv", path), step));
    if (!r->o->events)
        return NN_OK;
    return train_board_open(&r->board, &r->folder, r->network, r->set, train_loop_graph(r->loop),
                            step);
}

/* From the recipe to a loop that could begin; nothing is written. */
static nn_status build(run *r)
{
    if (r->o->recipe->training.init != NULL)
        NN_TRY(inherit(r));
    NN_TRY(open_data(r));
    NN_TRY(make_network(r));
    return train_loop_new(&r->loop, r->network, r->set, r->o->max_memory);
}

static nn_status prepare(run *r)
{
    char path[TRAIN_PATH];
    NN_TRY(nn_arena_new(&r->arena));
    NN_TRY(train_folder_open(&r->folder, r->o->out, r->o->use));
    if (r->o->use == TRAIN_FOLDER_RESUME)
        NN_TRY(find_state(r));
    NN_TRY(build(r));
    say_what(r);
    NN_TRY(say_plan(r));
    if (r->state != NULL)
        NN_TRY(in_file(resume(r), r->state_name));
    if (r->o->use == TRAIN_FOLDER_OVERWRITE) /* not before the new run is sure to begin */
        NN_TRY(train_folder_clear(&r->folder));
    if (r->o->args != NULL)
        NN_TRY(train_args_write(r->o->args, train_folder_file(&r->folder, "recipe.ini", path),
                                "octet train recipe.ini --out DIR repeats this run"));
    return begin(r);
}

/* ---- training -------------------------------------------------------------------------------- */

static nn_status save(run *r)
{
    char path[TRAIN_PATH], previous[TRAIN_PATH];
    train_folder_file(&r->folder, last_name, path);
    if (r->last_is_sound)
        NN_TRY(nn_file_keep(path, train_folder_file(&r->folder, previous_name, previous)));
    NN_TRY(train_loop_save(r->loop, path));
    r->last_is_sound = true;
    r->saved_at = train_clock();
    r->saved_step = train_loop_moment(r->loop).step;
    return NN_OK;
}

static bool is_save_due(const run *r, const train_moment *at)
{
    train_span every = r->o->recipe->training.checkpoint_every;
    if (every.n == 0)
        return false;
    if (every.unit == TRAIN_MINUTES)
        return train_clock() - r->saved_at >= 60.0 * (double)every.n;
    return at->step % train_span_steps(every, at->batches) == 0;
}

static nn_status on_line(void *ctx, const train_line *line)
{
    run *r = ctx;
    char path[TRAIN_PATH];
    if (line->is_best)
        NN_TRY(train_loop_save_network(r->loop, train_folder_file(&r->folder, best_name, path)));
    const double speed = train_progress_line(&r->progress, line);
    NN_TRY(train_history_add(&r->history, line, speed));
    return r->board != NULL ? train_board_line(r->board, line, speed) : NN_OK;
}

static nn_status on_step(void *ctx, const train_moment *at)
{
    run *r = ctx;
    train_progress_step(&r->progress, at);
    return is_save_due(r, at) ? save(r) : NN_OK;
}

static void on_switch(void *ctx, int64_t step, const char *what)
{
    (void)ctx;
    train_log("step %lld: from here on %s", (long long)step, what);
}

static bool should_stop(void *ctx)
{
    run *r = ctx;
    r->result->stopped = r->o->stop != NULL && r->o->stop();
    return r->result->stopped;
}

static void close_logs(run *r)
{
    train_history_close(&r->history);
    train_board_close(r->board);
    r->board = NULL;
}

/* Back to the last checkpoint, which need not be the step that it was saved for first. */
static nn_status go_back(run *r, int64_t halvings)
{
    char path[TRAIN_PATH];
    train_tensors *file = NULL;
    NN_TRY(train_tensors_read(&file, train_folder_file(&r->folder, last_name, path)));
    nn_status st = in_file(train_loop_restore(r->loop, file), last_name);
    train_tensors_free(file);
    if (st != NN_OK)
        return st;
    train_loop_set_halvings(r->loop, halvings);
    close_logs(r);
    return begin(r);
}

/* Trains to the end; a run that diverges may try again from its last checkpoint. */
static nn_status train_on(run *r, int64_t total)
{
    enum { MOST_HALVINGS = 10 };
    const train_hooks hooks = { r, on_line, on_step, should_stop, on_switch };
    int64_t halvings = train_loop_halvings(r->loop);
    for (;;) {
        nn_status st = train_loop_run(r->loop, total, &hooks);
        if (st != NN_EDIVERGED || r->o->recipe->training.on_divergence != TRAIN_HALVE_LR ||
            halvings >= MOST_HALVINGS)
            return st;
        train_log("%s", nn_message());
        NN_TRY(go_back(r, ++halvings));
        train_log("going on from step %lld, the learning rate is halved %lld times",
                  (long long)train_loop_moment(r->loop).step, (long long)halvings);
    }
}

static nn_status train(run *r)
{
    const double began = train_clock();
    train_moment at = train_loop_moment(r->loop);
    r->saved_step = r->state != NULL ? at.step : -1;
    if (r->o->recipe->training.on_divergence == TRAIN_HALVE_LR && r->saved_step < 0)
        NN_TRY(save(r)); /* there must be something to go back to */
    NN_TRY(train_on(r, at.total));
    at = train_loop_moment(r->loop);
    r->result->step = at.step;
    r->result->total = at.total;
    r->result->seconds = train_clock() - began;
    r->result->stopped = r->result->stopped && at.step < at.total;
    return r->saved_step == at.step ? NN_OK : save(r);
}

/* ---- the end --------------------------------------------------------------------------------- */

static nn_status finish_quantized(run *r, const train_network *n)
{
    char path[TRAIN_PATH];
    nn_bytes file = { 0 };
    NN_TRY(train_ship(&file, n, train_ship_form(n)));
    nn_status st =
        nn_file_write(train_folder_file(&r->folder, "model.tflite", path), file.data, file.size);
    r->result->tflite_bytes = file.size;
    if (st == NN_OK && r->result->has_test)
        st = train_evaluate_bytes(&r->result->int8, file.data, file.size, &n->info.prep, r->set,
                                  DS_TEST);
    nn_bytes_free(&file);
    return st;
}

static nn_status score_network(run *r, const train_network *n)
{
    const int batch = r->o->recipe->training.batch;
    r->result->quantized = n->info.quantized;
    r->result->has_test = ds_count(r->set, DS_TEST) > 0;
    if (r->result->has_test)
        NN_TRY(train_evaluate_graph(&r->result->test, n, n->info.quantized ? n->deploy : n->graph,
                                    r->set, DS_TEST, batch));
    else
        train_log("%s has no test pictures; nothing to report on", ds_spec(r->set));
    return n->info.quantized ? finish_quantized(r, n) : NN_OK;
}

/* test.csv: what is printed at the end, for a report. */
static nn_status write_scores(const run *r)
{
    char path[TRAIN_PATH], text[512];
    const train_result *of = r->result;
    const train_score *s = &of->test, *i = &of->int8;
    int n = snprintf(text, sizeof text, "%s\n%s,%lld,%.6f,%.6f,%.6f\n", train_heading_scores,
                     of->quantized ? "fake-quant" : "float", (long long)s->n, s->top1, s->top5,
                     s->loss);
    if (of->quantized)
        n += snprintf(text + n, sizeof text - (size_t)n, "int8,%lld,%.6f,%.6f,%.6f\n",
                      (long long)i->n, i->top1, i->top5, i->loss);
    return nn_file_write(train_folder_file(&r->folder, "test.csv", path), text, (size_t)n);
}

/* The test pictures are used once, on the weights that are shipped, as they are in the file. */
static nn_status finish(run *r)
{
    char path[TRAIN_PATH];
    train_network *n = NULL;
    bool best = r->o->recipe->quant.ship == 1 && train_folder_has(&r->folder, best_name);
    NN_TRY(train_network_load(&n, train_folder_file(&r->folder, best ? best_name : last_name, path),
                              NULL, &r->limits));
    nn_status st = score_network(r, n);
    if (st == NN_OK && r->o->events && r->result->has_test)
        st = train_board_end(&r->folder, n, r->set, r->result->step, &r->result->test,
                             &r->result->int8);
    train_network_free(n);
    return st == NN_OK && r->result->has_test ? write_scores(r) : st;
}

static void report_bad(const run *r)
{
    int n = r->set != NULL ? ds_n_bad(r->set) : 0;
    if (n == 0)
        return;
    train_log("%d pictures could not be read and were left out:", n);
    for (int i = 0; i < n && i < DS_BAD_LISTED; i++)
        train_log("  %s", ds_bad(r->set, i));
}

/* What build and the state have made. */
static void release(run *r)
{
    train_loop_free(r->loop);
    train_network_free(r->network);
    ds_close(r->set);
    train_tensors_free(r->init);
    train_tensors_free(r->state);
    nn_arena_free(r->arena);
}

nn_status train_run_check(const train_run_options *o)
{
    run r = { .o = o, .limits = { o->max_macs, o->max_memory } };
    nn_status st = nn_arena_new(&r.arena);
    if (st == NN_OK)
        st = build(&r);
    release(&r);
    return st;
}

nn_status train_run(train_result *out, const train_run_options *o)
{
    *out = (train_result){ .val_top1 = -1 };
    run r = { .o = o, .result = out, .limits = { o->max_macs, o->max_memory } };
    r.folder.lock = -1;
    nn_status st = prepare(&r);
    if (st != NN_OK)
        train_folder_abandon(&r.folder);
    else
        st = train(&r);
    if (st == NN_OK && !out->stopped)
        st = finish(&r);
    report_bad(&r);
    close_logs(&r);
    release(&r);
    train_folder_close(&r.folder);
    return st;
}
