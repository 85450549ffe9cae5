/* octet bench infer - a .tflite file on the integer runtime, one item at a time, op by op. */
#include "train/cli/bench.h"

#include <stdio.h>
#include <string.h>

#include "export/crew.h"
#include "export/integer.h"
#include "nn/base/chunk.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"
#include "train/cli/output.h"
#include "train/cli/tflite_file.h"

typedef struct result {
    const train_bench_settings *settings;
    const char *name; /* of the file, or of the network */
    nn_bytes file;
    ex_integer integer;
    const rt_model *model;
    void *arena;
    unsigned char *inputs; /* their bytes one after another, since a run overwrites them */
    ex_crew *crew;
    const rt_parallel *parallel; /* NULL: one thread */
    int threads;
    double *seconds;    /* [settings->runs] */
    double *op_seconds; /* [operators], of one run */
    double p10, p50, p90, p99;
    double rss_mb;
    double peak; /* of 8-bit products, multiply-accumulates a second */
} result;

/* ---- runs ------------------------------------------------------------------------------------ */

static nn_status make_inputs(result *r, uint64_t seed)
{
    size_t bytes = 0;
    for (int i = 0; i < rt_n_inputs(r->model); i++)
        bytes += rt_tensor_at(r->model, rt_input(r->model, i))->bytes;
    r->inputs = nn_mem_alloc(bytes);
    if (r->inputs == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: inputs of %zu bytes", bytes);
    nn_rng rng = nn_rng_stream(seed, "bench input", 0, 0);
    for (size_t i = 0; i < bytes; i++)
        r->inputs[i] = (unsigned char)(nn_rng_u32(&rng) & 0x3f); /* small as a float's bytes too */
    return NN_OK;
}

static void fill_inputs(const result *r)
{
    const unsigned char *from = r->inputs;
    for (int i = 0; i < rt_n_inputs(r->model); i++) {
        int t = rt_input(r->model, i);
        size_t bytes = rt_tensor_at(r->model, t)->bytes;
        memcpy(rt_data(r->model, r->arena, t), from, bytes);
        from += bytes;
    }
}

static nn_status repeat(void *ctx, int n, double *seconds)
{
    const result *r = ctx;
    for (int i = 0; i < n; i++) {
        fill_inputs(r);
        double begin = train_bench_seconds();
        rt_run(r->model, r->arena, r->parallel);
        seconds[i] = train_bench_seconds() - begin;
    }
    return NN_OK;
}

/* The same runs, one operator after the other. */
static void time_operators(result *r, int runs)
{
    const int n = rt_n_operators(r->model);
    for (int k = 0; k < runs; k++) {
        fill_inputs(r);
        for (int i = 0; i < n; i++) {
            double begin = train_bench_seconds();
            rt_run_some(r->model, r->arena, i, 1, r->parallel);
            r->op_seconds[i] += (train_bench_seconds() - begin) / runs;
        }
    }
}

/* ---- preparing ------------------------------------------------------------------------------- */

static nn_status get_file(result *r, const train_call *call, const train_limits *limits)
{
    const train_bench_settings *s = r->settings;
    if (call->args->n_operands > 1) {
        r->name = call->args->operand[1];
        if (s->model.model != NULL || s->out != NULL)
            return nn_fail(NN_EINVAL,
                           "%s: --model and --out are of a network that is made here; "
                           "leave them out",
                           r->name);
        return train_input_read(&r->file, r->name, (size_t)limits->bytes);
    }
    if (s->model.model == NULL)
        return nn_fail(NN_EINVAL, "bench infer: name a .tflite file, or a network with --model");
    r->name = s->out != NULL ? s->out : s->model.model;
    NN_TRY(train_bench_file(&r->file, s));
    return s->out != NULL ? train_output_write(s->out, r->file.data, r->file.size) : NN_OK;
}

static nn_status open_model(result *r, const train_limits *limits)
{
    rt_options options = rt_options_default();
    options.limits.macs = limits->macs;
    options.limits.bytes = limits->bytes;
    options.kernels = rt_kernels_best();
    options.workers = r->threads;
    nn_status st = ex_integer_open(&r->integer, r->file.data, r->file.size, &options);
    if (st != NN_OK)
        return nn_fail_context(st, "%s", r->name);
    r->model = r->integer.model;
    NN_TRY(ex_crew_new(&r->crew, r->threads));
    r->parallel = ex_crew_parallel(r->crew);
    return ex_integer_arena(&r->arena, r->model);
}

static nn_status prepare(result *r, const train_call *call)
{
    const train_limits limits = train_tflite_limits(call);
    const int runs = r->settings->runs, warmup = r->settings->warmup;
    NN_TRY(get_file(r, call, &limits));
    NN_TRY(open_model(r, &limits));
    NN_TRY(make_inputs(r, r->settings->common.seed));
    r->seconds = nn_mem_alloc((size_t)(runs > warmup ? runs : warmup) * sizeof *r->seconds);
    r->op_seconds = nn_mem_alloc((size_t)rt_n_operators(r->model) * sizeof *r->op_seconds);
    if (r->seconds == NULL || r->op_seconds == NULL)
        return nn_fail(NN_ENOMEM, "--runs: out of memory for %d times", runs);
    return repeat(r, warmup, r->seconds);
}

static nn_status measure(result *r)
{
    enum { MOST = 100 };
    const int n = r->settings->runs;
    NN_TRY(repeat(r, n, r->seconds));
    time_operators(r, n < MOST ? n : MOST);
    r->p10 = train_bench_quantile(r->seconds, n, 0.1);
    r->p50 = train_bench_quantile(r->seconds, n, 0.5);
    r->p90 = train_bench_quantile(r->seconds, n, 0.9);
    r->p99 = train_bench_quantile(r->seconds, n, 0.99);
    r->rss_mb = train_bench_peak_rss_mb();
    r->peak = train_bench_peak_dot(r->threads) / 2;
    return NN_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

static double gmacs(uint64_t macs, double seconds)
{
    return seconds > 0 ? 1e-9 * (double)macs / seconds : 0;
}

/* "1x28x28x16" of an operator's first output. */
static const char *output_of(const result *r, const rt_operator *op, char *text, size_t size)
{
    const rt_tensor *t = rt_tensor_at(r->model, op->out[0]);
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < t->rank && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%d", i > 0 ? "x" : "", (int)t->dim[i]);
    return text;
}

static double all_operators(const result *r)
{
    double sum = 0;
    for (int i = 0; i < rt_n_operators(r->model); i++)
        sum += r->op_seconds[i];
    return sum;
}

static void print_operator(const result *r, int i, double all)
{
    char shape[96];
    const rt_operator *op = rt_operator_at(r->model, i);
    printf("%3d %-20s %-16s %9.2f %5.1f", i, op->name, output_of(r, op, shape, sizeof shape),
           1e6 * r->op_seconds[i], 100 * r->op_seconds[i] / all);
    if (op->macs > 0)
        printf(" %9.3f %7.1f %5.1f", 1e-6 * (double)op->macs, gmacs(op->macs, r->op_seconds[i]),
               1e11 * gmacs(op->macs, r->op_seconds[i]) / r->peak);
    printf("\n");
}

static nn_status print_text(const result *r)
{
    const rt_cost cost = rt_costs(r->model);
    const double all = all_operators(r), rate = gmacs(cost.macs, r->p50);
    printf("%s: %d thread%s, kernels %s\n", r->name, r->threads, r->threads == 1 ? "" : "s",
           rt_kernels_name(rt_kernels_best()));
    printf("%.1f us (10 %%: %.1f, 90 %%: %.1f, 99 %%: %.1f, of %d)\n", 1e6 * r->p50, 1e6 * r->p10,
           1e6 * r->p90, 1e6 * r->p99, r->settings->runs);
    printf("%.3f M multiply-accumulates, %.1f G/s, %.1f %% of %.1f that the processor can do\n",
           1e-6 * (double)cost.macs, rate, 1e11 * rate / r->peak, 1e-9 * r->peak);
    printf("memory: model %zu bytes, arena %zu bytes\n\n", cost.model_bytes, cost.arena_bytes);
    printf("%3s %-20s %-16s %9s %5s %9s %7s %5s\n", "", "operator", "output", "us", "%", "M MACs",
           "GMAC/s", "peak%");
    for (int i = 0; i < rt_n_operators(r->model); i++)
        print_operator(r, i, all);
    return NN_OK;
}

static void add_operator(cJSON *ops, const result *r, int i, double all)
{
    char shape[96];
    const rt_operator *op = rt_operator_at(r->model, i);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "index", i);
    cJSON_AddStringToObject(o, "op", op->name);
    cJSON_AddStringToObject(o, "output", output_of(r, op, shape, sizeof shape));
    cJSON_AddNumberToObject(o, "us", 1e6 * r->op_seconds[i]);
    cJSON_AddNumberToObject(o, "macs", (double)op->macs);
    cJSON_AddNumberToObject(o, "gmacs", gmacs(op->macs, r->op_seconds[i]));
    cJSON_AddNumberToObject(o, "share_of_peak", 1e9 * gmacs(op->macs, r->op_seconds[i]) / r->peak);
    cJSON_AddNumberToObject(o, "percent", 100 * r->op_seconds[i] / all);
    cJSON_AddItemToArray(ops, o);
}

static nn_status print_json(const result *r)
{
    const rt_cost cost = rt_costs(r->model);
    const double all = all_operators(r);
    cJSON *o = cJSON_CreateObject(), *ops = cJSON_CreateArray();
    cJSON_AddStringToObject(o, "file", r->name);
    cJSON_AddNumberToObject(o, "threads", r->threads);
    cJSON_AddStringToObject(o, "kernels", rt_kernels_name(rt_kernels_best()));
    cJSON_AddNumberToObject(o, "latency_us_median", 1e6 * r->p50);
    cJSON_AddNumberToObject(o, "latency_us_p10", 1e6 * r->p10);
    cJSON_AddNumberToObject(o, "latency_us_p90", 1e6 * r->p90);
    cJSON_AddNumberToObject(o, "latency_us_p99", 1e6 * r->p99);
    cJSON_AddNumberToObject(o, "macs", (double)cost.macs);
    cJSON_AddNumberToObject(o, "gmacs", gmacs(cost.macs, r->p50));
    cJSON_AddNumberToObject(o, "dot_peak_gmacs", 1e-9 * r->peak);
    cJSON_AddNumberToObject(o, "model_bytes", (double)cost.model_bytes);
    cJSON_AddNumberToObject(o, "arena_bytes", (double)cost.arena_bytes);
    cJSON_AddNumberToObject(o, "peak_rss_mb", r->rss_mb);
    cJSON_AddItemToObject(o, "ops", ops);
    for (int i = 0; i < rt_n_operators(r->model); i++)
        add_operator(ops, r, i, all);
    return train_output_json(o);
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status bench(result *r, const train_call *call)
{
    NN_TRY(prepare(r, call));
    if (r->settings->turns)
        return train_bench_turns(repeat, r);
    NN_TRY(measure(r));
    return (r->settings->common.json ? print_json : print_text)(r);
}

nn_status train_bench_infer(const train_call *call)
{
    result r = { .settings = call->settings, .threads = nn_thread_count() };
    nn_status st = bench(&r, call);
    nn_mem_free(r.seconds);
    nn_mem_free(r.op_seconds);
    nn_mem_free(r.inputs);
    nn_mem_free(r.arena);
    ex_crew_free(r.crew);
    ex_integer_close(&r.integer);
    nn_bytes_free(&r.file);
    return st;
}
