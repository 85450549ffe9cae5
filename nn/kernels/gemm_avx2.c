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

/* Four columns, four steps at a time. */
static void transpose_four(float *to, ptrdiff_t to_row, const float *from, ptrdiff_t from_row,
                           int steps)
{
    int s = 0;
    for (; s + 4 <= steps; s += 4, to += 4 * to_row, from += 4) {
        __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + from_row);
        __m128 c = _mm_loadu_ps(from + 2 * from_row), d = _mm_loadu_ps(from + 3 * from_row);
        _MM_TRANSPOSE4_PS(a, b, c, d);
        _mm_storeu_ps(to, a);
        _mm_storeu_ps(to + to_row, b);
        _mm_storeu_ps(to + 2 * to_row, c);
        _mm_storeu_ps(to + 3 * to_row, d);
    }
    for (; s < steps; s++, to += to_row, from++)
        for (int j = 0; j < 4; j++)
            to[j] = from[j * from_row];
}

/* Columns may lie pages apart: as many steps at a time as a cache line holds, of all columns. */
static void transpose__avx2(nn_real *to, ptrdiff_t to_row, const nn_real *from, ptrdiff_t from_row,
                            int steps, int columns)
{
    enum { STEPS = 16 };
    for (int s = 0; s < steps; s += STEPS, to += STEPS * to_row, from += STEPS) {
        const int n = steps - s < STEPS ? steps - s : STEPS;
        int j = 0;
        for (; j + 4 <= columns; j += 4)
            transpose_four(to + j, to_row, from + j * from_row, from_row, n);
        for (; j < columns; j++)
            for (int i = 0; i < n; i++)
                to[i * to_row + j] = from[j * from_row + i];
    }
}

void nn_kernels_gemm_avx2(nn_kernel_table *t)
{
    t->isa = "avx2";
    t->gemm_m = 6;
    t->gemm_n = GEMM_VECTORS * VL;
    t->gemm_tile = gemm_tile__avx2;
    t->transpose = transpose__avx2;
}

#else

void nn_kernels_gemm_avx2(nn_kernel_table *t)
{
    (void)t;
}

#endif
