/* dwconv_s8 for AVX-512-VNNI: sixteen channels of output rows.
 *
 * vpdpbusd adds four products a lane, so four rows of the image are interleaved: a column of the
 * scratch is 16 times (in[0][c], in[1][c], in[2][c], in[3][c]), and every output takes k_w of them
 * with weights that lie likewise.  A column is made once and serves k_w outputs. */
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include "runtime/kernels/avx512_body.h"

enum { LANES = 16, ROWS = 4, COLUMN = LANES * ROWS, PIXELS = 4 };

static int groups_of(int k_h)
{
    return (k_h + ROWS - 1) / ROWS;
}

/* Columns behind a row. */
static int columns_of(const rt_dwrow *d)
{
    return (d->pixels - 1) * d->stride + (d->k_w - 1) * d->dilation + 1;
}

size_t rt_dw_bytes__avx512vnni(int channels, int k_h, int k_w)
{
    size_t blocks = ((size_t)channels + LANES - 1) / LANES;
    return blocks * (size_t)groups_of(k_h) * (size_t)k_w * COLUMN;
}

/* [block of channels][group of rows][k_w][channel][row] */
void rt_dw_pack__avx512vnni(void *packed, const int8_t *w, int channels, int k_h, int k_w)
{
    int8_t *to = packed;
    for (int first = 0; first < channels; first += LANES)
        for (int g = 0; g < k_h; g += ROWS)
            for (int kx = 0; kx < k_w; kx++)
                for (int c = first; c < first + LANES; c++)
                    for (int ky = g; ky < g + ROWS; ky++) {
                        size_t tap = (size_t)ky * (size_t)k_w + (size_t)kx;
                        *to++ =
                            c < channels && ky < k_h ? w[tap * (size_t)channels + (size_t)c] : 0;
                    }
}

size_t rt_dw_scratch__avx512vnni(const rt_dwrow *d)
{
    return (size_t)columns_of(d) * (size_t)groups_of(d->k_h) * COLUMN;
}

/* Row `ky` as the columns take it: real pixels, or where it is outside the image one pixel for
 * all. */
typedef struct source {
    const uint8_t *at;
    size_t step;
} source;

static source source_of(const rt_dwrow *d, int y, int ky, int c, const uint8_t *outside)
{
    const uint8_t *row = ky < d->k_h ? d->in[y * d->in_step + ky] : NULL;
    if (row != NULL)
        return (source){ row + c, (size_t)d->channels };
    return (source){ outside, 0 };
}

/* Columns [begin, end) of a group, all inside the image.  `from` are its rows at column begin. */
static void interleave(uint8_t *to, const source s[ROWS], int begin, int end, __mmask16 mask,
                       __m128i flip)
{
    for (int x = begin; x < end; x++, to += COLUMN) {
        __m128i row[ROWS];
        for (int r = 0; r < ROWS; r++)
            row[r] =
                _mm_xor_si128(flip, _mm_maskz_loadu_epi8(mask, s[r].at + (size_t)x * s[r].step));
        __m128i a = _mm_unpacklo_epi8(row[0], row[1]), b = _mm_unpackhi_epi8(row[0], row[1]);
        __m128i c = _mm_unpacklo_epi8(row[2], row[3]), d = _mm_unpackhi_epi8(row[2], row[3]);
        __m128i *out = (__m128i *)(void *)to;
        _mm_store_si128(out, _mm_unpacklo_epi16(a, c));
        _mm_store_si128(out + 1, _mm_unpackhi_epi16(a, c));
        _mm_store_si128(out + 2, _mm_unpacklo_epi16(b, d));
        _mm_store_si128(out + 3, _mm_unpackhi_epi16(b, d));
    }
}

static void make_columns(const rt_dwrow *d, int y, int g, int c, __mmask16 mask, uint8_t *to)
{
    uint8_t outside[LANES];
    source rows[ROWS];
    int columns = columns_of(d), begin = d->pad < columns ? d->pad : columns;
    int end = d->in_w + d->pad < columns ? d->in_w + d->pad : columns;
    const __m512i fill = _mm512_set1_epi8((char)(d->fill ^ d->flip));
    _mm_storeu_si128((__m128i *)(void *)outside, _mm_set1_epi8((char)d->fill));
    for (int r = 0; r < ROWS; r++)
        rows[r] = source_of(d, y, g * ROWS + r, c, outside);
    for (int x = 0; x < begin; x++)
        _mm512_store_si512(to + x * COLUMN, fill);
    interleave(to + begin * COLUMN, rows, 0, end - begin, mask, _mm_set1_epi8((char)d->flip));
    for (int x = end; x < columns; x++)
        _mm512_store_si512(to + x * COLUMN, fill);
}

/* What is the same for all pixels of a block of channels. */
typedef struct block {
    __m512i bias;
    rt_scale512 scale;
    rt_clamp512 clamp;
    __mmask16 mask;
    const int8_t *w;
} block;

/* `some` pixels (constant where it is called), `step` and `apart` bytes of columns from one to the
 * next and from tap to tap. */
RT_INLINE void run_some(const rt_dwrow *d, const block *b, const uint8_t *columns, size_t group,
                        uint8_t *out, const int some, const int k_w, const bool signs)
{
    const size_t step = (size_t)d->stride * COLUMN, apart = (size_t)d->dilation * COLUMN;
    const int8_t *w = b->w;
    __m512i s[PIXELS];
    for (int x = 0; x < some; x++)
        s[x] = b->bias;
    for (int g = 0; g < groups_of(d->k_h); g++, columns += group)
        for (int k = 0; k < k_w; k++, w += COLUMN) {
            const __m512i weights = _mm512_loadu_si512(w);
            const uint8_t *at = columns + (size_t)k * apart;
            for (int x = 0; x < some; x++)
                s[x] = rt_dot512(s[x], _mm512_load_si512(at + (size_t)x * step), weights);
        }
    const rt_scale512 *const scale[PIXELS] = { &b->scale, &b->scale, &b->scale, &b->scale };
    for (int x = some; x < PIXELS; x++)
        s[x] = s[0];
    __m512i codes = rt_by_vector512(rt_codes512(s, scale, &b->clamp, signs));
    const __m128i each[PIXELS] = { _mm512_castsi512_si128(codes),
                                   _mm512_extracti32x4_epi32(codes, 1),
                                   _mm512_extracti32x4_epi32(codes, 2),
                                   _mm512_extracti32x4_epi32(codes, 3) };
    for (int x = 0; x < some; x++, out += d->channels)
        if (b->mask == 0xFFFF)
            _mm_storeu_si128((__m128i *)(void *)out, each[x]);
        else
            _mm_mask_storeu_epi8(out, b->mask, each[x]);
}

RT_INLINE void run_row(const rt_dwrow *d, const block *b, uint8_t *out, const int k_w,
                       const bool signs)
{
    const uint8_t *columns = d->scratch;
    const size_t group = (size_t)columns_of(d) * COLUMN, step = (size_t)d->stride * COLUMN;
    int left = d->pixels;
    for (; left >= PIXELS; left -= PIXELS, columns += PIXELS * step, out += PIXELS * d->channels)
        run_some(d, b, columns, group, out, PIXELS, k_w, signs);
    if (left == 3)
        run_some(d, b, columns, group, out, 3, k_w, signs);
    else if (left == 2)
        run_some(d, b, columns, group, out, 2, k_w, signs);
    else if (left == 1)
        run_some(d, b, columns, group, out, 1, k_w, signs);
}

void rt_dw_rows__avx512vnni(const rt_dwrow *d)
{
    const size_t columns = (size_t)columns_of(d) * COLUMN;
    const int groups = groups_of(d->k_h);
    const bool signs = rt_has_signs(d->requant);
    block b = { .clamp = rt_clamp_of(d->requant), .w = d->w };
    for (int c = 0; c < d->channels; c += LANES, b.w += groups * d->k_w * COLUMN) {
        b.mask = rt_first_lanes(d->channels - c);
        b.bias = _mm512_maskz_loadu_epi32(b.mask, d->bias + c);
        b.scale = rt_scale_of(d->requant, c, b.mask);
        uint8_t *out = d->out + c;
        for (int y = 0; y < d->rows; y++, out += d->pixels * d->channels) {
            for (int g = 0; g < groups; g++)
                make_columns(d, y, g, c, b.mask, (uint8_t *)d->scratch + (size_t)g * columns);
            if (d->k_w == 3 && !signs)
                run_row(d, &b, out, 3, false);
            else
                run_row(d, &b, out, d->k_w, true);
        }
    }
}
#endif
