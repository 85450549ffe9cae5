#include "train/loop_internal.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "quant/ranges.h"
#include "train/diagnose.h"
#include "train/evaluate.h"
#include "train/ship.h"

/* ---- a step ---------------------------------------------------------------------------------- */

const char *train_stage_name(train_stage s)
{
    static const char *const names[] = { "float", "part", "qat" };
    return names[s];
}

static train_stage stage_of(const train_loop *t, int64_t step)
{
    bool weights = step >= t->delay_weights, acts = step >= t->delay_acts;
    return weights && acts ? TRAIN_QUANTIZED : weights || acts ? TRAIN_PARTLY : TRAIN_FLOAT;
}

static nn_run run_of(const train_loop *t, int64_t step)
{
    return (nn_run){ .training = true,
                     .observe = step < t->freeze_ranges,
                     .freeze_bn = step >= t->freeze_bn,
                     .seed = t->network->info.seed,
                     .step = step };
}

static nn_status fail_diverged(const train_loop *t, const train_phase *p, const ds_batch *b,
                               const nn_run *run, const char *what)
{
    char where[512];
    train_diagnose(where, sizeof where, p, b, run);
    return nn_fail(NN_EDIVERGED,
                   "step %lld: %s, training has diverged: %s; lower --lr, or add --warmup or "
                   "--clip",
                   (long long)t->state.step, what, where);
}

/* Adds the batch to the sums, while its values are in place. */
static nn_status note(train_loop *t, const train_phase *p, const ds_batch *b, const nn_run *run)
{
    double loss = (double)nn_exec_value(p->exec, p->loss)[0];
    if (!isfinite(loss))
        return fail_diverged(t, p, b, run, "the loss is not finite");
    t->state.loss += loss * b->n;
    t->state.seen += b->n;
    t->state.correct += train_count_right(nn_exec_value(p->exec, p->logits), b->label, b->n,
                                          nn_shape_channels(p->logits->shape));
    return NN_OK;
}

/* A gradient that is not finite must not reach the weights, which may be saved next. */
static bool has_finite_gradient(const train_loop *t)
{
    nn_vector v = nn_params_trained(t->network->params);
    return train_count_not_finite(v.grad, v.count) == 0;
}

/* ---- folding batch norms away ---------------------------------------------------------------- */

/* What the optimizer and the averages remember is about other parameters: they begin anew. */
static void fold_away(train_loop *t)
{
    const nn_vector v = nn_params_trained(t->network->params);
    quant_fold_away(t->network->graph);
    for (int i = 0; i < opt_slot_count(t->optimizer); i++)
        memset(opt_slot_vector(t->optimizer, i), 0, v.count * sizeof *v.value);
    if (t->average != NULL)
        opt_average_reset(t->average);
}

/* Steps that the optimizer remembers. */
static int64_t since_fold(const train_loop *t, int64_t step)
{
    return step >= t->fold ? step - t->fold : step;
}

static nn_status update(train_loop *t, int64_t step)
{
    t->lr = ldexp(opt_schedule_lr(&t->schedule, step, t->total), -(int)t->state.halvings);
    if (t->clip != NULL)
        opt_clip_apply(t->clip);
    quant_ranges_hold(t->network->params, step >= t->freeze_ranges);
    opt_step(t->optimizer, t->lr, since_fold(t, step));
    if (step >= t->fold)
        quant_fold_hold(t->network->graph);
    quant_ranges_settle(t->phase[stage_of(t, step)].graph);
    if (t->average != NULL)
        opt_average_update(t->average, step);
    return NN_OK;
}

/* A part of the step ends here. */
static void lap(train_loop *t, double *part)
{
    if (!t->profile)
        return;
    double now = omp_get_wtime();
    *part += now - t->lapped;
    t->lapped = now;
}

static nn_status take_step(train_loop *t)
{
    double before = 0;
    const ds_batch *batch;
    const int64_t step = t->state.step;
    train_phase *p = &t->phase[stage_of(t, step)];
    const nn_run run = run_of(t, step);

    lap(t, &before);
    if (step == t->fold)
        fold_away(t);
    NN_TRY(ds_loader_next(t->loader, &batch));
    nn_exec_bind(p->exec, p->image, batch->image);
    nn_exec_bind(p->exec, p->label, batch->label);
    lap(t, &t->times.data);
    nn_exec_forward(p->exec, batch->n, &run);
    lap(t, &t->times.forward);
    NN_TRY(note(t, p, batch, &run));
    lap(t, &t->times.score);
    nn_exec_backward(p->exec, batch->n, &run);
    lap(t, &t->times.backward);
    if (!has_finite_gradient(t))
        return fail_diverged(t, p, batch, &run, "the gradient is not finite");
    NN_TRY(update(t, step));
    lap(t, &t->times.update);

    t->stage = stage_of(t, step);
    t->network->info.quantized = t->stage == TRAIN_QUANTIZED;
    t->network->info.step = ++t->state.step;
    return NN_OK;
}

/* Puts averaged weights in the place of the trained ones, or back. */
static void swap_average(train_loop *t)
{
    if (t->average == NULL)
        return;
    opt_average_swap(t->average);
    quant_ranges_exchange(t->phase[t->stage].graph);
}

/* ---- validation ------------------------------------------------------------------------------ */

/* The number in the log is the number on the device: the model is written and the file is run. */
static nn_status score_int8(train_loop *t, train_score *out)
{
    nn_bytes file = { 0 };
    NN_TRY(train_ship(&file, t->network, train_ship_form(t->network)));
    nn_status st =
        train_evaluate_bytes(out, file.data, file.size, &t->network->info.prep, t->set, DS_VAL);
    nn_bytes_free(&file);
    return st;
}

static nn_status score(train_loop *t, train_line *line)
{
    train_phase *p = &t->phase[TRAIN_N_STAGES + line->at.stage];
    NN_TRY(train_evaluate_exec(&line->val, p->exec, p->image, p->logits, t->validation));
    line->has_val = true;
    if (line->at.stage == TRAIN_QUANTIZED) {
        NN_TRY(score_int8(t, &line->int8));
        line->has_int8 = true;
    }
    return NN_OK;
}

/* The best one is looked for among the kind of network that the run ends with. */
static void compare(train_loop *t, train_line *line)
{
    bool counts = line->at.stage == stage_of(t, t->total - 1);
    const train_score *s = line->has_int8 ? &line->int8 : &line->val;
    int64_t correct = (int64_t)floor(s->top1 * (double)s->n + 0.5);
    line->is_best = counts && correct > t->state.best_correct;
    if (line->is_best) {
        t->state.best_correct = correct;
        t->state.best_step = t->state.step;
    }
}

static nn_status validate(train_loop *t, train_line *line)
{
    swap_average(t);
    nn_status st = score(t, line);
    swap_average(t);
    if (st == NN_OK)
        compare(t, line);
    return st;
}

/* ---- statistics of the finished network ------------------------------------------------------ */

enum { MOST_ESTIMATING = 100 }; /* batches, as AIMET's default */

static nn_status estimate_statistics(train_loop *t)
{
    const train_phase *p = &t->phase[TRAIN_QUANTIZED];
    const int n = t->batches < MOST_ESTIMATING ? (int)t->batches : MOST_ESTIMATING;
    const ds_batch *batch;
    for (int i = 0; i < n; i++) {
        nn_run run = run_of(t, t->total + i);
        run.observe = run.freeze_bn = false;
        run.estimate = i + 1;
        NN_TRY(ds_loader_next(t->loader, &batch));
        nn_exec_bind(p->exec, p->image, batch->image);
        nn_exec_bind(p->exec, p->label, batch->label);
        nn_exec_forward(p->exec, batch->n, &run);
    }
    return NN_OK;
}

/* After the last step, for the weights that will be used. */
static nn_status finish(train_loop *t)
{
    if (t->state.step < t->total || t->stage != TRAIN_QUANTIZED ||
        !t->network->quant.fold->reestimates)
        return NN_OK;
    swap_average(t);
    nn_status st = estimate_statistics(t);
    swap_average(t);
    return st;
}

/* ---- the run --------------------------------------------------------------------------------- */

train_moment train_loop_moment(const train_loop *t)
{
    double seen = t->state.seen > 0 ? (double)t->state.seen : 1;
    return (train_moment){ .step = t->state.step,
                           .total = t->total,
                           .batches = t->batches,
                           .epoch = (t->state.step + t->batches - 1) / t->batches,
                           .batch = t->network->info.recipe.training.batch,
                           .stage = t->stage,
                           .lr = t->lr,
                           .loss = t->state.loss / seen,
                           .top1 = (double)t->state.correct / seen };
}

/* A line is due at the same steps however often the run is interrupted. */
static nn_status write_line(train_loop *t, const train_hooks *h)
{
    int64_t step = t->state.step, in_epoch = step % t->batches;
    bool epoch_ends = in_epoch == 0 || step == t->total;
    if (!epoch_ends && (in_epoch % t->line_every != 0 || in_epoch + t->line_every > t->batches))
        return NN_OK;
    train_line line = { .at = train_loop_moment(t) };
    t->state.loss = 0;
    t->state.seen = t->state.correct = 0;
    if (epoch_ends && t->validation != NULL)
        NN_TRY(validate(t, &line));
    return h != NULL && h->on_line != NULL ? h->on_line(h->ctx, &line) : NN_OK;
}

/* The loader's place follows from the step alone. */
static nn_status find_place(train_loop *t)
{
    if (t->positioned || t->state.step == t->total)
        return NN_OK;
    t->positioned = true;
    return ds_loader_seek(t->loader, t->state.step / t->batches, t->state.step % t->batches);
}

/* Says what begins with the next step. */
static void announce(const train_loop *t, const train_hooks *h)
{
    const struct {
        int64_t step;
        const char *what;
    } changes[] = { { t->fold, "batch norms are folded into weights and biases for good" },
                    { t->delay_weights, "weights are fake-quantized" },
                    { t->delay_acts, "activations are fake-quantized" },
                    { t->freeze_bn, "batch norm statistics stand still" },
                    { t->freeze_ranges, "quantization ranges stand still" } };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (changes[i].step == t->state.step && h != NULL && h->on_switch != NULL)
            h->on_switch(h->ctx, t->state.step, changes[i].what);
}

nn_status train_loop_run(train_loop *t, int64_t step, const train_hooks *h)
{
    NN_TRY(find_place(t));
    while (t->state.step < t->total && t->state.step < step) {
        announce(t, h);
        NN_TRY(take_step(t));
        NN_TRY(finish(t));
        train_moment now = train_loop_moment(t);
        NN_TRY(write_line(t, h));
        if (h != NULL && h->on_step != NULL)
            NN_TRY(h->on_step(h->ctx, &now));
        if (h != NULL && h->stop != NULL && h->stop(h->ctx))
            break;
    }
    return NN_OK;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

nn_status train_loop_save(train_loop *t, const char *path)
{
    return train_checkpoint_save(path, t->network, &t->state);
}

nn_status train_loop_restore(train_loop *t, const train_tensors *file)
{
    const int64_t pictures = t->state.pictures;
    NN_TRY(train_checkpoint_restore(file, t->network, &t->state));
    if (t->state.pictures != 0 && t->state.pictures != pictures)
        return nn_fail(NN_EINVAL,
                       "--data: the run was begun with %lld training pictures, not %lld; resume it "
                       "with those, or start anew with --overwrite",
                       (long long)t->state.pictures, (long long)pictures);
    t->state.pictures = pictures;
    if (t->state.step > t->total)
        return nn_fail(NN_EINVAL, "%lld steps are done already, the run has %lld",
                       (long long)t->state.step, (long long)t->total);
    t->network->info.step = t->state.step;
    t->stage = t->state.step > 0 ? stage_of(t, t->state.step - 1) : TRAIN_FLOAT;
    t->network->info.quantized = t->stage == TRAIN_QUANTIZED;
    t->positioned = false;
    return NN_OK;
}

nn_status train_loop_save_network(train_loop *t, const char *path)
{
    const train_state bare = { .step = t->state.step,
                               .best_correct = t->state.best_correct,
                               .best_step = t->state.best_step,
                               .halvings = t->state.halvings };
    swap_average(t);
    nn_status st = train_checkpoint_save(path, t->network, &bare);
    swap_average(t);
    return st;
}

int64_t train_loop_halvings(const train_loop *t)
{
    return t->state.halvings;
}

void train_loop_set_halvings(train_loop *t, int64_t n)
{
    t->state.halvings = n;
}

int64_t train_loop_switch(const train_loop *t)
{
    int64_t last = t->delay_weights > t->delay_acts ? t->delay_weights : t->delay_acts;
    return last == INT64_MAX ? -1 : last;
}

const nn_graph *train_loop_graph(const train_loop *t)
{
    return t->phase[stage_of(t, t->total - 1)].graph;
}

size_t train_loop_bytes(const train_loop *t)
{
    return t->block_bytes;
}

void train_loop_profile(train_loop *t)
{
    t->profile = true;
    for (int i = 0; i < TRAIN_N_PHASES; i++)
        if (t->phase[i].exec != NULL)
            nn_exec_profile(t->phase[i].exec, true);
}

train_times train_loop_times(const train_loop *t)
{
    return t->times;
}

const nn_exec *train_loop_exec(const train_loop *t)
{
    return t->phase[t->stage].exec;
}
