/* gemm_avx2 - tiles of up to 6 x 16: 12 accumulators, 2 vectors of b and 1 of a in 16 registers. */
#include "nn/kernels/variants.h"

#if defined(__AVX2__) && !defined(NN_F64)

#include "nn/kernels/simd_avx2.h"

#include "nn/kernels/gemm_body.h"

#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6)

EACH(GEMM_TILES)

static void gemm_tile__avx2(const nn_gemm_tile *t)
{
#define ROW(mr) { gemm_tile_##mr##_1, gemm_tile_##mr##_2 },
    static void (*const tiles[][GEMM_VECTORS])(const nn_gemm_tile *) = { EACH(ROW) };
    tiles[t->m - 1][t->n > VL](t);
}

void nn_kernels_gemm_avx2(nn_kernel_table *t)
{
    t->isa = "avx2";
    t->gemm_m = 6;
    t->gemm_n = GEMM_VECTORS * VL;
    t->gemm_tile = gemm_tile__avx2;
}

#else

void nn_kernels_gemm_avx2(nn_kernel_table *t)
{
    (void)t;
}

#endif
