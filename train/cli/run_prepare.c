/* run_prepare - a run before its first step: pictures, network, what --init or an earlier part of
 * the run left, folder. */
#include <string.h>

#include "quant/plan.h"
#include "train/cli/log.h"
#include "train/cli/run_internal.h"
#include "train/cli/source.h"

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

/* The text of the recipe stays if it says the same: "crop" is "crop,triangle". */
static nn_status inherit_resize(train_recipe *recipe, ds_resize_rule was)
{
    ds_resize_rule now = { 0 };
    if (recipe->data.resize != NULL)
        NN_TRY(ds_resize_rule_parse(&now, recipe->data.resize));
    if (now.fit != was.fit || now.filter != was.filter)
        recipe->data.resize = ds_resize_rule_text(was);
    return NN_OK;
}

/* What the recipe leaves open is as it was for the network that --init names.  A run that goes on
 * has it in its own state, and does without that file. */
static nn_status inherit(train_running *r)
{
    train_info info;
    train_recipe *recipe = r->o->recipe;
    const char *name = r->state != NULL ? r->state_name : recipe->training.init;
    if (r->state == NULL)
        NN_TRY(train_tensors_read(&r->init, name));
    NN_TRY(in_file(train_checkpoint_info(&info, r->arena, r->state != NULL ? r->state : r->init),
                   name));
    const train_prep *p = &info.prep;
    if (recipe->model.model == NULL)
        recipe->model = info.recipe.model;
    if (recipe->data.input.height == 0)
        recipe->data.input = (train_extent){ p->height, p->width };
    if (recipe->data.channels == 0)
        recipe->data.channels = p->channels;
    if (!r->o->resize_given)
        NN_TRY(inherit_resize(recipe, p->resize));
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

static nn_status apply_init(train_running *r)
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

static nn_status freeze(train_running *r)
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
static nn_status find_state(train_running *r)
{
    char path[TRAIN_PATH];
    nn_status st = NN_OK;
    const bool has_previous = train_folder_has(&r->folder, TRAIN_RESULT_PREVIOUS);
    r->state_name = TRAIN_RESULT_MODEL;
    if (train_folder_has(&r->folder, TRAIN_RESULT_MODEL)) {
        st = train_tensors_read(&r->state, train_folder_file(&r->folder, TRAIN_RESULT_MODEL, path));
        r->last_is_sound = st == NN_OK;
        if (st != NN_EFORMAT || !has_previous)
            return st;
        train_log("resume: %s; going on from %s instead", nn_message(), TRAIN_RESULT_PREVIOUS);
    }
    if (!has_previous)
        return NN_OK;
    r->state_name = TRAIN_RESULT_PREVIOUS;
    const bool is_second = st != NN_OK;
    st = train_tensors_read(&r->state, train_folder_file(&r->folder, TRAIN_RESULT_PREVIOUS, path));
    if (st == NN_OK || !is_second)
        return st;
    return nn_fail_context(st, "%s is damaged, and the one before it", TRAIN_RESULT_MODEL);
}

static nn_status resume(train_running *r)
{
    train_info info;
    const train_info *now = &r->network->info;
    NN_TRY(train_checkpoint_info(&info, r->arena, r->state));
    NN_TRY(same_recipe(&info.recipe, &now->recipe));
    if (info.seed != now->seed)
        return nn_fail(NN_EINVAL, "--seed: the run was begun with %llu, not %llu",
                       (unsigned long long)info.seed, (unsigned long long)now->seed);
    if (info.classes != now->classes || memcmp(&info.prep, &now->prep, sizeof info.prep) != 0)
        return nn_fail(NN_EINVAL, "--data: the run was begun with other pictures; resume it with "
                                  "those, or start anew with --overwrite");
    NN_TRY(train_loop_restore(r->loop, r->state));
    train_log("resume: after step %lld", (long long)train_loop_moment(r->loop).step);
    return NN_OK;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static nn_status open_data(train_running *r)
{
    const train_data_options *d = &r->o->recipe->data;
    ds_options options;
    NN_TRY(train_source_check(d->data));
    NN_TRY(train_recipe_dataset(&options, d, r->o->seed, r->o->max_pixels));
    NN_TRY(ds_open(&r->set, d->data, &options));
    NN_TRY(ds_check_usable(r->set, DS_TRAIN));
    if (r->o->needs_test)
        NN_TRY(ds_check_usable(r->set, DS_TEST));
    if (r->o->recipe->quant.ship == 1 && ds_count(r->set, DS_VAL) == 0)
        return nn_fail(NN_EINVAL, "--ship best: no pictures are held back to choose on; set --val");
    return NN_OK;
}

static nn_status make_network(train_running *r)
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

/* Convolutions that are not computed as they are written. */
static int count_fast(const train_loop *loop)
{
    const nn_plan *plan = nn_exec_plan(train_loop_exec(loop));
    int n = 0;
    for (int i = 0; i < nn_graph_count(plan->graph); i++)
        n += plan->place[i].op == &nn_op_winograd;
    return n;
}

static void say_what(const train_running *r)
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
    if (recipe->model.conv == TRAIN_CONV_FAST)
        train_log("--conv fast: %d convolutions of the training steps by Winograd's method, which "
                  "rounds otherwise than exact sums do",
                  count_fast(r->loop));
    if (train_loop_switch(r->loop) >= 0)
        train_log("fake quantization of the whole network after %lld steps",
                  (long long)train_loop_switch(r->loop));
}

/* How each tensor of the file will be quantized, before a day is spent on it. */
static nn_status say_plan(const train_running *r)
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

nn_status train_run__build(train_running *r)
{
    if (r->o->recipe->training.init != NULL)
        NN_TRY(inherit(r));
    NN_TRY(open_data(r));
    NN_TRY(make_network(r));
    return train_loop_new(&r->loop, r->network, r->set, r->o->max_memory);
}

/* The network that a run begins with must outlive its beginning. */
static nn_status keep_init(const train_running *r)
{
    const char *init = r->o->recipe->training.init;
    if (r->o->use != TRAIN_FOLDER_OVERWRITE || init == NULL ||
        !train_folder_would_clear(&r->folder, init))
        return NN_OK;
    return nn_fail(NN_EINVAL,
                   "--init %s: lies in --out, and --overwrite would delete it; choose "
                   "another folder",
                   init);
}

nn_status train_run__prepare(train_running *r)
{
    char path[TRAIN_PATH];
    NN_TRY(nn_arena_new(&r->arena));
    NN_TRY(train_folder_open(&r->folder, r->o->out, r->o->use));
    NN_TRY(keep_init(r));
    if (r->o->use == TRAIN_FOLDER_RESUME)
        NN_TRY(find_state(r));
    NN_TRY(train_run__build(r));
    say_what(r);
    NN_TRY(say_plan(r));
    if (r->state != NULL)
        NN_TRY(in_file(resume(r), r->state_name));
    if (r->o->use == TRAIN_FOLDER_OVERWRITE) /* not before the new run is sure to begin */
        NN_TRY(train_folder_clear(&r->folder));
    if (r->o->args != NULL)
        NN_TRY(train_args_write(r->o->args,
                                train_folder_file(&r->folder, TRAIN_RESULT_RECIPE, path),
                                "octet train recipe.ini --out DIR repeats this run"));
    return NN_OK;
}
