#include "runtime/kernels/hard_swish_s8.h"

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
static int16_t gate(int16_t raised, const rt_hard_swish_s8 *p)
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

void rt_hard_swish_set(rt_hard_swish_s8 *p, rt_multiplier out, rt_multiplier relu)
{
    *p = (rt_hard_swish_s8){ narrow(out.mult), narrow(relu.mult), out.shift, relu.shift };
}

int32_t rt_hard_swish_of(const rt_hard_swish_s8 *p, int32_t v)
{
    int16_t raised = (int16_t)(v * 128);
    int16_t scaled = srdhm16(raised, p->out), r = gate(raised, p);
    int32_t product = r == INT16_MIN && scaled == INT16_MIN ? INT16_MAX : r * scaled / 32768;
    return rdbp16(product, -p->out_shift);
}
