/* vec_simd_body - the vector kernels that compilers do not vectorize well, in vectors; included by
 * vec_<isa>.c after its simd header and vec_body.h.
 *
 * Bits: the product of two floats is exact in double, so a fused multiply-add of it rounds as
 * multiply and add do. */
#ifndef OCTET_NN_KERNELS_VEC_SIMD_BODY_H
#define OCTET_NN_KERNELS_VEC_SIMD_BODY_H

#include <string.h>

enum { MASK_BYTES = VL / 8 }; /* of one vector */

/* ---- bits ------------------------------------------------------------------------------------ */

static void inside_v(unsigned char *pass, const nn_real *x, nn_real lo, nn_real hi, bool closed,
                     size_t n)
{
    const vreal low = v_all(lo), high = v_all(hi);
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        const vreal v = v_load(x + i);
        unsigned bits = 0;
        memcpy(&bits, pass + i / 8, MASK_BYTES);
        bits &= closed ? v_within(v, low, high) : v_inside(v, low, high);
        memcpy(pass + i / 8, &bits, MASK_BYTES);
    }
    inside(pass + i / 8, x + i, lo, hi, closed, n - i);
}

static void keep_v(nn_real *dx, const nn_real *dy, const unsigned char *pass, bool add_to, size_t n)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        unsigned bits = 0;
        memcpy(&bits, pass + i / 8, MASK_BYTES);
        const vreal d = v_keep(bits, v_load(dy + i));
        v_store(dx + i, add_to ? v_add(v_load(dx + i), d) : d);
    }
    keep(dx + i, dy + i, pass + i / 8, add_to, n - i);
}

/* ---- channels -------------------------------------------------------------------------------- */

/* VL channels at a time, whose factors or sums stay in registers for a block of rows that is small
 * enough to be in the first-level cache when the next channels come. */
enum { BLOCK = 2048 }; /* elements */

static size_t rows_of_block(size_t rows, size_t c)
{
    const size_t most = c > 0 && c < BLOCK ? BLOCK / c : 1;
    return rows < most ? rows : most;
}

static vmask first_of(size_t n) /* the mask of what is left of n channels */
{
    return v_first(n < VL ? (int)n : VL);
}

/* The sums of VL channels, or of the first ones that the mask names. */
NN_INLINE void dots_of(double sum[VL], double dot[VL], const nn_real *a, const nn_real *b,
                       size_t rows, size_t c, const bool some, vmask m)
{
    vwide s0 = w_load(sum), s1 = w_load(sum + WL), d0 = w_load(dot), d1 = w_load(dot + WL);
    for (size_t i = 0; i < rows; i++, a += c, b += c) {
        const vreal x = some ? v_load_some(a, m) : v_load(a);
        const vreal y = some ? v_load_some(b, m) : v_load(b);
        s0 = w_add(s0, w_low(x));
        s1 = w_add(s1, w_high(x));
        d0 = w_fma(w_low(x), w_low(y), d0);
        d1 = w_fma(w_high(x), w_high(y), d1);
    }
    w_store(sum, s0);
    w_store(sum + WL, s1);
    w_store(dot, d0);
    w_store(dot + WL, d1);
}

/* The `left` < VL last channels, in vectors whose other sums are idle. */
static void dots_of_few(double *sums, double *dots, const nn_real *a, const nn_real *b, size_t rows,
                        size_t c, size_t left)
{
    double sum[VL] = { 0 }, dot[VL] = { 0 };
    memcpy(sum, sums, left * sizeof *sum);
    memcpy(dot, dots, left * sizeof *dot);
    dots_of(sum, dot, a, b, rows, c, true, first_of(left));
    memcpy(sums, sum, left * sizeof *sum);
    memcpy(dots, dot, left * sizeof *dot);
}

static void channel_dots_v(double *restrict sums, double *restrict dots, const nn_real *a,
                           const nn_real *b, size_t rows, size_t c)
{
    for (size_t i = 0, n; i < rows; i += n) {
        n = rows_of_block(rows - i, c);
        const nn_real *x = a + i * c, *y = b + i * c;
        size_t j = 0;
        for (; j + VL <= c; j += VL)
            dots_of(sums + j, dots + j, x + j, y + j, n, c, false, first_of(VL));
        if (j < c)
            dots_of_few(sums + j, dots + j, x + j, y + j, n, c, c - j);
    }
}

static void channel_sums_v(double *restrict sums, double *restrict square, const nn_real *x,
                           size_t rows, size_t c)
{
    if (square == NULL)
        channel_sums(sums, square, x, rows, c);
    else
        channel_dots_v(sums, square, x, x, rows, c);
}

static void bounds_of(nn_real *lo, nn_real *hi, const nn_real *x, size_t rows, size_t c,
                      size_t left)
{
    const vmask m = first_of(left);
    vreal low = v_load_some(lo, m), high = v_load_some(hi, m);
    for (size_t i = 0; i < rows; i++, x += c) {
        const vreal v = left < VL ? v_load_some(x, m) : v_load(x);
        low = v_min(v, low);
        high = v_max(v, high);
    }
    v_store_some(lo, m, low);
    v_store_some(hi, m, high);
}

static void channel_bounds_v(nn_real *restrict lo, nn_real *restrict hi, const nn_real *x,
                             size_t rows, size_t c)
{
    for (size_t i = 0, n; i < rows; i += n) {
        n = rows_of_block(rows - i, c);
        for (size_t j = 0; j < c; j += VL)
            bounds_of(lo + j, hi + j, x + i * c + j, n, c, c - j);
    }
}

static void affine_of(nn_real *y, const nn_real *x, const nn_real *a, const nn_real *b, size_t rows,
                      size_t c, size_t left)
{
    const vmask m = first_of(left);
    const vreal av = v_load_some(a, m), bv = v_load_some(b, m);
    for (size_t i = 0; i < rows; i++, x += c, y += c)
        if (left < VL)
            v_store_some(y, m, v_add(v_mul(v_load_some(x, m), av), bv));
        else
            v_store(y, v_add(v_mul(v_load(x), av), bv));
}

/* How many rows of few channels make one vector, 1 if they do not. */
static size_t rows_in_vector(size_t c)
{
    return c > 0 && c < VL && VL % c == 0 ? VL / c : 1;
}

static void repeat(nn_real to[VL], const nn_real *from, size_t c)
{
    for (size_t i = 0; i < VL; i++)
        to[i] = from[i % c];
}

static void channel_affine_v(nn_real *y, const nn_real *x, const nn_real *a, const nn_real *b,
                             size_t rows, size_t c)
{
    const size_t fold = rows_in_vector(c), whole = rows / fold * fold;
    if (fold > 1) {
        nn_real wide_a[VL], wide_b[VL];
        repeat(wide_a, a, c);
        repeat(wide_b, b, c);
        affine_of(y, x, wide_a, wide_b, whole / fold, VL, VL);
        channel_affine(y + whole * c, x + whole * c, a, b, rows - whole, c);
        return;
    }
    for (size_t i = 0, n; i < rows; i += n) {
        n = rows_of_block(rows - i, c);
        for (size_t j = 0; j < c; j += VL)
            affine_of(y + i * c + j, x + i * c + j, a + j, b + j, n, c, c - j);
    }
}

static void affine_grad_of(nn_real *dx, const nn_real *dy, const nn_real *x, const nn_real *p,
                           const nn_real *q, const nn_real *r, bool add_to, size_t rows, size_t c,
                           size_t left)
{
    const vmask m = first_of(left);
    const vreal pv = v_load_some(p, m), qv = v_load_some(q, m), rv = v_load_some(r, m);
    for (size_t i = 0; i < rows; i++, x += c, dy += c, dx += c) {
        const vreal d = left < VL ? v_load_some(dy, m) : v_load(dy);
        const vreal v = left < VL ? v_load_some(x, m) : v_load(x);
        vreal sum = v_add(v_add(v_mul(pv, d), v_mul(qv, v)), rv);
        if (add_to)
            sum = v_add(v_load_some(dx, m), sum);
        if (left < VL)
            v_store_some(dx, m, sum);
        else
            v_store(dx, sum);
    }
}

static void channel_affine_grad_v(nn_real *dx, const nn_real *dy, const nn_real *x,
                                  const nn_real *p, const nn_real *q, const nn_real *r, bool add_to,
                                  size_t rows, size_t c)
{
    const size_t fold = rows_in_vector(c), whole = rows / fold * fold;
    if (fold > 1) {
        nn_real wide_p[VL], wide_q[VL], wide_r[VL];
        repeat(wide_p, p, c);
        repeat(wide_q, q, c);
        repeat(wide_r, r, c);
        affine_grad_of(dx, dy, x, wide_p, wide_q, wide_r, add_to, whole / fold, VL, VL);
        channel_affine_grad(dx + whole * c, dy + whole * c, x + whole * c, p, q, r, add_to,
                            rows - whole, c);
        return;
    }
    for (size_t i = 0, n; i < rows; i += n) {
        n = rows_of_block(rows - i, c);
        for (size_t j = 0; j < c; j += VL) {
            const size_t at = i * c + j;
            affine_grad_of(dx + at, dy + at, x + at, p + j, q + j, r + j, add_to, n, c, c - j);
        }
    }
}

static void min_max_v(const nn_real *x, size_t n, nn_real *lo, nn_real *hi)
{
    vreal low[2] = { v_all(*lo), v_all(*lo) }, high[2] = { v_all(*hi), v_all(*hi) };
    nn_real lows[VL], highs[VL];
    size_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL)
        for (size_t k = 0; k < 2; k++) {
            const vreal v = v_load(x + i + k * VL);
            low[k] = v_min(v, low[k]);
            high[k] = v_max(v, high[k]);
        }
    v_store(lows, v_min(low[0], low[1]));
    v_store(highs, v_max(high[0], high[1]));
    for (size_t k = 0; k < VL; k++) {
        *lo = lows[k] < *lo ? lows[k] : *lo;
        *hi = highs[k] > *hi ? highs[k] : *hi;
    }
    min_max(x + i, n - i, lo, hi);
}

static void fill_simd(nn_kernel_table *t)
{
    t->inside = inside_v;
    t->keep = keep_v;
    t->min_max = min_max_v;
    t->channel_sums = channel_sums_v;
    t->channel_dots = channel_dots_v;
    t->channel_bounds = channel_bounds_v;
    t->channel_affine = channel_affine_v;
    t->channel_affine_grad = channel_affine_grad_v;
}

#endif
