/* The program as a user meets it: exit codes, the one line of an error, JSON, each command on small
 * models, damaged files. */
#define _XOPEN_SOURCE 700
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "nn/base/file.h"
#include "tests/testing.h"

enum { COMMAND = 4096, PATH = 1024 };

/* ---- running it
 * ----------------------------------------------------------------------------------------- */

static char program[PATH], stdout_path[PATH], stderr_path[PATH];

/* Beside the folder of this test, or in $OUT. */
static void find_program(void)
{
    char self[PATH];
    const char *out = getenv("OUT");
    snprintf(stdout_path, sizeof stdout_path, "%s", test_path("stdout"));
    snprintf(stderr_path, sizeof stderr_path, "%s", test_path("stderr"));
    if (out != NULL) {
        snprintf(program, sizeof program, "%.900s/octet", out);
        return;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(self, '/') = '\0';
    snprintf(program, sizeof program, "%.900s/octet", self);
}

typedef struct outcome {
    int code;
    nn_bytes out, err; /* freed by the next call; with a 0 behind, which size does not count */
} outcome;

static outcome last;

static nn_bytes read_text(const char *path)
{
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    char *copy = calloc(file.size + 1, 1);
    assert_non_null(copy);
    memcpy(copy, file.data, file.size);
    nn_bytes text = { (uint8_t *)copy, file.size };
    nn_bytes_free(&file);
    return text;
}

/* Runs `octet ARGUMENTS` through the shell, with `before` in front ("cat file |"). */
static const outcome *octet_with(const char *before, const char *arguments)
{
    char command[COMMAND];
    int n = snprintf(command, sizeof command, "%s %s %s >%s 2>%s", before, program, arguments,
                     stdout_path, stderr_path);
    assert_true(n > 0 && n < (int)sizeof command);
    int status = system(command);
    assert_true(WIFEXITED(status));
    free(last.out.data);
    free(last.err.data);
    last = (outcome){ WEXITSTATUS(status), read_text(stdout_path), read_text(stderr_path) };
    return &last;
}

NN_PRINTF(1, 2) static const outcome *octet(const char *fmt, ...)
{
    char arguments[COMMAND];
    va_list list;
    va_start(list, fmt);
    vsnprintf(arguments, sizeof arguments, fmt, list);
    va_end(list);
    const outcome *o = octet_with("", arguments);
    print_message("octet %s: %d\n", arguments, o->code);
    return o;
}

static const char *text_of(nn_bytes b)
{
    return (const char *)b.data;
}

static void check_done(const outcome *o)
{
    if (o->code != 0)
        fail_msg("exit code %d: %s", o->code, text_of(o->err));
}

/* One line on stderr that begins with the program and has `part` in it; nothing on stdout. */
static void check_error(const outcome *o, int code, const char *part)
{
    const char *err = text_of(o->err), *end = strchr(err, '\n');
    if (o->code != code || strncmp(err, "octet ", 6) != 0 || end == NULL || end[1] != '\0' ||
        strstr(err, part) == NULL)
        fail_msg("exit code %d (wanted %d), wanted one line with \"%s\" on stderr: \"%s\"", o->code,
                 code, part, err);
    assert_int_equal(o->out.size, 0);
}

/* ---- JSON
 * -----------------------------------------------------------------------------------------------
 */

/* stdout as one object on one line; delete it. */
static cJSON *object_of(const outcome *o)
{
    check_done(o);
    const char *end = strchr(text_of(o->out), '\n');
    assert_true(end != NULL && end[1] == '\0');
    cJSON *json = cJSON_Parse(text_of(o->out));
    assert_true(cJSON_IsObject(json));
    return json;
}

/* Fails unless the object has exactly the keys that the list names, in its order. */
static void check_keys(const cJSON *object, const char *keys)
{
    char found[COMMAND] = "";
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        strncat(found, item->string, sizeof found - strlen(found) - 1);
        if (item->next != NULL)
            strncat(found, " ", sizeof found - strlen(found) - 1);
    }
    assert_string_equal(found, keys);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(object, key);
    if (!cJSON_IsNumber(item))
        fail_msg("\"%s\" is no number", key);
    return item->valuedouble;
}

static const char *string(const cJSON *object, const char *key)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, key));
    if (s == NULL)
        fail_msg("\"%s\" is no string", key);
    return s;
}

static const cJSON *item(const cJSON *object, const char *key, int i)
{
    const cJSON *found = cJSON_GetArrayItem(cJSON_GetObjectItem(object, key), i);
    if (found == NULL)
        fail_msg("\"%s\" has no item %d", key, i);
    return found;
}

/* ---- the models
 * ----------------------------------------------------------------------------------------- */

/* A few steps are enough: nothing here depends on how good a network is.
 *   q/      lenet with fake quantization
 *   f/      the smallest float network, on noise of another size and with another number of classes
 */
static int train_models(void **state)
{
    (void)state;
    find_program();
    const outcome *o =
        octet("train --data sample --model lenet --out %s --steps 12 --batch 16 --qat "
              "--quant-delay 4 --quiet",
              test_path("q"));
    check_done(o);
    o = octet("train --data noise:8x8x3:4:200 --model mlp --out %s --steps 3 --batch 16 --quiet",
              test_path("f"));
    check_done(o);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    free(last.out.data);
    free(last.err.data);
    return 0;
}

static const char *q(const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "q/%s", name);
    return test_path(path);
}

static const char *f(const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "f/%s", name);
    return test_path(path);
}

static void check_same_files(const char *a, const char *b)
{
    nn_bytes x, y;
    assert_ok(nn_file_read(&x, a, 0));
    assert_ok(nn_file_read(&y, b, 0));
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    nn_bytes_free(&x);
    nn_bytes_free(&y);
}

/* ---- usage
 * ---------------------------------------------------------------------------------------------- */

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

static const char *const commands[] = { "train", "eval",    "quantize", "export",
                                        "run",   "inspect", "verify",   "data" };

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

/* ---- data
 * -----------------------------------------------------------------------------------------------
 */

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
    check_error(octet("data sample --resize squeeze"), 2, "--resize");
    check_error(octet("data cifar10:/nowhere"), 1, "/nowhere");
    check_error(octet("data folder:%s", test_folder()), 1, "DIR/train");
    check_error(octet("data sample --png /nowhere/sheet.png"), 1, "/nowhere/sheet.png");
}

/* ---- eval
 * -----------------------------------------------------------------------------------------------
 */

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
                "did you mean test");
    check_error(octet("eval %s --data noise:8x8x3:4:100", q("model.tflite")), 1, "4 classes");
    check_error(octet("eval %s --data noise:8x8x3:4:100", q("model.safetensors")), 1, "4 classes");
    check_error(octet("eval %s --data sample --as float", q("model.tflite")), 2, "--as");
    check_error(octet("eval %s --data sample --mean 3", q("model.safetensors")), 2, "--mean");
    check_error(octet("eval %s --data noise:8x8x3:4:200 --as fake-quant", f("model.safetensors")),
                2, "has no ranges");
    check_error(octet("eval /nowhere --data sample"), 1, "/nowhere");
}

/* ---- quantize and export
 * -------------------------------------------------------------------------------- */

static void quantize_and_export_agree(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("quantize %s --data sample --calib 70 --out %s --save %s --json",
                               q("model.safetensors"), test_path("ptq.tflite"),
                               test_path("ptq.safetensors")));
    check_keys(o, "checkpoint method pictures file saved bytes");
    assert_int_equal(number(o, "pictures"), 70);
    cJSON_Delete(o);
    o = object_of(octet("export %s --format tflite --out %s --json", test_path("ptq.safetensors"),
                        test_path("again.tflite")));
    check_keys(o, "file format bytes");
    cJSON_Delete(o);
    check_same_files(test_path("ptq.tflite"), test_path("again.tflite"));
    check_done(octet("eval %s --data sample --quiet", test_path("ptq.tflite")));
}

static void export_of_a_run_is_its_model(void **state)
{
    (void)state;
    check_done(octet("export %s --out %s", q("model.safetensors"), test_path("same.tflite")));
    check_same_files(q("model.tflite"), test_path("same.tflite"));
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
}

static void every_granularity_and_width(void **state)
{
    (void)state;
    check_done(octet("quantize %s --data sample --calib 9 --granularity tensor --method ema "
                     "--weight-bits 4 --act-bits 6 --out %s",
                     q("model.safetensors"), test_path("coarse.tflite")));
    check_done(octet("eval %s --data sample --quiet", test_path("coarse.tflite")));
}

static void quantize_refuses(void **state)
{
    (void)state;
    const char *from = q("model.safetensors");
    check_error(octet("quantize %s --data sample --method entropy --out x", from), 2,
                "minmax and ema are");
    check_error(octet("quantize %s --data sample --method minimax --out x", from), 2,
                "did you mean minmax?");
    check_error(octet("quantize %s --data sample", from), 2, "--out");
    check_error(octet("quantize %s --out x", from), 2, "--data");
    check_error(octet("quantize %s --data sample --calib 0 --out x", from), 2, "--calib");
    check_error(octet("export %s --format onnx --out x", from), 2, "tflite is");
    check_error(octet("export %s --format tflit --out x", from), 2, "did you mean tflite?");
    check_error(octet("export %s", from), 2, "--out");
    check_error(octet("export %s --out x", f("model.safetensors")), 1,
                "has no quantization ranges");
}

static void the_old_file_survives(void **state)
{
    (void)state;
    const char *old = test_path("old.tflite");
    assert_ok(nn_file_write(old, "precious", 8));
    check_error(octet("quantize %s --data noise:8x8x3:4:100 --out %s", q("model.safetensors"), old),
                1, "4 classes");
    check_error(octet("export %s --out %s", f("model.safetensors"), old), 1, "ranges");
    nn_bytes file;
    assert_ok(nn_file_read(&file, old, 0));
    assert_int_equal(file.size, 8);
    assert_memory_equal(file.data, "precious", 8);
    nn_bytes_free(&file);
    check_error(octet("export %s --out %s", q("model.safetensors"), test_folder()), 1,
                test_folder());
}

/* ---- run
 * ------------------------------------------------------------------------------------------------
 */

static void run_classifies_pictures(void **state)
{
    (void)state;
    const char *picture = test_path("sheet.png");
    check_done(octet("data sample --quiet --png %s", picture));
    cJSON *o = object_of(octet("run %s %s %s --top 3 --json", q("model.tflite"), picture, picture));
    check_keys(o, "file results");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "results")), 2);
    const cJSON *one = item(o, "results", 1), *best = item(one, "top", 0);
    check_keys(one, "image top");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(one, "top")), 3);
    check_keys(best, "class label probability");
    assert_true(number(best, "probability") >= number(item(one, "top", 1), "probability"));
    cJSON_Delete(o);
}

static void probabilities_sum_to_one(void **state)
{
    (void)state;
    const char *picture = test_path("sheet.png");
    check_done(octet("data sample --quiet --png %s", picture));
    cJSON *o = object_of(octet("run %s %s --top 99 --json", q("model.tflite"), picture));
    const cJSON *one = item(o, "results", 0);
    double sum = 0;
    for (int i = 0; i < 10; i++)
        sum += number(item(one, "top", i), "probability");
    assert_true(sum > 0.9999 && sum < 1.0001);
    cJSON_Delete(o);
}

static void labels_have_to_fit(void **state)
{
    (void)state;
    const char *labels = test_path("labels.txt"), *picture = test_path("sheet.png");
    check_done(octet("data sample --quiet --png %s", picture));
    assert_ok(nn_file_write(labels, "a\nb\nc\r\nd\ne\nf\ng\nh\ni\nj\n\n", 22));
    const outcome *o = octet("run %s %s --labels %s --top 10", q("model.tflite"), picture, labels);
    check_done(o);
    assert_non_null(strstr(text_of(o->out), "  c\n"));
    assert_ok(nn_file_write(labels, "a\nb\n", 4));
    check_error(octet("run %s %s --labels %s", q("model.tflite"), picture, labels), 1,
                "2 names for a model with 10 classes");
}

static void raw_bytes_through_files_and_pipes(void **state)
{
    (void)state;
    enum { N = 5, IN = 28 * 28, OUT = 10 };
    uint8_t in[N * IN];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)test_noise_int(3, i, 0, 255);
    assert_ok(nn_file_write(test_path("in"), in, sizeof in));
    check_done(octet("run %s --raw %s --raw-out %s --threads 1", q("model.tflite"), test_path("in"),
                     test_path("out")));
    nn_bytes out;
    assert_ok(nn_file_read(&out, test_path("out"), 0));
    assert_int_equal(out.size, N * OUT);
    char pipe[COMMAND], arguments[COMMAND];
    snprintf(pipe, sizeof pipe, "cat %s |", test_path("in"));
    snprintf(arguments, sizeof arguments, "run %s --raw - --raw-out - --threads 3",
             q("model.tflite"));
    const outcome *o = octet_with(pipe, arguments);
    check_done(o);
    assert_int_equal(o->out.size, out.size);
    assert_memory_equal(o->out.data, out.data, out.size);
    nn_bytes_free(&out);
}

static void raw_bytes_have_to_fit(void **state)
{
    (void)state;
    const char *in = test_path("odd");
    assert_ok(nn_file_write(in, "odd", 3));
    check_error(octet("run %s --raw %s --raw-out -", q("model.tflite"), in), 1,
                "3 bytes are not a whole number of inputs of 784 bytes");
    check_error(octet("run %s --raw /dev/null --raw-out -", q("model.tflite")), 1, "/dev/null");
    check_error(octet("run %s --raw %s", q("model.tflite"), in), 2, "--raw-out");
}

static void run_refuses(void **state)
{
    (void)state;
    check_error(octet("run %s", q("model.tflite")), 2, "no picture");
    check_error(octet("run %s /nowhere.png", q("model.tflite")), 1, "/nowhere.png");
    check_error(octet("run %s x.png", q("model.safetensors")), 1, "TFL3");
    check_error(octet("run %s x.png --mean 1,2", q("model.tflite")), 2, "--mean");
    check_error(octet("run %s x.png --top 0", q("model.tflite")), 2, "--top");
}

/* ---- inspect
 * -------------------------------------------------------------------------------------------- */

static void inspect_a_tflite_file(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("inspect %s --json", q("model.tflite")));
    check_keys(o, "file format bytes description operators tensors inputs outputs parameters "
                  "parameter_bytes macs model_bytes arena_bytes arena_bound metadata");
    assert_string_equal(string(o, "format"), "tflite");
    assert_int_equal(number(o, "macs"), 416520);
    assert_true(number(o, "arena_bytes") >= number(o, "arena_bound"));
    check_keys(item(o, "operators", 0), "index op version inputs outputs macs options");
    assert_string_equal(string(item(o, "operators", 0), "op"), "CONV_2D");
    check_keys(item(o, "tensors", 0), "index name type shape bytes constant scale zero_point axis");
    assert_string_equal(string(item(o, "metadata", 0), "name"), "octet.preprocessing");
    cJSON_Delete(o);
    const outcome *t = octet("inspect %s", q("model.tflite"));
    check_done(t);
    assert_non_null(strstr(text_of(t->out), "FULLY_CONNECTED"));
    t = octet("inspect %s --dot", q("model.tflite"));
    check_done(t);
    assert_int_equal(strncmp(text_of(t->out), "digraph", 7), 0);
    check_error(octet("inspect %s --plan", q("model.tflite")), 2, "--plan");
}

static void inspect_a_checkpoint(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("inspect %s --plan --json", q("model.safetensors")));
    check_keys(o, "file format model step input mean std resize classes parameters macs quantized "
                  "has_ranges tensors ranges plan");
    assert_string_equal(string(o, "model"), "lenet");
    assert_int_equal(number(o, "step"), 12);
    check_keys(item(o, "ranges", 0), "name min max scale zero_point");
    check_keys(item(o, "plan", 0), "name op how why");
    assert_string_equal(string(item(o, "plan", 0), "how"), "fixed");
    cJSON_Delete(o);
    const outcome *t = octet("inspect %s", f("model.safetensors"));
    check_done(t);
    assert_non_null(strstr(text_of(t->out), "ranges are not known"));
    t = octet("inspect %s --dot", f("model.safetensors"));
    check_done(t);
    assert_int_equal(strncmp(text_of(t->out), "digraph", 7), 0);
}

/* ---- verify
 * --------------------------------------------------------------------------------------------- */

static void verify_finds_them_equal(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("verify %s %s --data sample --n 50 --min-agree 0.9 --json",
                               q("model.safetensors"), q("model.tflite")));
    check_keys(o, "checkpoint file split n agree codes_unequal outputs_equal outputs_steps first "
                  "constants layers");
    assert_int_equal(number(o, "n"), 50);
    assert_int_equal(number(o, "codes_unequal"), 0);
    const cJSON *layers = cJSON_GetObjectItem(o, "layers");
    assert_int_equal(cJSON_GetArraySize(layers), 8);
    for (const cJSON *l = layers->child; l != NULL; l = l->next) {
        check_keys(l, "name op n equal steps");
        assert_true(number(l, "steps") <= 1);
        assert_true(number(l, "equal") >= 0.99 * number(l, "n"));
    }
    cJSON_Delete(o);
    const outcome *t =
        octet("verify %s %s --data sample", q("model.safetensors"), q("model.tflite"));
    check_done(t);
    assert_non_null(strstr(text_of(t->out), "weight and bias codes: 61706 of 61706 equal"));
}

static void verify_does_not_depend_on_threads(void **state)
{
    (void)state;
    const outcome *o = octet("verify %s %s --data sample --n 60 --json --threads 1",
                             q("model.safetensors"), q("model.tflite"));
    check_done(o);
    char *one = strdup(text_of(o->out));
    o = octet("verify %s %s --data sample --n 60 --json --threads 3", q("model.safetensors"),
              q("model.tflite"));
    bool same = strcmp(one, text_of(o->out)) == 0;
    free(one);
    assert_true(same);
}

/* A changed weight: the codes differ, and the file is named. */
static void verify_finds_a_changed_weight(void **state)
{
    (void)state;
    nn_bytes file;
    assert_ok(nn_file_read(&file, q("model.tflite"), 0));
    file.data[file.size / 2] ^= 1; /* two thirds of the file are the weights of c5 */
    assert_ok(nn_file_write(test_path("changed.tflite"), file.data, file.size));
    nn_bytes_free(&file);
    const outcome *t = octet("verify %s %s --data sample --n 10", q("model.safetensors"),
                             test_path("changed.tflite"));
    assert_int_equal(t->code, 1);
    assert_non_null(
        strstr(text_of(t->err),
               "1 weight and bias codes are not the checkpoint's, the first in c5/weight"));
}

static void verify_refuses(void **state)
{
    (void)state;
    check_error(
        octet("verify %s %s --data noise:8x8x3:4:200", f("model.safetensors"), q("model.tflite")),
        1, "has no quantization ranges");
    check_done(octet("quantize %s --data noise:8x8x3:4:200 --out %s --save %s",
                     f("model.safetensors"), test_path("other.tflite"),
                     test_path("other.safetensors")));
    check_error(octet("verify %s %s --data noise:8x8x3:4:200", test_path("other.safetensors"),
                      q("model.tflite")),
                1, "q/model.tflite: tensor image");
    check_error(octet("verify %s %s", q("model.safetensors"), q("model.tflite")), 2, "--data");
}

/* ---- damaged files
 * -------------------------------------------------------------------------------------- */

/* Writes the first `size` bytes of a file to a new one. */
static const char *cut(const char *from, size_t size)
{
    nn_bytes file;
    const char *to = test_path("cut");
    assert_ok(nn_file_read(&file, from, 0));
    assert_true(size < file.size);
    assert_ok(nn_file_write(to, file.data, size));
    nn_bytes_free(&file);
    return to;
}

static void truncated_files(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 3, 8, 9, 100, 1000, 20000, 70000 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *model = cut(q("model.tflite"), sizes[i]);
        check_error(octet("inspect %s", model), 1, "cut");
        check_error(octet("eval %s --data sample", model), 1, "cut");
        check_error(octet("run %s %s", model, test_path("sheet.png")), 1, "cut");
        check_error(octet("verify %s %s --data sample", q("model.safetensors"), model), 1, "cut");
        const char *checkpoint = cut(q("model.safetensors"), sizes[i]);
        check_error(octet("inspect %s", checkpoint), 1, "cut");
        check_error(octet("export %s --out x", checkpoint), 1, "cut");
        check_error(octet("quantize %s --data sample --out x", checkpoint), 1, "cut");
        check_error(octet("verify %s %s --data sample", checkpoint, q("model.tflite")), 1, "cut");
    }
}

static void files_of_another_kind(void **state)
{
    (void)state;
    const char *garbage = test_path("garbage");
    uint8_t noise[5000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)test_noise_int(11, i, 0, 255);
    assert_ok(nn_file_write(garbage, noise, sizeof noise));
    check_error(octet("inspect %s", garbage), 1, "neither");
    check_error(octet("eval %s --data sample", garbage), 1, "neither");
    check_error(octet("run %s %s", garbage, garbage), 1, "TFL3");
    check_error(octet("run %s %s", q("model.tflite"), garbage), 1, "neither PNG nor JPEG");
    check_error(octet("export %s --out x", garbage), 1, "garbage");
    check_error(octet("inspect %s", test_folder()), 1, test_folder());
    check_error(octet("export %s --out x", q("model.tflite")), 1, "model.tflite");
    const char *picture = test_path("sheet.png");
    check_done(octet("data sample --quiet --png %s", picture));
    check_error(octet("run %s %s", q("model.tflite"), cut(picture, 200)), 1, "cut");
}

/* A flipped bit in a checkpoint is found by its checksum. */
static void changed_checkpoints(void **state)
{
    (void)state;
    nn_bytes file;
    assert_ok(nn_file_read(&file, q("model.safetensors"), 0));
    const char *changed = test_path("changed.safetensors");
    for (int i = 1; i < 8; i++) {
        size_t at = file.size * (size_t)i / 8;
        file.data[at] ^= 4;
        nn_status st = nn_file_write(changed, file.data, file.size);
        file.data[at] ^= 4;
        assert_ok(st);
        check_error(octet("inspect %s", changed), 1, "changed.safetensors");
    }
    nn_bytes_free(&file);
}

/* ---- the terminal
 * --------------------------------------------------------------------------------------- */

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

/* ---- models by others
 * ----------------------------------------------------------------------------------- */

static void a_cat_is_a_cat(void **state)
{
    (void)state;
    const char *model = test_shared("models/mobilenet_v1_0.25_128_uint8.tflite");
    if (model == NULL)
        test_skip("no models by others beside the checkout");
    char folder[PATH];
    snprintf(folder, sizeof folder, "%s", model);
    *strrchr(folder, '/') = '\0';
    const outcome *o = octet("run %s/mobilenet_v1_0.25_128_uint8.tflite %s/cat.png --top 3 "
                             "--labels %s/imagenet_labels.txt",
                             folder, folder, folder);
    check_done(o);
    assert_non_null(strstr(text_of(o->out), " cat"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage),
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
        cmocka_unit_test(export_of_a_run_is_its_model),
        cmocka_unit_test(results_go_to_stdout),
        cmocka_unit_test(every_granularity_and_width),
        cmocka_unit_test(quantize_refuses),
        cmocka_unit_test(the_old_file_survives),
        cmocka_unit_test(run_classifies_pictures),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(labels_have_to_fit),
        cmocka_unit_test(raw_bytes_through_files_and_pipes),
        cmocka_unit_test(raw_bytes_have_to_fit),
        cmocka_unit_test(run_refuses),
        cmocka_unit_test(inspect_a_tflite_file),
        cmocka_unit_test(inspect_a_checkpoint),
        cmocka_unit_test(verify_finds_them_equal),
        cmocka_unit_test(verify_does_not_depend_on_threads),
        cmocka_unit_test(verify_finds_a_changed_weight),
        cmocka_unit_test(verify_refuses),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(files_of_another_kind),
        cmocka_unit_test(changed_checkpoints),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(a_reader_that_goes_away_is_an_error),
        cmocka_unit_test(a_cat_is_a_cat),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
