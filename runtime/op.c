#include "runtime/op.h"

#include <string.h>

/* ---- the table of operators ------------------------------------------------------------------ */

#define RT_OP(name) extern const rt_op rt_op_##name;
#include "runtime/ops.def"
#undef RT_OP

const rt_op *const rt_ops[] = {
#define RT_OP(name) &rt_op_##name,
#include "runtime/ops.def"
#undef RT_OP
};
const int rt_n_ops = (int)(sizeof rt_ops / sizeof rt_ops[0]);

/* ---- options --------------------------------------------------------------------------------- */

double rt_field_value(rt_flat *f, const rt_node *n, const rt_field *field)
{
    rt_table t = n->options;
    uint32_t otherwise = (uint32_t)field->otherwise;
    switch (field->kind) {
    case RT_FIELD_INT:
        return (int32_t)rt_flat_u32(f, t, field->slot, otherwise, field->name);
    case RT_FIELD_FLOAT:
        return (double)rt_flat_f32(f, t, field->slot, (float)field->otherwise, field->name);
    default:
        return (int8_t)rt_flat_u8(f, t, field->slot, (uint8_t)otherwise, field->name);
    }
}

static double value_of(rt_build *b, const rt_node *n, int slot)
{
    for (const rt_field *field = n->op->fields; field->name != NULL; field++)
        if (field->slot == slot)
            return rt_field_value(&b->f, n, field);
    return 0;
}

int32_t rt_opt(rt_build *b, const rt_node *n, int slot)
{
    return (int32_t)value_of(b, n, slot);
}

float rt_opt_float(rt_build *b, const rt_node *n, int slot)
{
    return (float)value_of(b, n, slot);
}

/* ---- checks ---------------------------------------------------------------------------------- */

rt_status rt_check_present(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what)
{
    return t != NULL ? RT_OK : RT_REFUSE(b, n, RT_EFORMAT, "%s is left out", what);
}

rt_status rt_check_rank(rt_build *b, const rt_node *n, const rt_tensor *t, int rank,
                        const char *what)
{
    RT_TRY(rt_check_present(b, n, t, what));
    if (t->rank != rank)
        return RT_REFUSE(b, n, RT_EFORMAT, "%s \"%s\" has rank %d, not %d", what, t->name, t->rank,
                         rank);
    return RT_OK;
}

rt_status rt_check_type(rt_build *b, const rt_node *n, const rt_tensor *t, rt_type type,
                        const char *what)
{
    RT_TRY(rt_check_present(b, n, t, what));
    if (t->type != type)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%s \"%s\" has type %s, not %s", what, t->name,
                         rt_type_name(t->type), rt_type_name(type));
    return RT_OK;
}

rt_status rt_check_affine(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what)
{
    RT_TRY(rt_check_present(b, n, t, what));
    if (t->n_scales != 1)
        return RT_REFUSE(b, n, RT_EFORMAT, "%s \"%s\" has %d scales, not 1", what, t->name,
                         t->n_scales);
    return RT_OK;
}

rt_status rt_check_whole(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what)
{
    return t != NULL && t->n_scales == 0 ? RT_OK : rt_check_affine(b, n, t, what);
}

/* "[1,8,8,16]", cut if it does not fit. */
static const char *shape_text(char *out, size_t size, int rank, const int32_t *dim)
{
    size_t used = rt_format(out, size, "[");
    for (int i = 0; i < rank; i++)
        used += rt_format(out + used, size - used, i > 0 ? ",%d" : "%d", (int)dim[i]);
    rt_format(out + used, size - used, "]");
    return out;
}

rt_status rt_check_shape(rt_build *b, const rt_node *n, const rt_tensor *t, int rank,
                         const int32_t *dim, const char *what)
{
    bool same = t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->dim[i] == dim[i];
    if (same)
        return RT_OK;
    char stored[64], computed[64];
    return RT_REFUSE(b, n, RT_EFORMAT, "%s \"%s\" has shape %s, computed is %s", what, t->name,
                     shape_text(stored, sizeof stored, t->rank, t->dim),
                     shape_text(computed, sizeof computed, rank, dim));
}

rt_status rt_check_same_shape(rt_build *b, const rt_node *n, const rt_tensor *a,
                              const rt_tensor *out)
{
    return rt_check_shape(b, n, out, a->rank, a->dim, "output");
}

bool rt_same_affine(const rt_tensor *a, const rt_tensor *b)
{
    uint32_t bits_a, bits_b;
    memcpy(&bits_a, &a->scale, sizeof bits_a);
    memcpy(&bits_b, &b->scale, sizeof bits_b);
    return bits_a == bits_b && a->zero_point == b->zero_point;
}

rt_status rt_check_constant(rt_build *b, const rt_node *n, const rt_tensor *t, const char *what)
{
    RT_TRY(rt_check_present(b, n, t, what));
    if (t->type != RT_INT32 && t->type != RT_INT64)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%s \"%s\" has type %s, not INT32", what, t->name,
                         rt_type_name(t->type));
    if (t->data == NULL && t->count != 0)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%s \"%s\" is not a constant", what, t->name);
    return RT_OK;
}

int64_t rt_constant_at(const rt_tensor *t, size_t i)
{
    const uint8_t *p = t->data;
    return t->type == RT_INT64 ? (int64_t)rt_get_u64(p + 8 * i) : rt_get_i32(p + 4 * i);
}

/* ---- geometry -------------------------------------------------------------------------------- */

/* Sliding a window along one axis: input size, window size, step, spacing of the taps. */
typedef struct axis {
    int32_t in, k, stride, dilation;
    int32_t out, pad; /* worked out: output size, and fill before the first input */
} axis;

/* SAME: out = ceil(in / stride), the fill split evenly with the odd one behind; VALID: windows that
 * lie within the input.  TensorFlow Lite's padding.h. */
static rt_status slide(rt_build *b, const rt_node *n, axis *a, int32_t padding, const char *what)
{
    if (a->k < 1 || a->stride < 1 || a->dilation < 1 || a->in < 1)
        return RT_REFUSE(b, n, RT_EFORMAT, "%s: input %d, window %d, stride %d, dilation %d", what,
                         (int)a->in, (int)a->k, (int)a->stride, (int)a->dilation);
    if (padding != TFL_PADDING_SAME && padding != TFL_PADDING_VALID)
        return RT_REFUSE(b, n, RT_EFORMAT, "padding is %d, neither SAME nor VALID", (int)padding);
    int64_t extent = (int64_t)(a->k - 1) * a->dilation + 1;
    if (extent + a->in + a->stride > INT32_MAX)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%s: a window of extent %lld, stride %d over %d", what,
                         (long long)extent, (int)a->stride, (int)a->in);
    int64_t in = a->in, stride = a->stride;
    a->out =
        (int32_t)((padding == TFL_PADDING_SAME ? in + stride - 1 : in + stride - extent) / stride);
    if (a->out < 1)
        return RT_REFUSE(b, n, RT_EFORMAT, "%s: a window of extent %lld does not fit into %d", what,
                         (long long)extent, (int)a->in);
    int64_t fill = (a->out - 1) * stride + extent - in;
    a->pad = (int32_t)(fill > 0 ? fill / 2 : 0);
    return RT_OK;
}

rt_status rt_slide_window(rt_build *b, const rt_node *n, const rt_window_slots *slots, int32_t k_h,
                          int32_t k_w, int32_t out_c, rt_window *w)
{
    const rt_tensor *x = b->in[0];
    RT_TRY(rt_check_rank(b, n, x, 4, "input"));
    bool dilated = slots->dilation_h >= 0;
    axis rows = { .in = x->dim[1],
                  .k = k_h,
                  .stride = rt_opt(b, n, slots->stride_h),
                  .dilation = dilated ? rt_opt(b, n, slots->dilation_h) : 1 };
    axis columns = { .in = x->dim[2],
                     .k = k_w,
                     .stride = rt_opt(b, n, slots->stride_w),
                     .dilation = dilated ? rt_opt(b, n, slots->dilation_w) : 1 };
    int32_t padding = rt_opt(b, n, slots->padding);
    RT_TRY(slide(b, n, &rows, padding, "height"));
    RT_TRY(slide(b, n, &columns, padding, "width"));
    const int32_t shape[4] = { x->dim[0], rows.out, columns.out, out_c };
    RT_TRY(rt_check_shape(b, n, b->out[0], 4, shape, "output"));
    *w = (rt_window){ .n = x->dim[0],
                      .in_h = rows.in,
                      .in_w = columns.in,
                      .in_c = x->dim[3],
                      .out_h = rows.out,
                      .out_w = columns.out,
                      .out_c = out_c,
                      .k_h = rows.k,
                      .k_w = columns.k,
                      .stride_h = rows.stride,
                      .stride_w = columns.stride,
                      .dilation_h = rows.dilation,
                      .dilation_w = columns.dilation,
                      .pad_top = rows.pad,
                      .pad_left = columns.pad };
    return RT_OK;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

/* zero_point + round(x / scale), with a binary32 quotient. */
static int32_t code_of(float x, const rt_tensor *t)
{
    return rt_round_code((double)(x / t->scale)) + t->zero_point;
}

rt_status rt_activation_range(rt_build *b, const rt_node *n, int32_t activation,
                              const rt_tensor *out, int32_t *lo, int32_t *hi)
{
    *lo = rt_lowest(out->type);
    *hi = rt_highest(out->type);
    int32_t low = *lo, high = *hi;
    switch (activation) {
    case TFL_ACT_NONE:
    case TFL_ACT_TANH:
    case TFL_ACT_SIGN_BIT:
        return RT_OK;
    case TFL_ACT_RELU:
        low = code_of(0, out);
        break;
    case TFL_ACT_RELU_N1_TO_1:
        low = code_of(-1, out);
        high = code_of(1, out);
        break;
    case TFL_ACT_RELU6:
        low = code_of(0, out);
        high = code_of(6, out);
        break;
    default:
        return RT_REFUSE(b, n, RT_ENOTSUP, "fused activation %d", (int)activation);
    }
    *lo = low > *lo ? low : *lo;
    *hi = high < *hi ? high : *hi;
    return RT_OK;
}

rt_status rt_activation_range_float(rt_build *b, const rt_node *n, int32_t activation, float *lo,
                                    float *hi)
{
    const float largest = 3.402823466e38f;
    bool relu = activation == TFL_ACT_RELU || activation == TFL_ACT_RELU6;
    *lo = relu ? 0 : activation == TFL_ACT_RELU_N1_TO_1 ? -1 : -largest;
    *hi = activation == TFL_ACT_RELU6 ? 6 : activation == TFL_ACT_RELU_N1_TO_1 ? 1 : largest;
    if (activation < TFL_ACT_NONE || activation > TFL_ACT_SIGN_BIT)
        return RT_REFUSE(b, n, RT_ENOTSUP, "fused activation %d", (int)activation);
    return RT_OK;
}

rt_status rt_make_multiplier(rt_build *b, const rt_node *n, double d, rt_multiplier *m,
                             const char *what)
{
    if (!rt_multiplier_of(d, m))
        return RT_REFUSE(b, n, RT_ENOTSUP, "%s: the ratio of the scales is 2^30 or more", what);
    return RT_OK;
}

/* ---- functions of one byte, and copies ------------------------------------------------------- */

typedef struct table_params {
    size_t count;
    uint8_t table[256];
} table_params;

static void look_up(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const table_params *p = c->params;
    size_t begin = (size_t)chunk * RT_PIECE, end = rt_piece_end(p->count, begin);
    const uint8_t *in = c->in[0];
    uint8_t *out = c->out[0];
    for (size_t i = begin; i < end; i++)
        out[i] = p->table[in[i]];
}

static void run_table(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_pieces(((const table_params *)c->params)->count), look_up, &call);
}

rt_status rt_use_table(rt_build *b, rt_node *n, const uint8_t table[256])
{
    table_params p;
    p.count = b->in[0]->count;
    memcpy(p.table, table, sizeof p.table);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run_table;
    n->in_place = 1;
    return RT_OK;
}

static void run_copy(const rt_call *c)
{
    if (c->out[0] != c->in[0])
        memcpy(c->out[0], c->in[0], *(const size_t *)c->params);
}

rt_status rt_use_copy(rt_build *b, rt_node *n)
{
    n->params = rt_keep(b, &b->out[0]->bytes, sizeof(size_t));
    n->run = run_copy;
    n->in_place = 1;
    return RT_OK;
}
