/* flat - reading a FlatBuffer that nobody vouches for.
 *
 * Every function checks what it is about to read: that it lies within the bytes, is aligned as the
 * format demands, and that an offset leads forward to something that is there.  The first violation
 * is kept in the error and everything read from then on is 0, absent or empty: a caller reads what
 * it needs in a row and asks rt_flat_status once.  Byte order and alignment of the machine do not
 * matter.  What FlatBuffers demands: its docs/source/internals.md and
 * include/flatbuffers/verifier.h. */
#ifndef OCTET_RUNTIME_FLAT_H
#define OCTET_RUNTIME_FLAT_H

#include "runtime/text.h"

typedef struct rt_flat {
    const uint8_t *bytes;
    size_t size;
    rt_error *error;   /* never NULL; RT_OK as long as nothing was wrong */
    const char *where; /* what is being read, for messages: "tensor", "operator" */
    int index;         /* which of them; -1: not one of several */
    const char *kind;  /* an operator's name; NULL: none */
} rt_flat;

/* A table whose vtable has been checked; at 0 is no table (absent): all its fields are absent. */
typedef struct rt_table {
    size_t at, vtable;
    unsigned vtable_bytes, bytes;
} rt_table;

/* Elements that lie within the bytes; count 0 if the field is absent. */
typedef struct rt_vector {
    size_t at; /* of element 0 */
    uint32_t count;
    bool present;
} rt_vector;

/* Records a failure, if it is the first, as "<where> <index>: <text> (byte <offset>)"; returns the
 * status of the first. */
rt_status rt_flat_fail(rt_flat *f, rt_status status, size_t offset, const char *fmt, ...)
    RT_PRINTF(4, 5);

static inline rt_status rt_flat_status(const rt_flat *f)
{
    return f->error->status;
}

/* Little-endian numbers at a checked place. */
uint16_t rt_get_u16(const uint8_t *p);
uint32_t rt_get_u32(const uint8_t *p);
uint64_t rt_get_u64(const uint8_t *p);
float rt_get_f32(const uint8_t *p);
static inline int32_t rt_get_i32(const uint8_t *p)
{
    return (int32_t)rt_get_u32(p);
}

/* The root table, after the size and the identifier were checked. */
rt_table rt_flat_root(rt_flat *f);

/* Fields by slot.  `name` is for the message. */
uint8_t rt_flat_u8(rt_flat *f, rt_table t, int slot, uint8_t otherwise, const char *name);
uint32_t rt_flat_u32(rt_flat *f, rt_table t, int slot, uint32_t otherwise, const char *name);
uint64_t rt_flat_u64(rt_flat *f, rt_table t, int slot, uint64_t otherwise, const char *name);
float rt_flat_f32(rt_flat *f, rt_table t, int slot, float otherwise, const char *name);
rt_vector rt_flat_vector(rt_flat *f, rt_table t, int slot, unsigned element_bytes,
                         const char *name);
rt_table rt_flat_table(rt_flat *f, rt_table t, int slot, const char *name);
/* Ends in a 0 that lies within the bytes; "" if absent. */
const char *rt_flat_string(rt_flat *f, rt_table t, int slot, const char *name);
/* Table i of a vector of tables (element_bytes 4). */
rt_table rt_flat_element(rt_flat *f, rt_vector v, uint32_t i, const char *name);
/* Number i of a vector of int32. */
int32_t rt_flat_i32_at(const rt_flat *f, rt_vector v, uint32_t i);

#endif
