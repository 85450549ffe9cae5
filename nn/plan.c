#include "nn/plan.h"

#include <string.h>

#include "nn/base/mem.h"
#include "nn/buffers.h"
#include "nn/ops/winograd.h"

typedef struct planner {
    const nn_graph *g;
    nn_plan *plan;
    int n;
    int *last_read;  /* of node i's content; n_times() if it must stay */
    int *grad_first; /* time of the first contribution to node i's gradient, -1: none yet */
    int *grad_root;  /* the node whose gradient memory node i shares */
    bool *taken;     /* by a chain */
    nn_buffer
        *buffers; /* values at [i], gradients at [n + i], saved at [2n + i], scratch at [3n] */
} planner;

static int n_times(const planner *p)
{
    return 2 * p->n;
}

/* The moment at which node i is computed: a chain's nodes all at that of the last. */
static int forward_time(const planner *p, int i)
{
    const nn_chain *ch = p->plan->place[i].chain;
    return ch != NULL ? nn_chain_last(ch)->index : i;
}

static int backward_time(const planner *p, int i)
{
    return 2 * p->n - 1 - forward_time(p, i);
}

/* True for a node whose value exists for a strip at a time only. */
static bool is_inner(const planner *p, int i)
{
    return forward_time(p, i) != i;
}

/* The nodes that are computed when node i is: itself, or the chain that it ends. */
typedef struct group {
    const nn_node *const *node;
    int n;
} group;

static group group_of(const planner *p, const nn_node *const *n)
{
    const nn_chain *ch = p->plan->place[(*n)->index].chain;
    return ch != NULL ? (group){ ch->node, ch->n } : (group){ n, 1 };
}

/* Whether input k of node m of a group is another one's value. */
static bool is_inside(group u, int m, int k)
{
    return m > 0 && u.node[m]->in[k] == u.node[m - 1];
}

static bool is_external(const nn_node *n)
{
    return n->id == NN_OP_input || n->id == NN_OP_param;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

/* ---- chains ---------------------------------------------------------------------------------- */

static void find_chains(planner *p)
{
    bool *taken = p->taken;
    nn_plan *plan = p->plan;
    for (int i = 0; i < p->n && !plan->options.keep_all; i++) {
        nn_chain *ch = &plan->chains[plan->n_chains];
        if (!nn_chain_find(ch, p->g, nn_graph_node(p->g, i), plan->options.loss, taken))
            continue;
        for (int m = 0; m < ch->n; m++) {
            taken[ch->node[m]->index] = true;
            plan->place[ch->node[m]->index].chain = ch;
        }
        plan->n_chains++;
    }
}

static void choose_ops(planner *p)
{
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        const bool fast = p->plan->options.fast && nn_winograd_wins(n);
        p->plan->place[i].op = fast ? &nn_op_winograd : n->op;
    }
}

/* ---- which nodes take part in the backward pass ---------------------------------------------- */

/* Marks the nodes between a trained parameter and the loss, and the inputs whose gradient they
 * need. */
static void mark_backward(planner *p)
{
    nn_place *place = p->plan->place;
    const nn_node *loss = p->plan->options.loss;
    if (loss == NULL)
        return;
    int *reaches = p->grad_first; /* borrowed for this pass: its gradient comes from the loss */
    memset(reaches, 0, (size_t)p->n * sizeof *reaches);
    reaches[loss->index] = 1;
    for (int i = loss->index; i >= 0; i--) {
        const nn_node *n = nn_graph_node(p->g, i);
        const bool passes = reaches[i] && !(n->op->flags & NN_FLAG_NO_GRAD);
        for (int k = 0; k < n->n_in && passes; k++)
            reaches[n->in[k]->index] = 1;
    }
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        if (!reaches[i] || (n->op->flags & NN_FLAG_NO_GRAD))
            continue;
        if (n->param != NULL)
            place[i].backward = nn_param_is_trained(n->param);
        for (int k = 0; k < n->n_in; k++) {
            place[i].wants_dx[k] = place[n->in[k]->index].backward;
            place[i].backward |= place[i].wants_dx[k];
        }
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* What node i's backward pass reads: in a chain only batch norm looks at its input again, the
 * others have left bits. */
static int keeps_of(const planner *p, int i)
{
    const nn_place *place = &p->plan->place[i];
    const nn_node *n = nn_graph_node(p->g, i);
    bool left_bits = place->chain != NULL && n->op->gate != NULL;
    return place->backward && !left_bits ? n->op->keeps : 0;
}

static void find_last_reads(planner *p)
{
    for (int i = p->n - 1; i >= 0; i--) {
        const nn_node *n = nn_graph_node(p->g, i);
        int own = max_int(p->last_read[i], i);
        if (keeps_of(p, i) & NN_KEEP_Y)
            own = max_int(own, backward_time(p, i));
        if (n->is_output || n == p->plan->options.loss || p->plan->options.keep_all)
            own = n_times(p);
        p->last_read[i] = own;
        for (int k = 0; k < n->n_in; k++) {
            int read = forward_time(p, i);
            if (keeps_of(p, i) & NN_KEEP_X(k))
                read = backward_time(p, i);
            if ((n->op->flags & NN_FLAG_VIEW) && k == 0)
                read = max_int(read, own); /* the view's readers read this content */
            int *last = &p->last_read[n->in[k]->index];
            *last = max_int(*last, read);
        }
    }
}

/* True if another input of the group than the first lies in the memory of `root`: nodes may read
 * their inputs at different places. */
static bool reads_elsewhere(const planner *p, group u, int root)
{
    for (int m = 0; m < u.n; m++)
        for (int k = 0; k < u.node[m]->n_in; k++)
            if ((m > 0 || k > 0) && !is_inside(u, m, k) &&
                p->plan->place[u.node[m]->in[k]->index].root == root)
                return true;
    return false;
}

/* The root of the memory that node i, or the chain that it ends, may write its value over: that of
 * its first input if nobody reads any content of it later; else i. */
static int find_root(const planner *p, int i)
{
    const nn_node *n = nn_graph_node(p->g, i);
    const group u = group_of(p, &n);
    const nn_node *first = u.node[0], *x = first->n_in > 0 ? first->in[0] : NULL;
    if (x == NULL)
        return i;
    int root = p->plan->place[x->index].root;
    if (first->op->flags & NN_FLAG_VIEW)
        return root;
    if (!(first->op->flags & NN_FLAG_INPLACE) || p->plan->options.keep_all ||
        is_external(nn_graph_node(p->g, root)) ||
        nn_shape_count(n->shape) != nn_shape_count(x->shape))
        return i;
    for (int j = root; j < i; j++)
        if (p->plan->place[j].root == root && p->last_read[j] > i)
            return i;
    return reads_elsewhere(p, u, root) ? i : root;
}

static void place_values(planner *p)
{
    int batch = p->plan->options.batch;
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        int root = is_inner(p, i) ? i : find_root(p, i);
        p->plan->place[i].root = root;
        if (is_inner(p, i) || is_external(nn_graph_node(p->g, root)))
            continue;
        nn_buffer *b = &p->buffers[root];
        if (root == i)
            *b = (nn_buffer){ .bytes = nn_shape_count_batch(n->shape, batch) * sizeof(nn_real),
                              .first = i };
        b->last = max_int(b->last, p->last_read[i]);
    }
}

/* ---- gradients ------------------------------------------------------------------------------- */

static bool is_repeated(const nn_node *n, int k)
{
    for (int j = 0; j < n->n_in; j++)
        if (j != k && n->in[j] == n->in[k])
            return true;
    return false;
}

/* Whether the gradient of input k of a group's node m may lie where the group's own lies: it is the
 * first contribution (later ones add to it), and the node passes it on element by element. */
static bool can_pass_gradient(const planner *p, group u, int m, int k)
{
    const nn_node *n = u.node[m], *x = n->in[k];
    if (!(n->op->flags & (NN_FLAG_VIEW | NN_FLAG_INPLACE_GRAD)) || x->param != NULL)
        return false;
    if (nn_shape_count(x->shape) != nn_shape_count(n->shape))
        return false;
    return !is_repeated(n, k) && p->plan->place[n->index].wants_dx[k] &&
           p->grad_first[x->index] < 0;
}

/* The node whose gradient takes over the memory of the group's own, NULL if there is none: what
 * comes into a chain's sum from outside, which gets the gradient as it is, else the first input. */
static const nn_node *find_heir(const planner *p, group u)
{
    for (int m = u.n - 1; m > 0; m--)
        for (int k = 0; k < u.node[m]->n_in; k++)
            if (u.node[m]->id == NN_OP_add && !is_inside(u, m, k) && can_pass_gradient(p, u, m, k))
                return u.node[m]->in[k];
    return u.node[0]->n_in > 0 && can_pass_gradient(p, u, 0, 0) ? u.node[0]->in[0] : NULL;
}

/* Node m of a group contributes to the gradients of its inputs at time `now`. */
static void contribute(planner *p, group u, int m, int now)
{
    const nn_node *n = u.node[m];
    nn_place *place = &p->plan->place[n->index];
    for (int k = 0; k < n->n_in; k++) {
        int x = n->in[k]->index;
        if (!place->wants_dx[k] || is_inside(u, m, k))
            continue;
        place->clear[k] = p->grad_first[x] < 0 && is_repeated(n, k);
        place->add[k] = p->grad_first[x] >= 0 || place->clear[k];
        if (p->grad_first[x] < 0)
            p->grad_first[x] = now;
    }
}

static void place_gradients(planner *p)
{
    int batch = p->plan->options.batch;
    for (int i = 0; i < p->n; i++)
        p->grad_first[i] = -1, p->grad_root[i] = i;
    if (p->plan->options.loss != NULL)
        p->grad_first[p->plan->options.loss->index] = p->n;
    for (int i = p->n - 1; i >= 0; i--) {
        const nn_node *n = nn_graph_node(p->g, i);
        const group u = group_of(p, &n);
        int now = backward_time(p, i);
        if (!p->plan->place[i].backward || is_inner(p, i))
            continue;
        const nn_node *heir = find_heir(p, u);
        if (heir != NULL)
            p->grad_root[heir->index] = p->grad_root[i];
        for (int m = u.n - 1; m >= 0; m--)
            contribute(p, u, m, now);
        if (n->param != NULL)
            continue;
        nn_buffer *b = &p->buffers[p->n + p->grad_root[i]];
        if (p->grad_root[i] == i)
            *b = (nn_buffer){ .bytes = nn_shape_count_batch(n->shape, batch) * sizeof(nn_real),
                              .first = p->grad_first[i] };
        b->last = max_int(b->last, now);
    }
}

/* ---- saved and scratch ----------------------------------------------------------------------- */

/* A chain's memory is its last node's; batch norm has its own besides. */
static nn_need need_of(const planner *p, int i)
{
    const nn_node *n = nn_graph_node(p->g, i);
    const nn_place *place = &p->plan->place[i];
    int batch = p->plan->options.batch;
    if (place->chain != NULL && !is_inner(p, i))
        return nn_chain_need(place->chain, batch, place->backward);
    if (place->op->need == NULL || (place->chain != NULL && n->op->gate != NULL))
        return (nn_need){ 0 };
    return place->op->need(n, batch, place->backward);
}

static void place_needs(planner *p)
{
    size_t most = 0;
    for (int i = 0; i < p->n; i++) {
        bool backward = p->plan->place[i].backward;
        nn_need need = need_of(p, i);
        if (need.saved > 0)
            p->buffers[2 * p->n + i] =
                (nn_buffer){ .bytes = need.saved,
                             .first = forward_time(p, i),
                             .last = backward ? backward_time(p, i) : forward_time(p, i) };
        most = need.scratch > most ? need.scratch : most;
    }
    p->buffers[3 * p->n] = (nn_buffer){ .bytes = most, .first = 0, .last = n_times(p) };
}

/* ---- offsets --------------------------------------------------------------------------------- */

static void take_offsets(planner *p)
{
    const nn_buffer *values = p->buffers, *grads = values + p->n, *saved = grads + p->n;
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        nn_place *place = &p->plan->place[i];
        bool own = !is_external(nn_graph_node(p->g, place->root)) && !is_inner(p, i);
        bool has_grad = place->backward && n->param == NULL && !is_inner(p, i);
        place->value = own ? (ptrdiff_t)values[place->root].offset : NN_NO_OFFSET;
        place->grad = has_grad ? (ptrdiff_t)grads[p->grad_root[i]].offset : NN_NO_OFFSET;
        place->saved = saved[i].bytes > 0 ? (ptrdiff_t)saved[i].offset : NN_NO_OFFSET;
    }
    p->plan->scratch = (ptrdiff_t)p->buffers[3 * p->n].offset;
}

static nn_status make(planner *p)
{
    nn_plan *plan = p->plan;
    int count = 3 * p->n + 1;
    choose_ops(p);
    find_chains(p);
    mark_backward(p);
    find_last_reads(p);
    place_values(p);
    place_gradients(p);
    place_needs(p);
    NN_TRY(nn_buffers_place(&plan->bytes, p->buffers, count));
    plan->lower_bound = nn_buffers_bound(p->buffers, count, n_times(p));
    take_offsets(p);
    const size_t mega = 1000000, limit = plan->options.max_bytes;
    if (limit != 0 && plan->bytes > limit)
        return nn_fail(NN_ENOMEM,
                       "the network needs %zu MB for a batch of %d, more than the limit of %zu MB; "
                       "use a smaller --batch or raise --max-memory",
                       (plan->bytes + mega - 1) / mega, plan->options.batch, limit / mega);
    return NN_OK;
}

static nn_status check_options(const nn_plan_options *o)
{
    if (o->batch < 1)
        return nn_fail(NN_EINVAL, "plan: a batch of %d items; must be at least 1", o->batch);
    if (o->loss != NULL && nn_shape_count(o->loss->shape) != 1)
        return nn_fail(NN_EINVAL, "plan: the loss %s is not a scalar", o->loss->name);
    return NN_OK;
}

static nn_status allocate(nn_plan *plan, size_t n)
{
    plan->place = nn_mem_alloc(n * sizeof *plan->place);
    plan->chains = nn_mem_alloc(n * sizeof *plan->chains);
    if (plan->place == NULL || plan->chains == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a plan of %zu nodes", n);
    return NN_OK;
}

static nn_status fill(nn_plan *plan, size_t n)
{
    int *times = nn_mem_alloc(3 * n * sizeof *times);
    bool *taken = nn_mem_alloc(n * sizeof *taken);
    nn_buffer *buffers = nn_mem_alloc((3 * n + 1) * sizeof *buffers);
    nn_status st;
    if (times == NULL || taken == NULL || buffers == NULL) {
        st = nn_fail(NN_ENOMEM, "out of memory: a plan of %zu nodes", n);
    } else {
        planner p = { .g = plan->graph,
                      .plan = plan,
                      .n = (int)n,
                      .last_read = times,
                      .grad_first = times + n,
                      .grad_root = times + 2 * n,
                      .taken = taken,
                      .buffers = buffers };
        st = make(&p);
    }
    nn_mem_free(times);
    nn_mem_free(taken);
    nn_mem_free(buffers);
    return st;
}

nn_status nn_plan_new(nn_plan **out, const nn_graph *g, const nn_plan_options *options)
{
    NN_TRY(nn_graph_check(g));
    NN_TRY(check_options(options));
    size_t n = (size_t)nn_graph_count(g);
    nn_plan *plan = nn_mem_alloc(sizeof *plan);
    if (plan == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a plan of %zu nodes", n);
    *plan = (nn_plan){ .graph = g, .options = *options };
    nn_status st = allocate(plan, n);
    if (st == NN_OK)
        st = fill(plan, n);
    if (st == NN_OK)
        *out = plan;
    else
        nn_plan_free(plan);
    return st;
}

void nn_plan_free(nn_plan *p)
{
    if (p == NULL)
        return;
    nn_mem_free(p->place);
    nn_mem_free(p->chains);
    nn_mem_free(p);
}
