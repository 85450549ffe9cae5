/* lower: a fake-quantized graph becomes a file whose integers are those that the graph predicts. */
#include <math.h>

#include "export/lower.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "nn/exec.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "runtime/rt.h"
#include "tests/testing.h"

enum { BATCH = 16, SIDE = 12, CHANNELS = 3, CLASSES = 7, PIXELS = SIDE * SIDE * CHANNELS };

typedef nn_node *network(nn_graph *g, nn_node *x);

/* Residual adds, a concat with tied ranges, pools, padding that .tflite has no name for. */
static nn_node *residual_network(nn_graph *g, nn_node *x)
{
    x = nn_conv_bn(g, x, "stem",
                   (nn_conv){ .out = 8, .k = 3, .pad = NN_EXPLICIT, .top = 1, .left = 2 }, NN_RELU);
    nn_node *y = nn_depthwise_bn(g, x, "dw", (nn_conv){ .k = 3, .multiplier = 2 }, NN_RELU6);
    y = nn_conv_bn(g, y, "pw", (nn_conv){ .out = 8, .k = 1 }, NN_LINEAR);
    x = nn_relu(g, nn_add(g, y, x, "add"), "add/relu");
    nn_node *z = nn_max_pool(g, x, "pool", (nn_conv){ .k = 3, .s = 1 });
    nn_node *w = nn_conv2d(g, x, "branch", (nn_conv){ .out = 4, .k = 3, .d = 2, .bias = true });
    x = nn_concat(g, (nn_node *[]){ z, w }, 2, "concat");
    x = nn_avg_pool(g, x, "avg", (nn_conv){ .k = 2 });
    x = nn_pad(g, x, "pad", (nn_pad_attr){ .after = { 0, 1, 0, 3 } });
    x = nn_conv_bn(g, x, "late", (nn_conv){ .out = 12, .k = 3, .s = 2 }, NN_RELU);
    return nn_dense(g, nn_global_avg_pool(g, x, "gap"), "fc", CLASSES);
}

/* Activations that are operators of their own, a product, a flattened head with a softmax. */
static nn_node *gated_network(nn_graph *g, nn_node *x)
{
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 6, .k = 3, .s = 2 }, NN_HARD_SWISH);
    nn_node *gate =
        nn_logistic(g, nn_conv2d(g, x, "gate", (nn_conv){ .out = 6, .k = 1 }), "sigmoid");
    x = nn_mul(g, x, gate, "gated");
    x = nn_relu(g, nn_max_pool(g, x, "pool", (nn_conv){ .k = 2 }), "late/relu");
    x = nn_dense(g, nn_flatten(g, x, "flat"), "fc", CLASSES);
    return nn_softmax(g, x, "softmax");
}

typedef struct fixture {
    nn_params *params;
    nn_graph *from, *deploy;
    quant_config config;
    nn_real image[BATCH * PIXELS];
    nn_arena *arena;
    nn_bytes file;
} fixture;

static void build(fixture *f, network *net, quant_granularity granularity)
{
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    assert_ok(nn_graph_new(&f->deploy, f->params));
    nn_node *x = nn_input(f->from, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, CHANNELS));
    nn_output(f->from, net(f->from, x));
    f->config = quant_config_default();
    f->config.act_rule = &quant_range_minmax;
    f->config.granularity = granularity;
    assert_ok(quant_input_affine(&f->config.input, 120, 50));
    assert_ok(quant_build(f->deploy, f->from, &f->config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 5);
    for (int i = 0; i < BATCH * PIXELS; i++)
        f->image[i] = (nn_real)((test_noise_int(9, (uint64_t)i, 0, 255) - 120) / 50.0);
}

static void lower_and_write(fixture *f)
{
    tfl_model *m = NULL;
    quant_array images = { f->image, PIXELS, BATCH, BATCH, 0 };
    const quant_pictures pictures = quant_pictures_of(&images);
    const quant_calibration minmax = { .how = &quant_calibrator_minmax };
    assert_ok(quant_calibrate(f->from, &f->config, &minmax, &pictures));
    assert_ok(nn_arena_new(&f->arena));
    assert_ok(ex_lower(&m, f->arena, f->deploy, EX_INT8,
                       &(ex_info){ .name = "net", .description = "test" }));
    assert_ok(ex_tflite_write(&f->file, m));
}

static void release(fixture *f)
{
    nn_bytes_free(&f->file);
    nn_arena_free(f->arena);
    nn_graph_free(f->deploy);
    nn_graph_free(f->from);
    nn_params_free(f->params);
    free(f);
}

static const nn_node *output_of(const nn_graph *g)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--)
        if (nn_graph_node(g, i)->is_output)
            return nn_graph_node(g, i);
    return NULL;
}

/* Largest difference in steps between the graph's output and the runtime's over the batch. */
static int compare(fixture *f, double *share_equal)
{
    rt_error error;
    size_t model_bytes = 0;
    rt_model *m = NULL;
    if (rt_measure(&model_bytes, f->file.data, f->file.size, NULL, &error) != RT_OK)
        fail_msg("%s", error.text);
    void *block = nn_mem_alloc(model_bytes);
    assert_int_equal(rt_open(&m, f->file.data, f->file.size, NULL, block, model_bytes, &error),
                     RT_OK);
    void *arena = nn_mem_alloc(rt_arena_bytes(m));

    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    assert_ok(nn_plan_new(&plan, f->deploy, &(nn_plan_options){ .batch = BATCH }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_bind(e, nn_graph_find(f->deploy, "image"), f->image);
    nn_exec_forward(e, BATCH, &(nn_run){ 0 });
    const nn_real *y = nn_exec_value(e, output_of(f->deploy));
    const rt_tensor *out = rt_tensor_at(m, rt_output(m, 0));

    int worst = 0, equal = 0;
    for (int i = 0; i < BATCH; i++) {
        int8_t *in = rt_data(m, arena, rt_input(m, 0));
        for (int p = 0; p < PIXELS; p++)
            in[p] = (int8_t)(test_noise_int(9, (uint64_t)(i * PIXELS + p), 0, 255) - 128);
        rt_run(m, arena, NULL);
        const int8_t *codes = rt_data(m, arena, rt_output(m, 0));
        for (int c = 0; c < CLASSES; c++) {
            int want =
                (int)round((double)y[i * CLASSES + c] / (double)out->scale) + out->zero_point;
            int off = abs(codes[c] - want);
            worst = off > worst ? off : worst;
            equal += off == 0;
        }
    }
    *share_equal = (double)equal / (BATCH * CLASSES);
    nn_exec_free(e);
    nn_plan_free(plan);
    nn_mem_free(arena);
    nn_mem_free(block);
    return worst;
}

static void check(network *net, quant_granularity granularity, int most, double least_equal)
{
    fixture *f = calloc(1, sizeof *f);
    double equal = 0;
    build(f, net, granularity);
    lower_and_write(f);
    int worst = compare(f, &equal);
    if (worst > most || equal < least_equal)
        fail_msg("differs by %d steps, %.3f are equal", worst, equal);
    release(f);
}

static void residual_per_channel(void **state)
{
    (void)state;
    check(residual_network, QUANT_PER_CHANNEL, 1, 0.99);
}

static void residual_per_tensor(void **state)
{
    (void)state;
    check(residual_network, QUANT_PER_TENSOR, 1, 0.99);
}

static void gated(void **state)
{
    (void)state;
    check(gated_network, QUANT_PER_CHANNEL, 2, 0.85);
}

static void without_ranges_is_refused(void **state)
{
    (void)state;
    fixture *f = calloc(1, sizeof *f);
    tfl_model *m = NULL;
    build(f, residual_network, QUANT_PER_CHANNEL);
    assert_ok(nn_arena_new(&f->arena));
    assert_fails(
        ex_lower(&m, f->arena, f->deploy, EX_INT8, &(ex_info){ .name = "net", .description = "" }),
        NN_EINVAL, "no range yet");
    release(f);
}

static void the_same_network_makes_the_same_bytes(void **state)
{
    (void)state;
    nn_bytes kept[2];
    for (int i = 0; i < 2; i++) {
        fixture *f = calloc(1, sizeof *f);
        build(f, gated_network, QUANT_PER_CHANNEL);
        lower_and_write(f);
        kept[i] = f->file;
        f->file = (nn_bytes){ 0 };
        release(f);
    }
    assert_int_equal(kept[0].size, kept[1].size);
    assert_memory_equal(kept[0].data, kept[1].data, kept[0].size);
    nn_bytes_free(&kept[0]);
    nn_bytes_free(&kept[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_per_channel),
        cmocka_unit_test(residual_per_tensor),
        cmocka_unit_test(gated),
        cmocka_unit_test(without_ranges_is_refused),
        cmocka_unit_test(the_same_network_makes_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
