/* base: random numbers, mathematics, affine quantization, arenas, atomic files, texts. */
#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/affine.h"
#include "nn/base/arena.h"
#include "nn/base/file.h"
#include "nn/base/math.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "nn/base/utf8.h"
#include "tests/testing.h"

/* Known answers of Philox4x32-10 from the authors' library (Random123, kat_vectors). */
static void philox_known_answers(void **state)
{
    (void)state;
    nn_rng_block zero = nn_rng_block_at(0, 0, 0);
    assert_int_equal(zero.v[0], 0x6627e8d5u);
    assert_int_equal(zero.v[1], 0xe169c58du);
    assert_int_equal(zero.v[2], 0xbc57ac4cu);
    assert_int_equal(zero.v[3], 0x9b00dbd8u);
    nn_rng_block ones = nn_rng_block_at(UINT64_MAX, UINT64_MAX, UINT64_MAX);
    assert_int_equal(ones.v[0], 0x408f276du);
    assert_int_equal(ones.v[1], 0x41c83b0eu);
    assert_int_equal(ones.v[2], 0xa20bc7c6u);
    assert_int_equal(ones.v[3], 0x6d5451fdu);
}

static void normal_has_its_moments(void **state)
{
    (void)state;
    nn_rng r = nn_rng_stream(7, "moments", 0, 0);
    double sum = 0, square = 0, fourth = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        double x = nn_rng_normal(&r);
        sum += x;
        square += x * x;
        fourth += x * x * x * x;
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(square / N - 1) < 0.02);
    assert_true(fabs(fourth / N - 3) < 0.1);
}

static void below_is_in_range_and_even(void **state)
{
    (void)state;
    nn_rng r = nn_rng_stream(1, "below", 0, 0);
    int count[7] = { 0 };
    for (int i = 0; i < 70000; i++)
        count[nn_rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9500, 10500);
}

static void check_against(double (*ours)(double), double (*theirs)(double), double lo, double hi,
                          double bound)
{
    for (int i = 0; i <= 20000; i++) {
        double x = lo + (hi - lo) * i / 20000;
        double want = theirs(x), got = ours(x);
        if (fabs(got - want) > bound * fabs(want) && fabs(got - want) > 1e-300)
            fail_msg("f(%.17g) = %.17g, libm %.17g", x, got, want);
    }
}

static double libm_sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static void math_agrees_with_libm(void **state)
{
    (void)state;
    check_against(nn_exp, exp, -740, 709, 5e-16);
    check_against(nn_exp, exp, -1, 1, 5e-16);
    check_against(nn_log, log, 1e-300, 1e-290, 5e-16);
    check_against(nn_log, log, 0.01, 10, 5e-16);
    check_against(nn_log, log, 1, 1e9, 5e-16);
    check_against(nn_tanh, tanh, -25, 25, 2e-15);
    check_against(nn_tanh, tanh, -0.2, 0.2, 2e-15);
    check_against(nn_sigmoid, libm_sigmoid, -700, 700, 2e-15);
    for (int i = 0; i <= 10000; i++)
        assert_true(fabs(nn_cos(i * 0.01) - cos(i * 0.01)) < 1e-14);
    assert_true(nn_exp(-800) == 0 && isinf(nn_exp(710)) && isnan(nn_exp((double)NAN)));
    assert_true(isinf(nn_log(0)) && isnan(nn_log(-1)));
}

/* The table "min/max -> (s, z)" of TensorFlow's converter. */
static void affine_follows_the_converter(void **state)
{
    (void)state;
    const nn_grid u8 = { 0, 255 }, s8 = nn_grid_signed(8, false), narrow = nn_grid_signed(8, true);
    nn_affine a = nn_affine_from_range(0, 6, u8);
    assert_true(fabs(a.scale - 0.02352941176) < 1e-9 && a.zero_point == 0);
    a = nn_affine_from_range(0, 6, s8);
    assert_int_equal(a.zero_point, -128);
    a = nn_affine_from_range(-0.1f, 5.9f, s8);
    assert_int_equal(a.zero_point, -124);
    a = nn_affine_from_range(-1, 1, s8);
    assert_int_equal(a.zero_point, -1);
    a = nn_affine_from_range(-1, 1, narrow);
    assert_true(fabs(a.scale - 0.00787401575) < 1e-9 && a.zero_point == 0);
    a = nn_affine_from_range(-1, 127.0f / 128, s8);
    assert_true(a.scale == 0.0078125f && a.zero_point == 0);
    a = nn_affine_from_range(0, 0, s8);
    assert_true(a.scale == 1.0f && a.zero_point == 0);
    a = nn_affine_symmetric(-0.5f, 2.54f, narrow);
    assert_true(fabsf(a.scale - 0.02f) < 1e-8f && a.zero_point == 0);
}

/* QUANTIZE's examples: s = .1, z = 5. */
static void affine_codes(void **state)
{
    (void)state;
    const nn_grid s8 = nn_grid_signed(8, false);
    const nn_affine a = { 0.1f, 5 };
    assert_int_equal(nn_affine_code(0.05f, a, s8), 6);
    assert_int_equal(nn_affine_code(-0.05f, a, s8), 4);
    assert_int_equal(nn_affine_code(0.25f, a, s8), 8);
    assert_int_equal(nn_affine_code(1e30f, a, s8), 127);
    assert_int_equal(nn_affine_code(-1e30f, a, s8), -128);
}

static void arena_survives_failure(void **state)
{
    (void)state;
    nn_mem_fail_after(1);
    nn_arena *a = NULL;
    nn_status st = nn_arena_new(&a);
    nn_mem_fail_after(0);
    assert_int_equal(st, NN_ENOMEM);
    assert_ok(nn_arena_new(&a));
    char *s = nn_arena_printf(a, "%s%d", "conv", 1);
    assert_string_equal(s, "conv1");
    unsigned char *large = nn_arena_alloc(a, 300000);
    assert_true(large != NULL && large[299999] == 0);
    nn_mem_fail_after(1);
    void *none = nn_arena_alloc(a, 300000);
    nn_mem_fail_after(0);
    assert_null(none);
    assert_string_equal(s, "conv1");
    nn_arena_free(a);
}

static int full_disk_close(int fd)
{
    return close(fd);
}
static long full_disk_write(int fd, const void *data, size_t size)
{
    (void)fd, (void)data, (void)size;
    errno = ENOSPC;
    return -1;
}

static int no_links(const char *from, const char *to)
{
    (void)from, (void)to;
    errno = EPERM;
    return -1;
}

static void check_text(const char *path, const char *text)
{
    nn_bytes b;
    assert_ok(nn_file_read(&b, path, 0));
    assert_string_equal((const char *)b.data, text);
    nn_bytes_free(&b);
}

/* A kept version outlives the next write, with hard links and without. */
static void a_former_version_is_kept(void **state)
{
    (void)state;
    char now[1024], before[1024];
    snprintf(now, sizeof now, "%s", test_path("now"));
    snprintf(before, sizeof before, "%s", test_path("before"));
    for (int links = 0; links < 2; links++) {
        nn_file_calls calls = *nn_file_set_calls(NULL);
        if (!links)
            calls.link = no_links;
        nn_file_set_calls(&calls);
        assert_ok(nn_file_write(now, "one", 3));
        assert_ok(nn_file_keep(now, before));
        assert_ok(nn_file_keep(now, before)); /* the same file twice */
        assert_ok(nn_file_write(now, "two", 3));
        nn_file_set_calls(NULL);
        check_text(before, "one");
        check_text(now, "two");
    }
    assert_fails(nn_file_keep(test_path("none"), before), NN_EIO, "before");
    check_text(before, "one");
}

static int folder_error;

static int failing_fsync_folder(const char *folder)
{
    (void)folder;
    errno = folder_error;
    return -1;
}

/* Some file systems of networks and in user space cannot synchronize a folder at all. */
static void folders_that_cannot_be_synchronized_are_no_error(void **state)
{
    (void)state;
    const char *path = test_path("folder");
    for (int k = 0; k < 2; k++) {
        nn_file_calls calls = *nn_file_set_calls(NULL);
        calls.fsync_folder = failing_fsync_folder;
        folder_error = k == 0 ? EINVAL : EIO;
        nn_file_set_calls(&calls);
        nn_status st = nn_file_write(path, "text", 4);
        nn_file_set_calls(NULL);
        if (k == 0)
            assert_ok(st);
        else
            assert_fails(st, NN_EIO, "folder cannot be synchronized");
        check_text(path, "text");
    }
}

static void file_write_is_all_or_nothing(void **state)
{
    (void)state;
    const char *path = test_path("kept");
    assert_ok(nn_file_write(path, "old", 3));
    const nn_file_calls *system = nn_file_set_calls(NULL);
    nn_file_calls full = *system;
    full.write = full_disk_write;
    full.close = full_disk_close;
    nn_file_set_calls(&full);
    nn_status st = nn_file_write(path, "new", 3);
    nn_file_set_calls(NULL);
    assert_fails(st, NN_EIO, "No space left");
    nn_bytes b;
    assert_ok(nn_file_read(&b, path, 0));
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "old", 3);
    nn_bytes_free(&b);
    char head[4];
    size_t n = 2;
    assert_ok(nn_file_head(head, &n, path));
    assert_int_equal(n, 2);
    n = sizeof head;
    assert_ok(nn_file_head(head, &n, path));
    assert_int_equal(n, 3);
    assert_memory_equal(head, "old", 3);
    assert_fails(nn_file_head(head, &n, test_folder()), NN_EIO, "is a folder");
    assert_fails(nn_file_read(&b, path, 2), NN_EFORMAT, "limit");
    assert_fails(nn_file_read(&b, test_path("none"), 0), NN_EIO, "none");
    assert_fails(nn_file_read(&b, test_folder(), 0), NN_EIO, "is a folder");
    assert_fails(nn_file_read(&b, "/dev/null", 0), NN_EIO, "regular");
}

/* What is no regular file is written as it is, not replaced by one. */
static void devices_stay_devices(void **state)
{
    (void)state;
    struct stat st;
    assert_ok(nn_file_write("/dev/null", "gone", 4));
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    if (access("/dev/full", W_OK) != 0)
        test_skip("there is no /dev/full");
    assert_fails(nn_file_write("/dev/full", "some", 4), NN_EIO, "/dev/full: cannot be written");
}

/* The ends of the ranges of RFC 3629, section 4, and what stands just outside of them. */
static void texts_are_characters_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int bytes;
    } known[] = { { "", 0 },
                  { "\x1f", 0 },
                  { " ", 1 },
                  { "~", 1 },
                  { "\x7f", 0 },
                  { "\x80", 0 },
                  { "\xc1\xbf", 0 }, /* overlong */
                  { "\xc2\x9f", 0 }, /* U+009F, a control */
                  { "\xc2\xa0", 2 },
                  { "\xdf\xbf", 2 },
                  { "\xdf", 0 }, /* cut off */
                  { "\xe0\x9f\xbf", 0 },
                  { "\xe0\xa0\x80", 3 },
                  { "\xed\x9f\xbf", 3 },
                  { "\xed\xa0\x80", 0 }, /* surrogates */
                  { "\xed\xbf\xbf", 0 },
                  { "\xee\x80\x80", 3 },
                  { "\xef\xbf\xbd", 3 },
                  { "\xef\xbf\xbe", 0 },
                  { "\xf0\x8f\xbf\xbd", 0 },
                  { "\xf0\x90\x80\x80", 4 },
                  { "\xf4\x8f\xbf\xbd", 4 },
                  { "\xf4\x90\x80\x80", 0 },
                  { "\xf8\x88\x80\x80\x80", 0 } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (nn_utf8_character(known[i].text) != known[i].bytes)
            fail_msg("%zu: %d bytes", i, nn_utf8_character(known[i].text));
    char text[] = "\xc4pfel\n\xc3\x84pfel";
    nn_utf8_clean(text);
    assert_string_equal(text, "?pfel?\xc3\x84pfel");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(normal_has_its_moments),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(math_agrees_with_libm),
        cmocka_unit_test(affine_follows_the_converter),
        cmocka_unit_test(affine_codes),
        cmocka_unit_test(arena_survives_failure),
        cmocka_unit_test(a_former_version_is_kept),
        cmocka_unit_test(folders_that_cannot_be_synchronized_are_no_error),
        cmocka_unit_test(file_write_is_all_or_nothing),
        cmocka_unit_test(devices_stay_devices),
        cmocka_unit_test(texts_are_characters_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
