/* add_s8 for AVX-512: 64 sums at a time, most of them in binary32.
 *
 * With s_a, s_b and s for the three multipliers (runtime/ops/add.c), the code is, counted from the
 * lowest, the floor of
 *
 *   V = (a - zero_a) f_a + (b - zero_b) f_b + zero + 1/2,   f_a = 2^20 s_a s, f_b = 2^20 s_b s,
 *
 * but for what rounding the three products changes, at most 1 + 1 + 1 units of s.  t is 256 + V +
 * 8 u, as in avx512_body.h (u = 2^-15), where f_a and f_b are at most 2 (a sum's range can be half
 * of an input's: relu follows) and s at most 2^-18: then t is off by 3/8 u from that rounding, 2 u
 * from rounding f_a and f_b (|a - zero_a| < 256), u from the constant (below 1024), 2 u from the
 * inner sum (which is below 2048) and u/2 from the outer one, so that the floor is right wherever
 * the fraction of t is not below 16 u. */
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include "runtime/kernels/avx512_body.h"
#include "runtime/kernels/portable.h"

enum { LEFT = 20, VECTORS = 4, CODES = VECTORS * RT_CODES, CLEAR = 0x7FF0 };

typedef struct sum {
    __m512 f_a, f_b, constant;
    rt_clamp512 clamp;
    const rt_add_params *p;
} sum;

static double real_of(int32_t mult, int32_t shift)
{
    return mult / (double)(INT64_C(1) << (31 - shift));
}

/* Sixteen codes, as int8 in 32 bits. */
RT_INLINE __m512i codes_at(const uint8_t *x, __m512i flip)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)x);
    return _mm512_cvtepi8_epi32(_mm_xor_si128(bytes, _mm512_castsi512_si128(flip)));
}

/* False if the bounds above do not hold. */
static bool prepare(sum *s, const rt_add_params *p)
{
    const rt_requant_rows bounds = { .zero = p->zero, .lo = p->lo, .hi = p->hi };
    const double all = real_of(p->mult, p->shift) * (1 << LEFT);
    const double a = real_of(p->mult_a, p->shift_a) * all, b = real_of(p->mult_b, p->shift_b) * all;
    const float f_a = (float)a, f_b = (float)b;
    const double constant = 256.5 + 8.0 / (1 << RT_FRACTION) + p->zero + 128 -
                            (double)f_a * p->zero_a - (double)f_b * p->zero_b;
    s->f_a = _mm512_set1_ps(f_a);
    s->f_b = _mm512_set1_ps(f_b);
    s->constant = _mm512_set1_ps((float)constant);
    s->clamp = rt_clamp_of(&bounds);
    s->clamp.flip = _mm512_set1_epi8((char)(p->flip ^ 0x80));
    s->p = p;
    return a <= 2 && b <= 2 && all <= 4;
}

/* requant of the codes, raised. */
RT_INLINE __m512i rescale(__m512i codes, int32_t zero, int32_t mult, int32_t shift)
{
    __m512i x = _mm512_slli_epi32(_mm512_sub_epi32(codes, _mm512_set1_epi32(zero)), LEFT);
    return rt_rescale512(x, _mm512_set1_epi32(mult), _mm512_set1_epi32(-shift));
}

/* 64 codes by 64-bit products. */
static __attribute__((noinline)) __m512i add_exactly(const uint8_t *a, const uint8_t *b,
                                                     const sum *s)
{
    const rt_add_params *p = s->p;
    const __m512i flip = _mm512_set1_epi8((char)p->flip);
    const rt_scale512 scale = { .mult = _mm512_set1_epi32(p->mult),
                                .right = _mm512_set1_epi32(-p->shift) };
    const rt_scale512 *const same[VECTORS] = { &scale, &scale, &scale, &scale };
    __m512i v[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        __m512i x = codes_at(a + i * RT_CODES, flip), y = codes_at(b + i * RT_CODES, flip);
        v[i] = _mm512_add_epi32(rescale(x, p->zero_a, p->mult_a, p->shift_a),
                                rescale(y, p->zero_b, p->mult_b, p->shift_b));
    }
    return rt_exact512(v, same, &s->clamp);
}

RT_INLINE __m512i add_some(const uint8_t *a, const uint8_t *b, const sum *s, __m512i flip)
{
    enum { NEAREST = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    __m512i t[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        __m512 x = _mm512_cvtepi32_ps(codes_at(a + i * RT_CODES, flip));
        __m512 y = _mm512_cvtepi32_ps(codes_at(b + i * RT_CODES, flip));
        y = _mm512_fmadd_round_ps(y, s->f_b, s->constant, NEAREST);
        t[i] = _mm512_castps_si512(_mm512_fmadd_round_ps(x, s->f_a, y, NEAREST));
    }
    return rt_in_doubt512(t, CLEAR) ? add_exactly(a, b, s) : rt_floor512(t, &s->clamp);
}

void rt_add_s8__avx512vnni(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                           const rt_add_params *p)
{
    const __m512i flip = _mm512_set1_epi8((char)p->flip);
    sum s;
    const bool real = prepare(&s, p);
    size_t i = 0;
    for (; i + CODES <= n; i += CODES) {
        __m512i codes = real ? add_some(a + i, b + i, &s, flip) : add_exactly(a + i, b + i, &s);
        _mm512_storeu_si512(out + i, rt_by_vector512(codes));
    }
    rt_add_s8__avx2(out + i, a + i, b + i, n - i, p);
}
#endif
