/* lower: a fake-quantized graph becomes a file whose integers are those that the graph predicts. */
#include <math.h>

#include "export/compare.h"
#include "export/integer.h"
#include "export/lower.h"
#include "export/tfl_ops.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "nn/exec.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
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

/* Sums whose scale is twice that of what they add: each second pair of codes is a tie. */
static nn_node *summing_network(nn_graph *g, nn_node *x)
{
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = 8, .k = 3 }, NN_RELU);
    x = nn_add(g, x, nn_max_pool(g, x, "a", (nn_conv){ .k = 3, .s = 1 }), "add");
    x = nn_add(g, nn_max_pool(g, x, "b", (nn_conv){ .k = 3, .s = 1 }), x, "again");
    return nn_dense(g, nn_global_avg_pool(g, nn_relu(g, x, "relu"), "gap"), "fc", CLASSES);
}

typedef struct fixture {
    nn_params *params;
    nn_graph *from, *g; /* g: what is lowered */
    quant_config config;
    ex_form form;
    nn_real image[BATCH * PIXELS];
    nn_arena *arena;
    tfl_model *model;
    nn_bytes file;
} fixture;

static int pixel(int i)
{
    return test_noise_int(9, (uint64_t)i, 0, 255);
}

/* Batch norms that do something. */
static void stir(nn_params *params)
{
    for (int i = 0; i < nn_params_count(params); i++) {
        nn_param *p = nn_params_at(params, i);
        const char *name = strrchr(p->name, '/');
        bool bn = name != NULL && strstr(p->name, "/bn/") != NULL;
        for (size_t k = 0; bn && k < p->count; k++) {
            double u = test_noise_int((uint64_t)i, k, -50, 50) / 100.0;
            p->value[k] += (nn_real)(strcmp(name, "/mean") == 0 ? u / 4 : u);
        }
    }
}

/* `f` with form and settings; NULL is made. */
static fixture *build(fixture *f, network *net)
{
    if (f == NULL)
        f = calloc(1, sizeof *f);
    quant_config config = quant_config_default();
    config.granularity = f->config.granularity;
    config.weight_scheme = f->config.weight_scheme;
    config.layers = f->config.layers;
    config.weight_bits = f->config.weight_bits > 0 ? f->config.weight_bits : 8;
    config.is_uint8 = f->form == EX_UINT8;
    f->config = config;
    assert_ok(nn_params_new(&f->params));
    assert_ok(nn_graph_new(&f->from, f->params));
    assert_ok(nn_graph_new(&f->g, f->params));
    nn_node *x = nn_input(f->from, "image", NN_SHAPE(NN_BATCH, SIDE, SIDE, CHANNELS));
    nn_output(f->from, net(f->from, x));
    assert_ok(quant_input_affine(&f->config.input, 120, 50));
    assert_ok(quant_build(f->g, f->from, f->form != EX_FLOAT ? &f->config : NULL,
                          f->form != EX_FLOAT ? QUANT_DEPLOY : QUANT_NONE));
    assert_ok(nn_params_collate(f->params));
    nn_params_init(f->params, 5);
    stir(f->params);
    for (int i = 0; i < BATCH * PIXELS; i++)
        f->image[i] = (nn_real)((pixel(i) - 120) / 50.0);
    return f;
}

static nn_status lower(fixture *f)
{
    quant_array images = { f->image, PIXELS, BATCH, BATCH, 0 };
    const quant_pictures pictures = quant_pictures_of(&images);
    const quant_calibration minmax = { .how = &quant_calibrator_minmax };
    if (f->form != EX_FLOAT)
        assert_ok(quant_calibrate(f->from, &f->config, &minmax, &pictures));
    assert_ok(nn_arena_new(&f->arena));
    return ex_lower(&f->model, f->arena, f->g, f->form,
                    &(ex_info){ .name = "net", .description = "test" });
}

static void lower_and_write(fixture *f)
{
    assert_ok(lower(f));
    assert_ok(ex_tflite_write(&f->file, f->model));
}

static void release(fixture *f)
{
    nn_bytes_free(&f->file);
    nn_arena_free(f->arena);
    nn_graph_free(f->g);
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

/* ---- the graph and the file ------------------------------------------------------------------ */

/* The outputs of a graph for the batch; free() them. */
static nn_real *run_graph(const fixture *f, const nn_graph *g)
{
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    nn_real *y = malloc(BATCH * CLASSES * sizeof *y);
    assert_ok(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = BATCH }));
    assert_ok(nn_exec_new(&e, plan, NULL));
    nn_exec_bind(e, nn_graph_find(g, "image"), f->image);
    nn_exec_forward(e, BATCH, &(nn_run){ 0 });
    memcpy(y, nn_exec_value(e, output_of(g)), BATCH * CLASSES * sizeof *y);
    nn_exec_free(e);
    nn_plan_free(plan);
    return y;
}

/* Integer inputs are the pixels themselves: codes of int8 are less by 128. */
static void fill_input(const fixture *f, const rt_tensor *in, void *to, int item)
{
    for (int p = 0; p < PIXELS; p++) {
        int v = pixel(item * PIXELS + p);
        if (in->type == RT_FLOAT32)
            ((float *)to)[p] = (float)f->image[item * PIXELS + p];
        else
            ((uint8_t *)to)[p] = (uint8_t)(in->type == RT_UINT8 ? v : v - 128);
    }
}

/* The outputs of the file as reals, and the step of its scale (0: float). */
static nn_real *run_file(const fixture *f, double *step)
{
    ex_integer file;
    void *arena = NULL;
    float real[CLASSES];
    nn_real *y = malloc(BATCH * CLASSES * sizeof *y);
    assert_ok(ex_integer_open(&file, f->file.data, f->file.size, NULL));
    assert_ok(ex_integer_arena(&arena, file.model));
    int in = rt_input(file.model, 0), out = rt_output(file.model, 0);
    *step = (double)rt_tensor_at(file.model, out)->scale;
    for (int i = 0; i < BATCH; i++) {
        fill_input(f, rt_tensor_at(file.model, in), rt_data(file.model, arena, in), i);
        rt_run(file.model, arena, NULL);
        rt_decode(rt_tensor_at(file.model, out), real, rt_data(file.model, arena, out), CLASSES);
        for (int c = 0; c < CLASSES; c++)
            y[i * CLASSES + c] = (nn_real)real[c];
    }
    nn_mem_free(arena);
    ex_integer_close(&file);
    return y;
}

/* Constants are equal; given equal inputs every other layer gives the graph's codes. */
static void check_layers(fixture *f)
{
    ex_comparison c;
    quant_array images = { f->image, PIXELS, BATCH, BATCH, 0 };
    const quant_pictures pictures = quant_pictures_of(&images);
    const ex_compare_file file = { f->file.data, f->file.size, NULL };
    assert_ok(
        ex_compare(&c, f->arena, f->from, &f->config, &file, BATCH, pictures.next, pictures.ctx));
    assert_true(c.n_constants > 0 && c.n_layers > 0);
    for (int i = 0; i < c.n_constants; i++)
        if (c.constant[i].equal != c.constant[i].n)
            fail_msg("%s: %d of %d codes are equal", c.constant[i].name, (int)c.constant[i].equal,
                     (int)c.constant[i].n);
    for (int i = 0; i < c.n_layers; i++) {
        const ex_layer_match *l = &c.layer[i];
        if (l->largest > 0)
            fail_msg("%s %s: differs by %d steps", l->op, l->name, l->largest);
    }
}

/* As a whole. */
static void check_outputs(const fixture *f)
{
    double step = 0;
    nn_real *want = run_graph(f, f->g), *got = run_file(f, &step);
    int differ = 0;
    for (int i = 0; i < BATCH * CLASSES; i++)
        differ += round((double)(got[i] - want[i]) / step) != 0;
    free(want);
    free(got);
    if (differ > 0)
        fail_msg("%d of %d outputs differ", differ, BATCH * CLASSES);
}

/* All networks in one integer form are predicted to the last code. */
static void check_integer(const fixture *settings)
{
    network *const nets[] = { residual_network, summing_network, gated_network };
    for (int i = 0; i < 3; i++) {
        fixture *f = calloc(1, sizeof *f);
        *f = *settings;
        build(f, nets[i]);
        lower_and_write(f);
        check_layers(f);
        check_outputs(f);
        release(f);
    }
}

static void int8_per_channel(void **state)
{
    (void)state;
    check_integer(&(fixture){ .form = EX_INT8 });
}

static void int8_per_tensor(void **state)
{
    (void)state;
    check_integer(&(fixture){ .config.granularity = QUANT_PER_TENSOR });
}

static void uint8_symmetric_and_affine(void **state)
{
    (void)state;
    fixture settings = { .form = EX_UINT8, .config.granularity = QUANT_PER_TENSOR };
    check_integer(&settings);
    settings.config.weight_scheme = QUANT_AFFINE;
    check_integer(&settings);
}

static void few_bits(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 5; bits++) {
        fixture settings = { .config.weight_bits = bits };
        check_integer(&settings);
        settings.config.granularity = QUANT_PER_TENSOR;
        check_integer(&settings);
    }
}

/* The file computes what the float network does, batch norms and all. */
static void float_files(void **state)
{
    (void)state;
    network *const nets[] = { residual_network, gated_network };
    for (int i = 0; i < 2; i++) {
        double step = 1;
        fixture *f = calloc(1, sizeof *f);
        f->form = EX_FLOAT;
        build(f, nets[i]);
        lower_and_write(f);
        nn_real *want = run_graph(f, f->from), *got = run_file(f, &step);
        assert_true(step == 0);
        assert_true(test_relative_error(got, want, BATCH * CLASSES) < 1e-5);
        free(want);
        free(got);
        release(f);
    }
}

/* ---- what the file holds --------------------------------------------------------------------- */

static const tfl_tensor *find(const fixture *f, const char *name)
{
    for (int i = 0; i < f->model->n_tensors; i++)
        if (strcmp(f->model->tensors[i].name, name) == 0)
            return &f->model->tensors[i];
    fail_msg("there is no tensor %s", name);
    return NULL;
}

static const tfl_operator *operator_of(const fixture *f, enum tfl_op code)
{
    for (int i = 0; i < f->model->n_operators; i++)
        if (f->model->operators[i].code == code)
            return &f->model->operators[i];
    return NULL;
}

static void a_scale_for_each_channel_or_one(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        fixture *f = calloc(1, sizeof *f);
        f->config.granularity = k == 0 ? QUANT_PER_CHANNEL : QUANT_PER_TENSOR;
        build(f, residual_network);
        assert_ok(lower(f));
        const tfl_tensor *dw = find(f, "dw/weight"), *fc = find(f, "fc/weight");
        assert_int_equal(dw->quant.n, k == 0 ? 16 : 1);
        assert_int_equal(dw->quant.axis, k == 0 ? 3 : 0);
        assert_int_equal(fc->quant.n, k == 0 ? CLASSES : 1);
        assert_int_equal(find(f, "fc/bias")->quant.n, fc->quant.n);
        release(f);
    }
}

/* 4 bits and fewer take half the bytes, 5 do not; single layers may have other bits. */
static void few_bits_are_packed(void **state)
{
    (void)state;
    for (int bits = 4; bits <= 5; bits++) {
        fixture *f = calloc(1, sizeof *f);
        f->config.weight_bits = bits;
        f->config.layers = "fc=w8";
        build(f, residual_network);
        assert_ok(lower(f));
        const tfl_tensor *w = find(f, "dw/weight");
        assert_int_equal(w->type, bits == 4 ? TFL_TYPE_INT4 : TFL_TYPE_INT8);
        assert_int_equal(w->bytes, 3 * 3 * 16 / (bits == 4 ? 2 : 1));
        assert_int_equal(find(f, "fc/weight")->type, TFL_TYPE_INT8);
        const tfl_operator *conv = operator_of(f, TFL_OP_CONV_2D);
        assert_int_equal(tfl_op_version(f->model, conv), bits == 4 ? 7 : 3);
        release(f);
    }
}

/* What toco wrote: codes and zero points from 0, narrow symmetric weights around 128. */
static void uint8_is_laid_out_as_toco_did(void **state)
{
    (void)state;
    fixture *f = calloc(1, sizeof *f);
    f->form = EX_UINT8;
    f->config.granularity = QUANT_PER_TENSOR;
    build(f, residual_network);
    assert_ok(lower(f));
    const tfl_tensor *image = find(f, "image"), *w = find(f, "stem/weight");
    assert_int_equal(image->type, TFL_TYPE_UINT8);
    assert_true(image->quant.scale[0] == 1.0f / 50 && image->quant.zero_point[0] == 120);
    assert_int_equal(w->quant.zero_point[0], 128);
    int lowest = 255, highest = 0;
    for (size_t i = 0; i < w->bytes; i++) {
        int code = ((const uint8_t *)w->data)[i];
        lowest = code < lowest ? code : lowest;
        highest = code > highest ? code : highest;
    }
    assert_true(lowest >= 1 && (lowest == 1 || highest == 255));
    assert_int_equal(find(f, "stem/bias")->type, TFL_TYPE_INT32);
    assert_int_equal(tfl_op_version(f->model, operator_of(f, TFL_OP_CONV_2D)), 1);
    assert_int_equal(tfl_op_version(f->model, operator_of(f, TFL_OP_ADD)), 1);
    release(f);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void what_a_form_cannot_hold(void **state)
{
    (void)state;
    fixture *f = calloc(1, sizeof *f);
    f->form = EX_UINT8;
    build(f, residual_network);
    assert_fails(lower(f), NN_ENOTSUP, "--granularity tensor");
    release(f);
    f = calloc(1, sizeof *f);
    f->config.granularity = QUANT_PER_TENSOR;
    f->config.weight_scheme = QUANT_AFFINE;
    build(f, residual_network);
    assert_fails(lower(f), NN_ENOTSUP, "export tflite-uint8");
    release(f);
}

/* A batch norm that nothing can be folded into. */
static nn_node *normed_network(nn_graph *g, nn_node *x)
{
    x = nn_batch_norm(g, nn_max_pool(g, x, "pool", (nn_conv){ .k = 2 }), "late_bn");
    return nn_dense(g, nn_flatten(g, x, "flat"), "fc", CLASSES);
}

static void a_batch_norm_alone_is_named(void **state)
{
    (void)state;
    fixture *f = calloc(1, sizeof *f);
    f->form = EX_FLOAT;
    build(f, normed_network);
    assert_fails(lower(f), NN_ENOTSUP, "late_bn");
    release(f);
}

static void without_ranges_is_refused(void **state)
{
    (void)state;
    fixture *f = build(NULL, residual_network);
    assert_ok(nn_arena_new(&f->arena));
    assert_fails(ex_lower(&f->model, f->arena, f->g, EX_INT8,
                          &(ex_info){ .name = "net", .description = "" }),
                 NN_EINVAL, "no range yet");
    release(f);
}

/* Padding that pools of .tflite have no name for. */
static nn_node *oddly_pooled(nn_graph *g, nn_node *x)
{
    x = nn_max_pool(g, x, "odd", (nn_conv){ .k = 3, .pad = NN_EXPLICIT, .top = 2, .left = 1 });
    return nn_dense(g, nn_flatten(g, x, "flat"), "fc", CLASSES);
}

static void a_pool_with_odd_padding_is_named(void **state)
{
    (void)state;
    fixture *f = calloc(1, sizeof *f);
    f->form = EX_FLOAT;
    build(f, oddly_pooled);
    assert_fails(lower(f), NN_ENOTSUP, "odd");
    release(f);
}

/* ---- files that are not the graph's ---------------------------------------------------------- */

static nn_status no_pictures(void *ctx, const nn_real **image, int *n)
{
    (void)ctx, (void)image;
    *n = 0;
    return NN_OK;
}

static nn_status compare(const fixture *f, nn_bytes file, const rt_limits *limits)
{
    ex_comparison c;
    const ex_compare_file of = { file.data, file.size, limits };
    return ex_compare(&c, f->arena, f->from, &f->config, &of, BATCH, no_pictures, NULL);
}

static fixture *written(network *net, ex_form form)
{
    fixture *f = calloc(1, sizeof *f);
    f->form = form;
    build(f, net);
    lower_and_write(f);
    return f;
}

/* As if it had been trained on. */
static void move_a_range(fixture *f)
{
    for (int i = 0; i < nn_graph_count(f->g); i++) {
        const nn_node *n = nn_graph_node(f->g, i);
        if (n->id != NN_OP_fakequant || strstr(n->name, "add") == NULL)
            continue;
        enum { SCALE = 3 };
        n->in[SCALE]->param->value[0] *= 2;
        return;
    }
    fail_msg("there is no range of a sum");
}

static void another_file_is_refused_by_name(void **state)
{
    (void)state;
    fixture *f = written(summing_network, EX_INT8), *other = written(gated_network, EX_INT8),
            *real = written(summing_network, EX_FLOAT);
    const rt_limits few = { .macs = 1, .bytes = UINT64_MAX, .tensors = 1000 };
    nn_bytes cut = f->file;
    cut.size /= 2;
    assert_fails(compare(f, f->file, NULL), NN_EINVAL, "no pictures were given");
    assert_fails(compare(f, other->file, NULL), NN_EFORMAT, "is another network's");
    assert_fails(compare(f, real->file, NULL), NN_ENOTSUP, "int8 and uint8 files are compared");
    assert_fails(compare(f, cut, NULL), NN_EFORMAT, "");
    assert_fails(compare(f, f->file, &few), NN_ENOTSUP, "--max-macs and --max-memory raise");
    move_a_range(f);
    assert_fails(compare(f, f->file, NULL), NN_EFORMAT, "made from another checkpoint");
    release(f);
    release(other);
    release(real);
}

static void the_same_network_makes_the_same_bytes(void **state)
{
    (void)state;
    nn_bytes kept[2];
    for (int i = 0; i < 2; i++) {
        fixture *f = build(NULL, gated_network);
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
        cmocka_unit_test(int8_per_channel),
        cmocka_unit_test(int8_per_tensor),
        cmocka_unit_test(uint8_symmetric_and_affine),
        cmocka_unit_test(few_bits),
        cmocka_unit_test(float_files),
        cmocka_unit_test(a_scale_for_each_channel_or_one),
        cmocka_unit_test(few_bits_are_packed),
        cmocka_unit_test(uint8_is_laid_out_as_toco_did),
        cmocka_unit_test(what_a_form_cannot_hold),
        cmocka_unit_test(a_batch_norm_alone_is_named),
        cmocka_unit_test(without_ranges_is_refused),
        cmocka_unit_test(a_pool_with_odd_padding_is_named),
        cmocka_unit_test(another_file_is_refused_by_name),
        cmocka_unit_test(the_same_network_makes_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
