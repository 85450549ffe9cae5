/* gemm_body - the tile of a matrix product in vectors; included by gemm_<isa>.c after its simd
 * header.
 *
 * mr rows of nv vectors stay in registers while k runs: each step loads nv vectors of b, and for
 * each row broadcasts one element of a.  Per step that is nv + mr loads against mr nv
 * multiply-adds, so neither operand needs to be near: a streams through its row pointers, b from
 * the second-level cache.  The lines of c are asked for before k runs, to be there at the end: 100
 * to 106 GFLOP/s of 115 in a 16-channel convolution whose output comes from memory. */
#ifndef OCTET_NN_KERNELS_GEMM_BODY_H
#define OCTET_NN_KERNELS_GEMM_BODY_H

enum { GEMM_MOST_ROWS = 14, GEMM_VECTORS = 2 };

NN_INLINE vreal start_of(const nn_gemm_tile *t, int i, int j, vmask m)
{
    if (t->add)
        return v_load_some(t->c[i] + j * VL, m);
    return t->bias ? v_load_some(t->bias + j * VL, m) : v_zero();
}

/* acc += one run.  `even` rows are reached from every third of them, at one and two pitches from
 * it: fourteen pointers would not stay in registers, and loading them takes a tenth of the time. */
NN_INLINE void add_run(vreal acc[][GEMM_VECTORS], const nn_gemm_tile *t, int r, vmask last,
                       const int mr, const int nv, const bool even)
{
    const nn_real *b = t->b + t->b_run[r], *third[(GEMM_MOST_ROWS + 2) / 3];
    const ptrdiff_t pitch = t->a_pitch;
    ptrdiff_t at = t->a_run[r];
    NN_UNROLL
    for (int i = 0; even && i < mr; i += 3)
        third[i / 3] = t->a[0] + at + i * pitch;
    for (int s = 0; s < t->len; s++, b += t->b_step, at += t->a_step) {
        vreal bv[GEMM_VECTORS];
        NN_UNROLL
        for (int j = 0; j < nv; j++)
            bv[j] = j < nv - 1 ? v_load(b + j * VL) : v_load_some(b + j * VL, last);
        NN_UNROLL
        for (int i = 0; i < mr; i++) {
            const vreal av = v_all(even ? third[i / 3][i % 3 * pitch] : t->a[i][at]);
            NN_UNROLL
            for (int j = 0; j < nv; j++)
                acc[i][j] = v_fma(av, bv[j], acc[i][j]);
        }
        NN_UNROLL
        for (int i = 0; even && i < mr; i += 3)
            third[i / 3] += t->a_step;
    }
}

NN_INLINE void gemm_tile_body(const nn_gemm_tile *t, const int mr, const int nv)
{
    vreal acc[GEMM_MOST_ROWS][GEMM_VECTORS];
    const vmask all = v_first(VL), last = v_first(t->n - (nv - 1) * VL);
    NN_UNROLL
    for (int i = 0; i < mr; i++) {
        NN_UNROLL
        for (int j = 0; j < nv; j++)
            acc[i][j] = start_of(t, i, j, j < nv - 1 ? all : last);
    }
    NN_UNROLL
    for (int i = 0; i < mr; i++) {
        NN_UNROLL
        for (int j = 0; j < nv; j++)
            __builtin_prefetch(t->c[i] + j * VL, 1);
    }
    for (int r = 0; r < t->runs; r++) {
        if (t->a_pitch != 0)
            add_run(acc, t, r, last, mr, nv, true);
        else
            add_run(acc, t, r, last, mr, nv, false);
    }
    NN_UNROLL
    for (int i = 0; i < mr; i++) {
        NN_UNROLL
        for (int j = 0; j < nv; j++)
            v_store_some(t->c[i] + j * VL, j < nv - 1 ? all : last, acc[i][j]);
    }
}

/* The two widths of one height. */
#define GEMM_TILES(mr)                                                                             \
    static void gemm_tile_##mr##_1(const nn_gemm_tile *t)                                          \
    {                                                                                              \
        gemm_tile_body(t, mr, 1);                                                                  \
    }                                                                                              \
    static void gemm_tile_##mr##_2(const nn_gemm_tile *t)                                          \
    {                                                                                              \
        gemm_tile_body(t, mr, 2);                                                                  \
    }

#endif
