/* LOGISTIC and TANH - of 8-bit tensors, by a table of 256 codes.
 *
 * The table is made in binary32 exactly as in the reference (activations.cc, LUTPopulate); only exp
 * and tanh themselves are this runtime's.  Scale 1/256 is demanded of LOGISTIC's output, as
 * there. */
#include "runtime/ops/unary.h"

static float logistic_of(float x, const rt_unary_numbers *unused)
{
    (void)unused;
    return rt_logistic(x);
}

static float tanh_of(float x, const rt_unary_numbers *unused)
{
    (void)unused;
    return (float)rt_tanh((double)x);
}

static rt_status use_function(rt_build *b, rt_node *n, rt_unary_function *function)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    uint8_t table[256];
    float inverse = 1.0f / y->scale;
    for (int i = 0; i < 256; i++) {
        float real = x->scale * (float)(rt_code(x->type, i) - x->zero_point);
        float scaled = function(real, NULL) * inverse;
        int64_t v = rt_round_code((double)scaled);
        table[i] = (uint8_t)rt_clamp(v + y->zero_point, rt_lowest(y->type), rt_highest(y->type));
    }
    return rt_use_table(b, n, table);
}

static rt_status prepare_logistic(rt_build *b, rt_node *n)
{
    if (rt_is_float(b))
        return rt_use_unary_float(b, n, logistic_of, (rt_unary_numbers){ 0 });
    RT_TRY(rt_unary_check(b, n));
    if (b->out[0]->scale != 1.0f / 256)
        return RT_REFUSE(b, n, RT_ENOTSUP, "output \"%s\" must have scale 1/256", b->out[0]->name);
    return use_function(b, n, logistic_of);
}

static rt_status prepare_tanh(rt_build *b, rt_node *n)
{
    if (rt_is_float(b))
        return rt_use_unary_float(b, n, tanh_of, (rt_unary_numbers){ 0 });
    RT_TRY(rt_unary_check(b, n));
    return use_function(b, n, tanh_of);
}

const rt_op rt_op_logistic = {
    .name = "LOGISTIC",
    .code = TFL_OP_LOGISTIC,
    .max_version = 3,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare_logistic,
};

const rt_op rt_op_tanh = {
    .name = "TANH",
    .code = TFL_OP_TANH,
    .max_version = 3,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare_tanh,
};
