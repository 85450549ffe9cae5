/* octet train as a user meets it: folders, resuming, signals, beginning from another network. */
#define _DEFAULT_SOURCE /* flock */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cli.h"

/* A small run on pictures that are made up: 8 steps an epoch. */
#define SMALL                                                                                      \
    "--data noise:16x16x1:4:320 --val 0.2 --model mlp --width 0.2 --batch 32 --lr 0.02 --threads " \
    "1 "

/* `octet train ARGUMENTS`. */
static const outcome *train(const char *arguments, ...) NN_PRINTF(1, 2);
static const outcome *train(const char *arguments, ...)
{
    char line[COMMAND];
    va_list args;
    va_start(args, arguments);
    vsnprintf(line, sizeof line, arguments, args);
    va_end(args);
    return octet("train %s", line);
}

/* Fails unless the run went well and said this on the way. */
static void check_said(const outcome *o, const char *part)
{
    check_done(o);
    if (strstr(text_of(o->err), part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text_of(o->err));
}

static const char *in(const char *folder, const char *name)
{
    char both[PATH];
    snprintf(both, sizeof both, "%.400s/%s", folder, name);
    return test_path(both);
}

/* ---- folders --------------------------------------------------------------------------------- */

static void leaves_its_results(void **state)
{
    (void)state;
    const char *const names[] = { "model.safetensors", "best.safetensors", "recipe.ini", "log.csv",
                                  "model.tflite" };
    const outcome *o = train(SMALL "--epochs 2 --qat --quant-delay 1ep --out %s", test_path("a/b"));
    check_said(o, "epoch 2/2");
    assert_non_null(strstr(text_of(o->out), "int8 "));
    for (int i = 0; i < 5; i++)
        assert_int_equal(access(in("a/b", names[i]), R_OK), 0);
    /* The recipe repeats the run. */
    check_done(train("%s --out %s --threads 3", in("a/b", "recipe.ini"), test_path("again")));
    assert_same_files(in("a/b", "model.safetensors"), in("again", "model.safetensors"));
    assert_same_files(in("a/b", "recipe.ini"), in("again", "recipe.ini"));
    assert_same_files(in("a/b", "model.tflite"), in("again", "model.tflite"));
}

static void keeps_a_folder_that_is_not_empty(void **state)
{
    (void)state;
    check_done(train(SMALL "--steps 3 --out %s --quiet", test_path("full")));
    check_error(train(SMALL "--steps 3 --out %s", test_path("full")), 1, "--overwrite");
    const outcome *o =
        train(SMALL "--steps 2 --overwrite --json --out %s --quiet", test_path("full"));
    cJSON *json = object_of(o);
    assert_int_equal((int)number(json, "steps"), 2);
    cJSON_Delete(json);
    assert_int_equal(o->err.size, 0);
    /* A run that cannot begin leaves the old one as it is. */
    check_error(train(SMALL "--overwrite --batch 999 --out %s", test_path("full")), 2, "999");
    assert_int_equal(access(in("full", "model.safetensors"), R_OK), 0);
    check_error(train(SMALL "--out %s", "/proc/none"), 1, "/proc/none");
    assert_ok(nn_file_write(test_path("file"), "x", 1));
    check_error(train(SMALL "--out %s", test_path("file")), 1, "file");
}

static void wrong_usage_exits_with_2(void **state)
{
    (void)state;
    check_error(train("--out %s --model mlp", test_path("u")), 2, "--data");
    check_error(train("--data sample --model mlp"), 2, "--out");
    check_error(train("--data sample --out %s", test_path("u")), 2, "--model");
    check_error(train("--data sample --out %s --model resnet8x", test_path("u")), 2, "resnet8");
    check_error(train("--data samlpe --out %s --model mlp", test_path("u")), 2, "sample");
    check_error(train(SMALL "--epohcs 2 --out %s", test_path("u")), 2, "--epochs");
    check_error(train(SMALL "--qat --quant-delay 10ep --out %s", test_path("u")), 2,
                "--quant-delay");
    check_error(train(SMALL "--freeze conv9* --quiet --out %s", test_path("u")), 2, "conv9");
    check_error(train(SMALL "--resume --overwrite --out %s", test_path("u")), 2, "choose");
    check_error(train("none.ini --out %s", test_path("u")), 1, "none.ini");
    check_error(train("--data noise:8x8x1:4:40 --model lenet --quiet --out %s", test_path("u")), 1,
                "lenet for pictures of 8x8x1: conv2d c3: a 5x5 window (dilation 1x1) does not fit "
                "into [N,4,4,6]; take larger pictures");
    check_error(train(SMALL "--out %s one two", test_path("u")), 1, "one");
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* A run that cannot begin leaves nothing behind: neither its folder nor those above it. */
static void what_cannot_begin_leaves_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "--data idx:/none --model mlp",    SMALL "--batch 999",        SMALL "--freeze conv9*",
        SMALL "--qat --quant-delay 999ep", SMALL "--augment spin",     SMALL "--init /none",
        SMALL "--max-memory 100",          SMALL "--ship best --val 0"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int code = train("%s --quiet --out %s/", wrong[i], test_path("n/o/p"))->code;
        if (code == 0 || is_there(test_path("n")))
            fail_msg("%s: exit %d, and leaves %s", wrong[i], code, test_path("n"));
    }
    /* What was there before stays, and is no hindrance. */
    assert_int_equal(mkdir(test_path("n"), 0777), 0);
    assert_int_not_equal(train(SMALL "--batch 999 --quiet --out %s", test_path("n/o"))->code, 0);
    assert_true(is_there(test_path("n")) && !is_there(test_path("n/o")));
    assert_int_not_equal(train(SMALL "--batch 999 --quiet --out %s", test_path("n"))->code, 0);
    assert_true(is_there(test_path("n")));
    check_done(train(SMALL "--steps 2 --quiet --out %s", test_path("n")));
}

/* ---- going on -------------------------------------------------------------------------------- */

static void resume_goes_on_or_begins(void **state)
{
    (void)state;
    check_done(train(SMALL "--epochs 2 --out %s --resume --quiet", test_path("r1")));
    check_done(train(SMALL "--epochs 2 --out %s --quiet --ema 0", test_path("r2")));
    assert_same_files(in("r1", "model.safetensors"), in("r2", "model.safetensors"));
    const outcome *o = train("--out %s --resume", test_path("r1"));
    check_said(o, "resume: after step 16");
    assert_same_files(in("r1", "model.safetensors"), in("r2", "model.safetensors"));
    check_error(train("--out %s --resume --lr 0.5 --quiet", test_path("r1")), 2, "--lr");
    check_error(train("--out %s --resume --seed 5 --quiet", test_path("r1")), 2, "--seed");
    check_error(train("--out %s --resume --data noise:16x16x1:5:320 --quiet", test_path("r1")), 2,
                "--data: the run was begun with other pictures");
    check_error(train("--out %s --resume --data noise:16x16x1:4:400 --quiet", test_path("r1")), 2,
                "--data: the run was begun with 256 training pictures, not 320");
    check_done(train("--out %s --resume --quiet", test_path("r1"))); /* nothing was changed */
    assert_same_files(in("r1", "recipe.ini"), in("r2", "recipe.ini"));
    assert_same_files(in("r1", "model.safetensors"), in("r2", "model.safetensors"));
}

/* Fast convolutions are said, written down, and part of what cannot change on the way. */
static void fast_convolutions_are_never_silent(void **state)
{
    (void)state;
    const char *small = "--data noise:16x16x3:4:64 --model resnet8 --batch 16 --epochs 1";
    const outcome *o = train("%s --out %s", small, test_path("exact"));
    check_done(o);
    assert_null(strstr(text_of(o->err), "--conv"));
    o = train("%s --conv fast --out %s", small, test_path("fast"));
    check_said(o, "--conv fast: 4 convolutions");
    nn_bytes recipe = read_text(in("fast", "recipe.ini"));
    assert_non_null(strstr(text_of(recipe), "conv = fast"));
    nn_bytes_free(&recipe);
    check_error(train("--out %s --resume --conv exact --quiet", test_path("fast")), 2, "--conv");
    check_done(train("%s --out %s", in("fast", "recipe.ini"), test_path("fast2")));
    assert_same_files(in("fast", "model.safetensors"), in("fast2", "model.safetensors"));
    check_error(train("%s --conv quick --out %s", small, test_path("none")), 2, "fast");
}

/* The last state is damaged: the one before is whole, and the run ends as it would have. */
static void a_damaged_state_falls_back_to_the_one_before(void **state)
{
    (void)state;
    nn_bytes last;
    check_done(train(SMALL "--epochs 3 --out %s --quiet", test_path("d1")));
    check_done(train(SMALL "--epochs 3 --out %s --quiet", test_path("d2")));
    assert_ok(nn_file_read(&last, in("d1", "model.safetensors"), 0));
    last.data[last.size / 2] ^= 4;
    assert_ok(nn_file_write(in("d1", "model.safetensors"), last.data, last.size));
    assert_ok(nn_file_write(in("d1", "model.safetensors.tmp4711"), last.data, last.size / 2));
    nn_bytes_free(&last);
    const outcome *o = train("--out %s --resume", test_path("d1"));
    check_said(o, "going on from previous.safetensors instead");
    check_said(o, "resume: after step 16");
    const char *const names[] = { "model.safetensors", "previous.safetensors" };
    for (int i = 0; i < 2; i++)
        assert_same_files(in("d1", names[i]), in("d2", names[i]));
    assert_int_equal(access(in("d1", "model.safetensors.tmp4711"), F_OK), -1);
    for (int i = 0; i < 2; i++)
        assert_ok(nn_file_write(in("d1", names[i]), "not a checkpoint", 16));
    check_error(train("--out %s --resume --quiet", test_path("d1")), 1,
                "model.safetensors is damaged, and the one before it: ");
}

/* What a run goes on with, beside its state. */
static void resume_needs_recipe_and_log(void **state)
{
    (void)state;
    check_done(train(SMALL "--epochs 2 --out %s --quiet", test_path("needs")));
    assert_ok(nn_file_write(in("needs", "log.csv"), "", 0));
    check_error(train("--out %s --resume --quiet", test_path("needs")), 1, "move the log away");
    assert_int_equal(unlink(in("needs", "log.csv")), 0);
    check_done(train("--out %s --resume --quiet", test_path("needs")));
    assert_int_equal(unlink(in("needs", "recipe.ini")), 0);
    check_error(train("--out %s --resume --quiet", test_path("needs")), 2,
                "needs/recipe.ini: is missing");
    check_done(train(SMALL "--epochs 2 --out %s --resume --quiet", test_path("needs")));
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static bool is_held(const char *folder)
{
    char path[PATH];
    snprintf(path, sizeof path, "%.900s/.lock", folder);
    int fd = open(path, O_RDWR);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return held;
}

/* Starts a long run in the background, sends a signal, and returns its exit code. */
static int interrupt(const char *folder, const char *options, int number)
{
    char line[COMMAND];
    snprintf(line, sizeof line, "exec %s train " SMALL "--epochs 300 --quiet --out %s %s", program,
             folder, options);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(99);
    }
    for (int i = 0; i < 500 && !is_held(folder); i++)
        wait_ms(10);
    wait_ms(100);
    if (is_held(folder))
        check_error(train(SMALL "--out %s --resume", folder), 1, "another run");
    kill(child, number);
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_signal_saves_and_leaves(void **state)
{
    (void)state;
    char folder[PATH]; /* test_path's own is used again */
    snprintf(folder, sizeof folder, "%s", test_path("sig"));
    const int signals[] = { SIGTERM, SIGINT, SIGKILL }, codes[] = { 143, 130, -SIGKILL };
    for (int i = 0; i < 3; i++) {
        int code = interrupt(folder, i > 0 ? "--resume" : "", signals[i]);
        if (code == 0)
            break; /* it was done before the signal came */
        assert_int_equal(code, codes[i]);
    }
    assert_int_equal(access(in("sig", "model.safetensors"), R_OK), 0);
    check_done(train("--out %s --resume --quiet", folder));
    check_done(train(SMALL "--epochs 300 --quiet --out %s", test_path("whole")));
    assert_same_files(in("sig", "model.safetensors"), in("whole", "model.safetensors"));
    assert_same_files(in("sig", "best.safetensors"), in("whole", "best.safetensors"));
}

/* log.csv has each line once, whatever came between. */
static void the_log_has_no_step_twice(void **state)
{
    (void)state;
    char text[1 << 16];
    if (access(in("sig", "log.csv"), R_OK) != 0)
        skip();
    nn_bytes b;
    assert_ok(nn_file_read(&b, in("sig", "log.csv"), 0));
    long last = 0;
    size_t at = 0;
    while (at < b.size && b.data[at++] != '\n')
        continue;
    for (; at < b.size; at++) {
        size_t n = 0;
        while (at < b.size && b.data[at] != '\n' && n < sizeof text - 1)
            text[n++] = (char)b.data[at++];
        text[n] = '\0';
        assert_int_equal(strtol(text, NULL, 10), last + 1); /* 8 steps an epoch: a line each */
        last++;
    }
    assert_int_equal(last, 2400);
    nn_bytes_free(&b);
}

/* A run that diverges begins again with half the rate, resumed or not with the same end. */
static void a_diverged_run_tries_again_more_slowly(void **state)
{
    (void)state;
#define FAST SMALL "--lr 300 --epochs 2 --schedule constant --weight-decay 0 "
    check_error(train(FAST "--quiet --out %s", test_path("slow1")), 1, "diverged: first at");
    const outcome *o = train(FAST "--on-divergence halve-lr --out %s", test_path("slow2"));
    check_said(o, "half the learning rate; halved 1 of at most 10 times");
    check_done(train("--out %s --resume --quiet", test_path("slow2")));
    check_error(
        train(FAST "--lr 1000000 --on-divergence halve-lr --quiet --out %s", test_path("slow4")), 1,
        "the learning rate was halved 10 times: step ");
    check_done(
        train("%s --threads 3 --out %s --quiet", in("slow2", "recipe.ini"), test_path("slow3")));
    assert_same_files(in("slow2", "model.safetensors"), in("slow3", "model.safetensors"));
}

/* ---- from another network -------------------------------------------------------------------- */

static void init_starts_a_head_anew(void **state)
{
    (void)state;
    check_done(train(SMALL "--steps 4 --quiet --out %s", test_path("base")));
    const outcome *o = train("--data noise:16x16x1:3:200 --steps 3 --batch 32 --freeze 'fc1*' "
                             "--lr 0.01 --init %s --out %s",
                             in("base", "model.safetensors"), test_path("next"));
    check_said(o, "skipped    logits/weight");
    check_said(o, "begins anew logits/bias");
    check_said(o, "freeze: ");
    o = train(SMALL "--steps 3 --qat --init %s --out %s", in("base", "best.safetensors"),
              test_path("qat"));
    check_said(o, " 0 skipped, 0 begin anew");
    check_error(train(SMALL "--init %s --quiet --out %s", in("base", "log.csv"), test_path("bad")),
                1, "log.csv");
    check_error(train(SMALL "--qat --overwrite --init %s --out %s/../base",
                      in("base", "best.safetensors"), test_path("base")),
                2, "--overwrite would delete it");
    assert_int_equal(access(in("base", "best.safetensors"), R_OK), 0);
}

/* A run that goes on needs no more of the network that it began with. */
static void resume_does_without_init(void **state)
{
    (void)state;
    check_done(train(SMALL "--steps 2 --quiet --out %s", test_path("old")));
    check_done(train("--data noise:16x16x1:4:320 --val 0.2 --steps 4 --lr 0.02 --batch 32 --quiet "
                     "--init %s --out %s",
                     in("old", "model.safetensors"), test_path("new")));
    nn_bytes before = read_text(in("new", "recipe.ini"));
    assert_ok(nn_file_keep(in("new", "model.safetensors"), test_path("kept")));
    assert_int_equal(unlink(in("old", "model.safetensors")), 0);
    check_said(train("--resume --out %s", test_path("new")), "resume: after step 4");
    assert_same_files(in("new", "model.safetensors"), test_path("kept"));
    nn_bytes after = read_text(in("new", "recipe.ini"));
    assert_string_equal(text_of(before), text_of(after));
    nn_bytes_free(&before);
    nn_bytes_free(&after);
}

/* How pictures are fitted belongs to a network as much as their size. */
static void init_keeps_how_pictures_are_fitted(void **state)
{
    (void)state;
    check_done(
        train(SMALL "--input 16x8 --resize stretch --steps 2 --quiet --out %s", test_path("wide")));
    const char *from = in("wide", "model.safetensors");
    static const char *const rows[][3] = { { "", "on", "resize = stretch,triangle" },
                                           { "--resize crop ", "off", "resize = crop\n" } };
    for (int i = 0; i < 2; i++) {
        check_done(train(SMALL "%s--steps 2 --quiet --init %s --out %s", rows[i][0], from,
                         test_path(rows[i][1])));
        nn_bytes recipe = read_text(in(rows[i][1], "recipe.ini"));
        assert_non_null(strstr(text_of(recipe), rows[i][2]));
        nn_bytes_free(&recipe);
        check_done(train("--resume --quiet --out %s", test_path(rows[i][1])));
    }
}

static void val_test_uses_the_test_pictures(void **state)
{
    (void)state;
    const outcome *o = train(SMALL "--val test --steps 3 --out %s", test_path("vt"));
    check_said(o, "320 pictures to train, 64 to validate, 64 to test");
    o = train(SMALL "--val 0 --steps 3 --out %s", test_path("v0"));
    check_said(o, " 0 to validate");
    check_error(train(SMALL "--val 0 --ship best --steps 3 --quiet --out %s", test_path("v1")), 2,
                "--val");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_its_results),
        cmocka_unit_test(keeps_a_folder_that_is_not_empty),
        cmocka_unit_test(wrong_usage_exits_with_2),
        cmocka_unit_test(what_cannot_begin_leaves_nothing),
        cmocka_unit_test(resume_goes_on_or_begins),
        cmocka_unit_test(fast_convolutions_are_never_silent),
        cmocka_unit_test(a_damaged_state_falls_back_to_the_one_before),
        cmocka_unit_test(resume_needs_recipe_and_log),
        cmocka_unit_test(a_signal_saves_and_leaves),
        cmocka_unit_test(the_log_has_no_step_twice),
        cmocka_unit_test(a_diverged_run_tries_again_more_slowly),
        cmocka_unit_test(init_starts_a_head_anew),
        cmocka_unit_test(resume_does_without_init),
        cmocka_unit_test(init_keeps_how_pictures_are_fitted),
        cmocka_unit_test(val_test_uses_the_test_pictures),
    };
    return cmocka_run_group_tests(tests, find_program, forget);
}
