#include "export/tfl_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/tfl_ops.h"
#include "nn/base/mem.h"

/* ---- types ----------------------------------------------------------------------------------- */

typedef struct type_row {
    enum tfl_type type;
    const char *name;
    int bits;                /* of an element in the file */
    int64_t lowest, highest; /* zero point */
    bool needs_scale, forbids_scale;
} type_row;

static const type_row types[] = {
    { TFL_TYPE_FLOAT32, "FLOAT32", 32, 0, 0, false, true },
    { TFL_TYPE_INT32, "INT32", 32, 0, 0, false, false }, /* a bias has scales, an axis has none */
    { TFL_TYPE_UINT8, "UINT8", 8, 0, 255, true, false },
    { TFL_TYPE_INT64, "INT64", 64, 0, 0, false, true },
    { TFL_TYPE_INT8, "INT8", 8, -128, 127, true, false },
    { TFL_TYPE_INT4, "INT4", 4, -8, 7, true, false },
};

static const type_row *find_type(enum tfl_type type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return &types[i];
    return NULL;
}

const char *tfl_type_name(enum tfl_type type)
{
    const type_row *row = find_type(type);
    return row != NULL ? row->name : "?";
}

size_t tfl_tensor_count(const tfl_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= (size_t)t->dim[i];
    return n;
}

size_t tfl_tensor_bytes(const tfl_tensor *t)
{
    const type_row *row = find_type(t->type);
    return row != NULL ? (tfl_tensor_count(t) * (size_t)row->bits + 7) / 8 : 0;
}

/* ---- tensors --------------------------------------------------------------------------------- */

#define TENSOR_FAIL(t, ...) nn_fail_context(nn_fail(NN_EINVAL, __VA_ARGS__), "tensor %s", (t)->name)

static nn_status check_shape(const tfl_tensor *t)
{
    if (t->rank < 0 || t->rank > TFL_MAX_RANK)
        return TENSOR_FAIL(t, "%d dimensions; the format's readers take 0 to %d", t->rank,
                           TFL_MAX_RANK);
    int64_t count = 1;
    for (int i = 0; i < t->rank; i++) {
        if (t->dim[i] < 1)
            return TENSOR_FAIL(t, "dimension %d is %d; it must be at least 1", i, t->dim[i]);
        count *= t->dim[i];
        if (count > INT32_MAX)
            return TENSOR_FAIL(t, "more than 2^31 - 1 elements");
    }
    return NN_OK;
}

static nn_status check_scale(const tfl_tensor *t, int i, const type_row *row)
{
    float scale = t->quant.scale[i];
    if (!(scale > 0) || !isfinite(scale))
        return TENSOR_FAIL(t, "scale %d is %g; it must be finite and above 0", i, (double)scale);
    int64_t zero = t->quant.zero_point != NULL ? t->quant.zero_point[i] : 0;
    if (zero < row->lowest || zero > row->highest)
        return TENSOR_FAIL(t, "zero point %d is %lld; %s takes %lld to %lld", i, (long long)zero,
                           row->name, (long long)row->lowest, (long long)row->highest);
    if (t->quant.min != NULL && !(t->quant.min[i] <= t->quant.max[i]))
        return TENSOR_FAIL(t, "range %d is [%g, %g]", i, (double)t->quant.min[i],
                           (double)t->quant.max[i]);
    return NN_OK;
}

static nn_status check_quant(const tfl_tensor *t, const type_row *row)
{
    const tfl_quant *q = &t->quant;
    if (q->n == 0)
        return row->needs_scale ? TENSOR_FAIL(t, "%s without a scale", row->name) : NN_OK;
    if (row->forbids_scale || q->n < 0 || q->scale == NULL)
        return TENSOR_FAIL(t, "%s with %d scales", row->name, q->n);
    if ((q->min == NULL) != (q->max == NULL))
        return TENSOR_FAIL(t, "one end of the range is missing");
    if (q->n > 1 && (q->axis < 0 || q->axis >= t->rank))
        return TENSOR_FAIL(t, "scales along axis %d of %d dimensions", q->axis, t->rank);
    if (q->n > 1 && q->n != t->dim[q->axis])
        return TENSOR_FAIL(t, "%d scales for %d channels", q->n, t->dim[q->axis]);
    for (int i = 0; i < q->n; i++)
        NN_TRY(check_scale(t, i, row));
    return NN_OK;
}

nn_status tfl_check_tensor(const tfl_tensor *t)
{
    if (t->name == NULL || t->name[0] == '\0')
        return nn_fail(NN_EINVAL, "a tensor without a name");
    const type_row *row = find_type(t->type);
    if (row == NULL)
        return nn_fail(NN_ENOTSUP, "tensor %s: octet does not write type %d", t->name,
                       (int)t->type);
    NN_TRY(check_shape(t));
    if (t->data == NULL && t->type == TFL_TYPE_INT4)
        return TENSOR_FAIL(t, "INT4 is for constants only");
    if (t->bytes != (t->data != NULL ? tfl_tensor_bytes(t) : 0))
        return TENSOR_FAIL(t, "%zu bytes of data, its type and shape take %zu", t->bytes,
                           t->data != NULL ? tfl_tensor_bytes(t) : 0);
    return check_quant(t, row);
}

/* ---- operators: options ---------------------------------------------------------------------- */

static nn_status at_least_one(const char *what, int value)
{
    return value >= 1 ? NN_OK : nn_fail(NN_EINVAL, "%s is %d; it must be at least 1", what, value);
}

static nn_status check_window(int stride_h, int stride_w, enum tfl_padding padding,
                              enum tfl_activation activation)
{
    NN_TRY(at_least_one("stride_h", stride_h));
    NN_TRY(at_least_one("stride_w", stride_w));
    if (padding != TFL_PADDING_SAME && padding != TFL_PADDING_VALID)
        return nn_fail(NN_EINVAL, "padding %d; the format has SAME and VALID", (int)padding);
    if ((int)activation < TFL_ACT_NONE || activation > TFL_ACT_RELU6)
        return nn_fail(NN_EINVAL, "fused activation %d", (int)activation);
    return NN_OK;
}

static nn_status check_conv(const tfl_conv *c, bool depthwise)
{
    NN_TRY(check_window(c->stride_h, c->stride_w, c->padding, c->activation));
    NN_TRY(at_least_one("dilation_h", c->dilation_h));
    NN_TRY(at_least_one("dilation_w", c->dilation_w));
    return depthwise ? at_least_one("multiplier", c->multiplier) : NN_OK;
}

static nn_status check_pool(const tfl_pool *p)
{
    NN_TRY(check_window(p->stride_h, p->stride_w, p->padding, p->activation));
    NN_TRY(at_least_one("filter_h", p->filter_h));
    return at_least_one("filter_w", p->filter_w);
}

static nn_status check_dims(const tfl_dims *d)
{
    if (d->n < 0 || d->n > TFL_MAX_RANK)
        return nn_fail(NN_EINVAL, "%d dimensions; it may be 0 to %d", d->n, TFL_MAX_RANK);
    return NN_OK;
}

static nn_status check_options(const tfl_operator *op, const tfl_tensor *x)
{
    const tfl_attr *a = &op->attr;
    switch (op->code) {
    case TFL_OP_CONV_2D:
    case TFL_OP_DEPTHWISE_CONV_2D:
        return check_conv(&a->conv, op->code == TFL_OP_DEPTHWISE_CONV_2D);
    case TFL_OP_AVERAGE_POOL_2D:
    case TFL_OP_MAX_POOL_2D:
        return check_pool(&a->pool);
    case TFL_OP_FULLY_CONNECTED:
        return check_window(1, 1, TFL_PADDING_SAME, a->dense.activation);
    case TFL_OP_ADD:
    case TFL_OP_SUB:
    case TFL_OP_MUL:
        return check_window(1, 1, TFL_PADDING_SAME, a->activation);
    case TFL_OP_RESHAPE:
    case TFL_OP_SQUEEZE:
        return check_dims(&a->dims);
    case TFL_OP_SOFTMAX:
        if (!(a->beta > 0) || !isfinite(a->beta))
            return nn_fail(NN_EINVAL, "beta is %g; it must be above 0, commonly 1",
                           (double)a->beta);
        return NN_OK;
    case TFL_OP_LEAKY_RELU:
        return isfinite(a->alpha) ? NN_OK : nn_fail(NN_EINVAL, "alpha is not finite");
    case TFL_OP_CONCATENATION:
        if (a->concat.axis < -x->rank || a->concat.axis >= x->rank)
            return nn_fail(NN_EINVAL, "axis %d of %d dimensions", a->concat.axis, x->rank);
        return NN_OK;
    case TFL_OP_RESIZE_BILINEAR:
    case TFL_OP_RESIZE_NEAREST_NEIGHBOR:
        if (a->resize.align_corners && a->resize.half_pixel_centers)
            return nn_fail(NN_EINVAL, "align_corners and half_pixel_centers exclude each other");
        return NN_OK;
    default:
        return NN_OK;
    }
}

/* ---- operators: their tensors ---------------------------------------------------------------- */

static const tfl_tensor *tensor(const tfl_model *m, int32_t index)
{
    return &m->tensors[index];
}

static int32_t outputs_of(const tfl_operator *op)
{
    return op->code == TFL_OP_SPLIT ? op->attr.splits : 1;
}

static nn_status check_indices(const tfl_model *m, const tfl_operator *op, const tfl_op_row *row)
{
    if (!tfl_op_takes(row, op->n_in))
        return nn_fail(NN_EINVAL, "%d inputs", op->n_in);
    if (op->n_out < 1 || op->n_out != outputs_of(op))
        return nn_fail(NN_EINVAL, "%d outputs instead of %d", op->n_out, outputs_of(op));
    for (int i = 0; i < op->n_in; i++) {
        bool left_out = op->in[i] == TFL_OPTIONAL_TENSOR && tfl_op_input_kind(row, i) == 'o';
        if (!left_out && (op->in[i] < 0 || op->in[i] >= m->n_tensors))
            return nn_fail(NN_EINVAL, "input %d is tensor %d of %d", i, op->in[i], m->n_tensors);
    }
    for (int i = 0; i < op->n_out; i++)
        if (op->out[i] < 0 || op->out[i] >= m->n_tensors)
            return nn_fail(NN_EINVAL, "output %d is tensor %d of %d", i, op->out[i], m->n_tensors);
    return NN_OK;
}

/* x and y: one type, or what the converting operators turn it into. */
static nn_status check_data(const tfl_operator *op, const tfl_tensor *x, const tfl_tensor *y)
{
    bool fits = x->type == y->type, integer = y->type == TFL_TYPE_INT8 || y->type == TFL_TYPE_UINT8;
    if (op->code == TFL_OP_QUANTIZE)
        fits = integer;
    else if (op->code == TFL_OP_DEQUANTIZE)
        fits = y->type == TFL_TYPE_FLOAT32;
    else if (op->code == TFL_OP_ARG_MAX)
        fits = y->type == op->attr.output_type &&
               (y->type == TFL_TYPE_INT32 || y->type == TFL_TYPE_INT64);
    if (!fits)
        return nn_fail(NN_EINVAL, "%s %s gives %s %s", tfl_type_name(x->type), x->name,
                       tfl_type_name(y->type), y->name);
    bool known = x->type == TFL_TYPE_FLOAT32
                     ? op->code != TFL_OP_DEQUANTIZE
                     : x->type == TFL_TYPE_INT8 || x->type == TFL_TYPE_UINT8;
    if (!known && !(op->code == TFL_OP_DEQUANTIZE && x->type == TFL_TYPE_INT4))
        return nn_fail(NN_ENOTSUP, "octet does not write it for %s (%s)", tfl_type_name(x->type),
                       x->name);
    if (x->quant.n > 1 && op->code != TFL_OP_DEQUANTIZE)
        return nn_fail(NN_EINVAL, "%s has %d scales; data has one", x->name, x->quant.n);
    return NN_OK;
}

/* Scale and zero point of an integer result, where the operator does not leave them free. */
static nn_status check_result(tfl_result rule, const tfl_tensor *x, const tfl_tensor *y)
{
    if (rule == TFL_RESULT_FREE || y->quant.n != 1 || x->quant.n != 1)
        return NN_OK;
    bool is_signed = y->type == TFL_TYPE_INT8;
    float scale = x->quant.scale[0];
    int64_t zero = x->quant.zero_point[0];
    if (rule == TFL_RESULT_UNIT) {
        scale = 1.0f / 256;
        zero = is_signed ? -128 : 0;
    } else if (rule == TFL_RESULT_TANH) {
        scale = 1.0f / 128;
        zero = is_signed ? 0 : 128;
    }
    if (y->quant.scale[0] == scale && y->quant.zero_point[0] == zero)
        return NN_OK;
    return nn_fail(NN_EINVAL, "%s has scale %.9g, zero point %lld; the operator gives %.9g, %lld",
                   y->name, (double)y->quant.scale[0], (long long)y->quant.zero_point[0],
                   (double)scale, (long long)zero);
}

static nn_status check_weights(const tfl_operator *op, const tfl_tensor *x, const tfl_tensor *w)
{
    int axis = op->code == TFL_OP_DEPTHWISE_CONV_2D ? 3 : 0;
    int rank = op->code == TFL_OP_FULLY_CONNECTED ? 2 : 4;
    bool fits = w->type == x->type || (x->type == TFL_TYPE_INT8 && w->type == TFL_TYPE_INT4);
    if (!fits || w->data == NULL || w->rank != rank)
        return nn_fail(NN_EINVAL, "weights %s: %s of %d dimensions%s for %s data", w->name,
                       tfl_type_name(w->type), w->rank, w->data == NULL ? ", no constant," : "",
                       tfl_type_name(x->type));
    if (w->quant.n > 1 && (w->quant.axis != axis || x->type == TFL_TYPE_UINT8))
        return nn_fail(NN_EINVAL, "weights %s: %d scales along axis %d; %s", w->name, w->quant.n,
                       w->quant.axis, x->type == TFL_TYPE_UINT8 ? "uint8 has one" : "not channels");
    for (int i = 0; x->type == TFL_TYPE_INT8 && i < w->quant.n; i++)
        if (w->quant.zero_point[i] != 0)
            return nn_fail(NN_EINVAL, "weights %s: zero point %d is %lld; %s weights have 0",
                           w->name, i, (long long)w->quant.zero_point[i], tfl_type_name(w->type));
    return NN_OK;
}

/* The bias is added to sums of products: its scales are those of the products. */
static nn_status check_bias(const tfl_tensor *x, const tfl_tensor *w, const tfl_tensor *b)
{
    enum tfl_type type = x->type == TFL_TYPE_FLOAT32 ? TFL_TYPE_FLOAT32 : TFL_TYPE_INT32;
    if (b->type != type || b->data == NULL || b->quant.n != w->quant.n)
        return nn_fail(NN_EINVAL, "bias %s: %s with %d scales; it must be constant %s with %d",
                       b->name, tfl_type_name(b->type), b->quant.n, tfl_type_name(type),
                       w->quant.n);
    for (int i = 0; i < b->quant.n; i++) {
        double product = (double)x->quant.scale[0] * (double)w->quant.scale[i];
        double scale = (double)b->quant.scale[i];
        if (fabs(scale - product) > 1e-6 * product)
            return nn_fail(NN_EINVAL, "bias %s: scale %d is %.9g, input times weights is %.9g",
                           b->name, i, scale, product);
    }
    return NN_OK;
}

static nn_status check_ints(const tfl_tensor *t)
{
    if (t->type != TFL_TYPE_INT32 || t->data == NULL || t->quant.n != 0)
        return nn_fail(NN_EINVAL, "%s must be a constant of type INT32", t->name);
    return NN_OK;
}

static nn_status check_output(const tfl_model *m, const tfl_operator *op, const tfl_op_row *row,
                              const tfl_tensor *y)
{
    if (y->data != NULL || y->quant.n > 1)
        return nn_fail(NN_EINVAL, "its output %s %s", y->name,
                       y->data != NULL ? "is a constant" : "has a scale for each channel");
    for (int i = 0; i < op->n_in; i++) {
        if (tfl_op_input_kind(row, i) != 'x')
            continue;
        const tfl_tensor *x = tensor(m, op->in[i]);
        bool rescales = op->code == TFL_OP_CONCATENATION && x->type == TFL_TYPE_UINT8;
        NN_TRY(check_data(op, x, y));
        NN_TRY(check_result(rescales ? TFL_RESULT_FREE : row->result, x, y));
    }
    return NN_OK;
}

/* An input that is no data. */
static nn_status check_extra(const tfl_model *m, const tfl_operator *op, char kind, int i)
{
    const tfl_tensor *t = tensor(m, op->in[i]), *x = tfl_op_data(m, op);
    if (kind == 'w')
        return check_weights(op, x, t);
    return kind == 'i' ? check_ints(t) : check_bias(x, tensor(m, op->in[1]), t);
}

static nn_status check_operator(const tfl_model *m, const tfl_operator *op, const tfl_op_row *row)
{
    NN_TRY(check_indices(m, op, row));
    for (int i = 0; i < op->n_out; i++)
        NN_TRY(check_output(m, op, row, tensor(m, op->out[i])));
    for (int i = 0; i < op->n_in; i++) {
        char kind = tfl_op_input_kind(row, i);
        if (kind != 'x' && op->in[i] != TFL_OPTIONAL_TENSOR)
            NN_TRY(check_extra(m, op, kind, i));
    }
    return check_options(op, tfl_op_data(m, op));
}

nn_status tfl_check_operator(const tfl_model *m, const tfl_operator *op)
{
    const tfl_op_row *row = tfl_op_find(op->code);
    if (row == NULL)
        return nn_fail(NN_ENOTSUP, "operator %d: octet does not write builtin code %d",
                       m->n_operators, (int)op->code);
    nn_status st = check_operator(m, op, row);
    if (st == NN_OK)
        return NN_OK;
    bool named = op->n_out > 0 && op->out[0] >= 0 && op->out[0] < m->n_tensors;
    return nn_fail_context(st, "operator %d, %s %s", m->n_operators, row->name,
                           named ? tensor(m, op->out[0])->name : "");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static nn_status check_names(const tfl_model *m)
{
    size_t n = (size_t)m->n_tensors;
    const char **name = nn_mem_alloc(n * sizeof *name + 1);
    if (name == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: the names of %zu tensors", n);
    for (size_t i = 0; i < n; i++)
        name[i] = m->tensors[i].name;
    qsort(name, n, sizeof *name, compare_names);
    nn_status st = NN_OK;
    for (size_t i = 1; i < n && st == NN_OK; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            st = nn_fail(NN_EINVAL, "two tensors have the name %s", name[i]);
    nn_mem_free(name);
    return st;
}

static nn_status check_ports(const tfl_model *m, const char *what, const tfl_port *port, int n)
{
    if (n < 1)
        return nn_fail(NN_EINVAL, "the model has no %s", what);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (port[i].tensor == port[k].tensor || strcmp(port[i].name, port[k].name) == 0)
                return nn_fail(NN_EINVAL, "%s %s is there twice", what,
                               tensor(m, port[i].tensor)->name);
    return NN_OK;
}

/* known[t]: the tensor has its value before the next operator runs. */
static nn_status check_order(const tfl_model *m, bool *known)
{
    for (int i = 0; i < m->n_tensors; i++)
        known[i] = m->tensors[i].data != NULL;
    for (int i = 0; i < m->n_inputs; i++) {
        if (known[m->inputs[i].tensor])
            return nn_fail(NN_EINVAL, "input %s is a constant", m->inputs[i].name);
        known[m->inputs[i].tensor] = true;
    }
    for (int i = 0; i < m->n_operators; i++) {
        const tfl_operator *op = &m->operators[i];
        for (int k = 0; k < op->n_in; k++)
            if (op->in[k] >= 0 && !known[op->in[k]])
                return nn_fail(NN_EINVAL, "operator %d, %s, reads %s before it is computed", i,
                               tfl_op_name(op->code), tensor(m, op->in[k])->name);
        for (int k = 0; k < op->n_out; k++) {
            if (known[op->out[k]])
                return nn_fail(NN_EINVAL, "operator %d, %s, computes %s a second time", i,
                               tfl_op_name(op->code), tensor(m, op->out[k])->name);
            known[op->out[k]] = true;
        }
    }
    for (int i = 0; i < m->n_outputs; i++)
        if (!known[m->outputs[i].tensor] || tensor(m, m->outputs[i].tensor)->data != NULL)
            return nn_fail(NN_EINVAL, "output %s is not computed", m->outputs[i].name);
    return NN_OK;
}

nn_status tfl_model_check(const tfl_model *m)
{
    NN_TRY(check_names(m));
    NN_TRY(check_ports(m, "input", m->inputs, m->n_inputs));
    NN_TRY(check_ports(m, "output", m->outputs, m->n_outputs));
    bool *known = nn_mem_alloc((size_t)m->n_tensors * sizeof *known);
    if (known == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %d tensors", m->n_tensors);
    nn_status st = check_order(m, known);
    nn_mem_free(known);
    return st;
}
