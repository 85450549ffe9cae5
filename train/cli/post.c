#include "train/cli/post.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "quant/calibrators.h"
#include "train/checkpoint.h"
#include "train/cli/command.h"

static const char *const weight_range_names[] = { "minmax", "mse", NULL };
enum { RELU6_KEPT, RELU6_TO_RELU };
static const char *const relu6_names[] = { "keep", "relu", NULL };
static const char *const correction_names[] = { "none", "empirical", "analytical", NULL };

static const char *method_at(int i)
{
    return i < quant_calibrator_count() ? quant_calibrator_at(i)->name : NULL;
}

#define AT(member) offsetof(train_post_options, member)
static const train_arg args[] = {
    { .name = "method",
      .kind = TRAIN_TEXT,
      .at = AT(method),
      .value = "minmax",
      .form = "NAME",
      .help = "how activation ranges follow from the pictures",
      .name_at = method_at },
    { .name = "calib",
      .kind = TRAIN_INT,
      .at = AT(calib),
      .value = "1000",
      .help = "training pictures to look at, chosen by the seed, not augmented",
      .min = 1,
      .max = 100000000 },
    { .name = "percentile",
      .kind = TRAIN_REAL,
      .at = AT(percentile),
      .value = "99.99",
      .min = 1e-9,
      .max = 100,
      .help = "of method percentile: how many of 100 values are kept" },
    { .name = "bins",
      .kind = TRAIN_INT,
      .at = AT(bins),
      .value = "2048",
      .min = QUANT_LEAST_BINS,
      .max = QUANT_MOST_BINS,
      .help = "of the histograms of percentile, mse, entropy: at least so many" },
    { .name = "weight-range",
      .kind = TRAIN_CHOICE,
      .at = AT(weight_range),
      .value = "minmax",
      .choices = weight_range_names,
      .help = "of weights" },
    { .name = "granularity",
      .kind = TRAIN_CHOICE,
      .at = AT(granularity),
      .value = "channel",
      .choices = train_granularity_names,
      .help = "a weight's scale is one for each" },
    { .name = "weight-bits",
      .kind = TRAIN_INT,
      .at = AT(weight_bits),
      .value = "8",
      .help = "of weights",
      .min = 2,
      .max = 8 },
    { .name = "act-bits",
      .kind = TRAIN_INT,
      .at = AT(act_bits),
      .value = "8",
      .help = "of activations",
      .min = 2,
      .max = 8 },
    { .name = "equalize",
      .kind = TRAIN_FLAG,
      .at = AT(equalize),
      .help = "make the channels of neighbouring layers alike, which helps one scale for all" },
    { .name = "relu6",
      .kind = TRAIN_CHOICE,
      .at = AT(relu6),
      .value = "keep",
      .choices = relu6_names,
      .help = "what becomes of relu6: kept, it bounds --equalize; relu changes the network" },
    { .name = "absorb-bias",
      .kind = TRAIN_FLAG,
      .at = AT(absorb),
      .help = "move high biases into the layer behind" },
    { .name = "bias-correction",
      .kind = TRAIN_CHOICE,
      .at = AT(bias_correction),
      .value = "none",
      .bare = "empirical",
      .choices = correction_names,
      .help = "take the mean error out of the biases, by pictures or by batch norms" },
    { .name = "adaround",
      .kind = TRAIN_FLAG,
      .at = AT(adaround),
      .help = "learn which weights are rounded up" },
    { .name = "adaround-steps",
      .kind = TRAIN_INT,
      .at = AT(adaround_steps),
      .value = "10000",
      .min = 1,
      .max = 100000000,
      .help = "for each layer" },
};
#undef AT

const train_rows train_post_rows = { "method", args, TRAIN_N(args) };

/* ---- from options to what quant takes -------------------------------------------------------- */

static nn_status make_calibration(quant_calibration *out, const train_post_options *o)
{
    *out = (quant_calibration){ .how = quant_calibrator_by_name(o->method != NULL ? o->method : ""),
                                .options = { .percentile = o->percentile, .bins = o->bins },
                                .weights = (quant_weight_range)o->weight_range };
    if (out->how == NULL)
        return nn_fail_context(NN_EINVAL, "--method");
    return quant_calibrator_check(out->how, &out->options, nn_grid_signed(o->act_bits, false));
}

nn_status train_post_check(const train_post_options *o)
{
    quant_calibration c;
    return make_calibration(&c, o);
}

/* The quantization settings of the network that comes out: it can be fine-tuned with them. */
static nn_status make_quant(train_quant_options *q, const train_post_options *o)
{
    static const train_group group = { &train_quant_rows, 0 };
    quant_calibration c;
    NN_TRY(make_calibration(&c, o));
    NN_TRY(train_args_defaults(&group, 1, q));
    q->range = c.how->rule->name;
    q->granularity = o->granularity;
    q->weight_bits = o->weight_bits;
    q->act_bits = o->act_bits;
    return NN_OK;
}

/* ---- the network ----------------------------------------------------------------------------- */

static nn_status check_network(const train_network *n)
{
    if (n->info.made != NULL)
        return nn_fail(NN_EINVAL,
                       "is quantized already (%.200s); start from the float checkpoint, or write "
                       "this one with octet export",
                       n->info.made);
    if (n->info.quantized)
        return nn_fail(NN_EINVAL, "is quantized already: it was trained with --qat; write it with "
                                  "octet export, or start from a float checkpoint");
    if (!n->can_quantize)
        return nn_fail(NN_ENOTSUP, "cannot be quantized: %s", n->reason != NULL ? n->reason : "");
    return NN_OK;
}

nn_status train_post_load(train_network **out, const char *path, const train_post_options *o,
                          const train_limits *limits)
{
    train_changes changes = { .relu = o->relu6 == RELU6_TO_RELU };
    train_network *n;
    NN_TRY(make_quant(&changes.quant, o));
    NN_TRY(train_network_load(&n, path, &changes, limits));
    nn_status st = check_network(n);
    if (st != NN_OK) {
        train_network_free(n);
        return nn_fail_context(st, "%s", path);
    }
    *out = n;
    return NN_OK;
}

/* ---- pictures -------------------------------------------------------------------------------- */

enum { MOST_AT_A_TIME = 50 };

typedef struct feed {
    ds_loader *loader;
    int count, left;
} feed;

static nn_status rewind_feed(void *ctx)
{
    feed *f = ctx;
    f->left = f->count;
    return ds_loader_seek(f->loader, 0, 0);
}

static nn_status next(void *ctx, const nn_real **image, int *n)
{
    feed *f = ctx;
    const ds_batch *batch;
    *n = 0;
    if (f->left == 0)
        return NN_OK;
    NN_TRY(ds_loader_next(f->loader, &batch));
    *image = batch->image;
    *n = batch->n < f->left ? batch->n : f->left;
    f->left -= *n;
    return NN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void append(char *line, size_t size, const char *fmt, ...) NN_PRINTF(3, 4);

static void append(char *line, size_t size, const char *fmt, ...)
{
    const size_t used = strlen(line);
    va_list list;
    va_start(list, fmt);
    vsnprintf(line + used, size - used, fmt, list);
    va_end(list);
}

static nn_status describe(train_network *n, const train_post_options *o, int pictures)
{
    char line[256] = "";
    append(line, sizeof line, "%s", o->method);
    if (strcmp(o->method, "percentile") == 0)
        append(line, sizeof line, " %.9g", o->percentile);
    append(line, sizeof line, " of %d pictures, weights %s", pictures,
           weight_range_names[o->weight_range]);
    if (o->relu6 == RELU6_TO_RELU)
        append(line, sizeof line, ", relu6 to relu");
    if (o->equalize)
        append(line, sizeof line, ", equalized");
    if (o->absorb)
        append(line, sizeof line, ", biases absorbed");
    if (o->adaround)
        append(line, sizeof line, ", adaround %d steps", o->adaround_steps);
    if (o->bias_correction != QUANT_BIAS_KEPT)
        append(line, sizeof line, ", biases corrected (%s)", correction_names[o->bias_correction]);
    n->info.made = nn_arena_strdup(n->arena, line);
    return n->info.made != NULL ? NN_OK : NN_ENOMEM;
}

static nn_status quantize(train_network *n, const train_post_options *o, uint64_t seed,
                          train_post_progress *progress, const quant_pictures *pictures)
{
    quant_post_report report;
    quant_post p = { .equalize = o->equalize,
                     .absorb = o->absorb,
                     .adaround = o->adaround,
                     .rounding = { .steps = o->adaround_steps, .seed = seed, .progress = progress },
                     .correction = (quant_bias_correction)o->bias_correction };
    NN_TRY(make_calibration(&p.calibration, o));
    NN_TRY(quant_post_run(&report, n->graph, &n->quant, &p, pictures));
    n->has_ranges = true;
    return NN_OK;
}

nn_status train_post_run(int *used, train_network *n, const ds_set *set,
                         const train_post_options *o, uint64_t seed, train_post_progress *progress)
{
    const int all = ds_count(set, DS_TRAIN);
    NN_TRY(ds_check_usable(set, DS_TRAIN));
    feed f = { .count = o->calib < all ? o->calib : all };
    ds_loader_options l =
        train_prep_loader(&n->info.prep, f.count < MOST_AT_A_TIME ? f.count : MOST_AT_A_TIME);
    l.train = true; /* shuffled, so that few pictures are of all classes */
    l.seed = seed;
    *used = f.count;
    NN_TRY(ds_loader_new(&f.loader, set, DS_TRAIN, &l));
    nn_status st =
        quantize(n, o, seed, progress, &(quant_pictures){ &f, l.batch, rewind_feed, next });
    ds_loader_free(f.loader);
    return st == NN_OK ? describe(n, o, f.count) : st;
}
