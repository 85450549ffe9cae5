#define _XOPEN_SOURCE 700
#include "tests/testing.h"

#include <ftw.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/file.h"
#include "nn/base/rng.h"

void test_assert_ok(nn_status st, const char *expr, const char *file, int line)
{
    if (st == NN_OK)
        return;
    print_error("%s: status %d: %s\n", expr, (int)st, nn_message());
    _fail(file, line);
}

void test_assert_fails(nn_status st, nn_status code, const char *part, const char *expr,
                       const char *file, int line)
{
    if (st == code && strstr(nn_message(), part) != NULL)
        return;
    print_error("%s: status %d (wanted %d), message \"%s\" (wanted \"%s\" in it)\n", expr, (int)st,
                (int)code, st == NN_OK ? "" : nn_message(), part);
    _fail(file, line);
}

void assert_same_files(const char *a, const char *b)
{
    nn_bytes x, y;
    assert_ok(nn_file_read(&x, a, 0));
    assert_ok(nn_file_read(&y, b, 0));
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    nn_bytes_free(&x);
    nn_bytes_free(&y);
}

void test_noise(nn_real *x, size_t n, uint64_t seed)
{
    nn_rng r = nn_rng_stream(seed, "test noise", 0, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = 2 * (nn_real)nn_rng_uniform(&r) - 1;
}

int32_t test_noise_int(uint64_t seed, uint64_t index, int32_t lo, int32_t hi)
{
    nn_rng r = nn_rng_stream(seed, "test noise int", index, 0);
    return (int32_t)(lo + (int64_t)nn_rng_below(&r, (uint32_t)((int64_t)hi - lo + 1)));
}

double test_relative_error(const nn_real *a, const nn_real *b, size_t n)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) /* NaN too */
            worst = isnan(d) ? (double)INFINITY : d;
        largest = fmax(largest, fabs((double)b[i]));
    }
    return largest > 0 ? worst / largest : worst;
}

enum { GUARD = 128, GUARD_BYTE = 0xA5 };

typedef struct guard_head {
    void *block;
    size_t bytes;
} guard_head;

void *test_guard_new(size_t bytes, size_t misalign)
{
    size_t total = sizeof(guard_head) + 64 + misalign + GUARD + bytes + GUARD;
    unsigned char *block = malloc(total);
    assert_non_null(block);
    memset(block, GUARD_BYTE, total);
    uintptr_t at = (uintptr_t)(block + sizeof(guard_head) + GUARD);
    at = ((at + 63) & ~(uintptr_t)63) + misalign;
    guard_head head = { block, bytes };
    memcpy(block, &head, sizeof head);
    unsigned char *p = (unsigned char *)at;
    memcpy(p - GUARD / 2 - sizeof head, &head, sizeof head);
    return p;
}

static guard_head guard_of(const void *p)
{
    guard_head head;
    memcpy(&head, (const unsigned char *)p - GUARD / 2 - sizeof head, sizeof head);
    return head;
}

void test_guard_check(const void *p)
{
    guard_head head = guard_of(p);
    const unsigned char *bytes = p;
    for (int i = 1; i <= GUARD / 2; i++)
        if (bytes[-i] != GUARD_BYTE)
            fail_msg("guard byte %d before the block was written", i);
    for (size_t i = 0; i < GUARD / 2; i++)
        if (bytes[head.bytes + i] != GUARD_BYTE)
            fail_msg("guard byte %zu after the block was written", i);
}

void test_guard_free(void *p)
{
    free(guard_of(p).block);
}

static char folder[256];

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void)
{
    if (folder[0] == '\0') {
        const char *tmp = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%.200s/octet-test-XXXXXX",
                 tmp != NULL && tmp[0] != '\0' ? tmp : P_tmpdir);
        if (mkdtemp(folder) == NULL)
            fail_msg("no temporary folder");
        atexit(remove_folder);
    }
    return folder;
}

const char *test_path(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", test_folder(), name);
    return p;
}

const char *test_shared(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "../shared/%s", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

void test_skip(const char *why)
{
    printf("skipped: %s\n", why);
    fflush(stdout);
    skip();
}
