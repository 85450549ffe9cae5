/* winograd - which convolutions are faster by Winograd's method (nn/kernels/wino.h). */
#ifndef OCTET_NN_OPS_WINOGRAD_H
#define OCTET_NN_OPS_WINOGRAD_H

#include "nn/op.h"

/* True for a conv2d of 3x3 kernels at stride 1 with enough channels and pixels, which
 * nn_op_winograd computes in less time; its results round otherwise. */
bool nn_winograd_wins(const nn_node *n);

#endif
