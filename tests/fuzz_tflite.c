/* fuzz_tflite - libFuzzer harness of the .tflite reader: any bytes give an error or a model that
 * runs within its blocks.  `make fuzz` builds it under the sanitizers and runs it on small
 * seeds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/rt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const rt_model *m)
{
    rt_option option;
    const void *bytes;
    size_t n;
    for (int i = 0; i < rt_n_operators(m); i++)
        for (int k = 0; rt_option_at(m, i, k, &option); k++)
            ;
    for (int i = 0; rt_metadata_at(m, i, &bytes, &n) != NULL; i++)
        ;
}

/* Each worker by turns, on one thread: each has scratch of its own. */
enum { WORKERS = 3 };
static void by_turns(void *context, int chunks, rt_task *task, void *arg)
{
    (void)context;
    for (int i = 0; i < chunks; i++)
        task(arg, i, i % WORKERS);
}

static void run(const uint8_t *data, size_t size, rt_options options)
{
    size_t need = 0;
    rt_error error;
    if (rt_measure(&need, data, size, &options, &error) != RT_OK)
        return;
    rt_model *m = NULL;
    void *block = aligned_alloc(64, (need + 63) / 64 * 64);
    if (block != NULL && rt_open(&m, data, size, &options, block, need, &error) == RT_OK) {
        size_t bytes = (rt_arena_bytes(m) + 63) / 64 * 64;
        void *arena = aligned_alloc(64, bytes > 0 ? bytes : 64);
        if (arena != NULL) {
            memset(arena, 0x5A, bytes);
            rt_run(m, arena, options.workers > 1 ? &(rt_parallel){ NULL, by_turns } : NULL);
            look(m);
        }
        free(arena);
    }
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rt_options options = rt_options_default();
    options.limits = (rt_limits){ 1000000, 1 << 20, 200 };
    run(data, size, options);
    options.kernels = rt_kernels_best();
    options.keep_all = true;
    run(data, size, options);
    options.keep_all = false;
    options.workers = WORKERS;
    run(data, size, options);
    return 0;
}
