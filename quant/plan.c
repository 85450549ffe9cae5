#include "quant/plan.h"

#include <stdio.h>

#include "nn/base/mem.h"
#include "quant/spec.h"

typedef struct planner {
    nn_arena *arena;
    const nn_graph *g;
    const quant_config *config;
    const quant_point *points;
} planner;

static const nn_node *reader_of(const nn_graph *g, const nn_node *n)
{
    for (int i = n->index + 1; i < nn_graph_count(g); i++)
        for (int k = 0; k < nn_graph_node(g, i)->n_in; k++)
            if (nn_graph_node(g, i)->in[k] == n)
                return nn_graph_node(g, i);
    return NULL;
}

static const char *scheme_name(const quant_spec *s)
{
    return s->symmetric ? "symmetric" : "affine";
}

static bool is_folded(const planner *p, const nn_node *n)
{
    const nn_node *reader = reader_of(p->g, n);
    return reader == NULL || !nn_node_has_weight(reader);
}

static bool is_in_file(const planner *p, const nn_node *n)
{
    quant_how how = p->points[n->index].how;
    return how != QUANT_FUSED && how != QUANT_FLOAT && !(how == QUANT_WEIGHTS && is_folded(p, n));
}

/* How a weight gets its range, where that is not its own extent. */
static const char *rule_text(const planner *p, const quant_spec *s)
{
    if (s->levels > 0)
        return ", on the levels of dorefa";
    if (s->rule == &quant_range_last)
        return "";
    return nn_arena_printf(p->arena, ", range by %s", s->rule->name);
}

static const char *explain_parameter(const planner *p, const nn_node *n)
{
    const nn_node *reader = reader_of(p->g, n);
    if (reader == NULL)
        return "nothing reads it";
    if (is_folded(p, n))
        return nn_arena_printf(p->arena, "folded into the weights and bias before %s",
                               reader->name);
    if (quant_weight_spec(p->config, reader).is_float)
        return nn_arena_printf(p->arena, "float: --quant-layers has %s in float", reader->name);
    if (reader->in[1] != n)
        return "int32, scale of input * scale of weights";
    const quant_spec s = quant_weight_spec(p->config, reader);
    const char *rule = rule_text(p, &s);
    if (rule == NULL)
        return NULL;
    return nn_arena_printf(p->arena, "%d bits, %s, one scale %s%s", s.bits, scheme_name(&s),
                           s.axis >= 0 ? "for each output channel" : "for all of it", rule);
}

/* "", or ": scale * (q - zero point)" if they are known. */
static const char *range_text(const planner *p, const nn_node *leader)
{
    char name[NN_MAX_NAME + 32];
    const nn_params *params = nn_graph_params(p->g);
    snprintf(name, sizeof name, "%s/act_quant/scale", leader->name);
    const nn_param *s = nn_params_find(params, name);
    snprintf(name, sizeof name, "%s/act_quant/zero_point", leader->name);
    const nn_param *z = nn_params_find(params, name);
    if (s == NULL || z == NULL || s->value == NULL || !(s->value[0] > 0))
        return "";
    return nn_arena_printf(p->arena, ": %.9g * (q - %g)", (double)s->value[0], (double)z->value[0]);
}

static const char *explain_activation(const planner *p, const nn_node *n)
{
    const quant_point *point = &p->points[n->index];
    const nn_node *leader = nn_graph_node(p->g, point->leader);
    const quant_spec s = quant_range_spec(p->config, p->g, p->points, leader->index);
    const char *range = range_text(p, leader);
    if (range == NULL)
        return NULL;
    if (leader != n)
        return nn_arena_printf(p->arena, "in the range of %s%s", leader->name, range);
    if (point->how == QUANT_FIXED)
        return nn_arena_printf(p->arena, "8 bits, the range is %s%s",
                               n->id == NN_OP_input ? "that of pixels" : "the operator's own",
                               range);
    return nn_arena_printf(p->arena, "%d bits%s%s%s, %s, range by %s%s", s.bits,
                           s.why != NULL ? " (" : "", s.why != NULL ? s.why : "",
                           s.why != NULL ? ")" : "", scheme_name(&s), s.rule->name, range);
}

static const char *explain(const planner *p, const nn_node *n)
{
    switch (p->points[n->index].how) {
    case QUANT_WEIGHTS:
        return explain_parameter(p, n);
    case QUANT_FUSED:
        return nn_arena_printf(p->arena, "part of %s", quant_fused_into(p->g, n)->name);
    case QUANT_FLOAT:
        return "not part of the integer network";
    default:
        return explain_activation(p, n);
    }
}

nn_status quant_plan_rows(quant_plan_row **rows, nn_arena *arena, const nn_graph *g,
                          const quant_config *config)
{
    const size_t n = (size_t)nn_graph_count(g);
    quant_point *points = nn_arena_alloc(arena, n * sizeof *points);
    const planner p = { arena, g, config, points };
    *rows = nn_arena_alloc(arena, n * sizeof **rows);
    if (points == NULL || *rows == NULL)
        return NN_ENOMEM;
    NN_TRY(quant_config_check(config, g));
    NN_TRY(quant_points_find(points, g, config->input));
    for (size_t i = 0; i < n; i++) {
        const nn_node *node = nn_graph_node(g, (int)i);
        (*rows)[i] =
            (quant_plan_row){ node, points[i].how, is_in_file(&p, node), explain(&p, node) };
        if ((*rows)[i].why == NULL)
            return NN_ENOMEM;
    }
    return NN_OK;
}
