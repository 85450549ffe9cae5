/* layers: shapes, parameter names, defaults, and what a layer refuses. */
#include "nn/layers.h"
#include "tests/testing.h"

static nn_params *params;
static nn_graph *graph;
static nn_node *image;

static int open_graph(void **state)
{
    (void)state;
    params = NULL, graph = NULL;
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&graph, params));
    image = nn_input(graph, "image", NN_SHAPE(NN_BATCH, 9, 8, 3));
    return 0;
}

static int close_graph(void **state)
{
    (void)state;
    nn_graph_free(graph);
    nn_params_free(params);
    return 0;
}

static void assert_shape(const nn_node *n, nn_shape want)
{
    char have_text[NN_SHAPE_TEXT], want_text[NN_SHAPE_TEXT];
    assert_ok(nn_graph_check(graph));
    assert_non_null(n);
    if (!nn_shape_equal(n->shape, want))
        fail_msg("%s is %s, must be %s", n->name, nn_shape_text(n->shape, have_text),
                 nn_shape_text(want, want_text));
}

static void assert_param(const char *name, nn_shape want, nn_param_kind kind)
{
    const nn_param *p = nn_params_find(params, name);
    if (p == NULL || !nn_shape_equal(p->shape, want) || p->kind != kind)
        fail_msg("parameter %s is missing or of another shape or kind", name);
}

static void convolution_defaults(void **state)
{
    (void)state;
    nn_node *y = nn_conv2d(graph, image, "conv", (nn_conv){ .out = 5, .k = 3 });
    assert_shape(y, NN_SHAPE(NN_BATCH, 9, 8, 5));
    const nn_window *w = &y->attr.window;
    assert_true(w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1 && w->dilation_w == 1);
    assert_param("conv/weight", NN_SHAPE(5, 3, 3, 3), NN_PARAM_WEIGHT);
    assert_null(nn_params_find(params, "conv/bias"));
}

static void convolution_settings(void **state)
{
    (void)state;
    const nn_conv c = { .out = 4,
                        .kh = 5,
                        .kw = 2,
                        .sh = 2,
                        .sw = 3,
                        .bias = true,
                        .pad = NN_EXPLICIT,
                        .top = 1,
                        .bottom = 2,
                        .left = 0,
                        .right = 1 };
    assert_shape(nn_conv2d(graph, image, "a", c), NN_SHAPE(NN_BATCH, 4, 3, 4));
    assert_param("a/weight", NN_SHAPE(4, 5, 2, 3), NN_PARAM_WEIGHT);
    assert_param("a/bias", NN_SHAPE(4), NN_PARAM_BIAS);
    const nn_conv dilated = { .out = 1, .k = 3, .d = 2, .pad = NN_VALID };
    assert_shape(nn_conv2d(graph, image, "b", dilated), NN_SHAPE(NN_BATCH, 5, 4, 1));
}

static void depthwise_multiplies_channels(void **state)
{
    (void)state;
    const nn_conv c = { .k = 3, .s = 2, .multiplier = 2, .bias = true };
    assert_shape(nn_depthwise(graph, image, "dw", c), NN_SHAPE(NN_BATCH, 5, 4, 6));
    assert_param("dw/weight", NN_SHAPE(1, 3, 3, 6), NN_PARAM_WEIGHT);
    assert_param("dw/bias", NN_SHAPE(6), NN_PARAM_BIAS);
    assert_shape(nn_depthwise(graph, image, "one", (nn_conv){ .k = 3 }),
                 NN_SHAPE(NN_BATCH, 9, 8, 3));
}

static void normalized_convolution_has_its_scopes(void **state)
{
    (void)state;
    nn_node *y = nn_conv_bn(graph, image, "stage1/conv1",
                            (nn_conv){ .out = 4, .k = 1, .bias = true }, NN_RELU6);
    assert_shape(y, NN_SHAPE(NN_BATCH, 9, 8, 4));
    assert_string_equal(y->name, "stage1/conv1/relu6");
    assert_string_equal(y->in[0]->name, "stage1/conv1/bn");
    assert_string_equal(y->in[0]->in[0]->name, "stage1/conv1");
    assert_null(nn_params_find(params, "stage1/conv1/bias"));
    assert_param("stage1/conv1/bn/gamma", NN_SHAPE(4), NN_PARAM_BIAS);
    assert_param("stage1/conv1/bn/beta", NN_SHAPE(4), NN_PARAM_BIAS);
    assert_param("stage1/conv1/bn/mean", NN_SHAPE(4), NN_PARAM_STATE);
    assert_param("stage1/conv1/bn/var", NN_SHAPE(4), NN_PARAM_STATE);
    y = nn_depthwise_bn(graph, y, "dw", (nn_conv){ .k = 3 }, NN_LINEAR);
    assert_string_equal(y->name, "dw/bn");
}

static void new_batch_norm_is_the_identity(void **state)
{
    (void)state;
    nn_node *y = nn_batch_norm(graph, image, "bn");
    assert_true(y->attr.bnorm.epsilon == 1e-3 && y->attr.bnorm.momentum == 0.9);
    assert_ok(nn_params_collate(params));
    nn_params_init(params, 1);
    const nn_real want[] = { 1, 0, 0, 1 };
    for (int k = 1; k < 5; k++)
        assert_true(y->in[k]->param->value[2] == want[k - 1]);
}

static void pools_stride_by_their_kernel(void **state)
{
    (void)state;
    assert_shape(nn_max_pool(graph, image, "a", (nn_conv){ .k = 2 }), NN_SHAPE(NN_BATCH, 5, 4, 3));
    assert_shape(nn_avg_pool(graph, image, "b", (nn_conv){ .kh = 3, .kw = 2, .pad = NN_VALID }),
                 NN_SHAPE(NN_BATCH, 3, 4, 3));
    assert_shape(nn_max_pool(graph, image, "c", (nn_conv){ .k = 3, .s = 1 }),
                 NN_SHAPE(NN_BATCH, 9, 8, 3));
    assert_shape(nn_global_avg_pool(graph, image, "d"), NN_SHAPE(NN_BATCH, 3));
}

static void dense_and_flatten(void **state)
{
    (void)state;
    nn_node *x = nn_flatten(graph, image, "flat");
    assert_shape(x, NN_SHAPE(NN_BATCH, 216));
    assert_shape(nn_dense(graph, x, "fc", 10), NN_SHAPE(NN_BATCH, 10));
    assert_param("fc/weight", NN_SHAPE(10, 216), NN_PARAM_WEIGHT);
    assert_param("fc/bias", NN_SHAPE(10), NN_PARAM_BIAS);
}

static void joins_and_losses(void **state)
{
    (void)state;
    nn_node *both[] = { image, nn_relu(graph, image, "relu") };
    assert_shape(nn_concat(graph, both, 2, "cat"), NN_SHAPE(NN_BATCH, 9, 8, 6));
    assert_shape(nn_mul(graph, both[0], both[1], "mul"), image->shape);
    assert_shape(nn_pad(graph, image, "pad", (nn_pad_attr){ .after = { 0, 1, 2, 0 } }),
                 NN_SHAPE(NN_BATCH, 10, 10, 3));
    assert_shape(nn_mean_squared_error(graph, both[0], both[1]), (nn_shape){ 0 });
    nn_node *label = nn_input(graph, "label", NN_SHAPE(NN_BATCH));
    assert_shape(nn_cross_entropy(graph, nn_flatten(graph, image, "flat"), label, 0),
                 (nn_shape){ 0 });
}

static void dropouts_have_streams_of_their_own(void **state)
{
    (void)state;
    nn_node *a = nn_dropout(graph, image, "drop", 0.5), *b = nn_dropout(graph, a, "drop", 0.5);
    assert_ok(nn_graph_check(graph));
    assert_true(a->attr.dropout.stream != b->attr.dropout.stream);
}

/* ---- refusal --------------------------------------------------------------------------------- */

static void a_layer_without_input(void **state)
{
    (void)state;
    assert_null(nn_conv2d(graph, NULL, "conv7", (nn_conv){ .out = 4, .k = 3 }));
    assert_fails(nn_graph_check(graph), NN_EINVAL, "layer conv7: its input is missing");
}

static void a_convolution_without_kernel(void **state)
{
    (void)state;
    assert_null(nn_conv2d(graph, image, "conv", (nn_conv){ .out = 4 }));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "conv/weight");
}

static void a_convolution_of_a_vector(void **state)
{
    (void)state;
    nn_node *x = nn_global_avg_pool(graph, image, "gap");
    assert_null(nn_conv2d(graph, x, "conv", (nn_conv){ .out = 4, .k = 1 }));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "conv2d conv: x is [N,3], must be [N,H,W,C]");
}

static void channels_beyond_int(void **state)
{
    (void)state;
    assert_null(nn_depthwise(graph, image, "dw", (nn_conv){ .k = 3, .multiplier = 2000000000 }));
    assert_fails(nn_graph_check(graph), NN_ESHAPE, "dw/weight");
}

static void an_unknown_activation(void **state)
{
    (void)state;
    assert_null(nn_conv_bn(graph, image, "c", (nn_conv){ .out = 2, .k = 1 }, (nn_activation)17));
    assert_fails(nn_graph_check(graph), NN_EINVAL, "layer c/activation: activation 17");
}

/* Names are never cut: two layers would share their weights. */
static void a_name_that_is_too_long(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_null(nn_dense(graph, nn_flatten(graph, image, "flat"), name, 3));
    assert_fails(nn_graph_check(graph), NN_EINVAL, "weight");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(convolution_defaults),
        TEST(convolution_settings),
        TEST(depthwise_multiplies_channels),
        TEST(normalized_convolution_has_its_scopes),
        TEST(new_batch_norm_is_the_identity),
        TEST(pools_stride_by_their_kernel),
        TEST(dense_and_flatten),
        TEST(joins_and_losses),
        TEST(dropouts_have_streams_of_their_own),
        TEST(a_layer_without_input),
        TEST(a_convolution_without_kernel),
        TEST(a_convolution_of_a_vector),
        TEST(channels_beyond_int),
        TEST(an_unknown_activation),
        TEST(a_name_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
