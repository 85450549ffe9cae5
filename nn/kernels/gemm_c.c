/* gemm_c - tiles of up to 4 x 8 floats: 8 accumulators, 2 vectors of b and 1 of a in 16 registers.
 */
#include "nn/kernels/variants.h"

#include "nn/kernels/simd_c.h"

#include "nn/kernels/gemm_body.h"

#define EACH(X) X(1) X(2) X(3) X(4)

EACH(GEMM_TILES)

static void gemm_tile__c(const nn_gemm_tile *t)
{
#define ROW(mr) { gemm_tile_##mr##_1, gemm_tile_##mr##_2 },
    static void (*const tiles[][GEMM_VECTORS])(const nn_gemm_tile *) = { EACH(ROW) };
    tiles[t->m - 1][t->n > VL](t);
}

void nn_kernels_gemm_c(nn_kernel_table *t)
{
    t->isa = "c";
    t->gemm_m = 4;
    t->gemm_n = GEMM_VECTORS * VL;
    t->gemm_tile = gemm_tile__c;
}
