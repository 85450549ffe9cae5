/* ARG_MAX - the index of the largest value along an axis, the first of equals; int32 or int64.
 * reference/arg_min_max.h. */
#include "runtime/op.h"

typedef struct arg_max {
    size_t outer, axis, inner;
    rt_type type;
    bool wide; /* int64 results */
} arg_max;

static bool greater(const void *x, size_t i, size_t j, rt_type type)
{
    if (type == RT_FLOAT32) {
        float a = ((const float *)x)[i], b = ((const float *)x)[j];
        return a > b || (b != b && a == a); /* a number is greater than none */
    }
    if (type == RT_INT32)
        return ((const int32_t *)x)[i] > ((const int32_t *)x)[j];
    if (type == RT_INT8)
        return ((const int8_t *)x)[i] > ((const int8_t *)x)[j];
    return ((const uint8_t *)x)[i] > ((const uint8_t *)x)[j];
}

static void run(const rt_call *c)
{
    const arg_max *p = c->params;
    for (size_t o = 0; o < p->outer; o++)
        for (size_t i = 0; i < p->inner; i++) {
            size_t best = 0, at = o * p->axis * p->inner + i;
            for (size_t k = 1; k < p->axis; k++)
                if (greater(c->in[0], at + k * p->inner, at + best * p->inner, p->type))
                    best = k;
            if (p->wide)
                ((int64_t *)c->out[0])[o * p->inner + i] = (int64_t)best;
            else
                ((int32_t *)c->out[0])[o * p->inner + i] = (int32_t)best;
        }
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_constant(b, n, b->in[1], "axis"));
    int64_t axis = b->in[1]->count == 1 ? rt_constant_at(b->in[1], 0) : RT_MAX_RANK;
    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank)
        return RT_REFUSE(b, n, RT_EFORMAT, "axis %lld of rank %d", (long long)axis, x->rank);
    bool ordered = rt_is_8bit(x) || x->type == RT_FLOAT32 || x->type == RT_INT32 ||
                   x->type == RT_BOOL; /* false before true */
    if (!ordered || (y->type != RT_INT32 && y->type != RT_INT64))
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s to %s", rt_type_name(x->type),
                         rt_type_name(y->type));
    arg_max p = { 1, (size_t)x->dim[axis], 1, x->type, y->type == RT_INT64 };
    int32_t shape[RT_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        p.outer *= i < axis ? (size_t)x->dim[i] : 1;
        p.inner *= i > axis ? (size_t)x->dim[i] : 1;
        if (i != axis)
            shape[rank++] = x->dim[i];
    }
    RT_TRY(rt_check_shape(b, n, y, rank, shape, "output"));
    n->work = x->count;
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "output_type", TFL_SLOT_ARG_MAX_OUTPUT_TYPE, RT_FIELD_TYPE, 0 },
    { 0 },
};

const rt_op rt_op_arg_max = {
    .name = "ARG_MAX",
    .code = TFL_OP_ARG_MAX,
    .max_version = 3,
    .options = TFL_OPTIONS_ARG_MAX,
    .fields = fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};
