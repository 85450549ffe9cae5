/* simd - what the vector variants share: forced inlining and unrolling.
 *
 * A kernel body is written once with its tile size as an argument; every size that is used is an
 * inlined copy in which the argument is a constant, the loops over it are unrolled and the
 * accumulators live in registers. */
#ifndef OCTET_NN_KERNELS_SIMD_H
#define OCTET_NN_KERNELS_SIMD_H

#if defined(__clang__)
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NN_UNROLL _Pragma("GCC unroll 32")
#endif
#define NN_INLINE static inline __attribute__((always_inline))

#endif
