/* gemm_s8 for AVX-512-VNNI: four products of uint8 and int8 added to an int32 (vpdpbusd), which is
 * exact.  The left operand is uint8, so int8 codes come flipped (code + 128) and the zero point
 * with them.
 *
 * Weights are packed in panels of 16 channels: for each four of k, 16 times w[c][k ... k + 3]. */
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

enum { ROWS = 8, PANEL = 16, STEP = 4 };

size_t rt_gemm_s8_bytes__avx512vnni(int n, int k)
{
    size_t panels = ((size_t)n + PANEL - 1) / PANEL, steps = ((size_t)k + STEP - 1) / STEP;
    return panels * steps * STEP * PANEL;
}

void rt_gemm_s8_pack__avx512vnni(void *packed, const int8_t *w, int n, int k)
{
    int8_t *to = packed;
    for (int first = 0; first < n; first += PANEL)
        for (int i = 0; i < k; i += STEP)
            for (int c = first; c < first + PANEL; c++)
                for (int j = i; j < i + STEP; j++)
                    *to++ = c < n && j < k ? w[(size_t)c * (size_t)k + (size_t)j] : 0;
}

static inline __m512i four_of(const uint8_t *at)
{
    int32_t four;
    RT_MOVE(&four, at, sizeof four);
    return _mm512_set1_epi32(four);
}

/* `rows` rows (constant where it is called) by one or two panels. */
static inline __attribute__((always_inline)) void multiply(int32_t *acc, size_t step,
                                                           const uint8_t *a, size_t lda,
                                                           const int8_t *const panel[2], int steps,
                                                           const int32_t *bias, int columns,
                                                           const int rows, const int panels)
{
    __m512i s[ROWS][2];
    __mmask16 mask[2] = { 0xFFFF, 0xFFFF };
    mask[panels - 1] = (__mmask16)((1u << (columns - PANEL * (panels - 1))) - 1);
    for (int h = 0; h < panels; h++)
        s[0][h] = _mm512_maskz_loadu_epi32(mask[h], bias + PANEL * h);
#pragma GCC unroll 8
    for (int r = 1; r < rows; r++)
        for (int h = 0; h < panels; h++)
            s[r][h] = s[0][h];
    for (int i = 0; i < steps; i++) {
        __m512i w[2];
        for (int h = 0; h < panels; h++)
            w[h] = _mm512_loadu_si512(panel[h] + (size_t)i * STEP * PANEL);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            __m512i x = four_of(a + (size_t)r * lda + (size_t)i * STEP);
            for (int h = 0; h < panels; h++)
                s[r][h] = _mm512_dpbusd_epi32(s[r][h], x, w[h]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < panels; h++)
            _mm512_mask_storeu_epi32(acc + (size_t)r * step + PANEL * h, mask[h], s[r][h]);
}

/* All rows by the panels of `columns` channels. */
static inline __attribute__((always_inline)) void multiply_rows(
    int32_t *acc, size_t step, const uint8_t *a, size_t lda, int rows, const int8_t *const panel[2],
    int steps, const int32_t *bias, int columns, const int panels)
{
    int r = 0;
    for (; r + ROWS <= rows; r += ROWS)
        multiply(acc + (size_t)r * step, step, a + (size_t)r * lda, lda, panel, steps, bias,
                 columns, ROWS, panels);
    for (; r < rows; r++)
        multiply(acc + (size_t)r * step, step, a + (size_t)r * lda, lda, panel, steps, bias,
                 columns, 1, panels);
}

void rt_gemm_s8__avx512vnni(int32_t *acc, const void *a, size_t lda, int rows, const void *w, int n,
                            int k, const int32_t *bias)
{
    int steps = (k + STEP - 1) / STEP;
    size_t panel_bytes = (size_t)steps * STEP * PANEL;
    const int8_t *from = w;
    for (int c = 0; c < n; c += 2 * PANEL, from += 2 * panel_bytes) {
        const int8_t *const panel[2] = { from, from + panel_bytes };
        int columns = n - c < 2 * PANEL ? n - c : 2 * PANEL;
        if (columns > PANEL)
            multiply_rows(acc + c, (size_t)n, a, lda, rows, panel, steps, bias + c, columns, 2);
        else
            multiply_rows(acc + c, (size_t)n, a, lda, rows, panel, steps, bias + c, columns, 1);
    }
}
#endif
