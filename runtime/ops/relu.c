/* RELU, RELU6, RELU_N1_TO_1 - as operators of their own: codes are rescaled, then clamped.
 * reference_ops.h, ReluX; the ratio of the scales is a binary32 quotient, as in activations.cc. */
#include "runtime/ops/unary.h"

/* Not a clamp with the largest number: infinity stays what it is. */
static float positive(float x, const rt_unary_numbers *unused)
{
    (void)unused;
    return x < 0 ? 0 : x;
}

static float clamp(float x, const rt_unary_numbers *p)
{
    return x < p->a ? p->a : x > p->b ? p->b : x;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    int32_t activation = n->op->code == TFL_OP_RELU    ? TFL_ACT_RELU
                         : n->op->code == TFL_OP_RELU6 ? TFL_ACT_RELU6
                                                       : TFL_ACT_RELU_N1_TO_1;
    if (rt_is_float(b)) {
        rt_unary_numbers range = { 0 };
        RT_TRY(rt_activation_range_float(b, n, activation, &range.a, &range.b));
        return rt_use_unary_float(b, n, activation == TFL_ACT_RELU ? positive : clamp, range);
    }
    RT_TRY(rt_unary_check(b, n));
    const rt_tensor *x = b->in[0], *y = b->out[0];
    int32_t lo, hi;
    rt_multiplier m;
    float ratio = x->scale / y->scale;
    RT_TRY(rt_make_multiplier(b, n, (double)ratio, &m, "output"));
    RT_TRY(rt_activation_range(b, n, activation, y, &lo, &hi));
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        int32_t v = rt_requant(rt_code(x->type, i) - x->zero_point, m, RT_ROUND_TWICE);
        table[i] = (uint8_t)rt_clamp((int64_t)v + y->zero_point, lo, hi);
    }
    return rt_use_table(b, n, table);
}

const rt_op rt_op_relu = {
    .name = "RELU",
    .code = TFL_OP_RELU,
    .max_version = 3,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};

const rt_op rt_op_relu6 = {
    .name = "RELU6",
    .code = TFL_OP_RELU6,
    .max_version = 3,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};

const rt_op rt_op_relu_n1_to_1 = {
    .name = "RELU_N1_TO_1",
    .code = TFL_OP_RELU_N1_TO_1,
    .max_version = 1,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
