#include "docs/tour/code/watch.h"

#include <stdint.h>

#include "train/loop.h"

typedef struct watch {
    double *largest;
    const nn_param *range;
} watch;

static nn_status note(void *ctx, const train_moment *at)
{
    const watch *w = ctx;
    w->largest[at->step - 1] = (double)w->range->value[0];
    return NN_OK;
}

/* As page 1 trains it, and watched: the rounding would begin when all is over. */
static nn_status make_recipe(train_recipe *r, const char *rule, int steps)
{
    NN_TRY(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, r));
    r->data.data = "sample";
    r->model.model = "lenet";
    r->training.steps = (uint64_t)steps;
    r->training.lr = 0.05;
    r->quant.qat = true;
    r->quant.delay.first.n = r->quant.delay.second.n = steps - 1;
    r->quant.range = rule;
    return NN_OK;
}

static nn_status make_network(train_network **n, const train_recipe *r, const ds_set *set)
{
    train_info info;
    nn_arena *arena;
    NN_TRY(nn_arena_new(&arena));
    nn_status st = train_info_new(&info, arena, r, 1, set);
    if (st == NN_OK)
        st = train_network_new(n, &info, true, &train_no_limits);
    nn_arena_free(arena);
    return st;
}

static nn_status run(train_network *n, const ds_set *set, double *largest, int steps)
{
    train_loop *loop;
    watch w = { largest, nn_params_find(n->params, "c1/relu/act_quant/max") };
    if (w.range == NULL)
        return nn_fail(NN_EINVAL, "lenet has no range of c1/relu");
    NN_TRY(train_loop_new(&loop, n, set, SIZE_MAX));
    nn_status st = train_loop_run(loop, steps, &(train_hooks){ .ctx = &w, .on_step = note });
    train_loop_free(loop);
    return st;
}

nn_status tour_watch(double *largest, const char *rule, int steps)
{
    train_recipe recipe = { 0 };
    train_network *n = NULL;
    ds_set *set = NULL;
    NN_TRY(make_recipe(&recipe, rule, steps));
    nn_status st =
        ds_open(&set, recipe.data.data, &(ds_options){ .val_fraction = 0.05, .seed = 1 });
    if (st == NN_OK)
        st = make_network(&n, &recipe, set);
    if (st == NN_OK)
        st = run(n, set, largest, steps);
    train_network_free(n);
    ds_close(set);
    return st;
}
