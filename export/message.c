#include "export/message.h"

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "export/values.h"
#include "nn/base/mem.h"

static void *alloc(ex_message *m, size_t bytes)
{
    void *p = m->st == NN_OK ? nn_arena_alloc(m->arena, bytes) : NULL;
    if (p == NULL)
        m->st = NN_ENOMEM;
    return p;
}

void *ex_message_new(ex_message *m, const void *init, size_t bytes)
{
    void *p = alloc(m, bytes);
    if (p != NULL && bytes > 0) /* a scalar has no dimensions to copy */
        memcpy(p, init, bytes);
    return p;
}

/* Room is doubled whenever n is a power of two. */
void *ex_message_grow(ex_message *m, void *list, size_t n)
{
    if (m->st != NN_OK || (n > 0 && (n & (n - 1)) != 0))
        return m->st == NN_OK ? list : NULL;
    void *grown = alloc(m, (n > 0 ? 2 * n : 1) * sizeof(void *));
    if (grown != NULL && n > 0)
        memcpy(grown, list, n * sizeof(void *));
    return grown;
}

char *ex_message_text(ex_message *m, const char *text)
{
    return ex_message_new(m, text, strlen(text) + 1);
}

char *ex_message_printf(ex_message *m, const char *fmt, ...)
{
    enum { MOST = 512 };
    char text[MOST];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return ex_message_text(m, text);
}

int64_t *ex_message_ints(ex_message *m, const int64_t *values, size_t n)
{
    return ex_message_new(m, values, n * sizeof *values);
}

uint8_t *ex_message_words(ex_message *m, const void *words, size_t n)
{
    uint8_t *bytes = m->st == NN_OK && words != NULL ? ex_words(m->arena, words, n) : NULL;
    if (bytes == NULL)
        m->st = NN_ENOMEM;
    return bytes;
}

nn_status ex_message_pack(nn_bytes *out, const ex_message *m, const void *message)
{
    if (m->st != NN_OK || message == NULL)
        return NN_ENOMEM;
    size_t size = protobuf_c_message_get_packed_size(message);
    out->data = nn_mem_alloc(size);
    if (out->data == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a file of %zu bytes", size);
    out->size = protobuf_c_message_pack(message, out->data);
    return NN_OK;
}
