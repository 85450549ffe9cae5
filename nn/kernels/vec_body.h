/* vec_body - the vector kernels, in C that compilers vectorize; included by vec_<isa>.c.
 *
 * The same source compiled for each instruction set: with contraction off every operation rounds by
 * itself, and sums run in one order, so all variants give the same bits. */
#ifndef OCTET_NN_KERNELS_VEC_BODY_H
#define OCTET_NN_KERNELS_VEC_BODY_H

#include <math.h>

enum { LANES = 16 };

static void add(nn_real *y, const nn_real *a, const nn_real *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void clamp(nn_real *y, const nn_real *x, nn_real lo, nn_real hi, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const nn_real at_least = x[i] < lo ? lo : x[i];
        y[i] = at_least > hi ? hi : at_least;
    }
}

/* The gradient is loaded whether it passes or not: a conditional load would become a masked one,
 * which some processors do element by element. */
static void clamp_grad(nn_real *dx, const nn_real *dy, const nn_real *x, nn_real lo, nn_real hi,
                       bool add_to, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const nn_real d = dy[i], before = add_to ? dx[i] : 0;
        const nn_real pass = ((x[i] > lo) & (x[i] < hi)) ? d : 0;
        dx[i] = add_to ? before + pass : pass;
    }
}

static void inside(unsigned char *pass, const nn_real *x, nn_real lo, nn_real hi, bool closed,
                   size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        unsigned bits = 0;
        for (size_t j = 0; j < 8; j++) {
            const nn_real v = i + j < n ? x[i + j] : 0;
            const bool in = closed ? (v >= lo) & (v <= hi) : (v > lo) & (v < hi);
            bits |= (unsigned)(in || i + j >= n) << j;
        }
        pass[i / 8] &= (unsigned char)bits;
    }
}

static void keep(nn_real *dx, const nn_real *dy, const unsigned char *pass, bool add_to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const nn_real d = dy[i], before = add_to ? dx[i] : 0;
        const nn_real passed = pass[i / 8] >> i % 8 & 1 ? d : 0;
        dx[i] = add_to ? before + passed : passed;
    }
}

static void min_max(const nn_real *x, size_t n, nn_real *lo, nn_real *hi)
{
    nn_real low[LANES], high[LANES];
    for (int j = 0; j < LANES; j++)
        low[j] = *lo, high[j] = *hi;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
            high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
        }
    for (size_t j = 0; i + j < n; j++) {
        low[j] = x[i + j] < low[j] ? x[i + j] : low[j];
        high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
    }
    for (int j = 0; j < LANES; j++) {
        *lo = low[j] < *lo ? low[j] : *lo;
        *hi = high[j] > *hi ? high[j] : *hi;
    }
}

/* roundf of a value that is not NaN, by operations that vectorize: the distance to the truncated
 * value is exact, while adding a half first would round 0.49999997 up. */
static inline float round_away(float v)
{
    const float whole = truncf(v);
    const float away = fabsf(v - whole) >= 0.5f ? 1.0f : 0.0f;
    return whole + copysignf(away, v);
}

static void fake_quant(nn_real *y, const nn_real *x, const nn_fq_grid *g, size_t n)
{
    const float s = g->scale, z = g->zero_point, qmin = g->qmin, qmax = g->qmax;
    for (size_t i = 0; i < n; i++) {
        const float q = round_away((float)x[i] / s) + z;
        const float at_least = q > qmin ? q : qmin; /* NaN too */
        const float code = at_least < qmax ? at_least : qmax;
        y[i] = (nn_real)(s * (code - z));
    }
}

static void channel_sums(double *restrict sums, double *restrict square, const nn_real *x,
                         size_t rows, size_t c)
{
    for (size_t i = 0; i < rows; i++, x += c) {
        for (size_t j = 0; j < c; j++)
            sums[j] += (double)x[j];
        for (size_t j = 0; square && j < c; j++)
            square[j] += (double)x[j] * (double)x[j];
    }
}

static void channel_dots(double *restrict sums, double *restrict dots, const nn_real *a,
                         const nn_real *b, size_t rows, size_t c)
{
    for (size_t i = 0; i < rows; i++, a += c, b += c)
        for (size_t j = 0; j < c; j++) {
            sums[j] += (double)a[j];
            dots[j] += (double)a[j] * (double)b[j];
        }
}

static void channel_bounds(nn_real *restrict lo, nn_real *restrict hi, const nn_real *x,
                           size_t rows, size_t c)
{
    for (size_t i = 0; i < rows; i++, x += c)
        for (size_t j = 0; j < c; j++) {
            lo[j] = x[j] < lo[j] ? x[j] : lo[j];
            hi[j] = x[j] > hi[j] ? x[j] : hi[j];
        }
}

static void channel_affine(nn_real *y, const nn_real *x, const nn_real *a, const nn_real *b,
                           size_t rows, size_t c)
{
    for (size_t i = 0; i < rows; i++, x += c, y += c)
        for (size_t j = 0; j < c; j++)
            y[j] = x[j] * a[j] + b[j];
}

static void channel_affine_grad(nn_real *dx, const nn_real *dy, const nn_real *x, const nn_real *p,
                                const nn_real *q, const nn_real *r, bool add_to, size_t rows,
                                size_t c)
{
    for (size_t i = 0; i < rows; i++, x += c, dy += c, dx += c)
        if (add_to)
            for (size_t j = 0; j < c; j++)
                dx[j] += p[j] * dy[j] + q[j] * x[j] + r[j];
        else
            for (size_t j = 0; j < c; j++)
                dx[j] = p[j] * dy[j] + q[j] * x[j] + r[j];
}

static void fill(nn_kernel_table *t)
{
    t->add = add;
    t->clamp = clamp;
    t->clamp_grad = clamp_grad;
    t->inside = inside;
    t->keep = keep;
    t->min_max = min_max;
    t->fake_quant = fake_quant;
    t->channel_sums = channel_sums;
    t->channel_dots = channel_dots;
    t->channel_bounds = channel_bounds;
    t->channel_affine = channel_affine;
    t->channel_affine_grad = channel_affine_grad;
}

#endif
