/* product_s8 for AVX-512-VNNI: four products of uint8 and int8 added to an int32 (vpdpbusd), which
 * is exact.  The left operand is uint8, so int8 codes come flipped (code + 128) and the zero point
 * with them.
 *
 * Weights are packed in panels of 32 channels (the last may have 16): run by run, for each four of
 * k, 32 times w[c][k ... k + 3]; a run is filled up with zeros.  Up to eight pixels by one panel
 * stay in registers, and become codes there. */
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include "runtime/kernels/avx512_body.h"

enum { PIXELS = 8, PANEL = 16, STEP = 4, LINE = STEP * PANEL };

static size_t panel_bytes(int runs, int k)
{
    return (size_t)runs * (((size_t)k + STEP - 1) / STEP) * STEP * PANEL;
}

size_t rt_pack_bytes__avx512vnni(int n, int runs, int k)
{
    return ((size_t)n + PANEL - 1) / PANEL * panel_bytes(runs, k);
}

void rt_pack__avx512vnni(void *packed, const int8_t *w, int n, int runs, int k)
{
    int8_t *to = packed;
    size_t each = (size_t)runs * (size_t)k;
    for (int first = 0, width; first < n; first += width) {
        width = n - first > PANEL ? 2 * PANEL : PANEL;
        for (int r = 0; r < runs; r++)
            for (int i = 0; i < k; i += STEP)
                for (int c = first; c < first + width; c++) {
                    const int8_t *from = w + (size_t)c * each + (size_t)r * (size_t)k;
                    for (int j = i; j < i + STEP; j++)
                        *to++ = c < n && j < k ? from[j] : 0;
                }
    }
}

void rt_load__avx512vnni(void *to, const uint8_t *from, size_t n, uint8_t flip)
{
    const __m512i flips = _mm512_set1_epi8((char)flip);
    uint8_t *out = to;
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
        _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flips));
    if (i < n) {
        __mmask64 some = _cvtu64_mask64(~UINT64_C(0) >> (64 - (n - i)));
        __m512i rest = _mm512_maskz_loadu_epi8(some, from + i);
        _mm512_mask_storeu_epi8(out + i, some, _mm512_xor_si512(rest, flips));
    }
}

static inline __m512i four_of(const uint8_t *at)
{
    int32_t four;
    RT_MOVE(&four, at, sizeof four);
    return _mm512_set1_epi32(four);
}

/* What is the same for all pixels of a panel: one or two vectors of channels. */
typedef struct panels {
    const int8_t *w;
    __m512i bias[2];
    rt_scale512 scale[2];
    rt_clamp512 clamp;
    __mmask16 mask[2]; /* channels that are there */
    int first, steps;
    bool signs;
} panels;

/* The accumulators of `pixels` pixels (constant where it is called, as is `count`). */
RT_INLINE void multiply(__m512i s[PIXELS][2], const rt_product *p, const panels *w,
                        const uint8_t *a, const int pixels, const int count)
{
    const int8_t *at = w->w;
#pragma GCC unroll 8
    for (int x = 0; x < pixels; x++)
        for (int h = 0; h < count; h++)
            s[x][h] = w->bias[h];
    for (int r = 0; r < p->runs; r++, a += p->a_run) {
        const uint8_t *from = a;
        for (int i = 0; i < w->steps; i++, from += STEP, at += count * LINE) {
            __m512i v[2];
            for (int h = 0; h < count; h++)
                v[h] = _mm512_loadu_si512(at + h * LINE);
#pragma GCC unroll 8
            for (int x = 0; x < pixels; x++) {
                __m512i four = four_of(from + (size_t)x * p->a_step);
                for (int h = 0; h < count; h++)
                    s[x][h] = rt_dot512(s[x][h], four, v[h]);
            }
        }
    }
}

/* Codes of up to four vectors: pixel by pixel, panel by panel. */
RT_INLINE void store_four(uint8_t *out, size_t step, __m512i codes, const panels *w, const int some,
                          const int count)
{
    const bool whole = w->mask[count - 1] == 0xFFFF;
    if (whole && some == 4 && step == (size_t)count * PANEL) {
        _mm512_storeu_si512(out, codes);
        return;
    }
    if (whole && some == 4 && count == 2) {
        _mm256_storeu_si256((__m256i *)(void *)out, _mm512_castsi512_si256(codes));
        _mm256_storeu_si256((__m256i *)(void *)(out + step), _mm512_extracti64x4_epi64(codes, 1));
        return;
    }
    const __m128i four[4] = { _mm512_castsi512_si128(codes), _mm512_extracti32x4_epi32(codes, 1),
                              _mm512_extracti32x4_epi32(codes, 2),
                              _mm512_extracti32x4_epi32(codes, 3) };
#pragma GCC unroll 4
    for (int i = 0; i < some; i++)
        _mm_mask_storeu_epi8(out + (size_t)(i / count) * step + PANEL * (i % count),
                             w->mask[i % count], four[i]);
}

RT_INLINE void store_sums(const rt_product *p, const panels *w, __m512i s[PIXELS][2], int y, int x,
                          const int pixels, const int count)
{
    int32_t *to = p->acc + ((size_t)y * (size_t)p->pixels + (size_t)x) * (size_t)p->n;
#pragma GCC unroll 8
    for (int i = 0; i < pixels; i++)
        for (int h = 0; h < count; h++)
            _mm512_mask_storeu_epi32(to + i * p->n + w->first + h * PANEL, w->mask[h], s[i][h]);
}

RT_INLINE void store_codes(const rt_product *p, const panels *w, __m512i s[PIXELS][2], uint8_t *to,
                           const int pixels, const int count, const bool signs)
{
    const int vectors = pixels * count;
#pragma GCC unroll 16
    for (int i = 0; i < vectors; i += 4) {
        __m512i v[4];
        const rt_scale512 *scale[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const int k = i + j < vectors ? i + j : i; /* the first again: nobody stores it */
            v[j] = s[k / count][k % count];
            scale[j] = &w->scale[k % count];
        }
        __m512i codes = rt_by_vector512(rt_codes512(v, scale, &w->clamp, signs));
        store_four(to + (size_t)(i / count) * p->out_step, p->out_step, codes, w,
                   vectors - i < 4 ? vectors - i : 4, count);
    }
}

RT_INLINE void tile(const rt_product *p, const panels *w, int y, int x, const int pixels,
                    const int count)
{
    __m512i s[PIXELS][2];
    const uint8_t *a = p->a;
    multiply(s, p, w, a + (size_t)y * p->a_row + (size_t)x * p->a_step, pixels, count);
    uint8_t *to = p->out + (size_t)y * p->out_row + (size_t)x * p->out_step + w->first;
    if (p->acc != NULL)
        store_sums(p, w, s, y, x, pixels, count);
    else if (w->signs)
        store_codes(p, w, s, to, pixels, count, true);
    else
        store_codes(p, w, s, to, pixels, count, false);
}

/* A row of pixels in tiles of almost equal size. */
RT_INLINE void run_row(const rt_product *p, const panels *w, int y, const int count)
{
    int tiles = (p->pixels + PIXELS - 1) / PIXELS;
    for (int i = 0, x = 0; i < tiles; i++) {
        int pixels = (p->pixels - x + tiles - i - 1) / (tiles - i);
        switch (pixels) {
        case 8:
            tile(p, w, y, x, 8, count);
            break;
        case 7:
            tile(p, w, y, x, 7, count);
            break;
        case 6:
            tile(p, w, y, x, 6, count);
            break;
        case 5:
            tile(p, w, y, x, 5, count);
            break;
        case 4:
            tile(p, w, y, x, 4, count);
            break;
        case 3:
            tile(p, w, y, x, 3, count);
            break;
        case 2:
            tile(p, w, y, x, 2, count);
            break;
        default:
            tile(p, w, y, x, 1, count);
            break;
        }
        x += pixels;
    }
}

void rt_product__avx512vnni(const rt_product *p)
{
    const size_t bytes = panel_bytes(p->runs, p->k);
    panels w = { .w = p->w,
                 .clamp = rt_clamp_of(p->requant),
                 .steps = (p->k + STEP - 1) / STEP,
                 .signs = rt_has_signs(p->requant) };
    for (int c = 0; c < p->n; c += 2 * PANEL, w.w += 2 * bytes) {
        const int count = p->n - c > PANEL ? 2 : 1;
        w.first = c;
        for (int h = 0; h < count; h++) {
            int at = c + h * PANEL;
            w.mask[h] = rt_first_lanes(p->n - at);
            w.bias[h] = _mm512_maskz_loadu_epi32(w.mask[h], p->bias + at);
            if (p->acc == NULL)
                w.scale[h] = rt_scale_of(p->requant, at, w.mask[h]);
        }
        for (int y = 0; y < p->rows; y++)
            if (count == 2)
                run_row(p, &w, y, 2);
            else
                run_row(p, &w, y, 1);
    }
}
#endif
