/* HARD_SWISH - y = x relu6(x + 3) / 6, by a table of 256 codes.
 *
 * The codes are those of the reference's 16-bit arithmetic: reference/hard_swish.h, activations.cc
 * (HardSwishPrepare). */
#include "runtime/ops/unary.h"

typedef struct factors {
    int16_t out, relu; /* Q0.15 multipliers */
    int out_shift, relu_shift;
    int32_t zero;
} factors;

static int16_t saturate(int64_t v)
{
    return (int16_t)rt_clamp(v, INT16_MIN, INT16_MAX);
}

/* (a b + 2^14) / 2^15 with the one overflow saturated. */
static int16_t srdhm16(int16_t a, int16_t b)
{
    return a == INT16_MIN && b == INT16_MIN ? INT16_MAX : (int16_t)((a * b + (1 << 14)) >> 15);
}

/* A 32-bit multiplier to 16 bits. */
static int16_t narrow(int32_t mult)
{
    return mult >= INT32_MAX - (1 << 15) ? INT16_MAX : (int16_t)((mult + (1 << 15)) >> 16);
}

/* x / 2^e, half away from zero; beyond 15, where 0 is right, as the reference's 16-bit mask has
 * it. */
static int32_t rdbp16(int32_t x, int e)
{
    if (e > 15)
        return x < 0 ? -1 : 1;
    return rt_rdbp(x, e);
}

/* relu6(x + 3) / 6 in [0, 1] as Q0.15, of x in raised codes. */
static int16_t gate(int16_t raised, const factors *p)
{
    int16_t r = raised;
    if (p->relu_shift > 0)
        r = saturate((int64_t)r * (1 << (p->relu_shift - 1 < 16 ? p->relu_shift - 1 : 16)));
    r = srdhm16(r, p->relu);
    if (p->relu_shift > 0)
        r = saturate((int64_t)r * 2);
    if (p->relu_shift < 0)
        r = (int16_t)rdbp16(r, -p->relu_shift);
    return (int16_t)((r + 32768) >> 1);
}

static int64_t hard_swish_of(int32_t v, const factors *p)
{
    int16_t raised = (int16_t)(v * 128);
    int16_t scaled = srdhm16(raised, p->out), r = gate(raised, p);
    int32_t product = r == INT16_MIN && scaled == INT16_MIN ? INT16_MAX : r * scaled / 32768;
    return (int64_t)rdbp16(product, -p->out_shift) + p->zero;
}

static rt_status make_factors(rt_build *b, const rt_node *n, factors *p)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    float raised = 1.0f / 128 * x->scale, three = 3.0f / 32768;
    float out = raised / y->scale, relu = raised / three;
    rt_multiplier m;
    RT_TRY(rt_make_multiplier(b, n, (double)out, &m, "output"));
    if (m.shift > 0)
        return RT_REFUSE(b, n, RT_ENOTSUP, "the input's scale is 128 times the output's or more");
    p->out = narrow(m.mult);
    p->out_shift = m.shift;
    RT_TRY(rt_make_multiplier(b, n, (double)relu, &m, "relu"));
    p->relu = narrow(m.mult);
    p->relu_shift = m.shift;
    p->zero = y->zero_point;
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
    RT_TRY(rt_unary_check(b, n, false));
    const rt_tensor *x = b->in[0], *y = b->out[0];
    factors p = { 0 };
    uint8_t table[256];
    RT_TRY(make_factors(b, n, &p));
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)rt_clamp(hard_swish_of(rt_code(x->type, i) - x->zero_point, &p),
                                     rt_lowest(y->type), rt_highest(y->type));
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
