#include "nn/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/mem.h"

enum { CHUNK_BYTES = 64 * 1024, PIECE_ALIGN = 16 };

typedef struct chunk {
    struct chunk *next;
    size_t used, size; /* bytes after this header */
} chunk;

struct nn_arena {
    chunk *first; /* the one that is being filled */
};

static unsigned char *chunk_data(chunk *c)
{
    return (unsigned char *)c + NN_ALIGN;
}

nn_status nn_arena_new(nn_arena **out)
{
    nn_arena *a = nn_mem_alloc(sizeof *a);
    if (a == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", sizeof *a);
    *out = a;
    return NN_OK;
}

void nn_arena_free(nn_arena *a)
{
    if (a == NULL)
        return;
    for (chunk *c = a->first; c != NULL;) {
        chunk *next = c->next;
        nn_mem_free(c);
        c = next;
    }
    nn_mem_free(a);
}

static chunk *add_chunk(nn_arena *a, size_t bytes)
{
    size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
    chunk *c = size <= SIZE_MAX - NN_ALIGN ? nn_mem_alloc(NN_ALIGN + size) : NULL;
    if (c == NULL)
        return NULL;
    c->size = size;
    if (bytes > CHUNK_BYTES && a->first != NULL) { /* a large piece: keep filling the current one */
        c->next = a->first->next;
        a->first->next = c;
    } else {
        c->next = a->first;
        a->first = c;
    }
    return c;
}

void *nn_arena_alloc(nn_arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - PIECE_ALIGN) {
        nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", bytes);
        return NULL;
    }
    size_t rounded = (bytes + PIECE_ALIGN - 1) & ~(size_t)(PIECE_ALIGN - 1);
    chunk *c = a->first;
    if (c == NULL || c->size - c->used < rounded) {
        c = add_chunk(a, rounded);
        if (c == NULL) {
            nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", bytes);
            return NULL;
        }
    }
    void *p = chunk_data(c) + c->used;
    c->used += rounded;
    return p;
}

char *nn_arena_strdup(nn_arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = nn_arena_alloc(a, n);
    return copy != NULL ? memcpy(copy, s, n) : NULL;
}

char *nn_arena_printf(nn_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *s = n >= 0 ? nn_arena_alloc(a, (size_t)n + 1) : NULL;
    if (s != NULL)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}
