/* TRANSPOSE - y[i] = x[i permuted]: input 1 says which dimension of x each one of y is. */
#include "runtime/kernels/move.h"

#include "runtime/op.h"

static void run(const rt_call *c)
{
    rt_move_run(c->params, c->out[0], c->in[0]);
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    RT_TRY(rt_check_constant(b, n, b->in[1], "permutation"));
    RT_TRY(rt_check_type(b, n, b->in[1], RT_INT32, "permutation"));
    if (b->in[1]->count != (size_t)x->rank)
        return RT_REFUSE(b, n, RT_EFORMAT, "permutation of %zu dimensions, input of %d",
                         b->in[1]->count, x->rank);
    int64_t steps[RT_MAX_RANK];
    int64_t step = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= x->dim[i];
    }
    rt_move p = { .rank = x->rank, .bytes = rt_type_bytes(x->type) };
    unsigned seen = 0;
    for (int i = 0; i < x->rank; i++) {
        int64_t from = rt_constant_at(b->in[1], (size_t)i);
        from += from < 0 ? x->rank : 0;
        if (from < 0 || from >= x->rank || (seen >> from & 1) != 0)
            return RT_REFUSE(b, n, RT_EFORMAT, "permutation has %lld in place %d", (long long)from,
                             i);
        seen |= 1u << from;
        p.dim[i] = x->dim[from];
        p.step[i] = steps[from];
    }
    RT_TRY(rt_check_shape(b, n, y, x->rank, p.dim, "output"));
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

const rt_op rt_op_transpose = {
    .name = "TRANSPOSE",
    .code = TFL_OP_TRANSPOSE,
    .max_version = 6,
    .options = TFL_OPTIONS_TRANSPOSE,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};
