/* flatbuf - a small builder of FlatBuffers: scalars, strings, vectors, tables.
 *
 * The file grows from its end to its beginning: an object is written before whatever refers to it,
 * so that all references point forward, as the format wants.  An object is therefore known by its
 * distance from the end, which stays the same while the file grows.  Equal vtables are shared.
 * Errors stick: after the first one nothing is written any more and fb_finish returns it.
 * Format: flatbuffers, docs/source/internals.md. */
#ifndef OCTET_EXPORT_FLATBUF_H
#define OCTET_EXPORT_FLATBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/file.h"
#include "nn/base/status.h"

enum {
    FB_MAX_SLOTS = 16,   /* fields of one table */
    FB_MAX_VTABLES = 64, /* different ones that are remembered to be shared */
};

/* An object that has been written: bytes from its first one to the end of the file.  0: none; a
 * field that refers to none is left out. */
typedef uint32_t fb_ref;

typedef struct fb_builder {
    uint8_t *data;
    size_t room, used; /* the last `used` of `room` bytes are written */
    size_t limit;      /* the file may not become larger */
    size_t align;      /* the strictest alignment so far */
    nn_status status;

    size_t table_end;           /* `used` when the open table began */
    size_t field[FB_MAX_SLOTS]; /* of the open table: where each field begins; 0: absent */
    fb_ref vtable[FB_MAX_VTABLES];
    int n_vtables;
} fb_builder;

/* Begins a file of at most `limit` bytes (below 2^31). */
void fb_start(fb_builder *b, size_t limit);

/* Ends it: root table, four bytes of file identifier.  The bytes are the caller's (nn_bytes_free);
 * after an error there are none.  Either way the builder is empty again.
 * Errors: NN_ENOMEM, NN_ENOTSUP (larger than the limit). */
nn_status fb_finish(fb_builder *b, fb_ref root, const char *identifier, nn_bytes *out);

/* A string; NULL gives none. */
fb_ref fb_string(fb_builder *b, const char *s);

/* A vector of n bytes whose first one lies at a multiple of `align` (4, 8 or 16) in the file. */
fb_ref fb_bytes(fb_builder *b, const void *data, size_t n, size_t align);

/* Vectors of numbers. */
fb_ref fb_int32s(fb_builder *b, const int32_t *v, size_t n);
fb_ref fb_int64s(fb_builder *b, const int64_t *v, size_t n);
fb_ref fb_floats(fb_builder *b, const float *v, size_t n);

/* A vector of tables or strings. */
fb_ref fb_refs(fb_builder *b, const fb_ref *v, size_t n);

/* A table: fb_table opens it, fb_put_* set its fields in any order, fb_end closes it.  Nothing else
 * may be written in between.  A field that has its default value is left out.  A byte is an
 * enumeration or a small number, 0 to 255. */
void fb_table(fb_builder *b);
void fb_put_ref(fb_builder *b, int slot, fb_ref object);
void fb_put_byte(fb_builder *b, int slot, unsigned value, unsigned absent);
void fb_put_bool(fb_builder *b, int slot, bool value);
void fb_put_int32(fb_builder *b, int slot, int32_t value, int32_t absent);
void fb_put_float(fb_builder *b, int slot, float value);
fb_ref fb_end(fb_builder *b);

#endif
