#include "export/compare_constants.h"

#include <string.h>

#include "export/values.h"

enum { QUANTBIAS_B, QUANTBIAS_X_SCALE, QUANTBIAS_W_SCALE };
enum { WEIGHT = 1, BIAS = 2 }; /* inputs of a layer, in graph and file */

static int32_t int32_at(const void *data, size_t i)
{
    const uint8_t *b = (const uint8_t *)data + 4 * i; /* little-endian */
    return (int32_t)((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                     (uint32_t)b[3] << 24);
}

/* The index along `axis` of element i. */
static size_t channel_of(const rt_tensor *t, size_t i)
{
    size_t inner = 1;
    for (int d = t->axis + 1; d < t->rank; d++)
        inner *= (size_t)t->dim[d];
    return t->n_scales > 1 ? i / inner % (size_t)t->n_scales : 0;
}

/* The layer that reads the parameter `name`, as its weight. */
static const nn_node *find_layer(const nn_graph *g, const char *name)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        if (nn_node_has_weight(n) && strcmp(ex_param_of(n->in[WEIGHT])->name, name) == 0)
            return n;
    }
    return NULL;
}

static int weight_code(const rt_tensor *t, size_t i)
{
    const uint8_t *data = t->data;
    if (t->type == RT_INT4) /* two a byte, the even element low */
        return ((data[i / 2] >> (i % 2 == 0 ? 0 : 4) & 15) ^ 8) - 8;
    return t->type == RT_INT8 ? (int8_t)data[i] : data[i];
}

/* The graph's value is exactly scale * (code - zero point), in the arithmetic of op fakequant. */
static int64_t count_weights(const rt_tensor *t, const nn_real *value)
{
    int64_t equal = 0;
    for (size_t i = 0; i < t->count; i++) {
        int c = (int)channel_of(t, i);
        equal += value[i] ==
                 (nn_real)(weight_code(t, i) - rt_zero_point(t, c)) * (nn_real)rt_scale(t, c);
    }
    return equal;
}

static bool is_weight_type(rt_type weights, rt_type activations)
{
    return weights == activations || (activations == RT_INT8 && weights == RT_INT4);
}

/* The same for op quantbias; a layer without a bias has zeros in the file. */
static int64_t count_biases(const ex_constants *c, const rt_tensor *t, const nn_node *bias,
                            const nn_real *value)
{
    const nn_real *x = NULL, *w = NULL;
    size_t scales = 0;
    int64_t equal = 0;
    if (bias != NULL) {
        x = nn_exec_value(c->exec, bias->in[QUANTBIAS_X_SCALE]);
        w = nn_exec_value(c->exec, bias->in[QUANTBIAS_W_SCALE]);
        scales = nn_shape_count(bias->in[QUANTBIAS_W_SCALE]->shape);
    }
    for (size_t i = 0; i < t->count; i++) {
        double code = int32_at(t->data, i);
        if (bias == NULL) {
            equal += code == 0;
            continue;
        }
        double scale = (double)x[0] * (double)w[scales > 1 ? i : 0];
        equal += value[i] == (nn_real)(code * scale);
    }
    return equal;
}

static float float_at(const void *data, size_t i)
{
    const int32_t word = int32_at(data, i);
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* A layer that is allowed by name to compute in float. */
static void compare_floats(ex_comparison *out, const ex_constants *c, const rt_tensor *w,
                           const nn_node *weight)
{
    const nn_real *value = nn_exec_value(c->exec, weight);
    int64_t equal = 0;
    for (size_t i = 0; i < w->count; i++)
        equal += (float)value[i] == float_at(w->data, i);
    out->constant[out->n_constants++] = (ex_constant_match){ w->name, (int64_t)w->count, equal };
}

static nn_status compare_layer_constants(ex_comparison *out, const ex_constants *c,
                                         const rt_operator *op)
{
    const rt_tensor *w = rt_tensor_at(c->m, op->in[WEIGHT]);
    const nn_node *layer = find_layer(c->g, w->name);
    const bool in_float = layer != NULL && layer->in[WEIGHT]->id != NN_OP_fakequant;
    if (layer == NULL || w->data == NULL ||
        !(in_float ? w->type == RT_FLOAT32 : is_weight_type(w->type, c->type)) ||
        w->count != nn_shape_count(layer->in[WEIGHT]->shape))
        return nn_fail(NN_EFORMAT,
                       "tensor %s: the network has no such weights; the file is another network's",
                       w->name);
    if (in_float) {
        compare_floats(out, c, w, layer->in[WEIGHT]);
        return NN_OK;
    }
    out->constant[out->n_constants++] =
        (ex_constant_match){ w->name, (int64_t)w->count,
                             count_weights(w, nn_exec_value(c->exec, layer->in[WEIGHT])) };
    if (op->n_in <= BIAS || op->in[BIAS] < 0)
        return NN_OK;
    const rt_tensor *b = rt_tensor_at(c->m, op->in[BIAS]);
    const nn_node *bias = layer->n_in > BIAS ? layer->in[BIAS] : NULL;
    if (b->data == NULL || b->type != RT_INT32 ||
        b->count != (size_t)nn_shape_channels(layer->shape) ||
        (bias != NULL && bias->id != NN_OP_quantbias))
        return nn_fail(NN_EFORMAT, "tensor %s: is no bias of layer %s", b->name, layer->name);
    const nn_real *value = bias != NULL ? nn_exec_value(c->exec, bias) : NULL;
    out->constant[out->n_constants++] =
        (ex_constant_match){ b->name, (int64_t)b->count, count_biases(c, b, bias, value) };
    return NN_OK;
}

nn_status ex_compare_constants(ex_comparison *out, const ex_constants *c)
{
    for (int i = 0; i < rt_n_operators(c->m); i++) {
        const rt_operator *op = rt_operator_at(c->m, i);
        if (op->macs > 0 && op->n_in > WEIGHT)
            NN_TRY(compare_layer_constants(out, c, op));
    }
    return NN_OK;
}
