/* resnet - residual networks of basic blocks.
 *
 * He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015, arXiv 1512.03385:
 * figure 2 (the block), table 1 (18 layers, ImageNet), section 4.2 (20, 32, 56 layers, CIFAR);
 * 8 layers: MLPerf Tiny, arXiv 2106.07597.
 *
 *   block:  y = relu(x' + bn(conv3x3(relu(bn(conv3x3(x))))))      x' = x, or its shortcut
 *
 * All padding is NN_SAME, as the .tflite format has it: on a picture of even size a window of
 * stride 2 then lies one pixel further down and right than under the papers' symmetric padding. */
#include "models/model.h"

#include <stdio.h>

/* How x meets a sum that has another shape. */
typedef enum shortcut {
    SUBSAMPLE,     /* option A: every second pixel, new channels zero; no parameters */
    PROJECT,       /* option B: conv 1x1 and batch norm */
    PROJECT_BIASED /* conv 1x1 with bias, no batch norm: MLPerf Tiny */
} shortcut;

enum { MOST_STAGES = 4 };

typedef struct resnet {
    shortcut shortcut;
    int stem;                /* its kernel's side */
    int filters;             /* of the first stage; each stage doubles them */
    int blocks[MOST_STAGES]; /* of each stage; each stage but the first halves the picture */
} resnet;

/* Half the pixels along each side, and `more` channels of zeros after its own. */
static nn_node *subsample(nn_graph *g, nn_node *x, const char *block, int stride, int more)
{
    char name[MODEL_NAME];
    if (stride > 1)
        x = nn_max_pool(g, x, model_scope(name, block, "subsample"),
                        (nn_conv){ .k = 1, .s = stride });
    if (more > 0)
        x = nn_pad(g, x, model_scope(name, block, "zeros"),
                   (nn_pad_attr){ .after = { 0, 0, 0, more } });
    return x;
}

static nn_node *shorten(nn_graph *g, nn_node *x, const char *block, shortcut kind, int filters,
                        int stride)
{
    char name[MODEL_NAME];
    int have = x != NULL ? nn_shape_channels(x->shape) : filters;
    if (stride == 1 && have == filters)
        return x;
    if (kind == SUBSAMPLE)
        return subsample(g, x, block, stride, filters - have);
    nn_conv conv = { .out = filters, .k = 1, .s = stride, .bias = kind == PROJECT_BIASED };
    model_scope(name, block, "shortcut");
    return kind == PROJECT ? nn_conv_bn(g, x, name, conv, NN_LINEAR) : nn_conv2d(g, x, name, conv);
}

static nn_node *basic_block(nn_graph *g, nn_node *x, const char *block, shortcut kind, int filters,
                            int stride, nn_activation a)
{
    char name[MODEL_NAME];
    nn_conv first = { .out = filters, .k = 3, .s = stride }, second = { .out = filters, .k = 3 };
    nn_node *y = nn_conv_bn(g, x, model_scope(name, block, "conv1"), first, a);
    y = nn_conv_bn(g, y, model_scope(name, block, "conv2"), second, NN_LINEAR);
    x = shorten(g, x, block, kind, filters, stride);
    x = nn_add(g, x, y, model_scope(name, block, "add"));
    return nn_activate(g, x, model_scope(name, block, "add/act"), a);
}

static nn_node *build(nn_graph *g, nn_node *x, const model_config *c, const resnet *r)
{
    nn_activation a = model_activation(c, NN_RELU);
    bool reduce = r->stem == 7 && !model_is_small(c);
    nn_conv stem = { .out = model_scaled(c, r->filters), .k = reduce ? 7 : 3, .s = reduce ? 2 : 1 };
    x = nn_conv_bn(g, x, "stem", stem, a);
    if (reduce)
        x = nn_max_pool(g, x, "stem/pool", (nn_conv){ .k = 3, .s = 2 });
    for (int stage = 0; stage < MOST_STAGES; stage++)
        for (int i = 0; i < r->blocks[stage]; i++) {
            char block[MODEL_NAME];
            int stride = stage > 0 && i == 0 ? 2 : 1;
            snprintf(block, sizeof block, "stage%d/block%d", stage + 1, i);
            x = basic_block(g, x, block, r->shortcut, model_scaled(c, r->filters << stage), stride,
                            a);
        }
    x = nn_global_avg_pool(g, x, "pool");
    return model_classifier(g, x, c, 0);
}

nn_node *model_resnet8(nn_graph *g, nn_node *x, const model_config *c)
{
    return build(g, x, c, &(resnet){ PROJECT_BIASED, 3, 16, { 1, 1, 1 } });
}

nn_node *model_resnet20(nn_graph *g, nn_node *x, const model_config *c)
{
    return build(g, x, c, &(resnet){ SUBSAMPLE, 3, 16, { 3, 3, 3 } });
}

nn_node *model_resnet32(nn_graph *g, nn_node *x, const model_config *c)
{
    return build(g, x, c, &(resnet){ SUBSAMPLE, 3, 16, { 5, 5, 5 } });
}

nn_node *model_resnet56(nn_graph *g, nn_node *x, const model_config *c)
{
    return build(g, x, c, &(resnet){ SUBSAMPLE, 3, 16, { 9, 9, 9 } });
}

nn_node *model_resnet18(nn_graph *g, nn_node *x, const model_config *c)
{
    return build(g, x, c, &(resnet){ PROJECT, 7, 64, { 2, 2, 2, 2 } });
}
