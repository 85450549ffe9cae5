/* HARD_SWISH - y = x relu6(x + 3) / 6, by a table of 256 codes: runtime/kernels/hard_swish_s8.h. */
#include "runtime/kernels/hard_swish_s8.h"

#include "runtime/ops/unary.h"

static rt_status make_factors(rt_build *b, const rt_node *n, rt_hard_swish_s8 *p)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    rt_multiplier out, relu;
    RT_TRY(rt_make_multiplier(b, n, (double)rt_hard_swish_out(x->scale, y->scale), &out, "output"));
    if (out.shift > 0)
        return RT_REFUSE(b, n, RT_ENOTSUP, "the input's scale is 128 times the output's or more");
    RT_TRY(rt_make_multiplier(b, n, (double)rt_hard_swish_relu(x->scale), &relu, "relu"));
    rt_hard_swish_set(p, out, relu);
    return RT_OK;
}

static float hard_swish_float(float x, const rt_unary_numbers *unused)
{
    (void)unused;
    float gate = x + 3;
    return x * (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    if (rt_is_float(b))
        return rt_use_unary_float(b, n, hard_swish_float, (rt_unary_numbers){ 0 });
    RT_TRY(rt_unary_check(b, n));
    const rt_tensor *x = b->in[0], *y = b->out[0];
    rt_hard_swish_s8 p;
    uint8_t table[256];
    RT_TRY(make_factors(b, n, &p));
    for (int i = 0; i < 256; i++) {
        int64_t v = rt_hard_swish_of(&p, rt_code(x->type, i) - x->zero_point);
        table[i] = (uint8_t)rt_clamp(v + y->zero_point, rt_lowest(y->type), rt_highest(y->type));
    }
    return rt_use_table(b, n, table);
}

const rt_op rt_op_hard_swish = {
    .name = "HARD_SWISH",
    .code = TFL_OP_HARD_SWISH,
    .max_version = 1,
    .options = TFL_OPTIONS_HARD_SWISH,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
