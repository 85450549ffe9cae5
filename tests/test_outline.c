/* outline: files that octet does not run are described, hostile ones are refused. */
#include "export/flatbuf.h"
#include "export/outline.h"
#include "export/tfl_ops.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

typedef struct fixture {
    nn_arena *arena;
    nn_bytes file;
    ex_outline o;
} fixture;

/* The least model: x -> RELU -> y. */
static void write_relu(fixture *f)
{
    const float scale = 0.5f;
    tfl_model *m = NULL;
    tfl_tensor t = { .name = "x",
                     .type = TFL_TYPE_INT8,
                     .rank = 2,
                     .dim = { 1, 4 },
                     .quant = { .n = 1, .scale = &scale } };
    int32_t x, y;
    assert_ok(tfl_model_new(&m, f->arena, "main", "the least"));
    assert_ok(tfl_add_tensor(&x, m, &t));
    t.name = "y";
    assert_ok(tfl_add_tensor(&y, m, &t));
    assert_ok(tfl_add_operator(
        m, &(tfl_operator){ .code = TFL_OP_RELU, .n_in = 1, .n_out = 1, .in = &x, .out = &y }));
    assert_ok(tfl_add_input(m, x, NULL));
    assert_ok(tfl_add_output(m, y, NULL));
    assert_ok(ex_tflite_write(&f->file, m));
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    assert_ok(nn_arena_new(&f->arena));
    write_relu(f);
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    nn_bytes_free(&f->file);
    nn_arena_free(f->arena);
    free(f);
    return 0;
}

/* Where the operator's code stands: version 2, code 19, code 19 as a byte. */
static uint8_t *code_of(fixture *f)
{
    for (size_t i = 0; i + 12 < f->file.size; i++)
        if (memcmp(f->file.data + i, "\2\0\0\0\x13\0\0\0", 8) == 0)
            return f->file.data + i;
    fail_msg("no operator code");
    return NULL;
}

static nn_status read_all(fixture *f)
{
    return ex_outline_read(&f->o, f->arena, f->file.data, f->file.size);
}

static void a_model_that_runs(void **state)
{
    fixture *f = *state;
    assert_ok(read_all(f));
    assert_int_equal(f->o.n_tensors, 2);
    assert_int_equal(f->o.n_operators, 1);
    assert_string_equal(f->o.description, "the least");
    assert_string_equal(f->o.operators[0].name, "RELU");
    assert_int_equal(f->o.operators[0].version, 2);
    assert_null(f->o.refused[0]);
    assert_string_equal(f->o.tensors[f->o.inputs[0]].name, "x");
    assert_string_equal(f->o.tensors[f->o.outputs[0]].name, "y");
    assert_true(f->o.tensors[0].scale == 0.5f && f->o.tensors[0].dim[1] == 4);
    assert_string_equal(f->o.metadata[0].name, "min_runtime_version");
    assert_int_equal(f->o.metadata[0].size, 16);
}

static void operators_that_octet_does_not_run(void **state)
{
    fixture *f = *state;
    uint8_t *code = code_of(f);
    code[4] = 67;
    assert_ok(read_all(f));
    assert_string_equal(f->o.operators[0].name, "TRANSPOSE_CONV");
    assert_non_null(strstr(f->o.refused[0], "not an operator"));
    code[4] = TFL_OP_CUSTOM;
    assert_ok(read_all(f));
    assert_string_equal(f->o.operators[0].name, "CUSTOM");
    assert_non_null(f->o.refused[0]);
    code[5] = 200; /* beyond all codes */
    assert_ok(read_all(f));
    assert_non_null(strstr(f->o.operators[0].name, "operator "));
    code[5] = 0;
    code[4] = TFL_OP_RELU;
    code[0] = 77;
    assert_ok(read_all(f));
    assert_non_null(strstr(f->o.refused[0], "version 77"));
}

static void the_runtimes_reason_is_put_to_its_operator(void **state)
{
    fixture *f = *state;
    assert_ok(read_all(f));
    ex_outline_blame(&f->o, "operator 7 (RELU): nobody");
    ex_outline_blame(&f->o, "tensor 0: nobody");
    assert_null(f->o.refused[0]);
    ex_outline_blame(&f->o, "operator 0 (RELU): type FLOAT16");
    assert_string_equal(f->o.refused[0], "type FLOAT16");
}

/* Truncated at every byte, and every byte in turn changed: an error or an outline, nothing else. */
static void damaged_files(void **state)
{
    fixture *f = *state;
    for (size_t n = 0; n < f->file.size; n++) {
        uint8_t *copy = test_guard_new(n, 0);
        memcpy(copy, f->file.data, n);
        nn_status st = ex_outline_read(&f->o, f->arena, copy, n);
        assert_true(st == NN_OK || st == NN_EFORMAT || st == NN_ENOTSUP);
        test_guard_free(copy);
    }
    static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
    for (size_t i = 0; i < f->file.size; i++)
        for (size_t k = 0; k < sizeof values; k++) {
            uint8_t old = f->file.data[i];
            f->file.data[i] = values[k];
            nn_status st = read_all(f);
            assert_true(st == NN_OK || st == NN_EFORMAT || st == NN_ENOTSUP);
            f->file.data[i] = old;
        }
}

/* Thousands of tensors that share one list of thousands of scales: a small file, a long listing. */
static void shared_lists_do_not_explode(void **state)
{
    enum { N = 3000 };
    fixture *f = *state;
    static float scale[N];
    static int64_t zero[N];
    static fb_ref tensor[N];
    fb_builder b;
    fb_start(&b, 1 << 24);
    fb_ref scales = fb_floats(&b, scale, N), zeros = fb_int64s(&b, zero, N);
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_QUANT_SCALE, scales);
    fb_put_ref(&b, TFL_SLOT_QUANT_ZERO_POINT, zeros);
    fb_ref quant = fb_end(&b);
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_TENSOR_QUANTIZATION, quant);
    fb_ref shared = fb_end(&b);
    for (int i = 0; i < N; i++)
        tensor[i] = shared;
    fb_ref tensors = fb_refs(&b, tensor, N);
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_SUBGRAPH_TENSORS, tensors);
    fb_ref graph = fb_end(&b), graphs = fb_refs(&b, &graph, 1);
    fb_table(&b);
    fb_put_int32(&b, TFL_SLOT_MODEL_VERSION, TFL_MODEL_VERSION, 0);
    fb_put_ref(&b, TFL_SLOT_MODEL_SUBGRAPHS, graphs);
    nn_bytes_free(&f->file);
    assert_ok(fb_finish(&b, fb_end(&b), TFL_IDENTIFIER, &f->file));
    assert_fails(read_all(f), NN_ENOTSUP, "longer than the file");
}

/* A file by hand, of one tensor and one operator of another maker, "Mine"; `rank` dimensions, and
 * the tensor's bytes in buffer `buffer` of two. */
static void write_custom(fixture *f, int rank, int32_t buffer)
{
    static const int32_t dims[RT_MAX_RANK + 1] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    fb_builder b;
    fb_ref buffers[2];
    fb_start(&b, 1 << 16);
    fb_ref shape = fb_int32s(&b, dims, (size_t)rank), name = fb_string(&b, "x");
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_TENSOR_SHAPE, shape);
    fb_put_ref(&b, TFL_SLOT_TENSOR_NAME, name);
    fb_put_int32(&b, TFL_SLOT_TENSOR_BUFFER, buffer, 0);
    fb_ref tensor = fb_end(&b), tensors = fb_refs(&b, &tensor, 1);
    fb_table(&b);
    fb_ref op = fb_end(&b), ops = fb_refs(&b, &op, 1);
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_SUBGRAPH_TENSORS, tensors);
    fb_put_ref(&b, TFL_SLOT_SUBGRAPH_OPERATORS, ops);
    fb_ref graph = fb_end(&b), graphs = fb_refs(&b, &graph, 1), mine = fb_string(&b, "Mine");
    fb_table(&b);
    fb_put_ref(&b, TFL_SLOT_OPCODE_CUSTOM, mine);
    fb_put_int32(&b, TFL_SLOT_OPCODE_BUILTIN, TFL_OP_CUSTOM, 0);
    fb_ref code = fb_end(&b), codes = fb_refs(&b, &code, 1);
    fb_table(&b);
    buffers[0] = buffers[1] = fb_end(&b);
    fb_ref all = fb_refs(&b, buffers, 2);
    fb_table(&b);
    fb_put_int32(&b, TFL_SLOT_MODEL_VERSION, TFL_MODEL_VERSION, 0);
    fb_put_ref(&b, TFL_SLOT_MODEL_OPERATOR_CODES, codes);
    fb_put_ref(&b, TFL_SLOT_MODEL_SUBGRAPHS, graphs);
    fb_put_ref(&b, TFL_SLOT_MODEL_BUFFERS, all);
    nn_bytes_free(&f->file);
    assert_ok(fb_finish(&b, fb_end(&b), TFL_IDENTIFIER, &f->file));
}

static void files_of_other_makers(void **state)
{
    fixture *f = *state;
    write_custom(f, RT_MAX_RANK, 1);
    assert_ok(read_all(f));
    assert_int_equal(f->o.tensors[0].rank, RT_MAX_RANK);
    assert_null(f->o.tensors[0].data);
    assert_string_equal(f->o.operators[0].name, "Mine");
    assert_string_equal(f->o.refused[0], "not an operator that octet runs");
    write_custom(f, RT_MAX_RANK + 1, 1);
    assert_fails(read_all(f), NN_ENOTSUP, "shape has 9 dimensions; at most 8 are listed");
    write_custom(f, 2, 2);
    assert_fails(read_all(f), NN_EFORMAT, "buffer 2 of 2");
}

static void memory_may_run_out(void **state)
{
    fixture *f = *state;
    nn_arena *small;
    for (size_t k = 1; k < 4; k++) {
        assert_ok(nn_arena_new(&small));
        nn_mem_fail_after(k);
        nn_status st = ex_outline_read(&f->o, small, f->file.data, f->file.size);
        nn_mem_fail_after(0);
        assert_true(st == NN_OK || st == NN_ENOMEM);
        nn_arena_free(small);
    }
}

static void every_operator_has_its_name(void **state)
{
    (void)state;
    for (int code = 0; code <= TFL_OP_LAST_DEFINED; code++) {
        assert_non_null(tfl_schema_name(code));
        if (tfl_op_name((enum tfl_op)code) != NULL)
            assert_string_equal(tfl_schema_name(code), tfl_op_name((enum tfl_op)code));
    }
    assert_null(tfl_schema_name(-1));
    assert_null(tfl_schema_name(TFL_OP_LAST_DEFINED + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_model_that_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(operators_that_octet_does_not_run, setup, teardown),
        cmocka_unit_test_setup_teardown(the_runtimes_reason_is_put_to_its_operator, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(damaged_files, setup, teardown),
        cmocka_unit_test_setup_teardown(shared_lists_do_not_explode, setup, teardown),
        cmocka_unit_test_setup_teardown(files_of_other_makers, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_run_out, setup, teardown),
        cmocka_unit_test(every_operator_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
