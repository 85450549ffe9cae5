/* loader and augment: the same batches whatever the timing, and changes that stay inside the
 * lines. */
#define _POSIX_C_SOURCE 200809L
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "data/loader.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

static const ds_loader_options plain = { .batch = 8,
                                         .mean = { 100, 110, 120 },
                                         .std = { 50, 60, 70 } };

static ds_set *open_noise(const char *spec)
{
    ds_set *set;
    assert_ok(ds_open(&set, spec, &(ds_options){ .seed = 3 }));
    return set;
}

static void evaluation_is_in_order_and_whole(void **state)
{
    (void)state;
    ds_set *set = open_noise("noise:4x4x3:5:21");
    ds_loader *l;
    const ds_batch *b;
    uint8_t pixels[48];
    int label, at = 0;
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &plain));
    assert_int_equal(ds_loader_batches(l), 3);
    for (int round = 0; round < 2; round++) {
        for (at = 0;; at += b->n) {
            assert_ok(ds_loader_next(l, &b));
            if (b == NULL)
                break;
            assert_int_equal(b->n, at == 16 ? 5 : 8);
            assert_int_equal(b->last, at == 16);
            for (int i = 0; i < b->n; i++) {
                assert_ok(ds_read(set, DS_TRAIN, at + i, pixels, &label));
                assert_int_equal(b->index[i], at + i);
                assert_true(b->label[i] == (nn_real)label);
                assert_memory_equal(b->pixels + i * 48, pixels, 48);
                for (int j = 0; j < 48; j++)
                    assert_true(b->image[i * 48 + j] ==
                                (nn_real)((pixels[j] - plain.mean[j % 3]) / plain.std[j % 3]));
            }
        }
        assert_int_equal(at, 21);
        assert_ok(ds_loader_next(l, &b)); /* and stays at the end */
        assert_null(b);
        assert_ok(ds_loader_seek(l, 0, 0));
    }
    ds_loader_free(l);
    ds_close(set);
}

static void an_epoch_is_a_permutation(void **state)
{
    (void)state;
    ds_set *set = open_noise("noise:4x4x1:5:50");
    ds_loader_options opt = plain;
    opt.train = true;
    ds_loader *l;
    const ds_batch *b;
    int first[2] = { 0 }, sorted = 0;
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &opt));
    assert_int_equal(ds_loader_batches(l), 6); /* 48 of 50 */
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[50] = { 0 }, before = -1;
        for (int k = 0; k < 6; k++) {
            assert_ok(ds_loader_next(l, &b));
            assert_int_equal(b->epoch, epoch);
            assert_int_equal(b->number, k);
            assert_int_equal(b->last, k == 5);
            for (int i = 0; i < b->n; i++) {
                assert_int_equal(seen[b->index[i]]++, 0);
                sorted += b->index[i] == before + 1;
                before = b->index[i];
            }
            if (k == 0)
                first[epoch] = b->index[0] * 50 + b->index[1];
        }
    }
    assert_true(sorted < 20);
    assert_int_not_equal(first[0], first[1]);
    ds_loader_free(l);
    ds_close(set);
}

enum { STEPS = 30, BATCH = 8 };

/* Pixels of STEPS batches; sleeping now and then, so that the thread is before or behind. */
static void record(uint8_t *to, const ds_set *set, const ds_loader_options *opt, int from,
                   bool sleepy)
{
    ds_loader *l;
    const ds_batch *b;
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, opt));
    int64_t n = ds_loader_batches(l);
    if (from != 0)
        assert_ok(ds_loader_seek(l, from / n, from % n));
    for (int i = from; i < STEPS; i++) {
        if (sleepy && i % 5 == 0)
            nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        assert_ok(ds_loader_next(l, &b));
        size_t bytes = (size_t)b->n * ds_item_bytes(set);
        memcpy(to + (size_t)i * bytes, b->pixels, bytes);
    }
    ds_loader_free(l);
}

static void the_same_bits_whatever_the_timing(void **state)
{
    (void)state;
    ds_set *set = open_noise("noise:12x12x3:5:50");
    ds_loader_options opt = plain;
    opt.train = true;
    opt.batch = BATCH;
    opt.seed = 9;
    assert_ok(ds_augment_parse(&opt.augment, "crop:2,flip,shift:1,cutout:4"));
    size_t bytes = (size_t)STEPS * BATCH * ds_item_bytes(set);
    uint8_t *a = test_guard_new(bytes, 0), *b = test_guard_new(bytes, 0);
    record(a, set, &opt, 0, false);
    record(b, set, &opt, 0, true);
    assert_memory_equal(a, b, bytes);
    for (int from = 1; from < STEPS; from += 7) { /* resumed in the middle: the rest is the same */
        memset(b, 0, bytes);
        record(b, set, &opt, from, false);
        size_t before = (size_t)from * BATCH * ds_item_bytes(set);
        assert_memory_equal(a + before, b + before, bytes - before);
    }
    opt.seed = 10;
    record(b, set, &opt, 0, false);
    assert_memory_not_equal(a, b, bytes);
    test_guard_check(a);
    test_guard_free(a);
    test_guard_free(b);
    ds_close(set);
}

static void nothing_is_allocated_on_the_way(void **state)
{
    (void)state;
    ds_set *set;
    ds_options bigger = { .height = 20, .width = 24, .channels = 3 };
    assert_ok(ds_open(&set, "noise:12x12x1:5:50", &bigger));
    ds_loader_options opt = plain;
    opt.train = true;
    assert_ok(ds_augment_parse(&opt.augment, "crop:2,flip,cutout:4"));
    ds_loader *l;
    const ds_batch *b;
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &opt));
    for (int i = 0; i < 3; i++)
        assert_ok(ds_loader_next(l, &b));
    size_t before = nn_mem_count();
    for (int i = 0; i < 40; i++)
        assert_ok(ds_loader_next(l, &b));
    assert_int_equal(nn_mem_count(), before);
    ds_loader_free(l);
    ds_close(set);
}

static void seeking_and_stopping_at_any_moment(void **state)
{
    (void)state;
    ds_set *set = open_noise("noise:8x8x3:5:64");
    ds_loader_options opt = plain;
    opt.train = true;
    ds_loader *l;
    const ds_batch *b;
    for (int i = 0; i < 200; i++) {
        assert_ok(ds_loader_new(&l, set, DS_TRAIN, &opt));
        if (i % 2 != 0)
            assert_ok(ds_loader_next(l, &b));
        if (i % 3 == 0) {
            assert_ok(ds_loader_seek(l, i, i % 8));
            assert_ok(ds_loader_next(l, &b));
            assert_int_equal(b->epoch, i);
            assert_int_equal(b->number, i % 8);
        }
        ds_loader_free(l);
    }
    ds_close(set);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    ds_set *set = open_noise("noise:8x8x3:5:20");
    ds_loader *l;
    ds_loader_options opt = plain;
    opt.batch = 0;
    assert_fails(ds_loader_new(&l, set, DS_TRAIN, &opt), NN_EINVAL, "at least 1");
    opt = plain;
    opt.train = true;
    opt.batch = 21;
    assert_fails(ds_loader_new(&l, set, DS_TRAIN, &opt), NN_EINVAL, "lower --batch");
    opt = plain;
    opt.std[2] = 0;
    assert_fails(ds_loader_new(&l, set, DS_TRAIN, &opt), NN_EINVAL, "channel 2");
    opt = plain;
    opt.train = true;
    assert_ok(ds_augment_parse(&opt.augment, "crop:8"));
    assert_fails(ds_loader_new(&l, set, DS_TRAIN, &opt), NN_EINVAL, "out of sight");
    assert_fails(ds_loader_new(&l, set, DS_VAL, &plain), NN_EINVAL, "--val");
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &plain));
    assert_fails(ds_loader_seek(l, 0, 3), NN_EINVAL, "an epoch has 3");
    assert_fails(ds_loader_seek(l, -1, 0), NN_EINVAL, "no batch");
    ds_loader_free(l);
    for (size_t k = 1;; k++) {
        nn_mem_fail_after(k);
        nn_status st = ds_loader_new(&l, set, DS_TRAIN, &plain);
        nn_mem_fail_after(0);
        ds_loader_free(l);
        if (st == NN_OK)
            break;
        assert_int_equal(st, NN_ENOMEM);
    }
    ds_close(set);
}

/* Three good pictures and a bad one, which is number 1. */
static const char *make_folder(void)
{
    static char spec[600];
    const char *folder = test_path("bad");
    static const char *const parts[] = { "", "/train", "/train/a" };
    char path[600];
    uint8_t pixels[6 * 6 * 3];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(path, sizeof path, "%s%s", folder, parts[i]);
        mkdir(path, 0777);
    }
    for (int i = 0; i < 4; i++) {
        memset(pixels, 10 * i, sizeof pixels);
        snprintf(path, sizeof path, "%s/train/a/%d.png", folder, i);
        assert_ok(ds_png_write(path, &(ds_image){ 6, 6, 3, pixels }));
        if (i == 1)
            assert_int_equal(truncate(path, 40), 0);
    }
    snprintf(spec, sizeof spec, "folder:%s", folder);
    return spec;
}

static void a_bad_picture_stops(void **state)
{
    (void)state;
    ds_set *set;
    ds_loader *l;
    const ds_batch *b;
    ds_loader_options opt = plain;
    opt.batch = 1;
    assert_ok(ds_open(&set, make_folder(), &(ds_options){ .height = 6, .width = 6 }));
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &opt));
    assert_ok(ds_loader_next(l, &b));
    assert_int_equal(b->pixels[0], 0);
    assert_fails(ds_loader_next(l, &b), NN_EFORMAT, "bad/train/a/1.png");
    assert_null(b);
    assert_fails(ds_loader_next(l, &b), NN_EFORMAT, "bad/train/a/1.png");
    assert_ok(ds_loader_seek(l, 0, 2));
    assert_ok(ds_loader_next(l, &b));
    assert_int_equal(b->pixels[0], 20);
    ds_loader_free(l);
    ds_close(set);
}

static void a_bad_picture_is_stepped_over(void **state)
{
    (void)state;
    ds_set *set;
    ds_loader *l;
    const ds_batch *b;
    ds_loader_options opt = plain;
    opt.batch = 1;
    ds_options skip = { .height = 6, .width = 6, .skip_bad = true };
    assert_ok(ds_open(&set, make_folder(), &skip));
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &opt));
    for (int i = 0; i < 3; i++) { /* evaluation leaves it out */
        assert_ok(ds_loader_next(l, &b));
        assert_int_equal(b->index[0], i == 0 ? 0 : i + 1);
    }
    assert_ok(ds_loader_next(l, &b));
    assert_null(b);
    ds_loader_free(l);
    opt.train = true;
    opt.batch = 4;
    assert_ok(ds_loader_new(&l, set, DS_TRAIN, &opt));
    assert_ok(ds_loader_next(l, &b));
    int of_two = 0;
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(b->index[i], 1);
        of_two += b->index[i] == 2;
    }
    assert_int_equal(of_two, 2);
    ds_loader_free(l);
    assert_int_equal(ds_n_bad(set), 1);
    assert_non_null(strstr(ds_bad(set, 0), "bad/train/a/1.png: is a damaged PNG"));
    assert_string_equal(ds_bad(set, 1), "");
    ds_close(set);
}

/* ---- augmentation ---------------------------------------------------------------------------- */

enum { H = 6, W = 7, C = 3, BYTES = H * W * C };

static const uint8_t fill[3] = { 201, 202, 203 };

/* A picture whose pixels are all different, after the list was applied with stream `index`. */
static void changed(uint8_t *p, const char *list, uint64_t index)
{
    ds_augment a;
    uint8_t copy[BYTES];
    for (int i = 0; i < BYTES; i++)
        p[i] = (uint8_t)i;
    assert_ok(ds_augment_parse(&a, list));
    ds_image im = { H, W, C, p };
    ds_augment_apply(&a, &im, fill, copy, nn_rng_stream(1, "test", index, 0));
}

static bool is_pixel(const uint8_t *p, int y, int x)
{
    int v = (y * W + x) * C;
    return p[0] == v && p[1] == v + 1 && p[2] == v + 2;
}

static bool is_fill(const uint8_t *p)
{
    return memcmp(p, fill, 3) == 0;
}

/* Is p the picture moved by (dy, dx), with what came from outside the fill or the edge? */
static bool is_moved(const uint8_t *p, int dy, int dx, bool filled)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++, p += 3) {
            int sy = y + dy, sx = x + dx;
            bool outside = sy < 0 || sy >= H || sx < 0 || sx >= W;
            int ey = sy < 0 ? 0 : sy < H ? sy : H - 1, ex = sx < 0 ? 0 : sx < W ? sx : W - 1;
            if (outside && filled ? !is_fill(p) : !is_pixel(p, ey, ex))
                return false;
        }
    return true;
}

static void moves_are_in_range_and_all_occur(void **state)
{
    (void)state;
    uint8_t p[BYTES];
    for (int filled = 0; filled < 2; filled++) {
        int seen[5][5] = { { 0 } };
        for (uint64_t i = 0; i < 500; i++) {
            changed(p, filled ? "crop:2" : "shift:2", i);
            int matches = 0;
            for (int dy = -2; dy <= 2; dy++)
                for (int dx = -2; dx <= 2; dx++)
                    if (is_moved(p, dy, dx, filled)) {
                        matches++;
                        seen[dy + 2][dx + 2]++;
                    }
            assert_int_equal(matches, 1);
        }
        for (int i = 0; i < 25; i++)
            assert_in_range(seen[i / 5][i % 5], 5, 45);
    }
}

static void flip_is_a_mirror_every_other_time(void **state)
{
    (void)state;
    uint8_t p[BYTES];
    int flipped = 0;
    for (uint64_t i = 0; i < 400; i++) {
        changed(p, "flip", i);
        bool mirror = is_pixel(p, 0, W - 1);
        flipped += mirror;
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                assert_true(is_pixel(p + (y * W + x) * C, y, mirror ? W - 1 - x : x));
    }
    assert_in_range(flipped, 160, 240);
}

static void cutout_fills_a_square(void **state)
{
    (void)state;
    uint8_t p[BYTES];
    int whole = 0;
    for (uint64_t i = 0; i < 300; i++) {
        changed(p, "cutout:3", i);
        int filled = 0, top = H, bottom = -1, left = W, right = -1;
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                if (!is_fill(p + (y * W + x) * C)) {
                    assert_true(is_pixel(p + (y * W + x) * C, y, x));
                    continue;
                }
                filled++;
                top = y < top ? y : top;
                bottom = y > bottom ? y : bottom;
                left = x < left ? x : left;
                right = x > right ? x : right;
            }
        assert_in_range(filled, 4, 9);
        assert_int_equal(filled, (bottom - top + 1) * (right - left + 1));
        whole += filled == 9;
    }
    assert_in_range(whole, 100, 200); /* 20 of 42 centres */
}

static void lists_are_parsed_whole(void **state)
{
    (void)state;
    ds_augment a;
    assert_ok(ds_augment_parse(&a, ""));
    assert_int_equal(a.n, 0);
    assert_ok(ds_augment_parse(&a, "none"));
    assert_int_equal(a.n, 0);
    assert_ok(ds_augment_parse(&a, "crop:4,flip,shift:2,cutout:8"));
    assert_int_equal(a.n, 4);
    assert_int_equal(a.step[3].change, DS_CHANGE_CUTOUT);
    assert_int_equal(a.step[3].by, 8);
    assert_fails(ds_augment_parse(&a, "flop"), NN_EINVAL, "did you mean flip?");
    assert_fails(ds_augment_parse(&a, "cut:4"), NN_EINVAL, "did you mean cutout?");
    assert_fails(ds_augment_parse(&a, "mixup"), NN_EINVAL, "there are crop:P");
    assert_fails(ds_augment_parse(&a, "flip:2"), NN_EINVAL, "takes no number");
    assert_fails(ds_augment_parse(&a, "crop"), NN_EINVAL, "crop:4");
    static const char *const wrong[] = { "crop:",   "crop:0",  "crop:-1",
                                         "crop:4x", "crop: 4", "crop:99999" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fails(ds_augment_parse(&a, wrong[i]), NN_EINVAL, "whole number");
    assert_fails(ds_augment_parse(&a, "flip,"), NN_EINVAL, "unknown");
    assert_fails(ds_augment_parse(&a, "flip,flip,flip,flip,flip,flip,flip,flip,flip"), NN_EINVAL,
                 "more than 8");
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_fails(ds_augment_parse(&a, longer), NN_EINVAL, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_is_in_order_and_whole),
        cmocka_unit_test(an_epoch_is_a_permutation),
        cmocka_unit_test(the_same_bits_whatever_the_timing),
        cmocka_unit_test(nothing_is_allocated_on_the_way),
        cmocka_unit_test(seeking_and_stopping_at_any_moment),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(a_bad_picture_stops),
        cmocka_unit_test(a_bad_picture_is_stepped_over),
        cmocka_unit_test(moves_are_in_range_and_all_occur),
        cmocka_unit_test(flip_is_a_mirror_every_other_time),
        cmocka_unit_test(cutout_fills_a_square),
        cmocka_unit_test(lists_are_parsed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
