/* engine - computes the cases that it reads, for comparison with other programs.
 *
 *   engine < CASES > RESULTS        (numbers are text; reals as %a writes them)
 *
 *   op NAME ATTR training frozen n_in  (KIND rank dim... value...)... dy...
 *       ATTR  none | window 10 numbers | bnorm epsilon momentum | pad before... after... (4 each)
 *             | reshape rank dim... | xent smoothing
 *       KIND  batch: dim 0 is the batch; value: no batch; label: batch, without gradient;
 *             state: what the op may write
 *     -> y values, dx0 values, ... for batch and value, state3 values, ...
 *   fakequant RULE SCHEME qmin qmax axis rank dim... range... x... dy...
 *       RULE    none: range is min... max...; or one that learns: range is what it has learned
 *       SCHEME  affine | symmetric; axis -1: one range
 *     -> scale, zero, y, dx0; dx6 of what is learned
 *   optimizer NAME momentum nesterov decay decay_bn decoupled lr clip n steps w... (g...)...
 *       two parameters of n elements, a weight and a bias, one after the other; clip 0: none
 *     -> w after each step
 *   calibrate METHOD percentile bins bits n x...
 *     -> range (smallest, largest), width of the histogram's bins
 *
 * A result is a line "name value..."; a case ends with the line "end". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/kernels/kernels.h"
#include "nn/range.h"
#include "optim/clip.h"
#include "optim/optim.h"
#include "quant/calibrators.h"
#include "quant/ranges.h"

enum { WORD = 32 };

static void quit(const char *what)
{
    fprintf(stderr, "engine: %s\n", what);
    exit(1);
}

static void must(nn_status st)
{
    if (st != NN_OK)
        quit(nn_message());
}

/* ---- reading and writing --------------------------------------------------------------------- */

static bool read_word(char *word)
{
    return scanf("%31s", word) == 1;
}

static double read_real(void)
{
    double x;
    if (scanf("%la", &x) != 1)
        quit("a number is missing");
    return x;
}

static int read_int(void)
{
    return (int)read_real();
}

/* Zeros, at an address that kernels like. */
static void *allocate(size_t bytes)
{
    size_t whole = (bytes / 64 + 1) * 64;
    void *p = aligned_alloc(64, whole);
    if (p == NULL)
        quit("no memory");
    return memset(p, 0, whole);
}

static nn_real *read_reals(size_t n)
{
    nn_real *x = allocate(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (nn_real)read_real();
    return x;
}

static nn_shape read_shape(void)
{
    nn_shape s = { .rank = read_int() };
    if (s.rank < 0 || s.rank > NN_MAX_RANK)
        quit("a rank that cannot be");
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = read_int();
    return s;
}

static void print_reals(const char *name, const nn_real *x, size_t n)
{
    printf("%s", name);
    for (size_t i = 0; i < n; i++)
        printf(" %a", (double)x[i]);
    printf("\n");
}

/* ---- one node, called as the executor calls it ----------------------------------------------- */

typedef struct bench {
    nn_params *params;
    nn_graph *graph;
    nn_node *node;
    nn_run run;
    nn_call call;
    char kind[NN_MAX_IN][WORD];
    nn_real *x[NN_MAX_IN]; /* as read */
    int n_in, batch;
} bench;

static void open_bench(bench *b)
{
    *b = (bench){ .batch = 1 };
    must(nn_params_new(&b->params));
    must(nn_graph_new(&b->graph, b->params));
}

static bool is_kind(const bench *b, int k, const char *kind)
{
    return strcmp(b->kind[k], kind) == 0;
}

/* What the op finds with the parameter, not among its inputs' values. */
static bool is_parameter(const bench *b, int k)
{
    return is_kind(b, k, "state") || is_kind(b, k, "learned");
}

/* Input k of this shape: a leaf, whose values are x[k]. */
static nn_node *add_leaf(bench *b, int k, nn_shape s)
{
    char name[] = { 'x', (char)('0' + k), '\0' };
    if (is_parameter(b, k))
        return nn_param_node(b->graph, name, s,
                             is_kind(b, k, "state") ? NN_PARAM_STATE : NN_PARAM_RANGE,
                             (nn_init){ .kind = NN_INIT_CONSTANT });
    if (!is_kind(b, k, "value")) {
        b->batch = s.dim[0];
        s.dim[0] = NN_BATCH;
    }
    return nn_input(b->graph, name, s);
}

static size_t count_in(const bench *b, int k)
{
    return nn_shape_count_batch(b->node->in[k]->shape, b->batch);
}

static nn_real *new_reals(size_t n)
{
    return allocate(n * sizeof(nn_real));
}

/* Memory for the node's call; state goes where the op writes it. */
static void prepare(bench *b)
{
    const nn_node *n = b->node;
    nn_need need = n->op->need != NULL ? n->op->need(n, b->batch, true) : (nn_need){ 0 };
    b->call = (nn_call){ .node = n,
                         .run = &b->run,
                         .batch = b->batch,
                         .y = new_reals(nn_shape_count_batch(n->shape, b->batch)),
                         .saved = need.saved > 0 ? allocate(need.saved) : NULL,
                         .scratch = allocate(need.scratch) };
    for (int k = 0; k < b->n_in; k++) {
        b->call.x[k] = b->x[k];
        if (is_parameter(b, k)) {
            memcpy(nn_call_state(&b->call, k), b->x[k], count_in(b, k) * sizeof(nn_real));
            b->call.x[k] = nn_call_state(&b->call, k);
        }
        if (!is_kind(b, k, "state") && !is_kind(b, k, "label"))
            b->call.dx[k] = new_reals(count_in(b, k));
    }
}

static void compute(bench *b)
{
    size_t count = nn_shape_count_batch(b->node->shape, b->batch);
    nn_real *dy = read_reals(count);
    b->node->op->forward(&b->call);
    print_reals("y", b->call.y, count);
    b->call.dy = dy;
    b->node->op->backward(&b->call);
    for (int k = 0; k < b->n_in; k++) {
        char name[WORD];
        snprintf(name, sizeof name, "%s%d", is_kind(b, k, "state") ? "state" : "dx", k);
        if (is_kind(b, k, "state"))
            print_reals(name, b->call.x[k], count_in(b, k));
        else if (b->call.dx[k] != NULL)
            print_reals(name, b->call.dx[k], count_in(b, k));
    }
    free(dy);
}

static void close_bench(bench *b)
{
    for (int k = 0; k < b->n_in; k++) {
        free(b->x[k]);
        free(b->call.dx[k]);
    }
    free(b->call.y);
    free(b->call.saved);
    free(b->call.scratch);
    nn_graph_free(b->graph);
    nn_params_free(b->params);
}

/* ---- op -------------------------------------------------------------------------------------- */

static nn_op_id read_op(void)
{
    static const char *const names[] = {
#define NN_OP(name) #name,
#include "nn/ops.def"
#undef NN_OP
    };
    char word[WORD];
    if (read_word(word))
        for (int i = 0; i < NN_OP_COUNT; i++)
            if (strcmp(word, names[i]) == 0)
                return (nn_op_id)i;
    quit("an op that is not there");
    return NN_OP_COUNT;
}

static nn_window read_window(void)
{
    nn_window w = { .padding = NN_EXPLICIT };
    int *const field[] = { &w.kernel_h,   &w.kernel_w, &w.stride_h, &w.stride_w, &w.dilation_h,
                           &w.dilation_w, &w.top,      &w.bottom,   &w.left,     &w.right };
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        *field[i] = read_int();
    return w;
}

static nn_attr read_attr(void)
{
    char word[WORD] = "";
    nn_attr a;
    memset(&a, 0, sizeof a);
    read_word(word);
    if (strcmp(word, "window") == 0)
        a.window = read_window();
    if (strcmp(word, "reshape") == 0)
        a.reshape = read_shape();
    if (strcmp(word, "xent") == 0)
        a.xent.smoothing = read_real();
    if (strcmp(word, "bnorm") == 0) {
        a.bnorm.epsilon = read_real();
        a.bnorm.momentum = read_real();
    }
    for (int i = 0; strcmp(word, "pad") == 0 && i < 2 * NN_MAX_RANK; i++)
        *(i < NN_MAX_RANK ? &a.pad.before[i] : &a.pad.after[i - NN_MAX_RANK]) = read_int();
    return a;
}

static void run_op(void)
{
    bench b;
    nn_node *in[NN_MAX_IN];
    open_bench(&b);
    nn_op_id id = read_op();
    nn_attr a = read_attr();
    b.run.training = read_int() != 0;
    b.run.freeze_bn = read_int() != 0;
    b.n_in = read_int();
    for (int k = 0; k < b.n_in; k++) {
        read_word(b.kind[k]);
        nn_shape s = read_shape();
        in[k] = add_leaf(&b, k, s);
        b.x[k] = read_reals(nn_shape_count(s));
    }
    b.node = nn_node_new(b.graph, id, "node", in, b.n_in, &a);
    must(nn_graph_check(b.graph));
    must(nn_params_collate(b.params));
    prepare(&b);
    compute(&b);
    close_bench(&b);
}

/* ---- fakequant ------------------------------------------------------------------------------- */

enum { X, MIN, MAX, SCALE, ZERO, MEMORY, LEARNED };

static nn_attr read_fakequant(void)
{
    char rule[WORD] = "", scheme[WORD] = "";
    nn_attr a;
    memset(&a, 0, sizeof a);
    read_word(rule);
    read_word(scheme);
    a.fakequant.mode = NN_FQ_QUANTIZE;
    a.fakequant.learn = strcmp(rule, "none") != 0 ? quant_range_by_name(rule) : NULL;
    if (strcmp(rule, "none") != 0 && (a.fakequant.learn == NULL || a.fakequant.learn->learned == 0))
        quit("a rule that is not known, or learns nothing");
    a.fakequant.symmetric = strcmp(scheme, "symmetric") == 0;
    a.fakequant.grid.qmin = read_int();
    a.fakequant.grid.qmax = read_int();
    a.fakequant.axis = read_int();
    return a;
}

static const char *kind_of(int k)
{
    return k == X ? "value" : k == LEARNED ? "learned" : "state";
}

/* The range that was read, and scale and zero point as the network derives them. */
static void derive(bench *b)
{
    const nn_fakequant_attr *a = &b->node->attr.fakequant;
    nn_range_state s = nn_range_of(b->node);
    if (a->learn != NULL)
        quant_ranges_settle(b->graph);
    else
        nn_range_derive(&s, a);
    print_reals("scale", s.scale, (size_t)s.channels);
    print_reals("zero", s.zero_point, (size_t)s.channels);
}

static void run_fakequant(void)
{
    bench b;
    nn_node *in[LEARNED + 1];
    open_bench(&b);
    b.run.training = b.run.observe = true;
    const nn_attr a = read_fakequant();
    const nn_range_rule *learn = a.fakequant.learn;
    const nn_shape s = read_shape();
    const int channels = a.fakequant.axis < 0 ? 1 : s.dim[a.fakequant.axis];
    b.n_in = learn != NULL ? LEARNED + 1 : MEMORY + 1;
    for (int k = 0; k < b.n_in; k++) {
        const int count = k == MEMORY    ? 2 * channels + 1
                          : k == LEARNED ? learn->learned * channels
                                         : channels;
        strcpy(b.kind[k], kind_of(k));
        in[k] = add_leaf(&b, k, k == X ? s : NN_SHAPE(count));
        b.x[k] = (learn == NULL && (k == MIN || k == MAX)) || k == LEARNED
                     ? read_reals((size_t)count)
                 : k == X ? NULL
                          : new_reals((size_t)count);
    }
    b.x[X] = read_reals(nn_shape_count(s));
    b.node = nn_node_new(b.graph, NN_OP_fakequant, "node", in, b.n_in, &a);
    must(nn_graph_check(b.graph));
    must(nn_params_collate(b.params));
    prepare(&b);
    derive(&b);
    compute(&b);
    close_bench(&b);
}

/* ---- optimizer ------------------------------------------------------------------------------- */

static opt_config read_config(double *lr, double *clip)
{
    opt_config c = { .momentum = read_real() };
    c.nesterov = read_int() != 0;
    c.weight_decay = read_real();
    c.decay_bn = read_int() != 0;
    c.decoupled = read_int() != 0;
    *lr = read_real();
    *clip = read_real();
    return c;
}

static void read_both(nn_real *weight, nn_real *bias, size_t n)
{
    for (size_t i = 0; i < 2 * n; i++)
        *(i < n ? &weight[i] : &bias[i - n]) = (nn_real)read_real();
}

static void run_optimizer(void)
{
    char name[WORD] = "";
    double lr, max_norm;
    nn_params *ps;
    nn_param *w, *b;
    opt *o;
    opt_clip *clip;
    read_word(name);
    opt_config c = read_config(&lr, &max_norm);
    int n = read_int(), steps = read_int();
    const nn_init none = { .kind = NN_INIT_CONSTANT };
    must(nn_params_new(&ps));
    must(nn_params_get(&w, ps, "weight", NN_SHAPE(n), NN_PARAM_WEIGHT, none));
    must(nn_params_get(&b, ps, "bias", NN_SHAPE(n), NN_PARAM_BIAS, none));
    must(nn_params_collate(ps));
    must(opt_new(&o, name, ps, &c));
    must(opt_clip_new(&clip, ps, max_norm));
    read_both(w->value, b->value, (size_t)n);
    for (int t = 0; t < steps; t++) {
        read_both(w->grad, b->grad, (size_t)n);
        opt_clip_apply(clip);
        opt_step(o, lr, t);
        print_reals("weight", w->value, (size_t)n);
        print_reals("bias", b->value, (size_t)n);
    }
    opt_clip_free(clip);
    opt_free(o);
    nn_params_free(ps);
}

/* ---- calibration ----------------------------------------------------------------------------- */

static void run_calibrate(void)
{
    char name[WORD];
    quant_histogram *h;
    quant_interval range;
    if (!read_word(name))
        quit("a calibrator is missing");
    const quant_calibrator *c = quant_calibrator_by_name(name);
    if (c == NULL || c->choose == NULL)
        quit("a calibrator that is not known, or needs no histogram");
    quant_calibrator_options o = { .percentile = read_real() };
    o.bins = read_int();
    const nn_fakequant_attr a = { .grid = nn_grid_signed(read_int(), false) };
    const size_t n = (size_t)read_int();
    nn_real *x = read_reals(n);
    must(quant_calibrator_check(c, &o, a.grid));
    must(quant_histogram_new(&h, o.bins));
    if (!quant_histogram_add(h, x, n))
        quit("a value is not finite");
    must(c->choose(&range, h, &a, &o));
    const nn_real ends[] = { (nn_real)range.min, (nn_real)range.max };
    const nn_real width = (nn_real)h->width;
    print_reals("range", ends, 2);
    print_reals("width", &width, 1);
    quant_histogram_free(h);
    free(x);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } kinds[] = {
        { "op", run_op },
        { "fakequant", run_fakequant },
        { "optimizer", run_optimizer },
        { "calibrate", run_calibrate },
    };
    enum { N = sizeof kinds / sizeof *kinds };
    char word[WORD];
    nn_kernels_init();
    while (read_word(word)) {
        int i = 0;
        while (i < N && strcmp(word, kinds[i].name) != 0)
            i++;
        if (i == N)
            quit("a case of no known kind");
        kinds[i].run();
        printf("end\n");
    }
    return ferror(stdout) ? 1 : 0;
}
