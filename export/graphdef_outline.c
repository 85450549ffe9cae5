/* graphdef_outline - what a graph is made of, for viewers of TensorFlow graphs. */
#include <string.h>

#include "export/graphdef.h"
#include "export/graphdef_nodes.h"
#include "export/values.h"
#include "nn/base/mem.h"

/* A viewer groups and colours by these names. */
static const char *const tensorflow_name[NN_OP_COUNT] = {
    [NN_OP_input] = "Placeholder",
    [NN_OP_param] = "VariableV2",
    [NN_OP_dense] = "MatMul",
    [NN_OP_conv2d] = "Conv2D",
    [NN_OP_bnorm] = "FusedBatchNormV3",
    [NN_OP_dwconv2d] = "DepthwiseConv2dNative",
    [NN_OP_relu] = "Relu",
    [NN_OP_relu6] = "Relu6",
    [NN_OP_add] = "AddV2",
    [NN_OP_mul] = "Mul",
    [NN_OP_concat] = "ConcatV2",
    [NN_OP_max_pool] = "MaxPool",
    [NN_OP_avg_pool] = "AvgPool",
    [NN_OP_gap] = "Mean",
    [NN_OP_pad] = "Pad",
    [NN_OP_reshape] = "Reshape",
    [NN_OP_softmax] = "Softmax",
    [NN_OP_logistic] = "Sigmoid",
};

/* How much of a fakequant node is shown: x, min, max.  The rest is state. */
enum { FQ_SHOWN = EX_FQ_MAX + 1 };

static int shown_inputs(const nn_node *n)
{
    return n->id == NN_OP_fakequant ? FQ_SHOWN : n->n_in;
}

/* Marks the parameters that a shown node reads, 2 for the ends of a range, and all other nodes. */
static void mark(unsigned char *shown, const nn_graph *g)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (n->id == NN_OP_param)
            continue;
        shown[i] = 1;
        for (int k = 0; k < shown_inputs(n); k++)
            if (n->in[k]->id == NN_OP_param)
                shown[n->in[k]->index] = n->id == NN_OP_fakequant && k > EX_FQ_X ? 2 : 1;
    }
}

static void add_range_end(ex_tf *w, const nn_node *n)
{
    const nn_param *p = n->param;
    float *values = nn_arena_alloc(w->m.arena, p->count * sizeof *values);
    for (size_t i = 0; values != NULL && i < p->count; i++)
        values[i] = (float)p->value[i];
    if (values != NULL)
        ex_tf_readable(w, n->name, n->shape, values);
}

static void describe_range(ex_tf *w, ex_tf_node *node, const nn_node *fq)
{
    static const struct {
        int input;
        const char *name;
    } numbers[] = { { EX_FQ_MIN, "min" },
                    { EX_FQ_MAX, "max" },
                    { EX_FQ_SCALE, "scale" },
                    { EX_FQ_ZERO_POINT, "zero_point" } };
    const nn_grid grid = fq->attr.fakequant.grid;
    ex_tf_set_int(w, node, "qmin", grid.qmin);
    ex_tf_set_int(w, node, "qmax", grid.qmax);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const nn_param *p = fq->in[numbers[i].input]->param;
        if (p != NULL && p->count == 1)
            ex_tf_set_float(w, node, numbers[i].name, (float)p->value[0]);
    }
}

static const char *name_of_op(const nn_node *n)
{
    if (n->id == NN_OP_fakequant)
        return n->attr.fakequant.axis < 0 ? "FakeQuantWithMinMaxVars"
                                          : "FakeQuantWithMinMaxVarsPerChannel";
    return tensorflow_name[n->id] != NULL ? tensorflow_name[n->id] : n->op->name;
}

static void add_node(ex_tf *w, const nn_node *n)
{
    const char *in[NN_MAX_IN];
    for (int k = 0; k < shown_inputs(n); k++)
        in[k] = n->in[k]->name;
    ex_tf_node *node = ex_tf_add(w, name_of_op(n), n->name, in, (size_t)shown_inputs(n));
    ex_tf_set_result(w, node, n->shape);
    if (n->id == NN_OP_fakequant)
        describe_range(w, node, n);
}

nn_status ex_graphdef_outline(nn_bytes *out, const nn_graph *g)
{
    ex_tf w = { .graph = NULL };
    unsigned char *shown = nn_mem_alloc((size_t)nn_graph_count(g) + 1);
    nn_status st = shown != NULL ? ex_tf_open(&w)
                                 : nn_fail(NN_ENOMEM, "out of memory: %d nodes", nn_graph_count(g));
    if (st == NN_OK)
        mark(shown, g);
    for (int i = 0; st == NN_OK && i < nn_graph_count(g); i++)
        if (shown[i] != 0)
            (shown[i] == 2 ? add_range_end : add_node)(&w, nn_graph_node(g, i));
    if (st == NN_OK)
        st = ex_tf_pack(out, &w);
    ex_tf_close(&w);
    nn_mem_free(shown);
    return st;
}
