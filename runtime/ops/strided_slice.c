/* STRIDED_SLICE - y = x[begin:end:stride, ...], strides of either sign.
 *
 * Inputs 1 to 3 hold begin, end and stride of the leading dimensions; the masks let one of them be
 * the whole extent, or drop a dimension of which one element is taken.  An ellipsis, new axes and
 * ends relative to begins are refused.  reference: strided_slice_logic.h. */
#include "runtime/kernels/move.h"

#include "runtime/op.h"

typedef struct range {
    int64_t begin, end, stride;
    bool begin_free, end_free, shrink;
} range;

static void run(const rt_call *c)
{
    rt_move_run(c->params, c->out[0], c->in[0]);
}

/* The first index, and how many there are; 0 if none. */
static int64_t resolve(const range *r, int32_t size, int64_t *first)
{
    int64_t lowest = r->stride > 0 ? 0 : -1, highest = r->stride > 0 ? size : size - 1;
    int64_t begin = r->begin + (r->begin < 0 ? size : 0), end = r->end + (r->end < 0 ? size : 0);
    if (r->begin_free)
        begin = r->stride > 0 ? lowest : highest;
    begin = begin < lowest ? lowest : begin > highest ? highest : begin;
    *first = begin;
    if (r->shrink)
        return begin >= 0 && begin < size ? 1 : 0;
    if (r->end_free)
        end = r->stride > 0 ? highest : lowest;
    end = end < lowest ? lowest : end > highest ? highest : end;
    int64_t extent = r->stride > 0 ? end - begin : begin - end;
    int64_t stride = r->stride > 0 ? r->stride : -r->stride;
    return extent > 0 ? (extent + stride - 1) / stride : 0;
}

static rt_status check_inputs(rt_build *b, const rt_node *n)
{
    static const char *const names[] = { "begin", "end", "strides" };
    RT_TRY(rt_check_present(b, n, b->in[0], "input"));
    RT_TRY(rt_check_type(b, n, b->out[0], b->in[0]->type, "output"));
    for (int i = 0; i < 3; i++) {
        RT_TRY(rt_check_constant(b, n, b->in[i + 1], names[i]));
        if (b->in[i + 1]->count != b->in[1]->count || b->in[1]->count > (size_t)b->in[0]->rank)
            return RT_REFUSE(b, n, RT_EFORMAT, "%zu %s for an input of rank %d",
                             b->in[i + 1]->count, names[i], b->in[0]->rank);
    }
    if (rt_opt(b, n, TFL_SLOT_STRIDED_SLICE_ELLIPSIS_MASK) != 0 ||
        rt_opt(b, n, TFL_SLOT_STRIDED_SLICE_NEW_AXIS_MASK) != 0 ||
        rt_opt(b, n, TFL_SLOT_STRIDED_SLICE_OFFSET) != 0)
        return RT_REFUSE(b, n, RT_ENOTSUP, "an ellipsis, a new axis, or ends relative to begins");
    return RT_OK;
}

static bool bit(rt_build *b, const rt_node *n, int slot, int i)
{
    return ((uint32_t)rt_opt(b, n, slot) >> i & 1) != 0;
}

/* Dimension i: what is given, or all of it. */
static range range_of(rt_build *b, const rt_node *n, int i)
{
    range r = { 0, 0, 1, true, true, false };
    size_t k = (size_t)i;
    if (k >= b->in[1]->count)
        return r;
    r.begin = rt_constant_at(b->in[1], k);
    r.end = rt_constant_at(b->in[2], k);
    r.stride = rt_constant_at(b->in[3], k);
    r.begin_free = bit(b, n, TFL_SLOT_STRIDED_SLICE_BEGIN_MASK, i);
    r.end_free = bit(b, n, TFL_SLOT_STRIDED_SLICE_END_MASK, i);
    r.shrink = bit(b, n, TFL_SLOT_STRIDED_SLICE_SHRINK_MASK, i);
    return r;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(check_inputs(b, n));
    const rt_tensor *x = b->in[0];
    rt_move p = { .bytes = rt_type_bytes(x->type) };
    int64_t inner = (int64_t)x->count;
    for (int i = 0; i < x->rank; i++) {
        range r = range_of(b, n, i);
        if (r.stride == 0 || r.stride < -INT32_MAX || r.stride > INT32_MAX || r.begin > INT32_MAX ||
            r.begin < INT32_MIN || r.end > INT32_MAX || r.end < INT32_MIN)
            return RT_REFUSE(b, n, RT_EFORMAT, "dimension %d: begin %lld, end %lld, stride %lld", i,
                             (long long)r.begin, (long long)r.end, (long long)r.stride);
        int64_t first, count = resolve(&r, x->dim[i], &first);
        if (count < 1)
            return RT_REFUSE(b, n, RT_ENOTSUP, "dimension %d: the slice is empty", i);
        inner /= x->dim[i];
        p.base += first * inner;
        if (r.shrink)
            continue;
        p.step[p.rank] = r.stride * inner;
        p.dim[p.rank++] = (int32_t)count;
    }
    RT_TRY(rt_check_shape(b, n, b->out[0], p.rank, p.dim, "output"));
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "begin_mask", TFL_SLOT_STRIDED_SLICE_BEGIN_MASK, RT_FIELD_INT, 0 },
    { "end_mask", TFL_SLOT_STRIDED_SLICE_END_MASK, RT_FIELD_INT, 0 },
    { "ellipsis_mask", TFL_SLOT_STRIDED_SLICE_ELLIPSIS_MASK, RT_FIELD_INT, 0 },
    { "new_axis_mask", TFL_SLOT_STRIDED_SLICE_NEW_AXIS_MASK, RT_FIELD_INT, 0 },
    { "shrink_axis_mask", TFL_SLOT_STRIDED_SLICE_SHRINK_MASK, RT_FIELD_INT, 0 },
    { "offset", TFL_SLOT_STRIDED_SLICE_OFFSET, RT_FIELD_BOOL, 0 },
    { 0 },
};

const rt_op rt_op_strided_slice = {
    .name = "STRIDED_SLICE",
    .code = TFL_OP_STRIDED_SLICE,
    .max_version = 8,
    .options = TFL_OPTIONS_STRIDED_SLICE,
    .fields = fields,
    .in_min = 4,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1 | 1 << 2 | 1 << 3,
    .prepare = prepare,
};
