#include "train/post.h"

#include <string.h>

#include "train/checkpoint.h"
#include "train/command.h"

static const char *const weight_range_names[] = { "minmax", "mse", NULL };

#define AT(member) offsetof(train_post_options, member)
static const train_arg args[] = {
    { .name = "method",
      .kind = TRAIN_TEXT,
      .at = AT(method),
      .value = "minmax",
      .form = "NAME",
      .help = "how activation ranges follow from the pictures: minmax, ema, percentile, mse, "
              "entropy" },
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
    train_quant_options quant = { 0 };
    train_network *n;
    NN_TRY(make_quant(&quant, o));
    NN_TRY(train_network_load(&n, path, &quant, limits));
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

static nn_status describe(train_network *n, const train_post_options *o, int pictures)
{
    const bool percentile = strcmp(o->method, "percentile") == 0;
    n->info.made =
        nn_arena_printf(n->arena, "%s%s of %d pictures, weights %s", o->method,
                        percentile ? nn_arena_printf(n->arena, " %.9g", o->percentile) : "",
                        pictures, weight_range_names[o->weight_range]);
    return n->info.made != NULL ? NN_OK : NN_ENOMEM;
}

static nn_status quantize(train_network *n, const train_post_options *o,
                          const quant_pictures *pictures)
{
    quant_calibration c;
    NN_TRY(make_calibration(&c, o));
    NN_TRY(quant_calibrate(n->graph, &n->quant, &c, pictures));
    n->has_ranges = true;
    return NN_OK;
}

nn_status train_post_run(int *used, train_network *n, const ds_set *set,
                         const train_post_options *o, uint64_t seed)
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
    nn_status st = quantize(n, o, &(quant_pictures){ &f, l.batch, rewind_feed, next });
    ds_loader_free(f.loader);
    return st == NN_OK ? describe(n, o, f.count) : st;
}
