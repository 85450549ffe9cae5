/* gemm_s8 for AVX2: pairs of int16 multiplied and added (vpmaddwd), which is exact.
 *
 * The often used vpmaddubsw would be twice as fast, but it saturates sums of two products at 16
 * bits.  Weights are packed in panels of 16 channels: for each pair of k, 16 times (w[c][k], w[c][k
 * + 1]). */
#include "runtime/kernels/x86.h"

#if defined(__AVX2__)
#include <immintrin.h>

enum { ROWS = 4, PANEL = 16, BLOCK = 512 };

size_t rt_gemm_s8_bytes__avx2(int n, int k)
{
    size_t panels = ((size_t)n + PANEL - 1) / PANEL, pairs = ((size_t)k + 1) / 2;
    return panels * pairs * 2 * PANEL;
}

void rt_gemm_s8_pack__avx2(void *packed, const int8_t *w, int n, int k)
{
    int8_t *to = packed;
    for (int first = 0; first < n; first += PANEL)
        for (int i = 0; i < k; i += 2)
            for (int c = first; c < first + PANEL; c++) {
                const int8_t *row = w + (size_t)c * (size_t)k;
                *to++ = c < n ? row[i] : 0;
                *to++ = c < n && i + 1 < k ? row[i + 1] : 0;
            }
}

/* Rows of int8 as int16, `k` even; rows that are not there repeat the first. */
static void widen(int16_t *tile, const int8_t *a, size_t lda, int rows, int k)
{
    for (int r = 0; r < ROWS; r++) {
        const int8_t *row = a + (size_t)(r < rows ? r : 0) * lda;
        for (int i = 0; i < k; i++)
            tile[r * BLOCK + i] = row[i];
        tile[r * BLOCK + k] = 0; /* an odd k has a weight of 0 there */
    }
}

static inline __m256i pair_of(const int16_t *at)
{
    int32_t pair;
    RT_MOVE(&pair, at, sizeof pair);
    return _mm256_set1_epi32(pair);
}

/* Four rows by one panel, added to what `acc` holds. */
static void multiply(int32_t acc[ROWS][PANEL], const int16_t *tile, const int8_t *panel, int pairs)
{
    __m256i s[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int h = 0; h < 2; h++)
            s[r][h] = _mm256_load_si256((const __m256i *)&acc[r][8 * h]);
    for (int i = 0; i < pairs; i++, panel += 2 * PANEL) {
        const __m128i *from = (const __m128i *)(const void *)panel;
        __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(from));
        __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(from + 1));
#pragma GCC unroll 4
        for (int r = 0; r < ROWS; r++) {
            __m256i x = pair_of(tile + r * BLOCK + 2 * i);
            s[r][0] = _mm256_add_epi32(s[r][0], _mm256_madd_epi16(x, w0));
            s[r][1] = _mm256_add_epi32(s[r][1], _mm256_madd_epi16(x, w1));
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int h = 0; h < 2; h++)
            _mm256_store_si256((__m256i *)&acc[r][8 * h], s[r][h]);
}

/* Accumulators of a tile come from the bias, or from the block before. */
static void get(int32_t tile[ROWS][PANEL], const int32_t *from, size_t step, int rows, int columns)
{
    for (int r = 0; r < ROWS; r++, from += r < rows ? step : 0)
        for (int c = 0; c < columns; c++)
            tile[r][c] = from[c];
}

static void put(int32_t *to, size_t step, int32_t tile[ROWS][PANEL], int rows, int columns)
{
    for (int r = 0; r < rows; r++, to += step)
        for (int c = 0; c < columns; c++)
            to[c] = tile[r][c];
}

void rt_gemm_s8__avx2(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n,
                      int k, const int32_t *bias)
{
    _Alignas(32) int16_t tile[ROWS * BLOCK + 2];
    _Alignas(32) int32_t sums[ROWS][PANEL] = { { 0 } };
    size_t panel_bytes = ((size_t)k + 1) / 2 * 2 * PANEL, step = (size_t)n;
    for (int r = 0; r < rows; r += ROWS) {
        int some = rows - r < ROWS ? rows - r : ROWS;
        int32_t *row = acc + (size_t)r * step;
        for (int begin = 0; begin < k; begin += BLOCK) {
            int block = k - begin < BLOCK ? k - begin : BLOCK;
            const int8_t *panel = (const int8_t *)w + (size_t)begin * PANEL;
            widen(tile, (const int8_t *)a + (size_t)r * lda + begin, lda, some, block);
            for (int c = 0; c < n; c += PANEL, panel += panel_bytes) {
                int columns = n - c < PANEL ? n - c : PANEL;
                get(sums, begin == 0 ? bias + c : row + c, begin == 0 ? 0 : step, some, columns);
                multiply(sums, tile, panel, (block + 1) / 2);
                put(row + c, step, sums, some, columns);
            }
        }
    }
}
#endif
