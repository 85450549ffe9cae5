/* PAD and PADV2 - a tensor surrounded by its zero (PAD) or by a given value (PADV2).
 *
 * Input 1 holds (before, after) for each dimension.  Elements of any type are copied: input, output
 * and value are quantized alike by convention; the value's agreement is checked.
 * reference/pad.h. */
#include "runtime/kernels/pad.h"

#include <string.h>

#include "runtime/op.h"

typedef struct pad {
    rt_pad p;
    uint8_t value[8]; /* the element's bytes; PAD only */
    bool given;       /* PADV2: the value is input 2 */
} pad;

static void run(const rt_call *c)
{
    const pad *p = c->params;
    rt_pad_run(&p->p, c->out[0], c->in[0], p->given ? c->in[2] : p->value);
}

static rt_status read_paddings(rt_build *b, const rt_node *n, rt_pad *p)
{
    const rt_tensor *x = b->in[0], *paddings = b->in[1];
    RT_TRY(rt_check_constant(b, n, paddings, "paddings"));
    const int32_t shape[2] = { x->rank, 2 };
    RT_TRY(rt_check_shape(b, n, paddings, 2, shape, "paddings"));
    for (int i = 0; i < x->rank; i++) {
        int64_t before = rt_constant_at(paddings, 2 * (size_t)i);
        int64_t after = rt_constant_at(paddings, 2 * (size_t)i + 1);
        if (before < 0 || after < 0 || before > INT32_MAX || after > INT32_MAX ||
            before + after + x->dim[i] > INT32_MAX)
            return RT_REFUSE(b, n, RT_EFORMAT, "paddings %lld and %lld of dimension %d",
                             (long long)before, (long long)after, i);
        p->in[i] = x->dim[i];
        p->before[i] = (int32_t)before;
        p->out[i] = (int32_t)(before + x->dim[i] + after);
    }
    return RT_OK;
}

static rt_status check_types(rt_build *b, const rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    RT_TRY(rt_check_whole(b, n, x, "input"));
    return rt_check_whole(b, n, y, "output");
}

/* The value of PADV2: one element, quantized as the output. */
static rt_status check_value(rt_build *b, const rt_node *n)
{
    const rt_tensor *value = b->in[2], *y = b->out[0];
    RT_TRY(rt_check_type(b, n, value, y->type, "constant_values"));
    if (value->count != 1)
        return RT_REFUSE(b, n, RT_EFORMAT, "constant_values has %zu elements", value->count);
    if (value->n_scales > 1 || !rt_same_affine(value, y))
        return RT_REFUSE(b, n, RT_EFORMAT, "constant_values is not quantized as the output");
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(check_types(b, n));
    if (x->rank < 1)
        return RT_REFUSE(b, n, RT_ENOTSUP, "a scalar");
    pad p = { .given = n->op->code == TFL_OP_PADV2 };
    if (p.given)
        RT_TRY(check_value(b, n));
    RT_TRY(read_paddings(b, n, &p.p));
    RT_TRY(rt_check_shape(b, n, y, x->rank, p.p.out, "output"));
    p.p.rank = x->rank;
    p.p.bytes = rt_type_bytes(x->type);
    if (rt_is_8bit(y))
        p.value[0] = (uint8_t)y->zero_point;
    const int16_t zero = (int16_t)y->zero_point;
    if (y->type == RT_INT16)
        memcpy(p.value, &zero, sizeof zero);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

const rt_op rt_op_pad = {
    .name = "PAD",
    .code = TFL_OP_PAD,
    .max_version = 6,
    .options = TFL_OPTIONS_PAD,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};

const rt_op rt_op_padv2 = {
    .name = "PADV2",
    .code = TFL_OP_PADV2,
    .max_version = 6,
    .options = TFL_OPTIONS_PADV2,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};
