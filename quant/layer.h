/* layer - a convolution or dense layer of the float graph with the batch norm and the activation
 * that it is fused with, as one thing with folded weights and a folded bias.
 *
 *   folded weight = weight * factor           factor = gamma / sqrt(var + epsilon), 1 without bn
 *   folded bias   = beta + (bias - mean) factor, or bias
 *
 * Methods of post-training quantization change the folded values through the parameters behind
 * them, so that the network stays one that can be trained and folded as before. */
#ifndef OCTET_QUANT_LAYER_H
#define OCTET_QUANT_LAYER_H

#include "quant/quant.h"

typedef struct quant_layer {
    const nn_node *node; /* conv2d, dwconv2d or dense */
    const nn_node *bn;   /* NULL: none */
    const nn_node *act;  /* relu or relu6; NULL: none */
    const nn_node *last; /* of these: the one whose value others read */
    nn_param *weight, *bias, *gamma, *beta, *mean, *var; /* NULL: not there */
    size_t outputs;                                      /* output channels */
    size_t fan_in;                                       /* weights of one output channel */
    size_t step;                                         /* elements from one of them to the next */
} quant_layer;

/* False if node i of the float graph is no such layer. */
bool quant_layer_at(quant_layer *l, const nn_graph *g, int i);

/* The index of weight k of output channel o in the weight. */
static inline size_t quant_layer_index(const quant_layer *l, size_t o, size_t k)
{
    return l->step == 1 ? o * l->fan_in + k : o + k * l->step;
}

/* Whether its inputs are so many channels of a tensor behind which only its shape changed.  (A
 * dense layer may read a flattened image: its inputs are [H, W, channels].) */
bool quant_layer_reads(const quant_layer *l, size_t channels);

/* Which of these channels weight k of output channel o is multiplied with. */
size_t quant_layer_input(const quant_layer *l, size_t o, size_t k, size_t channels);

nn_real quant_layer_factor(const quant_layer *l, size_t o);

/* All weights folded, in the weight's layout. */
void quant_layer_fold(nn_real *folded, const quant_layer *l);

/* Adds d to the folded bias of output channel o; false if the layer has none. */
bool quant_layer_has_bias(const quant_layer *l);
void quant_layer_add_bias(const quant_layer *l, size_t o, double d);

/* The fakequant node of the layer's weight in the graph of a stage; NULL: the layer is in float. */
const nn_node *quant_layer_weight_point(const nn_graph *stage, const quant_layer *l);

#endif
