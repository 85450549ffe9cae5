#include "train/raw.h"

#include <string.h>

#include "export/integer.h"
#include "nn/base/chunk.h"
#include "nn/base/mem.h"

static size_t in_bytes_of(const rt_model *m)
{
    size_t bytes = 0;
    for (int i = 0; i < rt_n_inputs(m); i++)
        bytes += rt_tensor_at(m, rt_input(m, i))->bytes;
    return bytes;
}

static size_t out_bytes_of(const rt_model *m)
{
    size_t bytes = 0;
    for (int i = 0; i < rt_n_outputs(m); i++)
        bytes += rt_tensor_at(m, rt_output(m, i))->bytes;
    return bytes;
}

static void run_item(const rt_model *m, void *arena, const uint8_t *in, uint8_t *out)
{
    for (int i = 0; i < rt_n_inputs(m); i++) {
        size_t bytes = rt_tensor_at(m, rt_input(m, i))->bytes;
        memcpy(rt_data(m, arena, rt_input(m, i)), in, bytes);
        in += bytes;
    }
    rt_run(m, arena, NULL);
    for (int i = 0; i < rt_n_outputs(m); i++) {
        const rt_tensor *t = rt_tensor_at(m, rt_output(m, i));
        const void *data = t->data != NULL ? t->data : rt_data(m, arena, rt_output(m, i));
        memcpy(out, data, t->bytes);
        out += t->bytes;
    }
}

static void run_items(const rt_model *m, void **arena, size_t n, const uint8_t *in, uint8_t *out)
{
    size_t in_bytes = in_bytes_of(m), out_bytes = out_bytes_of(m);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++)
        run_item(m, arena[nn_thread_index()], in + i * in_bytes, out + i * out_bytes);
}

nn_status train_raw_run(nn_bytes *out, const rt_model *m, const uint8_t *in, size_t size)
{
    size_t in_bytes = in_bytes_of(m), out_bytes = out_bytes_of(m);
    *out = (nn_bytes){ 0 };
    if (in_bytes == 0 || size == 0 || size % in_bytes != 0)
        return nn_fail(NN_EFORMAT, "%zu bytes are not a whole number of inputs of %zu bytes", size,
                       in_bytes);
    size_t n = size / in_bytes;
    if (out_bytes > 0 && n > SIZE_MAX / out_bytes)
        return nn_fail(NN_ENOMEM, "out of memory: %zu outputs of %zu bytes", n, out_bytes);
    int threads = nn_thread_count();
    void **arena = nn_mem_alloc((size_t)threads * sizeof *arena);
    out->data = nn_mem_alloc(n * out_bytes);
    nn_status st =
        arena != NULL && out->data != NULL
            ? NN_OK
            : nn_fail(NN_ENOMEM, "out of memory: %zu outputs of %zu bytes", n, out_bytes);
    for (int i = 0; st == NN_OK && i < threads; i++)
        st = ex_integer_arena(&arena[i], m);
    if (st == NN_OK) {
        run_items(m, arena, n, in, out->data);
        out->size = n * out_bytes;
    }
    for (int i = 0; arena != NULL && i < threads; i++)
        nn_mem_free(arena[i]);
    nn_mem_free(arena);
    if (st != NN_OK)
        nn_bytes_free(out);
    return st;
}
