#include "docs/tour/code/passes.h"

#include <math.h>
#include <stdio.h>

#include "nn/base/rng.h"
#include "nn/exec.h"
#include "nn/layers.h"
#include "quant/quant.h"

/* A network, one stage of it, and what runs that. */
typedef struct bench {
    nn_params *params;
    nn_graph *graph, *stage;
    nn_plan *plan;
    nn_exec *exec;
} bench;

static nn_status start(bench *b)
{
    *b = (bench){ 0 };
    NN_TRY(nn_params_new(&b->params));
    NN_TRY(nn_graph_new(&b->graph, b->params));
    return nn_graph_new(&b->stage, b->params);
}

static void finish(bench *b)
{
    nn_exec_free(b->exec);
    nn_plan_free(b->plan);
    nn_graph_free(b->stage);
    nn_graph_free(b->graph);
    nn_params_free(b->params);
}

/* Gives a graph over the bench's parameters memory; every node can be read after a pass. */
static nn_status prepare(bench *b, const nn_graph *g, nn_node *loss, int batch)
{
    NN_TRY(nn_graph_check(g));
    NN_TRY(nn_params_collate(b->params));
    nn_params_init(b->params, 1);
    nn_plan_options o = { .batch = batch, .loss = loss, .keep_all = true };
    NN_TRY(nn_plan_new(&b->plan, g, &o));
    return nn_exec_new(&b->exec, b->plan, NULL);
}

static void set(bench *b, const char *name, double value)
{
    nn_params_find(b->params, name)->value[0] = (nn_real)value;
}

/* ---- fake quantization ----------------------------------------------------------------------- */

static nn_node *number(nn_graph *g, const char *name, int count, double value)
{
    return nn_param_node(g, name, NN_SHAPE(count), NN_PARAM_STATE,
                         (nn_init){ .kind = NN_INIT_CONSTANT, .value = value });
}

/* mean((y - target)^2) with target = y - n / 2 has the gradient 1 in every element of y. */
static void run_backward(bench *b, const nn_node *y, const nn_node *target, nn_real *room, int n)
{
    const nn_run run = { .training = true };
    nn_exec_bind(b->exec, target, room);
    nn_exec_forward(b->exec, 1, &run);
    for (int i = 0; i < n; i++)
        room[i] = nn_exec_value(b->exec, y)[i] - (nn_real)n / 2;
    nn_exec_forward(b->exec, 1, &run);
    nn_exec_backward(b->exec, 1, &run);
}

static nn_status run_fakequant(bench *b, nn_real *y, nn_real *dx, const nn_real *x, int n,
                               nn_affine a, nn_grid grid)
{
    nn_graph *g = b->graph;
    nn_node *in[] = { nn_param_node(g, "x", NN_SHAPE(n), NN_PARAM_WEIGHT, (nn_init){ 0 }),
                      number(g, "min", 1, 0),
                      number(g, "max", 1, 0),
                      number(g, "scale", 1, (double)a.scale),
                      number(g, "zero_point", 1, a.zero_point),
                      number(g, "memory", 3, 0) };
    nn_attr attr = { .fakequant = { .mode = NN_FQ_QUANTIZE, .grid = grid, .axis = -1 } };
    nn_node *fq = nn_node_new(g, NN_OP_fakequant, "fq", in, 6, &attr);
    nn_node *target = nn_input(g, "target", NN_SHAPE(n));
    NN_TRY(prepare(b, g, nn_mean_squared_error(g, fq, target), 1));
    const nn_param *p = nn_params_find(b->params, "x");
    for (int i = 0; i < n; i++)
        p->value[i] = y[i] = x[i];
    run_backward(b, fq, target, y, n);
    for (int i = 0; i < n; i++) {
        y[i] = nn_exec_value(b->exec, fq)[i];
        if (dx != NULL)
            dx[i] = p->grad[i];
    }
    return NN_OK;
}

nn_status tour_fake_quantize(nn_real *y, nn_real *dx, const nn_real *x, int n, nn_affine a,
                             nn_grid grid)
{
    bench b;
    nn_status st = start(&b);
    if (st == NN_OK)
        st = run_fakequant(&b, y, dx, x, n, a, grid);
    finish(&b);
    return st;
}

/* ---- batch norm ------------------------------------------------------------------------------ */

static void write_network(nn_graph *g, int side)
{
    nn_node *x = nn_input(g, "image", NN_SHAPE(NN_BATCH, side, side, 1));
    nn_output(g, nn_conv_bn(g, x, "c", (nn_conv){ .out = 1, .k = 1 }, NN_LINEAR));
}

static double deviation_of(const nn_real *x, int n)
{
    double sum = 0, square = 0;
    for (int i = 0; i < n; i++) {
        sum += (double)x[i];
        square += (double)x[i] * (double)x[i];
    }
    return sqrt(square / n - sum / n * (sum / n));
}

static const double epsilon = 1e-3; /* nn_batch_norm's */
enum { SIDE = 4, BATCH = 8, PIXELS = BATCH * SIDE * SIDE };

/* The convolution's weight is folded, so its result is k times what batch norm would see. */
static void fold_batch(tour_folds *f, bench *b, int64_t step)
{
    nn_real image[PIXELS];
    nn_rng r = nn_rng_stream(1, "tour batch", (uint64_t)step, 0);
    for (int i = 0; i < PIXELS; i++)
        image[i] = (nn_real)nn_rng_normal(&r);
    f->by_average = 1 / sqrt((double)nn_params_find(b->params, "c/bn/var")->value[0] + epsilon);
    nn_exec_bind(b->exec, nn_graph_find(b->stage, "image"), image);
    nn_exec_forward(b->exec, BATCH, &(nn_run){ .training = true, .observe = true, .step = step });
    const nn_real *z = nn_exec_value(b->exec, nn_graph_find(b->stage, "c"));
    f->by_batch = f->by_average / deviation_of(z, PIXELS);
}

static nn_status run_batches(bench *b, tour_folds *f, int steps)
{
    quant_config config = quant_config_default();
    config.input = (nn_affine){ 0.0625f, 0 };
    write_network(b->graph, SIDE);
    NN_TRY(quant_build(b->stage, b->graph, &config, QUANT_TRAIN));
    nn_node *y = nn_graph_node(b->stage, nn_graph_count(b->stage) - 1);
    nn_node *target = nn_input(b->stage, "target", y->shape);
    nn_real zeros[PIXELS] = { 0 };
    NN_TRY(prepare(b, b->stage, nn_mean_squared_error(b->stage, y, target), BATCH));
    set(b, "c/weight", 0.5);
    set(b, "c/bn/var", 0.25); /* what it comes to: weight^2 times the pixels' variance of 1 */
    nn_exec_bind(b->exec, target, zeros);
    for (int i = 0; i < steps; i++)
        fold_batch(&f[i], b, i);
    return NN_OK;
}

nn_status tour_fold_batches(tour_folds *f, int steps)
{
    bench b;
    nn_status st = start(&b);
    if (st == NN_OK)
        st = run_batches(&b, f, steps);
    finish(&b);
    return st;
}

static nn_status fold_once(bench *b, tour_folded *f, double x)
{
    const nn_real image = (nn_real)x;
    write_network(b->graph, 1);
    NN_TRY(quant_build(b->stage, b->graph, NULL, QUANT_NONE));
    NN_TRY(prepare(b, b->stage, NULL, 1));
    set(b, "c/weight", 0.1);
    set(b, "c/bn/gamma", 2);
    set(b, "c/bn/beta", 1);
    set(b, "c/bn/mean", 0.5);
    set(b, "c/bn/var", 0.249); /* and epsilon: 0.25 */
    nn_exec_bind(b->exec, nn_graph_find(b->stage, "image"), &image);
    nn_exec_forward(b->exec, 1, &(nn_run){ 0 });
    const nn_node *conv = nn_graph_find(b->stage, "c");
    f->weight = (double)nn_exec_value(b->exec, conv->in[1])[0];
    f->bias = (double)nn_exec_value(b->exec, conv->in[2])[0];
    f->without = (double)nn_exec_value(b->exec, conv)[0];
    return NN_OK;
}

/* The same parameters, batch norm in its place. */
static nn_status run_unfolded(bench *b, tour_folded *f, double x)
{
    const nn_real image = (nn_real)x;
    nn_exec_free(b->exec);
    nn_plan_free(b->plan);
    b->exec = NULL;
    b->plan = NULL;
    nn_plan_options o = { .batch = 1 };
    NN_TRY(nn_plan_new(&b->plan, b->graph, &o));
    NN_TRY(nn_exec_new(&b->exec, b->plan, NULL));
    nn_exec_bind(b->exec, nn_graph_find(b->graph, "image"), &image);
    nn_exec_forward(b->exec, 1, &(nn_run){ 0 });
    f->with_batch_norm = (double)nn_exec_value(b->exec, nn_graph_find(b->graph, "c/bn"))[0];
    return NN_OK;
}

nn_status tour_fold_once(tour_folded *f, double x)
{
    bench b;
    nn_status st = start(&b);
    if (st == NN_OK)
        st = fold_once(&b, f, x);
    if (st == NN_OK)
        st = run_unfolded(&b, f, x);
    finish(&b);
    return st;
}

/* ---- concatenation --------------------------------------------------------------------------- */

static nn_status print_points(const nn_graph *g)
{
    quant_point points[64];
    NN_TRY(nn_graph_check(g));
    NN_TRY(quant_points_find(points, g, (nn_affine){ 1, 0 }));
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (points[i].how == QUANT_WEIGHTS)
            continue;
        printf("%-6s %-8s %s", n->name, n->op->name, quant_how_name(points[i].how));
        if (points[i].how != QUANT_FUSED && points[i].leader != i)
            printf(", range of %s", nn_graph_node(g, points[i].leader)->name);
        printf("\n");
    }
    return NN_OK;
}

nn_status tour_print_concat(void)
{
    bench b;
    nn_status st = start(&b);
    if (st == NN_OK) {
        nn_node *x = nn_input(b.graph, "image", NN_SHAPE(NN_BATCH, 8, 8, 3));
        nn_node *branch[] = { nn_conv2d(b.graph, x, "a", (nn_conv){ .out = 4, .k = 1 }),
                              nn_conv2d(b.graph, x, "b", (nn_conv){ .out = 4, .k = 3 }), NULL };
        branch[2] = nn_max_pool(b.graph, branch[0], "pool", (nn_conv){ .k = 3, .s = 1 });
        nn_output(b.graph, nn_concat(b.graph, branch, 3, "all"));
        st = print_points(b.graph);
    }
    finish(&b);
    return st;
}
