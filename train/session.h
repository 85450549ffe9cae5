/* session - a network with all that belongs to it: parameters, graphs, preprocessing, class names.
 *
 * Made from a recipe (train) or from a checkpoint (eval, quantize, export, verify).  Parameters are
 * collated when all graphs that may be wanted are built, so what is to be quantized is said
 * first. */
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
    const char *made;              /* how it was quantized without training; NULL: it was not */
} train_info;

typedef struct train_network {
    nn_arena *arena; /* of the texts in info */
    train_info info;
    nn_params *params; /* collated and filled */
    nn_graph *graph;   /* float: image -> logits */
    nn_node *image, *logits;
    int n_float;         /* parameters of the float graph; those after them are ranges */
    bool can_quantize;   /* quant is valid and the two graphs below exist */
    const char *reason;  /* why not: one line; NULL if nobody asked */
    quant_config quant;  /* with can_quantize */
    nn_graph *calibrate; /* QUANT_CALIBRATE */
    nn_graph *deploy;    /* QUANT_DEPLOY: what is evaluated, verified and exported */
    bool has_ranges;     /* every range that deploy needs is known */
} train_network;

typedef struct train_limits {
    uint64_t macs, bytes; /* of one picture; of parameters with gradients */
} train_limits;

/* No limits. */
extern const train_limits train_no_limits;

/* A network by its description, parameters initialized by info->seed; texts are copied.
 *   quant   whether ranges belong to the parameters and the quantized graphs are built
 * Errors: NN_EINVAL, NN_ESHAPE, NN_ENOMEM, NN_ENOTSUP (a limit; quant is wanted and impossible). */
nn_status train_network_new(train_network **out, const train_info *info, bool quant,
                            const train_limits *limits);

typedef struct train_changes {
    train_quant_options quant;
    bool relu; /* the activation is relu, whatever it was trained with */
} train_changes;

/* A network from a checkpoint; moving averages of the weights, if it has any, are taken as the
 * weights.
 *   changes   instead of what the checkpoint says of itself, or NULL
 * If the network cannot be quantized, can_quantize is false and reason says why.
 * Errors: NN_EIO, NN_EFORMAT (not a checkpoint of octet, or damaged), NN_EINVAL (changes),
 * NN_ENOMEM. */
nn_status train_network_load(train_network **out, const char *path, const train_changes *changes,
                             const train_limits *limits);
void train_network_free(train_network *n); /* NULL is allowed */

/* From data and options to the description of a new network.  Texts live in `arena`.
 * The set is open at the size that was wanted; a mean or deviation that was not given is measured
 * on at most 10,000 training pictures and made whole.  Errors: NN_EINVAL (--mean, --std: how many),
 * ds_read's. */
nn_status train_info_new(train_info *out, nn_arena *arena, const train_recipe *recipe,
                         uint64_t seed, const ds_set *set);

/* Options with which ds_open gives this network its pictures, whatever else `base` says. */
ds_options train_prep_dataset(const train_prep *p, const ds_options *base);
/* Options of a loader that goes once through a split. */
ds_loader_options train_prep_loader(const train_prep *p, int batch);

/* NN_OK if pictures and classes of the set are those of the network.  Errors: NN_ESHAPE,
 * NN_EINVAL. */
nn_status train_network_fits(const train_network *n, const ds_set *set);

/* A graph's output, of which there is one; NULL if there is none. */
nn_node *train_graph_output(const nn_graph *g);

#endif
