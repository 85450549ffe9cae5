/* LEAKY_RELU - y = x where x >= 0, alpha x below; int8 and uint8 by a table of 256 codes.
 *
 * Both slopes are rescaled in fixed point, a negative alpha by its magnitude:
 * reference/leaky_relu.h, activations.cc (LeakyReluPrepare). */
#include "runtime/ops/unary.h"

static float leaky(float x, const rt_unary_numbers *p)
{
    return x > 0 ? x : x * p->a;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    float alpha = rt_opt_float(b, n, TFL_SLOT_LEAKY_RELU_ALPHA);
    if (rt_is_float(b))
        return rt_use_unary_float(b, n, leaky, (rt_unary_numbers){ alpha, 0, 0 });
    RT_TRY(rt_unary_check(b, n));
    const rt_tensor *x = b->in[0], *y = b->out[0];
    double slope = (double)(x->scale * alpha) / (double)y->scale;
    rt_multiplier above, below;
    RT_TRY(rt_make_multiplier(b, n, (double)x->scale / (double)y->scale, &above, "output"));
    RT_TRY(rt_make_multiplier(b, n, slope < 0 ? -slope : slope, &below, "alpha"));
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        int32_t v = rt_code(x->type, i) - x->zero_point;
        if (v >= 0)
            v = rt_requant(v, above, RT_ROUND_TWICE);
        else
            v = rt_requant(v, below, RT_ROUND_TWICE) * (slope < 0 ? -1 : 1);
        table[i] =
            (uint8_t)rt_clamp((int64_t)v + y->zero_point, rt_lowest(y->type), rt_highest(y->type));
    }
    return rt_use_table(b, n, table);
}

static const rt_field fields[] = {
    { "alpha", TFL_SLOT_LEAKY_RELU_ALPHA, RT_FIELD_FLOAT, 0 },
    { 0 },
};

const rt_op rt_op_leaky_relu = {
    .name = "LEAKY_RELU",
    .code = TFL_OP_LEAKY_RELU,
    .max_version = 2,
    .options = TFL_OPTIONS_LEAKY_RELU,
    .fields = fields,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
