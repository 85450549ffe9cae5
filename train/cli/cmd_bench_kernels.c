/* octet bench kernels - single layers of sizes that occur, in float and as integers. */
#include "train/cli/bench.h"

#include <stdio.h>
#include <string.h>

#include "export/crew.h"
#include "export/integer.h"
#include "export/lower.h"
#include "export/tflite.h"
#include "nn/base/chunk.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "nn/exec.h"
#include "nn/layers.h"
#include "quant/calibrate.h"
#include "quant/quant.h"
#include "train/cli/output.h"

typedef enum kind { DENSE, CONV, DEPTHWISE } kind;

/* A dense layer of m rows is one of m items. */
typedef struct layer {
    const char *name;
    kind kind;
    int batch, side, in, out, k, stride;
} layer;

static const layer float_layers[] = {
    { "gemm 512x512x512", DENSE, 512, 1, 512, 512, 1, 1 },
    { "gemm 1024x1024x1024", DENSE, 1024, 1, 1024, 1024, 1, 1 },
    { "conv 5x5 1-6, 28x28, batch 128", CONV, 128, 28, 1, 6, 5, 1 },
    { "conv 3x3 3-16, 32x32, batch 128", CONV, 128, 32, 3, 16, 3, 1 },
    { "conv 3x3 16-16, 32x32, batch 128", CONV, 128, 32, 16, 16, 3, 1 },
    { "conv 3x3 32-32, 16x16, batch 128", CONV, 128, 16, 32, 32, 3, 1 },
    { "conv 3x3 64-64, 8x8, batch 128", CONV, 128, 8, 64, 64, 3, 1 },
    { "conv 3x3 32-64, 16x16, stride 2, batch 128", CONV, 128, 16, 32, 64, 3, 2 },
    { "conv 7x7 3-64, 224x224, stride 2, batch 8", CONV, 8, 224, 3, 64, 7, 2 },
    { "conv 3x3 64-64, 56x56, batch 8", CONV, 8, 56, 64, 64, 3, 1 },
    { "conv 3x3 512-512, 7x7, batch 8", CONV, 8, 7, 512, 512, 3, 1 },
    { "conv 1x1 64-128, 28x28, batch 8", CONV, 8, 28, 64, 128, 1, 1 },
    { "conv 1x1 128-128, 6x6, batch 32", CONV, 32, 6, 128, 128, 1, 1 },
    { "depthwise 3x3 16, 48x48, batch 32", DEPTHWISE, 32, 48, 16, 16, 3, 1 },
    { "depthwise 3x3 128, 6x6, batch 32", DEPTHWISE, 32, 6, 128, 128, 3, 1 },
    { "depthwise 3x3 32, 24x24, stride 2, batch 32", DEPTHWISE, 32, 24, 32, 32, 3, 2 },
};

static const layer int8_layers[] = {
    { "conv 3x3 64-64, 56x56", CONV, 1, 56, 64, 64, 3, 1 },
    { "conv 3x3 16-16, 32x32", CONV, 1, 32, 16, 16, 3, 1 },
    { "conv 3x3 64-64, 8x8", CONV, 1, 8, 64, 64, 3, 1 },
    { "conv 3x3 3-16, 32x32", CONV, 1, 32, 3, 16, 3, 1 },
    { "conv 7x7 3-64, 224x224, stride 2", CONV, 1, 224, 3, 64, 7, 2 },
    { "conv 1x1 64-128, 28x28", CONV, 1, 28, 64, 128, 1, 1 },
    { "conv 1x1 8-16, 48x48", CONV, 1, 48, 8, 16, 1, 1 },
    { "depthwise 3x3 64, 56x56", DEPTHWISE, 1, 56, 64, 64, 3, 1 },
    { "depthwise 3x3 8, 48x48", DEPTHWISE, 1, 48, 8, 8, 3, 1 },
    { "dense 512-1000", DENSE, 1, 1, 512, 1000, 1, 1 },
};

typedef struct timing {
    double forward, backward; /* seconds */
    double ops;               /* of the forward pass; a multiply-add is two */
} timing;

enum { REPEATS = 15 };

/* ---- a graph of one layer -------------------------------------------------------------------- */

static nn_node *append(nn_graph *g, nn_node *x, const layer *l)
{
    nn_conv conv = { .out = l->out, .k = l->k, .s = l->stride, .bias = true };
    if (l->kind == DENSE)
        return nn_dense(g, x, "layer", l->out);
    return l->kind == CONV ? nn_conv2d(g, x, "layer", conv) : nn_depthwise(g, x, "layer", conv);
}

static nn_shape input_of(const layer *l)
{
    return l->kind == DENSE ? NN_SHAPE(NN_BATCH, l->in)
                            : NN_SHAPE(NN_BATCH, l->side, l->side, l->in);
}

static nn_real *noise(size_t n, uint64_t seed)
{
    nn_real *x = nn_mem_alloc(n * sizeof *x);
    nn_rng rng = nn_rng_stream(seed, "bench layer", 0, 0);
    for (size_t i = 0; x != NULL && i < n; i++)
        x[i] = (nn_real)nn_rng_uniform(&rng) - (nn_real)0.5;
    return x;
}

/* ---- float ----------------------------------------------------------------------------------- */

typedef struct float_bench {
    nn_params *params;
    nn_graph *graph;
    nn_node *x, *label, *layer, *loss;
    nn_plan *plan;
    nn_exec *exec;
    nn_real *image, *labels;
} float_bench;

/* The batch norm in front has parameters, so that the layer's input needs its gradient too. */
static nn_status build_float(float_bench *b, const layer *l, uint64_t seed, bool fast)
{
    NN_TRY(nn_params_new(&b->params));
    NN_TRY(nn_graph_new(&b->graph, b->params));
    b->x = nn_input(b->graph, "image", input_of(l));
    b->layer = append(b->graph, nn_batch_norm(b->graph, b->x, "front"), l);
    nn_node *y = l->kind == DENSE ? b->layer : nn_global_avg_pool(b->graph, b->layer, "pool");
    b->label = nn_input(b->graph, "label", NN_SHAPE(NN_BATCH));
    b->loss = nn_cross_entropy(b->graph, y, b->label, 0);
    NN_TRY(nn_graph_check(b->graph));
    NN_TRY(nn_params_collate(b->params));
    nn_params_init(b->params, seed);
    const nn_plan_options options = { .batch = l->batch, .loss = b->loss, .fast = fast };
    NN_TRY(nn_plan_new(&b->plan, b->graph, &options));
    NN_TRY(nn_exec_new(&b->exec, b->plan, NULL));
    b->image = noise(nn_shape_count_batch(b->x->shape, l->batch), seed);
    b->labels = nn_mem_alloc((size_t)l->batch * sizeof *b->labels);
    if (b->image == NULL || b->labels == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", l->name);
    nn_exec_bind(b->exec, b->x, b->image);
    nn_exec_bind(b->exec, b->label, b->labels);
    return NN_OK;
}

static void free_float(float_bench *b)
{
    nn_mem_free(b->image);
    nn_mem_free(b->labels);
    nn_exec_free(b->exec);
    nn_plan_free(b->plan);
    nn_graph_free(b->graph);
    nn_params_free(b->params);
}

/* Medians of the node's own times. */
static void time_float(timing *t, const float_bench *b, int batch)
{
    const nn_run run = { .training = true };
    const nn_node_time *node = &nn_exec_times(b->exec)[b->layer->index];
    double forward[REPEATS], backward[REPEATS];
    nn_exec_profile(b->exec, true);
    for (int i = -2; i < REPEATS; i++) {
        const nn_node_time before = *node;
        nn_exec_forward(b->exec, batch, &run);
        nn_exec_backward(b->exec, batch, &run);
        if (i >= 0) {
            forward[i] = node->forward - before.forward;
            backward[i] = node->backward - before.backward;
        }
    }
    t->forward = train_bench_quantile(forward, REPEATS, 0.5);
    t->backward = train_bench_quantile(backward, REPEATS, 0.5);
    t->ops = 2.0 * (double)nn_node_macs(b->layer) * batch;
}

static nn_status bench_float(timing *t, const layer *l, uint64_t seed, bool fast)
{
    float_bench b = { 0 };
    nn_status st = build_float(&b, l, seed, fast);
    if (st == NN_OK)
        time_float(t, &b, l->batch);
    free_float(&b);
    return st;
}

/* ---- integers -------------------------------------------------------------------------------- */

typedef struct int8_bench {
    nn_params *params;
    nn_graph *graph, *deploy;
    nn_real *image;
    nn_arena *texts;
    tfl_model *mirror;
    nn_bytes file;
    ex_integer integer;
    ex_crew *crew;
    void *arena;
} int8_bench;

static nn_status calibrate(const int8_bench *b, const quant_config *config, size_t item)
{
    const quant_calibration how = { .how = quant_calibrator_by_name("minmax") };
    quant_array one = { .image = b->image, .item = item, .n = 1, .batch = 1 };
    const quant_pictures pictures = quant_pictures_of(&one);
    return quant_calibrate(b->graph, config, &how, &pictures);
}

/* The layer with a relu behind it, as it mostly occurs. */
static nn_status build_int8(int8_bench *b, const layer *l, uint64_t seed)
{
    quant_config config = quant_config_default();
    const ex_info info = { .name = "layer", .description = l->name };
    NN_TRY(quant_input_affine(&config.input, 128, 64));
    NN_TRY(nn_params_new(&b->params));
    NN_TRY(nn_graph_new(&b->graph, b->params));
    NN_TRY(nn_graph_new(&b->deploy, b->params));
    nn_node *x = nn_input(b->graph, "image", input_of(l));
    nn_output(b->graph, nn_relu(b->graph, append(b->graph, x, l), "layer/relu"));
    NN_TRY(nn_graph_check(b->graph));
    NN_TRY(quant_build(b->deploy, b->graph, &config, QUANT_DEPLOY));
    NN_TRY(nn_params_collate(b->params));
    nn_params_init(b->params, seed);
    b->image = noise(nn_shape_count_batch(x->shape, 1), seed);
    if (b->image == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory", l->name);
    NN_TRY(calibrate(b, &config, nn_shape_count_batch(x->shape, 1)));
    NN_TRY(nn_arena_new(&b->texts));
    NN_TRY(ex_lower(&b->mirror, b->texts, b->deploy, EX_INT8, &info));
    return ex_tflite_write(&b->file, b->mirror);
}

static nn_status open_int8(int8_bench *b, int threads)
{
    rt_options options = rt_options_default();
    options.kernels = rt_kernels_best();
    options.workers = threads;
    NN_TRY(ex_crew_new(&b->crew, threads));
    NN_TRY(ex_integer_open(&b->integer, b->file.data, b->file.size, &options));
    return ex_integer_arena(&b->arena, b->integer.model);
}

static void free_int8(int8_bench *b)
{
    nn_mem_free(b->arena);
    ex_crew_free(b->crew);
    ex_integer_close(&b->integer);
    nn_bytes_free(&b->file);
    nn_arena_free(b->texts);
    nn_mem_free(b->image);
    nn_graph_free(b->deploy);
    nn_graph_free(b->graph);
    nn_params_free(b->params);
}

static void time_int8(timing *t, const int8_bench *b)
{
    enum { RUNS = 20 };
    const rt_parallel *parallel = ex_crew_parallel(b->crew);
    double seconds[REPEATS];
    for (int i = -2; i < REPEATS; i++) {
        double begin = train_bench_seconds();
        for (int k = 0; k < RUNS; k++)
            rt_run(b->integer.model, b->arena, parallel);
        if (i >= 0)
            seconds[i] = (train_bench_seconds() - begin) / RUNS;
    }
    t->forward = train_bench_quantile(seconds, REPEATS, 0.5);
    t->ops = 2.0 * (double)rt_costs(b->integer.model).macs;
}

static nn_status bench_int8(timing *t, const layer *l, uint64_t seed)
{
    int8_bench b = { 0 };
    nn_status st = build_int8(&b, l, seed);
    if (st == NN_OK)
        st = open_int8(&b, nn_thread_count());
    if (st == NN_OK)
        time_int8(t, &b);
    free_int8(&b);
    return st;
}

/* ---- results --------------------------------------------------------------------------------- */

typedef struct result {
    const char *only; /* part of a name, NULL: all */
    int threads;
    uint64_t seed;
    bool fast;       /* --conv fast */
    double fma, dot; /* peaks, operations a second */
    timing floats[TRAIN_N(float_layers)], ints[TRAIN_N(int8_layers)];
} result;

static bool is_wanted(const result *r, const layer *l)
{
    return r->only == NULL || strstr(l->name, r->only) != NULL;
}

static nn_status measure(result *r)
{
    int wanted = 0;
    r->fma = train_bench_peak_fma(r->threads);
    r->dot = train_bench_peak_dot(r->threads);
    for (int i = 0; i < TRAIN_N(float_layers); i++)
        if (is_wanted(r, &float_layers[i]) && ++wanted > 0)
            NN_TRY(bench_float(&r->floats[i], &float_layers[i], r->seed, r->fast));
    for (int i = 0; i < TRAIN_N(int8_layers); i++)
        if (is_wanted(r, &int8_layers[i]) && ++wanted > 0)
            NN_TRY(bench_int8(&r->ints[i], &int8_layers[i], r->seed));
    if (wanted == 0)
        return nn_fail(NN_EINVAL,
                       "bench kernels: %.60s: is in no layer's name; without it all "
                       "are listed",
                       r->only);
    return NN_OK;
}

static void print_text(const result *r)
{
    printf("%d thread%s; peak %.1f GFLOP/s, %.1f GMAC/s\n\n", r->threads,
           r->threads == 1 ? "" : "s", 1e-9 * r->fma, 0.5e-9 * r->dot);
    printf("%-46s %26s %26s\n", "float", "forward", "backward");
    printf("%-46s %9s %10s %5s %9s %10s %5s\n", "", "ms", "GFLOP/s", "%", "ms", "GFLOP/s", "%");
    for (int i = 0; i < TRAIN_N(float_layers); i++) {
        const timing *t = &r->floats[i];
        if (is_wanted(r, &float_layers[i]))
            printf("%-46s %9.3f %10.1f %5.1f %9.3f %10.1f %5.1f\n", float_layers[i].name,
                   1e3 * t->forward, 1e-9 * t->ops / t->forward, 100 * t->ops / t->forward / r->fma,
                   1e3 * t->backward, 2e-9 * t->ops / t->backward,
                   200 * t->ops / t->backward / r->fma);
    }
    printf("\n%-46s %9s %10s %5s\n", "int8", "us", "GMAC/s", "%");
    for (int i = 0; i < TRAIN_N(int8_layers); i++) {
        const timing *t = &r->ints[i];
        if (is_wanted(r, &int8_layers[i]))
            printf("%-46s %9.2f %10.1f %5.1f\n", int8_layers[i].name, 1e6 * t->forward,
                   0.5e-9 * t->ops / t->forward, 100 * t->ops / t->forward / r->dot);
    }
}

static void add_float(cJSON *list, const result *r, const layer *l, const timing *t)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", l->name);
    cJSON_AddNumberToObject(o, "forward_ms", 1e3 * t->forward);
    cJSON_AddNumberToObject(o, "backward_ms", 1e3 * t->backward);
    cJSON_AddNumberToObject(o, "gflops_forward", 1e-9 * t->ops / t->forward);
    cJSON_AddNumberToObject(o, "gflops_backward", 2e-9 * t->ops / t->backward);
    cJSON_AddNumberToObject(o, "share_forward", t->ops / t->forward / r->fma);
    cJSON_AddNumberToObject(o, "share_backward", 2 * t->ops / t->backward / r->fma);
    cJSON_AddItemToArray(list, o);
}

static void add_int8(cJSON *list, const result *r, const layer *l, const timing *t)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", l->name);
    cJSON_AddNumberToObject(o, "us", 1e6 * t->forward);
    cJSON_AddNumberToObject(o, "gmacs", 0.5e-9 * t->ops / t->forward);
    cJSON_AddNumberToObject(o, "share_of_peak", t->ops / t->forward / r->dot);
    cJSON_AddItemToArray(list, o);
}

static nn_status print_json(const result *r)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *floats = cJSON_CreateArray(), *ints = cJSON_CreateArray();
    cJSON_AddNumberToObject(o, "threads", r->threads);
    cJSON_AddNumberToObject(o, "fma_peak_gflops", 1e-9 * r->fma);
    cJSON_AddNumberToObject(o, "dot_peak_gmacs", 0.5e-9 * r->dot);
    cJSON_AddItemToObject(o, "float", floats);
    cJSON_AddItemToObject(o, "int8", ints);
    for (int i = 0; i < TRAIN_N(float_layers); i++)
        if (is_wanted(r, &float_layers[i]))
            add_float(floats, r, &float_layers[i], &r->floats[i]);
    for (int i = 0; i < TRAIN_N(int8_layers); i++)
        if (is_wanted(r, &int8_layers[i]))
            add_int8(ints, r, &int8_layers[i], &r->ints[i]);
    return train_output_json(o);
}

nn_status train_bench_kernels(const train_call *call)
{
    const train_bench_settings *settings = call->settings;
    const train_common *common = &settings->common;
    result r = { .only = call->args->n_operands > 1 ? call->args->operand[1] : NULL,
                 .threads = train_bench_threads(),
                 .seed = common->seed,
                 .fast = settings->model.conv == TRAIN_CONV_FAST };
    NN_TRY(measure(&r));
    if (common->json)
        return print_json(&r);
    print_text(&r);
    return NN_OK;
}
