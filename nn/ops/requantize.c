#include "nn/ops/requantize.h"

#include <math.h>

#include "nn/base/chunk.h"
#include "runtime/requant.h"

enum { GRAIN = 16384, MOST_CHUNKS = 64 };

/* One channel: how a real becomes an accumulator, and that a code. */
typedef struct channel {
    double per_real; /* accumulator units in 1.0 */
    rt_multiplier m;
} channel;

size_t nn_requantize_bytes(size_t channels)
{
    return channels * sizeof(channel);
}

/* The real multipliers are formed as the reference kernels form them: products and quotients in
 * double, left to right, but for the product of scales in uint8 kernels, which is a binary32. */
static channel channel_of(const nn_requantize *r, size_t c)
{
    channel ch = { 0, { 0, 0 } };
    if (r->w_scale == NULL && r->mean_of == 0)
        return ch;
    if (r->w_scale == NULL) {
        rt_multiplier_of(r->x_scale / (double)r->out.scale, &ch.m);
        ch.m = rt_multiplier_over(ch.m, r->mean_of);
        ch.per_real = r->mean_of / r->x_scale;
        return ch;
    }
    double product = r->x_scale * (double)r->w_scale[r->w_scales > 1 ? c : 0];
    rt_multiplier_of((r->is_uint8 ? (double)(float)product : product) / (double)r->out.scale,
                     &ch.m);
    ch.per_real = 1.0 / product;
    return ch;
}

static nn_real clamp_value(const nn_requantize *r, int64_t code)
{
    return nn_requantize_value(r->out, r->grid, code);
}

/* A half is a half: averages of up to some hundred codes are no nearer to one than `near`, but
 * it. */
static nn_real pooled_value(const nn_requantize *r, nn_real x)
{
    const double near = 1e-4;
    double code = (double)x / (double)r->out.scale + r->out.zero_point;
    double half = floor(code) + 0.5;
    code = fabs(code - half) < near ? half : code;
    code = code > -1e9 ? code : -1e9;
    code = code < 1e9 ? code : 1e9;
    return clamp_value(r, (int32_t)(r->is_uint8 ? floor(code + 0.5) : round(code)));
}

static nn_real value_of(const nn_requantize *r, const channel *ch, nn_real x)
{
    if (r->relu6 && x >= 6)
        return clamp_value(r, r->grid.qmax);
    double acc = floor((double)x * ch->per_real + 0.5);
    acc = acc > (double)INT32_MIN ? acc : (double)INT32_MIN; /* a NaN too */
    acc = acc < (double)INT32_MAX ? acc : (double)INT32_MAX;
    const int64_t steps = rt_requant((int32_t)acc, ch->m, RT_ROUND_TWICE);
    return clamp_value(r, steps + r->out.zero_point);
}

static void convert(const nn_requantize *r, const channel *ch, nn_real *y, const nn_real *x,
                    size_t channels)
{
    bool pool = r->w_scale == NULL && r->mean_of == 0;
    for (size_t c = 0; c < channels; c++)
        y[c] = pool ? pooled_value(r, x[c]) : value_of(r, &ch[c], x[c]);
}

void nn_requantize_rows(const nn_requantize *r, nn_real *y, const nn_real *x, size_t rows,
                        size_t channels, void *scratch)
{
    channel *ch = scratch;
    nn_requantize own = *r;
    if (own.relu6)
        own.grid.qmax = nn_affine_code(6, own.out, own.grid);
    for (size_t c = 0; c < channels; c++)
        ch[c] = channel_of(&own, c);
    int chunks = nn_chunk_count(rows * channels, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++) {
        size_t end = nn_chunk_begin(rows, chunks, k + 1);
        for (size_t i = nn_chunk_begin(rows, chunks, k); i < end; i++)
            convert(&own, ch, y + i * channels, x + i * channels, channels);
    }
}

/* ---- sums ------------------------------------------------------------------------------------ */

enum { LEFT = 20 }; /* bits by which the summands are raised, as runtime/ops/add.c does */

typedef struct summands {
    double per_a, per_b; /* codes in 1.0 */
    rt_multiplier a, b, out;
} summands;

static summands summands_of(const nn_requantize_pair *r)
{
    const double twice = 2 * (r->a_scale > r->b_scale ? r->a_scale : r->b_scale);
    summands s = { .per_a = 1 / r->a_scale, .per_b = 1 / r->b_scale };
    rt_multiplier_of(r->a_scale / twice, &s.a);
    rt_multiplier_of(r->b_scale / twice, &s.b);
    rt_multiplier_of(twice / ((double)(1 << LEFT) * (double)r->out.scale), &s.out);
    return s;
}

/* A code less its zero point, raised and rescaled. */
static int32_t raise(nn_real x, double per_real, rt_multiplier m)
{
    return rt_requant(nn_requantize_steps(x, per_real) * (1 << LEFT), m, RT_ROUND_TWICE);
}

/* Codes that the operator's activation lets through. */
static nn_grid range_of(const nn_requantize_pair *r)
{
    nn_grid grid = r->grid;
    if ((r->relu || r->relu6) && grid.qmin < r->out.zero_point)
        grid.qmin = r->out.zero_point;
    if (r->relu6)
        grid.qmax = nn_affine_code(6, r->out, r->grid);
    return grid;
}

void nn_requantize_add(const nn_requantize_pair *r, nn_real *y, const nn_real *a, const nn_real *b,
                       size_t n)
{
    const summands s = summands_of(r);
    const nn_grid grid = range_of(r);
    const int chunks = nn_chunk_count(n, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++)
        for (size_t i = nn_chunk_begin(n, chunks, k); i < nn_chunk_begin(n, chunks, k + 1); i++) {
            int32_t sum = raise(a[i], s.per_a, s.a) + raise(b[i], s.per_b, s.b);
            int32_t code = rt_requant(sum, s.out, RT_ROUND_TWICE) + r->out.zero_point;
            y[i] = nn_requantize_value(r->out, grid, code);
        }
}

/* ---- products -------------------------------------------------------------------------------- */

/* The ratio of the scales is made of binary32 steps, as runtime/ops/mul.c has it. */
static rt_multiplier product_of(const nn_requantize_pair *r)
{
    const float product = (float)r->a_scale * (float)r->b_scale;
    const float ratio = product / r->out.scale;
    rt_multiplier m;
    rt_multiplier_of((double)ratio, &m);
    return m;
}

void nn_requantize_mul(const nn_requantize_pair *r, nn_real *y, const nn_real *a, const nn_real *b,
                       size_t rows, size_t width, size_t rows_per_b)
{
    const rt_multiplier m = product_of(r);
    const double per_a = 1 / r->a_scale, per_b = 1 / r->b_scale;
    const nn_grid grid = range_of(r);
    const int chunks = nn_chunk_count(rows * width, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int k = 0; k < chunks; k++)
        for (size_t i = nn_chunk_begin(rows, chunks, k); i < nn_chunk_begin(rows, chunks, k + 1);
             i++)
            for (size_t c = 0; c < width; c++) {
                const int32_t va = nn_requantize_steps(a[i * width + c], per_a);
                const int32_t vb = nn_requantize_steps(b[i / rows_per_b * width + c], per_b);
                const int64_t v = rt_requant(va * vb, m, RT_ROUND_TWICE);
                y[i * width + c] = nn_requantize_value(r->out, grid, v + r->out.zero_point);
            }
}
