/* STRIDED_SLICE - y = x[begin:end:stride, ...], strides of either sign.
 *
 * Inputs 1 to 3 hold begin, end and stride, one of each for an index; the masks let a bound be the
 * end of the extent, drop a dimension of which one element is taken, put in a dimension of 1 (a new
 * axis), or let one index, the ellipsis, stand for all dimensions that the others leave.  An
 * ellipsis takes one dimension at least, as in the reference, where NumPy lets it take none;
 * indices that are left when the dimensions are cut count for nothing, likewise. strided_slice.cc
 * (BuildStridedSliceParams), strided_slice_logic.h. */
#include "runtime/kernels/move.h"

#include "runtime/op.h"

typedef struct range {
    int64_t begin, end, stride;
    bool begin_free, end_free, shrink;
    bool relative; /* end counts from begin */
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
    if (r->relative)
        end = begin + r->end;
    else if (r->end_free)
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
        if (b->in[i + 1]->count != b->in[1]->count || b->in[1]->count > 31)
            return RT_REFUSE(b, n, RT_EFORMAT, "%zu begin and %zu %s; at most 31 of each",
                             b->in[1]->count, b->in[i + 1]->count, names[i]);
    }
    return RT_OK;
}

static bool bit(rt_build *b, const rt_node *n, int slot, size_t i)
{
    return ((uint32_t)rt_opt(b, n, slot) >> i & 1) != 0;
}

/* Index k: what is given, or the whole dimension. */
static range range_of(rt_build *b, const rt_node *n, size_t k, bool given)
{
    range r = { 0, 0, 1, true, true, false, false };
    if (!given)
        return r;
    r.begin = rt_constant_at(b->in[1], k);
    r.end = rt_constant_at(b->in[2], k);
    r.stride = rt_constant_at(b->in[3], k);
    r.begin_free = bit(b, n, TFL_SLOT_STRIDED_SLICE_BEGIN_MASK, k);
    r.end_free = bit(b, n, TFL_SLOT_STRIDED_SLICE_END_MASK, k);
    r.shrink = bit(b, n, TFL_SLOT_STRIDED_SLICE_SHRINK_MASK, k);
    r.relative = rt_opt(b, n, TFL_SLOT_STRIDED_SLICE_OFFSET) != 0;
    return r;
}

/* Where the walk over the indices is. */
typedef struct walk {
    rt_move p;
    int from;      /* dimension of the input */
    int64_t inner; /* elements of one step in it, once it is cut */
} walk;

/* Cuts the next dimension of the input. */
static rt_status cut(rt_build *b, const rt_node *n, walk *w, range r)
{
    const rt_tensor *x = b->in[0];
    int i = w->from++;
    if (i >= x->rank)
        return RT_REFUSE(b, n, RT_EFORMAT,
                         "a new axis behind more indices than the input's rank, %d", x->rank);
    if (r.stride == 0 || r.stride < -INT32_MAX || r.stride > INT32_MAX || r.begin > INT32_MAX ||
        r.begin < INT32_MIN || r.end > INT32_MAX || r.end < INT32_MIN)
        return RT_REFUSE(b, n, RT_EFORMAT, "dimension %d: begin %lld, end %lld, stride %lld", i,
                         (long long)r.begin, (long long)r.end, (long long)r.stride);
    int64_t first, count = resolve(&r, x->dim[i], &first);
    if (count < 1)
        return RT_REFUSE(b, n, RT_ENOTSUP, "dimension %d: the slice is empty", i);
    w->inner /= x->dim[i];
    w->p.base += first * w->inner;
    if (!r.shrink) {
        w->p.step[w->p.rank] = r.stride * w->inner;
        w->p.dim[w->p.rank++] = (int32_t)count;
    }
    return RT_OK;
}

/* Dimensions that the new axes add. */
static int count_new(rt_build *b, const rt_node *n, int count)
{
    int added = 0;
    for (int k = 0; k < count; k++)
        added += bit(b, n, TFL_SLOT_STRIDED_SLICE_NEW_AXIS_MASK, (size_t)k) &&
                 !bit(b, n, TFL_SLOT_STRIDED_SLICE_ELLIPSIS_MASK, (size_t)k);
    return added;
}

static rt_status walk_indices(rt_build *b, const rt_node *n, walk *w)
{
    int rank = b->in[0]->rank, count = (int)b->in[1]->count;
    int total = rank + count_new(b, n, count); /* before dimensions are dropped */
    if (total > RT_MAX_RANK)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%d dimensions with the new axes", total);
    for (int i = 0, k = 0; i < total; i++, k++) {
        size_t at = (size_t)k;
        bool given = k < count;
        if (given && bit(b, n, TFL_SLOT_STRIDED_SLICE_ELLIPSIS_MASK, at)) {
            for (int left = total - count; left > 0 && i + 1 < total; left--, i++)
                RT_TRY(cut(b, n, w, range_of(b, n, at, false)));
            RT_TRY(cut(b, n, w, range_of(b, n, at, false)));
        } else if (given && bit(b, n, TFL_SLOT_STRIDED_SLICE_NEW_AXIS_MASK, at)) {
            w->p.dim[w->p.rank++] = 1;
        } else {
            RT_TRY(cut(b, n, w, range_of(b, n, at, given)));
        }
    }
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(check_inputs(b, n));
    const rt_tensor *x = b->in[0];
    walk w = { .p = { .bytes = rt_type_bytes(x->type) }, .inner = (int64_t)x->count };
    uint32_t ellipsis = (uint32_t)rt_opt(b, n, TFL_SLOT_STRIDED_SLICE_ELLIPSIS_MASK);
    if ((ellipsis & (ellipsis - 1)) != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "ellipsis_mask %u: more than one", (unsigned)ellipsis);
    RT_TRY(walk_indices(b, n, &w));
    RT_TRY(rt_check_shape(b, n, b->out[0], w.p.rank, w.p.dim, "output"));
    n->params = rt_keep(b, &w.p, sizeof w.p);
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
