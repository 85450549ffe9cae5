#include "train/cli/run.h"

#include "train/cli/log.h"
#include "train/cli/run_internal.h"
#include "train/evaluate.h"
#include "train/heading.h"
#include "train/ship.h"

/* ---- logs ------------------------------------------------------------------------------------ */

/* From the step where the loop stands; sets the clocks, too. */
static nn_status open_logs(train_running *r)
{
    char path[TRAIN_PATH];
    int64_t step = train_loop_moment(r->loop).step;
    train_progress_begin(&r->progress, step, train_ship_type(r->network));
    r->saved_at = train_clock();
    train_folder_file(&r->folder, TRAIN_RESULT_LOG, path);
    NN_TRY(train_history_open(&r->history, path, step));
    if (!r->o->events)
        return NN_OK;
    return train_board_open(&r->board, &r->folder, r->network, r->set, train_loop_graph(r->loop),
                            step);
}

static void close_logs(train_running *r)
{
    train_history_close(&r->history);
    train_board_close(r->board);
    r->board = NULL;
}

/* ---- training -------------------------------------------------------------------------------- */

static nn_status save(train_running *r)
{
    char path[TRAIN_PATH], previous[TRAIN_PATH];
    train_folder_file(&r->folder, TRAIN_RESULT_MODEL, path);
    if (r->last_is_sound)
        NN_TRY(nn_file_keep(path, train_folder_file(&r->folder, TRAIN_RESULT_PREVIOUS, previous)));
    NN_TRY(train_loop_save(r->loop, path));
    r->last_is_sound = true;
    r->saved_at = train_clock();
    r->saved_step = train_loop_moment(r->loop).step;
    return NN_OK;
}

static bool is_save_due(const train_running *r, const train_moment *at)
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
    train_running *r = ctx;
    char path[TRAIN_PATH];
    train_folder_file(&r->folder, TRAIN_RESULT_BEST, path);
    if (line->is_best)
        NN_TRY(train_loop_save_network(r->loop, path));
    const double speed = train_progress_line(&r->progress, line);
    NN_TRY(train_history_add(&r->history, line, speed));
    return r->board != NULL ? train_board_line(r->board, line, speed) : NN_OK;
}

static nn_status on_step(void *ctx, const train_moment *at)
{
    train_running *r = ctx;
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
    train_running *r = ctx;
    r->result->stopped = r->o->stop != NULL && r->o->stop();
    return r->result->stopped;
}

/* Back to the last checkpoint, which need not be the step that it was saved for first. */
static nn_status go_back(train_running *r, int64_t halvings)
{
    char path[TRAIN_PATH];
    train_tensors *file = NULL;
    NN_TRY(train_tensors_read(&file, train_folder_file(&r->folder, TRAIN_RESULT_MODEL, path)));
    nn_status st = train_loop_restore(r->loop, file);
    train_tensors_free(file);
    if (st != NN_OK)
        return nn_fail_context(st, "%s", TRAIN_RESULT_MODEL);
    train_loop_set_halvings(r->loop, halvings);
    close_logs(r);
    return open_logs(r);
}

/* Trains to the end; a run that diverges may try again from its last checkpoint. */
static nn_status train_on(train_running *r, int64_t total)
{
    enum { MOST_HALVINGS = 10 };
    const train_hooks hooks = { r, on_line, on_step, should_stop, on_switch };
    int64_t halvings = train_loop_halvings(r->loop);
    for (;;) {
        nn_status st = train_loop_run(r->loop, total, &hooks);
        if (st != NN_EDIVERGED || r->o->recipe->training.on_divergence != TRAIN_HALVE_LR)
            return st;
        if (halvings >= MOST_HALVINGS)
            return nn_fail_context(st, "the learning rate was halved %d times", MOST_HALVINGS);
        train_log("%s", nn_message());
        NN_TRY(go_back(r, ++halvings));
        train_log("going on from step %lld with half the learning rate; halved %lld of at most %d "
                  "times",
                  (long long)train_loop_moment(r->loop).step, (long long)halvings, MOST_HALVINGS);
    }
}

static nn_status train(train_running *r)
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

static nn_status finish_quantized(train_running *r, const train_network *n)
{
    char path[TRAIN_PATH];
    nn_bytes file = { 0 };
    NN_TRY(train_ship(&file, n, train_ship_form(n)));
    train_folder_file(&r->folder, TRAIN_RESULT_TFLITE, path);
    nn_status st = nn_file_write(path, file.data, file.size);
    r->result->tflite_bytes = file.size;
    r->result->device = train_ship_type(n);
    if (st == NN_OK && r->result->has_test)
        st = train_evaluate_bytes(&r->result->int8, file.data, file.size, &n->info.prep, r->set,
                                  DS_TEST);
    nn_bytes_free(&file);
    return st;
}

static nn_status score_network(train_running *r, const train_network *n)
{
    const int batch = r->o->recipe->training.batch;
    r->result->quantized = n->info.quantized;
    r->result->has_test = ds_count(r->set, DS_TEST) > 0;
    if (r->result->has_test)
        NN_TRY(train_evaluate_graph(&r->result->test, n, n->info.quantized ? n->deploy : n->graph,
                                    r->set, DS_TEST, batch));
    else
        train_log("%s has no test pictures; the result is not measured", ds_spec(r->set));
    return n->info.quantized ? finish_quantized(r, n) : NN_OK;
}

/* test.csv: what is printed at the end, for a report. */
static nn_status write_scores(const train_running *r)
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
    return nn_file_write(train_folder_file(&r->folder, TRAIN_RESULT_SCORES, path), text, (size_t)n);
}

/* The test pictures are used once, on the weights that are shipped, as they are in the file. */
static nn_status finish(train_running *r)
{
    char path[TRAIN_PATH];
    train_network *n = NULL;
    bool best = r->o->recipe->quant.ship == 1 && train_folder_has(&r->folder, TRAIN_RESULT_BEST);
    train_folder_file(&r->folder, best ? TRAIN_RESULT_BEST : TRAIN_RESULT_MODEL, path);
    NN_TRY(train_network_load(&n, path, NULL, &r->limits));
    nn_status st = score_network(r, n);
    if (st == NN_OK && r->o->events && r->result->has_test)
        st = train_board_end(&r->folder, n, r->set, r->result->step, &r->result->test,
                             &r->result->int8);
    train_network_free(n);
    return st == NN_OK && r->result->has_test ? write_scores(r) : st;
}

static void report_bad(const train_running *r)
{
    int n = r->set != NULL ? ds_n_bad(r->set) : 0;
    if (n == 0)
        return;
    train_log("left out %d picture%s that could not be read:", n, n == 1 ? "" : "s");
    for (int i = 0; i < n && i < DS_BAD_LISTED; i++)
        train_log("  %s", ds_bad(r->set, i));
}

/* What build and the state have made. */
static void release(train_running *r)
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
    train_running r = { .o = o, .limits = { o->max_macs, o->max_memory } };
    nn_status st = nn_arena_new(&r.arena);
    if (st == NN_OK)
        st = train_run__build(&r);
    release(&r);
    return st;
}

nn_status train_run(train_result *out, const train_run_options *o)
{
    *out = (train_result){ .val_top1 = -1 };
    train_running r = { .o = o, .result = out, .limits = { o->max_macs, o->max_memory } };
    r.folder.lock = -1;
    nn_status st = train_run__prepare(&r);
    if (st == NN_OK)
        st = open_logs(&r);
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
