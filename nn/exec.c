#include "nn/exec.h"

#include <omp.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"

struct nn_exec {
    const nn_plan *plan;
    int n;
    nn_call *call;
    const nn_real **bound; /* of each node: the memory of an input, the values of a parameter */
    nn_node_time *times;
    bool profile;
    unsigned char *block, *own_block;
};

static void *at(const nn_exec *e, ptrdiff_t offset)
{
    return offset == NN_NO_OFFSET ? NULL : e->block + offset;
}

/* Where node i's value lies: in the block, or with whoever it is a view of. */
static nn_real *value_of(const nn_exec *e, int i)
{
    const nn_place *place = &e->plan->place[i];
    if (place->value != NN_NO_OFFSET)
        return at(e, place->value);
    return (nn_real *)(uintptr_t)e->bound[place->root];
}

static nn_real *gradient_of(const nn_exec *e, const nn_node *n)
{
    return n->param != NULL ? n->param->grad : at(e, e->plan->place[n->index].grad);
}

static void resolve_values(nn_exec *e)
{
    for (int i = 0; i < e->n; i++) {
        const nn_node *n = nn_graph_node(e->plan->graph, i);
        e->call[i].y = value_of(e, i);
        for (int k = 0; k < n->n_in; k++)
            e->call[i].x[k] = value_of(e, n->in[k]->index);
    }
}

static void resolve(nn_exec *e)
{
    for (int i = 0; i < e->n; i++) {
        const nn_node *n = nn_graph_node(e->plan->graph, i);
        const nn_place *place = &e->plan->place[i];
        nn_call *c = &e->call[i];
        c->node = n;
        c->saved = at(e, place->saved);
        c->scratch = at(e, e->plan->scratch);
        if (n->param != NULL)
            e->bound[i] = n->param->value;
        if (!place->backward)
            continue;
        c->dy = gradient_of(e, n);
        for (int k = 0; k < n->n_in; k++) {
            c->dx[k] = place->wants_dx[k] ? gradient_of(e, n->in[k]) : NULL;
            c->add[k] = place->add[k];
        }
    }
    resolve_values(e);
}

static nn_status check_collated(const nn_plan *plan)
{
    for (int i = 0; i < nn_graph_count(plan->graph); i++) {
        const nn_node *n = nn_graph_node(plan->graph, i);
        if (n->param != NULL && n->param->value == NULL)
            return nn_fail(NN_EINVAL,
                           "parameter %s has no memory yet; collate the parameters first", n->name);
    }
    return NN_OK;
}

nn_status nn_exec_new(nn_exec **out, const nn_plan *plan, void *block)
{
    NN_TRY(check_collated(plan));
    nn_kernels_init();
    size_t n = (size_t)nn_graph_count(plan->graph);
    nn_exec *e = nn_mem_alloc(sizeof *e);
    if (e == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: an executor");
    *e = (nn_exec){ .plan = plan, .n = (int)n, .block = block };
    e->call = nn_mem_alloc(n * sizeof *e->call);
    e->bound = nn_mem_alloc(n * sizeof *e->bound);
    e->times = nn_mem_alloc(n * sizeof *e->times);
    if (block == NULL)
        e->block = e->own_block = nn_mem_alloc(plan->bytes);
    if (e->call == NULL || e->bound == NULL || e->times == NULL || e->block == NULL) {
        nn_exec_free(e);
        return nn_fail(NN_ENOMEM, "out of memory: %zu MB for the network's activations",
                       (plan->bytes >> 20) + 1);
    }
    resolve(e);
    *out = e;
    return NN_OK;
}

void nn_exec_free(nn_exec *e)
{
    if (e == NULL)
        return;
    nn_mem_free(e->call);
    nn_mem_free(e->bound);
    nn_mem_free(e->times);
    nn_mem_free(e->own_block);
    nn_mem_free(e);
}

void nn_exec_bind(nn_exec *e, const nn_node *input, const nn_real *data)
{
    if (e->bound[input->index] == data)
        return;
    e->bound[input->index] = data;
    resolve_values(e);
}

static void begin(nn_exec *e, int batch, const nn_run *run)
{
    for (int i = 0; i < e->n; i++) {
        e->call[i].batch = batch;
        e->call[i].run = run;
    }
}

/* Whether this pass leaves the node out. */
static bool is_idle(const nn_call *c)
{
    return c->node->for_statistics && (!c->run->training || c->run->freeze_bn);
}

/* A chain runs where its last node stands. */
static void forward(const nn_exec *e, int i)
{
    const nn_call *c = &e->call[i];
    const nn_op *op = e->plan->place[i].op;
    const nn_chain *chain = e->plan->place[i].chain;
    if (chain == NULL && op->forward != NULL)
        op->forward(c);
    if (chain != NULL && nn_chain_last(chain) == c->node)
        nn_chain_forward(chain, e->call);
}

static void forward_first(nn_exec *e, int n, int batch, const nn_run *run)
{
    begin(e, batch, run);
    for (int i = 0; i < n; i++) {
        if (is_idle(&e->call[i]))
            continue;
        double start = e->profile ? omp_get_wtime() : 0;
        forward(e, i);
        if (e->profile)
            e->times[i].forward += omp_get_wtime() - start;
    }
}

void nn_exec_forward(nn_exec *e, int batch, const nn_run *run)
{
    forward_first(e, e->n, batch, run);
}

void nn_exec_forward_to(nn_exec *e, const nn_node *last, int batch, const nn_run *run)
{
    const nn_chain *chain = e->plan->place[last->index].chain;
    forward_first(e, (chain != NULL ? nn_chain_last(chain)->index : last->index) + 1, batch, run);
}

/* Trained parameters that the loss does not depend on have no node that writes their gradient. */
static void clear_unreached(const nn_exec *e)
{
    nn_vector v = nn_params_trained(nn_graph_params(e->plan->graph));
    memset(v.grad, 0, v.count * sizeof *v.grad);
}

static void clear(const nn_call *c, int k)
{
    memset(c->dx[k], 0, nn_call_count_in(c, k) * sizeof(nn_real));
}

static void clear_repeated(const nn_exec *e, const nn_call *c)
{
    const nn_place *place = &e->plan->place[c->node->index];
    for (int k = 0; k < c->node->n_in; k++)
        if (place->clear[k])
            clear(c, k);
}

/* The gradients of a node that was left out: 0, where others will add to it. */
static void pass_nothing(const nn_exec *e, const nn_call *c)
{
    clear_repeated(e, c);
    for (int k = 0; k < c->node->n_in; k++)
        if (c->dx[k] != NULL && !c->add[k])
            clear(c, k);
}

static void backward(const nn_exec *e, int i)
{
    const nn_call *c = &e->call[i];
    const nn_op *op = e->plan->place[i].op;
    const nn_chain *chain = e->plan->place[i].chain;
    if (chain == NULL && op->backward != NULL) {
        clear_repeated(e, c);
        op->backward(c);
    }
    if (chain != NULL && nn_chain_last(chain) == c->node)
        nn_chain_backward(chain, e->call);
}

void nn_exec_backward(nn_exec *e, int batch, const nn_run *run)
{
    const nn_node *loss = e->plan->options.loss;
    if (loss == NULL || !e->plan->place[loss->index].backward)
        return;
    clear_unreached(e);
    *gradient_of(e, loss) = 1;
    begin(e, batch, run);
    for (int i = e->n - 1; i >= 0; i--) {
        if (!e->plan->place[i].backward)
            continue;
        if (is_idle(&e->call[i])) {
            pass_nothing(e, &e->call[i]);
            continue;
        }
        double start = e->profile ? omp_get_wtime() : 0;
        backward(e, i);
        if (e->profile)
            e->times[i].backward += omp_get_wtime() - start;
    }
}

const nn_real *nn_exec_value(const nn_exec *e, const nn_node *n)
{
    return e->call[n->index].y;
}

void nn_exec_profile(nn_exec *e, bool on)
{
    e->profile = on;
}

const nn_node_time *nn_exec_times(const nn_exec *e)
{
    return e->times;
}

const nn_plan *nn_exec_plan(const nn_exec *e)
{
    return e->plan;
}
