/* octet bench: what it counts, its keys, its errors, and taking turns.  No test looks at a time. */
#include "export/crew.h"
#include "export/integer.h"
#include "nn/base/mem.h"
#include "nn/kernels/peak.h"
#include "runtime/cpu.h"
#include "tests/cli.h"

/* `octet bench ARGUMENTS` as JSON; delete it. */
static cJSON *bench_json(const char *arguments)
{
    return object_of(octet("bench %s", arguments));
}

static double sum(const cJSON *list, const char *key)
{
    double total = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) total += number(item, key);
    return total;
}

static void assert_near(double is, double wanted, double tolerance)
{
    if (!(is >= wanted - tolerance && is <= wanted + tolerance))
        fail_msg("%.9g, wanted %.9g", is, wanted);
}

/* ---- training -------------------------------------------------------------------------------- */

#define SMALL "train --model mlp --input 8x8x1 --batch 4 --steps 3 --threads 1 "

/* mlp at 8x8x1 and 10 classes: 64-256-128-64-10.  A step multiplies once forward, once for the
 * weights and, but for the first layer, once for the input. */
static void operations_are_counted(void **state)
{
    (void)state;
    const double first = 64 * 256, others = 256 * 128 + 128 * 64 + 64 * 10, batch = 4;
    cJSON *o = bench_json(SMALL "--json");
    double seconds = number(o, "step_ms_median") / 1e3;
    assert_near(number(o, "gflops") * seconds, 1e-9 * 2 * batch * (2 * first + 3 * others), 1e-12);
    assert_near(number(o, "images_per_s") * seconds, batch, 1e-9);
    cJSON_Delete(o);
}

static const cJSON *op_of(const cJSON *o, const char *op, const char *layer)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(o, "ops"))
    {
        const char *a = cJSON_GetStringValue(cJSON_GetObjectItem(item, "op"));
        const char *b = cJSON_GetStringValue(cJSON_GetObjectItem(item, "layer"));
        if (strcmp(a, op) == 0 && strcmp(b, layer) == 0)
            return item;
    }
    fail_msg("no %s in layer %s", op, layer);
    return NULL;
}

/* The last layer of the mlp: 64 to 10 for 4 pictures.  Forward reads x, weights and bias and writes
 * y; backward reads dy, x and the weights, and writes dx, dW and db. */
static void least_bytes_are_counted(void **state)
{
    (void)state;
    const double x = 4 * 64, w = 64 * 10, b = 10, y = 4 * 10;
    cJSON *o = bench_json(SMALL "--json");
    const cJSON *dense = op_of(o, "dense", "logits");
    assert_near(1e6 * number(dense, "mb"), 4 * ((x + w + b + y) + (y + x + w) + (x + w + b)), 0.5);
    cJSON_Delete(o);
}

static void parts_are_within_the_whole(void **state)
{
    (void)state;
    cJSON *o = bench_json(SMALL "--json");
    const cJSON *ops = cJSON_GetObjectItem(o, "ops");
    assert_true(cJSON_GetArraySize(ops) > 5);
    assert_true(sum(ops, "forward_ms") <= number(o, "forward_ms"));
    assert_true(sum(ops, "backward_ms") <= number(o, "backward_ms"));
    assert_true(number(o, "step_ms_p10") <= number(o, "step_ms_median"));
    assert_true(number(o, "step_ms_median") <= number(o, "step_ms_p90"));
    assert_true(number(o, "planned_mb") > 0);
    assert_true(number(o, "planned_mb") < number(o, "peak_rss_mb"));
    assert_true(number(o, "start_to_step_ms") >= 0);
    assert_true(number(o, "parameters") == 64 * 256 + 256 * 128 + 128 * 64 + 64 * 10 + 458);
    cJSON_Delete(o);
}

static void quantized_steps_have_their_ops(void **state)
{
    (void)state;
    cJSON *o = bench_json(SMALL "--json --qat");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "qat")));
    assert_non_null(op_of(o, "fakequant", "image"));
    cJSON_Delete(o);
}

/* A network that could not be trained so, on noise and with batch norms of two values, is timed. */
static void steps_do_not_diverge(void **state)
{
    (void)state;
    check_done(octet("bench train --model mobilenet_v2 --width 0.25 --input 8x8x3 --batch 2 "
                     "--steps 3 --threads 1"));
}

static void text_names_every_layer(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "mlp, 8x8x1, batch 4, float, 1 thread", "\nfc1 ", "\nfc3 ", "\nlogits ", "\nop ", "\ndense "
    };
    const outcome *o = octet("bench " SMALL);
    check_done(o);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_non_null(strstr(text_of(o->out), parts[i]));
}

/* ---- inference ------------------------------------------------------------------------------- */

static void made_file_is_a_model(void **state)
{
    (void)state;
    char line[COMMAND];
    snprintf(line, sizeof line, "infer --model lenet --input 28x28x1 --runs 3 --json --out %s",
             test_path("lenet.tflite"));
    cJSON *o = bench_json(line);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "file")),
                        test_path("lenet.tflite"));
    assert_true(number(o, "macs") > 0);
    assert_near(sum(cJSON_GetObjectItem(o, "ops"), "macs"), number(o, "macs"), 0);
    assert_near(sum(cJSON_GetObjectItem(o, "ops"), "percent"), 100, 1e-6);
    assert_true(number(o, "latency_us_p10") <= number(o, "latency_us_median"));
    assert_true(number(o, "latency_us_median") <= number(o, "latency_us_p99"));
    snprintf(line, sizeof line, "infer %s --runs 3 --json", test_path("lenet.tflite"));
    cJSON *again = bench_json(line);
    assert_near(number(again, "macs"), number(o, "macs"), 0);
    assert_near(number(again, "arena_bytes"), number(o, "arena_bytes"), 0);
    cJSON_Delete(again);
    cJSON_Delete(o);
}

/* The output for noise, with the runs' tasks on `threads` threads. */
static void run_file(uint8_t *codes, size_t n, nn_bytes file, int threads)
{
    ex_integer m;
    void *arena;
    ex_crew *crew;
    rt_options options = rt_options_default();
    options.workers = threads;
    options.kernels = rt_kernels_best();
    assert_ok(ex_crew_new(&crew, threads));
    assert_ok(ex_integer_open(&m, file.data, file.size, &options));
    assert_ok(ex_integer_arena(&arena, m.model));
    const rt_tensor *in = rt_tensor_at(m.model, rt_input(m.model, 0));
    int8_t *x = rt_data(m.model, arena, rt_input(m.model, 0));
    for (size_t i = 0; i < in->bytes; i++)
        x[i] = (int8_t)test_noise_int(1, i, -128, 127);
    rt_run(m.model, arena, ex_crew_parallel(crew));
    assert_int_equal(rt_tensor_at(m.model, rt_output(m.model, 0))->bytes, n);
    memcpy(codes, rt_data(m.model, arena, rt_output(m.model, 0)), n);
    nn_mem_free(arena);
    ex_integer_close(&m);
    ex_crew_free(crew);
}

static void threads_give_equal_codes(void **state)
{
    (void)state;
    char line[COMMAND];
    uint8_t one[10], some[10];
    nn_bytes file;
    snprintf(line, sizeof line, "infer --model resnet8 --input 32x32x3 --runs 1 --out %s",
             test_path("resnet8.tflite"));
    check_done(octet("bench %s", line));
    assert_ok(nn_file_read(&file, test_path("resnet8.tflite"), 0));
    run_file(one, sizeof one, file, 1);
    for (int threads = 2; threads <= 7; threads += 5) {
        run_file(some, sizeof some, file, threads);
        assert_memory_equal(some, one, sizeof one);
    }
    nn_bytes_free(&file);
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void turns_answer_each_line(void **state)
{
    (void)state;
    const char *const benches[] = { "bench " SMALL "--turns",
                                    "bench infer --model mlp --input 8x8x1 --turns --threads 1" };
    for (int i = 0; i < 2; i++) {
        const outcome *o = octet_with("printf '3\n1\n' |", benches[i]);
        check_done(o);
        const char *second = strchr(text_of(o->out), '\n');
        assert_non_null(second);
        cJSON *a = cJSON_Parse(text_of(o->out)), *b = cJSON_Parse(second + 1);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(a, "ms")), 3);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(b, "ms")), 1);
        cJSON_Delete(a);
        cJSON_Delete(b);
    }
}

static void turns_must_be_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = { "x", "0", "-1", "2x", "99999999999", "" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char before[64];
        snprintf(before, sizeof before, "echo '%s' |", bad[i]);
        check_error(octet_with(before, "bench " SMALL "--turns"), 2, "not a number");
    }
}

/* ---- single layers --------------------------------------------------------------------------- */

/* A dense layer of 512 to 512 for 512 items: 2 512^3 operations, and twice that backward. */
static void layers_are_counted(void **state)
{
    (void)state;
    const double ops = 2.0 * 512 * 512 * 512, macs = 64 * 8 * 8 * 9 * 64;
    cJSON *o = bench_json("kernels 512x512x512 --json");
    const cJSON *gemm = item(o, "float", 0);
    assert_near(number(gemm, "gflops_forward") * number(gemm, "forward_ms"), 1e-6 * ops, 1e-6);
    assert_near(number(gemm, "gflops_backward") * number(gemm, "backward_ms"), 2e-6 * ops, 1e-6);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "int8")), 0);
    cJSON_Delete(o);
    o = bench_json("kernels '64-64, 8x8' --json");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "float")), 1);
    const cJSON *conv = item(o, "int8", 0);
    assert_near(number(conv, "gmacs") * number(conv, "us"), 1e-3 * macs, 1e-6);
    cJSON_Delete(o);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static void peaks_are_measured(void **state)
{
    (void)state;
    cJSON *o = bench_json("peak --json --threads 2");
    const char *const keys[] = { "fma_gflops_1",    "fma_gflops",    "dot_gops_1",
                                 "dot_gops",        "read_gb_per_s", "read_gb_per_s_1",
                                 "copy_gb_per_s_1", "copy_gb_per_s" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_true(number(o, keys[i]) > 0);
    assert_near(number(o, "threads"), 2, 0);
    cJSON_Delete(o);
}

static void loops_follow_the_limit(void **state)
{
    (void)state;
    rt_cpu_limit(0);
    assert_string_equal(nn_peak_loops().fma.isa, "c");
    assert_string_equal(nn_peak_loops().dot.isa, "c");
    rt_cpu_limit(RT_CPU_AVX2);
    const char *want = rt_cpu_flags() & RT_CPU_AVX2 ? "avx2" : "c";
    assert_string_equal(nn_peak_loops().fma.isa, want);
    assert_string_equal(nn_peak_loops().dot.isa, want);
    rt_cpu_limit(~0u);
    nn_peak_loops().fma.run(10);
    nn_peak_loops().dot.run(10);
    assert_true(nn_peak_loops().fma.ops > 0 && nn_peak_loops().dot.ops > 0);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void errors_say_what_to_do(void **state)
{
    (void)state;
    check_error(octet("bench " SMALL "--classes 65536"), 2, "--classes");
    static const struct {
        const char *arguments, *part;
        int code;
    } cases[] = {
        { "trian", "did you mean train?", 2 },
        { "train", "--input: is missing", 2 },
        { "train --input 8x8x1", "--model: is missing", 2 },
        { "train --input 8x8 --model mlp", "\"8x8\" is not HxWxC, as in 32x32x3", 2 },
        { "train --input 8x8x2 --model mlp", "C is 1 or 3", 2 },
        { "train --input 8x8x1x --model mlp", "is not HxWxC", 2 },
        { "train --input 0x8x1 --model mlp", "--input", 2 },
        { "train --input 8x8x1 --model mpl", "did you mean mlp?", 2 },
        { "train --input 8x8x1 --model mlp --batch 0", "--batch", 2 },
        { "train --input 8x8x1 --model mlp file", "file: takes no file", 2 },
        { "train --input 8x8x1 --model mlp --out f", "--out", 2 },
        { "train --input 8x8x1 --model mlp --max-macs 10", "raise it with --max-macs", 1 },
        { "infer", "name a .tflite file", 2 },
        { "infer Makefile --model mlp", "leave them out", 2 },
        { "infer Makefile", "Makefile: ", 1 },
        { "infer not/there", "not/there", 1 },
        { "peak file", "takes no file", 2 },
        { "kernels nothing", "nothing: is in no layer's name", 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_error(octet("bench %s", cases[i].arguments), cases[i].code, cases[i].part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_are_counted),
        cmocka_unit_test(least_bytes_are_counted),
        cmocka_unit_test(parts_are_within_the_whole),
        cmocka_unit_test(quantized_steps_have_their_ops),
        cmocka_unit_test(steps_do_not_diverge),
        cmocka_unit_test(text_names_every_layer),
        cmocka_unit_test(made_file_is_a_model),
        cmocka_unit_test(threads_give_equal_codes),
        cmocka_unit_test(turns_answer_each_line),
        cmocka_unit_test(turns_must_be_numbers),
        cmocka_unit_test(layers_are_counted),
        cmocka_unit_test(peaks_are_measured),
        cmocka_unit_test(loops_follow_the_limit),
        cmocka_unit_test(errors_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
