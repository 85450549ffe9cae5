/* suggest: what a user meant by a name that is not known. */
#include "nn/base/suggest.h"
#include "tests/testing.h"

static void edits_are_counted(void **state)
{
    (void)state;
    assert_int_equal(nn_edit_distance("momentum", "momentum"), 0);
    assert_int_equal(nn_edit_distance("", "abc"), 3);
    assert_int_equal(nn_edit_distance("abc", ""), 3);
    assert_int_equal(nn_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(nn_edit_distance("ab", "ba"), 1);
    assert_int_equal(nn_edit_distance("Weight_Decay", "weight-decay"), 0);
}

static void long_names_are_cut(void **state)
{
    (void)state;
    char a[1000], b[1000];
    memset(a, 'x', sizeof a - 1);
    memset(b, 'x', sizeof b - 1);
    a[sizeof a - 1] = b[sizeof b - 1] = '\0';
    b[500] = 'y';
    assert_int_equal(nn_edit_distance(a, b), 0);
    b[10] = 'y';
    assert_int_equal(nn_edit_distance(a, b), 1);
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    const char *const names[] = { "fashion-mnist", "idx", "cifar10", "cifar100", "folder" };
    assert_string_equal(nn_suggest("fashon-mnist", names, 5), "fashion-mnist");
    assert_string_equal(nn_suggest("fashion", names, 5), "fashion-mnist");
    assert_string_equal(nn_suggest("cifar", names, 5), "cifar10");
    assert_string_equal(nn_suggest("CIFAR-100", names, 5), "cifar100");
    assert_string_equal(nn_suggest("ixd", names, 5), "idx");
    assert_null(nn_suggest("imagenet", names, 5));
    assert_null(nn_suggest("", names, 5));
    assert_null(nn_suggest("x", names, 0));
}

static void what_there_is_is_said(void **state)
{
    (void)state;
    const char *const names[] = { "sgd", "adam", "adamw" };
    assert_fails(nn_fail_unknown("optimizer ", "adma", names, 3), NN_EINVAL,
                 "optimizer \"adma\" is unknown; did you mean adam?");
    assert_fails(nn_fail_unknown("", "lbfgs", names, 3), NN_EINVAL,
                 "\"lbfgs\" is unknown; there are sgd, adam, adamw");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(what_there_is_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
