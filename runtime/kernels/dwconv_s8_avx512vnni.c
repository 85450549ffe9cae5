/* dwconv_s8 for AVX-512-VNNI: 64 codes at a time, of one or two output rows.
 *
 * vpdpbusd adds four products a lane, so four rows of the image are interleaved.  64 bytes of each
 * of them, one behind the other four times unpacked, are four vectors: lane 4 l + i of vector j has
 * the four rows of byte 16 l + 4 j + i.  Accumulators stay in that order, in which packing them
 * puts the codes in the order of the bytes.  The vectors lie in four planes of the scratch, so that
 * a tap is an offset in them, and serve every tap of a row; with up to three rows of taps and
 * stride 1 they also serve two output rows, whose weights begin a byte apart.
 *
 * The 64 bytes are a span of 64 channels, or of 2 or 4 neighbouring pixels where there are fewer
 * channels: the planes have a place (`unit`) of 64, 32 or 16 bytes for each pixel.  Four or eight
 * channels are taken as the rows have them, 16 or 8 pixels in 64 bytes.  Pixels are in planes apart
 * that the stride takes in turn (phases), so that neighbouring outputs have neighbouring inputs. */
#include "runtime/kernels/x86.h"

#if defined(__AVX512VNNI__)
#include "runtime/kernels/avx512_body.h"

enum {
    CHUNK = 64,
    PLANES = 4,
    ROWS = 4,
    LANE = 16,
    MOST_TAPS = 16,           /* of a row: rt_dwconv_by_row */
    MOST_SCRATCH = 24 * 1024, /* of a part of a row, */
    LEAST_CHUNKS = 8          /* if that is not less than these */
};

/* ---- spans of channels ----------------------------------------------------------------------- */

typedef struct span {
    int first, width; /* channels */
    int unit;         /* bytes of a pixel in the planes */
} span;

static span span_at(const rt_dwrow *d, int first)
{
    int rest = d->channels - first;
    if (d->stride == 1 && (d->channels == 4 || d->channels == 8))
        return (span){ first, d->channels, d->channels };
    int unit = rest > 48 ? 64 : rest > 16 ? 32 : 16;
    if (unit == 32 && rest > 32)
        rest = 32;
    return (span){ first, rest < unit ? rest : unit, unit };
}

static int groups_of(const rt_dwrow *d)
{
    return (d->k_h + ROWS - 1) / ROWS;
}

/* Output rows that one interleaving serves. */
static int rows_of(const rt_dwrow *d)
{
    return d->k_h < ROWS && d->in_step == 1 ? 2 : 1;
}

/* ---- packed weights -------------------------------------------------------------------------- */

/* What precedes the weights of a span, [plane][group][k_w][output row][CHUNK]. */
typedef struct head {
    rt_scale512 scale[PLANES];
    __m512i bias[PLANES];
} head;

static size_t span_bytes(const rt_dwrow *d)
{
    return sizeof(head) + (size_t)(PLANES * groups_of(d) * d->k_w * rows_of(d)) * CHUNK;
}

size_t rt_dw_bytes__avx512vnni(const rt_dwrow *d)
{
    size_t bytes = CHUNK; /* to begin at a multiple of it */
    for (span s = span_at(d, 0); s.first < d->channels; s = span_at(d, s.first + s.width))
        bytes += span_bytes(d);
    return bytes;
}

static uint8_t *aligned(const void *p)
{
    return (uint8_t *)(((uintptr_t)p + CHUNK - 1) / CHUNK * CHUNK);
}

/* The channel of lane i of plane j, -1 if there is none. */
static int channel_of(const span *s, int j, int i)
{
    int c = (i / 4 * LANE + 4 * j + i % 4) % s->unit;
    return c < s->width ? s->first + c : -1;
}

static void pack_head(head *to, const rt_dwrow *d, const span *s)
{
    for (int j = 0; j < PLANES; j++) {
        int32_t bias[LANE] = { 0 }, mult[LANE] = { 0 }, shift[LANE] = { 0 };
        rt_requant_rows q = *d->requant;
        for (int i = 0; i < LANE; i++) {
            int c = channel_of(s, j, i);
            bias[i] = c < 0 ? 0 : d->bias[c];
            mult[i] = c < 0 ? 0 : q.mult[c];
            shift[i] = c < 0 ? 0 : q.shift[c];
        }
        q.mult = mult;
        q.shift = shift;
        to->scale[j] = rt_scale_of(&q, 0, 0xFFFF);
        to->bias[j] = _mm512_loadu_si512(bias);
    }
}

static void pack_span(int8_t *to, const rt_dwrow *d, const span *s, const int8_t *w)
{
    for (int j = 0; j < PLANES; j++)
        for (int g = 0; g < groups_of(d); g++)
            for (int kx = 0; kx < d->k_w; kx++)
                for (int y = 0; y < rows_of(d); y++)
                    for (int i = 0; i < CHUNK; i++) {
                        int c = channel_of(s, j, i / ROWS), ky = g * ROWS + i % ROWS - y;
                        bool is = c >= 0 && ky >= 0 && ky < d->k_h;
                        *to++ = is ? w[(ky * d->k_w + kx) * d->channels + c] : 0;
                    }
}

void rt_dw_pack__avx512vnni(void *packed, const int8_t *w, const rt_dwrow *d)
{
    uint8_t *to = aligned(packed);
    for (span s = span_at(d, 0); s.first < d->channels; s = span_at(d, s.first + s.width)) {
        pack_head((head *)(void *)to, d, &s);
        pack_span((int8_t *)(to + sizeof(head)), d, &s, w);
        to += span_bytes(d);
    }
}

/* ---- planes ---------------------------------------------------------------------------------- */

/* Pixel i of phase f is column f + i stride of the image with its border. */
static bool has_phase(const rt_dwrow *d, int f)
{
    for (int kx = 0; kx < d->k_w; kx++)
        if (kx * d->dilation % d->stride == f)
            return true;
    return false;
}

static int phases_of(const rt_dwrow *d)
{
    int count = 0;
    for (int f = 0; f < d->stride; f++)
        count += has_phase(d, f);
    return count;
}

/* Bytes of a plane that `chunks` of output read. */
static size_t plane_bytes(const rt_dwrow *d, int unit, size_t chunks)
{
    size_t taps = (size_t)((d->k_w - 1) * d->dilation / d->stride) * (size_t)unit;
    return (chunks + (taps + 2 * CHUNK - 1) / CHUNK) * CHUNK;
}

/* Chunks of output of a part of a row: all, or as many as MOST_SCRATCH is enough for. */
static size_t chunks_of(const rt_dwrow *d, int unit)
{
    size_t all = ((size_t)d->pixels * (size_t)unit + CHUNK - 1) / CHUNK;
    size_t sets = (size_t)(groups_of(d) * phases_of(d) * PLANES);
    size_t most = MOST_SCRATCH / (sets * CHUNK);
    if (most < LEAST_CHUNKS)
        most = LEAST_CHUNKS;
    size_t parts = (all + most - 1) / most;
    return (all + parts - 1) / parts;
}

static size_t scratch_of(const rt_dwrow *d, int unit)
{
    return plane_bytes(d, unit, chunks_of(d, unit)) *
           (size_t)(groups_of(d) * phases_of(d) * PLANES);
}

size_t rt_dw_scratch__avx512vnni(const rt_dwrow *d)
{
    size_t most = 0;
    for (span s = span_at(d, 0); s.first < d->channels; s = span_at(d, s.first + s.width)) {
        size_t bytes = scratch_of(d, s.unit);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* A part of the output's rows, for a span. */
typedef struct part {
    const rt_dwrow *d;
    span s;
    const head *head;
    const int8_t *w;
    rt_clamp512 clamp;
    __m512i raw, fill, flip;     /* fill: as the planes have it */
    __mmask64 width;             /* the span's bytes in each unit */
    int sets;                    /* of weights: output rows that an interleaving serves */
    int x, pixels;               /* of the output */
    size_t chunks, plane, group; /* bytes of a plane, and of all planes of a group */
    size_t row, step;            /* bytes of the output from row to row, and of a chunk's pixels */
    size_t tap[MOST_TAPS * PLANES];
    int first[MOST_TAPS], count[MOST_TAPS];  /* of a phase: first column in the image; how many */
    size_t fills[MOST_TAPS], end[MOST_TAPS]; /* chunks before the image; chunks in all */
} part;

/* Where the taps find their pixels: tap[kx][j] for plane j, in bytes from the group's first one. */
static void place_taps(part *p)
{
    const rt_dwrow *d = p->d;
    const size_t unit = (size_t)p->s.unit;
    const int left = d->pad - p->x * d->stride; /* columns of the border in this part */
    size_t set = 0;
    for (int f = 0; f < d->stride; f++) {
        if (!has_phase(d, f))
            continue;
        const int lead = left > f ? (left - f + d->stride - 1) / d->stride : 0;
        const int first = f + lead * d->stride - left; /* column of the image */
        p->count[f] = first < d->in_w ? (d->in_w - first + d->stride - 1) / d->stride : 0;
        p->first[f] = first;
        p->fills[f] = ((size_t)lead * unit + CHUNK - 1) / CHUNK;
        const size_t origin = p->fills[f] * CHUNK - (size_t)lead * unit;
        for (int kx = 0; kx < d->k_w; kx++) {
            if (kx * d->dilation % d->stride != f)
                continue;
            const size_t at = origin + (size_t)(kx * d->dilation / d->stride) * unit;
            for (size_t j = 0; j < PLANES; j++) {
                const size_t four = j + at / 4;
                p->tap[(size_t)kx * PLANES + j] =
                    (set * PLANES + four % PLANES) * p->plane + four / PLANES * LANE;
            }
            p->end[f] = p->chunks + (at + CHUNK - 1) / CHUNK;
        }
        set++;
    }
}

/* The rows that are interleaved, at their first pixel.  Bytes outside `mask` are not read: of a row
 * that is not there, none. */
typedef struct source {
    const uint8_t *row[ROWS];
    __mmask64 mask[ROWS];
    size_t step; /* bytes from pixel to pixel */
} source;

/* 64 bytes of pixels: as they lie there, or 2 or 4 pixels. */
RT_INLINE __m512i load_pixels(const uint8_t *at, size_t step, const int unit, __m512i fill,
                              __mmask64 mask)
{
    const __m128i sixteen = _mm512_castsi512_si128(fill);
    const __m256i half = _mm512_castsi512_si256(fill);
    if (unit == CHUNK)
        return _mm512_mask_loadu_epi8(fill, mask, at);
    if (unit == CHUNK / 2) {
        __m256i low = _mm256_mask_loadu_epi8(half, (__mmask32)mask, at);
        __m256i high = _mm256_mask_loadu_epi8(half, (__mmask32)(mask >> 32), at + step);
        return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    __m128i v[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        v[i] = _mm_mask_loadu_epi8(sixteen, (__mmask16)(mask >> LANE * i), at + (size_t)i * step);
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(v[0]), v[1], 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(v[2]), v[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* `real`: bytes of the chunk that are in the image. */
RT_INLINE void interleave(const part *p, uint8_t *to, const source *s, size_t at, const int unit,
                          __mmask64 real)
{
    __m512i row[ROWS];
#pragma GCC unroll 4
    for (int r = 0; r < ROWS; r++)
        row[r] = _mm512_xor_si512(
            load_pixels(s->row[r] + at, s->step, unit, p->raw, s->mask[r] & real), p->flip);
    __m512i a = _mm512_unpacklo_epi8(row[0], row[1]), b = _mm512_unpackhi_epi8(row[0], row[1]);
    __m512i c = _mm512_unpacklo_epi8(row[2], row[3]), d = _mm512_unpackhi_epi8(row[2], row[3]);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(a, c));
    _mm512_store_si512(to + p->plane, _mm512_unpackhi_epi16(a, c));
    _mm512_store_si512(to + 2 * p->plane, _mm512_unpacklo_epi16(b, d));
    _mm512_store_si512(to + 3 * p->plane, _mm512_unpackhi_epi16(b, d));
}

static void fill_chunks(const part *p, uint8_t *to, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        for (size_t j = 0; j < PLANES; j++)
            _mm512_store_si512(to + j * p->plane + i * CHUNK, p->fill);
}

/* The planes of phase f. */
RT_INLINE void make_planes(const part *p, int f, const source *s, uint8_t *to, const int unit)
{
    const size_t pixels = CHUNK / (size_t)p->s.unit, end = p->end[f], step = pixels * s->step;
    size_t left = (size_t)p->count[f], at = 0, i = p->fills[f] < end ? p->fills[f] : end;
    fill_chunks(p, to, 0, i);
    for (; i < end && left >= pixels; i++, left -= pixels, at += step)
        interleave(p, to + i * CHUNK, s, at, unit, ~UINT64_C(0));
    if (i < end && left > 0)
        interleave(p, to + i++ * CHUNK, s, at, unit, (UINT64_C(1) << left * (size_t)p->s.unit) - 1);
    fill_chunks(p, to, i, end);
}

/* The rows of group g behind output row y, from the first pixel of phase f on. */
static source source_of(const part *p, int y, int g, int f)
{
    const rt_dwrow *d = p->d;
    const int served = rows_of(d) == 2 && y + 1 < d->rows ? d->k_h + 1 : d->k_h;
    source s = { .step = (size_t)d->stride * (size_t)d->channels };
    for (int r = 0, ky = g * ROWS; r < ROWS; r++, ky++) {
        const uint8_t *row = ky < served && p->count[f] > 0 ? d->in[y * d->in_step + ky] : NULL;
        s.row[r] = row != NULL ? row + p->first[f] * d->channels + p->s.first : d->scratch;
        s.mask[r] = row != NULL ? p->width : 0;
    }
    return s;
}

/* The planes behind output row y. */
static void make_all(const part *p, int y)
{
    const rt_dwrow *d = p->d;
    uint8_t *to = d->scratch;
    for (int g = 0; g < groups_of(d); g++)
        for (int f = 0; f < d->stride; f++) {
            if (!has_phase(d, f))
                continue;
            const source s = source_of(p, y, g, f);
            if (p->s.unit == CHUNK || (size_t)p->s.unit == s.step)
                make_planes(p, f, &s, to, CHUNK);
            else if (p->s.unit == CHUNK / 2)
                make_planes(p, f, &s, to, CHUNK / 2);
            else
                make_planes(p, f, &s, to, LANE);
            to += PLANES * p->plane;
        }
}

/* ---- rows of the output ---------------------------------------------------------------------- */

/* Codes of chunk q, of which `pixels` are in the row; `whole`: all, and no channel is missing. */
RT_INLINE void store_codes(const part *p, uint8_t *out, __m512i codes, size_t pixels,
                           const bool whole)
{
    const size_t unit = (size_t)p->s.unit, c = (size_t)p->d->channels;
    if (unit == CHUNK || unit == c) {
        if (whole)
            _mm512_storeu_si512(out, codes);
        else
            _mm512_mask_storeu_epi8(
                out,
                pixels < CHUNK / unit ? p->width & ((UINT64_C(1) << pixels * unit) - 1) : p->width,
                codes);
        return;
    }
    const __mmask32 width = (__mmask32)p->width;
    if (unit == CHUNK / 2) {
        _mm256_mask_storeu_epi8(out, width, _mm512_castsi512_si256(codes));
        if (whole || pixels > 1)
            _mm256_mask_storeu_epi8(out + c, width, _mm512_extracti64x4_epi64(codes, 1));
        return;
    }
    const __m128i four[4] = { _mm512_castsi512_si128(codes), _mm512_extracti32x4_epi32(codes, 1),
                              _mm512_extracti32x4_epi32(codes, 2),
                              _mm512_extracti32x4_epi32(codes, 3) };
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        if (whole)
            _mm_storeu_si128((__m128i *)(void *)(out + i * c), four[i]);
        else if (i < pixels)
            _mm_mask_storeu_epi8(out + i * c, (__mmask16)width, four[i]);
}

/* Plane j's accumulators of `some` chunks of `rows` output rows, from the planes at `base` and
 * output row `first` on.  Constant where it is called: some, rows, and k_w and groups where they
 * are 3 and 1. */
RT_INLINE void add_taps(const part *p, __m512i s[4], const uint8_t *base, const int j, int first,
                        const int some, const int rows, const int k_w, const int groups)
{
    const size_t sets = (size_t)p->sets * CHUNK;
    const int8_t *w = p->w + (size_t)(j * groups * k_w) * sets + first * CHUNK;
    const __m512i bias = p->head->bias[j];
#pragma GCC unroll 4
    for (int i = 0; i < some * rows; i++)
        s[i] = bias;
    for (int g = 0; g < groups; g++, base += p->group)
#pragma GCC unroll 3
        for (int kx = 0; kx < k_w; kx++, w += sets) {
            const uint8_t *at = base + p->tap[kx * PLANES + j];
            __m512i one = _mm512_load_si512(w), next = _mm512_load_si512(w + (rows - 1) * CHUNK);
            RT_KEEP(one);
            RT_KEEP(next);
#pragma GCC unroll 2
            for (int x = 0; x < some; x++) {
                const __m512i v = _mm512_loadu_si512(at + x * CHUNK);
                s[x] = rt_dot512(s[x], v, one);
                if (rows == 2)
                    s[some + x] = rt_dot512(s[some + x], v, next);
            }
        }
}

/* Codes of a chunk that has some in doubt. */
static __attribute__((noinline, cold)) __m512i compute_again(const part *p, const uint8_t *base,
                                                             int y)
{
    const rt_scale512 *scale[PLANES];
    __m512i s[PLANES];
    for (int j = 0; j < PLANES; j++) {
        scale[j] = &p->head->scale[j];
        add_taps(p, &s[j], base, j, y, 1, 1, p->d->k_w, groups_of(p->d));
    }
    return rt_exact512(s, scale, &p->clamp);
}

/* `some` chunks of `rows` output rows from chunk q on. */
RT_INLINE void run_some(const part *p, uint8_t *out, size_t q, const int some, const int rows,
                        const int k_w, const int groups, const bool signs, const bool whole)
{
    const uint8_t *base = (const uint8_t *)p->d->scratch + q * CHUNK;
    const size_t left = whole ? 0 : (size_t)p->pixels - q * (CHUNK / (size_t)p->s.unit);
    const int count = some * rows;
    __m512i t[4][PLANES];
#pragma GCC unroll 4
    for (int j = 0; j < PLANES; j++) {
        __m512i s[4];
        add_taps(p, s, base, j, 0, some, rows, k_w, groups);
#pragma GCC unroll 4
        for (int i = 0; i < count; i++)
            t[i][j] = rt_t512(s[i], &p->head->scale[j], signs);
    }
    out += q * p->step;
#pragma GCC unroll 4
    for (int i = 0; i < count; i++) {
        const size_t x = (size_t)(i % some), y = (size_t)(i / some);
        __m512i codes = rt_in_doubt512(t[i], RT_CLEAR) ? compute_again(p, base + x * CHUNK, (int)y)
                                                       : rt_floor512(t[i], &p->clamp);
        store_codes(p, out + y * p->row + x * p->step, codes, left, whole);
    }
}

RT_INLINE void run_chunks(const part *p, uint8_t *out, const int rows, const int k_w,
                          const int groups, const bool signs)
{
    size_t whole = p->s.unit == p->s.width ? (size_t)(p->pixels * p->s.unit) / CHUNK : 0, q = 0;
    for (; q + 2 <= whole; q += 2)
        run_some(p, out, q, 2, rows, k_w, groups, signs, true);
    for (; q < p->chunks; q++)
        run_some(p, out, q, 1, rows, k_w, groups, signs, false);
}

static void run_part(const part *p, bool signs)
{
    const rt_dwrow *d = p->d;
    const int groups = groups_of(d);
    uint8_t *out = d->out + p->x * d->channels + p->s.first;
    for (int y = 0, rows; y < d->rows; y += rows, out += (size_t)rows * p->row) {
        rows = rows_of(d) == 2 && y + 1 < d->rows ? 2 : 1;
        make_all(p, y);
        if (d->k_w == 3 && groups == 1 && !signs && rows == 2)
            run_chunks(p, out, 2, 3, 1, false);
        else if (d->k_w == 3 && groups == 1 && !signs)
            run_chunks(p, out, 1, 3, 1, false);
        else if (rows == 2)
            run_chunks(p, out, 2, d->k_w, groups, true);
        else
            run_chunks(p, out, 1, d->k_w, groups, true);
    }
}

/* One span of channels, part by part. */
static void run_span(part *p, bool signs)
{
    const rt_dwrow *d = p->d;
    const size_t most = chunks_of(d, p->s.unit);
    const int each = (int)most * CHUNK / p->s.unit;
    __mmask64 one = p->s.width == CHUNK ? ~UINT64_C(0) : (UINT64_C(1) << p->s.width) - 1;
    for (int i = p->s.unit; i < CHUNK; i *= 2)
        one |= one << i;
    p->width = one;
    p->step = (size_t)(CHUNK / p->s.unit) * (size_t)d->channels;
    p->plane = plane_bytes(d, p->s.unit, most);
    p->group = (size_t)(phases_of(d) * PLANES) * p->plane;
    for (p->x = 0; p->x < d->pixels; p->x += each) {
        p->pixels = d->pixels - p->x < each ? d->pixels - p->x : each;
        p->chunks = ((size_t)p->pixels * (size_t)p->s.unit + CHUNK - 1) / CHUNK;
        place_taps(p);
        run_part(p, signs);
    }
}

void rt_dw_rows__avx512vnni(const rt_dwrow *d)
{
    part p = { .d = d,
               .clamp = rt_clamp_of(d->requant),
               .raw = _mm512_set1_epi8((char)d->fill),
               .fill = _mm512_set1_epi8((char)(d->fill ^ d->flip)),
               .flip = _mm512_set1_epi8((char)d->flip),
               .sets = rows_of(d),
               .row = (size_t)d->pixels * (size_t)d->channels };
    const uint8_t *packed = aligned(d->w);
    for (p.s = span_at(d, 0); p.s.first < d->channels;
         p.s = span_at(d, p.s.first + p.s.width), packed += span_bytes(d)) {
        p.head = (const head *)(const void *)packed;
        p.w = (const int8_t *)(packed + sizeof(head));
        run_span(&p, rt_has_signs(d->requant));
    }
}
#endif
