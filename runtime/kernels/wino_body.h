/* wino_body - a block of a Winograd convolution from codes to codes; included by the kernels, each
 * compiled for its processor.  The file that includes it has defined
 *
 *   element   the type of the image's elements, and widened to make int16 of sixteen of them
 *   panel     what is the same for all tiles of sixteen output channels, and begin to set it
 *   multiply  the sums of products of up to GROUP tiles and one column, times A^T
 *   finish    a tile's sums times A to codes
 *
 * A block's tiles are transformed once; then, for sixteen output channels at a time, come the
 * products of each of the six columns of transforms with their weights, and the codes. */
#ifndef OCTET_RUNTIME_KERNELS_WINO_BODY_H
#define OCTET_RUNTIME_KERNELS_WINO_BODY_H

enum {
    IN = RT_WINO_IN,
    OUT = RT_WINO_OUT,
    LANES = RT_WINO_LANES,
    TILE = IN * LANES,  /* a tile's int16 of one column and sixteen channels */
    SUMS = OUT * LANES, /* a tile's int32 of one column after the product */
};

/* Sixteen int16 as one value: compilers make of it what their processor has.  Unsigned, since on
 * the way to a transform, which fits, a sum may not. */
typedef uint16_t lanes __attribute__((vector_size(2 * LANES)));

static inline __attribute__((always_inline)) lanes lanes_at(const int16_t *from)
{
    lanes v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

static inline __attribute__((always_inline)) void put(int16_t *to, lanes v)
{
    __builtin_memcpy(to, &v, sizeof v);
}

/* B^T d for sixteen d of six elements. */
static inline __attribute__((always_inline)) void transform(int16_t *to, size_t step,
                                                            const lanes d[IN])
{
    lanes a = d[4] - (d[2] << 2), b = d[3] - (d[1] << 2), c = d[4] - d[2], e = d[3] - d[1];
    e += e;
    put(to, ((d[0] - d[2]) << 2) + c);
    put(to + step, a + b);
    put(to + 2 * step, a - b);
    put(to + 3 * step, c + e);
    put(to + 4 * step, c - e);
    put(to + 5 * step, d[5] - d[3] - (e + e));
}

/* Six rows of n elements, each column by itself. */
static void transform_rows(int16_t *to, size_t step, const element *a, size_t a_row, size_t n)
{
    for (size_t e = 0; e < n; e += LANES) {
        lanes d[IN];
#pragma GCC unroll 6
        for (size_t i = 0; i < IN; i++)
            d[i] = widened(a + i * a_row + e);
        transform(to + e, step, d);
    }
}

/* One tile's row i: sixteen channels of six pixels, c elements apart. */
static inline __attribute__((always_inline)) void transform_pixels(int16_t *to, size_t step,
                                                                   const int16_t *from, size_t c)
{
    lanes d[IN];
#pragma GCC unroll 6
    for (size_t i = 0; i < IN; i++)
        d[i] = lanes_at(from + i * c);
    transform(to, step, d);
}

static void transform_image(const rt_wino *p, const rt_wino_parts *at, int down, int across)
{
    uint8_t *scratch = p->scratch;
    int16_t *rows = (int16_t *)(void *)(scratch + at->rows_at);
    int16_t *tiles = (int16_t *)(void *)(scratch + at->tiles_at);
    const size_t c = (size_t)p->c, all = (size_t)(down * across);
    for (int y = 0; y < down; y++) {
        transform_rows(rows, at->line, (const element *)p->a + (size_t)(OUT * y) * p->a_row,
                       p->a_row, (size_t)(OUT * across + 2) * c);
        for (int x = 0; x < across; x++)
            for (size_t from = 0; from < c; from += LANES) {
                int16_t *to = tiles + (from / LANES * all + (size_t)(y * across + x)) * TILE;
                for (int i = 0; i < IN; i++)
                    transform_pixels(to + i * LANES, at->column,
                                     rows + (size_t)i * at->line + (size_t)(OUT * x) * c + from, c);
            }
    }
}

static void multiply_group(int32_t *sums, const rt_wino *p, const int16_t *v, const int16_t *w,
                           size_t chunk, const panel *q, int column, int tiles)
{
    switch (tiles) {
    case 4:
        multiply(sums, v, w, p->c, chunk, q, column, GROUP);
        break;
    case 3:
        multiply(sums, v, w, p->c, chunk, q, column, GROUP < 3 ? GROUP : 3);
        break;
    case 2:
        multiply(sums, v, w, p->c, chunk, q, column, 2);
        break;
    default:
        multiply(sums, v, w, p->c, chunk, q, column, 1);
        break;
    }
}

/* All tiles' products of column j, in groups of almost equal size. */
static void multiply_column(int32_t *sums, const rt_wino *p, const int16_t *v, const int16_t *w,
                            const panel *q, int column, int all)
{
    const int groups = (all + GROUP - 1) / GROUP;
    for (int g = 0, t = 0; g < groups; g++) {
        const int some = (all - t + groups - g - 1) / (groups - g);
        multiply_group(sums + t * SUMS, p, v + (size_t)t * TILE, w, (size_t)all * TILE, q, column,
                       some);
        t += some;
    }
}

static void wino(const rt_wino *p)
{
    const rt_wino_parts at = rt_wino_cut(p->rows, p->pixels, p->c);
    const int down = (p->rows + OUT - 1) / OUT, across = (p->pixels + OUT - 1) / OUT;
    const int all = down * across;
    const size_t step = ((size_t)p->c + 1) / 2 * TILE * 2; /* weights of one column */
    const int16_t *tiles = (const int16_t *)(const void *)((uint8_t *)p->scratch + at.tiles_at);
    int32_t *sums = (int32_t *)(void *)((uint8_t *)p->scratch + at.sums_at);
    const int16_t *w = p->w;
    transform_image(p, &at, down, across);
    for (int first = 0; first < p->n; first += LANES) {
        const panel q = begin(p, first);
        for (int j = 0; j < IN; j++, w += step)
            multiply_column(sums + j * all * SUMS, p, tiles + (size_t)j * at.column, w, &q, j, all);
        for (int t = 0; t < all; t++)
            finish(p, &q, sums + t * SUMS, (size_t)all * SUMS, t / across * OUT, t % across * OUT,
                   first);
    }
}

#endif
