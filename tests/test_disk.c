/* Disks as they are: full in the middle of a run, with a limit on the size of files, read-only;
 * what is left, and that a run goes on as if nothing had been once there is room again.  And
 * pictures that cannot be read. */
#define _GNU_SOURCE /* prlimit */
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/cli.h"

/* Twelve epochs of eight steps; a checkpoint has 120 KB. */
#define SMALL                                                                                      \
    "--data noise:16x16x1:4:320 --val 0.2 --model mlp --width 0.2 --batch 32 --lr 0.02 "           \
    "--threads 1 --quiet --epochs 12 "

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static int make_whole(void **state)
{
    if (find_program(state) != 0)
        return 1;
    check_done(octet("train " SMALL "--out %s", test_path("whole")));
    return 0;
}

/* The run has ended as the one that nobody disturbed. */
static void check_whole(const char *folder)
{
    static const char *const names[] = { "model.safetensors", "previous.safetensors",
                                         "best.safetensors", "recipe.ini" };
    char path[PATH], whole[PATH];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%.900s/%s", folder, names[i]);
        snprintf(whole, sizeof whole, "%.900s/%s", test_path("whole"), names[i]);
        assert_same_files(path, whole);
    }
}

/* ---- a disk of its own ----------------------------------------------------------------------- */

/* Runs a script that may mount. */
static int run_alone(const char *text)
{
    char command[COMMAND];
    const char *script = test_path("script");
    assert_ok(nn_file_write(script, text, strlen(text)));
    snprintf(command, sizeof command, "unshare -rm sh %s >%s 2>%s", script, stdout_path,
             stderr_path);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void skip_without_mounts(const char *disk)
{
    char text[COMMAND];
    snprintf(text, sizeof text, "mount -t tmpfs octet %s", disk);
    if (run_alone(text) != 0)
        test_skip("this machine lets no test mount a disk");
}

/* One line of the program in that file, with this in it. */
static void check_line(const char *path, const char *part)
{
    nn_bytes b = read_text(path);
    const char *text = (const char *)b.data, *end = strchr(text, '\n');
    if (strncmp(text, "octet train: ", 13) != 0 || end == NULL || end[1] != '\0' ||
        strstr(text, part) == NULL)
        fail_msg("wanted one line with \"%s\": \"%s\"", part, text);
    free(b.data);
}

/* 300 KB hold two checkpoints and not the third, which is written beside them. */
static const char fill[] =
    "mount -t tmpfs -o size=300k octet $disk\n"
    "$octet train " SMALL "--out $disk/run 2>$kept/full && exit 1\n"
    "ls $disk/run | grep tmp && exit 2\n"
    "$octet inspect $disk/run/model.safetensors || exit 3\n"
    "$octet train --quiet --out $disk/run --resume 2>$kept/still && exit 4\n"
    "mount -o remount,size=4m octet $disk\n"
    "$octet train --quiet --out $disk/run --resume || exit 5\n"
    "cp $disk/run/* $kept\n"
    "mount -o remount,ro octet $disk\n"
    "$octet train " SMALL "--out $disk/other 2>$kept/ro && exit 6\n"
    "$octet train --quiet --out $disk/run --resume 2>$kept/ro-resume && exit 7\n"
    "exit 0\n";

static void a_disk_that_fills(void **state)
{
    (void)state;
    char text[COMMAND], disk[PATH], kept[PATH];
    snprintf(disk, sizeof disk, "%s", test_path("disk"));
    snprintf(kept, sizeof kept, "%s", test_path("kept"));
    assert_int_equal(mkdir(disk, 0777) | mkdir(kept, 0777), 0);
    skip_without_mounts(disk);
    snprintf(text, sizeof text, "octet=%.900s disk=%.900s kept=%.900s\n%s", program, disk, kept,
             fill);
    int code = run_alone(text);
    if (code != 0)
        fail_msg("the script ends at %d", code);
    check_line(test_path("kept/full"), "No space left");
    check_line(test_path("kept/still"), "No space left");
    check_line(test_path("kept/ro"), "Read-only");
    check_line(test_path("kept/ro-resume"), "Read-only");
    check_whole(kept);
}

/* ---- files that may not grow ----------------------------------------------------------------- */

#ifdef __linux__
static void wait_for(const char *path)
{
    for (int i = 0; i < 3000 && !is_there(path); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* Starts a run and lets its files grow no further once it has saved; returns its exit code, or -1
 * if it was over before. */
static int limit_in_the_middle(const char *folder)
{
    char line[COMMAND], model[PATH];
    int status;
    snprintf(model, sizeof model, "%.900s/model.safetensors", folder);
    snprintf(line, sizeof line, "exec %s train " SMALL "--out %.900s 2>%s", program, folder,
             stderr_path);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(99);
    }
    wait_for(model);
    const struct rlimit limit = { 20000, 20000 };
    prlimit(child, RLIMIT_FSIZE, &limit, NULL);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0 ? -1 : WEXITSTATUS(status);
}

static void files_that_may_not_grow(void **state)
{
    (void)state;
    char folder[PATH];
    snprintf(folder, sizeof folder, "%s", test_path("limited"));
    int code = limit_in_the_middle(folder);
    if (code > 0) {
        assert_int_equal(code, 1);
        check_line(stderr_path, "File too large");
    }
    check_done(octet("inspect %s/model.safetensors", folder));
    check_done(octet("train --quiet --out %s --resume", folder));
    check_whole(folder);
}
#endif

/* ---- when a state is saved ------------------------------------------------------------------- */

/* A minute is longer than this run: it saves at its end alone, and the same. */
static void minutes_are_no_steps(void **state)
{
    (void)state;
    char last[PATH];
    check_done(octet("train " SMALL "--checkpoint-every 60min --out %s", test_path("minutes")));
    assert_false(is_there(test_path("minutes/previous.safetensors")));
    snprintf(last, sizeof last, "%s", test_path("whole/best.safetensors"));
    assert_same_files(test_path("minutes/best.safetensors"), last);
    check_done(octet("train " SMALL "--checkpoint-every 5 --out %s", test_path("steps")));
    assert_true(is_there(test_path("steps/previous.safetensors")));
    check_error(octet("train " SMALL "--checkpoint-every 5hours --out %s", test_path("hours")), 2,
                "--checkpoint-every");
}

/* ---- more than there is ---------------------------------------------------------------------- */

/* Both numbers are said before memory is asked for: petabytes would not be given. */
static void a_plan_larger_than_memory(void **state)
{
    (void)state;
    check_error(octet("train --data noise:64x64x3:4:9000 --val 0 --model resnet18 --batch 9000 "
                      "--max-memory 1G --quiet --out %s",
                      test_path("large")),
                1, "limit of 1000 MB");
    assert_false(is_there(test_path("large")));
}

/* ---- bad pictures ---------------------------------------------------------------------------- */

static void make_pictures(void)
{
    char path[PATH];
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "pictures/%s/%s/%d.png", i < 4 ? "train" : "test",
                 i % 2 ? "a" : "b", i);
        for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
            *slash = '\0';
            mkdir(test_path(path), 0777);
            *slash = '/';
        }
        check_done(octet("data noise:8x8x1:4:20 --png %s", test_path(path)));
    }
    assert_ok(nn_file_write(test_path("pictures/train/a/3.png"), "no picture", 10));
}

static void bad_pictures_stop_or_are_listed(void **state)
{
    (void)state;
    char data[PATH];
    make_pictures();
    snprintf(data, sizeof data,
             "train --data folder:%s --input 8x8 --model mlp --val 0 --batch 2 --width 0.1 "
             "--steps 9 --threads 1",
             test_path("pictures"));
    check_error(octet("%s --quiet --out %s", data, test_path("bad1")), 1, "train/a/3.png");
    const outcome *o = octet("%s --skip-bad --out %s", data, test_path("bad2"));
    check_done(o);
    assert_non_null(strstr(text_of(o->err), "left out 1 picture that could not be read:"));
    assert_non_null(strstr(text_of(o->err), "train/a/3.png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_fills),
#ifdef __linux__
        cmocka_unit_test(files_that_may_not_grow),
#endif
        cmocka_unit_test(minutes_are_no_steps),
        cmocka_unit_test(a_plan_larger_than_memory),
        cmocka_unit_test(bad_pictures_stop_or_are_listed),
    };
    return cmocka_run_group_tests(tests, make_whole, forget);
}
