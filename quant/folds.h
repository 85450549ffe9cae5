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
    /* In training, the convolution's bias; `bias` is its own, NULL: none. */
    nn_node *(*bias)(const quant_folding *f, nn_node *bias);
    /* In training, what the batch norm becomes; in[0] is the convolution's result, the others are
     * gamma, beta, mean and var. */
    nn_node *(*norm)(const quant_folding *f, nn_node *const in[]);

    /* The deployed weights are folded after they are quantized: by their scales, of which each
     * output channel needs one. */
    bool keeps_codes;
    /* The running statistics are estimated anew when training ends. */
    bool reestimates;
    /* Before the first quantized step, once, batch norms disappear into the parameters before them
     * (quant_fold_away); from then on they are held at 0, 1 (quant_fold_hold). */
    bool folds_away;
} quant_fold;

#define QUANT_FOLD(name) extern const quant_fold quant_fold_##name;
#include "quant/folds.def"
#undef QUANT_FOLD

/* The i-th, in the order of folds.def; NULL when there are no more. */
const quant_fold *quant_fold_at(int i);

/* Folds each batch norm of a float graph that follows a convolution into weight and beta, as
 *
 *   w = k w,  beta = beta + (bias - mean) k,  bias = 0,  gamma = 1,  mean = 0,  var = 1 - epsilon
 *
 * The float network computes what it did, and k is exactly 1. */
void quant_fold_away(const nn_graph *g);

/* Puts gamma, mean, var and bias back to these values: what is left in an optimizer of them moves
 * them, and so does weight decay. */
void quant_fold_hold(const nn_graph *g);

#endif
