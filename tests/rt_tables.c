#include "tests/rt_tables.h"

#include "runtime/cpu.h"
#include "tests/testing.h"

static void try_table(test_tables *ts, unsigned flag, const rt_kernels *t)
{
    if ((rt_cpu_flags() & flag) == flag)
        ts->table[ts->n++] = t;
    else
        printf("%s: skipped, this processor does not have it\n", rt_kernels_name(t));
}

test_tables test_rt_tables(void)
{
    test_tables ts = { .n = 0 };
    try_table(&ts, 0, rt_kernels_c());
#if defined(__x86_64__)
    try_table(&ts, RT_CPU_AVX2, rt_kernels_avx2());
    try_table(&ts, RT_CPU_AVXVNNI, rt_kernels_avxvnni());
    try_table(&ts, RT_CPU_AVX512VNNI, rt_kernels_avx512vnni());
#elif defined(__aarch64__)
    try_table(&ts, RT_CPU_NEON, rt_kernels_neon());
    try_table(&ts, RT_CPU_NEONDOT, rt_kernels_neondot());
#endif
    return ts;
}

void *test_noise_bytes(size_t n, uint64_t seed, size_t misalign)
{
    uint8_t *p = test_guard_new(n > 0 ? n : 1, misalign);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)test_noise_int(seed, i, 0, 255);
    return p;
}

int32_t *test_noise_ints(size_t n, uint64_t seed, int32_t lo, int32_t hi)
{
    int32_t *p = test_guard_new(n * sizeof *p, 4);
    for (size_t i = 0; i < n; i++)
        p[i] = test_noise_int(seed, i, lo, hi);
    return p;
}

void test_guards_free(void **p, int n)
{
    for (int i = 0; i < n; i++)
        test_guard_free(p[i]);
}
