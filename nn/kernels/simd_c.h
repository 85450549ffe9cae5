/* simd_c - sixteen bytes of nn_real at a time in the vectors of GNU C, for processors without a
 * variant of their own (gcc and clang turn them into SSE2, NEON or plain code).
 *
 * `vmask` selects the first elements of a vector: what it leaves out is neither read nor written.
 */
#ifndef OCTET_NN_KERNELS_SIMD_C_H
#define OCTET_NN_KERNELS_SIMD_C_H

#include <string.h>

#include "nn/base/real.h"
#include "nn/kernels/simd.h"

enum { VL = 16 / sizeof(nn_real) };
typedef nn_real vreal __attribute__((vector_size(16)));
typedef int vmask; /* how many */

NN_INLINE vmask v_first(int n) /* 0 <= n <= VL */
{
    return n;
}
NN_INLINE vreal v_zero(void)
{
    return (vreal){ 0 };
}
NN_INLINE vreal v_all(nn_real x)
{
    return x - (vreal){ 0 }; /* in each element; compilers know that x - 0 is x */
}
NN_INLINE vreal v_load(const nn_real *p)
{
    vreal v;
    memcpy(&v, p, sizeof v);
    return v;
}
NN_INLINE void v_store(nn_real *p, vreal x)
{
    memcpy(p, &x, sizeof x);
}
NN_INLINE vreal v_load_some(const nn_real *p, vmask m)
{
    if (m == VL)
        return v_load(p);
    vreal v = { 0 };
    for (int i = 0; i < m; i++)
        v[i] = p[i];
    return v;
}
NN_INLINE void v_store_some(nn_real *p, vmask m, vreal x)
{
    if (m == VL) {
        v_store(p, x);
        return;
    }
    for (int i = 0; i < m; i++)
        p[i] = x[i];
}
NN_INLINE vreal v_fma(vreal a, vreal b, vreal c) /* a b + c, rounded twice */
{
    return a * b + c;
}
NN_INLINE vreal v_add(vreal a, vreal b)
{
    return a + b;
}
NN_INLINE vreal v_sub(vreal a, vreal b)
{
    return a - b;
}
NN_INLINE vreal v_mul(vreal a, vreal b)
{
    return a * b;
}

#endif
