/* mlp - a multilayer perceptron: three hidden layers of 256, 128 and 64 units.
 *
 * The sizes are those of the entry "MLP 256-128-64" in Fashion-MNIST's list of benchmarks
 * (0.900). */
#include "models/model.h"

nn_node *model_mlp(nn_graph *g, nn_node *x, const model_config *c)
{
    nn_activation a = model_activation(c, NN_RELU);
    x = nn_flatten(g, x, "flatten");
    x = nn_activate(g, nn_dense(g, x, "fc1", model_scaled(c, 256)), "fc1/act", a);
    x = nn_activate(g, nn_dense(g, x, "fc2", model_scaled(c, 128)), "fc2/act", a);
    x = nn_activate(g, nn_dense(g, x, "fc3", model_scaled(c, 64)), "fc3/act", a);
    return model_classifier(g, x, c, 0);
}
