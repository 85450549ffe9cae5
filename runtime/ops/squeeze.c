/* SQUEEZE - the same values without dimensions of 1: those that are named, or all. */
#include "runtime/op.h"

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    rt_vector named = rt_flat_vector(&b->f, n->options, TFL_SLOT_SQUEEZE_DIMS, 4, "squeeze_dims");
    if (named.count > RT_MAX_RANK)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%u squeeze_dims; at most %d", (unsigned)named.count,
                         RT_MAX_RANK);
    bool drop[RT_MAX_RANK] = { false };
    for (uint32_t i = 0; i < named.count; i++) {
        int32_t d = rt_flat_i32_at(&b->f, named, i);
        d += d < 0 ? x->rank : 0;
        if (d < 0 || d >= x->rank || x->dim[d] != 1)
            return RT_REFUSE(b, n, RT_EFORMAT, "dimension %d of rank %d is not 1", (int)d, x->rank);
        drop[d] = true;
    }
    int32_t shape[RT_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!(named.count == 0 ? x->dim[i] == 1 : drop[i]))
            shape[rank++] = x->dim[i];
    RT_TRY(rt_check_shape(b, n, y, rank, shape, "output"));
    return rt_use_copy(b, n);
}

static const rt_field fields[] = { { 0 } };

const rt_op rt_op_squeeze = {
    .name = "SQUEEZE",
    .code = TFL_OP_SQUEEZE,
    .max_version = 2,
    .options = TFL_OPTIONS_SQUEEZE,
    .fields = fields,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
