#include "quant/stage.h"

static nn_status rewind_array(void *ctx)
{
    quant_array *a = ctx;
    a->next = 0;
    return NN_OK;
}

static nn_status next_of_array(void *ctx, const nn_real **image, int *n)
{
    quant_array *a = ctx;
    *n = a->n - a->next < a->batch ? a->n - a->next : a->batch;
    *image = a->image + (size_t)a->next * a->item;
    a->next += *n;
    return NN_OK;
}

quant_pictures quant_pictures_of(quant_array *a)
{
    return (quant_pictures){ a, a->batch, rewind_array, next_of_array };
}

/* With keep_all: values of one pass, 1 GiB of floats. */
enum { MOST_VALUES = 1 << 28 };

/* Fewer pictures at a time where each has many values; a function of the network alone. */
static int fitting_batch(const nn_graph *g, int batch)
{
    size_t each = 1;
    for (int i = 0; i < nn_graph_count(g); i++)
        each += nn_shape_count(nn_graph_node(g, i)->shape);
    size_t most = MOST_VALUES / each;
    return most < 1 ? 1 : most < (size_t)batch ? (int)most : batch;
}

nn_status quant_run_open(quant_run *r, const nn_graph *from, const quant_config *config,
                         quant_stage stage, int batch, bool keep_all)
{
    *r = (quant_run){ 0 };
    NN_TRY(nn_graph_new(&r->graph, nn_graph_params(from)));
    NN_TRY(quant_build(r->graph, from, config, stage));
    r->image = nn_graph_find(r->graph, "image");
    r->batch = keep_all ? fitting_batch(r->graph, batch) : batch;
    if (r->image == NULL)
        return nn_fail(NN_EINVAL, "the network has no input \"image\"");
    NN_TRY(nn_plan_new(&r->plan, r->graph,
                       &(nn_plan_options){ .batch = r->batch, .keep_all = keep_all }));
    return nn_exec_new(&r->exec, r->plan, NULL);
}

void quant_run_close(quant_run *r)
{
    nn_exec_free(r->exec);
    nn_plan_free(r->plan);
    nn_graph_free(r->graph);
    *r = (quant_run){ 0 };
}

/* One batch of pictures, in as many passes as it takes. */
static nn_status run_batch(quant_run *r, const nn_real *image, int n, const nn_run *run,
                           const nn_node *last, quant_see *see, void *ctx)
{
    const size_t item = nn_shape_count(r->image->shape);
    for (int first = 0; first < n; first += r->batch) {
        const int count = n - first < r->batch ? n - first : r->batch;
        nn_exec_bind(r->exec, r->image, image + (size_t)first * item);
        if (last != NULL)
            nn_exec_forward_to(r->exec, last, count, run);
        else
            nn_exec_forward(r->exec, count, run);
        if (see != NULL)
            NN_TRY(see(ctx, r, count));
    }
    return NN_OK;
}

nn_status quant_run_all(quant_run *r, const quant_pictures *pictures, bool observe,
                        const nn_node *last, quant_see *see, void *ctx)
{
    const nn_run run = { .observe = observe };
    NN_TRY(pictures->rewind(pictures->ctx));
    for (int batches = 0;; batches++) {
        const nn_real *image = NULL;
        int n = 0;
        NN_TRY(pictures->next(pictures->ctx, &image, &n));
        if (n == 0)
            return batches > 0 ? NN_OK : nn_fail(NN_EINVAL, "calibration: no pictures were given");
        NN_TRY(run_batch(r, image, n, &run, last, see, ctx));
    }
}

void quant_swap_trained(nn_params *params, nn_real *other)
{
    const nn_vector v = nn_params_trained(params);
    for (size_t i = 0; other != NULL && i < v.count; i++) {
        const nn_real x = v.value[i];
        v.value[i] = other[i];
        other[i] = x;
    }
}
