#include "train/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/stats.h"
#include "nn/base/mem.h"
#include "train/checkpoint.h"

enum { MOST_MEASURED = 10000 };

const train_limits train_no_limits = { UINT64_MAX, UINT64_MAX };

/* ---- preprocessing --------------------------------------------------------------------------- */

/* One number for all channels, or one for each. */
static nn_status spread(double *out, const char *option, const train_reals *given, int channels)
{
    if (given->n != 1 && given->n != channels)
        return nn_fail(NN_EINVAL, "--%s: %d numbers for pictures of %d channels; give one%s",
                       option, given->n, channels, channels > 1 ? ", or one for each" : "");
    for (int c = 0; c < channels; c++)
        out[c] = given->v[given->n == 1 ? 0 : c];
    return NN_OK;
}

/* Whole numbers: an integer network takes the pixels as its codes (architecture: pixels). */
static nn_status measure(train_reals *mean, train_reals *std, const ds_set *set)
{
    ds_stats s;
    if (mean->n > 0 && std->n > 0)
        return NN_OK;
    NN_TRY(ds_measure(&s, set, DS_TRAIN, MOST_MEASURED));
    if (mean->n == 0)
        *mean = (train_reals){ 1, { floor(s.mean_all + 0.5) } };
    if (std->n == 0)
        *std = (train_reals){ 1, { fmax(1, floor(s.std_all + 0.5)) } };
    return NN_OK;
}

static nn_status make_prep(train_prep *p, train_data_options *d, const ds_set *set)
{
    *p = (train_prep){ ds_height(set), ds_width(set), ds_channels(set), { 0 }, { 0 }, { 0 } };
    NN_TRY(measure(&d->mean, &d->std, set));
    NN_TRY(spread(p->mean, "mean", &d->mean, p->channels));
    NN_TRY(spread(p->std, "std", &d->std, p->channels));
    return d->resize != NULL ? ds_resize_rule_parse(&p->resize, d->resize) : NN_OK;
}

ds_options train_prep_dataset(const train_prep *p, const ds_options *base)
{
    ds_options o = base != NULL ? *base : (ds_options){ 0 };
    o.height = p->height;
    o.width = p->width;
    o.channels = p->channels;
    o.resize = p->resize;
    return o;
}

ds_loader_options train_prep_loader(const train_prep *p, int batch)
{
    ds_loader_options o = { .batch = batch };
    memcpy(o.mean, p->mean, sizeof o.mean);
    memcpy(o.std, p->std, sizeof o.std);
    return o;
}

/* The int8 scale and zero point of the input: one mean, which must be whole, and one deviation for
 * all channels.  NN_ENOTSUP with the reason. */
static nn_status input_affine(nn_affine *out, const train_prep *p)
{
    for (int c = 1; c < p->channels; c++)
        if (p->mean[c] != p->mean[0] || p->std[c] != p->std[0])
            return nn_fail(NN_ENOTSUP, "an integer input has one mean and one std; this network "
                                       "has one for each channel: train with --mean M --std S");
    nn_status st = quant_input_affine(out, p->mean[0], p->std[0]);
    return st == NN_OK ? NN_OK : nn_fail_context(NN_ENOTSUP, "quantization");
}

/* ---- description ----------------------------------------------------------------------------- */

static nn_status copy_classes(train_info *info, nn_arena *arena, const ds_set *set)
{
    int n = ds_classes(set);
    const char **names = nn_arena_alloc(arena, (size_t)n * sizeof *names);
    if (names == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < n; i++)
        if ((names[i] = nn_arena_strdup(arena, ds_class_name(set, i))) == NULL)
            return NN_ENOMEM;
    info->classes = n;
    info->class_name = names;
    return NN_OK;
}

nn_status train_info_new(train_info *out, nn_arena *arena, const train_recipe *recipe,
                         uint64_t seed, const ds_set *set)
{
    *out = (train_info){ .recipe = *recipe, .seed = seed };
    NN_TRY(make_prep(&out->prep, &out->recipe.data, set));
    return copy_classes(out, arena, set);
}

nn_status train_network_fits(const train_network *n, const ds_set *set)
{
    const train_prep *p = &n->info.prep;
    if (ds_height(set) != p->height || ds_width(set) != p->width || ds_channels(set) != p->channels)
        return nn_fail(NN_ESHAPE, "pictures of %dx%dx%d for a network of %dx%dx%d", ds_height(set),
                       ds_width(set), ds_channels(set), p->height, p->width, p->channels);
    if (ds_classes(set) != n->info.classes)
        return nn_fail(NN_ESHAPE, "%s has %d classes, the network %d", ds_spec(set),
                       ds_classes(set), n->info.classes);
    return NN_OK;
}

nn_node *train_graph_output(const nn_graph *g)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--)
        if (nn_graph_node(g, i)->is_output)
            return nn_graph_node(g, i);
    return NULL;
}

/* ---- building -------------------------------------------------------------------------------- */

static nn_status check_limits(const train_network *n, const train_limits *limits)
{
    uint64_t macs = nn_graph_macs(n->graph), bytes = 0;
    if (macs > limits->macs)
        return nn_fail(NN_ENOTSUP,
                       "the network needs %llu multiply-accumulates a picture, the limit is %llu; "
                       "raise it with --max-macs",
                       (unsigned long long)macs, (unsigned long long)limits->macs);
    for (int i = 0; i < nn_params_count(n->params); i++)
        bytes += 2 * sizeof(nn_real) * (uint64_t)nn_params_at(n->params, i)->count;
    if (bytes > limits->bytes)
        return nn_fail(NN_ENOTSUP,
                       "the parameters need %llu bytes, the limit is %llu; raise it with "
                       "--max-memory",
                       (unsigned long long)bytes, (unsigned long long)limits->bytes);
    return NN_OK;
}

/* A network whose layers shrink pictures to nothing says which layer, but not what to do. */
static nn_status explain(nn_status st, const char *model, const train_prep *p)
{
    char why[256];
    if (st != NN_ESHAPE)
        return st;
    snprintf(why, sizeof why, "%s", nn_message());
    return nn_fail(st,
                   "%s for pictures of %dx%dx%d: %s; take larger pictures (--input HxW) or another "
                   "network",
                   model, p->height, p->width, p->channels, why);
}

static nn_status build_float(train_network *n)
{
    const train_model_options *m = &n->info.recipe.model;
    static const nn_activation activations[] = {
        [TRAIN_PAPER] = NN_LINEAR, [TRAIN_RELU] = NN_RELU, [TRAIN_RELU6] = NN_RELU6
    };
    const train_prep *p = &n->info.prep;
    model_config c = { .height = p->height,
                       .width = p->width,
                       .channels = p->channels,
                       .classes = n->info.classes,
                       .width_multiplier = m->width,
                       .dropout = m->dropout,
                       .activation = activations[m->activation] };
    if (m->model == NULL)
        return nn_fail(NN_EINVAL, "--model: is missing; name a network, such as --model lenet; "
                                  "`octet help train` lists all");
    NN_TRY(nn_params_new(&n->params));
    NN_TRY(nn_graph_new(&n->graph, n->params));
    NN_TRY(explain(model_build(n->graph, m->model, &c, &n->image, &n->logits), m->model, p));
    n->n_float = nn_params_count(n->params);
    return NN_OK;
}

static nn_status build_stage(nn_graph **out, const train_network *n, quant_stage stage)
{
    NN_TRY(nn_graph_new(out, n->params));
    return quant_build(*out, n->graph, &n->quant, stage);
}

static nn_status build_quantized(train_network *n)
{
    NN_TRY(train_recipe_quant(&n->quant, &n->info.recipe.quant));
    NN_TRY(input_affine(&n->quant.input, &n->info.prep));
    NN_TRY(build_stage(&n->calibrate, n, QUANT_CALIBRATE));
    NN_TRY(build_stage(&n->deploy, n, QUANT_DEPLOY));
    n->can_quantize = true;
    return NN_OK;
}

/* Copies what `info` borrows into the network's arena. */
static nn_status adopt_info(train_network *n, const train_info *info)
{
    const char **texts[] = { &n->info.recipe.data.data,
                             &n->info.recipe.data.val,
                             &n->info.recipe.data.resize,
                             &n->info.recipe.model.model,
                             &n->info.recipe.training.augment,
                             &n->info.recipe.training.init,
                             &n->info.recipe.training.freeze,
                             &n->info.recipe.quant.range,
                             &n->info.recipe.quant.weight_rule,
                             &n->info.recipe.quant.layers,
                             &n->info.made };
    n->info = *info;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i] != NULL && (*texts[i] = nn_arena_strdup(n->arena, *texts[i])) == NULL)
            return NN_ENOMEM;
    const char **names = nn_arena_alloc(n->arena, (size_t)info->classes * sizeof *names);
    if (names == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < info->classes; i++)
        if ((names[i] = nn_arena_strdup(n->arena, info->class_name[i])) == NULL)
            return NN_ENOMEM;
    n->info.class_name = names;
    return NN_OK;
}

static nn_status build(train_network *n, const train_info *info, bool quant,
                       const train_limits *limits)
{
    NN_TRY(nn_arena_new(&n->arena));
    NN_TRY(adopt_info(n, info));
    NN_TRY(build_float(n));
    NN_TRY(check_limits(n, limits));
    if (quant)
        NN_TRY(build_quantized(n));
    NN_TRY(nn_params_collate(n->params));
    nn_params_init(n->params, info->seed);
    return NN_OK;
}

nn_status train_network_new(train_network **out, const train_info *info, bool quant,
                            const train_limits *limits)
{
    train_network *n = nn_mem_alloc(sizeof *n);
    if (n == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a network");
    nn_status st = build(n, info, quant, limits);
    if (st == NN_OK)
        *out = n;
    else
        train_network_free(n);
    return st;
}

void train_network_free(train_network *n)
{
    if (n == NULL)
        return;
    nn_graph_free(n->deploy);
    nn_graph_free(n->calibrate);
    nn_graph_free(n->graph);
    nn_params_free(n->params);
    nn_arena_free(n->arena);
    nn_mem_free(n);
}

/* ---- loading --------------------------------------------------------------------------------- */

/* With ranges if the network can have them; without, and the reason, if it cannot. */
static nn_status build_any(train_network **out, const train_info *info, const train_limits *limits)
{
    nn_status st = train_network_new(out, info, true, limits);
    if (st != NN_ENOTSUP)
        return st;
    char reason[512];
    strncpy(reason, nn_message(), sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    NN_TRY(train_network_new(out, info, false, limits));
    (*out)->reason = nn_arena_strdup((*out)->arena, reason);
    return NN_OK;
}

static nn_status load(train_network **out, const train_tensors *file, nn_arena *arena,
                      const train_changes *changes, const train_limits *limits)
{
    train_info info;
    NN_TRY(train_checkpoint_info(&info, arena, file));
    if (changes != NULL) {
        info.recipe.quant = changes->quant;
        if (changes->relu)
            info.recipe.model.activation = TRAIN_RELU;
    }
    nn_status st = build_any(out, &info, limits);
    if (st == NN_EINVAL || st == NN_ESHAPE) /* the file's fault, not the user's */
        return changes != NULL ? st : nn_fail_context(NN_EFORMAT, "cannot be built");
    if (st == NN_OK)
        st = train_checkpoint_fill(file, *out);
    if (changes != NULL && st == NN_OK)
        (*out)->has_ranges = false; /* those in the file belong to other settings */
    return st;
}

nn_status train_network_load(train_network **out, const char *path, const train_changes *changes,
                             const train_limits *limits)
{
    train_tensors *file = NULL;
    train_network *n = NULL;
    NN_TRY(train_tensors_read(&file, path));
    nn_status st = load(&n, file, train_tensors_arena(file), changes, limits);
    train_tensors_free(file);
    if (st != NN_OK) {
        train_network_free(n);
        return nn_fail_context(st, "%s", path);
    }
    *out = n;
    return NN_OK;
}
