#include "runtime/kernels/broadcast.h"

#include <string.h>

enum { REPEAT = 256 }; /* bytes of a repeated element at a time */

/* Dimension i counted from the last, 1 beyond the first. */
static int32_t dim_from_end(int rank, const int32_t *dim, int i)
{
    return i < rank ? dim[rank - 1 - i] : 1;
}

/* Appends a dimension outside the others, or lengthens the outermost if it continues it. */
static void append(rt_broadcast *p, size_t dim, size_t step_a, size_t step_b)
{
    if (dim == 1)
        return;
    if (p->rank > 0) {
        size_t last = (size_t)p->rank - 1;
        if (step_a == p->step_a[last] * p->dim[last] && step_b == p->step_b[last] * p->dim[last]) {
            p->dim[last] *= dim;
            return;
        }
    }
    p->dim[p->rank] = dim;
    p->step_a[p->rank] = step_a;
    p->step_b[p->rank] = step_b;
    p->rank++;
}

bool rt_broadcast_of(rt_broadcast *p, int rank_a, const int32_t *dim_a, int rank_b,
                     const int32_t *dim_b, int32_t *out_dim)
{
    int rank = rank_a > rank_b ? rank_a : rank_b;
    size_t step_a = 1, step_b = 1;
    memset(p, 0, sizeof *p);
    for (int i = 0; i < rank; i++) { /* innermost first */
        int32_t a = dim_from_end(rank_a, dim_a, i), b = dim_from_end(rank_b, dim_b, i);
        if (a != b && a != 1 && b != 1)
            return false;
        int32_t out = a == 1 ? b : a;
        out_dim[rank - 1 - i] = out;
        append(p, (size_t)out, a == 1 ? 0 : step_a, b == 1 ? 0 : step_b);
        step_a *= (size_t)a;
        step_b *= (size_t)b;
    }
    if (p->rank == 0) {
        p->dim[0] = 1;
        p->step_a[0] = p->step_b[0] = 1;
        p->rank = 1;
    }
    return true;
}

/* One row in which an operand may stand still: it is written out REPEAT bytes at a time. */
static void run_row(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n, size_t step_a,
                    size_t step_b, size_t bytes, rt_binary_row *row, const void *params)
{
    if (step_a != 0 && step_b != 0) {
        row(out, a, b, n, params);
        return;
    }
    uint64_t repeated[2][REPEAT / 8];
    size_t most = REPEAT / bytes;
    for (size_t i = 0; i < most; i++) {
        memcpy((uint8_t *)repeated[0] + i * bytes, a, bytes);
        memcpy((uint8_t *)repeated[1] + i * bytes, b, bytes);
    }
    for (size_t i = 0; i < n; i += most) {
        const void *from_a = step_a != 0 ? (const void *)(a + i * bytes) : repeated[0];
        const void *from_b = step_b != 0 ? (const void *)(b + i * bytes) : repeated[1];
        row(out + i * bytes, from_a, from_b, n - i < most ? n - i : most, params);
    }
}

void rt_broadcast_run(const rt_broadcast *p, void *out, const void *a, const void *b, size_t bytes,
                      rt_binary_row *row, const void *params)
{
    size_t at[RT_MAX_RANK] = { 0 }, n = p->dim[0], rows = 1;
    for (int i = 1; i < p->rank; i++)
        rows *= p->dim[i];
    for (size_t r = 0; r < rows; r++) {
        size_t from_a = 0, from_b = 0;
        for (int i = 1; i < p->rank; i++) {
            from_a += at[i] * p->step_a[i];
            from_b += at[i] * p->step_b[i];
        }
        run_row((uint8_t *)out + r * n * bytes, (const uint8_t *)a + from_a * bytes,
                (const uint8_t *)b + from_b * bytes, n, p->step_a[0], p->step_b[0], bytes, row,
                params);
        for (int i = 1; i < p->rank && ++at[i] == p->dim[i]; i++)
            at[i] = 0;
    }
}
