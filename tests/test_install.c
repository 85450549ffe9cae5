/* What `make install` puts down is enough: the example of docs/examples is compiled against it,
 * through pkg-config, and run; each installed header compiles alone. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "nn/base/file.h"
#include "tests/testing.h"

/* Runs a command line; its output is shown if it fails. */
static void run(const char *fmt, const char *a, const char *b)
{
    char line[2048], command[2304];
    snprintf(line, sizeof line, fmt, a, b);
    snprintf(command, sizeof command, "(%s) >'%s' 2>&1", line, test_path("said.txt"));
    if (system(command) == 0)
        return;
    nn_bytes said;
    assert_ok(nn_file_read(&said, test_path("said.txt"), 0));
    fail_msg("%s\n%.*s", line, (int)said.size, (const char *)said.data);
}

static bool is_release(void)
{
    const char *mode = getenv("MODE");
    return mode == NULL || strcmp(mode, "release") == 0;
}

static void example_against_the_installed_tree(void **state)
{
    (void)state;
    if (!is_release()) {
        test_skip("the installed tree is tested in release");
        return;
    }
    run("make install DEPS=no BUILD=\"${OUT%%/release}\" PREFIX='%s/usr' && '%s/usr/bin/octet' "
        "--version",
        test_folder(), test_folder());
    run("for h in $(cd '%s/usr/include/octet' && find . -name '*.h'); do echo \"#include "
        "\\\"$h\\\"\" | "
        "cc -std=c11 -fopenmp -fsyntax-only -Werror -I'%s/usr/include/octet' -x c - || exit 1; "
        "done",
        test_folder(), test_folder());
    run("cc -O1 -Wall -Wextra -Werror docs/examples/train_own_net.c -o '%s/own' "
        "$(PKG_CONFIG_PATH='%s/usr/lib/pkgconfig' pkg-config --cflags --libs octet)",
        test_folder(), test_folder());
    run("cd '%s' && ./own && test -s '%s/own.tflite'", test_folder(), test_folder());
    nn_bytes said;
    assert_ok(nn_file_read(&said, test_path("said.txt"), 0));
    double top1 = 0;
    const char *at = strstr((const char *)said.data, "int8: ");
    assert_true(at != NULL && sscanf(at, "int8: %lf", &top1) == 1 && top1 > 70);
    nn_bytes_free(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(example_against_the_installed_tree) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
