#include "train/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/model.h"
#include "quant/folds.h"
#include "quant/ranges.h"

const char *const train_optimizer_names[] = {
#define OPT_RULE(name) #name,
#include "optim/optims.def"
#undef OPT_RULE
    NULL
};
const char *const train_granularity_names[] = { "channel", "tensor", NULL };
const char *const train_ship_names[] = { "last", "best", NULL };

static const char *const on_divergence_names[] = { "stop", "halve-lr", NULL };
static const char *const activation_names[] = { "paper", "relu", "relu6", NULL };
static const char *const conv_names[] = { "exact", "fast", NULL };
static const char *const scheme_names[] = { "symmetric", "affine", NULL };
static const char *const bn_fold_names[] = {
#define QUANT_FOLD(name) #name,
#include "quant/folds.def"
#undef QUANT_FOLD
    NULL
};

const char *train_model_at(int i)
{
    return i < model_count() ? model_name(i) : NULL;
}

static const char auto_rule[] = "auto";

static const char *range_at(int i)
{
    const nn_range_rule *rule = quant_range_at(i);
    return rule != NULL ? rule->name : NULL;
}

/* The rules that weights can have, and before them what leaves the choice to --range. */
static const char *weight_rule_at(int i)
{
    const nn_range_rule *rule;
    if (i == 0)
        return auto_rule;
    for (int k = 0; (rule = quant_range_at(k)) != NULL; k++)
        if (quant_range_is_of_weights(rule) && --i == 0)
            return rule->name;
    return NULL;
}

const char *train_data_kind_at(int i)
{
    return i < ds_n_kinds() ? ds_kind_form(i) : NULL;
}

/* ---- the rows -------------------------------------------------------------------------------- */

#define AT(member) offsetof(train_data_options, member)
static const train_arg data_args[] = {
    { .name = "data",
      .kind = TRAIN_TEXT,
      .at = AT(data),
      .form = "DATA",
      .help = "pictures",
      .name_at = train_data_kind_at },
    { .name = "val",
      .kind = TRAIN_TEXT,
      .at = AT(val),
      .value = "0.05",
      .form = "X",
      .help = "share of the training pictures held back, or test",
      .flags = TRAIN_MATHS },
    { .name = "input",
      .kind = TRAIN_EXTENT,
      .at = AT(input),
      .value = "0x0",
      .help = "size of the network's input; 0x0 is the pictures' own",
      .flags = TRAIN_MATHS },
    { .name = "channels",
      .kind = TRAIN_INT,
      .at = AT(channels),
      .value = "0",
      .max = 3,
      .help = "1 grey, 3 colour; 0 is the pictures' own",
      .flags = TRAIN_MATHS },
    { .name = "mean",
      .kind = TRAIN_REALS,
      .at = AT(mean),
      .help = "subtracted from pixels 0..255; default: measured, a whole number",
      .max = 255,
      .flags = TRAIN_MATHS },
    { .name = "std",
      .kind = TRAIN_REALS,
      .at = AT(std),
      .min = 1e-6,
      .max = 1e6,
      .help = "pixels are divided by it; default: measured",
      .flags = TRAIN_MATHS },
    { .name = "resize",
      .kind = TRAIN_TEXT,
      .at = AT(resize),
      .value = "crop",
      .form = "crop|stretch",
      .help = "how pictures of another size are fitted",
      .flags = TRAIN_MATHS },
    { .name = "skip-bad",
      .kind = TRAIN_FLAG,
      .at = AT(skip_bad),
      .help = "go on without pictures that cannot be read",
      .flags = TRAIN_MATHS },
};
#undef AT

#define AT(member) offsetof(train_model_options, member)
static const train_arg model_args[] = {
    { .name = "model",
      .kind = TRAIN_TEXT,
      .at = AT(model),
      .form = "NAME",
      .help = "the network",
      .name_at = train_model_at,
      .flags = TRAIN_MATHS },
    { .name = "width",
      .kind = TRAIN_REAL,
      .at = AT(width),
      .value = "1",
      .min = 0.01,
      .max = 16,
      .help = "multiplies the channels of every layer",
      .flags = TRAIN_MATHS },
    { .name = "dropout",
      .kind = TRAIN_REAL,
      .at = AT(dropout),
      .value = "0",
      .min = -1,
      .max = 0.99,
      .help = "rate before the classifier; 0: as in the paper, -1: none",
      .flags = TRAIN_MATHS },
    { .name = "activation",
      .kind = TRAIN_CHOICE,
      .at = AT(activation),
      .value = "paper",
      .choices = activation_names,
      .help = "of every layer that has one",
      .flags = TRAIN_MATHS },
    { .name = "conv",
      .kind = TRAIN_CHOICE,
      .at = AT(conv),
      .value = "exact",
      .choices = conv_names,
      .help = "in training; fast: fewer multiplications in 3x3 convolutions, other rounding",
      .flags = TRAIN_MATHS },
};
#undef AT

#define AT(member) offsetof(train_training_options, member)
static const train_arg training_args[] = {
    { .name = "epochs",
      .kind = TRAIN_INT,
      .at = AT(epochs),
      .value = "10",
      .max = 1000000,
      .help = "passes over the training pictures; 0: an untrained network",
      .flags = TRAIN_MATHS },
    { .name = "steps",
      .kind = TRAIN_COUNT,
      .at = AT(steps),
      .value = "0",
      .help = "length in steps instead of epochs; 0: epochs",
      .flags = TRAIN_MATHS },
    { .name = "batch",
      .kind = TRAIN_INT,
      .at = AT(batch),
      .value = "128",
      .min = 1,
      .max = 65536,
      .help = "pictures a step",
      .flags = TRAIN_MATHS },
    { .name = "optimizer",
      .kind = TRAIN_CHOICE,
      .at = AT(optimizer),
      .value = "sgd",
      .choices = train_optimizer_names,
      .help = "rule of the update",
      .flags = TRAIN_MATHS },
    { .name = "lr",
      .kind = TRAIN_REAL,
      .at = AT(lr),
      .value = "0.1",
      .max = 1e6,
      .help = "learning rate, at its peak",
      .flags = TRAIN_MATHS },
    { .name = "momentum",
      .kind = TRAIN_REAL,
      .at = AT(momentum),
      .value = "0.9",
      .max = 0.9999,
      .help = "of sgd",
      .flags = TRAIN_MATHS },
    { .name = "nesterov",
      .kind = TRAIN_FLAG,
      .at = AT(nesterov),
      .help = "sgd looks ahead",
      .flags = TRAIN_MATHS },
    { .name = "weight-decay",
      .kind = TRAIN_REAL,
      .at = AT(weight_decay),
      .value = "5e-4",
      .max = 1e3,
      .help = "pull of the weights towards 0",
      .flags = TRAIN_MATHS },
    { .name = "decay-bn",
      .kind = TRAIN_FLAG,
      .at = AT(decay_bn),
      .help = "decay biases and batch norms too",
      .flags = TRAIN_MATHS },
    { .name = "schedule",
      .kind = TRAIN_CHOICE,
      .at = AT(schedule),
      .value = "cosine",
      .choices = opt_schedule_names,
      .help = "course of the learning rate",
      .flags = TRAIN_MATHS },
    { .name = "warmup",
      .kind = TRAIN_SPAN,
      .at = AT(warmup),
      .value = "0",
      .help = "rise of the learning rate at the beginning",
      .flags = TRAIN_MATHS },
    { .name = "clip",
      .kind = TRAIN_REAL,
      .at = AT(clip),
      .value = "0",
      .max = 1e12,
      .help = "largest length of the gradient; 0: no limit",
      .flags = TRAIN_MATHS },
    { .name = "ema",
      .kind = TRAIN_REAL,
      .at = AT(ema),
      .value = "0",
      .max = 0.999999,
      .help = "moving average of the weights, such as 0.999; 0: none",
      .flags = TRAIN_MATHS },
    { .name = "label-smoothing",
      .kind = TRAIN_REAL,
      .at = AT(label_smoothing),
      .value = "0",
      .max = 0.99,
      .help = "share of the target spread over all classes",
      .flags = TRAIN_MATHS },
    { .name = "augment",
      .kind = TRAIN_TEXT,
      .at = AT(augment),
      .value = "none",
      .form = "LIST",
      .help = "random changes: crop:4,flip,shift:2,cutout:8",
      .flags = TRAIN_MATHS },
    { .name = "init",
      .kind = TRAIN_TEXT,
      .at = AT(init),
      .form = "FILE",
      .help = "begin with the parameters of this checkpoint" },
    { .name = "freeze",
      .kind = TRAIN_TEXT,
      .at = AT(freeze),
      .form = "GLOBS",
      .help = "parameters that keep their value: 'conv1*,stage1/*'",
      .flags = TRAIN_MATHS },
    { .name = "checkpoint-every",
      .kind = TRAIN_SPAN,
      .at = AT(checkpoint_every),
      .value = "1ep",
      .form = "N[ep|min]",
      .help = "how often the state is saved; 0: at the end",
      .flags = TRAIN_MINUTES_OK },
    { .name = "on-divergence",
      .kind = TRAIN_CHOICE,
      .at = AT(on_divergence),
      .value = "stop",
      .choices = on_divergence_names,
      .help = "after a loss or gradient that is not finite: stop, or go back to the last "
              "checkpoint with half the learning rate",
      .flags = TRAIN_MATHS },
};
#undef AT

#define AT(member) offsetof(train_quant_options, member)
static const train_arg quant_args[] = {
    { .name = "qat",
      .kind = TRAIN_FLAG,
      .at = AT(qat),
      .help = "train with fake quantization",
      .flags = TRAIN_MATHS },
    { .name = "quant-delay",
      .kind = TRAIN_SPANS,
      .at = AT(delay),
      .value = "0",
      .help = "float steps before the first quantized one; W,A: weights and activations apart",
      .flags = TRAIN_MATHS },
    { .name = "weight-bits",
      .kind = TRAIN_INT,
      .at = AT(weight_bits),
      .value = "8",
      .min = 2,
      .max = 8,
      .help = "of weights",
      .flags = TRAIN_MATHS },
    { .name = "act-bits",
      .kind = TRAIN_INT,
      .at = AT(act_bits),
      .value = "8",
      .min = 2,
      .max = 8,
      .help = "of activations",
      .flags = TRAIN_MATHS },
    { .name = "granularity",
      .kind = TRAIN_CHOICE,
      .at = AT(granularity),
      .value = "channel",
      .choices = train_granularity_names,
      .help = "a weight's scale is one for each",
      .flags = TRAIN_MATHS },
    { .name = "weight-scheme",
      .kind = TRAIN_CHOICE,
      .at = AT(weight_scheme),
      .value = "symmetric",
      .choices = scheme_names,
      .help = "grid of weights",
      .flags = TRAIN_MATHS },
    { .name = "act-scheme",
      .kind = TRAIN_CHOICE,
      .at = AT(act_scheme),
      .value = "affine",
      .choices = scheme_names,
      .help = "grid of activations",
      .flags = TRAIN_MATHS },
    { .name = "quant-layers",
      .kind = TRAIN_TEXT,
      .at = AT(layers),
      .form = "GLOB=w8a8,...",
      .help = "bits of single layers: 'conv1=w8a8,stage3/*=w4', or 'head=float'; later ones win",
      .flags = TRAIN_MATHS,
      .section = "quant.layers" },
    { .name = "range",
      .kind = TRAIN_TEXT,
      .at = AT(range),
      .value = "ema",
      .form = "NAME",
      .help = "how activation ranges follow the data, or are learned",
      .name_at = range_at,
      .flags = TRAIN_MATHS },
    { .name = "weight-rule",
      .kind = TRAIN_TEXT,
      .at = AT(weight_rule),
      .value = "auto",
      .form = "NAME",
      .help = "the same for weights; auto: learned where --range has that for both, else last",
      .name_at = weight_rule_at,
      .flags = TRAIN_MATHS },
    { .name = "bn-fold",
      .kind = TRAIN_CHOICE,
      .at = AT(bn_fold),
      .value = "running",
      .choices = bn_fold_names,
      .help = "how batch norm becomes part of the weights in training",
      .flags = TRAIN_MATHS },
    { .name = "freeze-bn",
      .kind = TRAIN_SPAN,
      .at = AT(freeze_bn),
      .value = "0",
      .help = "batch norm's statistics stand still from here on; 0: never",
      .flags = TRAIN_MATHS },
    { .name = "freeze-ranges",
      .kind = TRAIN_SPAN,
      .at = AT(freeze_ranges),
      .value = "0",
      .help = "quantization ranges stand still from here on; 0: never",
      .flags = TRAIN_MATHS },
    { .name = "ship",
      .kind = TRAIN_CHOICE,
      .at = AT(ship),
      .value = "last",
      .choices = train_ship_names,
      .help = "which weights become model.tflite" },
};
#undef AT

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))
const train_rows train_data_rows = { "data", data_args, N(data_args) };
const train_rows train_model_rows = { "model", model_args, N(model_args) };
const train_rows train_training_rows = { "training", training_args, N(training_args) };
const train_rows train_quant_rows = { "quantization", quant_args, N(quant_args) };

const train_group train_recipe_groups[TRAIN_N_RECIPE_GROUPS] = {
    { &train_data_rows, offsetof(train_recipe, data) },
    { &train_model_rows, offsetof(train_recipe, model) },
    { &train_training_rows, offsetof(train_recipe, training) },
    { &train_quant_rows, offsetof(train_recipe, quant) },
};

/* ---- to what the libraries take -------------------------------------------------------------- */

static nn_status read_val(ds_options *out, const char *text)
{
    char *end;
    if (text != NULL && strcmp(text, "test") == 0) {
        out->val_is_test = true;
        return NN_OK;
    }
    out->val_fraction = text != NULL ? strtod(text, &end) : 0;
    if (text != NULL && (text[strspn(text, "+-.0123456789eE")] != '\0' || *end != '\0' ||
                         !(out->val_fraction >= 0 && out->val_fraction < 1)))
        return nn_fail(NN_EINVAL, "--val: \"%.60s\" is not a share in [0, 1) or test", text);
    return NN_OK;
}

nn_status train_recipe_dataset(ds_options *out, const train_data_options *d, uint64_t seed,
                               uint64_t max_pixels)
{
    *out = (ds_options){ .height = d->input.height,
                         .width = d->input.width,
                         .channels = d->channels,
                         .seed = seed,
                         .limits = { .max_pixels = (size_t)max_pixels },
                         .skip_bad = d->skip_bad };
    if (d->channels == 2)
        return nn_fail(NN_EINVAL, "--channels: 2 is not possible; 1 is grey and 3 is colour");
    if (d->resize != NULL && ds_resize_rule_parse(&out->resize, d->resize) != NN_OK)
        return nn_fail_context(NN_EINVAL, "--resize");
    return read_val(out, d->val);
}

nn_status train_recipe_optimizer(opt_config *out, const train_training_options *t)
{
    bool sgd = strcmp(train_optimizer_names[t->optimizer], "sgd") == 0;
    *out = (opt_config){ .momentum = sgd ? t->momentum : 0,
                         .nesterov = sgd && t->nesterov,
                         .weight_decay = t->weight_decay,
                         .decay_bn = t->decay_bn };
    if (t->nesterov && !sgd)
        return nn_fail(NN_EINVAL, "--nesterov: is of sgd; leave it out with %s",
                       train_optimizer_names[t->optimizer]);
    return NN_OK;
}

nn_status train_recipe_quant(quant_config *out, const train_quant_options *q)
{
    *out = quant_config_default();
    out->weight_bits = q->weight_bits;
    out->act_bits = q->act_bits;
    out->granularity = (quant_granularity)q->granularity;
    out->weight_scheme = (quant_scheme)q->weight_scheme;
    out->act_scheme = (quant_scheme)q->act_scheme;
    out->fold = quant_fold_at(q->bn_fold);
    out->layers = q->layers;
    out->is_uint8 = out->weight_scheme == QUANT_AFFINE; /* the only form that holds them */
    out->act_rule = quant_range_by_name(q->range != NULL ? q->range : "");
    if (out->act_rule == NULL)
        return nn_fail_context(NN_EINVAL, "--range");
    if (q->weight_rule == NULL || strcmp(q->weight_rule, auto_rule) == 0)
        return NN_OK;
    out->weight_rule = quant_range_by_name(q->weight_rule);
    return out->weight_rule != NULL ? NN_OK : nn_fail_context(NN_EINVAL, "--weight-rule");
}

int64_t train_span_steps(train_span s, int64_t batches)
{
    if (s.unit == TRAIN_EPOCHS)
        return s.n <= INT64_MAX / batches ? s.n * batches : INT64_MAX;
    return s.unit == TRAIN_STEPS ? s.n : 0;
}
