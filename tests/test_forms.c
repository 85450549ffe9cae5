/* ONNX and GraphDef files: their messages, taken apart by protobuf-c again, and what is refused. */
#define _XOPEN_SOURCE 700
#include <protobuf-c/protobuf-c.h>

#include "export/graphdef.h"
#include "export/graphdef.pb-c.h"
#include "export/onnx.h"
#include "export/onnx.pb-c.h"
#include "nn/base/mem.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
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

/* ---- graphs ---------------------------------------------------------------------------------- */

enum { SIDE = 12, CHANNELS = 3, PIXELS = SIDE * SIDE * CHANNELS, IMAGES = 4 };

typedef nn_node *network(nn_graph *g, nn_node *x);
typedef nn_status writer(nn_bytes *out, const nn_graph *g, const ex_info *info);

static const ex_info info = { .name = "net", .description = "test" };

/* Each operator that has a form, padding that TensorFlow has no name for, a dilation. */
static nn_node *every_node(nn_graph *g, nn_node *x)
{
    x = nn_conv_bn(g, x, "stem",
                   (nn_conv){ .out = 8, .k = 3, .pad = NN_EXPLICIT, .top = 1, .left = 2 },
                   NN_HARD_SWISH);
    nn_node *y = nn_depthwise_bn(g, x, "dw", (nn_conv){ .k = 3, .multiplier = 2 }, NN_RELU6);
    y = nn_conv_bn(g, y, "pw", (nn_conv){ .out = 8, .k = 1 }, NN_LINEAR);
    x = nn_relu(g, nn_add(g, y, x, "add"), "add/relu");
    nn_node *gate = nn_conv2d(g, x, "gate", (nn_conv){ .out = 8, .k = 1 });
    x = nn_mul(g, x, nn_logistic(g, gate, "sigmoid"), "gated");
    y = nn_max_pool(g, x, "pool", (nn_conv){ .k = 3, .s = 1 });
    x = nn_conv2d(g, x, "branch", (nn_conv){ .out = 4, .k = 3, .d = 2, .bias = true });
    x = nn_concat(g, (nn_node *[]){ y, x }, 2, "concat");
    x = nn_avg_pool(g, x, "avg", (nn_conv){ .k = 2 });
    x = nn_pad(g, x, "pad", (nn_pad_attr){ .after = { 0, 1, 0, 3 } });
    x = nn_conv_bn(g, x, "late", (nn_conv){ .out = 12, .k = 3, .s = 2 }, NN_RELU);
    return nn_softmax(g, nn_dense(g, nn_global_avg_pool(g, x, "gap"), "fc", 5), "softmax");
}

typedef struct graphs {
    nn_params *params;
    nn_graph *from, *g; /* as it is built, and as it is written */
} graphs;

static void build(graphs *f, network *net, const char *input, const quant_config *config)
{
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    assert_ok(nn_graph_new(&f->g, f->params));
    nn_node *x = nn_input(f->from, input, NN_SHAPE(NN_BATCH, SIDE, SIDE, CHANNELS));
    nn_output(f->from, net(f->from, x));
    if (nn_graph_check(f->from) == NN_OK)
        assert_ok(quant_build(f->g, f->from, config, config ? QUANT_DEPLOY : QUANT_NONE));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 5);
}

static void calibrate(const graphs *f, const quant_config *config)
{
    static nn_real pixels[IMAGES * PIXELS];
    for (int i = 0; i < IMAGES * PIXELS; i++)
        pixels[i] = (nn_real)((test_noise_int(9, (uint64_t)i, 0, 255) - 120) / 50.0);
    quant_array images = { pixels, PIXELS, IMAGES, IMAGES, 0 };
    const quant_pictures pictures = quant_pictures_of(&images);
    const quant_calibration minmax = { .how = &quant_calibrator_minmax };
    assert_ok(quant_calibrate(f->from, config, &minmax, &pictures));
}

static quant_config settings(quant_granularity granularity)
{
    quant_config config = quant_config_default();
    config.granularity = granularity;
    assert_ok(quant_input_affine(&config.input, 120, 50));
    return config;
}

static void release(graphs *f)
{
    nn_graph_free(f->g);
    nn_graph_free(f->from);
    nn_params_free(f->params);
}

typedef struct count {
    const char *type;
    int n;
} count;

static void check_onnx(const graphs *f)
{
    static const count want[] = { { "Conv", 6 },       { "Gemm", 1 },    { "HardSwish", 1 },
                                  { "Clip", 1 },       { "Relu", 2 },    { "Add", 1 },
                                  { "Mul", 1 },        { "Sigmoid", 1 }, { "MaxPool", 1 },
                                  { "Concat", 1 },     { "Pad", 1 },     { "AveragePool", 1 },
                                  { "ReduceMean", 1 }, { "Softmax", 1 } };
    nn_bytes file;
    assert_ok(ex_onnx(&file, f->g, &info));
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, file.size, file.data);
    assert_non_null(m);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        if (count_onnx(m, want[i].type) != want[i].n)
            fail_msg("%s: %d, not %d", want[i].type, count_onnx(m, want[i].type), want[i].n);
    onnx__model_proto__free_unpacked(m, NULL);
    nn_bytes_free(&file);
}

/* Padding is a node of its own where it is neither SAME nor VALID; hard swish is four. */
static void check_graphdef(const graphs *f)
{
    static const count want[] = {
        { "Conv2D", 5 },  { "DepthwiseConv2dNative", 1 },
        { "MatMul", 1 },  { "Relu6", 2 },
        { "Relu", 2 },    { "AddV2", 2 },
        { "Mul", 3 },     { "Sigmoid", 1 },
        { "MaxPool", 1 }, { "ConcatV2", 1 },
        { "Pad", 2 },     { "AvgPool", 1 },
        { "Mean", 1 },    { "Softmax", 1 },
        { "Reshape", 1 }, /* of depthwise weights */
    };
    nn_bytes file;
    assert_ok(ex_graphdef(&file, f->g, &info));
    Tensorflow__GraphDef *g = tensorflow__graph_def__unpack(NULL, file.size, file.data);
    assert_non_null(g);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        if (count_tensorflow(g, want[i].type) != want[i].n)
            fail_msg("%s: %d, not %d", want[i].type, count_tensorflow(g, want[i].type), want[i].n);
    tensorflow__graph_def__free_unpacked(g, NULL);
    nn_bytes_free(&file);
}

static void every_node_has_its_form(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        graphs f;
        const quant_config config = settings(i == 1 ? QUANT_PER_CHANNEL : QUANT_PER_TENSOR);
        build(&f, every_node, "image", i > 0 ? &config : NULL);
        if (i > 0)
            calibrate(&f, &config);
        check_onnx(&f);
        check_graphdef(&f);
        release(&f);
    }
}

/* What has four dimensions is NCHW in ONNX, but keeps octet's order where it is reshaped or given
 * out. */
static nn_node *of_four_dimensions(nn_graph *g, nn_node *x)
{
    x = nn_conv2d(g, x, "conv", (nn_conv){ .out = 2, .k = 1, .bias = true });
    x = nn_reshape(g, nn_flatten(g, x, "flat"), "tall", NN_SHAPE(NN_BATCH, 2 * SIDE, SIDE, 1));
    return nn_softmax(g, nn_concat(g, (nn_node *[]){ x, x }, 2, "twice"), "softmax");
}

static void four_dimensions_are_turned(void **state)
{
    (void)state;
    graphs f;
    nn_bytes file;
    build(&f, of_four_dimensions, "image", NULL);
    assert_ok(ex_onnx(&file, f.g, &info));
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, file.size, file.data);
    assert_non_null(m);
    assert_int_equal(count_onnx(m, "Transpose"), 4); /* image, before and after Reshape, result */
    assert_int_equal(count_onnx(m, "Reshape"), 2);
    const Onnx__ValueInfoProto *out = m->graph->output[0];
    assert_string_equal(out->name, "softmax/nhwc");
    assert_int_equal(out->type->tensor_type->shape->dim[1]->dim_value, 2 * SIDE);
    onnx__model_proto__free_unpacked(m, NULL);
    nn_bytes_free(&file);
    release(&f);
}

static nn_node *normed(nn_graph *g, nn_node *x)
{
    x = nn_batch_norm(g, nn_max_pool(g, x, "pool", (nn_conv){ .k = 2 }), "late_bn");
    return nn_dense(g, nn_flatten(g, x, "flat"), "fc", 5);
}

static nn_node *oddly_pooled(nn_graph *g, nn_node *x)
{
    x = nn_max_pool(g, x, "odd", (nn_conv){ .k = 3, .pad = NN_EXPLICIT, .top = 2, .left = 1 });
    return nn_dense(g, nn_flatten(g, x, "flat"), "fc", 5);
}

static nn_node *plain(nn_graph *g, nn_node *x)
{
    return nn_dense(g, nn_flatten(g, x, "flat"), "fc", 5);
}

static nn_node *impossible(nn_graph *g, nn_node *x)
{
    return nn_add(g, plain(g, x), x, "sum");
}

/* Both writers, on a graph that neither takes; the other's `part` is NULL if it takes it. */
static void check_refused(network *net, const char *input, const quant_config *config,
                          nn_status code, const char *onnx, const char *graphdef)
{
    writer *const writers[] = { ex_onnx, ex_graphdef };
    const char *const part[] = { onnx, graphdef };
    graphs f;
    build(&f, net, input, config);
    const nn_graph *g = nn_graph_check(f.from) == NN_OK ? f.g : f.from;
    for (int i = 0; i < 2; i++) {
        nn_bytes file = { 0 };
        if (part[i] != NULL)
            assert_fails(writers[i](&file, g, &info), code, part[i]);
        else
            assert_ok(writers[i](&file, g, &info));
        nn_bytes_free(&file);
    }
    release(&f);
}

static void graphs_without_a_form_are_refused(void **state)
{
    (void)state;
    const quant_config config = settings(QUANT_PER_CHANNEL);
    check_refused(normed, "image", NULL, NN_ENOTSUP, "late_bn: has no form in an ONNX model",
                  "late_bn: has no form in a TensorFlow graph");
    check_refused(oddly_pooled, "image", NULL, NN_ENOTSUP, NULL,
                  "odd: padding 2,0,1,0 is neither SAME nor VALID");
    check_refused(plain, "picture", NULL, NN_EINVAL, "no input \"image\"", "no input \"image\"");
    check_refused(every_node, "image", &config, NN_EINVAL, "has no range yet", "has no range yet");
    check_refused(impossible, "image", NULL, NN_ESHAPE, "sum", "sum");
}

/* Each allocation fails in its turn, alone and with all behind it. */
static void check_starved(writer *write, const nn_graph *g)
{
    void (*const fail[])(size_t) = { nn_mem_fail_after, nn_mem_fail_once };
    for (int i = 0; i < 2; i++) {
        nn_status st = NN_ENOMEM;
        for (size_t k = 1; st != NN_OK; k++) {
            nn_bytes file = { 0 };
            fail[i](k);
            st = write(&file, g, &info);
            fail[i](0);
            assert_true(st == NN_OK || st == NN_ENOMEM);
            assert_true((st == NN_OK) == (file.data != NULL));
            nn_bytes_free(&file);
        }
    }
}

static void memory_may_run_out(void **state)
{
    (void)state;
    const quant_config config = settings(QUANT_PER_CHANNEL);
    graphs f;
    build(&f, every_node, "image", &config);
    calibrate(&f, &config);
    check_starved(ex_onnx, f.g);
    check_starved(ex_graphdef, f.g);
    release(&f);
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
        cmocka_unit_test(every_node_has_its_form),
        cmocka_unit_test(four_dimensions_are_turned),
        cmocka_unit_test(graphs_without_a_form_are_refused),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
    };
    return cmocka_run_group_tests(tests, train_models, forget);
}
