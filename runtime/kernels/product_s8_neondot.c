/* product_s8 for the dot product of AArch64 (ARMv8.2): four products of int8 added to an int32
 * (sdot), which is exact. */
#include "runtime/kernels/arm.h"

#if defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>

enum { PIXELS = 4, PANEL = 16, STEP = 4 };
typedef int8_t element;
#define to_codes rt_requant_s8__neon

static inline int8x16_t four_of(const int8_t *at)
{
    int32_t four;
    __builtin_memcpy(&four, at, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

static inline __attribute__((always_inline)) void multiply(int32_t sums[PIXELS][PANEL],
                                                           const rt_product *p, const int8_t *a,
                                                           const int8_t *w, const int32_t *bias,
                                                           const int pixels)
{
    int32x4_t s[PIXELS][4];
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 4; h++)
            s[x][h] = vld1q_s32(bias + 4 * h);
    for (int r = 0; r < p->runs; r++, a += p->a_run) {
        const int8_t *from = a;
        for (int i = 0; i < p->k; i += STEP, w += STEP * PANEL, from += STEP) {
            int8x16_t v[4];
            for (int h = 0; h < 4; h++)
                v[h] = vld1q_s8(w + 16 * h);
            for (int x = 0; x < pixels; x++) {
                int8x16_t four = four_of(from + (size_t)x * p->a_step);
                for (int h = 0; h < 4; h++)
                    s[x][h] = vdotq_s32(s[x][h], v[h], four);
            }
        }
    }
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 4; h++)
            vst1q_s32(&sums[x][4 * h], s[x][h]);
}

#include "runtime/kernels/product_body.h"

size_t rt_pack_bytes__neondot(int n, int runs, int k)
{
    return pack_bytes(n, runs, k);
}

void rt_pack__neondot(void *packed, const int8_t *w, int n, int runs, int k)
{
    pack(packed, w, n, runs, k);
}

void rt_product__neondot(const rt_product *p)
{
    product(p);
}
#endif
