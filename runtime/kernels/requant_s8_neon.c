/* requant_s8, add_s8 and dwconv_s8 for AArch64 NEON: four 32-bit values at a time, rounding exactly
 * as runtime/requant.h. */
#include "runtime/kernels/arm.h"

#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>

#include "runtime/kernels/portable.h"

enum { LANES = 4, LEFT = 20 };

/* SRDHM is the instruction sqrdmulh; RDBP is srshl, less 1 before it where x is negative, as srshl
 * rounds halves upward.  An x of INT32_MIN stays: less 1 it saturates to itself. */
static inline int32x4_t rescale(int32x4_t x, int32x4_t mult, int32x4_t shift)
{
    const int32x4_t none = vdupq_n_s32(0);
    int32x4_t left = vmaxq_s32(shift, none), right = vminq_s32(shift, none);
    x = vqrdmulhq_s32(vshlq_s32(x, left), mult);
    int32x4_t shifts = vreinterpretq_s32_u32(vtstq_s32(right, right));
    int32x4_t below = vandq_s32(vshrq_n_s32(x, 31), shifts);
    return vrshlq_s32(vqaddq_s32(x, below), right);
}

/* v + zero, clamped without leaving 32 bits; the low bytes of the lanes. */
static inline void finish(uint8_t *out, int32x4_t v, int32_t zero, int32_t lo, int32_t hi,
                          uint8_t flip)
{
    v = vmaxq_s32(v, vdupq_n_s32(lo - zero));
    v = vaddq_s32(vminq_s32(v, vdupq_n_s32(hi - zero)), vdupq_n_s32(zero));
    for (int i = 0; i < LANES; i++)
        out[i] = (uint8_t)((uint8_t)v[i] ^ flip);
}

void rt_requant_s8__neon(uint8_t *out, const int32_t *acc, int n, const rt_requant_rows *p)
{
    int c = 0;
    for (; c + LANES <= n; c += LANES) {
        int32x4_t v = rescale(vld1q_s32(acc + c), vld1q_s32(p->mult + c), vld1q_s32(p->shift + c));
        finish(out + c, v, p->zero, p->lo, p->hi, 0);
    }
    rt_requant_rows rest = *p;
    rest.mult += c;
    rest.shift += c;
    rt_requant_s8__c(out + c, acc + c, n - c, &rest);
}

static inline int32x4_t operand(const uint8_t *x, uint8_t flip, int32_t zero, int32_t mult,
                                int32_t shift)
{
    int32_t code[LANES];
    for (int i = 0; i < LANES; i++)
        code[i] = (int8_t)(x[i] ^ flip) - zero;
    int32x4_t v = vshlq_n_s32(vld1q_s32(code), LEFT);
    return rescale(v, vdupq_n_s32(mult), vdupq_n_s32(shift));
}

void rt_add_s8__neon(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                     const rt_add_params *p)
{
    const int32x4_t mult = vdupq_n_s32(p->mult), shift = vdupq_n_s32(p->shift);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        int32x4_t x = operand(a + i, p->flip, p->zero_a, p->mult_a, p->shift_a);
        int32x4_t y = operand(b + i, p->flip, p->zero_b, p->mult_b, p->shift_b);
        finish(out + i, rescale(vaddq_s32(x, y), mult, shift), p->zero, p->lo, p->hi, p->flip);
    }
    rt_add_s8__c(out + i, a + i, b + i, n - i, p);
}

void rt_dwconv_s8__neon(int32_t *acc, const uint8_t *const *x, const int16_t *const *w, int taps,
                        bool unsigned_x, int32_t zero, int n)
{
    const int16x8_t offset = vdupq_n_s16((int16_t)zero);
    int c = 0;
    for (; c + 8 <= n; c += 8) {
        int32x4_t low = vld1q_s32(acc + c), high = vld1q_s32(acc + c + 4);
        for (int t = 0; t < taps; t++) {
            uint8x8_t bytes = vld1_u8(x[t] + c);
            int16x8_t wide = unsigned_x ? vreinterpretq_s16_u16(vmovl_u8(bytes))
                                        : vmovl_s8(vreinterpret_s8_u8(bytes));
            int16x8_t v = vsubq_s16(wide, offset), weights = vld1q_s16(w[t] + c);
            low = vmlal_s16(low, vget_low_s16(v), vget_low_s16(weights));
            high = vmlal_high_s16(high, v, weights);
        }
        vst1q_s32(acc + c, low);
        vst1q_s32(acc + c + 4, high);
    }
    for (int t = 0; c < n && t < taps; t++) {
        const uint8_t *from = x[t] + c;
        const int16_t *weights = w[t] + c;
        rt_dwconv_s8__c(acc + c, &from, &weights, 1, unsigned_x, zero, n - c);
    }
}
#endif
