/* lenet - LeNet-5: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
 * recognition", Proc. IEEE 86(11), 1998, figure 2.
 *
 *   C1 conv 5x5, 6    S2 pool    C3 conv 5x5, 16    S4 pool    C5 120    F6 84    output
 *
 * The layers and sizes are the paper's; what they are made of is today's: batch norm and relu for
 * the squashing function, maxima for trainable averages, C3 sees all maps of S2, softmax for radial
 * basis functions.  C1 keeps the size of the picture (the paper padded its 28x28 digits to
 * 32x32). */
#include "models/model.h"

nn_node *model_lenet(nn_graph *g, nn_node *x, const model_config *c)
{
    nn_activation a = model_activation(c, NN_RELU);
    x = nn_conv_bn(g, x, "c1", (nn_conv){ .out = model_scaled(c, 6), .k = 5 }, a);
    x = nn_max_pool(g, x, "s2", (nn_conv){ .k = 2 });
    x = nn_conv_bn(g, x, "c3", (nn_conv){ .out = model_scaled(c, 16), .k = 5, .pad = NN_VALID }, a);
    x = nn_max_pool(g, x, "s4", (nn_conv){ .k = 2 });
    x = nn_flatten(g, x, "flatten");
    x = nn_activate(g, nn_dense(g, x, "c5", model_scaled(c, 120)), "c5/act", a);
    x = nn_activate(g, nn_dense(g, x, "f6", model_scaled(c, 84)), "f6/act", a);
    return model_classifier(g, x, c, 0);
}
