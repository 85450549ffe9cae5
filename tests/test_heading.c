/* heading: what is wrong with the columns of a table that a run left. */
#include <stdlib.h>

#include "nn/base/file.h"
#include "tests/testing.h"
#include "train/heading.h"
#include "train/history.h"

static nn_status check(const char *text)
{
    return train_heading_check(text, train_heading_rows, "compare.csv");
}

static void a_heading_is_taken_whole(void **state)
{
    (void)state;
    assert_ok(check("seed,method,top1,delta,loss,bytes,seconds\n1,float"));
    assert_fails(check("seed,method,top1,delta,loss,bytes,seconds"), NN_EFORMAT, "is not seed,");
    assert_fails(check("seed,method,top1,delta,loss,bytes,seconds,\n"), NN_EFORMAT, "is not seed,");
}

static void the_column_is_named(void **state)
{
    (void)state;
    assert_fails(check("seed,methd,top1,delta,loss,bytes,seconds\n"), NN_EFORMAT,
                 "compare.csv: line 1: column \"methd\" is unknown; did you mean method?");
    assert_fails(check("seed,method,top1,delta,loss,bytes,seconds,energy\n"), NN_EFORMAT,
                 "column \"energy\" is unknown; the columns are seed,method,");
    assert_fails(check("seed,method,top1,loss,delta,bytes,seconds\n"), NN_EFORMAT,
                 "column loss stands where delta belongs");
    assert_fails(check("seed,method,top1,delta,loss,bytes,seconds,seed\n"), NN_EFORMAT,
                 "column seed stands where the end belongs");
    assert_fails(check("seed,method\n"), NN_EFORMAT, "column top1 is missing");
    assert_fails(check(""), NN_EFORMAT, "column seed is missing");
    assert_ok(train_heading_knows(train_heading_scores, "loss", "test.csv"));
    assert_fails(train_heading_knows(train_heading_scores, "los", "test.csv"), NN_EFORMAT,
                 "test.csv: line 1: column \"los\" is unknown; did you mean loss?");
}

/* A log is gone on with only if its columns are today's; then up to the step, and no further. */
static void a_log_is_cut_at_the_step(void **state)
{
    (void)state;
    train_history h = { .file = NULL };
    char text[512];
    nn_bytes file;
    int n = snprintf(text, sizeof text, "%s\n5,0,float\n9,0,float\n10,0,fl", train_heading_log);
    assert_ok(nn_file_write(test_path("log.csv"), text, (size_t)n));
    assert_ok(train_history_open(&h, test_path("log.csv"), 8));
    train_history_close(&h);
    assert_ok(nn_file_read(&file, test_path("log.csv"), 0));
    snprintf(text, sizeof text, "%s\n5,0,float\n", train_heading_log);
    assert_string_equal((const char *)file.data, text);
    nn_bytes_free(&file);
    text[0] = 'S';
    assert_ok(nn_file_write(test_path("log.csv"), text, strlen(text)));
    assert_fails(train_history_open(&h, test_path("log.csv"), 8), NN_EFORMAT, "did you mean step?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heading_is_taken_whole),
        cmocka_unit_test(the_column_is_named),
        cmocka_unit_test(a_log_is_cut_at_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
