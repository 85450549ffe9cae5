/* MUL - y = clamp(a b), with broadcasting; int8 and uint8: reference/integer_ops/mul.h, mul.h;
 * float, int32 and int64: ops/binary.h. */
#include "runtime/ops/binary.h"

typedef struct mul {
    rt_multiplier m;
    int32_t zero_a, zero_b, zero, lo, hi;
    bool unsigned_x;
} mul;

static void row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const mul *p = params;
    const uint8_t *x = a, *y = b;
    uint8_t *to = out;
    for (size_t i = 0; i < n; i++) {
        int32_t va = (p->unsigned_x ? x[i] : (int8_t)x[i]) - p->zero_a;
        int32_t vb = (p->unsigned_x ? y[i] : (int8_t)y[i]) - p->zero_b;
        int64_t v = (int64_t)rt_requant(va * vb, p->m, RT_ROUND_TWICE) + p->zero;
        to[i] = (uint8_t)rt_clamp(v, p->lo, p->hi);
    }
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(rt_binary_check(b, n, true));
    const rt_tensor *x = b->in[0], *y = b->in[1], *out = b->out[0];
    int32_t activation = rt_opt(b, n, TFL_SLOT_MUL_ACTIVATION);
    if (out->type == RT_FLOAT32)
        return rt_use_binary_float(b, n, '*', activation);
    if (!rt_is_8bit(out))
        return rt_use_binary_whole(b, n, '*', activation);
    mul p = { .zero_a = x->zero_point,
              .zero_b = y->zero_point,
              .zero = out->zero_point,
              .unsigned_x = out->type == RT_UINT8 };
    float product = x->scale * y->scale, ratio = product / out->scale; /* binary32, as there */
    RT_TRY(rt_make_multiplier(b, n, (double)ratio, &p.m, "output"));
    RT_TRY(rt_activation_range(b, n, activation, out, &p.lo, &p.hi));
    return rt_use_binary(b, n, row, &p, sizeof p);
}

static const rt_field fields[] = {
    { "activation", TFL_SLOT_MUL_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { 0 },
};

const rt_op rt_op_mul = {
    .name = "MUL",
    .code = TFL_OP_MUL,
    .max_version = 7,
    .options = TFL_OPTIONS_MUL,
    .fields = fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
