/* machine_train - what this machine computes when it trains, as one line a case.
 *
 * Small networks take a few steps on fixed noise; a line is the loss and a hash of all parameters,
 * with the fused kernels of this machine and with portable C.  Bits are promised to be the same on
 * every machine for each of the two, so tests/machines.sh compares the lines. */
#include <stdio.h>
#include <string.h>

#include "models/model.h"
#include "nn/base/mem.h"
#include "nn/exec.h"
#include "optim/optim.h"
#include "runtime/cpu.h"

typedef struct example {
    const char *model;
    int batch, side, channels;
    double width;
} example;

static const example examples[] = {
    { "mlp", 9, 10, 1, 0.5 },           { "lenet", 7, 20, 1, 1 },
    { "ds_cnn", 3, 17, 1, 0.5 },        { "resnet8", 4, 13, 3, 1 },
    { "mobilenet_v1", 2, 33, 3, 0.25 }, { "mobilenet_v2", 2, 19, 3, 0.35 },
};

enum { CLASSES = 10, STEPS = 3 };

typedef struct trainee {
    nn_params *params;
    nn_graph *graph;
    nn_plan *plan;
    nn_exec *exec;
    opt *optimizer;
    nn_node *image, *label, *loss;
} trainee;

static nn_status open_trainee(trainee *t, const example *e)
{
    const model_config config = { .height = e->side,
                                  .width = e->side,
                                  .channels = e->channels,
                                  .classes = CLASSES,
                                  .width_multiplier = e->width };
    nn_node *logits;
    NN_TRY(nn_params_new(&t->params));
    NN_TRY(nn_graph_new(&t->graph, t->params));
    NN_TRY(model_build(t->graph, e->model, &config, &t->image, &logits));
    t->label = nn_input(t->graph, "label", NN_SHAPE(NN_BATCH));
    t->loss = nn_cross_entropy(t->graph, logits, t->label, 0.1);
    NN_TRY(nn_graph_check(t->graph));
    NN_TRY(nn_params_collate(t->params));
    nn_params_init(t->params, 1);
    NN_TRY(
        nn_plan_new(&t->plan, t->graph, &(nn_plan_options){ .batch = e->batch, .loss = t->loss }));
    NN_TRY(nn_exec_new(&t->exec, t->plan, NULL));
    return opt_new(&t->optimizer, "sgd", t->params,
                   &(opt_config){ .momentum = 0.9, .weight_decay = 1e-3 });
}

static void close_trainee(trainee *t)
{
    opt_free(t->optimizer);
    nn_exec_free(t->exec);
    nn_plan_free(t->plan);
    nn_graph_free(t->graph);
    nn_params_free(t->params);
}

/* FNV-1a over the bits of x, lowest byte first. */
static uint64_t add_bits(uint64_t hash, const nn_real *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        for (int k = 0; k < 32; k += 8)
            hash = (hash ^ (bits >> k & 0xFF)) * 0x100000001B3u;
    }
    return hash;
}

/* Numbers in [-1, 1) that any machine makes alike. */
static void fill_noise(nn_real *x, size_t n)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u; /* Knuth, TAOCP 2, 3.3.4 */
        x[i] = (nn_real)(state >> 16) / 32768 - 1;
    }
}

static nn_status print_example(const example *e)
{
    trainee t = { 0 };
    const size_t n = (size_t)e->batch * (size_t)(e->side * e->side * e->channels);
    nn_real *x = nn_mem_alloc(n * sizeof *x), *label = nn_mem_alloc((size_t)e->batch * sizeof *x);
    nn_status st = open_trainee(&t, e);
    if (st == NN_OK) {
        fill_noise(x, n);
        for (int i = 0; i < e->batch; i++)
            label[i] = (nn_real)(i % CLASSES);
        nn_exec_bind(t.exec, t.image, x);
        nn_exec_bind(t.exec, t.label, label);
        for (int64_t step = 0; step < STEPS; step++) {
            const nn_run run = { .training = true, .observe = true, .seed = 1, .step = step };
            nn_exec_forward(t.exec, e->batch, &run);
            nn_exec_backward(t.exec, e->batch, &run);
            opt_step(t.optimizer, 0.05, step);
        }
        const nn_vector v = nn_params_trained(t.params);
        printf(" %.9g %016llx", (double)nn_exec_value(t.exec, t.loss)[0],
               (unsigned long long)add_bits(0xCBF29CE484222325u, v.value, v.count));
    }
    close_trainee(&t);
    nn_mem_free(x);
    nn_mem_free(label);
    return st;
}

int main(void)
{
    static const unsigned limits[] = { ~0u, RT_CPU_AVX2 | RT_CPU_NEON, 0 };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        printf("%s:", examples[i].model);
        for (int k = 0; k < 3; k++) {
            rt_cpu_limit(limits[k]);
            if (print_example(&examples[i]) != NN_OK) {
                printf(" %s\n", nn_message());
                return 1;
            }
        }
        printf("\n");
    }
    return 0;
}
