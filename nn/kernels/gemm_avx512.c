/* gemm_avx512 - tiles of up to 14 x 32: 28 accumulators, 2 vectors of b and 1 of a in 32
 * registers. */
#include "nn/kernels/variants.h"

#if defined(__AVX512F__) && !defined(NN_F64)

#include "nn/kernels/simd_avx512.h"

#include "nn/kernels/gemm_body.h"

#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)

EACH(GEMM_TILES)

static void gemm_tile__avx512(const nn_gemm_tile *t)
{
#define ROW(mr) { gemm_tile_##mr##_1, gemm_tile_##mr##_2 },
    static void (*const tiles[][GEMM_VECTORS])(const nn_gemm_tile *) = { EACH(ROW) };
    tiles[t->m - 1][t->n > VL](t);
}

void nn_kernels_gemm_avx512(nn_kernel_table *t)
{
    t->isa = "avx512";
    t->gemm_m = 14;
    t->gemm_n = GEMM_VECTORS * VL;
    t->gemm_tile = gemm_tile__avx512;
}

#else

void nn_kernels_gemm_avx512(nn_kernel_table *t)
{
    (void)t;
}

#endif
