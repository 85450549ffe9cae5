#include "quant/spec.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/suggest.h"

/* ---- settings for single layers -------------------------------------------------------------- */

/* One entry of quant_config's layers: "stage1/conv*=w4a8", "head=float". */
typedef struct entry {
    char glob[NN_MAX_NAME];
    int weight_bits, act_bits; /* 0: as everywhere */
    bool is_float;             /* its layers compute in float */
} entry;

enum { FEWEST_BITS = 2, MOST_BITS = 8 };
static const char in_float[] = "float";

static bool read_bits(const char **at, char letter, int *bits)
{
    if (**at != letter)
        return true;
    *bits = (*at)[1] - '0';
    *at += 2;
    return *bits >= FEWEST_BITS && *bits <= MOST_BITS;
}

static nn_status refuse(const char *text, const char *end)
{
    return nn_fail(NN_EINVAL,
                   "--quant-layers: \"%.*s\" is not GLOB=wBITSaBITS such as conv1=w8a8 or "
                   "stage3/*=w4, with 2 to 8 bits, or GLOB=float",
                   (int)(end - text), text);
}

/* Reads the entry at *text and moves to the one behind it. */
static nn_status next_entry(entry *e, const char **text)
{
    const char *begin = *text, *end = begin + strcspn(begin, ",");
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    *e = (entry){ .weight_bits = 0 };
    if (equals == NULL || equals == begin || (size_t)(equals - begin) >= sizeof e->glob)
        return refuse(begin, end);
    memcpy(e->glob, begin, (size_t)(equals - begin));
    const char *at = equals + 1;
    if (end - at == sizeof in_float - 1 && strncmp(at, in_float, sizeof in_float - 1) == 0) {
        e->is_float = true;
        at = end;
    } else if (!read_bits(&at, 'w', &e->weight_bits) || !read_bits(&at, 'a', &e->act_bits) ||
               at != end || at == equals + 1) {
        return refuse(begin, end);
    }
    *text = *end == ',' ? end + 1 : end;
    return NN_OK;
}

/* The name itself, or a part of its path from the beginning: "stem" means "stem/relu" too. */
static bool matches(const char *glob, const char *name)
{
    char part[NN_MAX_NAME];
    if (fnmatch(glob, name, 0) == 0)
        return true;
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(part, name, (size_t)(slash - name));
        part[slash - name] = '\0';
        if (fnmatch(glob, part, 0) == 0)
            return true;
    }
    return false;
}

/* What the entries say of a node; later ones win. */
static entry settings_of(const quant_config *c, const char *name)
{
    entry found = { .weight_bits = c->weight_bits, .act_bits = c->act_bits }, e;
    const char *text = c->layers != NULL ? c->layers : "";
    while (*text != '\0' && next_entry(&e, &text) == NN_OK) {
        if (!matches(e.glob, name))
            continue;
        found.is_float = e.is_float;
        found.weight_bits = e.weight_bits > 0 ? e.weight_bits : found.weight_bits;
        found.act_bits = e.act_bits > 0 ? e.act_bits : found.act_bits;
    }
    return found;
}

/* What can be in float has weights: the others do as their inputs do. */
static bool matches_some(const entry *e, const nn_graph *g)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (matches(e->glob, n->name) && (!e->is_float || nn_node_has_weight(n)))
            return true;
    }
    return false;
}

/* Names the nearest, or the first layers there are. */
static nn_status refuse_glob(const entry *e, const nn_graph *g)
{
    const char *what = e->is_float ? "names no layer with weights" : "names nothing here";
    enum { MOST = 8 };
    char list[MOST * (NN_MAX_NAME + 2) + 8] = "";
    nn_suggestion s = { .given = e->glob };
    for (int i = 0, n = 0; i < nn_graph_count(g); i++) {
        const nn_node *node = nn_graph_node(g, i);
        if (!e->is_float || nn_node_has_weight(node))
            nn_suggest_offer(&s, node->name);
        if (!nn_node_has_weight(node) || n > MOST)
            continue;
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", n > 0 ? ", " : "",
                 n < MOST ? node->name : "...");
        n++;
    }
    if (s.best != NULL)
        return nn_fail(NN_EINVAL, "--quant-layers: \"%s\" %s; did you mean %s?", e->glob, what,
                       s.best);
    return nn_fail(NN_EINVAL, "--quant-layers: \"%s\" %s; the layers are %s", e->glob, what, list);
}

const nn_range_rule *quant_weight_rule(const quant_config *c)
{
    const nn_range_rule *own = c->weight_rule != NULL ? c->weight_rule : c->act_rule->weights;
    return own != NULL ? own : &quant_range_last;
}

static nn_status check_dorefa(const quant_config *c)
{
    if (c->weight_bits == MOST_BITS)
        return nn_fail(NN_EINVAL,
                       "--weight-bits %d: the codes of dorefa's weights would not be int8; use "
                       "--weight-bits 7 or less, or --weight-rule last",
                       c->weight_bits);
    if (c->granularity == QUANT_PER_TENSOR)
        return nn_fail(NN_EINVAL,
                       "--granularity tensor: dorefa's weights have no common scale once batch "
                       "norm is folded; leave it out, or use --weight-rule last");
    return NN_OK;
}

/* Rules that cannot have the weights, or not with these settings. */
static nn_status check_weight_rule(const quant_config *c)
{
    const nn_range_rule *r = quant_weight_rule(c);
    if (!quant_range_is_of_weights(r))
        return nn_fail(NN_EINVAL,
                       "--weight-rule %s: is for activations that are never negative; leave it out",
                       r->name);
    if (r == &quant_range_dorefa)
        NN_TRY(check_dorefa(c));
    if (r->signed_is_symmetric && c->weight_scheme == QUANT_AFFINE)
        return nn_fail(
            NN_EINVAL,
            "--weight-scheme affine: %s has weights with zero point 0; use symmetric, or "
            "--weight-rule last",
            r->name);
    return NN_OK;
}

nn_status quant_config_check(const quant_config *c, const nn_graph *g)
{
    const char *text = c->layers != NULL ? c->layers : "";
    entry e;
    if (c->weight_scheme == QUANT_AFFINE && c->granularity == QUANT_PER_CHANNEL)
        return nn_fail(NN_EINVAL,
                       "--weight-scheme affine: has one zero point for a whole weight, a "
                       ".tflite file knows no others; add --granularity tensor");
    if (c->act_scheme == QUANT_SYMMETRIC && c->act_bits < MOST_BITS)
        return nn_fail(NN_EINVAL,
                       "--act-scheme symmetric: with --act-bits %d the device could not hold a "
                       "tensor to its codes; use --act-scheme affine, or 8 bits",
                       c->act_bits);
    if (c->fold->keeps_codes && c->granularity == QUANT_PER_TENSOR)
        return nn_fail(
            NN_EINVAL,
            "--bn-fold %s: gives each output channel a scale of its own when batch norm "
            "is folded into it, which --granularity tensor rules out; leave that out, or "
            "use --bn-fold running, batch or prefold",
            c->fold->name);
    NN_TRY(check_weight_rule(c));
    while (*text != '\0') {
        NN_TRY(next_entry(&e, &text));
        if (!matches_some(&e, g))
            return refuse_glob(&e, g);
    }
    return NN_OK;
}

/* ---- weights --------------------------------------------------------------------------------- */

quant_spec quant_weight_spec(const quant_config *c, const nn_node *layer)
{
    const entry settings = settings_of(c, layer->name);
    int bits = settings.weight_bits;
    int channels = layer->id == NN_OP_dwconv2d ? 3 : 0;
    quant_spec s = { .bits = bits,
                     .grid = nn_grid_signed(bits, true),
                     .symmetric = c->weight_scheme == QUANT_SYMMETRIC,
                     .axis = c->granularity == QUANT_PER_CHANNEL ? channels : -1,
                     .rule = quant_weight_rule(c),
                     .is_float = settings.is_float };
    if (s.rule != &quant_range_dorefa)
        return s;
    s.rule = &quant_range_last;
    if (bits < MOST_BITS) {
        s.levels = (1 << bits) - 1;
        s.grid = nn_grid_signed(bits + 1, true);
    }
    return s;
}

/* ---- activations ----------------------------------------------------------------------------- */

static bool is_nonnegative(const nn_node *n)
{
    switch (n->id) {
    case NN_OP_relu:
    case NN_OP_relu6:
    case NN_OP_softmax:
    case NN_OP_logistic:
        return true;
    case NN_OP_max_pool:
    case NN_OP_avg_pool:
    case NN_OP_gap:
    case NN_OP_reshape:
    case NN_OP_pad:
    case NN_OP_dropout:
        return is_nonnegative(n->in[0]);
    case NN_OP_concat:
        for (int k = 0; k < n->n_in; k++)
            if (!is_nonnegative(n->in[k]))
                return false;
        return true;
    default:
        return false;
    }
}

static bool has_only_nonnegatives(const nn_graph *g, const quant_point *points, int leader)
{
    for (int i = 0; i < nn_graph_count(g); i++)
        if (points[i].leader == leader && points[i].how == QUANT_OBSERVED &&
            !is_nonnegative(nn_graph_node(g, i)))
            return false;
    return true;
}

static nn_grid at_the_top(int bits)
{
    return (nn_grid){ .qmin = 128 - (1 << bits), .qmax = 127 };
}

quant_spec quant_range_spec(const quant_config *c, const nn_graph *g, const quant_point *points,
                            int leader)
{
    int bits = settings_of(c, nn_graph_node(g, leader)->name).act_bits;
    quant_spec s = { .bits = MOST_BITS, .grid = nn_grid_signed(MOST_BITS, false), .axis = -1 };
    if (points[leader].how == QUANT_FIXED)
        return s;
    const bool positive = has_only_nonnegatives(g, points, leader);
    s.rule = c->act_rule->only_positive && !positive ? &quant_range_ema : c->act_rule;
    s.symmetric = c->act_scheme == QUANT_SYMMETRIC || (s.rule->signed_is_symmetric && !positive);
    if (bits == MOST_BITS)
        return s;
    if (c->act_scheme == QUANT_SYMMETRIC) {
        s.why = "symmetric, which the device cannot hold to fewer codes";
    } else if (!positive) {
        s.why = "it may be negative, and no operator would hold it to fewer codes";
    } else {
        s.bits = bits;
        s.grid = at_the_top(bits);
    }
    return s;
}
