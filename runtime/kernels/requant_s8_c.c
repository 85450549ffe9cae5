/* requant_s8 in portable C: rows of accumulators to codes. */
#include "runtime/kernels/portable.h"
#include "runtime/requant.h"

void rt_requant_s8__c(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p)
{
    for (int c = 0; c < n; c++) {
        rt_multiplier m = { p->mult[c], p->shift[c] };
        int64_t v = (int64_t)rt_requant(acc[c], m, RT_ROUND_TWICE) + p->zero;
        out[c] = (uint8_t)rt_clamp(v, p->lo, p->hi);
    }
}
