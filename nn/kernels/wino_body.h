/* wino_body - the transforms of wino.h in vectors; included by wino_<isa>.c after its simd header.
 *
 * Each multiplies by its matrix from both sides: one step for every column of a patch, and the same
 * step for every row of what that gives.  A step is one fixed sequence of operations for each
 * channel, whatever the width of the vectors. */
#ifndef OCTET_NN_KERNELS_WINO_BODY_H
#define OCTET_NN_KERNELS_WINO_BODY_H

#include "nn/kernels/wino.h"

enum { IN = NN_WINO_IN, OUT = NN_WINO_OUT, TAPS = 3 };

#define ROOT2 1.41421356237309505 /* the points: 0, +-ROOT2 / 2, +-ROOT2, infinity */
#define K(x)  v_all((nn_real)(x))

/* ---- steps ----------------------------------------------------------------------------------- */

NN_INLINE void source_step(vreal y[IN], const vreal x[IN]) /* y = B' x */
{
    const vreal even = v_fma(K(-2), x[2], x[4]), odd = v_fma(K(-2), x[1], x[3]);
    const vreal even2 = v_fma(K(-0.5), x[2], x[4]), odd2 = v_fma(K(-0.5), x[1], x[3]);
    y[0] = v_fma(K(-2.5), x[2], v_add(x[0], x[4]));
    y[1] = v_fma(K(ROOT2 / 2), odd, even);
    y[2] = v_fma(K(-ROOT2 / 2), odd, even);
    y[3] = v_fma(K(ROOT2), odd2, even2);
    y[4] = v_fma(K(-ROOT2), odd2, even2);
    y[5] = v_fma(K(-2.5), x[3], v_add(x[1], x[5]));
}

NN_INLINE void result_step(vreal y[OUT], const vreal x[IN]) /* y = A' x */
{
    const vreal even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]);
    const vreal even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    y[0] = v_add(x[0], v_add(even, even2));
    y[1] = v_fma(K(ROOT2), odd2, v_mul(K(ROOT2 / 2), odd));
    y[2] = v_fma(K(2), even2, v_mul(K(0.5), even));
    y[3] = v_fma(K(2 * ROOT2), odd2, v_fma(K(ROOT2 / 4), odd, x[5]));
}

NN_INLINE void dy_step(vreal y[IN], const vreal x[OUT]) /* y = A x */
{
    const vreal even = v_fma(K(0.5), x[2], x[0]), odd = v_fma(K(0.5), x[3], x[1]);
    const vreal even2 = v_fma(K(2), x[2], x[0]), odd2 = v_fma(K(2), x[3], x[1]);
    y[0] = x[0];
    y[1] = v_fma(K(ROOT2 / 2), odd, even);
    y[2] = v_fma(K(-ROOT2 / 2), odd, even);
    y[3] = v_fma(K(ROOT2), odd2, even2);
    y[4] = v_fma(K(-ROOT2), odd2, even2);
    y[5] = x[3];
}

NN_INLINE void weight_step(vreal y[IN], const vreal x[TAPS]) /* y = G x */
{
    const vreal even = v_mul(K(-2. / 3), v_fma(K(0.5), x[2], x[0]));
    const vreal even2 = v_mul(K(1. / 6), v_fma(K(2), x[2], x[0]));
    y[0] = x[0];
    y[1] = v_fma(K(-ROOT2 / 3), x[1], even);
    y[2] = v_fma(K(ROOT2 / 3), x[1], even);
    y[3] = v_fma(K(ROOT2 / 6), x[1], even2);
    y[4] = v_fma(K(-ROOT2 / 6), x[1], even2);
    y[5] = x[2];
}

NN_INLINE void dw_step(vreal y[TAPS], const vreal x[IN]) /* y = G' x */
{
    const vreal even = v_mul(K(-2. / 3), v_add(x[1], x[2])), odd = v_sub(x[1], x[2]);
    const vreal even2 = v_mul(K(1. / 6), v_add(x[3], x[4])), odd2 = v_sub(x[3], x[4]);
    y[0] = v_add(x[0], v_add(even, even2));
    y[1] = v_fma(K(ROOT2 / 6), odd2, v_mul(K(-ROOT2 / 3), odd));
    y[2] = v_fma(K(2), even2, v_fma(K(0.5), even, x[5]));
}

/* `what` is a constant wherever these are inlined. */
NN_INLINE void spread_step(nn_wino_spread what, vreal y[IN], const vreal *x)
{
    if (what == NN_WINO_SOURCE)
        source_step(y, x);
    else if (what == NN_WINO_DY)
        dy_step(y, x);
    else
        weight_step(y, x);
}

NN_INLINE void gather_step(nn_wino_gather what, vreal *y, const vreal x[IN])
{
    if (what == NN_WINO_RESULT)
        result_step(y, x);
    else
        dw_step(y, x);
}

/* ---- patches to planes ----------------------------------------------------------------------- */

NN_INLINE bool has_row(const nn_wino_patch *p, int i)
{
    return i >= p->row0 && i < p->row1;
}

NN_INLINE bool has_column(const nn_wino_patch *p, int j)
{
    return j >= p->col0 && j < p->col1;
}

NN_INLINE bool is_whole(const nn_wino_patch *p, int n)
{
    return p->row0 == 0 && p->col0 == 0 && p->row1 == n && p->col1 == n;
}

/* At most VL channels of an n x n patch. */
NN_INLINE void spread_some(nn_real *planes, ptrdiff_t pitch, const nn_real *from,
                           const nn_wino_patch *p, ptrdiff_t c, vmask m, nn_wino_spread what,
                           const int n, const bool whole)
{
    vreal half[IN][IN]; /* columns are transformed */
    vmask rows[IN];     /* of what is loaded: nothing where there is no row */
    NN_UNROLL
    for (int i = 0; i < n; i++)
        rows[i] = whole || has_row(p, i) ? m : v_first(0);
    NN_UNROLL
    for (int j = 0; j < n; j++) {
        const nn_real *column = from + p->at + j * p->pixel + c;
        const bool there = whole || has_column(p, j);
        vreal x[IN], y[IN];
        NN_UNROLL
        for (int i = 0; i < n; i++)
            x[i] = there ? v_load_some(column + i * p->row, rows[i]) : v_zero();
        spread_step(what, y, x);
        NN_UNROLL
        for (int i = 0; i < IN; i++)
            half[i][j] = y[i];
    }
    NN_UNROLL
    for (int i = 0; i < IN; i++) {
        vreal y[IN];
        spread_step(what, y, half[i]);
        NN_UNROLL
        for (int j = 0; j < IN; j++)
            v_store_some(planes + (i * IN + j) * pitch + c, m, y[j]);
    }
}

NN_INLINE void spread(nn_real *planes, ptrdiff_t pitch, const nn_real *from, const nn_wino_patch *p,
                      int channels, nn_wino_spread what, const int n)
{
    const bool whole = is_whole(p, n);
    int c = 0;
    for (; whole && c + VL <= channels; c += VL)
        spread_some(planes, pitch, from, p, c, v_first(VL), what, n, true);
    for (; c < channels; c += VL) {
        const vmask m = v_first(channels - c < VL ? channels - c : VL);
        spread_some(planes, pitch, from, p, c, m, what, n, false);
    }
}

static void wino_spread_v(nn_real *planes, ptrdiff_t pitch, const nn_real *from,
                          const nn_wino_patch *p, nn_wino_spread what, int channels)
{
    if (what == NN_WINO_SOURCE)
        spread(planes, pitch, from, p, channels, NN_WINO_SOURCE, IN);
    else if (what == NN_WINO_DY)
        spread(planes, pitch, from, p, channels, NN_WINO_DY, OUT);
    else
        spread(planes, pitch, from, p, channels, NN_WINO_WEIGHT, TAPS);
}

/* ---- planes to patches ----------------------------------------------------------------------- */

NN_INLINE void gather_some(nn_real *to, const nn_wino_patch *p, const nn_real *planes,
                           ptrdiff_t pitch, const nn_real *bias, bool add, ptrdiff_t c, vmask m,
                           nn_wino_gather what, const int n, const bool whole)
{
    vreal half[OUT][IN]; /* columns are transformed */
    NN_UNROLL
    for (int j = 0; j < IN; j++) {
        vreal x[IN], y[OUT];
        NN_UNROLL
        for (int i = 0; i < IN; i++)
            x[i] = v_load_some(planes + (i * IN + j) * pitch + c, m);
        gather_step(what, y, x);
        NN_UNROLL
        for (int i = 0; i < n; i++)
            half[i][j] = y[i];
    }
    const vreal start = bias != NULL ? v_load_some(bias + c, m) : v_zero();
    NN_UNROLL
    for (int i = 0; i < n; i++) {
        vreal y[OUT];
        gather_step(what, y, half[i]);
        NN_UNROLL
        for (int j = 0; j < n; j++) {
            nn_real *at = to + p->at + i * p->row + j * p->pixel + c;
            if (whole || (has_row(p, i) && has_column(p, j)))
                v_store_some(at, m, v_add(add ? v_load_some(at, m) : start, y[j]));
        }
    }
}

NN_INLINE void gather(nn_real *to, const nn_wino_patch *p, const nn_real *planes, ptrdiff_t pitch,
                      const nn_real *bias, bool add, int channels, nn_wino_gather what, const int n)
{
    const bool whole = is_whole(p, n);
    int c = 0;
    for (; whole && c + VL <= channels; c += VL)
        gather_some(to, p, planes, pitch, bias, add, c, v_first(VL), what, n, true);
    for (; c < channels; c += VL) {
        const vmask m = v_first(channels - c < VL ? channels - c : VL);
        gather_some(to, p, planes, pitch, bias, add, c, m, what, n, false);
    }
}

static void wino_gather_v(nn_real *to, const nn_wino_patch *p, const nn_real *planes,
                          ptrdiff_t pitch, nn_wino_gather what, const nn_real *bias, bool add,
                          int channels)
{
    if (what == NN_WINO_RESULT)
        gather(to, p, planes, pitch, bias, add, channels, NN_WINO_RESULT, OUT);
    else
        gather(to, p, planes, pitch, bias, add, channels, NN_WINO_DW, TAPS);
}

static void fill_wino(nn_kernel_table *t)
{
    t->wino_spread = wino_spread_v;
    t->wino_gather = wino_gather_v;
}

#undef K
#undef ROOT2

#endif
