/* input - a leaf whose values are the caller's memory, bound when the graph runs.
 *
 *   y [as given to nn_input] */
#include "nn/op.h"

const nn_op nn_op_input = { .name = "input", .flags = NN_FLAG_NO_GRAD };
