/* add_s8 in portable C: the sum of two quantized tensors, element by element. */
#include "runtime/kernels/portable.h"
#include "runtime/requant.h"

enum { LEFT = 20 }; /* bits by which the inputs are raised before they are rescaled */

/* sign: 1 for the sum, -1 for the difference; constant where it is called. */
static inline void combine(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                           const rt_add_params *p, const int32_t sign)
{
    const rt_multiplier ma = { p->mult_a, p->shift_a }, mb = { p->mult_b, p->shift_b };
    const rt_multiplier mo = { p->mult, p->shift };
    for (size_t i = 0; i < n; i++) {
        int32_t x = ((int8_t)(a[i] ^ p->flip) - p->zero_a) * (1 << LEFT);
        int32_t y = ((int8_t)(b[i] ^ p->flip) - p->zero_b) * (1 << LEFT);
        int32_t sum = rt_requant(x, ma, RT_ROUND_TWICE) + sign * rt_requant(y, mb, RT_ROUND_TWICE);
        int32_t v = rt_requant(sum, mo, RT_ROUND_TWICE) + p->zero;
        out[i] = (uint8_t)((uint8_t)rt_clamp(v, p->lo, p->hi) ^ p->flip);
    }
}

void rt_add_s8__c(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                  const rt_add_params *p)
{
    combine(out, a, b, n, p, 1);
}

void rt_sub_s8(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, const rt_add_params *p)
{
    combine(out, a, b, n, p, -1);
}
