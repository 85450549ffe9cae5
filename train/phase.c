#include "train/phase.h"

static nn_status copy_graph(train_phase *p, const train_network *n, train_phase_kind kind)
{
    static const quant_stage stages[] = { [TRAIN_PHASE_WATCH] = QUANT_WATCH,
                                          [TRAIN_PHASE_WEIGHTS] = QUANT_TRAIN_WEIGHTS,
                                          [TRAIN_PHASE_ACTS] = QUANT_TRAIN_ACTS,
                                          [TRAIN_PHASE_QUANT] = QUANT_TRAIN,
                                          [TRAIN_PHASE_DEPLOY] = QUANT_DEPLOY };
    NN_TRY(nn_graph_new(&p->graph, n->params));
    if (kind == TRAIN_PHASE_FLOAT)
        return nn_graph_rewrite(p->graph, n->graph, nn_rewrite_copy, NULL, NULL);
    return quant_build(p->graph, n->graph, &n->quant, stages[kind]);
}

nn_status train_phase_build(train_phase *p, const train_network *n, const train_phase_options *o)
{
    NN_TRY(copy_graph(p, n, o->kind));
    p->image = nn_graph_find(p->graph, n->image->name);
    p->logits = train_graph_output(p->graph);
    if (o->training) {
        p->label = nn_input(p->graph, "label", NN_SHAPE(NN_BATCH));
        p->loss = nn_cross_entropy(p->graph, p->logits, p->label, o->smoothing);
    }
    NN_TRY(nn_graph_check(p->graph));
    nn_plan_options plan = { .batch = o->batch,
                             .loss = p->loss,
                             .fast = o->training && n->info.recipe.model.conv == TRAIN_CONV_FAST,
                             .max_bytes = (size_t)o->max_bytes };
    return nn_plan_new(&p->plan, p->graph, &plan);
}

nn_status train_phase_bind(train_phase *p, void *block)
{
    return nn_exec_new(&p->exec, p->plan, block);
}

void train_phase_free(train_phase *p)
{
    nn_exec_free(p->exec);
    nn_plan_free(p->plan);
    nn_graph_free(p->graph);
    *p = (train_phase){ 0 };
}
