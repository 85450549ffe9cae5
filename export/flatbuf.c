#include "export/flatbuf.h"

#include <string.h>

#include "nn/base/mem.h"

/* ---- bytes, from the end forward to the beginning -------------------------------------------- */

static uint8_t *place(fb_builder *b, size_t distance)
{
    return b->data + (b->room - distance);
}

static void grow(fb_builder *b, size_t need)
{
    size_t room = b->room > 0 ? 2 * b->room : 4096;
    while (room < need)
        room *= 2;
    uint8_t *data = nn_mem_alloc(room);
    if (data == NULL) {
        b->status = nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", room);
        return;
    }
    if (b->used > 0)
        memcpy(data + (room - b->used), place(b, b->used), b->used);
    nn_mem_free(b->data);
    b->data = data;
    b->room = room;
}

/* Makes n bytes part of the file and says where they are, or gives NULL once there is an error. */
static uint8_t *take(fb_builder *b, size_t n)
{
    if (b->status != NN_OK)
        return NULL;
    if (n > b->limit - b->used) {
        b->status = nn_fail(NN_ENOTSUP, "the file would be larger than the %zu bytes it may have",
                            b->limit);
        return NULL;
    }
    if (b->used + n > b->room)
        grow(b, b->used + n);
    if (b->status != NN_OK)
        return NULL;
    b->used += n;
    return place(b, b->used);
}

/* Zeros, so that an object of `bytes` bytes that comes next begins at a multiple of `align`. */
static void pad(fb_builder *b, size_t bytes, size_t align)
{
    size_t over = (b->used + bytes) % align;
    if (align > b->align)
        b->align = align;
    uint8_t *p = over > 0 ? take(b, align - over) : NULL;
    if (p != NULL)
        memset(p, 0, align - over);
}

static void store(uint8_t *p, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

/* The next `bytes` bytes towards the beginning, little-endian. */
static void push(fb_builder *b, uint64_t value, size_t bytes)
{
    uint8_t *p = take(b, bytes);
    if (p != NULL)
        store(p, value, bytes);
}

/* A reference is relative to its own first byte. */
static void push_ref(fb_builder *b, fb_ref object)
{
    push(b, b->used + 4 - object, 4);
}

void fb_start(fb_builder *b, size_t limit)
{
    *b = (fb_builder){ .limit = limit, .align = 4 };
}

nn_status fb_finish(fb_builder *b, fb_ref root, const char *identifier, nn_bytes *out)
{
    pad(b, 8, b->align);
    uint8_t *p = take(b, 4);
    if (p != NULL)
        memcpy(p, identifier, 4);
    push_ref(b, root);
    nn_status status = b->status;
    if (status == NN_OK) {
        memmove(b->data, place(b, b->used), b->used);
        *out = (nn_bytes){ b->data, b->used };
    } else {
        nn_mem_free(b->data);
        *out = (nn_bytes){ NULL, 0 };
    }
    fb_start(b, b->limit);
    return status;
}

/* ---- vectors --------------------------------------------------------------------------------- */

static fb_ref end_vector(fb_builder *b, size_t n)
{
    push(b, n, 4);
    return (fb_ref)b->used;
}

fb_ref fb_bytes(fb_builder *b, const void *data, size_t n, size_t align)
{
    pad(b, n, align);
    uint8_t *p = take(b, n);
    if (p != NULL && n > 0)
        memcpy(p, data, n);
    return end_vector(b, n);
}

fb_ref fb_string(fb_builder *b, const char *s)
{
    if (s == NULL)
        return 0;
    size_t n = strlen(s);
    pad(b, n + 1, 4);
    uint8_t *p = take(b, n + 1);
    if (p != NULL)
        memcpy(p, s, n + 1);
    return end_vector(b, n);
}

fb_ref fb_int32s(fb_builder *b, const int32_t *v, size_t n)
{
    pad(b, 0, 4);
    for (size_t i = n; i-- > 0;)
        push(b, (uint32_t)v[i], 4);
    return end_vector(b, n);
}

fb_ref fb_int64s(fb_builder *b, const int64_t *v, size_t n)
{
    pad(b, 0, 8);
    for (size_t i = n; i-- > 0;)
        push(b, (uint64_t)v[i], 8);
    return end_vector(b, n);
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

fb_ref fb_floats(fb_builder *b, const float *v, size_t n)
{
    pad(b, 0, 4);
    for (size_t i = n; i-- > 0;)
        push(b, bits_of(v[i]), 4);
    return end_vector(b, n);
}

fb_ref fb_refs(fb_builder *b, const fb_ref *v, size_t n)
{
    pad(b, 0, 4);
    for (size_t i = n; i-- > 0;)
        push_ref(b, v[i]);
    return end_vector(b, n);
}

/* ---- tables ---------------------------------------------------------------------------------- */

void fb_table(fb_builder *b)
{
    pad(b, 0, 4);
    memset(b->field, 0, sizeof b->field);
    b->table_end = b->used;
}

static void put(fb_builder *b, int slot, uint64_t value, size_t bytes)
{
    pad(b, bytes, bytes);
    push(b, value, bytes);
    b->field[slot] = b->used;
}

void fb_put_ref(fb_builder *b, int slot, fb_ref object)
{
    if (object == 0)
        return;
    pad(b, 4, 4);
    push_ref(b, object);
    b->field[slot] = b->used;
}

void fb_put_byte(fb_builder *b, int slot, unsigned value, unsigned absent)
{
    if (value != absent)
        put(b, slot, value & 0xff, 1);
}

void fb_put_bool(fb_builder *b, int slot, bool value)
{
    fb_put_byte(b, slot, value, false);
}

void fb_put_int32(fb_builder *b, int slot, int32_t value, int32_t absent)
{
    if (value != absent)
        put(b, slot, (uint32_t)value, 4);
}

void fb_put_float(fb_builder *b, int slot, float value)
{
    if (bits_of(value) != 0)
        put(b, slot, bits_of(value), 4);
}

/* The vtable of the open table, whose first byte is at `table`: its size, the table's size, then
 * the distance of each field from the table's beginning, up to the last field that is there. */
static size_t make_vtable(const fb_builder *b, size_t table, uint8_t *vtable)
{
    size_t slots = FB_MAX_SLOTS;
    while (slots > 0 && b->field[slots - 1] == 0)
        slots--;
    size_t bytes = 4 + 2 * slots;
    store(vtable, bytes, 2);
    store(vtable + 2, table - b->table_end, 2);
    for (size_t i = 0; i < slots; i++)
        store(vtable + 4 + 2 * i, b->field[i] > 0 ? table - b->field[i] : 0, 2);
    return bytes;
}

/* Where an equal vtable already is, or 0. */
static fb_ref find_vtable(fb_builder *b, const uint8_t *vtable, size_t bytes)
{
    for (int i = 0; i < b->n_vtables; i++)
        if (b->vtable[i] >= bytes && memcmp(place(b, b->vtable[i]), vtable, bytes) == 0)
            return b->vtable[i];
    return 0;
}

fb_ref fb_end(fb_builder *b)
{
    pad(b, 4, 4);
    push(b, 0, 4); /* the way to the vtable, known below */
    size_t table = b->used;
    uint8_t vtable[4 + 2 * FB_MAX_SLOTS];
    size_t bytes = make_vtable(b, table, vtable);
    fb_ref at = b->status == NN_OK ? find_vtable(b, vtable, bytes) : 0;
    if (at == 0) {
        uint8_t *p = take(b, bytes);
        if (p == NULL)
            return 0;
        memcpy(p, vtable, bytes);
        at = (fb_ref)b->used;
        if (b->n_vtables < FB_MAX_VTABLES)
            b->vtable[b->n_vtables++] = at;
    }
    store(place(b, table), (uint64_t)at - table, 4); /* signed: an older vtable lies behind */
    return (fb_ref)table;
}
