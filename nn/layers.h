/* layers - the vocabulary in which networks are written.
 *
 * Each function makes the parameters that a layer needs, appends its ops to the graph and returns
 * its output.  Names are scopes: layer "stage1/conv1" has the parameters "stage1/conv1/weight" and,
 * where it has one, "stage1/conv1/bias"; its batch norm has "stage1/conv1/bn/gamma", "beta",
 * "mean", "var". Errors stick to the graph (nn/graph.h), so a model needs no checks.  Images are
 * [N,H,W,C]. */
#ifndef OCTET_NN_LAYERS_H
#define OCTET_NN_LAYERS_H

#include "nn/graph.h"

typedef enum nn_activation { NN_LINEAR, NN_RELU, NN_RELU6, NN_HARD_SWISH } nn_activation;

/* A convolution's settings; what is 0 takes its default. */
typedef struct nn_conv {
    int out;                      /* output channels; depthwise: not used */
    int k, kh, kw;                /* kernel: k for a square one, or kh and kw */
    int s, sh, sw;                /* stride [1] */
    int d;                        /* dilation [1] */
    int multiplier;               /* depthwise: output channels for each input channel [1] */
    nn_padding pad;               /* [NN_SAME] */
    int top, bottom, left, right; /* NN_EXPLICIT */
    bool bias;                    /* nn_conv2d, nn_depthwise: has one; the *_bn forms never have */
} nn_conv;

/* y [N,OH,OW,out] = conv(x [N,H,W,C], weight [out,KH,KW,C]) + bias [out]; He initialization. */
nn_node *nn_conv2d(nn_graph *g, nn_node *x, const char *name, nn_conv c);

/* y [N,OH,OW,C*multiplier]; weight [1,KH,KW,C*multiplier]. */
nn_node *nn_depthwise(nn_graph *g, nn_node *x, const char *name, nn_conv c);

/* y [N,units] = x [N,I] weight [units,I] + bias [units]; Glorot initialization. */
nn_node *nn_dense(nn_graph *g, nn_node *x, const char *name, int units);

/* Batch normalization over the last dimension; epsilon 1e-3, running statistics with momentum 0.9.
 * Ioffe & Szegedy 2015, arXiv 1502.03167. */
nn_node *nn_batch_norm(nn_graph *g, nn_node *x, const char *name);

nn_node *nn_relu(nn_graph *g, nn_node *x, const char *name);
nn_node *nn_relu6(nn_graph *g, nn_node *x, const char *name);
nn_node *nn_hard_swish(nn_graph *g, nn_node *x, const char *name);
nn_node *nn_logistic(nn_graph *g, nn_node *x, const char *name);
nn_node *nn_softmax(nn_graph *g, nn_node *x, const char *name);
nn_node *nn_activate(nn_graph *g, nn_node *x, const char *name, nn_activation a);

/* Convolution without bias, batch norm, activation: nodes name, name/bn, name/relu or the like. */
nn_node *nn_conv_bn(nn_graph *g, nn_node *x, const char *name, nn_conv c, nn_activation a);
nn_node *nn_depthwise_bn(nn_graph *g, nn_node *x, const char *name, nn_conv c, nn_activation a);

/* Pools use k, kh, kw, s (default: the kernel), sh, sw and pad of nn_conv (default NN_SAME). */
nn_node *nn_max_pool(nn_graph *g, nn_node *x, const char *name, nn_conv c);
nn_node *nn_avg_pool(nn_graph *g, nn_node *x, const char *name, nn_conv c);
/* Mean over H and W: [N,H,W,C] -> [N,C]. */
nn_node *nn_global_avg_pool(nn_graph *g, nn_node *x, const char *name);

nn_node *nn_add(nn_graph *g, nn_node *a, nn_node *b, const char *name);
nn_node *nn_mul(nn_graph *g, nn_node *a, nn_node *b, const char *name);
/* Along the last dimension; 2 to NN_MAX_IN inputs. */
nn_node *nn_concat(nn_graph *g, nn_node *const x[], int n, const char *name);
/* Zeros before and after each dimension. */
nn_node *nn_pad(nn_graph *g, nn_node *x, const char *name, nn_pad_attr p);
nn_node *nn_reshape(nn_graph *g, nn_node *x, const char *name, nn_shape shape);
nn_node *nn_flatten(nn_graph *g, nn_node *x, const char *name); /* [N, all the rest] */
nn_node *nn_dropout(nn_graph *g, nn_node *x, const char *name, double rate);

/* Mean over the batch of the cross-entropy of softmax(logits [N,classes]) with label [N] (class
 * index as a real), with label smoothing: Szegedy et al. 2015, arXiv 1512.00567 section 7.  A
 * scalar. */
nn_node *nn_cross_entropy(nn_graph *g, nn_node *logits, nn_node *label, double smoothing);
/* Mean over all elements of (prediction - target)^2.  A scalar. */
nn_node *nn_mean_squared_error(nn_graph *g, nn_node *prediction, nn_node *target);

#endif
