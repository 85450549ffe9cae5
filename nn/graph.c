#include "nn/graph.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/arena.h"
#include "nn/base/mem.h"

struct nn_graph {
    nn_arena *arena;
    nn_params *params;
    nn_node **node;
    int n, capacity;
    nn_status status;
    char message[512];
};

nn_status nn_graph_new(nn_graph **out, nn_params *params)
{
    nn_graph *g = nn_mem_alloc(sizeof *g);
    if (g == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", sizeof *g);
    nn_status st = nn_arena_new(&g->arena);
    if (st != NN_OK) {
        nn_mem_free(g);
        return st;
    }
    g->params = params;
    *out = g;
    return NN_OK;
}

void nn_graph_free(nn_graph *g)
{
    if (g == NULL)
        return;
    nn_arena_free(g->arena);
    nn_mem_free(g->node);
    nn_mem_free(g);
}

nn_status nn_graph_check(const nn_graph *g)
{
    return g->status == NN_OK ? NN_OK : nn_fail(g->status, "%s", g->message);
}

void nn_graph_stick(nn_graph *g, nn_status st)
{
    if (g->status != NN_OK)
        return;
    g->status = st;
    snprintf(g->message, sizeof g->message, "%s", nn_message());
}

static nn_status append(nn_graph *g, nn_node *n)
{
    if (g->n == g->capacity) {
        int capacity = g->capacity > 0 ? 2 * g->capacity : 64;
        nn_node **node = nn_mem_alloc((size_t)capacity * sizeof *node);
        if (node == NULL)
            return nn_fail(NN_ENOMEM, "out of memory: a graph of %d nodes", capacity);
        if (g->n > 0)
            memcpy(node, g->node, (size_t)g->n * sizeof *node);
        nn_mem_free(g->node);
        g->node = node;
        g->capacity = capacity;
    }
    n->index = g->n;
    g->node[g->n++] = n;
    return NN_OK;
}

static const char *unique_name(nn_graph *g, const char *name)
{
    if (nn_graph_find(g, name) == NULL)
        return nn_arena_strdup(g->arena, name);
    for (int i = 1;; i++) {
        char *candidate = nn_arena_printf(g->arena, "%s_%d", name, i);
        if (candidate == NULL || nn_graph_find(g, candidate) == NULL)
            return candidate;
    }
}

/* The node, with its shape inferred, but not yet in the list. */
static nn_status build(nn_node **out, nn_graph *g, nn_op_id id, const char *name,
                       nn_node *const in[], int n_in, const nn_attr *attr)
{
    const nn_op *op = nn_op_of(id);
    if (n_in < op->n_in_min || n_in > op->n_in_max)
        return nn_fail(NN_EINVAL, "%s %s: has %d inputs, takes %d to %d", op->name, name, n_in,
                       op->n_in_min, op->n_in_max);
    if (strlen(name) > NN_MAX_NAME)
        return nn_fail(NN_EINVAL, "%s %.40s...: a name of %zu bytes; at most %d", op->name, name,
                       strlen(name), (int)NN_MAX_NAME);
    nn_node *n = nn_arena_alloc(g->arena, sizeof *n);
    const char *own_name = n != NULL ? unique_name(g, name) : NULL;
    if (own_name == NULL)
        return NN_ENOMEM;
    n->op = op;
    n->id = id;
    n->name = own_name;
    n->n_in = n_in;
    for (int i = 0; i < n_in; i++)
        n->in[i] = in[i];
    if (attr != NULL)
        n->attr = *attr;
    if (op->infer != NULL)
        NN_TRY(op->infer(n));
    *out = n;
    return NN_OK;
}

static nn_node *stick(nn_graph *g, nn_status st)
{
    nn_graph_stick(g, st);
    return NULL;
}

nn_node *nn_node_new(nn_graph *g, nn_op_id id, const char *name, nn_node *const in[], int n_in,
                     const nn_attr *attr)
{
    if (g->status != NN_OK)
        return NULL;
    for (int i = 0; i < n_in && i < NN_MAX_IN; i++)
        if (in[i] == NULL)
            return stick(
                g, nn_fail(NN_EINVAL, "%s %s: input %d is missing", nn_op_of(id)->name, name, i));
    nn_node *n = NULL;
    nn_status st = build(&n, g, id, name, in, n_in, attr);
    if (st == NN_OK && !nn_shape_is_valid(n->shape)) {
        char text[NN_SHAPE_TEXT];
        st = NN_NODE_FAIL(n, "output %s is empty or too large", nn_shape_text(n->shape, text));
    }
    if (st == NN_OK)
        st = append(g, n);
    return st == NN_OK ? n : stick(g, st);
}

/* Leaves have no inputs to infer from: their shape is given. */
static nn_node *leaf(nn_graph *g, nn_op_id id, const char *name, nn_shape shape, nn_param *p)
{
    nn_node *n = NULL;
    char text[NN_SHAPE_TEXT];
    if (g->status != NN_OK)
        return NULL;
    if (!nn_shape_is_valid(shape))
        return stick(g, nn_fail(NN_ESHAPE, "%s: shape %s is not possible", name,
                                nn_shape_text(shape, text)));
    nn_status st = build(&n, g, id, name, NULL, 0, NULL);
    if (st == NN_OK) {
        n->shape = shape;
        n->param = p;
        st = append(g, n);
    }
    return st == NN_OK ? n : stick(g, st);
}

nn_node *nn_input(nn_graph *g, const char *name, nn_shape shape)
{
    return leaf(g, NN_OP_input, name, shape, NULL);
}

nn_node *nn_param_node(nn_graph *g, const char *name, nn_shape shape, nn_param_kind kind,
                       nn_init init)
{
    nn_param *p = NULL;
    char text[NN_SHAPE_TEXT];
    if (g->status != NN_OK)
        return NULL;
    if (!nn_shape_is_valid(shape))
        return stick(g, nn_fail(NN_ESHAPE, "parameter %s: shape %s is not possible", name,
                                nn_shape_text(shape, text)));
    nn_status st = nn_params_get(&p, g->params, name, shape, kind, init);
    return st == NN_OK ? nn_param_leaf(g, p) : stick(g, st);
}

nn_node *nn_param_leaf(nn_graph *g, nn_param *p)
{
    for (int i = 0; i < g->n; i++)
        if (g->node[i]->param == p)
            return g->node[i];
    return leaf(g, NN_OP_param, p->name, p->shape, p);
}

nn_node *nn_output(nn_graph *g, nn_node *x)
{
    if (g->status == NN_OK && x != NULL)
        x->is_output = true;
    return x;
}

nn_params *nn_graph_params(const nn_graph *g)
{
    return g->params;
}

int nn_graph_count(const nn_graph *g)
{
    return g->n;
}

nn_node *nn_graph_node(const nn_graph *g, int i)
{
    return g->node[i];
}

nn_node *nn_graph_find(const nn_graph *g, const char *name)
{
    for (int i = 0; i < g->n; i++)
        if (strcmp(g->node[i]->name, name) == 0)
            return g->node[i];
    return NULL;
}

int nn_graph_readers(const nn_graph *g, const nn_node *n)
{
    int readers = 0;
    for (int i = n->index + 1; i < g->n; i++)
        for (int k = 0; k < g->node[i]->n_in; k++)
            readers += g->node[i]->in[k] == n;
    return readers;
}

nn_node *nn_graph_only_reader(const nn_graph *g, const nn_node *n)
{
    if (nn_graph_readers(g, n) != 1)
        return NULL;
    for (int i = n->index + 1; i < g->n; i++)
        for (int k = 0; k < g->node[i]->n_in; k++)
            if (g->node[i]->in[k] == n)
                return g->node[i];
    return NULL;
}

bool nn_node_has_weight(const nn_node *n)
{
    return n->id == NN_OP_conv2d || n->id == NN_OP_dwconv2d || n->id == NN_OP_dense;
}

uint64_t nn_node_macs(const nn_node *n)
{
    if (!nn_node_has_weight(n))
        return 0;
    /* each output is a sum over one row of the weights */
    uint64_t row = nn_shape_count(n->in[1]->shape) / (uint64_t)nn_shape_channels(n->shape);
    return nn_shape_count(n->shape) * row;
}

uint64_t nn_graph_macs(const nn_graph *g)
{
    uint64_t macs = 0;
    for (int i = 0; i < g->n; i++)
        macs += nn_node_macs(g->node[i]);
    return macs;
}

nn_node *nn_rewrite_copy(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx)
{
    (void)ctx;
    if (n->id == NN_OP_input)
        return nn_input(to, n->name, n->shape);
    if (n->id == NN_OP_param)
        return nn_param_leaf(to, n->param);
    nn_node *copy = nn_node_new(to, n->id, n->name, in, n->n_in, &n->attr);
    if (copy != NULL)
        copy->for_statistics = n->for_statistics;
    return copy;
}

nn_status nn_graph_rewrite(nn_graph *to, const nn_graph *from, nn_rewrite_rule rule, void *ctx,
                           nn_node **map)
{
    nn_node **image = nn_mem_alloc((size_t)from->n * sizeof(nn_node *));
    if (image == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a graph of %d nodes", from->n);
    for (int i = 0; i < from->n && to->status == NN_OK; i++) {
        const nn_node *n = from->node[i];
        nn_node *in[NN_MAX_IN] = { NULL };
        for (int k = 0; k < n->n_in; k++)
            in[k] = image[n->in[k]->index];
        image[i] = rule(to, n, in, ctx);
        if (n->is_output)
            nn_output(to, image[i]);
    }
    if (map != NULL)
        memcpy(map, image, (size_t)from->n * sizeof(nn_node *));
    nn_mem_free(image);
    return nn_graph_check(to);
}
