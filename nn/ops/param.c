/* param - a leaf whose values are those of a parameter (nn/param.h).
 *
 *   y [as the parameter]
 *
 * What flows into it is the parameter's gradient; there is nothing further back to pass it to. */
#include "nn/op.h"

static void backward(const nn_call *c)
{
    (void)c; /* dy is the parameter's gradient already */
}

const nn_op nn_op_param = { .name = "param", .backward = backward };
