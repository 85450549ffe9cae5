/* folds - the ways in which a convolution and the batch norm behind it become one integer operator.
 *
 * Every deployed network multiplies by folded weights and adds a folded bias:
 *
 *   k = gamma / sqrt(var + epsilon)     weight k     beta + (bias - mean) k
 *
 * A way says what stands for the pair while the network is trained with fake quantization: what is
 * quantized, and whose statistics are used.  It is a row of functions that make nodes. */
#ifndef OCTET_QUANT_FOLDS_H
#define OCTET_QUANT_FOLDS_H

#include "nn/graph.h"

/* A convolution and the batch norm behind it, of the float graph, while they are copied. */
typedef struct quant_folding {
    nn_graph *to;
    const nn_node *layer, *bn;
} quant_folding;

typedef struct quant_fold {
    const char *name;
    /* What of the weight w is quantized: in training and in the deployed graph. */
    nn_node *(*weight)(const quant_folding *f, nn_node *w);
    /* In training, what the batch norm becomes; in[0] is the convolution's result, the others are
     * gamma, beta, mean and var. */
    nn_node *(*norm)(const quant_folding *f, nn_node *const in[]);
} quant_fold;

#define QUANT_FOLD(name) extern const quant_fold quant_fold_##name;
#include "quant/folds.def"
#undef QUANT_FOLD

/* The i-th, in the order of folds.def; NULL when there are no more. */
const quant_fold *quant_fold_at(int i);

#endif
