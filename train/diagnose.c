#include "train/diagnose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

size_t train_count_not_finite(const nn_real *x, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !(x[i] - x[i] == 0); /* a form that compilers vectorize */
    return count;
}

/* Appends to text, as far as there is room. */
NN_PRINTF(3, 4) static void append(char *text, size_t size, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + used, size - used, fmt, args);
    va_end(args);
}

static void append_range(char *text, size_t size, const char *name, const nn_real *x, size_t n)
{
    size_t bad = train_count_not_finite(x, n);
    double min = INFINITY, max = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        min = fmin(min, isfinite((double)x[i]) ? (double)x[i] : min);
        max = fmax(max, isfinite((double)x[i]) ? (double)x[i] : max);
    }
    append(text, size, " %s", name);
    if (bad < n)
        append(text, size, " [%.4g, %.4g]", min, max);
    if (bad > 0)
        append(text, size, " (%zu of %zu not finite)", bad, n);
}

static void append_inputs(char *text, size_t size, const nn_exec *e, const nn_node *n, int batch)
{
    append(text, size, "; its inputs are");
    for (int k = 0; k < n->n_in; k++)
        append_range(text, size, n->in[k]->name, nn_exec_value(e, n->in[k]),
                     nn_shape_count_batch(n->in[k]->shape, batch));
}

/* ---- the search ------------------------------------------------------------------------------ */

/* Running statistics follow what the step computed: they show the effect, not the cause. */
static bool is_state(const nn_node *n)
{
    return n->param != NULL && n->param->kind == NN_PARAM_STATE;
}

/* In forward order; false if every value is finite. */
static bool find_value(char *text, size_t size, const nn_exec *e, const nn_graph *g, int batch)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        size_t count = nn_shape_count_batch(n->shape, batch);
        size_t bad = train_count_not_finite(nn_exec_value(e, n), count);
        if (bad == 0 || is_state(n))
            continue;
        snprintf(text, size, "first at %s %s, %zu of %zu values", n->op->name, n->name, bad, count);
        if (n->n_in > 0)
            append_inputs(text, size, e, n, batch);
        return true;
    }
    return false;
}

/* In backward order: the gradients that the step's own backward pass has left. */
static void find_gradient(char *text, size_t size, const nn_exec *e, const nn_graph *g, int batch)
{
    for (int i = nn_graph_count(g) - 1; i >= 0; i--) {
        const nn_node *n = nn_graph_node(g, i);
        for (int k = 0; k < n->n_in; k++) {
            const nn_param *p = n->in[k]->param;
            if (p == NULL || p->grad == NULL || train_count_not_finite(p->grad, p->count) == 0)
                continue;
            snprintf(text, size, "first at %s %s, in the gradient of %s", n->op->name, n->name,
                     p->name);
            append_inputs(text, size, e, n, batch);
            return;
        }
    }
    snprintf(text, size, "every value and gradient of the batch is finite by itself");
}

void train_diagnose(char *text, size_t size, const train_phase *p, const ds_batch *batch,
                    const nn_run *run)
{
    nn_plan *plan = NULL;
    nn_exec *e = NULL;
    nn_run again = *run;
    nn_plan_options options = p->plan->options;
    options.keep_all = true;
    again.observe = false;
    snprintf(text, size, "the memory to find out where does not suffice");
    if (nn_plan_new(&plan, p->graph, &options) == NN_OK && nn_exec_new(&e, plan, NULL) == NN_OK) {
        nn_exec_bind(e, p->image, batch->image);
        nn_exec_bind(e, p->label, batch->label);
        nn_exec_forward(e, batch->n, &again);
        if (!find_value(text, size, e, p->graph, batch->n))
            find_gradient(text, size, e, p->graph, batch->n);
    }
    nn_exec_free(e);
    nn_plan_free(plan);
}
