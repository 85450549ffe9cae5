/* rt_tables - what tests of integer kernels share: the tables that this processor has, and operands
 * of noise with guard bytes around them. */
#ifndef OCTET_TESTS_RT_TABLES_H
#define OCTET_TESTS_RT_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/kernels/kernels.h"

/* The portable table first.  A line on stdout for each that is skipped. */
enum { TEST_MOST_TABLES = 4 };
typedef struct test_tables {
    int n;
    const rt_kernels *table[TEST_MOST_TABLES];
} test_tables;
test_tables test_rt_tables(void);

/* From test_guard_new: n >= 0 bytes at an address `misalign` beyond a multiple of 64, and n numbers
 * of [lo, hi]; each by its index, so that a seed gives the same ones anywhere. */
void *test_noise_bytes(size_t n, uint64_t seed, size_t misalign);
int32_t *test_noise_ints(size_t n, uint64_t seed, int32_t lo, int32_t hi);
void test_guards_free(void **p, int n);

#endif
