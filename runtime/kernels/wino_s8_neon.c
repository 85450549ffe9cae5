/* wino_s8 for AArch64 NEON: products of int16 added to int32 (smlal); for the tables with and
 * without a dot product of int8. */
#include "runtime/kernels/arm.h"
#include "runtime/kernels/wino.h"

#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>

enum { GROUP = 2, WIDTH = 4 };
typedef int16_t element;
typedef uint32_t ints __attribute__((vector_size(4 * WIDTH)));
typedef struct weights {
    int16x8x2_t of[2]; /* eight channels' first and second of a pair */
} weights;
#define to_codes rt_requant_s8__neon
#define widened  lanes_at

static inline weights load_weights(const int16_t *from)
{
    return (weights){ { vld2q_s16(from), vld2q_s16(from + 16) } };
}

static inline void add_products(ints m[4], const int16_t *v, weights w)
{
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        int16x8_t x = vdupq_n_s16(v[k]);
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            int16x8_t u = w.of[h].val[k];
            m[2 * h] = (ints)vmlal_s16((int32x4_t)m[2 * h], vget_low_s16(u), vget_low_s16(x));
            m[2 * h + 1] = (ints)vmlal_high_s16((int32x4_t)m[2 * h + 1], u, x);
        }
    }
}

#include "runtime/kernels/wino_halves_body.h"

#include "runtime/kernels/wino_body.h"

void rt_wino__neon(const rt_wino *p)
{
    wino(p);
}
#endif
