/* Memory that runs out: each allocation of building, loading, planning and writing fails in its
 * turn (tests/starve.h). */
#define _XOPEN_SOURCE 700
#include <omp.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data/stats.h"
#include "export/compare.h"
#include "export/outline.h"
#include "quant/post.h"
#include "tests/starve.h"
#include "tests/testing.h"
#include "train/args.h"
#include "train/evaluate.h"
#include "train/formats.h"
#include "train/loop.h"
#include "train/mistakes.h"
#include "train/report/look.h"
#include "train/ship.h"

/* ---- what there is to work with -------------------------------------------------------------- */

enum { SIDE = 16, PATH = 700 };

static ds_set *noise;          /* SIDE x SIDE x 3, 4 classes */
static train_network *trained; /* lenet with ranges */
static nn_bytes shipped;       /* its file */
static char checkpoint[PATH], pictures[PATH], idx[PATH], recipe_path[PATH];

static void write_recipe(train_recipe *r, const char *model)
{
    *r = (train_recipe){ 0 };
    assert_ok(train_args_defaults(train_recipe_groups, TRAIN_N_RECIPE_GROUPS, r));
    r->data.mean = (train_reals){ 1, { 120 } };
    r->data.std = (train_reals){ 1, { 50 } };
    r->data.data = "noise:16x16x3:4:40";
    r->model.model = model;
    r->model.width = 0.1;
    r->training.batch = 4;
    r->training.steps = 2;
    r->training.augment = "crop:2,flip";
    r->training.ema = 0.9;
    r->training.clip = 1;
    r->quant.qat = true;
}

static nn_status make_network(train_network **out, nn_arena *arena, const char *model,
                              const ds_set *set)
{
    train_recipe recipe;
    train_info info;
    write_recipe(&recipe, model);
    NN_TRY(train_info_new(&info, arena, &recipe, 1, set));
    return train_network_new(out, &info, true, &train_no_limits);
}

static void write_pictures(const char *folder)
{
    char path[PATH + 32];
    mkdir(folder, 0777);
    for (int i = 0; i < 4; i++) {
        ds_image im;
        snprintf(path, sizeof path, "%s/%s", folder, i < 2 ? "train" : "test");
        mkdir(path, 0777);
        strcat(path, i % 2 ? "/a" : "/b");
        mkdir(path, 0777);
        strcat(path, "/1.png");
        assert_ok(ds_image_new(&im, 6, 5, 3));
        memset(im.pixels, 40 * i, 90);
        assert_ok(ds_png_write(path, &im));
        ds_image_free(&im);
    }
}

static void write_gzip(const char *folder, const char *name, const uint8_t *head, size_t n)
{
    uint8_t body[8 * 16] = { 0 };
    char path[PATH + 64];
    snprintf(path, sizeof path, "%s/%s.gz", folder, name);
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    gzwrite(f, head, (unsigned)n);
    gzwrite(f, body, n == 8 ? 8 : sizeof body);
    gzclose(f);
}

static void write_idx(const char *folder)
{
    static const uint8_t images[] = { 0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 4 },
                         labels[] = { 0, 0, 8, 1, 0, 0, 0, 8 };
    mkdir(folder, 0777);
    write_gzip(folder, "train-images-idx3-ubyte", images, sizeof images);
    write_gzip(folder, "train-labels-idx1-ubyte", labels, sizeof labels);
    write_gzip(folder, "t10k-images-idx3-ubyte", images, sizeof images);
    write_gzip(folder, "t10k-labels-idx1-ubyte", labels, sizeof labels);
}

/* Two steps of training leave a network with ranges, a checkpoint and a file. */
static int prepare(void **state)
{
    (void)state;
    nn_arena *arena;
    train_loop *loop;
    omp_set_num_threads(1);
    snprintf(checkpoint, PATH, "%s", test_path("model.safetensors"));
    snprintf(pictures, PATH, "folder:%s", test_path("pictures"));
    snprintf(idx, PATH, "idx:%s", test_path("idx"));
    snprintf(recipe_path, PATH, "%s", test_path("recipe.ini"));
    write_pictures(test_path("pictures"));
    write_idx(test_path("idx"));
    const char text[] = "[data]\ndata = noise\n[quant.layers]\nfc1 = w4\nlogits = w8a8\n";
    assert_ok(nn_file_write(recipe_path, text, sizeof text - 1));
    assert_ok(nn_arena_new(&arena));
    assert_ok(ds_open(&noise, "noise:16x16x3:4:40", &(ds_options){ .val_fraction = 0.2 }));
    assert_ok(make_network(&trained, arena, "lenet", noise));
    assert_ok(train_loop_new(&loop, trained, noise, UINT64_MAX));
    assert_ok(train_loop_run(loop, INT64_MAX, NULL));
    assert_ok(train_loop_save(loop, checkpoint));
    train_loop_free(loop);
    train_network_free(trained);
    nn_arena_free(arena);
    assert_ok(train_network_load(&trained, checkpoint, NULL, &train_no_limits));
    assert_ok(train_ship(&shipped, trained, EX_INT8));
    return 0;
}

static int forget(void **state)
{
    (void)state;
    nn_bytes_free(&shipped);
    train_network_free(trained);
    ds_close(noise);
    return 0;
}

/* ---- building and planning ------------------------------------------------------------------- */

static nn_status build(const subject *s)
{
    nn_arena *arena;
    train_network *n = NULL;
    nn_plan *plan = NULL;
    nn_exec *exec = NULL;
    NN_TRY(nn_arena_new(&arena));
    nn_status st = make_network(&n, arena, s->name, noise);
    if (st == NN_OK)
        st = nn_plan_new(&plan, n->graph, &(nn_plan_options){ .batch = 2 });
    if (st == NN_OK)
        st = nn_exec_new(&exec, plan, NULL);
    nn_exec_free(exec);
    nn_plan_free(plan);
    train_network_free(n);
    nn_arena_free(arena);
    return st;
}

static void building_each_network(void **state)
{
    (void)state;
    for (int i = 0; i < model_count(); i++)
        survives(build, &(subject){ .name = model_name(i) });
}

static nn_status begin_training(const subject *s)
{
    nn_arena *arena;
    train_network *n = NULL;
    train_loop *loop = NULL;
    NN_TRY(nn_arena_new(&arena));
    nn_status st = make_network(&n, arena, s->name, noise);
    if (st == NN_OK)
        st = train_loop_new(&loop, n, noise, UINT64_MAX);
    train_loop_free(loop);
    train_network_free(n);
    nn_arena_free(arena);
    return st;
}

static void beginning_to_train(void **state)
{
    (void)state;
    survives(begin_training, &(subject){ .name = "ds_cnn" });
}

static nn_status make_optimizer(const subject *s)
{
    opt *o = NULL;
    nn_status st = opt_new(&o, s->name, trained->params, &(opt_config){ .momentum = 0.9 });
    opt_free(o);
    return st;
}

static void each_optimizer(void **state)
{
    (void)state;
    for (int i = 0; train_optimizer_names[i] != NULL; i++)
        survives(make_optimizer, &(subject){ .name = train_optimizer_names[i] });
}

/* ---- checkpoints and recipes ----------------------------------------------------------------- */

static nn_status load(const subject *s)
{
    train_network *n = NULL;
    NN_TRY(train_network_load(&n, s->name, NULL, &train_no_limits));
    nn_status st = n->has_ranges ? NN_OK : nn_fail(NN_EFORMAT, "the ranges are gone");
    train_network_free(n);
    return st;
}

/* A checkpoint that lacks something would be noticed when it is loaded. */
static nn_status save(const subject *s)
{
    NN_TRY(train_checkpoint_save(s->name, trained, &(train_state){ 0 }));
    return load(s);
}

static nn_status load_matching(const subject *s)
{
    train_tensors *file;
    train_match match;
    nn_arena *arena = NULL;
    NN_TRY(train_tensors_read(&file, s->name));
    nn_status st = nn_arena_new(&arena);
    if (st == NN_OK)
        st = train_checkpoint_init(&match, arena, file, trained);
    nn_arena_free(arena);
    train_tensors_free(file);
    return st;
}

static void checkpoints(void **state)
{
    (void)state;
    survives(save, &(subject){ .name = test_path("saved") });
    survives(load, &(subject){ .name = checkpoint });
    survives(load_matching, &(subject){ .name = checkpoint });
}

static nn_status read_recipe(const subject *s)
{
    train_recipe recipe = { 0 };
    train_args args;
    char *argv[] = { (char *)(uintptr_t) "--batch", (char *)(uintptr_t) "8" };
    nn_status st =
        train_args_parse(&args, train_recipe_groups, TRAIN_N_RECIPE_GROUPS, &recipe, 2, argv);
    if (st == NN_OK)
        st = train_args_recipe(&args, s->name);
    if (st == NN_OK)
        st = train_args_write(&args, test_path("again.ini"), "written");
    train_args_free(&args);
    return st;
}

static void recipes(void **state)
{
    (void)state;
    survives(read_recipe, &(subject){ .name = recipe_path });
}

/* ---- files of networks ----------------------------------------------------------------------- */

static nn_status write_format(const subject *s)
{
    nn_bytes file = { 0 };
    NN_TRY(train_format_at(s->index)->write(&file, trained));
    nn_bytes_free(&file);
    return NN_OK;
}

static void each_format(void **state)
{
    (void)state;
    for (int i = 0; train_format_at(i) != NULL; i++)
        if (strcmp(train_format_at(i)->name, "tflite-uint8") != 0) /* its weights are int8 */
            survives(write_format, &(subject){ .name = train_format_at(i)->name, .index = i });
}

static nn_status evaluate(const subject *s)
{
    train_score score;
    return train_evaluate_bytes(&score, s->bytes, s->size, &trained->info.prep, noise, DS_VAL);
}

static nn_status evaluate_graph(const subject *s)
{
    train_score score;
    (void)s;
    return train_evaluate_graph(&score, trained, trained->deploy, noise, DS_VAL, 4);
}

static nn_status outline(const subject *s)
{
    nn_arena *arena;
    ex_outline o;
    NN_TRY(nn_arena_new(&arena));
    nn_status st = ex_outline_read(&o, arena, s->bytes, s->size);
    nn_arena_free(arena);
    return st;
}

static nn_real noise_pictures[4 * SIDE * SIDE * 3];

static quant_array some_pictures(void)
{
    test_noise(noise_pictures, sizeof noise_pictures / sizeof noise_pictures[0], 7);
    return (quant_array){ noise_pictures, SIDE * SIDE * 3, 4, 2, 0 };
}

static nn_status compare(const subject *s)
{
    nn_arena *arena;
    ex_comparison c;
    quant_array array = some_pictures();
    const quant_pictures p = quant_pictures_of(&array);
    const ex_compare_file file = { s->bytes, s->size, NULL };
    NN_TRY(nn_arena_new(&arena));
    nn_status st = ex_compare(&c, arena, trained->graph, &trained->quant, &file, 2, p.next, p.ctx);
    nn_arena_free(arena);
    return st;
}

static void running_and_comparing(void **state)
{
    (void)state;
    const subject file = { .name = "file", .bytes = shipped.data, .size = shipped.size };
    survives(evaluate, &file);
    survives(evaluate_graph, &file);
    survives(outline, &file);
    survives(compare, &file);
}

static ds_set *large; /* an arena takes a chunk for each of these pictures */
static train_network *small;

static nn_status find_mistakes(const subject *s)
{
    train_mistakes m;
    (void)s;
    nn_status st = train_mistakes_find(&m, small, small->graph, large, DS_TEST, 8);
    train_mistakes_free(&m);
    return st;
}

static nn_status look(const subject *s)
{
    report_look l;
    (void)s;
    NN_TRY(report_look_new(&l, small, large, NULL, 8));
    report_look_free(&l);
    return NN_OK;
}

static void looking_at_pictures(void **state)
{
    (void)state;
    nn_arena *arena;
    assert_ok(nn_arena_new(&arena));
    assert_ok(ds_open(&large, "noise:128x128x3:4:40", &(ds_options){ 0 }));
    assert_ok(make_network(&small, arena, "mlp", large));
    survives(find_mistakes, &(subject){ .name = "mistakes" });
    survives(look, &(subject){ .name = "look" });
    train_network_free(small);
    ds_close(large);
    nn_arena_free(arena);
}

static nn_status read_file(const subject *s)
{
    rt_error e;
    void *bytes;
    size_t size;
    rt_status st = rt_file_read(&bytes, &size, s->name, 0, &e);
    if (st != RT_OK)
        return nn_fail((nn_status)st, "%s", e.text);
    free(bytes);
    return NN_OK;
}

static void reading_a_file(void **state)
{
    (void)state;
    survives(read_file, &(subject){ .name = checkpoint });
}

/* ---- quantization after training ------------------------------------------------------------- */

static nn_status quantize(const subject *s)
{
    quant_post_report report;
    quant_array array = some_pictures();
    const quant_pictures p = quant_pictures_of(&array);
    const quant_post post = { .equalize = true,
                              .absorb = true,
                              .calibration = { .how = quant_calibrator_at(s->index) },
                              .adaround = s->index == 0,
                              .rounding = { .steps = 3, .rows = 8, .samples = 32 },
                              .correction =
                                  s->index == 1 ? QUANT_BIAS_ANALYTICAL : QUANT_BIAS_EMPIRICAL };
    return quant_post_run(&report, trained->graph, &trained->quant, &post, &p);
}

static void after_training(void **state)
{
    (void)state;
    for (int i = 0; i < quant_calibrator_count(); i++)
        survives(quantize, &(subject){ .name = quant_calibrator_at(i)->name, .index = i });
}

/* ---- pictures -------------------------------------------------------------------------------- */

static nn_status open_set(const subject *s)
{
    ds_set *set;
    ds_stats stats;
    const ds_options o = { .height = 4, .width = 4, .val_fraction = 0.2, .skip_bad = true };
    NN_TRY(ds_open(&set, s->name, &o));
    nn_status st = ds_measure(&stats, set, DS_TEST, 2);
    ds_close(set);
    return st;
}

static void each_kind_of_data(void **state)
{
    (void)state;
    const char *const specs[] = { "noise:4x4x1:3:10", "sample", pictures, idx };
    for (int i = 0; i < 4; i++)
        survives(open_set, &(subject){ .name = specs[i] });
}

static nn_status decode(const subject *s)
{
    ds_image im = { 0 };
    NN_TRY(ds_image_load(&im, s->name, (ds_limits){ 0 }));
    nn_status st = ds_png_write(test_path("out.png"), &im);
    ds_image_free(&im);
    return st;
}

static void each_picture_format(void **state)
{
    (void)state;
    char png[PATH];
    snprintf(png, PATH, "%s", test_path("pictures/train/a/1.png"));
    survives(decode, &(subject){ .name = png });
    survives(decode, &(subject){ .name = "tests/fuzz/corpus/jpeg/progressive" });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(building_each_network),
        cmocka_unit_test(beginning_to_train),
        cmocka_unit_test(each_optimizer),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(recipes),
        cmocka_unit_test(each_format),
        cmocka_unit_test(running_and_comparing),
        cmocka_unit_test(looking_at_pictures),
        cmocka_unit_test(reading_a_file),
        cmocka_unit_test(after_training),
        cmocka_unit_test(each_kind_of_data),
        cmocka_unit_test(each_picture_format),
    };
    return cmocka_run_group_tests(tests, prepare, forget);
}
