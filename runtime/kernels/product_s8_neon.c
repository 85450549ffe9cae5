/* product_s8 for AArch64 NEON: products of int16 added to int32 (smlal), eight channels of weights
 * at a time.  The left operand is widened when the image is copied. */
#include "runtime/kernels/arm.h"

#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>

enum { PIXELS = 4, PANEL = 16, STEP = 1 };
typedef int16_t element;
#define to_codes rt_requant_s8__neon

static inline __attribute__((always_inline)) void multiply(int32_t sums[PIXELS][PANEL],
                                                           const rt_product *p, const int16_t *a,
                                                           const int8_t *w, const int32_t *bias,
                                                           const int pixels)
{
    int32x4_t s[PIXELS][4];
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 4; h++)
            s[x][h] = vld1q_s32(bias + 4 * h);
    for (int r = 0; r < p->runs; r++, a += p->a_run) {
        const int16_t *from = a;
        for (int i = 0; i < p->k; i++, w += PANEL, from++) {
            int8x16_t bytes = vld1q_s8(w);
            int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
            for (int x = 0; x < pixels; x++) {
                int16x8_t v = vdupq_n_s16(from[(size_t)x * p->a_step]);
                s[x][0] = vmlal_s16(s[x][0], vget_low_s16(low), vget_low_s16(v));
                s[x][1] = vmlal_high_s16(s[x][1], low, v);
                s[x][2] = vmlal_s16(s[x][2], vget_low_s16(high), vget_low_s16(v));
                s[x][3] = vmlal_high_s16(s[x][3], high, v);
            }
        }
    }
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < 4; h++)
            vst1q_s32(&sums[x][4 * h], s[x][h]);
}

#include "runtime/kernels/product_body.h"

size_t rt_pack_bytes__neon(int n, int runs, int k)
{
    return pack_bytes(n, runs, k);
}

void rt_pack__neon(void *packed, const int8_t *w, int n, int runs, int k)
{
    pack(packed, w, n, runs, k);
}

void rt_product__neon(const rt_product *p)
{
    product(p);
}

void rt_load__neon(void *to, const uint8_t *from, size_t n, uint8_t flip)
{
    const uint8x16_t flips = vdupq_n_u8(flip);
    int16_t *out = to;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        int8x16_t bytes = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from + i), flips));
        vst1q_s16(out + i, vmovl_s8(vget_low_s8(bytes)));
        vst1q_s16(out + i + 8, vmovl_high_s8(bytes));
    }
    for (; i < n; i++)
        out[i] = (int8_t)(from[i] ^ flip);
}
#endif
