/* model - networks by name.
 *
 * A network is a function that appends its layers to a graph; one family has one file, which reads
 * like the table of its paper.  All take pictures of any size, any number of channels and classes;
 * what cannot be (a window larger than its picture) fails with the layer's name. */
#ifndef OCTET_MODELS_MODEL_H
#define OCTET_MODELS_MODEL_H

#include "nn/layers.h"

/* What is 0 takes the default in brackets, or that of the network's paper. */
typedef struct model_config {
    int height, width, channels; /* of the pictures */
    int classes;
    double width_multiplier; /* of the channels of every layer but the last [1] */
    double dropout; /* rate before the classifier, in [0, 1); negative: none [the paper's] */
    nn_activation activation; /* NN_LINEAR: the paper's */
} model_config;

/* Appends network `name` to g: the input "image" [N,height,width,channels] and the output "logits"
 * [N,classes], which go to *image and *logits.
 * Errors: NN_EINVAL (unknown name, with the nearest one; a setting out of its range), NN_ESHAPE,
 * NN_ENOMEM; they stick to the graph. */
nn_status model_build(nn_graph *g, const char *name, const model_config *c, nn_node **image,
                      nn_node **logits);

/* The known names, and one line about each. */
int model_count(void);
const char *model_name(int i);
const char *model_about(int i);

/* ---- for the networks' files ----------------------------------------------------------------- */

/* The builders: x [N,H,W,C] -> logits [N,classes]; the settings were checked, defaults are in
 * place. */
#define MODEL(name, about) nn_node *model_##name(nn_graph *g, nn_node *x, const model_config *c);
#include "models/models.def"
#undef MODEL

/* `channels` times the width multiplier, rounded, at least 1. */
int model_scaled(const model_config *c, int channels);

/* Pictures below 64 pixels a side (the smaller one): networks made for ImageNet leave out the
 * stride of their first layer, which would leave nothing of them. */
bool model_is_small(const model_config *c);

/* The configured activation, or the paper's. */
nn_activation model_activation(const model_config *c, nn_activation paper);

/* Dropout at the configured rate or the paper's (0: none), then the classifier "logits":
 * x [N,I] -> [N,classes]. */
nn_node *model_classifier(nn_graph *g, nn_node *x, const model_config *c, double paper_dropout);

/* A layer's name, scope/leaf, in text of MODEL_NAME bytes; returns text. */
enum { MODEL_NAME = 96 };
const char *model_scope(char *text, const char *scope, const char *leaf);

#endif
