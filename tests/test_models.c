/* models: parameters and multiply-accumulates against published numbers, shapes for many sizes of
 * picture, settings that cannot be; and how a graph is shown. */
#include <math.h>

#include "models/model.h"
#include "nn/base/file.h"
#include "nn/base/mem.h"
#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "nn/show.h"
#include "tests/testing.h"

typedef struct network {
    nn_params *ps;
    nn_graph *g;
    nn_node *image, *logits;
} network;

static nn_status network_new(network *n, const char *name, const model_config *c)
{
    *n = (network){ 0 };
    NN_TRY(nn_params_new(&n->ps));
    NN_TRY(nn_graph_new(&n->g, n->ps));
    return model_build(n->g, name, c, &n->image, &n->logits);
}

static void network_free(network *n)
{
    nn_graph_free(n->g);
    nn_params_free(n->ps);
}

/* ---- published numbers ----------------------------------------------------------------------- */

typedef struct published {
    const char *model;
    int height, width, channels, classes;
    double width_multiplier;
    size_t trained; /* 0: not published */
    size_t folded;  /* 0: not published */
    double macs;    /* millions; 0: not published */
    double digits;  /* the unit of its last digit, in millions */
    const char *source;
} published;

static const published numbers[] = {
    { "mlp", 28, 28, 1, 10, 1, 242762, 242762, 0, 0, "sum of (inputs + 1) * units" },
    { "lenet", 28, 28, 1, 10, 1, 0, 61706, 0.41652, 1e-5,
      "the layers of figure 2 with C3 fully connected: 156 + 2416 + 48120 + 10164 + 850" },
    { "ds_cnn", 49, 10, 1, 12, 1, 0, 22604, 2.66, 0.01, "MLPerf Tiny v1, keyword spotting" },
    { "resnet8", 32, 32, 3, 10, 1, 0, 77706, 12.50, 0.01, "MLPerf Tiny v1, image classification" },
    { "resnet8", 32, 32, 3, 10, 1.625, 0, 203746, 32.56, 0.01,
      "MLPerf Tiny v1.3, image classification (26 filters)" },
    { "resnet20", 32, 32, 3, 10, 1, 269722, 0, 40.55, 0.01, "0.27 M in He et al. table 6" },
    { "resnet32", 32, 32, 3, 10, 1, 464154, 0, 68.86, 0.01, "0.46 M in He et al. table 6" },
    { "resnet56", 32, 32, 3, 10, 1, 853018, 0, 125.49, 0.01, "0.85 M in He et al. table 6" },
    { "resnet18", 224, 224, 3, 1000, 1, 11689512, 0, 1814, 1, "torchvision: 11,689,512; 1.81 G" },
    { "mobilenet_v1", 224, 224, 3, 1000, 1, 4231976, 0, 569, 1, "Keras; Howard et al. table 4" },
    { "mobilenet_v1", 224, 224, 3, 1000, 0.5, 0, 0, 149, 1, "Howard et al. table 6" },
    { "mobilenet_v1", 224, 224, 3, 1000, 0.25, 0, 0, 41, 1, "Howard et al. table 6" },
    { "mobilenet_v1", 128, 128, 3, 1000, 1, 0, 0, 186, 1, "Howard et al. table 7" },
    { "mobilenet_v1", 96, 96, 3, 2, 0.25, 0, 210850, 7.49, 0.01,
      "MLPerf Tiny v1, visual wake words" },
    { "mobilenet_v2", 224, 224, 3, 1000, 1, 3504872, 0, 300, 1,
      "Keras; Sandler et al. table 4 (300 M)" },
};

static void check_published(const published *p)
{
    network n;
    model_config c = { .height = p->height,
                       .width = p->width,
                       .channels = p->channels,
                       .classes = p->classes,
                       .width_multiplier = p->width_multiplier };
    assert_ok(network_new(&n, p->model, &c));
    nn_size s = nn_graph_size(n.g);
    double macs = (double)s.macs / 1e6;
    if ((p->trained != 0 && s.trained != p->trained) || (p->folded != 0 && s.folded != p->folded))
        fail_msg("%s: %zu parameters, folded %zu; %s", p->model, s.trained, s.folded, p->source);
    if (p->macs > 0 && (macs < p->macs - p->digits || macs > p->macs + p->digits))
        fail_msg("%s: %.3f M MAC; %s", p->model, macs, p->source);
    assert_int_equal(nn_params_trained_count(n.ps), s.trained);
    network_free(&n);
}

static void counts_are_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        check_published(&numbers[i]);
}

/* 1234567 as "1,234,567"; text has 32 bytes. */
static const char *grouped(size_t n, char *text)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%zu", n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

static void check_documented(const char *page, const published *p)
{
    network n;
    char line[256], trained[32], folded[32];
    const model_config c = {
        .height = p->height, .width = p->width, .channels = p->channels, .classes = p->classes
    };
    assert_ok(network_new(&n, p->model, &c));
    nn_size s = nn_graph_size(n.g);
    snprintf(line, sizeof line, "| `%s` | %dx%dx%d | %d | %s | %s | %.3f |", p->model, p->height,
             p->width, p->channels, p->classes, grouped(s.trained, trained),
             grouped(s.folded, folded), (double)s.macs / 1e6);
    if (strstr(page, line) == NULL)
        fail_msg("docs/models.md has not the line %s", line);
    network_free(&n);
}

/* docs/models.md says the same as the code; each network's first row above is in its table. */
static void counts_are_documented(void **state)
{
    (void)state;
    nn_bytes page;
    assert_ok(nn_file_read(&page, "docs/models.md", 0));
    char *text = calloc(page.size + 1, 1);
    assert_non_null(text);
    memcpy(text, page.data, page.size);
    for (int i = 0; i < model_count(); i++) {
        size_t row = 0;
        while (strcmp(numbers[row].model, model_name(i)) != 0)
            row++;
        check_documented(text, &numbers[row]);
    }
    free(text);
    nn_bytes_free(&page);
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static void check_builds(const char *name, int height, int width, int channels, int classes)
{
    network n;
    model_config c = { .height = height, .width = width, .channels = channels, .classes = classes };
    nn_status st = network_new(&n, name, &c);
    if (st != NN_OK)
        fail_msg("%s for %dx%dx%d: %s", name, height, width, channels, nn_message());
    assert_string_equal(n.image->name, "image");
    assert_true(nn_shape_equal(n.image->shape, NN_SHAPE(NN_BATCH, height, width, channels)));
    assert_true(nn_shape_equal(n.logits->shape, NN_SHAPE(NN_BATCH, classes)));
    assert_true(n.logits->is_output);
    assert_string_equal(n.logits->name, "logits");
    assert_non_null(nn_params_find(n.ps, "logits/weight"));
    network_free(&n);
}

static void all_build_for_all_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < model_count(); i++) {
        check_builds(model_name(i), 28, 28, 1, 10);
        check_builds(model_name(i), 32, 32, 3, 100);
        check_builds(model_name(i), 33, 47, 2, 1);
        check_builds(model_name(i), 96, 96, 3, 2);
        check_builds(model_name(i), 224, 224, 3, 1000);
        check_builds(model_name(i), 65, 301, 4, 7);
        if (strcmp(model_name(i), "lenet") != 0)
            check_builds(model_name(i), 1, 1, 1, 2);
    }
}

/* The last map before the average: 7x7 for ImageNet's pictures, 4x4 or 2x2 for small ones. */
static void check_map(const char *name, int side, const char *node, int want)
{
    network n;
    model_config c = { .height = side, .width = side, .channels = 3, .classes = 10 };
    assert_ok(network_new(&n, name, &c));
    const nn_node *map = nn_graph_find(n.g, node);
    assert_non_null(map);
    assert_int_equal(map->shape.dim[1], want);
    assert_int_equal(map->shape.dim[2], want);
    network_free(&n);
}

static void small_pictures_keep_their_pixels(void **state)
{
    (void)state;
    check_map("resnet18", 224, "stage4/block1/add", 7);
    check_map("resnet18", 64, "stage4/block1/add", 2);
    check_map("resnet18", 32, "stage4/block1/add", 4);
    check_map("mobilenet_v1", 224, "block13/pw", 7);
    check_map("mobilenet_v1", 32, "block13/pw", 2);
    check_map("mobilenet_v2", 224, "last", 7);
    check_map("mobilenet_v2", 32, "last", 2);
    check_map("resnet20", 32, "stage3/block2/add", 8);
}

static int channels_of(const network *n, const char *node)
{
    const nn_node *x = nn_graph_find(n->g, node);
    return x != NULL ? nn_shape_channels(x->shape) : 0;
}

/* Channels as the papers' code rounds them: slim's depth_multiplier and _make_divisible. */
static void widths_are_rounded(void **state)
{
    (void)state;
    network n;
    model_config c = {
        .height = 96, .width = 96, .channels = 3, .classes = 10, .width_multiplier = 0.35
    };
    assert_ok(network_new(&n, "mobilenet_v2", &c));
    assert_int_equal(channels_of(&n, "stem"), 16);
    assert_int_equal(channels_of(&n, "block1/project"), 8);
    assert_int_equal(channels_of(&n, "block7/project"), 24);
    assert_int_equal(channels_of(&n, "block14/project"), 56);
    assert_int_equal(channels_of(&n, "block17/project"), 112);
    assert_int_equal(channels_of(&n, "last"), 1280);
    network_free(&n);
    c.width_multiplier = 1.4;
    assert_ok(network_new(&n, "mobilenet_v2", &c));
    assert_int_equal(channels_of(&n, "stem"), 48);
    assert_int_equal(channels_of(&n, "last"), 1792);
    network_free(&n);
    c.width_multiplier = 0.1;
    assert_ok(network_new(&n, "mobilenet_v1", &c));
    assert_int_equal(channels_of(&n, "stem"), 8);
    assert_int_equal(channels_of(&n, "block13/pw"), 102);
    network_free(&n);
}

static void activations_and_dropout_can_be_chosen(void **state)
{
    (void)state;
    network n;
    model_config c = { .height = 32, .width = 32, .channels = 3, .classes = 10 };
    assert_ok(network_new(&n, "mobilenet_v1", &c));
    assert_non_null(nn_graph_find(n.g, "stem/relu6"));
    assert_null(nn_graph_find(n.g, "dropout"));
    network_free(&n);
    c.activation = NN_RELU;
    c.dropout = 0.25;
    assert_ok(network_new(&n, "mobilenet_v1", &c));
    assert_non_null(nn_graph_find(n.g, "stem/relu"));
    assert_true(nn_graph_find(n.g, "dropout")->attr.dropout.rate == 0.25);
    network_free(&n);
    c.dropout = 0;
    assert_ok(network_new(&n, "ds_cnn", &c));
    assert_true(nn_graph_find(n.g, "stem/dropout")->attr.dropout.rate == 0.2);
    network_free(&n);
    c.dropout = -1;
    assert_ok(network_new(&n, "ds_cnn", &c));
    assert_null(nn_graph_find(n.g, "dropout"));
    assert_null(nn_graph_find(n.g, "stem/dropout"));
    network_free(&n);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void check_refused(const char *name, model_config c, nn_status code, const char *part)
{
    network n;
    assert_fails(network_new(&n, name, &c), code, part);
    assert_fails(nn_graph_check(n.g), code, part);
    network_free(&n);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const model_config good = { .height = 32, .width = 32, .channels = 3, .classes = 10 };
    model_config c = good;
    check_refused("resnet-20", c, NN_EINVAL, "mean resnet20");
    check_refused("mobilenetv2", c, NN_EINVAL, "mean mobilenet_v2");
    check_refused("vgg", c, NN_EINVAL, "model \"vgg\" is unknown; there are mlp, ");
    c.height = 0;
    check_refused("lenet", c, NN_EINVAL, "0x32");
    c = good, c.channels = 0;
    check_refused("lenet", c, NN_EINVAL, "0 channels");
    c = good, c.classes = -1;
    check_refused("lenet", c, NN_EINVAL, "-1 classes");
    c = good, c.width_multiplier = -1;
    check_refused("lenet", c, NN_EINVAL, "multiplier -1");
    c = good, c.dropout = 1;
    check_refused("lenet", c, NN_EINVAL, "dropout 1");
    c = good, c.height = c.width = 6;
    check_refused("lenet", c, NN_ESHAPE, "c3");
    c = good, c.height = c.width = 32768;
    check_refused("mlp", c, NN_ESHAPE, "[N,32768,32768,3]");
}

static void failing_memory_is_survived(void **state)
{
    (void)state;
    const model_config c = { .height = 32, .width = 32, .channels = 3, .classes = 10 };
    nn_status st = NN_ENOMEM;
    for (size_t k = 1; st != NN_OK; k++) {
        network n;
        nn_mem_fail_after(k);
        st = network_new(&n, "mobilenet_v2", &c);
        nn_mem_fail_after(0);
        network_free(&n);
        assert_true(st == NN_OK || st == NN_ENOMEM);
        assert_in_range(k, 1, 100);
    }
}

/* ---- running --------------------------------------------------------------------------------- */

enum { BATCH = 2, PIXELS = 28 * 28, CLASSES = 10 };

/* A forward pass with initial weights: two different pictures give finite, different logits. */
static void check_runs(const char *name)
{
    network n;
    nn_plan *plan = NULL;
    nn_exec *exec = NULL;
    nn_real image[BATCH * PIXELS];
    const model_config c = { .height = 28, .width = 28, .channels = 1, .classes = CLASSES };
    assert_ok(network_new(&n, name, &c));
    assert_ok(nn_plan_new(&plan, n.g, &(nn_plan_options){ .batch = BATCH }));
    assert_ok(nn_params_collate(n.ps));
    nn_params_init(n.ps, 1);
    assert_ok(nn_exec_new(&exec, plan, NULL));
    test_noise(image, BATCH * PIXELS, 1);
    nn_exec_bind(exec, n.image, image);
    nn_exec_forward(exec, BATCH, &(nn_run){ .seed = 1 });
    const nn_real *logits = nn_exec_value(exec, n.logits);
    for (int i = 0; i < CLASSES; i++) {
        assert_true(isfinite((double)logits[i]) && isfinite((double)logits[CLASSES + i]));
        assert_true(logits[i] != logits[CLASSES + i]);
    }
    nn_exec_free(exec);
    nn_plan_free(plan);
    network_free(&n);
}

static void all_run(void **state)
{
    (void)state;
    nn_kernels_init();
    for (int i = 0; i < model_count(); i++)
        check_runs(model_name(i));
}

/* ---- showing --------------------------------------------------------------------------------- */

static void tables_and_drawings(void **state)
{
    (void)state;
    network n;
    nn_arena *a = NULL;
    const model_config c = { .height = 32, .width = 32, .channels = 3, .classes = 10 };
    assert_ok(network_new(&n, "resnet8", &c));
    assert_ok(nn_arena_new(&a));
    const char *table = nn_show_table(a, n.g, NULL), *dot = nn_show_dot(a, n.g);
    assert_non_null(table);
    assert_non_null(dot);
    assert_non_null(strstr(table, "stage2/block0/shortcut"));
    assert_non_null(strstr(table, "conv2d bnorm relu"));
    assert_non_null(strstr(table, "77706 parameters once"));
    assert_null(strstr(table, "weight"));
    assert_non_null(strstr(dot, "stage2/block0/add\\nadd [N,16,16,32]"));
    assert_string_equal(dot + strlen(dot) - 3, "\n}\n");
    network_free(&n);
    assert_ok(network_new(&n, "resnet56", &c)); /* longer than the buffer that a text begins with */
    table = nn_show_table(a, n.g, NULL);
    assert_non_null(strstr(table, "stage1/block0/conv1"));
    assert_non_null(strstr(table, "stage3/block8/conv2"));
    assert_non_null(strstr(table, "parameters once"));
    nn_arena_free(a);
    network_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_the_published_ones),
        cmocka_unit_test(counts_are_documented),
        cmocka_unit_test(all_build_for_all_sizes),
        cmocka_unit_test(small_pictures_keep_their_pixels),
        cmocka_unit_test(widths_are_rounded),
        cmocka_unit_test(activations_and_dropout_can_be_chosen),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(failing_memory_is_survived),
        cmocka_unit_test(all_run),
        cmocka_unit_test(tables_and_drawings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
