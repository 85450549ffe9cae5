/* ONNX and GraphDef files: their messages, taken apart by protobuf-c again, and what is refused. */
#define _XOPEN_SOURCE 700
#include <protobuf-c/protobuf-c.h>

#include "export/graphdef.pb-c.h"
#include "export/onnx.pb-c.h"
#include "tests/cli.h"

/* The file of the checkpoint in that form. */
static nn_bytes exported(const char *checkpoint, const char *form)
{
    nn_bytes file;
    check_done(octet("export %s --format %s --out %s", checkpoint, form, test_path("form")));
    assert_ok(nn_file_read(&file, test_path("form"), 0));
    return file;
}

static Onnx__ModelProto *read_onnx(const char *checkpoint, const char *form)
{
    nn_bytes file = exported(checkpoint, form);
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, file.size, file.data);
    nn_bytes_free(&file);
    assert_non_null(m);
    return m;
}

static Tensorflow__GraphDef *read_graphdef(const char *checkpoint, const char *form)
{
    nn_bytes file = exported(checkpoint, form);
    Tensorflow__GraphDef *g = tensorflow__graph_def__unpack(NULL, file.size, file.data);
    nn_bytes_free(&file);
    assert_non_null(g);
    return g;
}

static int count_onnx(const Onnx__ModelProto *m, const char *type)
{
    int n = 0;
    for (size_t i = 0; i < m->graph->n_node; i++)
        n += strcmp(m->graph->node[i]->op_type, type) == 0;
    return n;
}

static int count_tensorflow(const Tensorflow__GraphDef *g, const char *op)
{
    int n = 0;
    for (size_t i = 0; i < g->n_node; i++)
        n += strcmp(g->node[i]->op, op) == 0;
    return n;
}

/* lenet: 2 convolutions, 3 dense layers; image, 5 results and what pools and flattening keep. */
static void onnx_has_codes_where_there_are_ranges(void **state)
{
    (void)state;
    Onnx__ModelProto *m = read_onnx(q("model.safetensors"), "onnx");
    assert_int_equal(count_onnx(m, "Conv"), 2);
    assert_int_equal(count_onnx(m, "Gemm"), 3);
    assert_int_equal(count_onnx(m, "QuantizeLinear"), 9);
    assert_int_equal(count_onnx(m, "DequantizeLinear"), 9 + 5 + 5);
    for (size_t i = 0; i < m->graph->n_initializer; i++) {
        const Onnx__TensorProto *t = m->graph->initializer[i];
        if (strcmp(t->name, "c1/weight/quant/codes") == 0)
            assert_int_equal(t->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__INT8);
    }
    assert_int_equal(m->n_metadata_props, 2);
    onnx__model_proto__free_unpacked(m, NULL);
}

static void float_forms_have_no_quantization(void **state)
{
    (void)state;
    Onnx__ModelProto *m = read_onnx(q("model.safetensors"), "onnx-float");
    assert_int_equal(count_onnx(m, "Conv"), 2);
    assert_int_equal(count_onnx(m, "DequantizeLinear"), 0);
    onnx__model_proto__free_unpacked(m, NULL);
    m = read_onnx(f("model.safetensors"), "onnx");
    assert_int_equal(count_onnx(m, "DequantizeLinear"), 0);
    onnx__model_proto__free_unpacked(m, NULL);
    Tensorflow__GraphDef *g = read_graphdef(f("model.safetensors"), "graphdef");
    assert_int_equal(count_tensorflow(g, "Placeholder"), 1);
    assert_int_equal(count_tensorflow(g, "FakeQuantWithMinMaxVars"), 0);
    tensorflow__graph_def__free_unpacked(g, NULL);
}

static void graphdef_has_fake_quantization(void **state)
{
    (void)state;
    Tensorflow__GraphDef *g = read_graphdef(q("model.safetensors"), "graphdef");
    assert_int_equal(count_tensorflow(g, "Conv2D"), 2);
    assert_int_equal(count_tensorflow(g, "MatMul"), 3);
    assert_int_equal(count_tensorflow(g, "FakeQuantWithMinMaxVars"), 6);
    assert_int_equal(count_tensorflow(g, "FakeQuantWithMinMaxVarsPerChannel"), 5);
    tensorflow__graph_def__free_unpacked(g, NULL);
}

static void the_same_checkpoint_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char *const forms[] = { "onnx", "graphdef" };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        nn_bytes a = exported(q("model.safetensors"), forms[i]);
        nn_bytes b = exported(q("model.safetensors"), forms[i]);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
        nn_bytes_free(&a);
        nn_bytes_free(&b);
    }
}

static void what_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    check_error(octet("export %s --format onnx --out %s", q("model.tflite"), test_path("form")), 1,
                "model.tflite");
    check_error(octet("export %s --format onxn --out x", q("model.safetensors")), 2, "onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onnx_has_codes_where_there_are_ranges),
        cmocka_unit_test(float_forms_have_no_quantization),
        cmocka_unit_test(graphdef_has_fake_quantization),
        cmocka_unit_test(the_same_checkpoint_gives_the_same_bytes),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
