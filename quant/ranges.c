#include "quant/ranges.h"

#include <string.h>

#include "nn/base/suggest.h"

static const nn_range_rule *const rules[] = {
#define QUANT_RANGE(name) &quant_range_##name,
#include "quant/ranges.def"
#undef QUANT_RANGE
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

const nn_range_rule *quant_range_at(int i)
{
    return i >= 0 && i < N_RULES ? rules[i] : NULL;
}

const nn_range_rule *quant_range_by_name(const char *name)
{
    const char *names[N_RULES];
    for (int i = 0; i < N_RULES; i++) {
        if (strcmp(rules[i]->name, name) == 0)
            return rules[i];
        names[i] = rules[i]->name;
    }
    nn_fail_unknown("range ", name, names, N_RULES);
    return NULL;
}

/* `anew`: whatever was in force does not count. */
static void settle(const nn_graph *g, bool anew)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (n->id != NN_OP_fakequant || n->attr.fakequant.learn == NULL)
            continue;
        nn_range_state s = nn_range_of(n);
        if (!nn_range_has_begun(&s, &n->attr.fakequant))
            continue;
        for (int c = 0; anew && c < s.channels; c++)
            s.scale[c] = 0;
        nn_range_settle(&s, &n->attr.fakequant);
    }
}

void quant_ranges_settle(const nn_graph *g)
{
    settle(g, false);
}

void quant_ranges_exchange(const nn_graph *g)
{
    settle(g, true);
}

void quant_ranges_hold(nn_params *ps, bool hold)
{
    for (int i = 0; i < nn_params_count(ps); i++)
        if (nn_params_at(ps, i)->kind == NN_PARAM_RANGE)
            nn_params_at(ps, i)->held = hold;
}
