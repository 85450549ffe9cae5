/* ds_cnn - the depthwise separable network for keyword spotting.
 *
 * Zhang, Suda, Lai, Chandra, "Hello Edge: keyword spotting on microcontrollers", 2017, arXiv
 * 1711.07128; in the form of MLPerf Tiny (arXiv 2106.07597), which hears 49 frames of 10
 * coefficients:
 *
 *   conv 10x4, 64, stride 2    4 x { depthwise 3x3, pointwise 64 }    average pool    dense
 *
 * The reference averages 24 of the last map's 25 rows (it halves 49 rounding down); this averages
 * all of them.  Its dropout is 0.2 after the first layer and 0.4 before the classifier: the first
 * is half of the second here, whatever that is. */
#include "models/model.h"

#include <stdio.h>

static nn_node *separable(nn_graph *g, nn_node *x, int index, int channels, nn_activation a)
{
    char scope[MODEL_NAME], name[MODEL_NAME];
    snprintf(scope, sizeof scope, "block%d", index);
    x = nn_depthwise_bn(g, x, model_scope(name, scope, "dw"), (nn_conv){ .k = 3 }, a);
    nn_conv pointwise = { .out = channels, .k = 1 };
    return nn_conv_bn(g, x, model_scope(name, scope, "pw"), pointwise, a);
}

nn_node *model_ds_cnn(nn_graph *g, nn_node *x, const model_config *c)
{
    const double paper_dropout = 0.4;
    nn_activation a = model_activation(c, NN_RELU);
    int channels = model_scaled(c, 64);
    double dropout = (c->dropout != 0 ? c->dropout : paper_dropout) / 2;
    x = nn_conv_bn(g, x, "stem", (nn_conv){ .out = channels, .kh = 10, .kw = 4, .s = 2 }, a);
    if (dropout > 0)
        x = nn_dropout(g, x, "stem/dropout", dropout);
    for (int i = 0; i < 4; i++)
        x = separable(g, x, i, channels, a);
    x = nn_global_avg_pool(g, x, "pool");
    return model_classifier(g, x, c, paper_dropout);
}
