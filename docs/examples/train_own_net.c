/* A network of one's own with liboctet: defined in C, trained in float, then with fake
 * quantization, written as an int8 .tflite, and run by the integer runtime.
 *
 *   cc train_own_net.c $(pkg-config --cflags --libs octet) -o train_own_net && ./train_own_net */
#include <stdio.h>
#include <stdlib.h>

#include "data/loader.h"
#include "export/lower.h"
#include "export/tflite.h"
#include "nn/exec.h"
#include "nn/layers.h"
#include "optim/optim.h"
#include "optim/schedule.h"
#include "quant/quant.h"
#include "runtime/rt.h"

enum { BATCH = 64, STEPS = 600, QUANT_DELAY = 400, MEAN = 73, STD = 90 };

/* Any error of the library ends this program with its one line. */
static void ok(nn_status st)
{
    if (st == NN_OK)
        return;
    fprintf(stderr, "train_own_net: %s\n", nn_message());
    exit(1);
}

static void define(nn_graph *g)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, 28, 28, 1));
    x = nn_conv_bn(g, x, "conv1", (nn_conv){ .out = 16, .k = 3, .s = 2 }, NN_RELU);
    x = nn_conv_bn(g, x, "conv2", (nn_conv){ .out = 32, .k = 3, .s = 2 }, NN_RELU);
    nn_node *y = nn_conv_bn(g, x, "conv3", (nn_conv){ .out = 32, .k = 3 }, NN_LINEAR);
    x = nn_relu(g, nn_add(g, y, x, "add"), "relu"); /* a residual block */
    nn_output(g, nn_dense(g, nn_global_avg_pool(g, x, "pool"), "logits", 10));
}

/* The network's copy for one stage, with a loss behind its last node. */
typedef struct stage {
    nn_graph *graph;
    nn_node *loss;
    nn_exec *exec;
} stage;

static void build(stage *s, const nn_graph *net, const quant_config *config, quant_stage kind)
{
    ok(nn_graph_new(&s->graph, nn_graph_params(net)));
    ok(quant_build(s->graph, net, config, kind));
    nn_node *logits = nn_graph_node(s->graph, nn_graph_count(s->graph) - 1);
    nn_node *label = nn_input(s->graph, "label", NN_SHAPE(NN_BATCH));
    s->loss = nn_cross_entropy(s->graph, logits, label, 0);
}

static void prepare(stage *s)
{
    nn_plan *plan = NULL;
    ok(nn_plan_new(&plan, s->graph, &(nn_plan_options){ .batch = BATCH, .loss = s->loss }));
    ok(nn_exec_new(&s->exec, plan, NULL));
}

static void train(stage *watch, stage *quantized, opt *o, ds_loader *pictures)
{
    opt_schedule lr = opt_schedule_of(OPT_ONECYCLE, 0.1, 0);
    for (int step = 0; step < STEPS; step++) {
        stage *s = step < QUANT_DELAY ? watch : quantized; /* the switch is one line */
        const nn_run run = { .training = true, .observe = true, .seed = 1, .step = step };
        const ds_batch *batch = NULL;
        ok(ds_loader_next(pictures, &batch));
        nn_exec_bind(s->exec, nn_graph_find(s->graph, "image"), batch->image);
        nn_exec_bind(s->exec, nn_graph_find(s->graph, "label"), batch->label);
        nn_exec_forward(s->exec, batch->n, &run);
        nn_exec_backward(s->exec, batch->n, &run);
        opt_step(o, opt_schedule_lr(&lr, step, STEPS), step);
        if (step % 100 == 99)
            printf("step %4d  loss %.3f%s\n", step + 1, (double)*nn_exec_value(s->exec, s->loss),
                   s == quantized ? "  fake-quantized" : "");
    }
}

static void run_integers(const nn_bytes *file, const ds_set *set)
{
    size_t bytes = 0;
    rt_model *m = NULL;
    rt_error error;
    if (rt_measure(&bytes, file->data, file->size, NULL, &error) != RT_OK ||
        rt_open(&m, file->data, file->size, NULL, malloc(bytes), bytes, &error) != RT_OK)
        ok(nn_fail(NN_EFORMAT, "%s", error.text));
    void *arena = malloc(rt_arena_bytes(m));
    uint8_t pixels[28 * 28];
    int right = 0, n = ds_count(set, DS_TEST);
    for (int i = 0; i < n; i++) {
        int label = 0, best = 0;
        ok(ds_read(set, DS_TEST, i, pixels, &label));
        int8_t *in = rt_data(m, arena, rt_input(m, 0));
        for (int p = 0; p < 28 * 28; p++)
            in[p] = (int8_t)(pixels[p] - 128);
        rt_run(m, arena, NULL);
        const int8_t *out = rt_data(m, arena, rt_output(m, 0));
        for (int c = 1; c < 10; c++)
            best = out[c] > out[best] ? c : best;
        right += best == label;
    }
    printf("int8: %.1f %% of %d test pictures\n", 100.0 * right / n, n);
}

int main(void)
{
    nn_params *params = NULL;
    nn_graph *net = NULL, *deploy = NULL;
    stage watch = { 0 }, quantized = { 0 };
    quant_config config = quant_config_default();
    ok(quant_input_affine(&config.input, MEAN, STD));
    ok(nn_params_new(&params));
    ok(nn_graph_new(&net, params));
    define(net);
    build(&watch, net, &config, QUANT_WATCH);
    build(&quantized, net, &config, QUANT_TRAIN);
    ok(nn_graph_new(&deploy, params));
    ok(quant_build(deploy, net, &config, QUANT_DEPLOY));
    ok(nn_params_collate(params)); /* all graphs are built: parameters get their memory */
    nn_params_init(params, 1);
    prepare(&watch);
    prepare(&quantized);

    ds_set *set = NULL;
    ds_loader *pictures = NULL;
    opt *o = NULL;
    ok(ds_open(&set, "sample", NULL));
    ok(ds_loader_new(
        &pictures, set, DS_TRAIN,
        &(ds_loader_options){
            .batch = BATCH, .train = true, .seed = 1, .mean = { MEAN }, .std = { STD } }));
    ok(opt_new(&o, "sgd", params, &(opt_config){ .momentum = 0.9, .weight_decay = 5e-4 }));
    train(&watch, &quantized, o, pictures);

    nn_arena *arena = NULL;
    tfl_model *model = NULL;
    nn_bytes file = { 0 };
    ok(nn_arena_new(&arena));
    ok(ex_lower(&model, arena, deploy, EX_INT8,
                &(ex_info){ .name = "own", .description = "my own network" }));
    ok(ex_tflite_write(&file, model));
    ok(nn_file_write("own.tflite", file.data, file.size));
    run_integers(&file, set);
    ds_loader_free(pictures);
    return 0;
}
