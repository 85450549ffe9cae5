/* IDX files, gzipped or not. */
#include "data/idx.h"
#include "nn/base/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ds_idx idx = { 0 };
    const ds_limits limits = { FUZZ_PIXELS, FUZZ_BYTES };
    if (ds_idx_parse(&idx, data, size, "fuzz", limits) == NN_OK && idx.bytes > 0) {
        volatile uint8_t last = idx.data[idx.bytes - 1];
        (void)last;
    }
    nn_mem_free(idx.data);
    return 0;
}
