/* gemm_neon - tiles of up to 12 x 8: 24 accumulators, 2 vectors of b and 1 of a in 32 registers. */
#include "nn/kernels/variants.h"

#if defined(__aarch64__) && !defined(NN_F64)

#include "nn/kernels/simd_neon.h"

#include "nn/kernels/gemm_body.h"

#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

EACH(GEMM_TILES)

static void gemm_tile__neon(const nn_gemm_tile *t)
{
#define ROW(mr) { gemm_tile_##mr##_1, gemm_tile_##mr##_2 },
    static void (*const tiles[][GEMM_VECTORS])(const nn_gemm_tile *) = { EACH(ROW) };
    tiles[t->m - 1][t->n > VL](t);
}

void nn_kernels_gemm_neon(nn_kernel_table *t)
{
    t->isa = "neon";
    t->gemm_m = 12;
    t->gemm_n = GEMM_VECTORS * VL;
    t->gemm_tile = gemm_tile__neon;
}

#else

void nn_kernels_gemm_neon(nn_kernel_table *t)
{
    (void)t;
}

#endif
