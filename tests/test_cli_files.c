/* The commands that take a file apart or run it (run, inspect, verify), damaged files, and models
 * by others. */
#define _XOPEN_SOURCE 700
#include "tests/cli.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- run ------------------------------------------------------------------------------------- */

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
    check_error(octet("run %s x.png", q("model.safetensors")), 1, "`octet export");
    check_error(octet("run %s x.png --mean 1,2", q("model.tflite")), 2, "--mean");
    check_error(octet("run %s x.png --top 0", q("model.tflite")), 2, "--top");
}

/* ---- inspect --------------------------------------------------------------------------------- */

static void inspect_a_tflite_file(void **state)
{
    (void)state;
    cJSON *o = object_of(octet("inspect %s --json", q("model.tflite")));
    check_keys(o,
               "file format bytes description subgraphs operators tensors inputs outputs "
               "parameters parameter_bytes runs macs model_bytes arena_bytes arena_bound metadata");
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

/* A model with an operator that the runtime does not know is shown, and what keeps it from
 * running. */
static void inspect_what_does_not_run(void **state)
{
    (void)state;
    nn_bytes file;
    const char *other = test_path("other.tflite");
    assert_ok(nn_file_read(&file, q("model.tflite"), 0));
    for (size_t i = 0; i + 12 < file.size; i++) /* OperatorCode: version 2, MAX_POOL_2D twice */
        if (memcmp(file.data + i, "\2\0\0\0\x11\0\0\0", 8) == 0)
            file.data[i + 4] = 67; /* the larger of the two codes counts */
    assert_ok(nn_file_write(other, file.data, file.size));
    nn_bytes_free(&file);
    cJSON *o = object_of(octet("inspect %s --json", other));
    assert_false(cJSON_IsTrue(cJSON_GetObjectItem(o, "runs")));
    assert_non_null(strstr(string(o, "why"), "operator 1"));
    assert_string_equal(string(item(o, "operators", 1), "op"), "TRANSPOSE_CONV");
    assert_non_null(strstr(string(item(o, "operators", 1), "refused"), "octet runs"));
    assert_null(cJSON_GetObjectItem(item(o, "operators", 0), "refused"));
    cJSON_Delete(o);
    const outcome *t = octet("inspect %s", other);
    check_done(t);
    assert_non_null(strstr(text_of(t->out), "1! TRANSPOSE_CONV"));
    assert_non_null(strstr(text_of(t->out), "the runtime does not run it: operator 1"));
    t = octet("inspect %s --dot", other);
    check_done(t);
    assert_non_null(strstr(text_of(t->out), "color=red"));
    check_error(octet("eval %s --data sample", other), 1, "operator 1");
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

/* The table of layers has the scales that --json lists, and the file the same ones. */
static void inspect_shows_scales_beside_layers(void **state)
{
    (void)state;
    char checkpoint[PATH], scale[64], row[256];
    snprintf(checkpoint, sizeof checkpoint, "%s", q("model.safetensors"));
    cJSON *o = object_of(octet("inspect %s --json", checkpoint));
    const cJSON *range = item(o, "ranges", 0); /* of the input */
    assert_string_equal(string(range, "name"), "image");
    snprintf(scale, sizeof scale, "%12.6g %11d", item(range, "scale", 0)->valuedouble,
             item(range, "zero_point", 0)->valueint);
    cJSON_Delete(o);
    const char *text = text_of(octet("inspect %s", checkpoint)->out);
    const char *line = strstr(text, "\nimage ");
    assert_true(line != NULL && strstr(text, "zero point\n") != NULL);
    snprintf(row, sizeof row, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
    if (strstr(row, scale) == NULL)
        fail_msg("\"%s\" has no \"%s\"", row, scale);
    text = text_of(octet("inspect %s", f("model.safetensors"))->out);
    assert_null(strstr(text, "zero point"));
}

/* Runs a line on a terminal of 160 columns, which `script` makes. */
static const char *on_a_terminal(const char *environment, const char *line)
{
    char command[2 * COMMAND];
    snprintf(command, sizeof command,
             "env %s script -qec 'stty cols 160; %s' /dev/null </dev/null >%s 2>&1", environment,
             line, stdout_path);
    assert_int_equal(system(command), 0);
    static nn_bytes said;
    free(said.data);
    said = read_text(stdout_path);
    return text_of(said);
}

static void a_terminal_gets_colour_and_bars(void **state)
{
    (void)state;
    char line[COMMAND];
    const char *escape = "\033[", *block = "\xe2\x96\x81";
    if (system("command -v script >/dev/null && command -v stty >/dev/null") != 0)
        test_skip("script is not installed");
    snprintf(line, sizeof line, "%s inspect %s", program, q("model.safetensors"));
    assert_non_null(strstr(on_a_terminal("-u NO_COLOR TERM=xterm", line), escape));
    assert_null(strstr(on_a_terminal("NO_COLOR=1 TERM=xterm", line), escape));
    assert_null(strstr(on_a_terminal("-u NO_COLOR TERM=dumb", line), escape));
    assert_null(strstr(text_of(octet("inspect %s", q("model.safetensors"))->out), escape));
    snprintf(line, sizeof line,
             "%s train --data sample --model lenet --batch 8 --steps 200 --out %s --overwrite "
             "--threads 1",
             program, test_path("live"));
    assert_non_null(strstr(on_a_terminal("LC_ALL=C.UTF-8 TERM=xterm", line), block));
    assert_null(strstr(on_a_terminal("LC_ALL=C TERM=xterm", line), block));
}

/* ---- verify ---------------------------------------------------------------------------------- */

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

/* ---- damaged files --------------------------------------------------------------------------- */

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
    check_error(octet("inspect %s", test_folder()), 1, "is a folder; name a file");
    check_error(octet("export %s --out x", test_folder()), 1, "is a folder; name a file");
    const char *fifo = test_path("fifo"); /* nobody will ever write to it */
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_error(octet("inspect %s", fifo), 1, "is not a regular file");
    check_error(octet("eval %s --data sample", fifo), 1, "is not a regular file");
    check_error(octet("export %s --out x", q("model.tflite")), 1, "is a .tflite file");
    check_error(octet("verify %s %s --data sample", q("model.tflite"), q("model.safetensors")), 1,
                "is a .tflite file");
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

/* ---- models by others ------------------------------------------------------------------------ */

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
        cmocka_unit_test(run_classifies_pictures),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(labels_have_to_fit),
        cmocka_unit_test(raw_bytes_through_files_and_pipes),
        cmocka_unit_test(raw_bytes_have_to_fit),
        cmocka_unit_test(run_refuses),
        cmocka_unit_test(inspect_a_tflite_file),
        cmocka_unit_test(inspect_what_does_not_run),
        cmocka_unit_test(inspect_a_checkpoint),
        cmocka_unit_test(inspect_shows_scales_beside_layers),
        cmocka_unit_test(a_terminal_gets_colour_and_bars),
        cmocka_unit_test(verify_finds_them_equal),
        cmocka_unit_test(verify_does_not_depend_on_threads),
        cmocka_unit_test(verify_finds_a_changed_weight),
        cmocka_unit_test(verify_refuses),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(files_of_another_kind),
        cmocka_unit_test(changed_checkpoints),
        cmocka_unit_test(a_cat_is_a_cat),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
