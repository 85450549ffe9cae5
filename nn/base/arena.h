/* arena - many allocations, one lifetime, one free.
 *
 * Grows by chunks, so nobody guesses a size; what it gives is zeroed and aligned to 16 bytes.
 * There is no free of a single piece: graph, dataset, recipe own an arena and free it whole. */
#ifndef OCTET_NN_BASE_ARENA_H
#define OCTET_NN_BASE_ARENA_H

#include <stddef.h>

#include "nn/base/status.h"

typedef struct nn_arena nn_arena;

/* Errors: NN_ENOMEM.  Free with nn_arena_free. */
nn_status nn_arena_new(nn_arena **out);
void nn_arena_free(nn_arena *a); /* NULL is allowed */

/* `bytes` zeroed bytes that live as long as the arena, or NULL if memory is out (the message is
 * set). */
void *nn_arena_alloc(nn_arena *a, size_t bytes);

/* A copy of the string, or NULL as above. */
char *nn_arena_strdup(nn_arena *a, const char *s);

/* A formatted string, or NULL as above. */
char *nn_arena_printf(nn_arena *a, const char *fmt, ...) NN_PRINTF(2, 3);

#endif
