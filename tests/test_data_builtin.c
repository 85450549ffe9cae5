/* dataset: the kinds that need no files of one's own: the sample, the installed set, noise. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "data/dataset.h"
#include "tests/testing.h"

static nn_status try_open(const char *spec)
{
    ds_set *set;
    nn_status st = ds_open(&set, spec, NULL);
    ds_close(set);
    return st;
}

static void sample_is_balanced(void **state)
{
    (void)state;
    ds_set *set;
    assert_ok(ds_open(&set, "sample", NULL));
    assert_int_equal(ds_count(set, DS_TRAIN), 2500);
    assert_int_equal(ds_count(set, DS_TEST), 500);
    for (int k = 0; k < 10; k++) {
        assert_int_equal(ds_class_count(set, DS_TRAIN, k), 250);
        assert_int_equal(ds_class_count(set, DS_TEST, k), 50);
    }
    assert_string_equal(ds_class_name(set, 9), "Ankle boot");
    ds_close(set);
    assert_fails(try_open("sample:x"), NN_EINVAL, "takes nothing");
}

/* The sample is the beginning of each class of the whole set. */
static void fashion_mnist_holds_the_sample(void **state)
{
    (void)state;
    ds_set *whole, *sample;
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0)
        test_skip("Debian's dataset-fashion-mnist is not installed");
    assert_ok(ds_open(&whole, "fashion-mnist", NULL));
    assert_ok(ds_open(&sample, "sample", NULL));
    assert_int_equal(ds_count(whole, DS_TRAIN), 60000);
    assert_int_equal(ds_count(whole, DS_TEST), 10000);
    assert_int_equal(ds_class_count(whole, DS_TRAIN, 5), 6000);
    uint8_t a[784], b[784];
    int la, lb;
    assert_ok(ds_read(whole, DS_TEST, 0, a, &la));
    assert_ok(ds_read(sample, DS_TEST, 0, b, &lb));
    assert_int_equal(la, lb);
    assert_memory_equal(a, b, sizeof a);
    ds_close(whole);
    ds_close(sample);
}

static void noise_follows_the_seed(void **state)
{
    (void)state;
    ds_set *a, *b, *c;
    uint8_t pa[75], pb[75];
    int label, differ = 0;
    assert_ok(ds_open(&a, "noise:5x5x3:4:40", &(ds_options){ .seed = 1 }));
    assert_ok(ds_open(&b, "noise:5x5x3:4:40", &(ds_options){ .seed = 1 }));
    assert_ok(ds_open(&c, "noise:5x5x3:4:40", &(ds_options){ .seed = 2 }));
    assert_int_equal(ds_count(a, DS_TEST), 8);
    assert_int_equal(ds_class_count(a, DS_TRAIN, 3), 10);
    for (int i = 0; i < 40; i++) {
        assert_ok(ds_read(a, DS_TRAIN, i, pa, &label));
        assert_ok(ds_read(b, DS_TRAIN, i, pb, &label));
        assert_memory_equal(pa, pb, 75);
        assert_ok(ds_read(c, DS_TRAIN, i, pb, &label));
        differ += memcmp(pa, pb, 75) != 0;
    }
    assert_int_equal(differ, 40);
    ds_close(a);
    ds_close(b);
    ds_close(c);
    static const char *const wrong[] = {
        "noise",           "noise:",           "noise:5x5x3",
        "noise:5x5x2:4:4", "noise:0x5x3:4:4",  "noise:5x5x3:4:4x",
        "noise:5x5x3:0:4", "noise:5x5x3:4:-1", "noise:5x5x3:4:99999999999"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fails(try_open(wrong[i]), NN_EINVAL, "noise:HxWxC:CLASSES:N");
    assert_fails(try_open("noise:60000x60000x3:2:2"), NN_EFORMAT, "--max-pixels");
    assert_fails(try_open("noise:8000x8000x3:2:2000000000"), NN_EINVAL, "limit");
}

/* The nearest class mean of the training pictures finds most classes of the test pictures. */
static void noise_can_be_learnt(void **state)
{
    (void)state;
    enum { K = 5, D = 16 * 16 };
    static double mean[K][D];
    memset(mean, 0, sizeof mean);
    ds_set *set;
    uint8_t p[D];
    int label, right = 0;
    assert_ok(ds_open(&set, "noise:16x16x1:5:500", NULL));
    for (int i = 0; i < 500; i++) {
        assert_ok(ds_read(set, DS_TRAIN, i, p, &label));
        for (int j = 0; j < D; j++)
            mean[label][j] += p[j] / 100.0;
    }
    for (int i = 0; i < 100; i++) {
        assert_ok(ds_read(set, DS_TEST, i, p, &label));
        int best = 0;
        double nearest = 1e30;
        for (int k = 0; k < K; k++) {
            double d = 0;
            for (int j = 0; j < D; j++)
                d += (p[j] - mean[k][j]) * (p[j] - mean[k][j]);
            if (d < nearest) {
                nearest = d;
                best = k;
            }
        }
        right += best == label;
    }
    assert_true(right >= 95);
    ds_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_balanced),
        cmocka_unit_test(fashion_mnist_holds_the_sample),
        cmocka_unit_test(noise_follows_the_seed),
        cmocka_unit_test(noise_can_be_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
