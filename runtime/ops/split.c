/* SPLIT - x cut into equal parts along an axis; input 0 is the axis, input 1 is x. */
#include "runtime/kernels/move.h"

#include "runtime/op.h"

typedef struct split {
    rt_move part; /* the first; the others begin `each` elements further */
    int64_t each;
    int count;
} split;

static void run(const rt_call *c)
{
    const split *p = c->params;
    rt_move part = p->part;
    for (int i = 0; i < p->count; i++, part.base += p->each)
        rt_move_run(&part, c->out[i], c->in[1]);
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[1];
    RT_TRY(rt_check_constant(b, n, b->in[0], "axis"));
    RT_TRY(rt_check_present(b, n, x, "input"));
    if (b->in[0]->count != 1)
        return RT_REFUSE(b, n, RT_EFORMAT, "axis has %zu values", b->in[0]->count);
    int64_t axis = rt_constant_at(b->in[0], 0);
    int count = rt_opt(b, n, TFL_SLOT_SPLIT_NUM_SPLITS);
    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank || count != n->info.n_out || x->dim[axis] % count != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "%d parts along axis %lld of rank %d, %d outputs", count,
                         (long long)axis, x->rank, n->info.n_out);
    split p = { .count = count, .part = { .rank = x->rank, .bytes = rt_type_bytes(x->type) } };
    int64_t step = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        p.part.dim[i] = i == axis ? x->dim[i] / count : x->dim[i];
        p.part.step[i] = step;
        if (i == axis)
            p.each = step * p.part.dim[i];
        step *= x->dim[i];
    }
    for (int i = 0; i < count; i++) {
        RT_TRY(rt_check_type(b, n, b->out[i], x->type, "output"));
        RT_TRY(rt_check_shape(b, n, b->out[i], x->rank, p.part.dim, "output"));
    }
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "num_splits", TFL_SLOT_SPLIT_NUM_SPLITS, RT_FIELD_INT, 0 },
    { 0 },
};

const rt_op rt_op_split = {
    .name = "SPLIT",
    .code = TFL_OP_SPLIT,
    .max_version = 4,
    .options = TFL_OPTIONS_SPLIT,
    .fields = fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = RT_MAX_OP_TENSORS,
    .consumed = 1 << 0,
    .prepare = prepare,
};
