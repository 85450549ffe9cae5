#include "quant/calibrate.h"

#include <string.h>

#include "nn/exec.h"

/* Forgets what the observers of this graph have seen. */
static void forget_ranges(const nn_graph *g)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        for (int k = 1; n->id == NN_OP_fakequant && n->attr.fakequant.rule != NULL && k < n->n_in;
             k++)
            memset(n->in[k]->param->value, 0, n->in[k]->param->count * sizeof(nn_real));
    }
}

static nn_status run_batches(nn_exec *e, const nn_node *image, quant_next_batch *next, void *ctx)
{
    const nn_run run = { .observe = true };
    for (int batches = 0;; batches++) {
        const nn_real *data = NULL;
        int n = 0;
        NN_TRY(next(ctx, &data, &n));
        if (n == 0)
            return batches > 0 ? NN_OK : nn_fail(NN_EINVAL, "calibration: no pictures were given");
        nn_exec_bind(e, image, data);
        nn_exec_forward(e, n, &run);
    }
}

nn_status quant_calibrate(const nn_graph *from, const quant_config *config, int batch,
                          quant_next_batch *next, void *ctx)
{
    nn_graph *g = NULL;
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    nn_status st = nn_graph_new(&g, nn_graph_params(from));
    if (st == NN_OK)
        st = quant_build(g, from, config, QUANT_CALIBRATE);
    if (st == NN_OK)
        st = nn_plan_new(&plan, g, &(nn_plan_options){ .batch = batch });
    if (st == NN_OK)
        st = nn_exec_new(&e, plan, NULL);
    if (st == NN_OK) {
        forget_ranges(g);
        st = run_batches(e, nn_graph_find(g, "image"), next, ctx);
    }
    nn_exec_free(e);
    nn_plan_free(plan);
    nn_graph_free(g);
    return st;
}
