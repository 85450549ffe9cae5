#define _XOPEN_SOURCE 700
#include "tests/starve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "nn/base/mem.h"
#include "tests/testing.h"

/* ---- the heap of the process ----------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SANITIZED
#endif

static atomic_long n_alive;                             /* blocks of all threads */
static _Thread_local size_t asked, fail_from, fail_one; /* of this thread; 0: none fails */

#ifndef SANITIZED
static const bool has_heap = true;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);

static bool is_refused(void)
{
    asked++;
    if ((fail_from == 0 || asked < fail_from) && asked != fail_one)
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    atomic_fetch_add(&n_alive, p != NULL);
    return p;
}

void *malloc(size_t n)
{
    return is_refused() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t each)
{
    return is_refused() ? NULL : counted(__libc_calloc(n, each));
}

void *realloc(void *p, size_t n)
{
    if (is_refused())
        return NULL;
    return p == NULL ? counted(__libc_malloc(n)) : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return is_refused() ? NULL : counted(__libc_memalign(align, n));
}

void free(void *p)
{
    atomic_fetch_sub(&n_alive, p != NULL);
    __libc_free(p);
}
#else
static const bool has_heap = false;
#endif

/* ---- failing each allocation in its turn ----------------------------------------------------- */

/* A way to fail: arms at the k-th allocation, 0 disarms. */
typedef struct way {
    const char *name;
    void (*arm)(size_t k);
    bool heap;      /* of the process */
    bool may_go_on; /* a failure need not be an error */
} way;

static void fail_heap_from(size_t k)
{
    fail_from = k == 0 ? 0 : asked + k;
}

static void fail_heap_once(size_t k)
{
    fail_one = k == 0 ? 0 : asked + k;
}

static const way ways[] = { { "octet's from", nn_mem_fail_after, false, false },
                            { "octet's", nn_mem_fail_once, false, false },
                            { "the heap's from", fail_heap_from, true, true },
                            { "the heap's", fail_heap_once, true, true } };

/* Allocations of one undisturbed call. */
static size_t count_of(const way *w, work *f, const subject *s)
{
    const size_t before = w->heap ? asked : nn_mem_count();
    assert_ok(f(s));
    return (w->heap ? asked : nn_mem_count()) - before;
}

static void check_one(const way *w, size_t k, work *f, const subject *s)
{
    const char *name = s->name != NULL ? s->name : "";
    const long alive = atomic_load(&n_alive);
    nn_fail(NN_OK, "nothing was said");
    w->arm(k);
    nn_status st = f(s);
    w->arm(0);
    const char *said = nn_message();
    if (st == NN_OK ? !w->may_go_on : strstr(said, "memory") == NULL || strchr(said, '\n') != NULL)
        fail_msg("%s: %s allocation %zu fails: status %d, \"%s\"", name, w->name, k, st, said);
    if (atomic_load(&n_alive) > alive)
        fail_msg("%s: %s allocation %zu fails: %ld blocks stay allocated", name, w->name, k,
                 atomic_load(&n_alive) - alive);
}

void survives(work *f, const subject *s)
{
    assert_ok(f(s)); /* what is allocated once and for all is */
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (ways[i].heap && !has_heap)
            continue;
        const size_t n = count_of(&ways[i], f, s);
        for (size_t k = 1; k <= n; k++)
            check_one(&ways[i], k, f, s);
        print_message("%s: %s, %zu allocations\n", s->name, ways[i].name, n);
    }
}
