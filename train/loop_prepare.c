/* loop_prepare - a training loop before its first step: lengths, loaders, graphs, memory,
 * optimizer. */
#include "nn/base/mem.h"
#include "quant/spec.h"
#include "train/loop_internal.h"

enum { LINES_PER_EPOCH = 10 };
#define MOST_STEPS INT64_C(1000000000000000)

static int64_t step_or_never(train_span s, int64_t batches)
{
    return s.n > 0 ? train_span_steps(s, batches) : INT64_MAX;
}

static nn_status plan_delays(train_loop *t, const train_spans *delay)
{
    t->delay_weights = train_span_steps(delay->first, t->batches);
    t->delay_acts = train_span_steps(delay->second, t->batches);
    if (train_loop_switch(t) >= t->total)
        return nn_fail(NN_EINVAL,
                       "--quant-delay: %lld steps, but training ends after %lld; the network would "
                       "not be quantized",
                       (long long)train_loop_switch(t), (long long)t->total);
    return NN_OK;
}

/* Weights are observed from the first step that quantizes anything; learned ranges begin in any
 * case. */
static nn_status check_freeze(const train_loop *t)
{
    const int64_t first = t->delay_weights < t->delay_acts ? t->delay_weights : t->delay_acts;
    if (t->freeze_ranges > first || quant_weight_rule(&t->network->quant)->learned > 0)
        return NN_OK;
    return nn_fail(NN_EINVAL,
                   "--freeze-ranges: %lld steps, but weights have no range before step %lld "
                   "(--quant-delay); freeze them later",
                   (long long)t->freeze_ranges, (long long)first + 1);
}

static nn_status plan_steps(train_loop *t)
{
    const train_recipe *r = &t->network->info.recipe;
    t->batches = ds_loader_batches(t->loader);
    if (r->training.steps > MOST_STEPS)
        return nn_fail(NN_EINVAL, "--steps: %llu is more than %lld",
                       (unsigned long long)r->training.steps, (long long)MOST_STEPS);
    t->total = r->training.steps > 0 ? (int64_t)r->training.steps : r->training.epochs * t->batches;
    t->line_every = t->batches > LINES_PER_EPOCH ? t->batches / LINES_PER_EPOCH : 1;
    t->freeze_bn = step_or_never(r->quant.freeze_bn, t->batches);
    t->freeze_ranges = step_or_never(r->quant.freeze_ranges, t->batches);
    t->delay_weights = t->delay_acts = t->fold = INT64_MAX;
    if (r->quant.qat) {
        NN_TRY(plan_delays(t, &r->quant.delay));
        NN_TRY(check_freeze(t));
    }
    if (r->quant.qat && t->network->quant.fold->folds_away)
        t->fold = t->delay_weights < t->delay_acts ? t->delay_weights : t->delay_acts;
    t->schedule = opt_schedule_of((opt_schedule_kind)r->training.schedule, r->training.lr,
                                  train_span_steps(r->training.warmup, t->batches));
    return opt_schedule_check(&t->schedule, t->total);
}

static nn_status open_loaders(train_loop *t)
{
    const train_info *info = &t->network->info;
    ds_loader_options o = train_prep_loader(&info->prep, info->recipe.training.batch);
    if (ds_count(t->set, DS_VAL) > 0)
        NN_TRY(ds_loader_new(&t->validation, t->set, DS_VAL, &o));
    o.train = true;
    o.seed = info->seed;
    if (info->recipe.training.augment != NULL)
        NN_TRY(ds_augment_parse(&o.augment, info->recipe.training.augment));
    return ds_loader_new(&t->loader, t->set, DS_TRAIN, &o);
}

/* Before the switch the float graph watches, if there is a switch to come. */
static train_phase_kind kind_of(const train_loop *t, train_stage stage, bool training)
{
    if (stage == TRAIN_FLOAT)
        return training && t->delay_acts != INT64_MAX ? TRAIN_PHASE_WATCH : TRAIN_PHASE_FLOAT;
    if (stage == TRAIN_PARTLY)
        return t->delay_weights < t->delay_acts ? TRAIN_PHASE_WEIGHTS : TRAIN_PHASE_ACTS;
    return training ? TRAIN_PHASE_QUANT : TRAIN_PHASE_DEPLOY;
}

/* Is there a step of this stage? */
static bool has_stage(const train_loop *t, train_stage stage)
{
    if (stage == TRAIN_PARTLY)
        return t->delay_weights != t->delay_acts;
    return stage == TRAIN_FLOAT || t->delay_acts != INT64_MAX;
}

static nn_status build_phases(train_loop *t, uint64_t max_memory)
{
    const train_training_options *o = &t->network->info.recipe.training;
    for (int i = 0; i < TRAIN_N_PHASES; i++) {
        const train_stage stage = (train_stage)(i % TRAIN_N_STAGES);
        const bool training = i < TRAIN_N_STAGES;
        const train_phase_options one = { .kind = kind_of(t, stage, training),
                                          .training = training,
                                          .batch = o->batch,
                                          .smoothing = o->label_smoothing,
                                          .max_bytes = max_memory };
        if (has_stage(t, stage))
            NN_TRY(train_phase_build(&t->phase[i], t->network, &one));
        if (t->phase[i].plan != NULL && t->phase[i].plan->bytes > t->block_bytes)
            t->block_bytes = t->phase[i].plan->bytes;
    }
    return NN_OK;
}

static nn_status bind_phases(train_loop *t)
{
    t->block = nn_mem_alloc(t->block_bytes);
    if (t->block == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes of activations; lower --batch",
                       t->block_bytes);
    for (int i = 0; i < TRAIN_N_PHASES; i++)
        if (t->phase[i].plan != NULL)
            NN_TRY(train_phase_bind(&t->phase[i], t->block));
    return NN_OK;
}

static nn_status make_optimizer(train_loop *t)
{
    const train_training_options *o = &t->network->info.recipe.training;
    opt_config config;
    NN_TRY(train_recipe_optimizer(&config, o));
    NN_TRY(
        opt_new(&t->optimizer, train_optimizer_names[o->optimizer], t->network->params, &config));
    if (o->clip > 0)
        NN_TRY(opt_clip_new(&t->clip, t->network->params, o->clip));
    if (o->ema > 0)
        NN_TRY(opt_average_new(&t->average, t->network->params, o->ema));
    t->state = (train_state){ .optimizer = t->optimizer,
                              .average = t->average,
                              .best_correct = -1,
                              .best_step = -1,
                              .pictures = ds_count(t->set, DS_TRAIN) };
    return NN_OK;
}

static nn_status prepare(train_loop *t, uint64_t max_memory)
{
    NN_TRY(train_network_fits(t->network, t->set));
    NN_TRY(open_loaders(t));
    NN_TRY(plan_steps(t));
    NN_TRY(build_phases(t, max_memory));
    NN_TRY(make_optimizer(t));
    return bind_phases(t);
}

nn_status train_loop_new(train_loop **out, train_network *n, const ds_set *set, uint64_t max_memory)
{
    train_loop *t = nn_mem_alloc(sizeof *t);
    if (t == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a training loop");
    t->network = n;
    t->set = set;
    nn_status st = prepare(t, max_memory);
    if (st == NN_OK)
        *out = t;
    else
        train_loop_free(t);
    return st;
}

void train_loop_free(train_loop *t)
{
    if (t == NULL)
        return;
    for (int i = 0; i < TRAIN_N_PHASES; i++)
        train_phase_free(&t->phase[i]);
    ds_loader_free(t->loader);
    ds_loader_free(t->validation);
    opt_free(t->optimizer);
    opt_clip_free(t->clip);
    opt_average_free(t->average);
    nn_mem_free(t->block);
    nn_mem_free(t);
}
