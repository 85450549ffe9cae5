/* gemm_c - tiles of up to 4 x 8 floats: 8 accumulators, 2 vectors of b and 1 of a in 16
 * registers. */
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

/* A few steps at a time: where columns lie pages apart, each is read by the cache line. */
static void transpose__c(nn_real *to, ptrdiff_t to_row, const nn_real *from, ptrdiff_t from_row,
                         int steps, int columns)
{
    enum { STEPS = 16 };
    for (int s0 = 0; s0 < steps; s0 += STEPS) {
        const int s1 = s0 + STEPS < steps ? s0 + STEPS : steps;
        for (int j = 0; j < columns; j++)
            for (int s = s0; s < s1; s++)
                to[s * to_row + j] = from[j * from_row + s];
    }
}

void nn_kernels_gemm_c(nn_kernel_table *t)
{
    t->isa = "c";
    t->gemm_m = 4;
    t->gemm_n = GEMM_VECTORS * VL;
    t->gemm_tile = gemm_tile__c;
    t->transpose = transpose__c;
}
