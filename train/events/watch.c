#include "train/events/watch.h"

#include "nn/base/mem.h"

/* A result over pictures that the deployed network holds as a tensor of its own. */
static bool is_watched(const nn_graph *g, const nn_node *n)
{
    return n->id != NN_OP_input && n->id != NN_OP_param && n->id != NN_OP_reshape &&
           n->shape.rank > 0 && n->shape.dim[0] == NN_BATCH && quant_fused_into(g, n) == NULL;
}

static nn_status add(quant_histogram **out, train_watch *w, const char *name, int bins)
{
    NN_TRY(quant_histogram_new(&w->values[w->n], bins));
    *out = w->values[w->n];
    w->name[w->n] = nn_arena_strdup(w->arena, name); /* the graph goes before */
    return w->name[w->n++] != NULL ? NN_OK : NN_ENOMEM;
}

static nn_status fail(const char *name)
{
    return nn_fail(NN_EDIVERGED,
                   "%s: has a value that is infinite or not a number; the network has diverged",
                   name);
}

static nn_status watch_weights(train_watch *w, const nn_params *ps, int bins)
{
    quant_histogram *h;
    for (int i = 0; i < nn_params_count(ps); i++) {
        const nn_param *p = nn_params_at(ps, i);
        if (p->kind != NN_PARAM_WEIGHT)
            continue;
        NN_TRY(add(&h, w, p->name, bins));
        if (!quant_histogram_add(h, p->value, p->count))
            return fail(p->name);
    }
    return NN_OK;
}

static nn_status begin(train_watch *w, const nn_graph *g, const nn_params *ps, int bins)
{
    quant_histogram *h;
    const size_t most = (size_t)(nn_graph_count(g) + nn_params_count(ps));
    NN_TRY(nn_arena_new(&w->arena));
    w->name = nn_arena_alloc(w->arena, most * sizeof *w->name);
    w->values = nn_arena_alloc(w->arena, most * sizeof(quant_histogram *));
    if (w->name == NULL || w->values == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < nn_graph_count(g); i++)
        if (is_watched(g, nn_graph_node(g, i)))
            NN_TRY(add(&h, w, nn_graph_node(g, i)->name, bins));
    return NN_OK;
}

/* The results come first, in the order of the graph. */
static nn_status see(void *watch, const quant_run *r, int n)
{
    train_watch *w = watch;
    for (int i = 0, at = 0; i < nn_graph_count(r->graph); i++) {
        const nn_node *node = nn_graph_node(r->graph, i);
        if (!is_watched(r->graph, node))
            continue;
        if (!quant_histogram_add(w->values[at++], nn_exec_value(r->exec, node),
                                 nn_shape_count_batch(node->shape, n)))
            return fail(node->name);
    }
    return NN_OK;
}

nn_status train_watch_values(train_watch **out, const nn_graph *g, const quant_pictures *pictures,
                             int bins)
{
    quant_run r = { 0 };
    train_watch *w = nn_mem_alloc(sizeof *w);
    if (w == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: values of a network");
    nn_status st = quant_run_open(&r, g, NULL, QUANT_NONE, pictures->batch, true);
    if (st == NN_OK)
        st = begin(w, r.graph, nn_graph_params(g), bins);
    if (st == NN_OK)
        st = quant_run_all(&r, pictures, false, NULL, see, w);
    if (st == NN_OK)
        st = watch_weights(w, nn_graph_params(g), bins);
    quant_run_close(&r);
    if (st == NN_OK)
        *out = w;
    else
        train_watch_free(w);
    return st;
}

void train_watch_free(train_watch *w)
{
    if (w == NULL)
        return;
    for (int i = 0; i < w->n; i++)
        quant_histogram_free(w->values[i]);
    nn_arena_free(w->arena);
    nn_mem_free(w);
}
