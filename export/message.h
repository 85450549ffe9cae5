/* message - building protobuf messages in an arena, and their bytes.
 *
 * Errors stick, as in nn/graph.h: after memory has run out every function does nothing and returns
 * NULL, so that a file is written without checks; the one who packs it asks once. */
#ifndef OCTET_EXPORT_MESSAGE_H
#define OCTET_EXPORT_MESSAGE_H

#include <stdint.h>

#include "nn/base/arena.h"
#include "nn/base/file.h"

typedef struct ex_message {
    nn_arena *arena;
    nn_status st; /* NN_ENOMEM once memory has run out */
} ex_message;

/* A copy of `bytes` bytes at `init` (a message's INIT value), or NULL. */
void *ex_message_new(ex_message *m, const void *init, size_t bytes);

/* The list of n pointers with room for one more, or NULL:
 *     x->node = ex_message_grow(m, x->node, x->n_node); ... x->node[x->n_node++] = node; */
void *ex_message_grow(ex_message *m, void *list, size_t n);

/* Copies in the arena, or NULL; a message has pointers to char and not to const char. */
char *ex_message_text(ex_message *m, const char *text);
char *ex_message_printf(ex_message *m, const char *fmt, ...) NN_PRINTF(2, 3);
int64_t *ex_message_ints(ex_message *m, const int64_t *values, size_t n);

/* The little-endian bytes of n words of 32 bits, or NULL, also of NULL. */
uint8_t *ex_message_words(ex_message *m, const void *words, size_t n);

/* The bytes of the whole message; free with nn_bytes_free.  Errors: NN_ENOMEM, also of a message
 * that could not be built. */
nn_status ex_message_pack(nn_bytes *out, const ex_message *m, const void *message);

#endif
