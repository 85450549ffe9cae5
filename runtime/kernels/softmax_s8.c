#include "runtime/kernels/softmax_s8.h"

enum { INTEGER_BITS = 5, SUM_BITS = 12 }; /* of the scaled differences, and of the sum */

bool rt_softmax_set(rt_softmax_s8 *p, double scale, double beta)
{
    double real = beta * scale * (double)(1 << (31 - INTEGER_BITS));
    if (!(real > 1))
        return false;
    if (real > 2147483647.0)
        real = 2147483647.0;
    int shift;
    int64_t q = rt_round(rt_frexp(real, &shift) * 2147483648.0);
    if (q == INT64_C(1) << 31) {
        q /= 2;
        shift++;
    }
    p->m.mult = (int32_t)q;
    p->m.shift = shift;
    int64_t radius = (int64_t)((1 << INTEGER_BITS) - 1) << (31 - INTEGER_BITS);
    p->diff_min = (int32_t) - (radius >> shift);
    return true;
}

static int32_t saturating_shl(int32_t x, int e)
{
    int32_t most = (int32_t)((INT64_C(1) << (31 - e)) - 1);
    if (x > most)
        return INT32_MAX;
    return x < -most ? INT32_MIN : rt_shl(x, e);
}

/* e^t for t in [-1/4, 0) as Q0.31: its series around -1/8. */
static int32_t exp_small(int32_t t)
{
    const int32_t e_eighth = 1895147668, third = 715827883; /* e^(-1/8), 1/3 */
    int32_t u = t + (1 << 28);
    int32_t u2 = rt_srdhm(u, u), u3 = rt_srdhm(u2, u), u4 = rt_srdhm(u2, u2);
    int32_t tail = rt_rdbp(rt_srdhm(rt_rdbp(u4, 2) + u3, third) + u2, 1);
    return e_eighth + rt_srdhm(e_eighth, u + tail);
}

/* e^x for x <= 0 in Q5.26, as Q0.31: a small part, and factors e^(-1/4) ... e^(-16). */
static int32_t exp_fixed(int32_t x)
{
    static const int32_t factors[] = { 1672461947, 1302514674, 790015084, 290630308,
                                       39332535,   720401,     242 };
    const int32_t quarter = 1 << 24;
    if (x == 0)
        return INT32_MAX;
    int32_t small = (x & (quarter - 1)) - quarter;
    int32_t y = exp_small(rt_shl(small, INTEGER_BITS)), rest = small - x;
    for (int i = 0; i < 7; i++)
        if ((rest >> (24 + i) & 1) != 0)
            y = rt_srdhm(y, factors[i]);
    return y;
}

/* 1 / (1 + f) for f in Q0.31, as Q0.31: Newton's steps from 48/17 - 32/17 d. */
static int32_t reciprocal(int32_t f)
{
    int32_t half = (int32_t)(((int64_t)f + INT32_MAX + 1) >> 1); /* (1 + f) / 2 */
    int32_t x = 1515870810 + rt_srdhm(half, -1010580540);
    for (int i = 0; i < 3; i++)
        x += saturating_shl(rt_srdhm(x, (1 << 29) - rt_srdhm(half, x)), 2);
    return saturating_shl(x, 1);
}

static int leading_zeros(uint32_t x)
{
    int n = 0;
    for (uint32_t bit = 1u << 31; bit != 0 && (x & bit) == 0; bit >>= 1)
        n++;
    return n;
}

static int32_t code(const rt_softmax_s8 *p, const uint8_t *in, int32_t i)
{
    return p->unsigned_x ? in[i] : (int8_t)in[i];
}

static int32_t exp_of(const rt_softmax_s8 *p, int32_t diff)
{
    return exp_fixed(rt_srdhm(rt_shl(diff, p->m.shift), p->m.mult));
}

void rt_softmax_run(const rt_softmax_s8 *p, const uint8_t *in, uint8_t *out)
{
    int32_t most = code(p, in, 0), lowest = p->unsigned_y ? 0 : -128;
    for (int32_t i = 1; i < p->depth; i++)
        most = code(p, in, i) > most ? code(p, in, i) : most;
    uint32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++)
        if (code(p, in, i) - most >= p->diff_min)
            sum += (uint32_t)rt_rdbp(exp_of(p, code(p, in, i) - most), SUM_BITS);
    int zeros = leading_zeros(sum), shift = SUM_BITS - zeros + 31 - 8;
    int32_t scale = reciprocal((int32_t)((sum << zeros) - (1u << 31)));
    for (int32_t i = 0; i < p->depth; i++) {
        int32_t diff = code(p, in, i) - most, v = lowest;
        if (diff >= p->diff_min && shift <= 31)
            v += rt_rdbp(rt_srdhm(scale, exp_of(p, diff)), shift);
        out[i] = (uint8_t)rt_clamp(v, lowest, lowest + 255);
    }
}
