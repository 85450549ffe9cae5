/* dwconv_body - depthwise correlation in vectors of channels; included by dwconv_<isa>.c after its
 * simd header.
 *
 * Forward: for one vector of channels, `np` pixels stay in registers while the taps run, so a
 * weight is loaded once for them all.  Weight gradient: `nt` taps stay in registers while the
 * pixels run, so a gradient is loaded once for them all. */
#ifndef OCTET_NN_KERNELS_DWCONV_BODY_H
#define OCTET_NN_KERNELS_DWCONV_BODY_H

enum { DW_PIXELS = 8, DW_TAPS = 9 }; /* at most, in registers */

NN_INLINE void dw_tile_body(const nn_dw_tile *t, int i0, int c, vmask m, const int np)
{
    const nn_real *const *x = t->x + i0;
    nn_real *const *y = t->y + i0;
    const vreal start = t->bias ? v_load_some(t->bias + c, m) : v_zero();
    vreal acc[DW_PIXELS];
    NN_UNROLL
    for (int i = 0; i < np; i++)
        acc[i] = t->add ? v_load_some(y[i] + c, m) : start;
    for (int k = 0; k < t->taps; k++) {
        const vreal w = v_load_some(t->w + t->w_tap[k] + c, m);
        const ptrdiff_t at = t->x_tap[k] + c;
        NN_UNROLL
        for (int i = 0; i < np; i++)
            acc[i] = v_fma(v_load_some(x[i] + at, m), w, acc[i]);
    }
    NN_UNROLL
    for (int i = 0; i < np; i++)
        v_store_some(y[i] + c, m, acc[i]);
}

NN_INLINE void dw_grad_body(const nn_dw_grad *t, int k0, int c, vmask m, const int nt)
{
    const ptrdiff_t *tap = t->x_tap + k0;
    nn_real *dw = t->dw + (ptrdiff_t)k0 * t->channels + c;
    vreal acc[DW_TAPS];
    NN_UNROLL
    for (int k = 0; k < nt; k++)
        acc[k] = v_load_some(dw + (ptrdiff_t)k * t->channels, m);
    for (int i = 0; i < t->pixels; i++) {
        const vreal dy = v_load_some(t->dy[i] + c, m);
        const nn_real *x = t->x[i] + c;
        NN_UNROLL
        for (int k = 0; k < nt; k++)
            acc[k] = v_fma(v_load_some(x + tap[k], m), dy, acc[k]);
    }
    NN_UNROLL
    for (int k = 0; k < nt; k++)
        v_store_some(dw + (ptrdiff_t)k * t->channels, m, acc[k]);
}

/* The two bodies for one count. */
#define DW_BODIES(n)                                                                               \
    static void dw_tile_##n(const nn_dw_tile *t, int i0, int c, vmask m)                           \
    {                                                                                              \
        dw_tile_body(t, i0, c, m, n);                                                              \
    }                                                                                              \
    static void dw_grad_##n(const nn_dw_grad *t, int k0, int c, vmask m)                           \
    {                                                                                              \
        dw_grad_body(t, k0, c, m, n);                                                              \
    }
DW_BODIES(1)
DW_BODIES(2)
DW_BODIES(3)
DW_BODIES(4)
DW_BODIES(5)
DW_BODIES(6)
DW_BODIES(7)
DW_BODIES(8)

static void dw_grad_9(const nn_dw_grad *t, int k0, int c, vmask m)
{
    dw_grad_body(t, k0, c, m, 9);
}

static void dw_tile_all(const nn_dw_tile *t)
{
    static void (*const body[])(const nn_dw_tile *, int, int, vmask) = {
        dw_tile_1, dw_tile_2, dw_tile_3, dw_tile_4, dw_tile_5, dw_tile_6, dw_tile_7, dw_tile_8,
    };
    for (int i = 0; i < t->pixels; i += DW_PIXELS) {
        const int np = t->pixels - i < DW_PIXELS ? t->pixels - i : DW_PIXELS;
        for (int c = 0; c < t->channels; c += VL)
            body[np - 1](t, i, c, v_first(t->channels - c < VL ? t->channels - c : VL));
    }
}

static void dw_grad_all(const nn_dw_grad *t)
{
    static void (*const body[])(const nn_dw_grad *, int, int, vmask) = {
        dw_grad_1, dw_grad_2, dw_grad_3, dw_grad_4, dw_grad_5,
        dw_grad_6, dw_grad_7, dw_grad_8, dw_grad_9,
    };
    for (int k = 0; k < t->taps; k += DW_TAPS) {
        const int nt = t->taps - k < DW_TAPS ? t->taps - k : DW_TAPS;
        for (int c = 0; c < t->channels; c += VL)
            body[nt - 1](t, k, c, v_first(t->channels - c < VL ? t->channels - c : VL));
    }
}

#endif
