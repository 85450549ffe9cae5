/* ADD and SUB - y = clamp(a + b) or clamp(a - b), with broadcasting; int8, uint8, float,
 * int32 and int64 (in which the numbers are what they are).
 *
 * Both inputs are brought to twice the larger of their scales with 20 extra bits, added, and
 * brought to the output's scale: reference/integer_ops/add.h, reference/add.h, reference/sub.h. */
#include "runtime/ops/binary.h"

typedef struct add {
    rt_add_params p;
    const rt_kernels *kernels;
} add;

static void add_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const add *p = params;
    p->kernels->add(out, a, b, n, &p->p);
}

static void sub_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const add *p = params;
    rt_sub_s8(out, a, b, n, &p->p);
}

/* The multiplier of a ratio that must be below 1. */
static rt_status below_one(rt_build *b, const rt_node *n, double ratio, int32_t *mult,
                           int32_t *shift, const char *what)
{
    rt_multiplier m;
    RT_TRY(rt_make_multiplier(b, n, ratio, &m, what));
    if (ratio <= 0 || ratio >= 1 || m.shift > 0)
        return RT_REFUSE(b, n, RT_ENOTSUP, "%s: the ratio of the scales is not in (0, 1)", what);
    *mult = m.mult;
    *shift = m.shift;
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(rt_binary_check(b, n, true));
    const rt_tensor *x = b->in[0], *y = b->in[1], *out = b->out[0];
    int32_t activation = rt_opt(b, n, TFL_SLOT_ADD_ACTIVATION);
    bool difference = n->op->code == TFL_OP_SUB;
    if (out->type == RT_FLOAT32)
        return rt_use_binary_float(b, n, difference ? '-' : '+', activation);
    if (!rt_is_8bit(out))
        return rt_use_binary_whole(b, n, difference ? '-' : '+', activation);
    add a = { .kernels = b->m->kernels };
    double twice = 2 * (double)(x->scale > y->scale ? x->scale : y->scale);
    RT_TRY(below_one(b, n, (double)x->scale / twice, &a.p.mult_a, &a.p.shift_a, "input 0"));
    RT_TRY(below_one(b, n, (double)y->scale / twice, &a.p.mult_b, &a.p.shift_b, "input 1"));
    RT_TRY(
        below_one(b, n, twice / (1048576.0 * (double)out->scale), &a.p.mult, &a.p.shift, "output"));
    int32_t shift = out->type == RT_UINT8 ? 128 : 0;
    RT_TRY(rt_activation_range(b, n, activation, out, &a.p.lo, &a.p.hi));
    a.p.flip = out->type == RT_UINT8 ? 0x80 : 0;
    a.p.zero_a = x->zero_point - shift;
    a.p.zero_b = y->zero_point - shift;
    a.p.zero = out->zero_point - shift;
    a.p.lo -= shift;
    a.p.hi -= shift;
    return rt_use_binary(b, n, difference ? sub_row : add_row, &a, sizeof a);
}

static const rt_field fields[] = {
    { "activation", TFL_SLOT_ADD_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { 0 },
};

const rt_op rt_op_add = {
    .name = "ADD",
    .code = TFL_OP_ADD,
    .max_version = 5,
    .options = TFL_OPTIONS_ADD,
    .fields = fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};

const rt_op rt_op_sub = {
    .name = "SUB",
    .code = TFL_OP_SUB,
    .max_version = 5,
    .options = TFL_OPTIONS_SUB,
    .fields = fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
