/* octet bench train - steps of the training loop on synthetic pictures, op by op. */
#include "train/cli/bench.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"
#include "nn/show.h"
#include "train/loop.h"
#include "train/cli/output.h"

/* What a run of steps said. */
typedef struct result {
    const train_bench_settings *settings;
    train_network *network;
    ds_set *set;
    train_loop *loop;
    int threads;
    double start_to_step, first_step; /* seconds */
    double *seconds;                  /* [settings->steps] */
    double p10, p50, p90;
    double rss_mb;
    double peak; /* of fused multiply-adds, operations a second */
} result;

/* ---- steps ----------------------------------------------------------------------------------- */

typedef struct watch {
    double *seconds;
    double last;
    int n;
} watch;

static nn_status on_step(void *ctx, const train_moment *at)
{
    watch *w = ctx;
    double now = train_bench_seconds();
    (void)at;
    w->seconds[w->n++] = now - w->last;
    w->last = now;
    return NN_OK;
}

static nn_status repeat(void *ctx, int n, double *seconds)
{
    train_loop *loop = ctx;
    watch w = { .seconds = seconds, .last = train_bench_seconds() };
    const train_hooks hooks = { .ctx = &w, .on_step = on_step };
    return train_loop_run(loop, train_loop_moment(loop).step + n, &hooks);
}

static nn_status prepare(result *r)
{
    const train_bench_settings *s = r->settings;
    NN_TRY(train_bench_network(&r->network, &r->set, s, s->quant.qat));
    NN_TRY(train_loop_new(&r->loop, r->network, r->set, s->common.max_memory));
    r->start_to_step = train_bench_since_start();
    NN_TRY(repeat(r->loop, 1, &r->first_step));
    for (int i = 1; i < s->warmup; i++)
        NN_TRY(repeat(r->loop, 1, &(double){ 0 }));
    return NN_OK;
}

static nn_status measure(result *r)
{
    const int n = r->settings->steps;
    r->seconds = nn_mem_alloc((size_t)n * sizeof *r->seconds);
    if (r->seconds == NULL)
        return nn_fail(NN_ENOMEM, "--steps: out of memory for %d times", n);
    train_loop_profile(r->loop);
    NN_TRY(repeat(r->loop, n, r->seconds));
    r->p10 = train_bench_quantile(r->seconds, n, 0.1);
    r->p50 = train_bench_quantile(r->seconds, n, 0.5);
    r->p90 = train_bench_quantile(r->seconds, n, 0.9);
    r->rss_mb = train_bench_peak_rss_mb();
    r->peak = train_bench_peak_fma(r->threads);
    return NN_OK;
}

/* What computes a node. */
static const nn_op *op_of(const nn_exec *e, const nn_node *n)
{
    return nn_exec_plan(e)->place[n->index].op;
}

/* ---- what an op did -------------------------------------------------------------------------- */

/* Of one step: seconds, operations (a multiply-add is two), and the bytes that the op cannot do
 * without: what it reads and writes, each once. */
typedef struct work {
    double forward, backward;
    double forward_ops, backward_ops;
    double bytes;
} work;

static double bytes_of(nn_shape shape, int batch)
{
    return (double)(nn_shape_count_batch(shape, batch) * sizeof(nn_real));
}

static double forward_bytes(const nn_node *n, int batch)
{
    double bytes = bytes_of(n->shape, batch);
    for (int k = 0; k < n->n_in; k++)
        bytes += bytes_of(n->in[k]->shape, batch);
    if (n->op->need != NULL)
        bytes += (double)n->op->need(n, batch, true).saved;
    return bytes;
}

static double backward_bytes(const nn_node *n, const nn_place *place, int batch)
{
    double bytes = bytes_of(n->shape, batch);
    if (n->op->keeps & NN_KEEP_Y)
        bytes += bytes_of(n->shape, batch);
    for (int k = 0; k < n->n_in; k++) {
        int passes = (n->op->keeps & NN_KEEP_X(k) ? 1 : 0) + (place->wants_dx[k] ? 1 : 0) +
                     (place->wants_dx[k] && place->add[k] ? 1 : 0);
        bytes += passes * bytes_of(n->in[k]->shape, batch);
    }
    if (n->op->need != NULL)
        bytes += (double)n->op->need(n, batch, true).saved;
    return bytes;
}

/* Each wanted gradient of a product costs what the product does. */
static work work_of(const result *r, const nn_exec *e, const nn_node *n)
{
    const nn_place *place = &nn_exec_plan(e)->place[n->index];
    const nn_node_time *time = &nn_exec_times(e)[n->index];
    const int batch = r->settings->batch, steps = r->settings->steps;
    const double ops = 2.0 * (double)nn_node_macs(n) * batch;
    work w = { time->forward / steps, time->backward / steps, ops, 0, forward_bytes(n, batch) };
    if (place->backward) {
        int wanted = (n->n_in > 0 && place->wants_dx[0]) + (n->n_in > 1 && place->wants_dx[1]);
        w.backward_ops = wanted * ops;
        w.bytes += backward_bytes(n, place, batch);
    }
    return w;
}

static void add(work *sum, const work *w)
{
    sum->forward += w->forward;
    sum->backward += w->backward;
    sum->forward_ops += w->forward_ops;
    sum->backward_ops += w->backward_ops;
    sum->bytes += w->bytes;
}

static double rate(double amount, double seconds)
{
    return seconds > 0 ? amount / seconds : 0;
}

/* Nothing was done: a convolution for statistics that stand still, say. */
static bool is_idle(const work *w)
{
    return w->forward + w->backward <= 0;
}

/* ---- as text --------------------------------------------------------------------------------- */

/* Nodes that belong to one layer, or are of one op. */
typedef struct group {
    const char *name;
    work sum;
} group;

static group *find(group *groups, int *n, const char *name)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(groups[i].name, name) == 0)
            return &groups[i];
    groups[*n] = (group){ .name = name };
    return &groups[(*n)++];
}

static void print_group(const result *r, const group *g, int width)
{
    const work *w = &g->sum;
    const double seconds = w->forward + w->backward, ops = w->forward_ops + w->backward_ops;
    printf("%-*s %9.3f %9.3f %5.1f", width, g->name, 1e3 * w->forward, 1e3 * w->backward,
           100 * seconds / r->p50);
    if (ops > 0)
        printf(" %8.1f %8.1f %5.1f", 1e-9 * rate(w->forward_ops, w->forward),
               1e-9 * rate(w->backward_ops, w->backward), 100 * rate(ops, seconds) / r->peak);
    else
        printf(" %8s %8s %5s", "", "", "");
    printf(" %8.2f %7.1f\n", 1e-6 * w->bytes, 1e-9 * rate(w->bytes, seconds));
}

static void print_groups(const result *r, const char *title, const group *groups, int n)
{
    int width = (int)strlen(title);
    for (int i = 0; i < n; i++)
        width = (int)strlen(groups[i].name) > width ? (int)strlen(groups[i].name) : width;
    printf("\n%-*s %9s %9s %5s %8s %8s %5s %8s %7s\n", width, title, "forward", "backward", "%",
           "forward", "backward", "peak", "least", "");
    printf("%-*s %9s %9s %5s %8s %8s %5s %8s %7s\n", width, "", "ms", "ms", "", "GFLOP/s",
           "GFLOP/s", "%", "MB", "GB/s");
    for (int i = 0; i < n; i++)
        if (!is_idle(&groups[i].sum))
            print_group(r, &groups[i], width);
}

static nn_status print_ops(const result *r, const nn_exec *e)
{
    const nn_graph *g = nn_exec_plan(e)->graph;
    const int count = nn_graph_count(g);
    int n_layers = 0, n_kinds = 0;
    group *layers = nn_mem_alloc(2 * (size_t)count * sizeof *layers);
    if (layers == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a table of %d nodes", count);
    group *kinds = layers + count;
    for (int i = 0; i < count; i++) {
        const nn_node *n = nn_graph_node(g, i);
        const work w = work_of(r, e, n);
        if (is_idle(&w))
            continue;
        add(&find(layers, &n_layers, nn_show_leader(g, n)->name)->sum, &w);
        add(&find(kinds, &n_kinds, op_of(e, n)->name)->sum, &w);
    }
    print_groups(r, "layer", layers, n_layers);
    print_groups(r, "op", kinds, n_kinds);
    nn_mem_free(layers);
    return NN_OK;
}

static double all_ops(const result *r, const nn_exec *e)
{
    const nn_graph *g = nn_exec_plan(e)->graph;
    double ops = 0;
    for (int i = 0; i < nn_graph_count(g); i++) {
        const work w = work_of(r, e, nn_graph_node(g, i));
        ops += is_idle(&w) ? 0 : w.forward_ops + w.backward_ops;
    }
    return ops;
}

static nn_status print_text(const result *r, const nn_exec *e)
{
    const train_bench_settings *s = r->settings;
    const train_times t = train_loop_times(r->loop);
    const double ms = 1e3 / s->steps, flops = rate(all_ops(r, e), r->p50);
    printf("%s, %s, batch %d, %s, %d thread%s, %s\n", s->model.model, s->input, s->batch,
           s->quant.qat ? "fake-quantized" : "float", r->threads, r->threads == 1 ? "" : "s",
           nn_kernel.isa);
    printf("step %.2f ms (10 %%: %.2f, 90 %%: %.2f, of %d); %.0f pictures/s\n", 1e3 * r->p50,
           1e3 * r->p10, 1e3 * r->p90, s->steps, s->batch / r->p50);
    printf("%.1f GFLOP/s, %.1f %% of %.1f that the processor can do\n", 1e-9 * flops,
           100 * flops / r->peak, 1e-9 * r->peak);
    printf("memory: %.1f MB at most, %.1f MB of them planned for activations\n", r->rss_mb,
           1e-6 * (double)train_loop_bytes(r->loop));
    printf("first step: begun after %.0f ms, took %.1f ms\n", 1e3 * r->start_to_step,
           1e3 * r->first_step);
    printf("waiting for data %.3f ms, forward %.3f, loss and accuracy %.3f, backward %.3f, "
           "update %.3f\n",
           ms * t.data, ms * t.forward, ms * t.score, ms * t.backward, ms * t.update);
    return print_ops(r, e);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void add_op(cJSON *ops, const result *r, const nn_exec *e, const nn_node *n)
{
    const work w = work_of(r, e, n);
    const double seconds = w.forward + w.backward;
    if (is_idle(&w))
        return;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", n->name);
    cJSON_AddStringToObject(o, "layer", nn_show_leader(nn_exec_plan(e)->graph, n)->name);
    cJSON_AddStringToObject(o, "op", op_of(e, n)->name);
    cJSON_AddNumberToObject(o, "forward_ms", 1e3 * w.forward);
    cJSON_AddNumberToObject(o, "backward_ms", 1e3 * w.backward);
    cJSON_AddNumberToObject(o, "gflops_forward", 1e-9 * rate(w.forward_ops, w.forward));
    cJSON_AddNumberToObject(o, "gflops_backward", 1e-9 * rate(w.backward_ops, w.backward));
    cJSON_AddNumberToObject(o, "share_of_peak",
                            rate(w.forward_ops + w.backward_ops, seconds) / r->peak);
    cJSON_AddNumberToObject(o, "mb", 1e-6 * w.bytes);
    cJSON_AddNumberToObject(o, "gb_per_s", 1e-9 * rate(w.bytes, seconds));
    cJSON_AddNumberToObject(o, "percent", 100 * seconds / r->p50);
    cJSON_AddItemToArray(ops, o);
}

static void add_step(cJSON *o, const result *r)
{
    const train_times t = train_loop_times(r->loop);
    const double ms = 1e3 / r->settings->steps;
    cJSON_AddNumberToObject(o, "step_ms_median", 1e3 * r->p50);
    cJSON_AddNumberToObject(o, "step_ms_p10", 1e3 * r->p10);
    cJSON_AddNumberToObject(o, "step_ms_p90", 1e3 * r->p90);
    cJSON_AddNumberToObject(o, "images_per_s", r->settings->batch / r->p50);
    cJSON_AddNumberToObject(o, "start_to_step_ms", 1e3 * r->start_to_step);
    cJSON_AddNumberToObject(o, "first_step_ms", 1e3 * r->first_step);
    cJSON_AddNumberToObject(o, "data_ms", ms * t.data);
    cJSON_AddNumberToObject(o, "forward_ms", ms * t.forward);
    cJSON_AddNumberToObject(o, "score_ms", ms * t.score);
    cJSON_AddNumberToObject(o, "backward_ms", ms * t.backward);
    cJSON_AddNumberToObject(o, "update_ms", ms * t.update);
}

static nn_status print_json(const result *r, const nn_exec *e)
{
    const train_bench_settings *s = r->settings;
    const nn_graph *g = nn_exec_plan(e)->graph;
    cJSON *o = cJSON_CreateObject(), *ops = cJSON_CreateArray();
    cJSON_AddStringToObject(o, "model", s->model.model);
    cJSON_AddStringToObject(o, "input", s->input);
    cJSON_AddNumberToObject(o, "batch", s->batch);
    cJSON_AddNumberToObject(o, "threads", r->threads);
    cJSON_AddStringToObject(o, "isa", nn_kernel.isa);
    cJSON_AddBoolToObject(o, "qat", s->quant.qat);
    cJSON_AddNumberToObject(o, "parameters", (double)nn_params_trained_count(r->network->params));
    add_step(o, r);
    cJSON_AddNumberToObject(o, "gflops", 1e-9 * rate(all_ops(r, e), r->p50));
    cJSON_AddNumberToObject(o, "fma_peak_gflops", 1e-9 * r->peak);
    cJSON_AddNumberToObject(o, "peak_rss_mb", r->rss_mb);
    cJSON_AddNumberToObject(o, "planned_mb", 1e-6 * (double)train_loop_bytes(r->loop));
    cJSON_AddItemToObject(o, "ops", ops);
    for (int i = 0; i < nn_graph_count(g); i++)
        add_op(ops, r, e, nn_graph_node(g, i));
    return train_output_json(o);
}

/* ---- the command ----------------------------------------------------------------------------- */

static nn_status bench(result *r)
{
    const train_bench_settings *s = r->settings;
    NN_TRY(prepare(r));
    if (s->turns)
        return train_bench_turns(repeat, r->loop);
    NN_TRY(measure(r));
    const nn_exec *e = train_loop_exec(r->loop);
    return (s->common.json ? print_json : print_text)(r, e);
}

nn_status train_bench_train(const train_call *call)
{
    result r = { .settings = call->settings, .threads = train_bench_threads() };
    if (call->args->n_operands > 1)
        return nn_fail(NN_EINVAL, "bench train: %.80s: takes no file", call->args->operand[1]);
    if (r.settings->out != NULL)
        return nn_fail(NN_EINVAL, "--out: is of bench infer; bench train keeps nothing");
    nn_status st = bench(&r);
    train_loop_free(r.loop);
    train_network_free(r.network);
    ds_close(r.set);
    nn_mem_free(r.seconds);
    return st;
}
