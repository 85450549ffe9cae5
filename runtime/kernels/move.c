#include "runtime/kernels/move.h"

#include <string.h>

static void move_row(uint8_t *out, const uint8_t *in, int32_t n, int64_t step, size_t bytes)
{
    if (step == 1) {
        memcpy(out, in, (size_t)n * bytes);
        return;
    }
    if (bytes == 1) {
        for (int32_t i = 0; i < n; i++)
            out[i] = in[i * step];
        return;
    }
    for (int32_t i = 0; i < n; i++)
        memcpy(out + (size_t)i * bytes, in + i * step * (int64_t)bytes, bytes);
}

void rt_move_run(const rt_move *p, void *out, const void *in)
{
    int last = p->rank - 1;
    int32_t at[RT_MAX_RANK] = { 0 };
    int32_t n = p->rank > 0 ? p->dim[last] : 1;
    int64_t step = p->rank > 0 ? p->step[last] : 1, from = p->base;
    size_t rows = 1;
    for (int i = 0; i < last; i++)
        rows *= (size_t)p->dim[i];
    uint8_t *to = out;
    for (size_t r = 0; r < rows; r++, to += (size_t)n * p->bytes) {
        move_row(to, (const uint8_t *)in + from * (int64_t)p->bytes, n, step, p->bytes);
        for (int i = last - 1; i >= 0; i--) {
            from += p->step[i];
            if (++at[i] < p->dim[i])
                break;
            from -= p->step[i] * p->dim[i];
            at[i] = 0;
        }
    }
}
