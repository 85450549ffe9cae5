/* folder: pictures of one's own; and what is measured and drawn of a set. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/stats.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

/* ---- making folders -------------------------------------------------------------------------- */

static const char *under(const char *folder, const char *name)
{
    static char paths[4][700];
    static unsigned next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

/* A picture of one colour, in folder/part/class/name; folders are made as needed. */
static void put(const char *folder, const char *part, const char *class, const char *name, int h,
                int w, uint8_t value)
{
    static uint8_t pixels[64 * 64 * 3];
    char path[700];
    memset(pixels, value, sizeof pixels);
    mkdir(folder, 0777);
    mkdir(under(folder, part), 0777);
    snprintf(path, sizeof path, "%s/%s/%s", folder, part, class);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s/%s", folder, part, class, name);
    assert_ok(ds_png_write(path, &(ds_image){ h, w, 3, pixels }));
}

static const char *spec_of(const char *folder)
{
    static char spec[600];
    snprintf(spec, sizeof spec, "folder:%s", folder);
    return spec;
}

static const char *make(const char *name)
{
    const char *folder = test_path(name);
    put(folder, "train", "cat", "b.png", 8, 12, 20);
    put(folder, "train", "cat", "a.png", 20, 6, 10);
    put(folder, "train", "ape", "x.jpeg", 7, 7, 30);
    put(folder, "train", "Zebra", "1", 9, 9, 40);
    put(folder, "test", "cat", "1.png", 10, 10, 50);
    put(folder, "test", "ape", "2.png", 10, 10, 60);
    assert_ok(nn_file_write(under(folder, "train/cat/.hidden"), "x", 1));
    assert_ok(nn_file_write(under(folder, "train/README"), "x", 1));
    mkdir(under(folder, "train/cat/folder"), 0777);
    mkdir(under(folder, "train/.cache"), 0777);
    return folder;
}

static const ds_options size4 = { .height = 4, .width = 4 };

static nn_status try_open(const char *folder)
{
    ds_set *set;
    nn_status st = ds_open(&set, spec_of(folder), &size4);
    ds_close(set);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void classes_and_files_are_sorted(void **state)
{
    (void)state;
    ds_set *set;
    uint8_t pixels[48];
    int label;
    static const uint8_t value[] = { 40, 30, 10, 20 };
    assert_ok(ds_open(&set, spec_of(make("sorted")), &size4));
    assert_int_equal(ds_classes(set), 3);
    assert_string_equal(ds_class_name(set, 0), "Zebra");
    assert_string_equal(ds_class_name(set, 1), "ape");
    assert_string_equal(ds_class_name(set, 2), "cat");
    assert_int_equal(ds_count(set, DS_TRAIN), 4);
    assert_int_equal(ds_count(set, DS_TEST), 2);
    assert_int_equal(ds_class_count(set, DS_TRAIN, 2), 2);
    assert_int_equal(ds_class_count(set, DS_TEST, 0), 0);
    for (int i = 0; i < 4; i++) {
        assert_ok(ds_read(set, DS_TRAIN, i, pixels, &label));
        assert_int_equal(label, i < 2 ? i : 2);
        assert_int_equal(pixels[0], value[i]);
        assert_int_equal(pixels[47], value[i]);
    }
    ds_close(set);
}

/* A folder may be called what no text may hold; its pictures are read all the same. */
static void class_names_are_clean(void **state)
{
    (void)state;
    const char *folder = test_path("odd");
    uint8_t pixels[48];
    int label;
    ds_set *set;
    put(folder, "train", "\xc4pfel", "1.png", 4, 4, 10); /* ISO 8859-1 */
    put(folder, "train", "a\nb", "1.png", 4, 4, 20);
    put(folder, "train", "\xc3\x84pfel", "1.png", 4, 4, 30);
    put(folder, "test", "\xc4pfel", "1.png", 4, 4, 40);
    assert_ok(ds_open(&set, spec_of(folder), &size4));
    assert_string_equal(ds_class_name(set, 0), "a?b");
    assert_string_equal(ds_class_name(set, 1), "\xc3\x84pfel");
    assert_string_equal(ds_class_name(set, 2), "?pfel");
    assert_ok(ds_read(set, DS_TRAIN, 2, pixels, &label));
    assert_true(pixels[0] == 10 && label == 2);
    assert_ok(ds_read(set, DS_TEST, 0, pixels, &label));
    assert_true(pixels[0] == 40 && label == 2);
    ds_close(set);
}

static void a_size_must_be_chosen(void **state)
{
    (void)state;
    ds_set *set;
    uint8_t pixels[48];
    int label, h, w;
    assert_ok(ds_open(&set, spec_of(make("varies")), NULL));
    assert_int_equal(ds_height(set), 0);
    assert_int_equal(ds_channels(set), 3);
    assert_ok(ds_first_size(set, &h, &w));
    assert_true(h == 9 && w == 9);
    assert_fails(ds_check_usable(set, DS_TRAIN), NN_EINVAL, "the first is 9x9");
    assert_fails(ds_read(set, DS_TRAIN, 0, pixels, &label), NN_EINVAL, "--input HxW");
    ds_close(set);
}

static void val_beside_and_instead_of_test(void **state)
{
    (void)state;
    ds_set *set;
    ds_options opt = size4;
    opt.val_fraction = 0.5;
    const char *folder = make("val");
    put(folder, "val", "cat", "v.png", 5, 5, 70);
    assert_ok(ds_open(&set, spec_of(folder), &opt)); /* beside: nothing is held back */
    assert_int_equal(ds_count(set, DS_TRAIN), 4);
    assert_int_equal(ds_count(set, DS_VAL), 1);
    assert_int_equal(ds_count(set, DS_TEST), 2);
    ds_close(set);
    const char *other = test_path("val-only");
    put(other, "train", "a", "1", 5, 5, 1);
    put(other, "train", "a", "2", 5, 5, 1);
    put(other, "val", "a", "3", 5, 5, 1);
    assert_ok(ds_open(&set, spec_of(other), &opt)); /* instead: it is the test set */
    assert_int_equal(ds_count(set, DS_TRAIN), 1);
    assert_int_equal(ds_count(set, DS_VAL), 1);
    assert_int_equal(ds_count(set, DS_TEST), 1);
    ds_close(set);
}

static void wrong_folders(void **state)
{
    (void)state;
    assert_fails(try_open("/nowhere"), NN_EIO, "/nowhere: is not a folder");
    const char *folder = test_path("wrong");
    mkdir(folder, 0777);
    assert_fails(try_open(folder), NN_EIO, "no train, test or val");
    mkdir(under(folder, "train"), 0777);
    assert_fails(try_open(folder), NN_EFORMAT, "no class folders");
    mkdir(under(folder, "train/a"), 0777);
    ds_set *set;
    assert_ok(ds_open(&set, spec_of(folder), &size4));
    assert_fails(ds_check_usable(set, DS_TRAIN), NN_EINVAL, "DIR/train/CLASS/");
    ds_close(set);
    put(folder, "test", "b", "1.png", 4, 4, 1);
    assert_fails(try_open(folder), NN_EFORMAT, "test/b: is a class that the training pictures");
}

static void pictures_that_cannot_be_read(void **state)
{
    (void)state;
    ds_set *set;
    uint8_t pixels[48];
    int label;
    const char *folder = make("unreadable");
    assert_ok(nn_file_write(under(folder, "train/Zebra/1"), "GIF89a", 6));
    unlink(under(folder, "train/ape/x.jpeg"));
    assert_int_equal(symlink("nowhere", under(folder, "train/ape/x.jpeg")), 0);
    assert_ok(ds_open(&set, spec_of(folder), &size4));
    assert_fails(ds_read(set, DS_TRAIN, 0, pixels, &label), NN_ENOTSUP, "train/Zebra/1: is a GIF");
    assert_fails(ds_read(set, DS_TRAIN, 1, pixels, &label), NN_EIO, "train/ape/x.jpeg");
    assert_int_equal(ds_n_bad(set), 0);
    ds_close(set);
    ds_options skip = size4;
    skip.skip_bad = true;
    assert_ok(ds_open(&set, spec_of(folder), &skip));
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 4; i++)
            assert_int_equal(ds_read(set, DS_TRAIN, i, pixels, &label) == NN_OK, i >= 2);
    assert_int_equal(ds_n_bad(set), 2);
    assert_non_null(strstr(ds_bad(set, 0), "GIF"));
    ds_stats s;
    assert_ok(ds_measure(&s, set, DS_TRAIN, 0));
    assert_int_equal(s.n, 2);
    ds_close(set);
}

static void memory_runs_out(void **state)
{
    (void)state;
    const char *spec = spec_of(make("memory"));
    ds_options opt = size4;
    opt.val_fraction = 0.5;
    opt.skip_bad = true;
    for (size_t k = 1;; k++) {
        ds_set *set;
        ds_stats stats;
        ds_image sheet = { 0 };
        nn_mem_fail_after(k);
        nn_status st = ds_open(&set, spec, &opt);
        if (st == NN_OK)
            st = ds_measure(&stats, set, DS_TRAIN, 0);
        if (st == NN_OK)
            st = ds_contact_sheet(&sheet, set, DS_TRAIN, 2);
        nn_mem_fail_after(0);
        ds_image_free(&sheet);
        ds_close(set);
        if (st == NN_OK)
            break;
        assert_int_equal(st, NN_ENOMEM);
        assert_true(k < 1000);
    }
}

/* ---- statistics and sheet -------------------------------------------------------------------- */

static void mean_and_deviation(void **state)
{
    (void)state;
    ds_set *set;
    ds_stats s;
    assert_ok(ds_open(&set, spec_of(make("stats")), &size4));
    assert_ok(ds_measure(&s, set, DS_TRAIN, 0)); /* 40 30 10 20 */
    assert_int_equal(s.n, 4);
    assert_true(s.mean[1] == 25 && s.mean_all == 25);
    assert_true(fabs(s.std[1] - sqrt(125)) < 1e-9 && fabs(s.std_all - sqrt(125)) < 1e-9);
    assert_ok(ds_measure(&s, set, DS_TRAIN, 2)); /* every other: 40 10 */
    assert_true(s.n == 2 && s.mean[0] == 25 && s.std[0] == 15);
    assert_ok(ds_measure(&s, set, DS_TEST, 1));
    assert_true(s.mean[0] == 60 && s.std[0] == 0);
    assert_fails(ds_measure(&s, set, DS_VAL, 0), NN_EINVAL, "no validation pictures");
    ds_close(set);
}

static void a_sheet_has_a_row_for_each_class(void **state)
{
    (void)state;
    ds_set *set;
    ds_image im;
    assert_ok(ds_open(&set, spec_of(make("sheet")), &size4));
    assert_ok(ds_contact_sheet(&im, set, DS_TRAIN, 2));
    assert_true(im.height == 2 + 3 * 6 && im.width == 2 + 2 * 6 && im.channels == 3);
    static const uint8_t want[3][2] = { { 40, 128 }, { 30, 128 }, { 10, 20 } };
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 2; column++)
            assert_int_equal(im.pixels[((2 + row * 6) * im.width + 2 + column * 6) * 3],
                             want[row][column]);
    assert_int_equal(im.pixels[0], 128);
    ds_image_free(&im);
    assert_fails(ds_contact_sheet(&im, set, DS_TRAIN, 0), NN_EINVAL, "at least 1");
    assert_fails(ds_contact_sheet(&im, set, DS_TRAIN, 1 << 30), NN_EFORMAT, "contact sheet");
    ds_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_files_are_sorted),
        cmocka_unit_test(class_names_are_clean),
        cmocka_unit_test(a_size_must_be_chosen),
        cmocka_unit_test(val_beside_and_instead_of_test),
        cmocka_unit_test(wrong_folders),
        cmocka_unit_test(pictures_that_cannot_be_read),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(mean_and_deviation),
        cmocka_unit_test(a_sheet_has_a_row_for_each_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
