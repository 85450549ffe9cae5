/* gemm_c - the tile of a matrix product in portable C, 4 x 8.
 *
 * A narrow tile is filled up with zeros and repeated rows, so that the inner loops have constant
 * bounds and the compiler can vectorise them. */
#include <string.h>

#include "nn/kernels/variants.h"

enum { MR = 4, NR = 8 };

static void load(nn_real acc[MR][NR], const nn_gemm_tile *t)
{
    memset(acc, 0, sizeof(nn_real) * MR * NR);
    const size_t bytes = (size_t)t->n * sizeof(nn_real);
    for (int i = 0; i < t->m; i++)
        if (t->add)
            memcpy(acc[i], t->c[i], bytes);
        else if (t->bias)
            memcpy(acc[i], t->bias, bytes);
}

static void step(nn_real acc[MR][NR], const nn_real *const a[MR], ptrdiff_t at, const nn_real *b)
{
    for (int i = 0; i < MR; i++) {
        const nn_real av = a[i][at];
        for (int j = 0; j < NR; j++)
            acc[i][j] += av * b[j];
    }
}

static void run(nn_real acc[MR][NR], const nn_gemm_tile *t, const nn_real *const a[MR], int r)
{
    const nn_real *b = t->b + t->b_run[r];
    ptrdiff_t at = t->a_run[r];
    if (t->n == NR) {
        for (int s = 0; s < t->len; s++, b += t->b_step, at += t->a_step)
            step(acc, a, at, b);
        return;
    }
    nn_real wide[NR] = { 0 };
    for (int s = 0; s < t->len; s++, b += t->b_step, at += t->a_step) {
        for (int j = 0; j < t->n; j++)
            wide[j] = b[j];
        step(acc, a, at, wide);
    }
}

static void gemm_tile__c(const nn_gemm_tile *t)
{
    nn_real acc[MR][NR];
    const nn_real *a[MR];
    for (int i = 0; i < MR; i++)
        a[i] = t->a[i < t->m ? i : t->m - 1];
    load(acc, t);
    for (int r = 0; r < t->runs; r++)
        run(acc, t, a, r);
    for (int i = 0; i < t->m; i++)
        memcpy(t->c[i], acc[i], (size_t)t->n * sizeof(nn_real));
}

void nn_kernels_gemm_c(nn_kernel_table *t)
{
    t->isa = "c";
    t->gemm_m = MR;
    t->gemm_n = NR;
    t->gemm_tile = gemm_tile__c;
}
