/* add_s8 for AVX-512: sixteen sums at a time.  The input with the larger scale is halved exactly
 * (its multiplier is 1/2), so that most often one of three products falls away. */
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include "runtime/kernels/avx512_body.h"
#include "runtime/kernels/portable.h"

enum { LEFT = 20, VECTORS = 4 };

static rt_scale512 scale_of(int32_t mult, int32_t shift, int32_t zero)
{
    int32_t mults[RT_CODES], shifts[RT_CODES];
    for (int i = 0; i < RT_CODES; i++) {
        mults[i] = mult;
        shifts[i] = shift;
    }
    const rt_requant_rows q = { .mult = mults, .shift = shifts, .zero = zero };
    return rt_scale_of(&q, 0, 0xFFFF);
}

typedef struct operand {
    rt_scale512 scale;
    __m512i zero; /* raised as the codes are */
    __m128i flip;
} operand;

static operand operand_of(int32_t mult, int32_t shift, int32_t zero, uint8_t flip)
{
    return (operand){ scale_of(mult, shift, 0), _mm512_set1_epi32(zero * (1 << LEFT)),
                      _mm_set1_epi8((char)flip) };
}

RT_INLINE __m512i raised(const uint8_t *x, const operand *p)
{
    __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)x), p->flip);
    __m512i wide = _mm512_slli_epi32(_mm512_cvtepi8_epi32(bytes), LEFT);
    return _mm512_sub_epi32(wide, p->zero);
}

/* `half`: b's multiplier is 1/2.  Constant where it is called. */
RT_INLINE size_t add_all(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                         const operand *pa, const operand *pb, const rt_add_params *p,
                         const bool half)
{
    const rt_scale512 scale = scale_of(p->mult, p->shift, p->zero);
    const rt_requant_rows bounds = { .zero = p->zero, .lo = p->lo, .hi = p->hi };
    rt_clamp512 clamp = rt_clamp_of(&bounds);
    clamp.flip = _mm512_set1_epi8((char)(p->flip ^ 0x80));
    size_t i = 0;
    for (; i + VECTORS * RT_CODES <= n; i += VECTORS * RT_CODES) {
        __m512i v[VECTORS];
        for (int j = 0; j < VECTORS; j++) {
            size_t at = i + (size_t)j * RT_CODES;
            __m512i x = rt_rescale512(raised(a + at, pa), pa->scale.mult, pa->scale.right),
                    y = raised(b + at, pb);
            y = half ? _mm512_srai_epi32(y, 1) : rt_rescale512(y, pb->scale.mult, pb->scale.right);
            v[j] = _mm512_add_epi32(x, y);
        }
        const rt_scale512 *const same[VECTORS] = { &scale, &scale, &scale, &scale };
        _mm512_storeu_si512(out + i, rt_by_vector512(rt_codes512(v, same, &clamp, true)));
    }
    return i;
}

static bool is_half(int32_t mult, int32_t shift)
{
    return mult == 1 << 30 && shift == 0;
}

void rt_add_s8__avx512vnni(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n,
                           const rt_add_params *p)
{
    const operand pa = operand_of(p->mult_a, p->shift_a, p->zero_a, p->flip);
    const operand pb = operand_of(p->mult_b, p->shift_b, p->zero_b, p->flip);
    size_t done;
    if (is_half(p->mult_b, p->shift_b))
        done = add_all(out, a, b, n, &pa, &pb, p, true);
    else if (is_half(p->mult_a, p->shift_a))
        done = add_all(out, b, a, n, &pb, &pa, p, true);
    else
        done = add_all(out, a, b, n, &pa, &pb, p, false);
    rt_add_s8__avx2(out + done, a + done, b + done, n - done, p);
}
#endif
