/* The program as a user meets it: exit codes, the one line of an error, JSON, and the commands that
 * look at data and make models. The others are in test_cli_files.c. */
#define _XOPEN_SOURCE 700
#include "tests/cli.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- usage ----------------------------------------------------------------------------------- */

static void usage(void **state)
{
    (void)state;
    assert_int_equal(octet("%s", "")->code, 2);
    check_error(octet("evil"), 2, "did you mean eval?");
    check_error(octet("help evil"), 2, "did you mean eval?");
    const outcome *o = octet("--version");
    check_done(o);
    assert_int_equal(strncmp(text_of(o->out), "octet ", 6), 0);
}

/* What one tries first. */
static void a_beginner_is_helped(void **state)
{
    (void)state;
    const outcome *o = octet("-h");
    check_done(o);
    assert_non_null(strstr(text_of(o->out), "octet train --data sample --model lenet"));
    o = octet("train -h");
    check_done(o);
    assert_non_null(strstr(text_of(o->out), "\n  lenet                     LeNet-5"));
    o = octet("help data");
    check_done(o);
    assert_non_null(strstr(text_of(o->out), "\n  folder:DIR                PNG and JPEG"));
    check_error(octet("train --out %s", test_path("none")), 2, "`octet help data` lists all kinds");
    check_error(octet("train --data sample --out %s", test_path("none")), 2,
                "`octet help train` lists all");
    check_error(octet("train --data sample --model lenet"), 2, "such as --out first");
}

static const char *const commands[] = { "train",   "eval",   "quantize", "export", "run",
                                        "inspect", "verify", "bench",    "data" };

static void help_of_every_command(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const outcome *o = octet("help %s", commands[i]);
        check_done(o);
        assert_non_null(strstr(text_of(o->out), commands[i]));
        assert_non_null(strstr(text_of(o->out), "--threads"));
        o = octet("%s --help", commands[i]);
        check_done(o);
        check_error(octet("%s --thread 2", commands[i]), 2, "did you mean --threads?");
        check_error(octet("%s --threads 2x", commands[i]), 2, "--threads");
    }
}

static void operands_are_counted(void **state)
{
    (void)state;
    check_error(octet("eval"), 2, "an operand is missing");
    check_error(octet("verify one"), 2, "an operand is missing");
    check_error(octet("data sample sample"), 2, "one operand too many");
}

/* ---- data ------------------------------------------------------------------------------------ */

static void data_in_json(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("data sample --json"));
    check_keys(o, "data height width channels train val test classes measured mean std mean_all "
                  "std_all bad");
    assert_int_equal(number(o, "height"), 28);
    assert_int_equal(number(o, "test"), 500);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "classes")), 10);
    check_keys(item(o, "classes", 0), "name train val test");
    cJSON_Delete(o);
}

static void data_in_words(void **state)
{
    (void)state;
    const outcome *o = octet("data noise:8x8x3:4:100 --val 0");
    check_done(o);
    assert_non_null(strstr(text_of(o->out), "4 classes, pictures of 8x8x3"));
    assert_non_null(strstr(text_of(o->out), "channel 2: mean"));
    /* A size that was given is no question any more, though there is nothing to measure. */
    char make[COMMAND], line[COMMAND];
    snprintf(make, sizeof make, "mkdir -p %s/test/a &&", test_path("bare"));
    snprintf(line, sizeof line, "data folder:%s --input 9x8", test_path("bare"));
    o = octet_with(make, line);
    check_done(o);
    assert_non_null(strstr(text_of(o->out), "1 classes, pictures of 9x8x3"));
}

static void data_draws_a_sheet(void **state)
{
    (void)state;
    const outcome *o = octet("data sample --quiet --png %s", test_path("sheet.png"));
    check_done(o);
    nn_bytes file;
    assert_ok(nn_file_read(&file, test_path("sheet.png"), 0));
    assert_memory_equal(file.data, "\x89PNG", 4);
    nn_bytes_free(&file);
}

static void data_that_is_none(void **state)
{
    (void)state;
    check_error(octet("data sampel"), 2, "did you mean sample?");
    check_error(octet("data sample --val 2"), 2, "--val");
    check_error(octet("data sample --val 0x0.1p0"), 2, "--val: \"0x0.1p0\"");
    check_error(octet("data sample --val ' 0.1'"), 2, "--val");
    check_error(octet("data sample --resize squeeze"), 2, "--resize");
    check_error(octet("data sample --resize strech"), 2, "did you mean stretch?");
    check_error(octet("data fashion-mnist:"), 2, "something is missing after the name");
    check_error(octet("data cifar10:/nowhere"), 1, "/nowhere");
    check_error(octet("data folder:%s", test_folder()), 1, "DIR/train");
    check_error(octet("data sample --png /nowhere/sheet.png"), 1, "/nowhere/sheet.png");
}

/* ---- eval ------------------------------------------------------------------------------------ */

static void eval_of_each_kind(void **state)
{
    (void)state;
    static const char *const forms[][2] = { { "model.safetensors", "fake-quant" },
                                            { "model.safetensors --as float", "float" },
                                            { "model.tflite", "tflite" } };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        cJSON *o = object_of(octet("eval %s --data sample --json", q(forms[i][0])));
        check_keys(o, "file as split n top1 top5 loss seconds");
        assert_string_equal(string(o, "as"), forms[i][1]);
        assert_string_equal(string(o, "split"), "test");
        assert_int_equal(number(o, "n"), 500);
        assert_true(number(o, "top1") >= 0 && number(o, "top1") <= number(o, "top5"));
        assert_true(number(o, "top5") <= 1);
        cJSON_Delete(o);
    }
}

static void eval_knows_what_was_held_back(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("eval %s --data sample --split val --json", q("model.safetensors")));
    assert_int_equal(number(o, "n"), 125);
    cJSON_Delete(o);
    o = object_of(octet("eval %s --data sample --split val --val 0.2 --json", q("model.tflite")));
    assert_int_equal(number(o, "n"), 500);
    cJSON_Delete(o);
}

static void eval_has_a_gate(void **state)
{
    (void)state;
    check_done(octet("eval %s --data sample --min-top1 0 --quiet", q("model.tflite")));
    const outcome *o = octet("eval %s --data sample --min-top1 1", q("model.tflite"));
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(text_of(o->err), "--min-top1 wants 1.0000"));
}

static void eval_refuses(void **state)
{
    (void)state;
    check_error(octet("eval %s", q("model.tflite")), 2, "--data");
    check_error(octet("eval %s --data sample --split tset", q("model.tflite")), 2,
                "did you mean test?");
    check_error(octet("eval %s --data noise:8x8x3:4:100", q("model.tflite")), 1, "4 classes");
    check_error(octet("eval %s --data noise:8x8x3:4:100", q("model.safetensors")), 1, "4 classes");
    check_error(octet("eval %s --data sample --as float", q("model.tflite")), 2, "--as");
    check_error(octet("eval %s --data sample --mean 3", q("model.safetensors")), 2, "--mean");
    check_error(octet("eval %s --data noise:8x8x3:4:200 --as fake-quant", f("model.safetensors")),
                2, "has no ranges");
    check_error(octet("eval /nowhere --data sample"), 1, "/nowhere");
    check_done(
        octet("train --data noise:28x28x1:1:20 --model mlp --batch 4 --steps 2 --qat --quiet "
              "--out %s",
              test_path("one")));
    check_error(octet("eval %s/model.tflite --data noise:28x28x1:1:20", test_path("one")), 1,
                "one/model.tflite: the model's output has 1 elements");
}

/* ---- quantize and export --------------------------------------------------------------------- */

static void quantize_and_export_agree(void **state)
{
    (void)state;
    cJSON *o = object_of(
        octet("quantize %s --data noise:8x8x3:4:200 --calib 70 --out %s --save %s --json",
              f("model.safetensors"), test_path("ptq.tflite"), test_path("ptq.safetensors")));
    check_keys(o, "checkpoint method made pictures file saved bytes");
    assert_int_equal(number(o, "pictures"), 70);
    cJSON_Delete(o);
    o = object_of(octet("export %s --format tflite --out %s --json", test_path("ptq.safetensors"),
                        test_path("again.tflite")));
    check_keys(o, "file format bytes");
    cJSON_Delete(o);
    assert_same_files(test_path("ptq.tflite"), test_path("again.tflite"));
    check_done(octet("eval %s --data noise:8x8x3:4:200 --quiet", test_path("ptq.tflite")));
}

/* What is saved is a checkpoint like any other, and says how it was made. */
static void a_quantized_network_can_be_used_further(void **state)
{
    (void)state;
    const char *saved = test_path("p.safetensors"), *file = test_path("p.tflite");
    check_done(octet(
        "quantize %s --data noise:8x8x3:4:200 --calib 60 --method percentile --percentile 99.9 "
        "--granularity tensor --weight-range mse --out %s --save %s",
        f("model.safetensors"), file, saved));
    check_done(octet("verify %s %s --data noise:8x8x3:4:200 --quiet", saved, file));
    cJSON *o = object_of(octet("inspect %s --json", saved));
    assert_string_equal(string(o, "made"), "percentile 99.9 of 60 pictures, weights mse");
    cJSON_Delete(o);
    check_error(octet("quantize %s --data noise:8x8x3:4:200 --out x", saved), 2,
                "quantized already");
    check_done(
        octet("train --data noise:8x8x3:4:200 --model mlp --init %s --qat --steps 2 --out %s",
              saved, test_path("tuned")));
}

static void every_method_makes_a_file(void **state)
{
    (void)state;
    static const char *const methods[] = { "minmax", "ema", "percentile", "mse", "entropy" };
    for (int i = 0; i < 5; i++) {
        check_done(octet("quantize %s --data noise:8x8x3:4:200 --calib 50 --method %s --out %s",
                         f("model.safetensors"), methods[i], test_path("m.tflite")));
        check_done(octet("eval %s --data noise:8x8x3:4:200 --quiet", test_path("m.tflite")));
    }
}

static void better_methods_can_be_combined(void **state)
{
    (void)state;
    const char *saved = test_path("b.safetensors"), *file = test_path("b.tflite");
    cJSON *o = object_of(octet("quantize %s --data noise:8x8x3:4:200 --calib 40 --weight-bits 4 "
                               "--equalize --relu6 relu --absorb-bias --adaround "
                               "--adaround-steps 20 --bias-correction --out %s --save %s --json",
                               f("model.safetensors"), file, saved));
    assert_string_equal(string(o, "made"),
                        "minmax of 40 pictures, weights minmax, relu6 to relu, equalized, biases "
                        "absorbed, adaround 20 steps, biases corrected (empirical)");
    cJSON_Delete(o);
    check_done(octet("verify %s %s --data noise:8x8x3:4:200 --quiet", saved, file));
    check_done(octet("quantize %s --data noise:8x8x3:4:200 --bias-correction analytical --out %s",
                     f("model.safetensors"), file));
    check_error(octet("quantize %s --data noise:8x8x3:4:200 --bias-correction=analytic --out %s",
                      f("model.safetensors"), file),
                2, "analytical");
}

static void export_of_a_run_is_its_model(void **state)
{
    (void)state;
    check_done(octet("export %s --out %s", q("model.safetensors"), test_path("same.tflite")));
    assert_same_files(q("model.tflite"), test_path("same.tflite"));
}

static void results_go_to_stdout(void **state)
{
    (void)state;
    const outcome *o = octet("export %s --out -", q("model.safetensors"));
    check_done(o);
    nn_bytes file;
    assert_ok(nn_file_read(&file, q("model.tflite"), 0));
    assert_int_equal(o->out.size, file.size);
    assert_memory_equal(o->out.data, file.data, file.size);
    nn_bytes_free(&file);
    /* JSON is UTF-8, whatever a path is. */
    o = octet("export %s --json --out %s", q("model.safetensors"), test_path("w\xe4hr"));
    assert_null(strchr(text_of(o->out), '\xe4'));
    cJSON *json = object_of(o);
    assert_string_equal(string(json, "file") + strlen(test_path("")), "w?hr");
    cJSON_Delete(json);
}

static void every_granularity_and_width(void **state)
{
    (void)state;
    check_done(
        octet("quantize %s --data noise:8x8x3:4:200 --calib 9 --granularity tensor --method ema "
              "--weight-bits 4 --act-bits 6 --out %s",
              f("model.safetensors"), test_path("coarse.tflite")));
    check_done(octet("eval %s --data noise:8x8x3:4:200 --quiet", test_path("coarse.tflite")));
}

static void quantize_refuses(void **state)
{
    (void)state;
    const char *from = f("model.safetensors");
    check_error(octet("quantize %s --data sample --method entropy --bins 128 --out x", from), 2,
                "nothing to choose");
    check_error(octet("quantize %s --data sample --percentile 101 --out x", from), 2,
                "--percentile");
    check_error(octet("quantize %s --data sample --out x", q("model.safetensors")), 2,
                "quantized already");
    check_error(octet("quantize %s --data sample --adaround --out x", q("model.tflite")), 1,
                "model.tflite");
    check_error(octet("quantize %s --data sample --method minimax --out x", from), 2,
                "did you mean minmax?");
    check_error(octet("quantize %s --data sample", from), 2, "--out");
    check_error(octet("quantize %s --out x", from), 2, "--data");
    check_error(octet("quantize %s --data sample --calib 0 --out x", from), 2, "--calib");
    check_error(octet("export %s --format pytorch --out x", from), 2, "there are tflite, ");
    check_error(octet("export %s --format tflit --out x", from), 2, "did you mean tflite?");
    check_error(octet("export %s", from), 2, "--out");
    check_error(octet("export %s --out x", f("model.safetensors")), 1,
                "has no quantization ranges");
}

static void the_old_file_survives(void **state)
{
    (void)state;
    const char *own = f("model.safetensors");
    check_error(octet("export %s --format tflite-float --out %s", own, own), 2,
                "is the file that is read");
    check_error(octet("quantize %s --data noise:8x8x3:4:200 --out x --save %s", own, own), 2,
                "--save");
    check_error(octet("quantize %s --data noise:8x8x3:4:200 --out %s", own, own), 2, "--out");
    check_error(octet("quantize %s --data noise:8x8x3:4:200 --out x --save x", own), 2, "--save");
    const char *old = test_path("old.tflite");
    assert_ok(nn_file_write(old, "precious", 8));
    check_error(octet("quantize %s --data sample --out %s", f("model.safetensors"), old), 1,
                "10 classes");
    check_error(octet("export %s --out %s", f("model.safetensors"), old), 1, "ranges");
    nn_bytes file;
    assert_ok(nn_file_read(&file, old, 0));
    assert_int_equal(file.size, 8);
    assert_memory_equal(file.data, "precious", 8);
    nn_bytes_free(&file);
    check_error(octet("export %s --out %s", q("model.safetensors"), test_folder()), 1,
                test_folder());
}

/* ---- the terminal ---------------------------------------------------------------------------- */

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        test_skip("there is no /dev/full");
    char command[COMMAND];
    snprintf(command, sizeof command, "%s data sample >/dev/full 2>%s", program, stderr_path);
    int status = system(command);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    nn_bytes err = read_text(stderr_path);
    bool said = strstr(text_of(err), "standard output") != NULL;
    free(err.data);
    assert_true(said);
}

static void a_reader_that_goes_away_is_an_error(void **state)
{
    (void)state;
    char command[COMMAND];
    snprintf(command, sizeof command, "(%s export %s --out - 2>%s; echo $? >%s) | true", program,
             q("model.safetensors"), stderr_path, test_path("code"));
    assert_int_equal(system(command), 0);
    nn_bytes code = read_text(test_path("code"));
    int value = atoi(text_of(code));
    free(code.data);
    assert_int_equal(value, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
        cmocka_unit_test(a_beginner_is_helped),
        cmocka_unit_test(help_of_every_command),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(data_in_json),
        cmocka_unit_test(data_in_words),
        cmocka_unit_test(data_draws_a_sheet),
        cmocka_unit_test(data_that_is_none),
        cmocka_unit_test(eval_of_each_kind),
        cmocka_unit_test(eval_knows_what_was_held_back),
        cmocka_unit_test(eval_has_a_gate),
        cmocka_unit_test(eval_refuses),
        cmocka_unit_test(quantize_and_export_agree),
        cmocka_unit_test(a_quantized_network_can_be_used_further),
        cmocka_unit_test(every_method_makes_a_file),
        cmocka_unit_test(better_methods_can_be_combined),
        cmocka_unit_test(export_of_a_run_is_its_model),
        cmocka_unit_test(results_go_to_stdout),
        cmocka_unit_test(every_granularity_and_width),
        cmocka_unit_test(quantize_refuses),
        cmocka_unit_test(the_old_file_survives),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(a_reader_that_goes_away_is_an_error),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
