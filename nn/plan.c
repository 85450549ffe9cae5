#include "nn/plan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/mem.h"

/* A stretch of memory and the time in which it must keep its content. */
typedef struct buffer {
    size_t bytes;
    int first, last;
    size_t offset;
} buffer;

typedef struct planner {
    const nn_graph *g;
    nn_plan *plan;
    int n;
    int *last_read;  /* of node i's content; n_times() if it must stay */
    int *grad_first; /* time of the first contribution to node i's gradient, -1: none yet */
    int *grad_root;  /* the node whose gradient memory node i shares */
    buffer *buffers; /* values at [i], gradients at [n + i], saved at [2n + i], scratch at [3n] */
} planner;

static int n_times(const planner *p)
{
    return 2 * p->n;
}

static int backward_time(const planner *p, int i)
{
    return 2 * p->n - 1 - i;
}

static bool is_external(const nn_node *n)
{
    return n->id == NN_OP_input || n->id == NN_OP_param;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
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
    int *reaches = p->grad_first; /* borrowed for this pass: leads to the loss */
    memset(reaches, 0, (size_t)p->n * sizeof *reaches);
    reaches[loss->index] = 1;
    for (int i = loss->index; i >= 0; i--) {
        const nn_node *n = nn_graph_node(p->g, i);
        for (int k = 0; k < n->n_in && reaches[i]; k++)
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

static void find_last_reads(planner *p)
{
    const nn_place *place = p->plan->place;
    for (int i = p->n - 1; i >= 0; i--) {
        const nn_node *n = nn_graph_node(p->g, i);
        int own = max_int(p->last_read[i], i);
        if (place[i].backward && (n->op->keeps & NN_KEEP_Y))
            own = max_int(own, backward_time(p, i));
        if (n->is_output || n == p->plan->options.loss || p->plan->options.keep_all)
            own = n_times(p);
        p->last_read[i] = own;
        for (int k = 0; k < n->n_in; k++) {
            int read = i;
            if (place[i].backward && (n->op->keeps & NN_KEEP_X(k)))
                read = backward_time(p, i);
            if ((n->op->flags & NN_FLAG_VIEW) && k == 0)
                read = max_int(read, own); /* the view's readers read this content */
            int *last = &p->last_read[n->in[k]->index];
            *last = max_int(*last, read);
        }
    }
}

/* True if node i may write its value over input 0's: nobody reads any content of that memory later.
 */
static bool can_overwrite(const planner *p, int i)
{
    const nn_node *n = nn_graph_node(p->g, i);
    if (!(n->op->flags & NN_FLAG_INPLACE) || p->plan->options.keep_all)
        return false;
    int root = p->plan->place[n->in[0]->index].root;
    if (is_external(nn_graph_node(p->g, root)) ||
        nn_shape_count(n->shape) != nn_shape_count(n->in[0]->shape))
        return false;
    for (int j = root; j < i; j++)
        if (p->plan->place[j].root == root && p->last_read[j] > i)
            return false;
    for (int k = 1; k < n->n_in; k++) /* an op may read its inputs at different places */
        if (p->plan->place[n->in[k]->index].root == root)
            return false;
    return true;
}

static void place_values(planner *p)
{
    int batch = p->plan->options.batch;
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        bool shares = n->n_in > 0 && ((n->op->flags & NN_FLAG_VIEW) || can_overwrite(p, i));
        int root = shares ? p->plan->place[n->in[0]->index].root : i;
        p->plan->place[i].root = root;
        if (is_external(nn_graph_node(p->g, root)))
            continue;
        buffer *b = &p->buffers[root];
        if (root == i)
            *b = (buffer){ .bytes = nn_shape_count_batch(n->shape, batch) * sizeof(nn_real),
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

/* Input 0's gradient may lie where the node's own lies, if the op allows it and it is the first
 * contribution (later ones add to it). */
static bool can_pass_gradient(const planner *p, const nn_node *n)
{
    const nn_node *x = n->in[0];
    if (!(n->op->flags & (NN_FLAG_VIEW | NN_FLAG_INPLACE_GRAD)) || x->param != NULL)
        return false;
    if (nn_shape_count(x->shape) != nn_shape_count(n->shape))
        return false;
    return !is_repeated(n, 0) && p->plan->place[n->index].wants_dx[0] &&
           p->grad_first[x->index] < 0;
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
        nn_place *place = &p->plan->place[i];
        int now = backward_time(p, i);
        if (!place->backward)
            continue;
        if (n->n_in > 0 && can_pass_gradient(p, n))
            p->grad_root[n->in[0]->index] = p->grad_root[i];
        for (int k = 0; k < n->n_in; k++) {
            int x = n->in[k]->index;
            if (!place->wants_dx[k])
                continue;
            place->clear[k] = p->grad_first[x] < 0 && is_repeated(n, k);
            place->add[k] = p->grad_first[x] >= 0 || place->clear[k];
            if (p->grad_first[x] < 0)
                p->grad_first[x] = now;
        }
        if (n->param != NULL)
            continue;
        buffer *b = &p->buffers[p->n + p->grad_root[i]];
        if (p->grad_root[i] == i)
            *b = (buffer){ .bytes = nn_shape_count_batch(n->shape, batch) * sizeof(nn_real),
                           .first = p->grad_first[i] };
        b->last = max_int(b->last, now);
    }
}

/* ---- saved and scratch ----------------------------------------------------------------------- */

static void place_needs(planner *p)
{
    size_t most = 0;
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        bool backward = p->plan->place[i].backward;
        nn_need need = { 0 };
        if (n->op->need != NULL)
            need = n->op->need(n, p->plan->options.batch, backward);
        if (need.saved > 0)
            p->buffers[2 * p->n + i] = (buffer){ .bytes = need.saved,
                                                 .first = i,
                                                 .last = backward ? backward_time(p, i) : i };
        most = need.scratch > most ? need.scratch : most;
    }
    p->buffers[3 * p->n] = (buffer){ .bytes = most, .first = 0, .last = n_times(p) };
}

/* ---- offsets --------------------------------------------------------------------------------- */

static int larger_first(const void *a, const void *b)
{
    const buffer *x = *(buffer *const *)a, *y = *(buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool live_together(const buffer *a, const buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int by_offset(const void *a, const void *b)
{
    const buffer *x = *(buffer *const *)a, *y = *(buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest offset at which b fits between the placed buffers that live with it. */
static size_t lowest_fit(const buffer *b, buffer *const *placed, int n, buffer **others)
{
    int m = 0;
    for (int i = 0; i < n; i++)
        if (live_together(b, placed[i]))
            others[m++] = placed[i];
    qsort(others, (size_t)m, sizeof(buffer *), by_offset);
    size_t at = 0;
    for (int i = 0; i < m; i++) {
        if (others[i]->offset >= at + b->bytes)
            break;
        size_t end = others[i]->offset + others[i]->bytes;
        at = end > at ? end : at;
    }
    return at;
}

/* Gives every buffer of `count` its offset; the block's size is returned.  `order` and `others`
 * have room for `count` pointers. */
static size_t place_all(buffer *buffers, int count, buffer **order, buffer **others)
{
    int n = 0;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        buffers[i].bytes = nn_align_up(buffers[i].bytes);
        if (buffers[i].bytes > 0)
            order[n++] = &buffers[i];
    }
    qsort(order, (size_t)n, sizeof(buffer *), larger_first);
    for (int i = 0; i < n; i++) {
        order[i]->offset = lowest_fit(order[i], order, i, others);
        size_t end = order[i]->offset + order[i]->bytes;
        total = end > total ? end : total;
    }
    return total;
}

static size_t largest_sum(const buffer *buffers, int count, int times)
{
    size_t largest = 0;
    for (int t = 0; t <= times; t++) {
        size_t sum = 0;
        for (int i = 0; i < count; i++)
            if (buffers[i].first <= t && t <= buffers[i].last)
                sum += buffers[i].bytes;
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

static void take_offsets(planner *p)
{
    const buffer *values = p->buffers, *grads = values + p->n, *saved = grads + p->n;
    for (int i = 0; i < p->n; i++) {
        const nn_node *n = nn_graph_node(p->g, i);
        nn_place *place = &p->plan->place[i];
        bool own = !is_external(nn_graph_node(p->g, place->root));
        place->value = own ? (ptrdiff_t)values[place->root].offset : NN_NO_OFFSET;
        place->grad = place->backward && n->param == NULL ? (ptrdiff_t)grads[p->grad_root[i]].offset
                                                          : NN_NO_OFFSET;
        place->saved = saved[i].bytes > 0 ? (ptrdiff_t)saved[i].offset : NN_NO_OFFSET;
    }
    p->plan->scratch = (ptrdiff_t)p->buffers[3 * p->n].offset;
}

static nn_status make(planner *p)
{
    nn_plan *plan = p->plan;
    int count = 3 * p->n + 1;
    mark_backward(p);
    find_last_reads(p);
    place_values(p);
    place_gradients(p);
    place_needs(p);
    buffer **order = nn_mem_alloc(2 * (size_t)count * sizeof *order);
    if (order == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a plan of %d nodes", p->n);
    plan->bytes = place_all(p->buffers, count, order, order + count);
    plan->lower_bound = largest_sum(p->buffers, count, n_times(p));
    nn_mem_free(order);
    take_offsets(p);
    size_t limit = plan->options.max_bytes;
    if (limit != 0 && plan->bytes > limit)
        return nn_fail(NN_ENOMEM,
                       "the network needs %zu MB for a batch of %d, more than the limit of %zu MB; "
                       "use a smaller --batch or raise --max-memory",
                       plan->bytes >> 20, plan->options.batch, limit >> 20);
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

nn_status nn_plan_new(nn_plan **out, const nn_graph *g, const nn_plan_options *options)
{
    NN_TRY(nn_graph_check(g));
    NN_TRY(check_options(options));
    size_t n = (size_t)nn_graph_count(g);
    nn_plan *plan = nn_mem_alloc(sizeof *plan);
    nn_place *place = nn_mem_alloc(n * sizeof *place);
    int *times = nn_mem_alloc(3 * n * sizeof *times);
    buffer *buffers = nn_mem_alloc((3 * n + 1) * sizeof *buffers);
    nn_status st;
    if (plan == NULL || place == NULL || times == NULL || buffers == NULL) {
        st = nn_fail(NN_ENOMEM, "out of memory: a plan of %zu nodes", n);
        nn_mem_free(plan);
        nn_mem_free(place);
    } else {
        *plan = (nn_plan){ .graph = g, .options = *options, .place = place };
        planner p = { .g = g,
                      .plan = plan,
                      .n = (int)n,
                      .last_read = times,
                      .grad_first = times + n,
                      .grad_root = times + 2 * n,
                      .buffers = buffers };
        st = make(&p);
        if (st == NN_OK)
            *out = plan;
        else
            nn_plan_free(plan);
    }
    nn_mem_free(times);
    nn_mem_free(buffers);
    return st;
}

void nn_plan_free(nn_plan *p)
{
    if (p == NULL)
        return;
    nn_mem_free(p->place);
    nn_mem_free(p);
}
