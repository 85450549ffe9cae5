/* RESHAPE - the same values under another shape.  The new shape is the output's stored one; where
 * the operator also gives it (input 1, or the options) the two must agree. */
#include "runtime/op.h"

static rt_status check_dim(rt_build *b, const rt_node *n, int i, int64_t wanted)
{
    if (wanted != -1 && wanted != b->out[0]->dim[i])
        return RT_REFUSE(b, n, RT_EFORMAT, "new shape has %lld in dimension %d, the output %d",
                         (long long)wanted, i, (int)b->out[0]->dim[i]);
    return RT_OK;
}

static rt_status check_given(rt_build *b, const rt_node *n)
{
    const rt_tensor *y = b->out[0], *given = n->info.n_in > 1 ? b->in[1] : NULL;
    if (given != NULL && given->rank == 1 && (given->data != NULL || given->count == 0)) {
        RT_TRY(rt_check_constant(b, n, given, "shape"));
        if (given->count != (size_t)y->rank)
            return RT_REFUSE(b, n, RT_EFORMAT, "new shape has %zu dimensions, the output %d",
                             given->count, y->rank);
        for (int i = 0; i < y->rank; i++)
            RT_TRY(check_dim(b, n, i, rt_constant_at(given, (size_t)i)));
        return RT_OK;
    }
    rt_vector v = rt_flat_vector(&b->f, n->options, TFL_SLOT_RESHAPE_NEW_SHAPE, 4, "new_shape");
    if (v.count != (uint32_t)y->rank)
        return rt_flat_status(&b->f); /* scalars are written in several ways */
    for (int i = 0; i < y->rank; i++)
        RT_TRY(check_dim(b, n, i, rt_flat_i32_at(&b->f, v, (uint32_t)i)));
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    if (x->count != y->count)
        return RT_REFUSE(b, n, RT_EFORMAT, "%zu elements become %zu", x->count, y->count);
    RT_TRY(check_given(b, n));
    return rt_use_copy(b, n);
}

static const rt_field fields[] = { { 0 } };

const rt_op rt_op_reshape = {
    .name = "RESHAPE",
    .code = TFL_OP_RESHAPE,
    .max_version = 1,
    .options = TFL_OPTIONS_RESHAPE,
    .fields = fields,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};
