/* softmax_s8 - softmax over rows of codes, in fixed point without a table.
 *
 *   out = 256 e^(beta s (q - max)) / sum, as codes of scale 1/256 from the type's lowest code on
 *
 * Differences are taken to Q5.26, exponentials to Q0.31, their sum to Q12.19, the reciprocal by
 * three Newton steps.  Bit-exact with TensorFlow Lite's reference/softmax.h and gemmlowp's
 * fixedpoint.h. */
#ifndef OCTET_RUNTIME_KERNELS_SOFTMAX_S8_H
#define OCTET_RUNTIME_KERNELS_SOFTMAX_S8_H

#include "runtime/requant.h"

enum { RT_SOFTMAX_MOST = 4096 }; /* values of a row: their sum must stay within Q12.19 */

typedef struct rt_softmax_s8 {
    rt_multiplier m;  /* of beta * scale in Q5.26; shift >= 0 */
    int32_t diff_min; /* differences below it count as 0 */
    int32_t depth;    /* values of a row */
    bool unsigned_x, unsigned_y;
} rt_softmax_s8;

/* scale * beta; false if it is too small for the fixed-point format. */
bool rt_softmax_set(rt_softmax_s8 *p, double scale, double beta);

/* One row. */
void rt_softmax_run(const rt_softmax_s8 *p, const uint8_t *in, uint8_t *out);

#endif
