/* wino_halves_body - multiply and finish of wino_body.h for processors with few or short registers:
 * two tiles at a time, and of a column's six rows the first three and then the last three, so that
 * their sums stay in registers.  The file that includes it has defined
 *
 *   WIDTH         int32 of a register
 *   ints          a register of sums
 *   weights       sixteen channels' pairs of weights
 *   load_weights  a row's weights of one pair of input channels
 *   add_products  a pair of a tile's transformed inputs times those, added to PARTS sums
 *   to_codes      a row of accumulators to codes
 *
 * and GROUP, element and widened as wino_body.h wants them. */
#ifndef OCTET_RUNTIME_KERNELS_WINO_HALVES_BODY_H
#define OCTET_RUNTIME_KERNELS_WINO_HALVES_BODY_H

#define WINO_INLINE static inline __attribute__((always_inline))

enum { PARTS = RT_WINO_LANES / WIDTH, ROWS = RT_WINO_IN / 2, PAIR = 2 * RT_WINO_LANES };

typedef struct panel {
    ints bias[PARTS]; /* times 576 */
    rt_requant_rows requant;
    int n; /* channels that are there */
} panel;

static inline panel begin(const rt_wino *p, int first)
{
    panel q = { .requant = *p->requant };
    q.requant.mult += first;
    q.requant.shift += first;
    q.n = p->n - first < RT_WINO_LANES ? p->n - first : RT_WINO_LANES;
    for (int c = 0; c < q.n; c++)
        q.bias[c / WIDTH][c % WIDTH] = RT_WINO_SCALE * (uint32_t)p->bias[first + c];
    return q;
}

WINO_INLINE ints sums_at(const int32_t *from)
{
    ints v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

WINO_INLINE void put_sums(int32_t *to, ints v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

/* What rows 0 to 2 of six give to the four rows of A^T m, and what rows 3 to 5 add. */
WINO_INLINE void combine_first(ints y[RT_WINO_OUT], ints m0, ints m1, ints m2)
{
    y[2] = m1 + m2;
    y[0] = m0 + y[2];
    y[1] = y[3] = m1 - m2;
}

WINO_INLINE void combine_last(ints y[RT_WINO_OUT], ints m3, ints m4, ints m5)
{
    ints r = m3 + m4, s = m3 - m4;
    y[0] += r;
    y[1] += s + s;
    y[2] += r << 2;
    y[3] += ((s << 2) + m5) << 1;
}

/* Three rows by up to two tiles. */
WINO_INLINE void add_rows(ints m[GROUP][ROWS][PARTS], const int16_t *v, const int16_t *w,
                          int channels, size_t chunk, const int tiles)
{
    for (int c = 0; c < channels; c += RT_WINO_LANES, v += chunk) {
        int end = channels - c < RT_WINO_LANES ? channels - c : RT_WINO_LANES;
        for (int k = 0; k < end; k += 2, w += RT_WINO_IN * PAIR)
#pragma GCC unroll 3
            for (int i = 0; i < ROWS; i++) {
                weights u = load_weights(w + i * PAIR);
#pragma GCC unroll 2
                for (int t = 0; t < tiles; t++)
                    add_products(m[t][i], v + (t * RT_WINO_IN + i) * RT_WINO_LANES + k, u);
            }
    }
}

WINO_INLINE void multiply(int32_t *to, const int16_t *v, const int16_t *w, int channels,
                          size_t chunk, const panel *q, int column, const int tiles)
{
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
        ints m[GROUP][ROWS][PARTS] = { 0 };
        if (half == 0 && column == 1)
            for (int t = 0; t < tiles; t++)
                for (int h = 0; h < PARTS; h++)
                    m[t][1][h] = q->bias[h];
        add_rows(m, v + half * ROWS * RT_WINO_LANES, w + half * ROWS * PAIR, channels, chunk,
                 tiles);
#pragma GCC unroll 8
        for (int i = 0; i < tiles * PARTS; i++) {
            const int t = i / PARTS, h = i % PARTS;
            int32_t *at = to + t * RT_WINO_OUT * RT_WINO_LANES + h * WIDTH;
            ints y[RT_WINO_OUT];
            for (int r = 0; half == 1 && r < RT_WINO_OUT; r++)
                y[r] = sums_at(at + r * RT_WINO_LANES);
            if (half == 0)
                combine_first(y, m[t][0][h], m[t][1][h], m[t][2][h]);
            else
                combine_last(y, m[t][0][h], m[t][1][h], m[t][2][h]);
            for (int r = 0; r < RT_WINO_OUT; r++)
                put_sums(at + r * RT_WINO_LANES, y[r]);
        }
    }
}

/* One row of a tile: the six columns' sums, `step` apart, to four accumulators a channel. */
WINO_INLINE void accumulate(int32_t acc[RT_WINO_OUT][RT_WINO_LANES], const int32_t *from,
                            size_t step)
{
#pragma GCC unroll 4
    for (int h = 0; h < PARTS; h++, from += WIDTH) {
        ints y[RT_WINO_OUT];
        combine_first(y, sums_at(from), sums_at(from + step), sums_at(from + 2 * step));
        combine_last(y, sums_at(from + 3 * step), sums_at(from + 4 * step),
                     sums_at(from + 5 * step));
        for (int s = 0; s < RT_WINO_OUT; s++)
            put_sums(&acc[s][h * WIDTH], y[s] * (uint32_t)RT_WINO_NINTH);
    }
    for (int s = 0; s < RT_WINO_OUT; s++)
        for (int c = 0; c < RT_WINO_LANES; c++)
            acc[s][c] >>= RT_WINO_SHIFT;
}

static inline void finish(const rt_wino *p, const panel *q, const int32_t *from, size_t step, int y,
                          int x, int first)
{
    const int rows = p->rows - y < RT_WINO_OUT ? p->rows - y : RT_WINO_OUT;
    const int pixels = p->pixels - x < RT_WINO_OUT ? p->pixels - x : RT_WINO_OUT;
    uint8_t *out = p->out + (size_t)y * p->out_row + (size_t)x * p->out_step + first;
    for (int r = 0; r < rows; r++, from += RT_WINO_LANES, out += p->out_row) {
        _Alignas(64) int32_t acc[RT_WINO_OUT][RT_WINO_LANES];
        accumulate(acc, from, step);
        for (int s = 0; s < pixels; s++)
            to_codes(out + (size_t)s * p->out_step, acc[s], q->n, &q->requant);
    }
}

#endif
