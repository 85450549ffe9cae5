/* fold_train: training in every way of folding batch norms: resumed is uninterrupted, the file
 * predicts what the fake-quantized network does, statistics are estimated anew, folded is
 * folded. */
#include <math.h>
#include <omp.h>

#include "export/compare.h"
#include "nn/base/file.h"
#include "quant/stage.h"
#include "tests/testing.h"
#include "train/loop.h"
#include "train/phase.h"
#include "train/ship.h"

/* ---- a small run ----------------------------------------------------------------------------- */

typedef struct setup {
    nn_arena *arena;
    ds_set *set;
    train_network *network;
    train_loop *loop;
} setup;

enum { SWITCH = 3, FREEZE = 9, STEPS = 12 };

/* Everything that remembers: momentum, averages, ranges, statistics; decay of gamma too. */
static nn_status recipe_of(train_recipe *r, const quant_fold *fold, const char *model)
{
    *r = (train_recipe){ .quant.bn_fold = 0 };
    NN_TRY(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, r));
    r->data.data = "noise:16x16x1:4:320";
    r->data.val = "0.2"; /* leaves 256 = 8 batches */
    r->model.model = model;
    r->model.width = 0.25;
    r->training.batch = 32;
    r->training.steps = STEPS;
    r->training.lr = 0.02;
    r->training.ema = 0.9;
    r->training.decay_bn = true;
    r->quant.qat = true;
    r->quant.delay = (train_spans){ { SWITCH, TRAIN_STEPS }, { SWITCH + 1, TRAIN_STEPS } };
    while (quant_fold_at(r->quant.bn_fold) != fold)
        r->quant.bn_fold++;
    return NN_OK;
}

static nn_status start(setup *s, const train_recipe *recipe)
{
    ds_options options;
    train_info info;
    *s = (setup){ 0 };
    NN_TRY(nn_arena_new(&s->arena));
    NN_TRY(train_recipe_dataset(&options, &recipe->data, 3, 0));
    NN_TRY(ds_open(&s->set, recipe->data.data, &options));
    NN_TRY(train_info_new(&info, s->arena, recipe, 3, s->set));
    NN_TRY(train_network_new(&s->network, &info, true, &train_no_limits));
    return train_loop_new(&s->loop, s->network, s->set, UINT64_MAX);
}

static void stop(setup *s)
{
    train_loop_free(s->loop);
    train_network_free(s->network);
    ds_close(s->set);
    nn_arena_free(s->arena);
}

static void begin(setup *s, const quant_fold *fold, const char *model)
{
    train_recipe recipe;
    assert_ok(recipe_of(&recipe, fold, model));
    assert_ok(start(s, &recipe));
}

/* ---- resuming -------------------------------------------------------------------------------- */

/* STEPS steps, with a fresh process' state after `pause` of them. */
static void run_to(const char *path, const quant_fold *fold, int64_t pause)
{
    for (int64_t step = pause; step <= STEPS; step += STEPS - pause) {
        setup s;
        train_recipe recipe;
        assert_ok(recipe_of(&recipe, fold, "resnet8"));
        recipe.quant.freeze_bn = (train_span){ FREEZE, TRAIN_STEPS };
        assert_ok(start(&s, &recipe));
        if (step != pause) {
            train_tensors *file;
            assert_ok(train_tensors_read(&file, path));
            assert_ok(train_loop_restore(s.loop, file));
            train_tensors_free(file);
        }
        assert_ok(train_loop_run(s.loop, step, NULL));
        assert_ok(train_loop_save(s.loop, path));
        stop(&s);
        if (pause == STEPS)
            break;
    }
}

static void resumed_is_uninterrupted(void **state)
{
    (void)state;
    const int64_t pauses[] = { SWITCH, STEPS - 1 };
    const quant_fold *fold;
    for (int i = 0; (fold = quant_fold_at(i)) != NULL; i++) {
        const char *whole = test_path("whole"), *parts = test_path("parts");
        print_message("%s\n", fold->name);
        run_to(whole, fold, STEPS);
        for (int k = 0; k < 2; k++) {
            run_to(parts, fold, pauses[k]);
            assert_same_files(parts, whole);
        }
    }
}

/* ---- the device ------------------------------------------------------------------------------ */

typedef struct feed {
    ds_loader *loader;
} feed;

static nn_status next(void *ctx, const nn_real **image, int *n)
{
    const ds_batch *b;
    NN_TRY(ds_loader_next(((feed *)ctx)->loader, &b));
    *n = b != NULL ? b->n : 0;
    *image = b != NULL ? b->image : NULL;
    return NN_OK;
}

static void compare(ex_comparison *out, const setup *s)
{
    nn_bytes file = { 0 };
    feed f;
    const ds_loader_options o = train_prep_loader(&s->network->info.prep, 32);
    assert_ok(train_ship(&file, s->network, EX_INT8));
    assert_ok(ds_loader_new(&f.loader, s->set, DS_TEST, &o));
    const ex_compare_file bytes = { file.data, file.size, NULL };
    assert_ok(
        ex_compare(out, s->arena, s->network->graph, &s->network->quant, &bytes, 32, next, &f));
    ds_loader_free(f.loader);
    nn_bytes_free(&file);
}

/* A residual network and a depthwise one: all constants and all predictions. */
static void the_file_predicts_the_same(void **state)
{
    (void)state;
    static const char *const models[] = { "resnet8", "mobilenet_v1" };
    const quant_fold *fold;
    for (int i = 0; (fold = quant_fold_at(i)) != NULL; i++)
        for (int m = 0; m < 2; m++) {
            setup s;
            ex_comparison c;
            begin(&s, fold, models[m]);
            assert_ok(train_loop_run(s.loop, STEPS, NULL));
            compare(&c, &s);
            print_message("%s %s: %lld of %lld\n", fold->name, models[m], (long long)c.agree,
                          (long long)c.pictures);
            assert_true(c.n_constants > 0 && c.pictures == 64 && c.agree == c.pictures);
            for (int k = 0; k < c.n_constants; k++)
                assert_int_equal(c.constant[k].equal, c.constant[k].n);
            stop(&s);
        }
}

/* ---- statistics and parameters --------------------------------------------------------------- */

/* Until the end it is unfolded; then only the statistics differ, and not by much. */
static void only_statistics_are_estimated(void **state)
{
    (void)state;
    setup s[2];
    begin(&s[0], &quant_fold_unfolded, "resnet8");
    begin(&s[1], &quant_fold_reestimate, "resnet8");
    for (int i = 0; i < 2; i++)
        assert_ok(train_loop_run(s[i].loop, STEPS, NULL));
    int moved = 0;
    for (int i = 0; i < nn_params_count(s[0].network->params); i++) {
        const nn_param *p = nn_params_at(s[0].network->params, i);
        const nn_param *q = nn_params_at(s[1].network->params, i);
        assert_string_equal(p->name, q->name);
        if (memcmp(p->value, q->value, p->count * sizeof *p->value) != 0)
            fail_msg("%s differs", p->name); /* the averages are what was estimated for */
    }
    train_loop_save_network(s[0].loop, test_path("unfolded"));
    train_loop_save_network(s[1].loop, test_path("reestimate"));
    train_network *n[2];
    assert_ok(train_network_load(&n[0], test_path("unfolded"), NULL, &train_no_limits));
    assert_ok(train_network_load(&n[1], test_path("reestimate"), NULL, &train_no_limits));
    for (int i = 0; i < nn_params_count(n[0]->params); i++) {
        const nn_param *p = nn_params_at(n[0]->params, i), *q = nn_params_at(n[1]->params, i);
        const bool statistic = strstr(p->name, "/bn/mean") || strstr(p->name, "/bn/var");
        const bool same = memcmp(p->value, q->value, p->count * sizeof *p->value) == 0;
        assert_true(statistic || same);
        moved += statistic && !same;
        for (size_t k = 0; k < p->count; k++)
            assert_true(fabs((double)p->value[k] - (double)q->value[k]) < 3);
    }
    assert_true(moved > 0);
    for (int i = 0; i < 2; i++) {
        train_network_free(n[i]);
        stop(&s[i]);
    }
}

/* Runs the network's own batches behind the last step, as a new estimate. */
static void estimate(train_network *n, const ds_set *set)
{
    train_phase p = { 0 };
    ds_loader *loader;
    const ds_batch *b;
    ds_loader_options o = train_prep_loader(&n->info.prep, 32);
    o.train = true;
    o.seed = n->info.seed;
    assert_ok(ds_loader_new(&loader, set, DS_TRAIN, &o));
    assert_ok(ds_loader_seek(loader, STEPS / 8, STEPS % 8));
    assert_ok(train_phase_build(
        &p, n, &(train_phase_options){ .kind = TRAIN_PHASE_QUANT, .training = true, .batch = 32 }));
    assert_ok(train_phase_bind(&p, NULL));
    for (int i = 1; i <= 8; i++) {
        assert_ok(ds_loader_next(loader, &b));
        nn_exec_bind(p.exec, p.image, b->image);
        nn_exec_bind(p.exec, p.label, b->label);
        nn_exec_forward(p.exec, b->n, &(nn_run){ .training = true, .estimate = i });
    }
    train_phase_free(&p);
    ds_loader_free(loader);
}

/* The statistics are those of the network that is saved: its averaged weights, on the grids of its
 * averaged ranges. */
static void statistics_are_of_the_averages(void **state)
{
    (void)state;
    setup s;
    train_recipe recipe;
    train_network *n;
    nn_real saved[64];
    assert_ok(recipe_of(&recipe, &quant_fold_reestimate, "resnet8"));
    recipe.quant.range = "lsq";
    assert_ok(start(&s, &recipe));
    assert_ok(train_loop_run(s.loop, STEPS, NULL));
    assert_ok(train_loop_save_network(s.loop, test_path("averaged")));
    assert_ok(train_network_load(&n, test_path("averaged"), NULL, &train_no_limits));
    const nn_param *mean = nn_params_find(n->params, "stage2/block0/conv1/bn/mean");
    memcpy(saved, mean->value, mean->count * sizeof *saved);
    estimate(n, s.set);
    assert_memory_equal(saved, mean->value, mean->count * sizeof *saved);
    train_network_free(n);
    stop(&s);
}

/* Neither what momentum is left nor weight decay moves what was folded away. */
static void folded_away_stays_away(void **state)
{
    (void)state;
    setup s;
    begin(&s, &quant_fold_prefold, "resnet8");
    assert_ok(train_loop_run(s.loop, STEPS, NULL));
    int seen = 0;
    for (int i = 0; i < nn_params_count(s.network->params); i++) {
        const nn_param *p = nn_params_at(s.network->params, i);
        for (size_t k = 0; k < p->count; k++) {
            if (strstr(p->name, "/bn/gamma") != NULL)
                assert_true(p->value[k] == 1 && ++seen > 0);
            if (strstr(p->name, "/bn/mean") != NULL)
                assert_true(p->value[k] == 0);
        }
    }
    assert_true(seen > 0);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_is_uninterrupted),
        cmocka_unit_test(the_file_predicts_the_same),
        cmocka_unit_test(only_statistics_are_estimated),
        cmocka_unit_test(statistics_are_of_the_averages),
        cmocka_unit_test(folded_away_stays_away),
    };
    omp_set_num_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
