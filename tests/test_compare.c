/* compare and sweep: tables that go on where they stood, seeds, gates, wrong lists. */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cli.h"

/* A float network and fine-tuning that take a second. */
#define SMALL                                                                                      \
    "--data noise:12x12x1:4:300 --model lenet --input 28x28 --batch 32 --epochs 1 --lr 0.02 "      \
    "--calib 64 --adaround-steps 20 --threads 1 --quiet "
#define SMALL_GRID                                                                                 \
    "--data noise:12x12x1:4:300 --model lenet --input 28x28 --batch 32 --epochs 1 --lr 0.02 "      \
    "--threads 1 --quiet "

static nn_bytes text_at(const char *folder, const char *name)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_text(path);
}

static int lines_of(nn_bytes text)
{
    int n = 0;
    for (size_t i = 0; i < text.size; i++)
        n += text.data[i] == '\n';
    return n;
}

/* As if recipe.ini were of an octet that did not have the option yet. */
static void drop_line(const char *folder, const char *option)
{
    char path[2 * PATH], begin[64];
    nn_bytes text = text_at(folder, "recipe.ini");
    snprintf(begin, sizeof begin, "\n%s = ", option);
    char *at = strstr((char *)text.data, begin);
    assert_non_null(at);
    char *next = strchr(at + 1, '\n');
    memmove(at, next, strlen(next) + 1);
    snprintf(path, sizeof path, "%s/recipe.ini", folder);
    assert_ok(nn_file_write(path, text.data, strlen((char *)text.data)));
    free(text.data);
}

/* Where the first stands, the second, as long as it. */
static void overwrite(const char *folder, const char *file, const char *from, const char *to)
{
    char path[2 * PATH];
    nn_bytes text = text_at(folder, file);
    char *at = strstr((char *)text.data, from);
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_ok(nn_file_write(path, text.data, text.size));
    free(text.data);
}

static void compare_makes_every_row(void **state)
{
    (void)state;
    char folder[PATH];
    snprintf(folder, sizeof folder, "%s", test_path("all"));
    cJSON *json = object_of(octet("compare " SMALL "--out %s --json", folder));
    static const char *const names[] = { "float",       "minmax",   "percentile",      "mse",
                                         "entropy",     "equalize", "bias-correction", "adaround",
                                         "qat-contrib", "qat",      "qat-lsq" };
    int n = (int)(sizeof names / sizeof names[0]);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "rows")), n);
    for (int i = 0; i < n; i++) {
        const cJSON *row = item(json, "rows", i);
        check_keys(row, "method seeds top1 top1_sd delta delta_sd bytes seconds");
        assert_string_equal(string(row, "method"), names[i]);
        assert_true(number(row, "top1") >= 0 && number(row, "bytes") > 1000);
    }
    cJSON_Delete(json);

    /* The same again does nothing; more rows are added; another recipe is refused. */
    nn_bytes before = text_at(folder, "compare.csv");
    check_done(octet("compare " SMALL "--out %s", folder));
    nn_bytes again = text_at(folder, "compare.csv");
    assert_string_equal(text_of(before), text_of(again));
    check_done(octet("compare " SMALL "--out %s --methods "
                     "mse:tensor:weight-bits=4,minmax:equalize:bias-correction,"
                     "qat:quant-layers=c3/*=w4,float-tuned",
                     folder));
    nn_bytes more = text_at(folder, "compare.csv");
    drop_line(folder, "on-divergence");
    check_done(octet("compare " SMALL "--out %s", folder));
    assert_int_equal(lines_of(more), lines_of(before) + 4);
    check_error(octet("compare " SMALL "--out %s --weight-decay 0.1", folder), 2,
                "\"weight-decay = 0.1\" now");
    overwrite(folder, "compare.csv", "\n1,minmax,0", "\n1,minmax,x");
    check_error(octet("compare " SMALL "--out %s", folder), 1, "compare.csv: line 3: \"1,minmax,x");
    overwrite(folder, "compare.csv", "delta", "delte");
    check_error(octet("compare " SMALL "--out %s", folder), 1,
                "\"delte\" is unknown; did you mean "
                "delta?");
    drop_line(folder, "lr"); /* 0.02 was not the default */
    check_error(octet("compare " SMALL "--out %s", folder), 2,
                "another recipe; repeat it as its recipe.ini has it, or choose another folder: "
                "\"lr = 0.1\" then, \"lr = 0.02\" now");
    free(before.data);
    free(again.data);
    free(more.data);
}

static double loss_of(nn_bytes table, const char *row)
{
    char begin[PATH];
    double loss = -1;
    snprintf(begin, sizeof begin, "\n1,%s,", row);
    const char *at = strstr(text_of(table), begin);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(begin), "%*f,%*f,%lf", &loss), 1);
    return loss;
}

/* Given behind the method or for all of them, it is the same training. */
static void methods_have_rates_of_their_own(void **state)
{
    (void)state;
    check_done(octet("compare " SMALL "--methods float-tuned,float-tuned:qat-lr=0.02,"
                     "float-tuned:qat-lr=0.05:qat-epochs=2 --qat-lr 0.05 --qat-epochs 2 --out %s "
                     "--init %s",
                     test_path("rates"), test_path("all/seed1/float/model.safetensors")));
    nn_bytes table = text_at(test_path("rates"), "compare.csv");
    const double loss = loss_of(table, "float-tuned");
    assert_true(loss_of(table, "float-tuned:qat-lr=0.05:qat-epochs=2") == loss);
    assert_true(loss_of(table, "float-tuned:qat-lr=0.02") != loss);
    free(table.data);
}

static void compare_has_a_gate(void **state)
{
    (void)state;
    const outcome *o = octet("compare " SMALL "--methods minmax --weight-bits 2 --granularity "
                             "tensor --out %s --max-drop 1 --init %s",
                             test_path("gate"), test_path("all/seed1/float/model.safetensors"));
    check_done(o);
    check_error(octet("compare " SMALL "--methods minmaks --out %s", test_path("x")), 2, "minmax?");
    check_error(octet("compare " SMALL "--methods mse,minmax,mse --out %s", test_path("x")), 2,
                "mse: stands twice");
    check_error(octet("compare " SMALL "--methods mse:row --out %s", test_path("x")), 2,
                "\"row\" is no option");
    check_error(octet("compare " SMALL "--methods qat:bn-fol=batch --out %s", test_path("x")), 2,
                "bn-fold?");
    check_error(octet("compare " SMALL "--methods float-tuned:tensor --out %s", test_path("x")), 2,
                "\"granularity\" is no option");
    check_error(octet("compare " SMALL "--methods qat:qat-epochs=no --out %s", test_path("x")), 2,
                "--qat-epochs");
    check_error(octet("compare " SMALL "--methods qat:seeds=2 --out %s", test_path("x")), 2,
                "\"seeds\" is no option");
    check_error(octet("compare " SMALL "--methods qat:weight-bits=9 --out %s", test_path("x")), 2,
                "from 2 to 8");
    check_error(octet("compare --model lenet --out %s", test_path("x")), 2, "--data");
    check_error(octet("compare --model lenet --data sample"), 2, "--out");
}

/* Killed with SIGTERM at some moment, the same command ends with the same table. */
static void compare_goes_on(void **state)
{
    (void)state;
    char line[COMMAND], folder[PATH];
    snprintf(folder, sizeof folder, "%s", test_path("cut"));
    snprintf(line, sizeof line, "exec %s compare " SMALL "--methods minmax,qat --out %s >/dev/null",
             program, folder);
    for (int i = 0; i < 3; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/sh", "sh", "-c", line, (char *)NULL);
            _exit(99);
        }
        nanosleep(&(struct timespec){ .tv_nsec = 120000000L * (i + 1) }, NULL);
        kill(child, SIGTERM);
        waitpid(child, &status, 0);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        assert_true(code == 143 || code == 0);
    }
    check_done(octet("compare " SMALL "--methods minmax,qat --out %s", folder));
    char a[PATH], b[PATH];
    snprintf(a, sizeof a, "%s", test_path("cut/seed1/qat/model.tflite"));
    snprintf(b, sizeof b, "%s", test_path("all/seed1/qat/model.tflite"));
    assert_same_files(a, b);
}

static void sweep_makes_a_grid(void **state)
{
    (void)state;
    cJSON *json = object_of(octet("sweep " SMALL_GRID "--weight-bits 8,3 --act-bits 8,4 --seeds 2 "
                                  "--out %s --json",
                                  test_path("grid")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "rows")), 4);
    const cJSON *last = item(json, "rows", 3);
    assert_true(number(last, "weight_bits") == 3 && number(last, "act_bits") == 4);
    assert_true(number(last, "seeds") == 2);
    assert_true(number(last, "bytes") < number(item(json, "rows", 0), "bytes"));
    cJSON_Delete(json);
    nn_bytes table = text_at(test_path("grid"), "sweep.csv");
    assert_int_equal(lines_of(table), 1 + 2 * (1 + 4));
    free(table.data);
    check_error(octet("sweep " SMALL_GRID "--weight-bits 8,9 --out %s", test_path("x")), 2, "8,9");
    check_error(octet("sweep " SMALL_GRID "--act-bits 4,4 --out %s", test_path("x")), 2, "4,4");
}

/* An experiment's folder is no run's, nor the other way: nothing in them is replaced or mixed. */
static void runs_and_experiments_are_kept_apart(void **state)
{
    (void)state;
    static const char *const ways[] = { "", "--resume ", "--overwrite " };
    char table[PATH], made[PATH];
    snprintf(table, sizeof table, "%s", test_path("all/compare.csv"));
    snprintf(made, sizeof made, "%s", test_path("all/log.csv"));
    for (int i = 0; i < 3; i++)
        check_error(octet("train " SMALL_GRID "%s--out %s", ways[i], test_path("all")), 1,
                    "holds an experiment (compare.csv)");
    check_error(octet("train " SMALL_GRID "--overwrite --out %s", test_path("grid")), 1,
                "sweep.csv");
    assert_int_equal(access(table, F_OK), 0);
    assert_int_equal(access(made, F_OK), -1);
    check_done(octet("train " SMALL_GRID "--steps 1 --out %s --quiet", test_path("run")));
    check_error(octet("compare " SMALL "--out %s", test_path("run")), 1,
                "holds a run of octet train (log.csv)");
    check_error(octet("sweep " SMALL_GRID "--out %s", test_path("run")), 1, "holds a run");
}

/* Fails as `part` says, and leaves no folder; nor files in one that was there. */
static void check_leaves_nothing(const char *arguments, const char *part)
{
    char folder[PATH];
    snprintf(folder, sizeof folder, "%s", test_path("none"));
    check_error(octet("%s --out %s/inner", arguments, folder), 2, part);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(mkdir(folder, 0777), 0);
    check_error(octet("%s --out %s", arguments, folder), 2, part);
    snprintf(folder, sizeof folder, "%s", test_path("none/recipe.ini"));
    assert_int_equal(access(folder, F_OK), -1);
    snprintf(folder, sizeof folder, "%s", test_path("none/.lock"));
    unlink(folder);
    assert_int_equal(rmdir(test_path("none")), 0);
}

static void what_cannot_begin_leaves_nothing(void **state)
{
    (void)state;
    check_leaves_nothing("compare " SMALL "--data noize:12x12x1:4:300", "noise?");
    check_leaves_nothing("compare " SMALL "--model lenat", "lenet?");
    check_leaves_nothing("compare " SMALL "--augment flop", "augment");
    check_leaves_nothing("compare " SMALL "--methods mse,qat:quant-delay=2000", "--quant-delay");
    check_leaves_nothing("compare " SMALL "--data noise:12x12x1:4:300 --val 2", "--val");
    check_leaves_nothing("sweep " SMALL_GRID "--data noize:12x12x1:4:300", "noise?");
    check_leaves_nothing("sweep " SMALL_GRID "--quant-delay 2000", "w8a8: --quant-delay");
    check_leaves_nothing("sweep " SMALL_GRID "--quant-layers nowhere=w4", "nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare_makes_every_row),
        cmocka_unit_test(methods_have_rates_of_their_own),
        cmocka_unit_test(compare_has_a_gate),
        cmocka_unit_test(compare_goes_on),
        cmocka_unit_test(sweep_makes_a_grid),
        cmocka_unit_test(runs_and_experiments_are_kept_apart),
        cmocka_unit_test(what_cannot_begin_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
