/* fold_parts - the nodes that ways of folding (quant/folds.h) are made of. */
#ifndef OCTET_QUANT_FOLD_PARTS_H
#define OCTET_QUANT_FOLD_PARTS_H

#include "quant/folds.h"

enum { QUANT_NAME_BYTES = NN_MAX_NAME + 32 }; /* a node's name and what is added to it */

/* Inputs of a layer and of batch norm in the float graph. */
enum { QUANT_X, QUANT_WEIGHT, QUANT_BIAS };
enum { QUANT_BN_X, QUANT_BN_GAMMA, QUANT_BN_BETA, QUANT_BN_MEAN, QUANT_BN_VAR };

/* w k, along the weight's output channels. */
nn_node *quant__fold_weight(const quant_folding *f, nn_node *w);

/* beta + (bias - mean) k; bias NULL: 0. */
nn_node *quant__fold_bias(const quant_folding *f, nn_node *bias);

/* Which dimension of a layer's weight is that of its output channels. */
int quant__channel_axis(const nn_node *layer);

#endif
