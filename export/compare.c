#include "export/compare.h"

#include <stdlib.h>
#include <string.h>

#include "export/compare_constants.h"
#include "export/integer.h"
#include "export/values.h"
#include "nn/base/chunk.h"
#include "nn/base/mem.h"
#include "nn/exec.h"

enum { WEIGHT = 1 }; /* input of a layer, in graph and file */

/* What a thread counts for itself; all of it are sums and maxima of whole numbers, so that the
 * order does not matter. */
typedef struct count {
    int64_t n, equal;
    int largest;
} count;

typedef struct worker {
    void *arena;
    void *wanted; /* laid out like it: the graph's codes of each tensor */
    count *layer; /* of each operator */
    count output;
    int64_t agree;
} worker;

typedef struct comparer {
    nn_graph *g; /* of QUANT_DEPLOY, predicting a file of this type */
    ex_integer file;
    const rt_model *m;
    rt_type type;         /* of activations: int8 or uint8 */
    uint8_t flip;         /* code ^ flip is in the order of the values, as uint8 */
    const nn_node **node; /* of each tensor: whose values it has; NULL: none */
    nn_plan *plan;
    nn_exec *exec;
    worker *workers;
    int n_workers;
    int64_t pictures;
} comparer;

static void add(count *to, count from)
{
    to->n += from.n;
    to->equal += from.equal;
    to->largest = from.largest > to->largest ? from.largest : to->largest;
}

/* ---- matching tensors with nodes ------------------------------------------------------------- */

/* Is n the node behind the file's activation tensor of that name? */
static bool holds(const nn_node *n, const char *name)
{
    if (n->id == NN_OP_fakequant)
        return !ex_is_weight_quant(n) && strcmp(n->in[EX_FQ_X]->name, name) == 0;
    bool kept = n->id == NN_OP_max_pool || n->id == NN_OP_reshape || n->id == NN_OP_pad;
    return kept && strcmp(n->name, name) == 0;
}

static const nn_node *find_holder(const nn_graph *g, const char *name)
{
    const nn_node *found = NULL;
    for (int i = 0; i < nn_graph_count(g); i++)
        if (holds(nn_graph_node(g, i), name))
            found = nn_graph_node(g, i); /* a fakequant node follows the node it is about */
    return found;
}

/* What the file's codes are greater by than the graph's, which are int8. */
static int offset_of(rt_type type)
{
    return type == RT_UINT8 ? 128 : 0;
}

/* A fakequant node's range must be the file's. */
static nn_status check_range(const nn_node *n, const rt_tensor *t)
{
    if (n->id != NN_OP_fakequant)
        return NN_OK;
    double scale = (double)n->in[EX_FQ_SCALE]->param->value[0];
    double zero_point = (double)n->in[EX_FQ_ZERO_POINT]->param->value[0] + offset_of(t->type);
    if ((float)scale != t->scale || (int32_t)zero_point != t->zero_point)
        return nn_fail(
            NN_EFORMAT,
            "tensor %s: %.9g * (q - %d) in the file, %.9g * (q - %g) in the network; the "
            "file was made from another checkpoint",
            t->name, (double)t->scale, t->zero_point, scale, zero_point);
    return NN_OK;
}

/* Whether the file's tensor of that name belongs to a layer that the network has in float: its
 * input or its result, between the integers. */
static bool is_in_float(const nn_graph *g, const char *name)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        const size_t length = strlen(n->name);
        if (nn_node_has_weight(n) && n->in[WEIGHT]->id != NN_OP_fakequant &&
            strncmp(name, n->name, length) == 0 &&
            (strcmp(name + length, "/float") == 0 || strcmp(name + length, "/input/float") == 0))
            return true;
    }
    return false;
}

/* Finds the node of an activation.  What PAD puts before a convolution has none: it is computed;
 * neither has what lies between DEQUANTIZE and QUANTIZE. */
static nn_status match(const nn_node **out, const comparer *c, const rt_tensor *t, const char *op)
{
    *out = find_holder(c->g, t->name);
    if (*out == NULL && op != NULL && strcmp(op, "PAD") == 0)
        return NN_OK;
    if (*out == NULL && t->type == RT_FLOAT32 && is_in_float(c->g, t->name))
        return NN_OK;
    if (*out == NULL)
        return nn_fail(
            NN_EFORMAT,
            "tensor %s: the network has none of that name; the file is another network's", t->name);
    if (t->type != c->type)
        return nn_fail(NN_ENOTSUP, "tensor %s: is %s in a file whose input is %s", t->name,
                       rt_type_name(t->type), rt_type_name(c->type));
    if (t->count != nn_shape_count((*out)->shape))
        return nn_fail(NN_EFORMAT, "tensor %s: has %zu elements in the file, %zu in the network",
                       t->name, t->count, nn_shape_count((*out)->shape));
    return check_range(*out, t);
}

static nn_status match_all(comparer *c)
{
    if (rt_n_inputs(c->m) != 1 || rt_n_outputs(c->m) != 1)
        return nn_fail(NN_EFORMAT, "the file has %d inputs and %d outputs, the network one of each",
                       rt_n_inputs(c->m), rt_n_outputs(c->m));
    int in = rt_input(c->m, 0), out = rt_output(c->m, 0);
    NN_TRY(match(&c->node[in], c, rt_tensor_at(c->m, in), NULL));
    for (int i = 0; i < rt_n_operators(c->m); i++) {
        const rt_operator *op = rt_operator_at(c->m, i);
        NN_TRY(match(&c->node[op->out[0]], c, rt_tensor_at(c->m, op->out[0]), op->name));
    }
    if (c->node[out] == NULL)
        return nn_fail(NN_EFORMAT, "tensor %s: is the file's result, but none of the network's",
                       rt_tensor_at(c->m, out)->name);
    return NN_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* The codes of the graph's values of tensor t, which lie on its grid, for item `item` of the
 * batch. */
static void encode(const comparer *c, worker *w, int t, int item)
{
    const rt_tensor *tensor = rt_tensor_at(c->m, t);
    const nn_real *value = nn_exec_value(c->exec, c->node[t]) + (size_t)item * tensor->count;
    const nn_real scale = (nn_real)tensor->scale, half = (nn_real)0.5;
    const int lowest = offset_of(c->type) - 128, highest = lowest + 255;
    uint8_t *code = rt_data(c->m, w->wanted, t);
    for (size_t i = 0; i < tensor->count; i++) {
        nn_real steps = value[i] / scale; /* a whole number, but for rounding */
        int q = (int)(steps + (steps < 0 ? -half : half)) + tensor->zero_point;
        code[i] = (uint8_t)(q < lowest ? lowest : q > highest ? highest : q);
    }
}

static void encode_all(const comparer *c, worker *w, int item)
{
    for (int t = 0; t < rt_n_tensors(c->m); t++)
        if (c->node[t] != NULL)
            encode(c, w, t, item);
}

/* Puts the graph's codes of tensor t where the runtime reads them. */
static void give(const comparer *c, worker *w, int t)
{
    memcpy(rt_data(c->m, w->arena, t), rt_data(c->m, w->wanted, t), rt_tensor_at(c->m, t)->count);
}

static void count_codes(count *to, const comparer *c, worker *w, int t)
{
    const uint8_t *code = rt_data(c->m, w->arena, t), *wanted = rt_data(c->m, w->wanted, t);
    int n = (int)rt_tensor_at(c->m, t)->count, equal = 0, largest = 0;
    for (int i = 0; i < n; i++) {
        int d = abs((code[i] ^ c->flip) - (wanted[i] ^ c->flip));
        equal += d == 0;
        largest = d > largest ? d : largest;
    }
    add(to, (count){ n, equal, largest });
}

/* Runs each operator alone on the graph's codes. */
static void compare_layers(const comparer *c, worker *w)
{
    for (int i = 0; i < rt_n_operators(c->m); i++) {
        const rt_operator *op = rt_operator_at(c->m, i);
        for (int k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0 && c->node[op->in[k]] != NULL)
                give(c, w, op->in[k]);
        rt_run_some(c->m, w->arena, i, 1, NULL);
        if (c->node[op->out[0]] != NULL)
            count_codes(&w->layer[i], c, w, op->out[0]);
    }
}

/* ---- predictions ----------------------------------------------------------------------------- */

/* The lowest index of the largest code. */
static size_t best_code(const comparer *c, const uint8_t *code, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = (code[i] ^ c->flip) > (code[best] ^ c->flip) ? i : best;
    return best;
}

static void compare_prediction(const comparer *c, worker *w)
{
    int out = rt_output(c->m, 0);
    size_t n = rt_tensor_at(c->m, out)->count;
    give(c, w, rt_input(c->m, 0));
    rt_run(c->m, w->arena, NULL);
    w->agree += best_code(c, rt_data(c->m, w->arena, out), n) ==
                best_code(c, rt_data(c->m, w->wanted, out), n);
    count_codes(&w->output, c, w, out);
}

static void compare_batch(comparer *c, const nn_real *image, int n)
{
    nn_exec_bind(c->exec, nn_graph_find(c->g, "image"), image);
    nn_exec_forward(c->exec, n, &(nn_run){ 0 });
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        worker *w = &c->workers[nn_thread_index()];
        encode_all(c, w, i);
        compare_layers(c, w);
        compare_prediction(c, w);
    }
    c->pictures += n;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static nn_status open_file(comparer *c, const void *bytes, size_t size, const rt_limits *limits)
{
    rt_options options = rt_options_default();
    options.keep_all = true;
    options.kernels = rt_kernels_best();
    if (limits != NULL)
        options.limits = *limits;
    NN_TRY(ex_integer_open(&c->file, bytes, size, &options));
    c->m = c->file.model;
    const rt_tensor *input = rt_tensor_at(c->m, rt_input(c->m, 0));
    c->type = input->type;
    c->flip = c->type == RT_INT8 ? 0x80 : 0;
    if (c->type != RT_INT8 && c->type != RT_UINT8)
        return nn_fail(NN_ENOTSUP, "tensor %s: is %s; int8 and uint8 files are compared",
                       input->name, rt_type_name(c->type));
    return NN_OK;
}

/* The network, rounding as the file's kernels do. */
static nn_status build_graph(comparer *c, const nn_graph *from, const quant_config *config)
{
    quant_config own = *config;
    own.is_uint8 = c->type == RT_UINT8;
    NN_TRY(nn_graph_new(&c->g, nn_graph_params(from)));
    return quant_build(c->g, from, &own, QUANT_DEPLOY);
}

static nn_status prepare(comparer *c, nn_arena *arena, int batch)
{
    size_t tensors = (size_t)rt_n_tensors(c->m), operators = (size_t)rt_n_operators(c->m);
    c->n_workers = nn_thread_count();
    c->node = nn_arena_alloc(arena, tensors * sizeof(const nn_node *));
    c->workers = nn_arena_alloc(arena, (size_t)c->n_workers * sizeof *c->workers);
    if (c->node == NULL || c->workers == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < c->n_workers; i++) {
        c->workers[i].layer = nn_arena_alloc(arena, operators * sizeof(count));
        if (c->workers[i].layer == NULL)
            return NN_ENOMEM;
        NN_TRY(ex_integer_arena(&c->workers[i].arena, c->m));
        NN_TRY(ex_integer_arena(&c->workers[i].wanted, c->m));
    }
    NN_TRY(match_all(c));
    NN_TRY(nn_plan_new(&c->plan, c->g, &(nn_plan_options){ .batch = batch, .keep_all = true }));
    return nn_exec_new(&c->exec, c->plan, NULL);
}

static nn_status run_batches(ex_comparison *out, comparer *c, quant_next_batch *next, void *ctx)
{
    for (bool first = true;; first = false) {
        const nn_real *image = NULL;
        int n = 0;
        NN_TRY(next(ctx, &image, &n));
        if (n == 0)
            return !first ? NN_OK : nn_fail(NN_EINVAL, "comparison: no pictures were given");
        compare_batch(c, image, n);
        if (first)
            NN_TRY(ex_compare_constants(out, &(ex_constants){ c->g, c->exec, c->m, c->type }));
    }
}

static void gather(ex_comparison *out, const comparer *c)
{
    count output = { 0 };
    out->pictures = c->pictures;
    for (int i = 0; i < rt_n_operators(c->m); i++) {
        const rt_operator *op = rt_operator_at(c->m, i);
        count sum = { 0 };
        for (int k = 0; k < c->n_workers; k++)
            add(&sum, c->workers[k].layer[i]);
        if (c->node[op->out[0]] != NULL)
            out->layer[out->n_layers++] =
                (ex_layer_match){ rt_tensor_at(c->m, op->out[0])->name, op->name, sum.n, sum.equal,
                                  sum.largest };
    }
    for (int k = 0; k < c->n_workers; k++) {
        add(&output, c->workers[k].output);
        out->agree += c->workers[k].agree;
    }
    out->outputs = output.n;
    out->outputs_equal = output.equal;
    out->outputs_largest = output.largest;
}

/* The names are the model's, which goes before the result does. */
static nn_status keep_names(ex_comparison *out, nn_arena *arena)
{
    for (int i = 0; i < out->n_constants; i++)
        if ((out->constant[i].name = nn_arena_strdup(arena, out->constant[i].name)) == NULL)
            return NN_ENOMEM;
    for (int i = 0; i < out->n_layers; i++) {
        ex_layer_match *l = &out->layer[i];
        if ((l->name = nn_arena_strdup(arena, l->name)) == NULL ||
            (l->op = nn_arena_strdup(arena, l->op)) == NULL)
            return NN_ENOMEM;
    }
    return NN_OK;
}

static nn_status compare(ex_comparison *out, comparer *c, nn_arena *arena, int batch,
                         quant_next_batch *next, void *ctx)
{
    size_t operators = (size_t)rt_n_operators(c->m);
    out->constant = nn_arena_alloc(arena, 2 * operators * sizeof *out->constant);
    out->layer = nn_arena_alloc(arena, operators * sizeof *out->layer);
    if (out->constant == NULL || out->layer == NULL)
        return NN_ENOMEM;
    NN_TRY(prepare(c, arena, batch));
    NN_TRY(run_batches(out, c, next, ctx));
    gather(out, c);
    return keep_names(out, arena);
}

nn_status ex_compare(ex_comparison *out, nn_arena *arena, const nn_graph *from,
                     const quant_config *config, const ex_compare_file *file, int batch,
                     quant_next_batch *next, void *ctx)
{
    comparer c = { 0 };
    *out = (ex_comparison){ 0 };
    nn_status st = open_file(&c, file->bytes, file->size, file->limits);
    if (st == NN_OK)
        st = build_graph(&c, from, config);
    if (st == NN_OK)
        st = compare(out, &c, arena, batch, next, ctx);
    for (int i = 0; c.workers != NULL && i < c.n_workers; i++) {
        nn_mem_free(c.workers[i].arena);
        nn_mem_free(c.workers[i].wanted);
    }
    nn_exec_free(c.exec);
    nn_plan_free(c.plan);
    nn_graph_free(c.g);
    ex_integer_close(&c.file);
    return st;
}

const ex_layer_match *ex_compare_first(const ex_comparison *c)
{
    for (int i = 0; i < c->n_layers; i++)
        if (c->layer[i].largest > 1)
            return &c->layer[i];
    for (int i = 0; i < c->n_layers; i++)
        if (c->layer[i].equal != c->layer[i].n)
            return &c->layer[i];
    return NULL;
}
