/* wino_s8 for AVX-512-VNNI: pairs of int16 multiplied and added to an int32 (vpdpwssd, which
 * wraps).
 *
 * Six rows by four tiles of sums of sixteen channels stay in registers.  What the inverse transform
 * leaves is 576 times the accumulator.  Where that fits an int32, by what the model's weights
 * allow, it is rounded as it is, with 1/576 in the factor; else 9 is divided out modulo 2^32, and
 * 1/64 is in the factor.  Only for codes in doubt it becomes the accumulator itself. */
#include "runtime/kernels/wino.h"
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include "runtime/kernels/avx512_body.h"

enum { GROUP = 4 };
typedef uint8_t element;
#define widened(from)                                                                              \
    ((lanes)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(from))))

typedef struct panel {
    __m512i bias;      /* times 576 */
    rt_scale512 scale; /* of 576 accumulators; of 64, if `wraps` */
    rt_clamp512 clamp;
    __mmask16 mask;
    bool signs;
    bool wraps; /* 576 accumulators may leave 32 bits */
} panel;

typedef int32_t pair __attribute__((may_alias)); /* two int16 side by side */

/* sum + w times the pair at x, which every lane takes from memory in the same instruction.  Written
 * out for that, and for the reason given at rt_dot512. */
static inline __m512i dot(__m512i sum, const int16_t *x, __m512i w)
{
    __asm__("vpdpwssd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*(const pair *)x));
    return sum;
}

static inline panel begin(const rt_wino *p, int first)
{
    panel q;
    q.mask = rt_first_lanes(p->n - first);
    q.bias = _mm512_mullo_epi32(_mm512_maskz_loadu_epi32(q.mask, p->bias + first),
                                _mm512_set1_epi32(RT_WINO_SCALE));
    q.scale = rt_scale_of(p->requant, first, q.mask);
    q.wraps = p->most > INT32_MAX / RT_WINO_SCALE;
    q.scale.factor = rt_factor_of(&q.scale, q.wraps ? 1 << RT_WINO_SHIFT : RT_WINO_SCALE);
    q.clamp = rt_clamp_of(p->requant);
    q.signs = rt_has_signs(p->requant);
    return q;
}

/* m (six) times A^T: four. */
RT_INLINE void combine(__m512i y[4], const __m512i m[6])
{
    __m512i p = _mm512_add_epi32(m[1], m[2]), q = _mm512_sub_epi32(m[1], m[2]);
    __m512i r = _mm512_add_epi32(m[3], m[4]), s = _mm512_sub_epi32(m[3], m[4]);
    __m512i last = _mm512_slli_epi32(_mm512_add_epi32(_mm512_slli_epi32(s, 2), m[5]), 1);
    y[0] = _mm512_add_epi32(m[0], _mm512_add_epi32(p, r));
    y[1] = _mm512_add_epi32(q, _mm512_add_epi32(s, s));
    y[2] = _mm512_add_epi32(p, _mm512_slli_epi32(r, 2));
    y[3] = _mm512_add_epi32(q, last);
}

RT_INLINE void multiply(int32_t *sums, const int16_t *v, const int16_t *w, int channels,
                        size_t chunk, const panel *q, int column, const int tiles)
{
    __m512i m[GROUP][RT_WINO_IN];
#pragma GCC unroll 4
    for (int t = 0; t < tiles; t++)
#pragma GCC unroll 6
        for (int i = 0; i < RT_WINO_IN; i++)
            m[t][i] = i == 1 && column == 1 ? q->bias : _mm512_setzero_si512();
    for (int c = 0; c < channels; c += RT_WINO_LANES, v += chunk) {
        int end = channels - c < RT_WINO_LANES ? channels - c : RT_WINO_LANES;
        for (int k = 0; k < end; k += 2, w += RT_WINO_IN * RT_WINO_LANES * 2)
#pragma GCC unroll 6
            for (int i = 0; i < RT_WINO_IN; i++) {
                __m512i u = _mm512_loadu_si512(w + i * RT_WINO_LANES * 2);
#pragma GCC unroll 4
                for (int t = 0; t < tiles; t++)
                    m[t][i] = dot(m[t][i], v + (t * RT_WINO_IN + i) * RT_WINO_LANES + k, u);
            }
    }
#pragma GCC unroll 4
    for (int t = 0; t < tiles; t++) {
        __m512i y[RT_WINO_OUT];
        combine(y, m[t]);
#pragma GCC unroll 4
        for (int r = 0; r < RT_WINO_OUT; r++)
            _mm512_storeu_si512(sums + (t * RT_WINO_OUT + r) * RT_WINO_LANES, y[r]);
    }
}

/* Codes of up to four pixels. */
RT_INLINE void store_row(uint8_t *out, size_t step, __m512i codes, __mmask16 mask, int pixels)
{
    const bool whole = mask == 0xFFFF && pixels == RT_WINO_OUT; /* masked stores take longer */
    if (whole && step == RT_WINO_LANES) {
        _mm512_storeu_si512(out, codes);
        return;
    }
    const __m128i four[4] = { _mm512_castsi512_si128(codes), _mm512_extracti32x4_epi32(codes, 1),
                              _mm512_extracti32x4_epi32(codes, 2),
                              _mm512_extracti32x4_epi32(codes, 3) };
#pragma GCC unroll 4
    for (int s = 0; s < RT_WINO_OUT; s++)
        if (whole)
            _mm_storeu_si128((__m128i *)(void *)(out + (size_t)s * step), four[s]);
        else if (s < pixels)
            _mm_mask_storeu_epi8(out + (size_t)s * step, mask, four[s]);
}

/* Codes of a row of 576 accumulators that has some in doubt. */
static __attribute__((noinline, cold)) __m512i finish_again(__m512i a, __m512i b, __m512i c,
                                                            __m512i d, const panel *q)
{
    const __m512i ninth = _mm512_set1_epi32(RT_WINO_NINTH);
    const rt_scale512 *const scale[4] = { &q->scale, &q->scale, &q->scale, &q->scale };
    __m512i v[4] = { a, b, c, d };
    for (int s = 0; s < RT_WINO_OUT; s++)
        v[s] = _mm512_srai_epi32(_mm512_mullo_epi32(v[s], ninth), RT_WINO_SHIFT);
    return rt_exact512(v, scale, &q->clamp);
}

/* signs and wraps: the panel's, constant where it is called. */
RT_INLINE void finish_tile(const rt_wino *p, const panel *q, const int32_t *sums, size_t step,
                           int y, int x, int first, const bool signs, const bool wraps)
{
    const __m512i ninth = _mm512_set1_epi32(RT_WINO_NINTH);
    const int rows = p->rows - y < RT_WINO_OUT ? p->rows - y : RT_WINO_OUT;
    const int pixels = p->pixels - x < RT_WINO_OUT ? p->pixels - x : RT_WINO_OUT;
    uint8_t *out = p->out + (size_t)y * p->out_row + (size_t)x * p->out_step + first;
    for (int r = 0; r < rows; r++, sums += RT_WINO_LANES, out += p->out_row) {
        __m512i m[RT_WINO_IN], v[RT_WINO_OUT], t[RT_WINO_OUT];
#pragma GCC unroll 6
        for (int j = 0; j < RT_WINO_IN; j++)
            m[j] = _mm512_loadu_si512(sums + (size_t)j * step);
        combine(v, m);
#pragma GCC unroll 4
        for (int s = 0; s < RT_WINO_OUT; s++)
            t[s] = rt_t512(wraps ? _mm512_mullo_epi32(v[s], ninth) : v[s], &q->scale, signs);
        __m512i codes = rt_in_doubt512(t, RT_CLEAR) ? finish_again(v[0], v[1], v[2], v[3], q)
                                                    : rt_floor512(t, &q->clamp);
        store_row(out, p->out_step, rt_by_vector512(codes), q->mask, pixels);
    }
}

static inline void finish(const rt_wino *p, const panel *q, const int32_t *sums, size_t step, int y,
                          int x, int first)
{
    if (q->signs && q->wraps)
        finish_tile(p, q, sums, step, y, x, first, true, true);
    else if (q->signs)
        finish_tile(p, q, sums, step, y, x, first, true, false);
    else if (q->wraps)
        finish_tile(p, q, sums, step, y, x, first, false, true);
    else
        finish_tile(p, q, sums, step, y, x, first, false, false);
}

#include "runtime/kernels/wino_body.h"

void rt_wino__avx512vnni(const rt_wino *p)
{
    wino(p);
}
#endif
