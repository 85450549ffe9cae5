#include "runtime/kernels/pad.h"

#include <string.h>

static void fill(uint8_t *out, size_t count, size_t bytes, const uint8_t *value)
{
    if (bytes == 1) {
        memset(out, value[0], count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * bytes, value, bytes);
}

void rt_pad_run(const rt_pad *p, void *out, const void *in, const void *value)
{
    int last = p->rank - 1;
    size_t total = 1, rows = 1;
    for (int i = 0; i <= last; i++)
        total *= (size_t)p->out[i];
    for (int i = 0; i < last; i++)
        rows *= (size_t)p->in[i];
    fill(out, total, p->bytes, value);
    size_t row = (size_t)p->in[last] * p->bytes;
    int32_t at[RT_MAX_RANK] = { 0 };
    for (size_t r = 0; r < rows; r++) {
        size_t to = 0;
        for (int i = 0; i <= last; i++)
            to = to * (size_t)p->out[i] + (size_t)(at[i] + p->before[i]);
        memcpy((uint8_t *)out + to * p->bytes, (const uint8_t *)in + r * row, row);
        for (int i = last - 1; i >= 0 && ++at[i] == p->in[i]; i--)
            at[i] = 0;
    }
}
