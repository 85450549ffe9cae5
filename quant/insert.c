/* insert - the rule that copies a float graph into a fake-quantized one. */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "nn/base/mem.h"
#include "quant/fold_parts.h"
#include "quant/spec.h"

enum { NAME_BYTES = QUANT_NAME_BYTES };
enum { FQ_SCALE = 3, FQ_MORE = 6 }; /* inputs of op fakequant */
enum { MOST_OPERANDS = 4 };

typedef struct inserter {
    const nn_graph *from;
    const quant_config *config;
    quant_stage stage;
    const quant_point *points;
} inserter;

quant_config quant_config_default(void)
{
    return (quant_config){ .weight_bits = 8,
                           .act_bits = 8,
                           .granularity = QUANT_PER_CHANNEL,
                           .weight_scheme = QUANT_SYMMETRIC,
                           .act_scheme = QUANT_AFFINE,
                           .act_rule = &quant_range_ema,
                           .fold = &quant_fold_running,
                           .input = { .scale = 1, .zero_point = 0 } };
}

nn_status quant_input_affine(nn_affine *out, double mean, double std)
{
    if (!(mean >= 0 && mean <= 255) || mean != floor(mean))
        return nn_fail(
            NN_EINVAL,
            "mean %g: an integer network needs an integer from 0 to 255, so that pixels are "
            "the input's codes; use --mean with a whole number",
            mean);
    const double scale = 1.0 / std;
    if (!(scale >= FLT_MIN && scale <= FLT_MAX))
        return nn_fail(NN_EINVAL, "std %g: must be positive, and 1 / std a binary32", std);
    *out = (nn_affine){ .scale = (float)scale, .zero_point = (int32_t)mean - 128 };
    return NN_OK;
}

static bool is_folded(quant_stage s)
{
    return s == QUANT_CALIBRATE || s == QUANT_DEPLOY || s == QUANT_NONE;
}

static bool quantizes_weights(quant_stage s)
{
    return s == QUANT_TRAIN || s == QUANT_TRAIN_WEIGHTS || s == QUANT_DEPLOY;
}

static bool quantizes_activations(quant_stage s)
{
    return s == QUANT_TRAIN || s == QUANT_TRAIN_ACTS || s == QUANT_DEPLOY;
}

static nn_fq_mode mode_of(bool quantizes)
{
    return quantizes ? NN_FQ_QUANTIZE : NN_FQ_OBSERVE;
}

/* Whether layer n computes in float (--quant-layers GLOB=float): from the reals of its input's
 * codes, to a result that is quantized. */
static bool is_float(const inserter *s, const nn_node *n)
{
    return s->stage != QUANT_NONE && quant_weight_spec(s->config, n).is_float;
}

/* ---- fakequant nodes ------------------------------------------------------------------------- */

static nn_node *state(nn_graph *to, const char *scope, const char *name, int count, double value)
{
    char full[NAME_BYTES + 32];
    snprintf(full, sizeof full, "%s/%s", scope, name);
    return nn_param_node(to, full, NN_SHAPE(count), NN_PARAM_STATE,
                         (nn_init){ .kind = NN_INIT_CONSTANT, .value = value });
}

/* What a fakequant node is made of. */
typedef struct fq_parts {
    const char *name;
    const char *scope; /* of its range's state */
    const nn_range_rule *rule;
    nn_fakequant_attr attr;
    const nn_affine *fixed;         /* a range from the start; NULL: none */
    quant_bias_fit fit;             /* of a weight, whose scales are then computed */
    nn_node *device[MOST_OPERANDS]; /* what the device computes the codes from, and its scales (op
                                       fakequant); NULL: no more */
} fq_parts;

/* What the rule learns, where it does: not while it only watches, and deployed no more. The graph
 * of calibration has it, so that it belongs to the parameters of every network. */
static nn_node *learned(nn_graph *to, const fq_parts *p, int channels, const inserter *s)
{
    char full[NAME_BYTES + 32];
    const bool learns =
        s->stage == QUANT_CALIBRATE || (s->stage != QUANT_DEPLOY && p->attr.mode == NN_FQ_QUANTIZE);
    if (p->rule == NULL || p->rule->learned == 0 || !learns)
        return NULL;
    snprintf(full, sizeof full, "%s/%s", p->scope, p->rule->name);
    return nn_param_node(to, full, NN_SHAPE(p->rule->learned * channels), NN_PARAM_RANGE,
                         (nn_init){ .kind = NN_INIT_CONSTANT });
}

static nn_node *fakequant(nn_graph *to, nn_node *x, const fq_parts *p, const inserter *s)
{
    if (x == NULL)
        return NULL;
    int channels = p->attr.axis < 0 ? 1 : x->shape.dim[p->attr.axis];
    nn_node *more = learned(to, p, channels, s);
    double scale = p->fixed != NULL ? (double)p->fixed->scale : 0;
    double zero = p->fixed != NULL ? p->fixed->zero_point : 0;
    nn_node *in[NN_MAX_IN] = {
        x,
        state(to, p->scope, "min", channels, scale * (p->attr.grid.qmin - zero)),
        state(to, p->scope, "max", channels, scale * (p->attr.grid.qmax - zero)),
        quant__widen(to, state(to, p->scope, "scale", channels, scale), &p->fit),
        state(to, p->scope, "zero_point", channels, zero),
        state(to, p->scope, "memory", 2 * channels + 1, 0)
    };
    int n_in = FQ_MORE;
    if (more != NULL)
        in[n_in++] = more;
    for (int k = 0; more == NULL && k < MOST_OPERANDS && p->device[k] != NULL; k++)
        in[n_in++] = p->device[k];
    nn_attr attr = { .fakequant = p->attr };
    attr.fakequant.learn = more != NULL ? p->rule : NULL;
    attr.fakequant.rule = p->fit.bias != NULL ? NULL : p->attr.rule;
    return nn_node_new(to, NN_OP_fakequant, p->name, in, n_in, &attr);
}

static void act_scope(char *text, size_t size, const nn_node *leader)
{
    snprintf(text, size, "%s/act_quant", leader->name);
}

/* The scale of the tensor that node n of the float graph has in the integer network. */
static nn_node *scale_of(nn_graph *to, const nn_node *n, const inserter *s)
{
    char scope[NAME_BYTES];
    act_scope(scope, sizeof scope, nn_graph_node(s->from, s->points[n->index].leader));
    return state(to, scope, "scale", 1, 0);
}

/* What the device computes n's codes from; y is n of the deployed graph, without its activation. (A
 * dense layer's accumulators are multiplied in double there: rounding x is the same.) */
static void find_operands(fq_parts *p, nn_graph *to, const nn_node *y, const nn_node *n,
                          const inserter *s)
{
    nn_node **of = p->device;
    switch (n->id) {
    case NN_OP_gap:
    case NN_OP_avg_pool:
        p->attr.mean_of = n->id == NN_OP_gap ? n->in[0]->shape.dim[1] * n->in[0]->shape.dim[2] : 0;
        of[0] = scale_of(to, n->in[0], s);
        break;
    case NN_OP_conv2d:
    case NN_OP_dwconv2d:
        if (is_float(s, n))
            break;
        of[0] = scale_of(to, n->in[0], s);
        of[1] = y->in[1]->in[FQ_SCALE];
        break;
    case NN_OP_add:
    case NN_OP_mul:
        of[0] = scale_of(to, n->in[0], s);
        of[1] = scale_of(to, n->in[1], s);
        of[2] = y->in[0];
        of[3] = y->in[1];
        break;
    case NN_OP_relu:
    case NN_OP_relu6:
    case NN_OP_hard_swish:
    case NN_OP_logistic:
    case NN_OP_softmax:
        of[0] = scale_of(to, n->in[0], s);
        of[1] = y->in[0];
        break;
    default:
        break;
    }
}

/* In the deployed graph, codes are those that the device computes from its accumulators or from
 * other codes. */
static void find_layer(fq_parts *p, nn_graph *to, const nn_node *y, const nn_node *n,
                       const inserter *s)
{
    const nn_node *last = n;
    while ((n->id == NN_OP_relu || n->id == NN_OP_relu6 || n->id == NN_OP_bnorm) &&
           quant_fused_into(s->from, n->in[0]) == n)
        n = n->in[0];
    if (s->stage != QUANT_DEPLOY || y == NULL)
        return;
    p->attr.is_uint8 = s->config->is_uint8;
    p->attr.relu6 = y->id == NN_OP_relu6;
    p->attr.relu = y->id == NN_OP_relu;
    p->attr.behind = n->id;
    if (n != last && y->id != n->id)
        y = y->in[0];
    if (y->id == n->id)
        find_operands(p, to, y, n, s);
}

/* The fakequant node behind an activation, if its kind has one. */
static nn_node *quantize_activation(nn_graph *to, nn_node *x, const nn_node *n, const inserter *s)
{
    if (s->stage == QUANT_NONE)
        return x;
    const quant_point *point = &s->points[n->index];
    if (point->how != QUANT_OBSERVED && point->how != QUANT_FIXED && point->how != QUANT_ROUNDED)
        return x;
    char scope[NAME_BYTES], name[NAME_BYTES];
    act_scope(name, sizeof name, n);
    act_scope(scope, sizeof scope, nn_graph_node(s->from, point->leader));
    const quant_point *leader = &s->points[point->leader];
    const quant_spec spec = quant_range_spec(s->config, s->from, s->points, point->leader);
    fq_parts p = { .name = name,
                   .scope = scope,
                   .rule = spec.rule,
                   .attr = { .mode = mode_of(quantizes_activations(s->stage)),
                             .rule = point->leader == n->index ? spec.rule : NULL,
                             .grid = spec.grid,
                             .symmetric = spec.symmetric,
                             .axis = spec.axis },
                   .fixed = leader->how == QUANT_FIXED ? &leader->fixed : NULL };
    find_layer(&p, to, x, n, s);
    return fakequant(to, x, &p, s);
}

/* On a grid that suits the bias, if `fit` has one. */
static nn_node *quantize_weight(nn_graph *to, nn_node *w, const nn_node *n,
                                const quant_bias_fit *fit, const inserter *s)
{
    char scope[NAME_BYTES];
    if (s->stage == QUANT_NONE || is_float(s, n))
        return w;
    snprintf(scope, sizeof scope, "%s/quant", n->in[1]->name);
    const quant_spec spec = quant_weight_spec(s->config, n);
    fq_parts p = { .name = scope,
                   .scope = scope,
                   .rule = spec.rule,
                   .attr = { .mode = mode_of(quantizes_weights(s->stage)),
                             .rule = spec.rule,
                             .grid = spec.grid,
                             .symmetric = spec.symmetric,
                             .axis = spec.axis },
                   .fit = *fit };
    return fakequant(to, w, &p, s);
}

/* The weight on the levels of DoReFa, if that is its rule. */
static nn_node *put_on_levels(nn_graph *to, nn_node *w, const nn_node *n, const inserter *s)
{
    char name[NAME_BYTES];
    if (s->stage == QUANT_NONE || !quantizes_weights(s->stage))
        return w;
    const quant_spec spec = quant_weight_spec(s->config, n);
    if (spec.levels == 0 || spec.is_float)
        return w;
    snprintf(name, sizeof name, "%s/levels", n->in[1]->name);
    return nn_node_new(to, NN_OP_dorefa, name, &w, 1,
                       &(nn_attr){ .dorefa = { .levels = spec.levels, .axis = spec.axis } });
}

/* ---- layers with weights --------------------------------------------------------------------- */

/* The batch norm that n is followed by, or NULL. */
static const nn_node *batch_norm_of(const inserter *s, const nn_node *n)
{
    const nn_node *m = quant_fused_into(s->from, n);
    return m != NULL && m->id == NN_OP_bnorm ? m : NULL;
}

static const quant_fold *fold_of(const inserter *s, const nn_node *n)
{
    bool plain = s->stage == QUANT_NONE || s->stage == QUANT_CALIBRATE;
    plain |= s->stage == QUANT_DEPLOY && is_float(s, n); /* has no codes to keep */
    return plain ? &quant_fold_running : s->config->fold;
}

/* Where accumulators are as on the device: in the deployed graph, and in training if no batch norm
 * stands between. */
static bool rounds_bias(const inserter *s, const nn_node *n, const nn_node *bn)
{
    const bool live = bn != NULL && !is_folded(s->stage) && !fold_of(s, n)->folds_away;
    return !live && !is_float(s, n) && quantizes_weights(s->stage) &&
           quantizes_activations(s->stage);
}

/* The layer's quantized weight.  Deployed, its grid suits the bias; in training the scale stays the
 * range's own, and only the bias is rounded with the wider one, as the difference is far below a
 * step of the result. */
static nn_node *weight_of(nn_node *w, const quant_folding *f, const quant_bias_fit *fit,
                          const inserter *s)
{
    const quant_bias_fit none = { NULL, NULL };
    const bool deploys = s->stage == QUANT_DEPLOY;
    const bool late = deploys && f->bn != NULL && fold_of(s, f->layer)->keeps_codes;
    w = put_on_levels(f->to, w, f->layer, s);
    if (f->bn != NULL)
        w = fold_of(s, f->layer)->weight(f, w);
    w = quantize_weight(f->to, w, f->layer, deploys && !late ? fit : &none, s);
    return late ? quant__fold_quantized(f, w, fit) : w;
}

static nn_node *bias_of(nn_node *bias, const quant_folding *f, const inserter *s)
{
    if (f->bn == NULL)
        return bias;
    return is_folded(s->stage) ? quant__fold_bias(f, bias) : fold_of(s, f->layer)->bias(f, bias);
}

static nn_node *round_bias(const quant_bias_fit *fit, const quant_folding *f, nn_node *weight,
                           const inserter *s)
{
    char name[NAME_BYTES];
    if (fit->bias == NULL || weight == NULL)
        return NULL;
    nn_node *scale = weight->in[FQ_SCALE];
    if (s->stage != QUANT_DEPLOY)
        scale = quant__widen(f->to, scale, fit);
    snprintf(name, sizeof name, "%s/bias/quant", f->layer->name);
    nn_node *in[] = { fit->bias, fit->x_scale, scale };
    return nn_node_new(f->to, NN_OP_quantbias, name, in, 3, NULL);
}

static nn_node *copy_layer(nn_graph *to, const nn_node *n, nn_node *const in[], const inserter *s)
{
    const quant_folding f = { to, n, batch_norm_of(s, n) };
    quant_bias_fit fit = { NULL, NULL };
    if (s->stage == QUANT_WATCH)
        return nn_rewrite_copy(to, n, in, NULL);
    nn_node *bias = bias_of(n->n_in > 2 ? in[2] : NULL, &f, s);
    if (bias != NULL && rounds_bias(s, n, f.bn))
        fit = (quant_bias_fit){ bias, scale_of(to, n->in[0], s) };
    nn_node *weight = weight_of(in[1], &f, &fit, s);
    if (fit.bias != NULL)
        bias = round_bias(&fit, &f, weight, s);
    nn_node *own[] = { in[0], weight, bias };
    return nn_node_new(to, n->id, n->name, own, bias != NULL ? 3 : 2, &n->attr);
}

static nn_node *copy_batch_norm(nn_graph *to, const nn_node *n, nn_node *const in[],
                                const inserter *s)
{
    bool alone = batch_norm_of(s, n->in[0]) != n; /* refused by quant_points_find */
    if (is_folded(s->stage) && !alone)
        return in[0];
    if (s->stage == QUANT_WATCH || alone)
        return nn_rewrite_copy(to, n, in, NULL);
    return fold_of(s, n->in[0])->norm(&(quant_folding){ to, n->in[0], n }, in);
}

/* ---- the rule -------------------------------------------------------------------------------- */

static nn_node *insert(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx)
{
    const inserter *s = ctx;
    nn_node *y;
    if (nn_node_has_weight(n))
        y = copy_layer(to, n, in, s);
    else if (n->id == NN_OP_bnorm)
        y = copy_batch_norm(to, n, in, s);
    else if (n->id == NN_OP_dropout && is_folded(s->stage))
        y = in[0];
    else
        y = nn_rewrite_copy(to, n, in, NULL);
    return quantize_activation(to, y, n, s);
}

nn_status quant_build(nn_graph *to, const nn_graph *from, const quant_config *config,
                      quant_stage stage)
{
    NN_TRY(nn_graph_check(from));
    quant_point *points = nn_mem_alloc((size_t)nn_graph_count(from) * sizeof *points);
    if (points == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a graph of %d nodes", nn_graph_count(from));
    nn_status st = stage != QUANT_NONE ? quant_config_check(config, from) : NN_OK;
    if (st == NN_OK && stage != QUANT_NONE)
        st = quant_points_find(points, from, config->input);
    inserter s = { from, config, stage, points };
    if (st == NN_OK)
        st = nn_graph_rewrite(to, from, insert, &s, NULL);
    nn_mem_free(points);
    return st;
}
