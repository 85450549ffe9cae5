#include "nn/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- counting -------------------------------------------------------------------------------- */

nn_size nn_graph_size(const nn_graph *g)
{
    nn_size s = { .macs = nn_graph_macs(g) };
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (n->param != NULL && n->param->kind == NN_PARAM_STATE)
            s.state += n->param->count;
        else if (n->param != NULL)
            s.trained += n->param->count;
        if (nn_node_has_weight(n))
            s.folded += nn_shape_count(n->in[1]->shape) + (size_t)nn_shape_channels(n->shape);
    }
    return s;
}

/* ---- text that grows in an arena ------------------------------------------------------------- */

typedef struct text {
    nn_arena *arena;
    char *s; /* NULL: memory is out, and all that follows is dropped */
    size_t n, capacity;
} text;

static text text_new(nn_arena *a)
{
    enum { FIRST = 4096 };
    return (text){ .arena = a, .s = nn_arena_alloc(a, FIRST), .capacity = FIRST };
}

static void grow(text *t, size_t least)
{
    size_t capacity = 2 * t->capacity > least ? 2 * t->capacity : least;
    char *s = nn_arena_alloc(t->arena, capacity);
    if (s != NULL)
        memcpy(s, t->s, t->n + 1);
    t->s = s;
    t->capacity = capacity;
}

NN_PRINTF(2, 3) static void append(text *t, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (t->s != NULL && n >= 0 && t->n + (size_t)n + 1 > t->capacity)
        grow(t, t->n + (size_t)n + 1);
    if (t->s != NULL && n >= 0) {
        vsnprintf(t->s + t->n, t->capacity - t->n, fmt, again);
        t->n += (size_t)n;
    }
    va_end(again);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Nodes that follow each other and belong to one layer. */
typedef struct layer {
    const char *name;
    const nn_node *last;
    size_t parameters;
    uint64_t macs;
    const char *more; /* of nn_show_column; NULL: nothing */
    char ops[96];
} layer;

typedef struct table {
    layer *row;
    int n;
} table;

const nn_node *nn_show_leader(const nn_graph *g, const nn_node *n)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *other = nn_graph_node(g, i);
        size_t length = strlen(other->name);
        if (other->id != NN_OP_param && other != n && strncmp(n->name, other->name, length) == 0 &&
            n->name[length] == '/')
            return nn_show_leader(g, other);
    }
    return n;
}

/* A parameter that several nodes read belongs to the first of them. */
static bool is_first_reader(const nn_graph *g, const nn_node *n, const nn_node *leaf)
{
    for (int i = leaf->index + 1; i < n->index; i++)
        for (int k = 0; k < nn_graph_node(g, i)->n_in; k++)
            if (nn_graph_node(g, i)->in[k] == leaf)
                return false;
    return true;
}

static size_t parameters_of(const nn_graph *g, const nn_node *n)
{
    size_t count = 0;
    for (int k = 0; k < n->n_in; k++) {
        const nn_param *p = n->in[k]->param;
        if (p != NULL && p->kind != NN_PARAM_STATE && is_first_reader(g, n, n->in[k]))
            count += p->count;
    }
    return count;
}

static void add_node(layer *l, const nn_graph *g, const nn_node *n)
{
    size_t used = strlen(l->ops);
    snprintf(l->ops + used, sizeof l->ops - used, "%s%s", used > 0 ? " " : "", n->op->name);
    l->last = n;
    l->parameters += parameters_of(g, n);
    l->macs += nn_node_macs(n);
}

/* No rows if memory is out. */
static table collect(nn_arena *a, const nn_graph *g, const nn_show_column *more)
{
    table t = { .row = nn_arena_alloc(a, (size_t)nn_graph_count(g) * sizeof(layer)) };
    for (int i = 0; t.row != NULL && i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (n->id == NN_OP_param)
            continue;
        const char *name = nn_show_leader(g, n)->name;
        if (t.n == 0 || strcmp(t.row[t.n - 1].name, name) != 0)
            t.row[t.n++].name = name;
        add_node(&t.row[t.n - 1], g, n);
        if (more != NULL && more->text[i] != NULL)
            t.row[t.n - 1].more = more->text[i];
    }
    return t;
}

static int longest(int width, const char *s)
{
    int length = (int)strlen(s);
    return length > width ? length : width;
}

/* With two blanks ahead, where there is something to show. */
static void end_row(text *out, const char *more)
{
    append(out, "%s%s\n", more != NULL ? "  " : "", more != NULL ? more : "");
}

const char *nn_show_table(nn_arena *a, const nn_graph *g, const nn_show_column *more)
{
    text out = text_new(a);
    table t = collect(a, g, more);
    int names = 5, ops = 3;
    for (int i = 0; i < t.n; i++) {
        names = longest(names, t.row[i].name);
        ops = longest(ops, t.row[i].ops);
    }
    append(&out, "%-*s  %-*s  %-16s %11s %14s", names, "layer", ops, "ops", "output", "parameters",
           "MACs");
    end_row(&out, more != NULL ? more->heading : NULL);
    for (int i = 0; i < t.n; i++) {
        char shape[NN_SHAPE_TEXT];
        const layer *l = &t.row[i];
        append(&out, "%-*s  %-*s  %-16s %11zu %14llu", names, l->name, ops, l->ops,
               nn_shape_text(l->last->shape, shape), l->parameters, (unsigned long long)l->macs);
        end_row(&out, l->more);
    }
    nn_size s = nn_graph_size(g);
    append(&out, "%-*s  %-*s  %-16s %11zu %14llu\n", names, "total", ops, "", "", s.trained,
           (unsigned long long)s.macs);
    append(&out, "%zu parameters once batch norm is folded; %zu values of state\n", s.folded,
           s.state);
    return t.row != NULL ? out.s : NULL;
}

/* ---- dot ------------------------------------------------------------------------------------- */

/* A name in a quoted string: the two characters that could end it are escaped. */
static void append_quoted(text *t, const char *name)
{
    for (const char *s = name; *s != '\0'; s++)
        append(t, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
}

const char *nn_show_dot(nn_arena *a, const nn_graph *g)
{
    text t = text_new(a);
    char shape[NN_SHAPE_TEXT];
    append(&t, "digraph network {\n  node [shape=box];\n");
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (n->id == NN_OP_param)
            continue;
        append(&t, "  n%d [label=\"", i);
        append_quoted(&t, n->name);
        append(&t, "\\n%s %s\"];\n", n->op->name, nn_shape_text(n->shape, shape));
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k]->id != NN_OP_param)
                append(&t, "  n%d -> n%d;\n", n->in[k]->index, i);
    }
    append(&t, "}\n");
    return t.s;
}
