#include "export/integer.h"

#include "nn/base/mem.h"

/* The statuses that both have in common have common values; a limit is the caller's to raise. */
static nn_status fail(const rt_error *e)
{
    if (e->status == RT_ELIMIT)
        return nn_fail(NN_ENOTSUP, "%s; --max-macs and --max-memory raise the limits", e->text);
    return nn_fail((nn_status)e->status, "%s", e->text);
}

nn_status ex_integer_open(ex_integer *out, const void *bytes, size_t size,
                          const rt_options *options)
{
    rt_options best = rt_options_default();
    rt_error error;
    size_t block_bytes;
    *out = (ex_integer){ 0 };
    best.kernels = rt_kernels_best();
    if (options == NULL)
        options = &best;
    if (rt_measure(&block_bytes, bytes, size, options, &error) != RT_OK)
        return fail(&error);
    out->block = nn_mem_alloc(block_bytes);
    if (out->block == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: the model needs %zu bytes", block_bytes);
    if (rt_open(&out->model, bytes, size, options, out->block, block_bytes, &error) != RT_OK)
        return fail(&error);
    return NN_OK;
}

void ex_integer_close(ex_integer *m)
{
    nn_mem_free(m->block);
    *m = (ex_integer){ 0 };
}

nn_status ex_integer_arena(void **out, const rt_model *m)
{
    size_t bytes = rt_arena_bytes(m);
    *out = nn_mem_alloc(bytes > 0 ? bytes : 1);
    return *out != NULL
               ? NN_OK
               : nn_fail(NN_ENOMEM, "out of memory: the activations need %zu bytes", bytes);
}
