/* What `make install` puts down is enough: the examples of docs/examples are compiled against it,
 * through pkg-config, and run; each installed header compiles alone; pages and completion are
 * there. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "data/dataset.h"
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

/* The first pictures of the sample as PNG files 0.png, 1.png, ... */
static void write_pictures(int n)
{
    ds_set *set;
    assert_ok(ds_open(&set, "sample", NULL));
    for (int i = 0; i < n; i++) {
        uint8_t pixels[28 * 28];
        char name[16];
        int label;
        snprintf(name, sizeof name, "%d.png", i);
        assert_int_equal(ds_item_bytes(set), sizeof pixels);
        assert_ok(ds_read(set, DS_TEST, i, pixels, &label));
        assert_ok(ds_png_write(test_path(name), &(ds_image){ 28, 28, 1, pixels }));
    }
    ds_close(set);
}

/* Built with the runtime alone, the classifier says what `octet run` says. */
static void classify_pictures(void)
{
    enum { PICTURES = 12 };
    write_pictures(PICTURES);
    run("cc -std=c11 -O1 -Wall -Wextra -Werror docs/examples/classify.c -o '%s/classify' "
        "$(PKG_CONFIG_PATH='%s/usr/lib/pkgconfig' pkg-config --cflags --libs octet-rt libpng)",
        test_folder(), test_folder());
    run("cd '%s' && export LD_LIBRARY_PATH='%s/usr/lib' && test $(for i in *.png; do "
        "said=$(./classify own.tflite $i | sed 's/class \\([0-9]*\\),.*/\\1/') && "
        "usr/bin/octet run own.tflite $i --top 1 --quiet | grep -q \"  $said\\$\" && echo $said; "
        "done | tee classes | wc -l) -eq 12 && test $(sort -u classes | wc -l) -gt 3",
        test_folder(), test_folder());
    run("cd '%s' && export LD_LIBRARY_PATH='%s/usr/lib' && ! ./classify own.tflite own.tflite && "
        "! ./classify 0.png 0.png && ! ./classify",
        test_folder(), test_folder());
}

/* Built against the library, it changes weights and not one prediction; a relu6 it refuses. */
static void make_channels_unequal(void)
{
    run("cc -std=c11 -O1 -Wall -Wextra -Werror docs/examples/unequal.c -o '%s/unequal' "
        "$(PKG_CONFIG_PATH='%s/usr/lib/pkgconfig' pkg-config --cflags --libs octet)",
        test_folder(), test_folder());
    run("cd '%s' && octet='%s/usr/bin/octet' && "
        "$octet train --model resnet8 --width 0.25 --data sample --steps 30 --out net --quiet && "
        "./unequal net/model.safetensors u.safetensors 7 && "
        "! cmp -s net/model.safetensors u.safetensors && for n in net/model u; do $octet eval "
        "$n.safetensors --data sample | sed 's/.*pictures: //; s/, [0-9.]* s$//'; done >scores && "
        "test $(wc -l <scores) -eq 2 && test $(sort -u scores | wc -l) -eq 1",
        test_folder(), test_folder());
    run("cd '%s' && octet='%s/usr/bin/octet' && ! ./unequal u.safetensors && "
        "! ./unequal u.safetensors v.safetensors seven && "
        "$octet train --model mobilenet_v1 --width 0.25 --data sample --epochs 0 --out six --quiet "
        "&& "
        "! ./unequal six/model.safetensors v.safetensors 2>why && grep -q 'activation relu' why",
        test_folder(), test_folder());
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
    classify_pictures();
    make_channels_unequal();
    run("root=$PWD && cd '%s/usr/share' && for c in '' $(sed -n "
        "'s/TRAIN_COMMAND(\\(.*\\))/-\\1/p' "
        "$root/train/cli/commands.def); do grep -q '^.SH NAME' man/man1/octet$c.1 || "
        "exit 1; done; grep -q '^#compdef octet' zsh/site-functions/_octet && "
        "bash -n bash-completion/completions/octet",
        test_folder(), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(example_against_the_installed_tree) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
