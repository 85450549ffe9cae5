/* session - a network with all that belongs to it: parameters, graphs, preprocessing, class names.
 *
 * Made from a recipe (train) or from a checkpoint (eval, quantize, export, verify).  Parameters are
 * collated when all graphs that may be wanted are built, so what is to be quantized is said first. */
#ifndef OCTET_TRAIN_SESSION_H
#define OCTET_TRAIN_SESSION_H

#include "data/loader.h"
#include "models/model.h"
#include "quant/quant.h"
#include "train/recipe.h"

/* How a picture becomes the network's input: (code - mean[c]) / std[c] of pixel codes 0..255. */
typedef struct train_prep {
    int height, width, channels;
    double mean[DS_MAX_CHANNELS], std[DS_MAX_CHANNELS];
    ds_resize_rule resize;
} train_prep;

/* What identifies a network: enough to build it again. */
typedef struct train_info {
    train_recipe recipe; /* its TRAIN_MATHS options; texts are borrowed */
    uint64_t seed;
    train_prep prep;
    int classes;
    const char *const *class_name; /* [classes] */
    int64_t step;                  /* training steps behind it */
    bool quantized;                /* it was trained with fake quantization at the end */
} train_info;

typedef struct train_network {
    nn_arena *arena; /* of the texts in info */
    train_info info;
    nn_params *params; /* collated and filled */
    nn_graph *graph;   /* float: image -> logits */
    nn_node *image, *logits;
    quant_config quant;
    bool can_quantize;  /* quant is valid and the stages below exist */
    const char *reason; /* why not: one line */
    bool has_ranges;    /* activation and weight ranges are known: `deploy` computes */
    nn_graph *watch, *train, *calibrate, *deploy; /* quant_build's stages, or NULL */
} train_network;

typedef struct train_limits {
    uint64_t macs, bytes, pixels;
} train_limits;

/* A network by its description, parameters initialised by info->seed; info is copied.
 *   quant   whether to build the stages: false leaves them NULL and ranges out of the parameters
 * Errors: NN_EINVAL, NN_ESHAPE, NN_ENOMEM (also: limits), NN_ENOTSUP (quant is wanted and impossible). */
nn_status train_network_new(train_network **out, const train_info *info, bool quant,
                            const train_limits *limits);

/* A network from a checkpoint.
 *   quant   settings for the stages instead of the checkpoint's own; NULL: its own.  The stages are
 *           always tried; if the network cannot be quantized, can_quantize is false and reason says
 *           why.  has_ranges is true if the file has all ranges and `quant` is NULL.
 * Errors: NN_EIO, NN_EFORMAT (not a checkpoint of octet, or damaged), those of train_network_new. */
nn_status train_network_load(train_network **out, const char *path,
                             const train_quant_options *quant, const train_limits *limits);
void train_network_free(train_network *n); /* NULL is allowed */

/* Options for ds_open and ds_loader_new that feed this network from `data`, whatever the recipe said. */
ds_options train_prep_dataset(const train_prep *p, const ds_options *base);
ds_loader_options train_prep_loader(const train_prep *p, int batch);

/* One mean and deviation for all channels, the mean whole: what an integer input can hold.
 * Errors: NN_ENOTSUP with the reason. */
nn_status train_prep_affine(nn_affine *out, const train_prep *p);

#endif
