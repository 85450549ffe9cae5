#include "optim/optim.h"

#include <string.h>

#include "nn/base/mem.h"
#include "nn/base/suggest.h"
#include "optim/pieces.h"
#include "optim/rule.h"

static const opt_rule *const rules[] = {
#define OPT_RULE(name) &opt_rule_##name,
#include "optim/optims.def"
#undef OPT_RULE
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

struct opt {
    const opt_rule *rule;
    opt_config config;
    nn_vector trained;
    opt_pieces pieces;
    int n_slots;
    nn_real *slot[OPT_MAX_SLOTS];
};

static nn_status find(const opt_rule **out, const char *name)
{
    const char *names[N_RULES];
    for (int i = 0; i < N_RULES; i++) {
        if (strcmp(rules[i]->name, name) == 0) {
            *out = rules[i];
            return NN_OK;
        }
        names[i] = rules[i]->name;
    }
    return nn_fail_unknown("optimizer ", name, names, N_RULES);
}

static nn_status check(const opt_rule *rule, opt_config *c)
{
    if (!(c->weight_decay >= 0 && c->weight_decay <= 1e6)) /* what every rule shares */
        return nn_fail(NN_EINVAL, "%s: weight decay %g is not in [0, 1e6]", rule->name,
                       c->weight_decay);
    nn_status st = rule->check(c);
    return st == NN_OK ? st : nn_fail_context(st, "%s", rule->name);
}

static nn_status allocate(opt *o, const nn_params *ps)
{
    NN_TRY(opt_pieces_new(&o->pieces, ps, opt_is_trained, NULL));
    for (int i = 0; i < o->n_slots; i++) {
        o->slot[i] = nn_mem_alloc(o->trained.count * sizeof(nn_real));
        if (o->slot[i] == NULL)
            return nn_fail(NN_ENOMEM, "%s: out of memory: slot %s of %zu values", o->rule->name,
                           o->rule->slot[i], o->trained.count);
    }
    return NN_OK;
}

nn_status opt_new(opt **out, const char *name, nn_params *ps, const opt_config *c)
{
    const opt_rule *rule = NULL;
    opt_config config = *c;
    NN_TRY(find(&rule, name));
    NN_TRY(check(rule, &config));
    opt *o = nn_mem_alloc(sizeof *o);
    if (o == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", sizeof *o);
    *o = (opt){ .rule = rule,
                .config = config,
                .trained = nn_params_trained(ps),
                .n_slots = rule->slots(&config) };
    nn_status st = allocate(o, ps);
    if (st != NN_OK) {
        opt_free(o);
        return st;
    }
    *out = o;
    return NN_OK;
}

void opt_free(opt *o)
{
    if (o == NULL)
        return;
    for (int i = 0; i < OPT_MAX_SLOTS; i++)
        nn_mem_free(o->slot[i]);
    opt_pieces_free(&o->pieces);
    nn_mem_free(o);
}

static double decay_of(const opt_config *c, const nn_param *p)
{
    bool decays = p->kind == NN_PARAM_WEIGHT || (p->kind == NN_PARAM_BIAS && c->decay_bn);
    return decays ? c->weight_decay : 0;
}

void opt_step(opt *o, double lr, int64_t step)
{
/* in turns, because large parameters stand together at the end of a network */
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < o->pieces.n; i++) {
        const opt_piece *p = &o->pieces.piece[i];
        if (p->param->held)
            continue;
        opt_update u = { .value = o->trained.value + p->begin,
                         .grad = o->trained.grad + p->begin,
                         .count = p->count,
                         .lr = lr,
                         .decay = decay_of(&o->config, p->param),
                         .step = step };
        for (int k = 0; k < o->n_slots; k++)
            u.slot[k] = o->slot[k] + p->begin;
        o->rule->update(&o->config, &u);
    }
}

int opt_slot_count(const opt *o)
{
    return o->n_slots;
}

const char *opt_slot_name(const opt *o, int i)
{
    return o->rule->slot[i];
}

nn_real *opt_slot_vector(opt *o, int i)
{
    return o->slot[i];
}
