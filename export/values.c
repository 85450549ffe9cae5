#include "export/values.h"

#include <math.h>
#include <string.h>

#include "nn/base/mem.h"

nn_status ex_values_open(ex_values *v, const nn_graph *g)
{
    *v = (ex_values){ 0 };
    const nn_node *image = nn_graph_find(g, "image");
    if (image == NULL)
        return nn_fail(NN_EINVAL, "the network has no input \"image\"");
    v->zeros = nn_mem_alloc(nn_shape_count(image->shape) * sizeof(nn_real));
    if (v->zeros == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: an input of %s", image->name);
    NN_TRY(nn_plan_new(&v->plan, g, &(nn_plan_options){ .batch = 1, .keep_all = true }));
    NN_TRY(nn_exec_new(&v->exec, v->plan, NULL));
    nn_exec_bind(v->exec, image, v->zeros);
    nn_exec_forward(v->exec, 1, &(nn_run){ 0 });
    return NN_OK;
}

void ex_values_close(ex_values *v)
{
    nn_exec_free(v->exec);
    nn_plan_free(v->plan);
    nn_mem_free(v->zeros);
    *v = (ex_values){ 0 };
}

/* Where element i of the permuted tensor lies in the one of shape s. */
static size_t source_of(size_t i, nn_shape s, const int *perm)
{
    size_t stride[NN_MAX_RANK] = { 0 }, at = 0, all = 1;
    for (int d = s.rank - 1; d >= 0; d--) {
        stride[d] = all;
        all *= (size_t)s.dim[d];
    }
    for (int d = s.rank - 1; d >= 0; d--) {
        size_t extent = (size_t)s.dim[perm[d]];
        at += i % extent * stride[perm[d]];
        i /= extent;
    }
    return at;
}

float *ex_values_floats(nn_arena *arena, const ex_values *v, const nn_node *n, const int *perm)
{
    const nn_real *value = nn_exec_value(v->exec, n);
    size_t count = nn_shape_count(n->shape);
    float *floats = nn_arena_alloc(arena, count * sizeof *floats);
    for (size_t i = 0; floats != NULL && i < count; i++)
        floats[i] = (float)value[perm != NULL ? source_of(i, n->shape, perm) : i];
    return floats;
}

const nn_real *ex_values_scales(const ex_values *v, const nn_node *fq, size_t *n)
{
    *n = nn_shape_count(fq->in[EX_FQ_SCALE]->shape);
    return nn_exec_value(v->exec, fq->in[EX_FQ_SCALE]);
}

nn_status ex_values_check_range(const ex_values *v, const nn_node *fq, const char *name)
{
    size_t n;
    const nn_real *scale = ex_values_scales(v, fq, &n);
    for (size_t i = 0; i < n; i++)
        if (!(scale[i] > 0))
            return nn_fail(NN_EINVAL,
                           "%s: has no range yet; train with --qat or calibrate with octet "
                           "quantize",
                           name);
    return NN_OK;
}

void *ex_words(nn_arena *arena, const void *words, size_t n)
{
    uint8_t *bytes = nn_arena_alloc(arena, 4 * n);
    for (size_t i = 0; bytes != NULL && i < n; i++) {
        uint32_t word;
        memcpy(&word, (const uint8_t *)words + 4 * i, sizeof word);
        for (int k = 0; k < 4; k++)
            bytes[4 * i + (size_t)k] = (uint8_t)(word >> (8 * k));
    }
    return bytes;
}

ex_padding ex_padding_of(const nn_window *w, nn_shape x)
{
    int top, bottom, left, right;
    nn_window_extent(x.dim[1], w->kernel_h, w->stride_h, w->dilation_h, NN_SAME, &top, &bottom);
    nn_window_extent(x.dim[2], w->kernel_w, w->stride_w, w->dilation_w, NN_SAME, &left, &right);
    if (w->top == 0 && w->bottom == 0 && w->left == 0 && w->right == 0)
        return EX_PADDING_VALID;
    bool same = w->top == top && w->bottom == bottom && w->left == left && w->right == right;
    return same ? EX_PADDING_SAME : EX_PADDING_OTHER;
}

bool ex_is_constant(const nn_node *n)
{
    return n->id == NN_OP_param || n->id == NN_OP_dorefa || n->id == NN_OP_bnscale ||
           n->id == NN_OP_bnbias || n->id == NN_OP_bngrid || n->id == NN_OP_biasgrid ||
           n->id == NN_OP_quantbias || (n->id == NN_OP_fakequant && ex_is_weight_quant(n)) ||
           (n->id == NN_OP_input && n->shape.rank < 2) || (n->op->flags & NN_FLAG_TRAIN_ONLY);
}

bool ex_is_weight_quant(const nn_node *fq)
{
    const nn_node *x = fq->in[EX_FQ_X];
    return x->id == NN_OP_param || x->id == NN_OP_dorefa || x->id == NN_OP_bnscale;
}

const nn_node *ex_param_of(const nn_node *weight)
{
    while (weight->id != NN_OP_param)
        weight = weight->in[0];
    return weight;
}

int32_t ex_bias_code(double bias, double scale)
{
    return (int32_t)fmin(fmax(round(bias / scale), (double)INT32_MIN), (double)INT32_MAX);
}
