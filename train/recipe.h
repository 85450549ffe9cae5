/* recipe - all settings of a training run, as option rows and as what the libraries take.
 *
 * The rows serve `octet train` and every command that needs a part of them, recipe files, and the
 * metadata of checkpoints, which carry the rows marked TRAIN_MATHS. */
#ifndef OCTET_TRAIN_RECIPE_H
#define OCTET_TRAIN_RECIPE_H

#include "data/augment.h"
#include "data/dataset.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "quant/quant.h"
#include "train/args.h"

/* Where pictures come from and how they reach the network: [data]. */
typedef struct train_data_options {
    const char *data;      /* NULL: not given */
    const char *val;       /* a fraction, or "test" */
    train_extent input;    /* 0x0: the data's own size */
    int channels;          /* 0: the data's own */
    train_reals mean, std; /* n = 0: measured on the training pictures */
    const char *resize;    /* ds_resize_rule_parse */
    bool skip_bad;
} train_data_options;

enum { TRAIN_PAPER, TRAIN_RELU, TRAIN_RELU6 }; /* choices of --activation */
enum { TRAIN_CONV_EXACT, TRAIN_CONV_FAST };    /* of --conv */

/* The network: [model]. */
typedef struct train_model_options {
    const char *model; /* NULL: not given */
    double width;
    double dropout; /* negative: the paper's */
    int activation; /* TRAIN_PAPER, ... */
    int conv;       /* choice of --conv, for training: TRAIN_CONV_EXACT, ... */
} train_model_options;

/* What follows a loss or gradient that is not finite. */
typedef enum train_on_divergence { TRAIN_STOP, TRAIN_HALVE_LR } train_on_divergence;

/* [training] */
typedef struct train_training_options {
    int epochs, batch;
    uint64_t steps; /* 0: what the epochs have */
    int optimizer;  /* index into train_optimizer_names */
    double lr, momentum, weight_decay;
    bool nesterov, decay_bn;
    int schedule; /* opt_schedule_kind */
    train_span warmup;
    double clip, ema, label_smoothing; /* 0: none */
    const char *augment;
    const char *init, *freeze;   /* NULL: none */
    train_span checkpoint_every; /* 0: at the end of each epoch */
    int on_divergence;           /* train_on_divergence */
} train_training_options;

/* [quantization] */
typedef struct train_quant_options {
    bool qat;
    train_spans delay; /* of weights, of activations */
    int weight_bits, act_bits;
    int granularity; /* quant_granularity */
    int weight_scheme, act_scheme, bn_fold;
    const char *layers;                  /* quant_config's; NULL: none */
    const char *range, *weight_rule;     /* quant_range_by_name; "auto": what goes with range */
    train_span freeze_bn, freeze_ranges; /* 0: never */
    int ship;                            /* 0 last, 1 best */
} train_quant_options;

typedef struct train_recipe {
    train_data_options data;
    train_model_options model;
    train_training_options training;
    train_quant_options quant;
} train_recipe;

/* The rows of these structs, for a command's groups:
 * { &train_data_rows, offsetof(settings, recipe.data) }. */
extern const train_rows train_data_rows, train_model_rows, train_training_rows, train_quant_rows;

/* All four over a train_recipe at offset 0. */
enum { TRAIN_N_RECIPE_GROUPS = 4 };
extern const train_group train_recipe_groups[TRAIN_N_RECIPE_GROUPS];

/* Names behind the indices, ended by NULL. */
extern const char *const train_optimizer_names[], *const train_granularity_names[],
                                                      *const train_ship_names[];

/* The i-th kind of --data as one writes it ("folder:DIR"), NULL behind the last: for train_arg. */
const char *train_data_kind_at(int i);
const char *train_model_at(int i);

/* ---- from options to what the libraries take; errors: NN_EINVAL naming the option ------------ */

/* Options for ds_open: size, channels, split, limits.  `limits` in data/image.h's terms. */
nn_status train_recipe_dataset(ds_options *out, const train_data_options *d, uint64_t seed,
                               uint64_t max_pixels);
nn_status train_recipe_optimizer(opt_config *out, const train_training_options *t);
/* Everything of [quantization] but the input's scale, which the preprocessing decides. */
nn_status train_recipe_quant(quant_config *out, const train_quant_options *q);

/* A span in steps, at `batches` steps an epoch.  TRAIN_MINUTES gives 0. */
int64_t train_span_steps(train_span s, int64_t batches);

#endif
