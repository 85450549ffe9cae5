#include "train/evaluate.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "export/integer.h"
#include "nn/base/math.h"
#include "nn/base/mem.h"
#include "nn/base/chunk.h"
#include "train/picture.h"

enum { EVAL_BATCH = 128 };

/* ---- graphs ---------------------------------------------------------------------------------- */

nn_status train_evaluate_exec(train_score *out, nn_exec *e, const nn_node *image,
                              const nn_node *logits, ds_loader *loader)
{
    const nn_run inference = { .training = false };
    train_tally tally = { 0 };
    const ds_batch *batch;
    double begin = omp_get_wtime();
    NN_TRY(ds_loader_seek(loader, 0, 0));
    for (;;) {
        NN_TRY(ds_loader_next(loader, &batch));
        if (batch == NULL)
            break;
        nn_exec_bind(e, image, batch->image);
        nn_exec_forward(e, batch->n, &inference);
        train_tally_add(&tally, nn_exec_value(e, logits), batch->label, batch->n,
                        nn_shape_channels(logits->shape));
    }
    *out = train_tally_score(&tally, omp_get_wtime() - begin);
    return NN_OK;
}

nn_status train_evaluate_graph(train_score *out, const train_network *n, const nn_graph *g,
                               const ds_set *set, ds_split split, int batch)
{
    nn_plan *plan = NULL;
    nn_exec *exec = NULL;
    ds_loader *loader = NULL;
    ds_loader_options o = train_prep_loader(&n->info.prep, batch > 0 ? batch : EVAL_BATCH);
    NN_TRY(train_network_fits(n, set));
    nn_status st = nn_plan_new(&plan, g, &(nn_plan_options){ .batch = o.batch });
    if (st == NN_OK)
        st = nn_exec_new(&exec, plan, NULL);
    if (st == NN_OK)
        st = ds_loader_new(&loader, set, split, &o);
    if (st == NN_OK)
        st = train_evaluate_exec(out, exec, nn_graph_find(g, "image"), train_graph_output(g),
                                 loader);
    ds_loader_free(loader);
    nn_exec_free(exec);
    nn_plan_free(plan);
    return st;
}

/* ---- the integer runtime --------------------------------------------------------------------- */

enum { CODES = 256, ELEMENT_BYTES = 4 };

/* An open model with what its threads need. */
typedef struct device {
    const rt_model *model;
    unsigned char **arena; /* one for each thread */
    int n_arenas;
    const rt_tensor *in, *out;
    size_t in_bytes; /* of an input element */
    int classes;
    bool probabilities;  /* that is what the outputs are */
    unsigned char *code; /* [channels, 256, in_bytes]: a pixel as the input wants it */
    float *outputs;      /* [EVAL_BATCH, classes] */
    nn_real *reals;      /* the same as nn_real */
} device;

static nn_status check_ports(device *d, const ds_set *set)
{
    if (rt_n_inputs(d->model) != 1 || rt_n_outputs(d->model) != 1)
        return nn_fail(NN_ENOTSUP,
                       "the model has %d inputs and %d outputs; a classifier has one "
                       "of each",
                       rt_n_inputs(d->model), rt_n_outputs(d->model));
    d->in = rt_tensor_at(d->model, rt_input(d->model, 0));
    d->out = rt_tensor_at(d->model, rt_output(d->model, 0));
    int rank = d->in->rank;
    bool fits = rank >= 3 && d->in->dim[rank - 3] == ds_height(set) &&
                d->in->dim[rank - 2] == ds_width(set) && d->in->dim[rank - 1] == ds_channels(set);
    if (!fits || d->in->count != ds_item_bytes(set))
        return nn_fail(NN_ESHAPE, "the model's input has %zu elements, a picture is %dx%dx%d",
                       d->in->count, ds_height(set), ds_width(set), ds_channels(set));
    if (d->out->count < (size_t)ds_classes(set))
        return nn_fail(NN_ESHAPE, "the model has %zu outputs for the %d classes of %s",
                       d->out->count, ds_classes(set), ds_spec(set));
    d->classes = (int)d->out->count;
    d->probabilities = train_picture_is_probability(d->model);
    return NN_OK;
}

/* There are 256 pixel codes, so what the input wants for each is looked up. */
static nn_status make_codes(device *d, const train_prep *p)
{
    float real[CODES];
    d->in_bytes = rt_type_bytes(d->in->type);
    d->code = nn_mem_alloc((size_t)p->channels * CODES * ELEMENT_BYTES);
    if (d->code == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: the input's codes");
    for (int c = 0; c < p->channels; c++) {
        for (int v = 0; v < CODES; v++)
            real[v] = (float)((v - p->mean[c]) / p->std[c]);
        if (d->in_bytes > ELEMENT_BYTES ||
            !rt_encode(d->in, d->code + (size_t)c * CODES * d->in_bytes, real, CODES))
            return nn_fail(NN_ENOTSUP, "an input of type %s; int8, uint8 and float32 are fed",
                           rt_type_name(d->in->type));
    }
    return NN_OK;
}

static nn_status make_memory(device *d)
{
    float probe;
    unsigned char zero[8] = { 0 };
    size_t values = (size_t)EVAL_BATCH * (size_t)d->classes;
    if (!rt_decode(d->out, &probe, zero, 1))
        return nn_fail(NN_ENOTSUP, "an output of type %s; int8, uint8 and float32 are read",
                       rt_type_name(d->out->type));
    d->n_arenas = nn_thread_count();
    d->arena = nn_mem_alloc((size_t)d->n_arenas * sizeof *d->arena);
    d->outputs = nn_mem_alloc(values * sizeof *d->outputs);
    d->reals = nn_mem_alloc(values * sizeof *d->reals);
    bool fine = d->arena != NULL && d->outputs != NULL && d->reals != NULL;
    for (int i = 0; fine && i < d->n_arenas; i++)
        fine = (d->arena[i] = nn_mem_alloc(rt_arena_bytes(d->model))) != NULL;
    if (!fine)
        return nn_fail(NN_ENOMEM, "out of memory: %d arenas of %zu bytes", d->n_arenas,
                       rt_arena_bytes(d->model));
    return NN_OK;
}

static void close_device(device *d)
{
    for (int i = 0; d->arena != NULL && i < d->n_arenas; i++)
        nn_mem_free(d->arena[i]);
    nn_mem_free(d->arena);
    nn_mem_free(d->outputs);
    nn_mem_free(d->reals);
    nn_mem_free(d->code);
}

static void run_picture(const device *d, unsigned char *arena, const uint8_t *pixels, int channels,
                        float *outputs)
{
    unsigned char *in = rt_data(d->model, arena, rt_input(d->model, 0));
    size_t each = d->in_bytes;
    for (size_t i = 0, c = 0; i < d->in->count; i++, c = c + 1 < (size_t)channels ? c + 1 : 0)
        memcpy(in + i * each, d->code + (c * CODES + pixels[i]) * each, each);
    rt_run(d->model, arena, NULL);
    rt_decode(d->out, outputs, rt_data(d->model, arena, rt_output(d->model, 0)),
              (size_t)d->classes);
}

/* Cross-entropy is that of log-probabilities: a softmax of them gives the probabilities again. */
static nn_real as_logit(const device *d, float x)
{
    const double least = 1e-7;
    return d->probabilities ? (nn_real)nn_log(fmax((double)x, least)) : (nn_real)x;
}

static void run_batch(const device *d, const ds_batch *b, int channels)
{
    size_t item = d->in->count, classes = (size_t)d->classes;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < b->n; i++)
        run_picture(d, d->arena[nn_thread_index()], b->pixels + (size_t)i * item, channels,
                    d->outputs + (size_t)i * classes);
    for (size_t i = 0; i < (size_t)b->n * classes; i++)
        d->reals[i] = as_logit(d, d->outputs[i]);
}

static nn_status run_split(train_score *out, device *d, const train_prep *prep, const ds_set *set,
                           ds_split split)
{
    ds_loader *loader = NULL;
    const ds_batch *batch;
    train_tally tally = { 0 };
    ds_loader_options o = { .batch = EVAL_BATCH, .pixels_only = true };
    double begin = omp_get_wtime();
    NN_TRY(ds_loader_new(&loader, set, split, &o));
    nn_status st = ds_loader_next(loader, &batch);
    while (st == NN_OK && batch != NULL) {
        run_batch(d, batch, prep->channels);
        train_tally_add(&tally, d->reals, batch->label, batch->n, d->classes);
        st = ds_loader_next(loader, &batch);
    }
    ds_loader_free(loader);
    *out = train_tally_score(&tally, omp_get_wtime() - begin);
    return st;
}

nn_status train_evaluate_model(train_score *out, const rt_model *m, const train_prep *prep,
                               const ds_set *set, ds_split split)
{
    device d = { .model = m };
    nn_status st = check_ports(&d, set);
    if (st == NN_OK)
        st = make_codes(&d, prep);
    if (st == NN_OK)
        st = make_memory(&d);
    if (st == NN_OK)
        st = run_split(out, &d, prep, set, split);
    close_device(&d);
    return st;
}

nn_status train_evaluate_bytes(train_score *out, const void *bytes, size_t size,
                               const train_prep *prep, const ds_set *set, ds_split split)
{
    ex_integer integer;
    nn_status st = ex_integer_open(&integer, bytes, size, NULL);
    if (st == NN_OK)
        st = train_evaluate_model(out, integer.model, prep, set, split);
    ex_integer_close(&integer);
    return st;
}
