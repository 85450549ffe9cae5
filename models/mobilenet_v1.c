/* mobilenet_v1 - Howard et al., "MobileNets: efficient convolutional neural networks for mobile
 * vision applications", 2017, arXiv 1704.04861, table 1.
 *
 * Each row is a depthwise 3x3 of its stride and a pointwise convolution, both with batch norm and
 * relu6 (as the authors' code has it; the paper says relu).  No layer has fewer than 8 channels, as
 * in that code. */
#include "models/model.h"

#include <stdio.h>

typedef struct row {
    int stride, out;
} row;

static const row table[] = {
    { 1, 64 },  { 2, 128 }, { 1, 128 }, { 2, 256 }, { 1, 256 },  { 2, 512 },  { 1, 512 },
    { 1, 512 }, { 1, 512 }, { 1, 512 }, { 1, 512 }, { 2, 1024 }, { 1, 1024 },
};

static int scaled(const model_config *c, int channels)
{
    int n = model_scaled(c, channels);
    return n > 8 ? n : 8;
}

nn_node *model_mobilenet_v1(nn_graph *g, nn_node *x, const model_config *c)
{
    nn_activation a = model_activation(c, NN_RELU6);
    char scope[MODEL_NAME], name[MODEL_NAME];
    nn_conv stem = { .out = scaled(c, 32), .k = 3, .s = model_is_small(c) ? 1 : 2 };
    x = nn_conv_bn(g, x, "stem", stem, a);
    for (int i = 0; i < (int)(sizeof table / sizeof table[0]); i++) {
        nn_conv depthwise = { .k = 3, .s = table[i].stride };
        nn_conv pointwise = { .k = 1, .out = scaled(c, table[i].out) };
        snprintf(scope, sizeof scope, "block%d", i + 1);
        x = nn_depthwise_bn(g, x, model_scope(name, scope, "dw"), depthwise, a);
        x = nn_conv_bn(g, x, model_scope(name, scope, "pw"), pointwise, a);
    }
    x = nn_global_avg_pool(g, x, "pool");
    return model_classifier(g, x, c, 0);
}
