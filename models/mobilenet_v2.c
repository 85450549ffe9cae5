/* mobilenet_v2 - Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: inverted residuals and linear
 * bottlenecks", 2018, arXiv 1801.04381, tables 1 and 2.
 *
 *   bottleneck:  x [C]  -> conv 1x1, tC, relu6  -> depthwise 3x3, relu6  -> conv 1x1, out, linear
 *
 * and x is added if it has the same shape.  Channels are rounded to multiples of 8, by no more than
 * a tenth downwards, and the last convolution is not narrower than 1280, as in the authors'
 * code. */
#include "models/model.h"

#include <math.h>
#include <stdio.h>

/* Table 2: expansion factor t, output channels c, repeated n times, stride s of the first. */
typedef struct row {
    int t, c, n, s;
} row;

static const row table[] = {
    { 1, 16, 1, 1 }, { 6, 24, 2, 2 },  { 6, 32, 3, 2 },  { 6, 64, 4, 2 },
    { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
};

static int divisible(double channels)
{
    int n = (int)(channels + 4) / 8 * 8;
    n = n > 8 ? n : 8;
    return n < 0.9 * channels ? n + 8 : n;
}

static nn_node *bottleneck(nn_graph *g, nn_node *x, const char *scope, int t, int out, int stride,
                           nn_activation a)
{
    char name[MODEL_NAME];
    int in = x != NULL ? nn_shape_channels(x->shape) : out;
    nn_node *y = x;
    if (t > 1)
        y = nn_conv_bn(g, y, model_scope(name, scope, "expand"), (nn_conv){ .k = 1, .out = t * in },
                       a);
    y = nn_depthwise_bn(g, y, model_scope(name, scope, "dw"), (nn_conv){ .k = 3, .s = stride }, a);
    y = nn_conv_bn(g, y, model_scope(name, scope, "project"), (nn_conv){ .k = 1, .out = out },
                   NN_LINEAR);
    return stride == 1 && in == out ? nn_add(g, x, y, model_scope(name, scope, "add")) : y;
}

nn_node *model_mobilenet_v2(nn_graph *g, nn_node *x, const model_config *c)
{
    nn_activation a = model_activation(c, NN_RELU6);
    double width = c->width_multiplier;
    char scope[MODEL_NAME];
    int block = 0;
    nn_conv stem = { .out = divisible(32 * width), .k = 3, .s = model_is_small(c) ? 1 : 2 };
    x = nn_conv_bn(g, x, "stem", stem, a);
    for (int r = 0; r < (int)(sizeof table / sizeof table[0]); r++)
        for (int i = 0; i < table[r].n; i++) {
            snprintf(scope, sizeof scope, "block%d", ++block);
            x = bottleneck(g, x, scope, table[r].t, divisible(table[r].c * width),
                           i == 0 ? table[r].s : 1, a);
        }
    nn_conv last = { .k = 1, .out = divisible(1280 * fmax(1, width)) };
    x = nn_conv_bn(g, x, "last", last, a);
    x = nn_global_avg_pool(g, x, "pool");
    return model_classifier(g, x, c, 0.2);
}
