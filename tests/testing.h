/* testing - what the tests share: cmocka with its includes, noise, comparison, guard bytes, a
 * temporary folder, and a skip that says why. */
#ifndef OCTET_TESTS_TESTING_H
#define OCTET_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn/base/real.h"
#include "nn/base/status.h"

/* Fails with the message of the library if `expr` is not NN_OK. */
#define assert_ok(expr) test_assert_ok((expr), #expr, __FILE__, __LINE__)
void test_assert_ok(nn_status st, const char *expr, const char *file, int line);

/* Fails unless `expr` returns `code` and the message contains `part`. */
#define assert_fails(expr, code, part)                                                             \
    test_assert_fails((expr), (code), (part), #expr, __FILE__, __LINE__)
void test_assert_fails(nn_status st, nn_status code, const char *part, const char *expr,
                       const char *file, int line);

/* Fails unless two files hold the same bytes. */
void assert_same_files(const char *a, const char *b);

/* Uniform noise in [-1, 1], a function of the seed. */
void test_noise(nn_real *x, size_t n, uint64_t seed);
/* Noise of any integer range [lo, hi]. */
int32_t test_noise_int(uint64_t seed, uint64_t index, int32_t lo, int32_t hi);

/* Largest |a-b| over the elements, divided by the largest |b| (or by 1 if b is all zero). */
double test_relative_error(const nn_real *a, const nn_real *b, size_t n);

/* `bytes` bytes with guard bytes around them and an address that is `misalign` past a multiple of
 * 64; test_guard_check fails if a guard byte was written; both need the pointer that was given. */
void *test_guard_new(size_t bytes, size_t misalign);
void test_guard_check(const void *p);
void test_guard_free(void *p);

/* A fresh folder that is removed with all its content when the program ends. */
const char *test_folder(void);
/* folder/name, in a buffer of its own for each of the last eight calls. */
const char *test_path(const char *name);

/* The path of `name` in the folder of shared test material beside the checkout, or NULL if it is
 * not there; the caller then calls test_skip. */
const char *test_shared(const char *name);
/* Prints "skipped: why" and skips the test. */
void test_skip(const char *why);

#endif
