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

/* The leaf of the convolution's own bias, NULL if it has none. */
nn_node *quant__own_bias(const quant_folding *f);

/* Ways of quant_fold's members: the weight as it is; no bias, its own bias; the batch norm as it
 * is. */
nn_node *quant__plain_weight(const quant_folding *f, nn_node *w);
nn_node *quant__no_bias(const quant_folding *f, nn_node *bias);
nn_node *quant__plain_bias(const quant_folding *f, nn_node *bias);
nn_node *quant__plain_norm(const quant_folding *f, nn_node *const in[]);

/* The batch norm's node by op `id`: with its vectors, the first `n` inputs from `x`, and the
 * convolution's bias behind them if it has one. */
nn_node *quant__norm(const quant_folding *f, nn_op_id id, nn_node *const x[], int n,
                     const nn_bnorm_attr *attr);

/* What a weight's scales have to suit: the bias of its layer (NULL: none), whose codes have the
 * scale x_scale times the weight's. */
typedef struct quant_bias_fit {
    nn_node *bias, *x_scale;
} quant_bias_fit;

/* A weight's fakequant node q folded: the codes stay, or change their sign with k, and the scales
 * become those of op bngrid. */
nn_node *quant__fold_quantized(const quant_folding *f, nn_node *q, const quant_bias_fit *fit);

/* A weight's scales, no less than its layer's bias needs to fit an int32: op biasgrid; `scale`
 * itself if the layer has no bias. */
nn_node *quant__widen(nn_graph *to, nn_node *scale, const quant_bias_fit *fit);

/* Which dimension of a layer's weight is that of its output channels. */
int quant__channel_axis(const nn_node *layer);

#endif
