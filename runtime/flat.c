#include "runtime/flat.h"

#include <string.h>

#include "runtime/schema.h"

rt_status rt_flat_fail(rt_flat *f, rt_status status, size_t offset, const char *fmt, ...)
{
    rt_error *e = f->error;
    if (e->status != RT_OK)
        return e->status;
    e->status = status;
    e->offset = offset;
    size_t used = 0;
    if (f->where != NULL && f->kind != NULL)
        used = rt_format(e->text, sizeof e->text, "%s %d (%s): ", f->where, f->index, f->kind);
    else if (f->where != NULL && f->index >= 0)
        used = rt_format(e->text, sizeof e->text, "%s %d: ", f->where, f->index);
    else if (f->where != NULL)
        used = rt_format(e->text, sizeof e->text, "%s: ", f->where);
    va_list args;
    va_start(args, fmt);
    used += rt_format_args(e->text + used, sizeof e->text - used, fmt, args);
    va_end(args);
    if (offset != 0)
        rt_format(e->text + used, sizeof e->text - used, " (byte %zu)", offset);
    return status;
}

uint16_t rt_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t rt_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t rt_get_u64(const uint8_t *p)
{
    return (uint64_t)rt_get_u32(p + 4) << 32 | rt_get_u32(p);
}

float rt_get_f32(const uint8_t *p)
{
    uint32_t bits = rt_get_u32(p);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Whether n bytes at `at` are within the file; never wraps. */
static bool within(const rt_flat *f, size_t at, size_t n)
{
    return n <= f->size && at <= f->size - n;
}

/* The place that the uoffset at `at` refers to, or 0 after a failure.  `at` itself is within. */
static size_t follow(rt_flat *f, size_t at, const char *name)
{
    uint32_t offset = rt_get_u32(f->bytes + at);
    if (offset == 0 || offset > TFL_MAX_BYTES || !within(f, at, (size_t)offset + 4)) {
        rt_flat_fail(f, RT_EFORMAT, at, "%s: offset %u leads outside the file's %zu bytes", name,
                     (unsigned)offset, f->size);
        return 0;
    }
    if ((at + offset) % 4 != 0) {
        rt_flat_fail(f, RT_EFORMAT, at, "%s: offset %u leads to a place that is not aligned", name,
                     (unsigned)offset);
        return 0;
    }
    return at + offset;
}

static rt_table check_table(rt_flat *f, size_t at, const char *name)
{
    const rt_table none = { 0, 0, 0, 0 };
    if (at == 0)
        return none;
    int64_t vtable = (int64_t)at - (int64_t)rt_get_i32(f->bytes + at);
    if (vtable < 0 || vtable % 2 != 0 || !within(f, (size_t)vtable, 4)) {
        rt_flat_fail(f, RT_EFORMAT, at, "%s: vtable at %lld is not within the file", name,
                     (long long)vtable);
        return none;
    }
    rt_table t = { at, (size_t)vtable, rt_get_u16(f->bytes + vtable),
                   rt_get_u16(f->bytes + vtable + 2) };
    if (t.vtable_bytes < 4 || t.vtable_bytes % 2 != 0 || !within(f, t.vtable, t.vtable_bytes)) {
        rt_flat_fail(f, RT_EFORMAT, t.vtable, "%s: vtable of %u bytes", name, t.vtable_bytes);
        return none;
    }
    if (t.bytes < 4 || !within(f, at, t.bytes)) {
        rt_flat_fail(f, RT_EFORMAT, at, "%s: table of %u bytes does not fit", name, t.bytes);
        return none;
    }
    return t;
}

rt_table rt_flat_root(rt_flat *f)
{
    const rt_table none = { 0, 0, 0, 0 };
    if (f->size < 12 || f->size > TFL_MAX_BYTES) {
        rt_flat_fail(f, RT_EFORMAT, 0, "%zu bytes cannot be a .tflite file", f->size);
        return none;
    }
    const char *identifier = TFL_IDENTIFIER;
    bool same = true;
    for (int i = 0; i < 4; i++)
        same = same && f->bytes[TFL_IDENTIFIER_AT + i] == (uint8_t)identifier[i];
    if (!same) {
        rt_flat_fail(f, RT_EFORMAT, TFL_IDENTIFIER_AT, "no .tflite file: identifier is not \"%s\"",
                     TFL_IDENTIFIER);
        return none;
    }
    return check_table(f, follow(f, 0, "root"), "root");
}

/* The place of a field, or 0: absent or failed. */
static size_t field(rt_flat *f, rt_table t, int slot, unsigned bytes, const char *name)
{
    unsigned entry = 4 + 2 * (unsigned)slot;
    if (t.at == 0 || entry + 2 > t.vtable_bytes)
        return 0;
    unsigned offset = rt_get_u16(f->bytes + t.vtable + entry);
    if (offset == 0)
        return 0;
    if (offset < 4 || offset + bytes > t.bytes) {
        rt_flat_fail(f, RT_EFORMAT, t.vtable + entry, "%s: field at %u of a table of %u bytes",
                     name, offset, t.bytes);
        return 0;
    }
    if ((t.at + offset) % bytes != 0) {
        rt_flat_fail(f, RT_EFORMAT, t.at + offset, "%s: field is not aligned", name);
        return 0;
    }
    return t.at + offset;
}

uint8_t rt_flat_u8(rt_flat *f, rt_table t, int slot, uint8_t otherwise, const char *name)
{
    size_t at = field(f, t, slot, 1, name);
    return at != 0 ? f->bytes[at] : otherwise;
}

uint32_t rt_flat_u32(rt_flat *f, rt_table t, int slot, uint32_t otherwise, const char *name)
{
    size_t at = field(f, t, slot, 4, name);
    return at != 0 ? rt_get_u32(f->bytes + at) : otherwise;
}

uint64_t rt_flat_u64(rt_flat *f, rt_table t, int slot, uint64_t otherwise, const char *name)
{
    size_t at = field(f, t, slot, 8, name);
    return at != 0 ? rt_get_u64(f->bytes + at) : otherwise;
}

float rt_flat_f32(rt_flat *f, rt_table t, int slot, float otherwise, const char *name)
{
    size_t at = field(f, t, slot, 4, name);
    return at != 0 ? rt_get_f32(f->bytes + at) : otherwise;
}

/* The object that a field refers to, or 0. */
static size_t referred(rt_flat *f, rt_table t, int slot, const char *name)
{
    size_t at = field(f, t, slot, 4, name);
    return at != 0 ? follow(f, at, name) : 0;
}

rt_vector rt_flat_vector(rt_flat *f, rt_table t, int slot, unsigned element_bytes, const char *name)
{
    rt_vector v = { 0, 0, false };
    size_t at = referred(f, t, slot, name);
    if (at == 0)
        return v;
    uint32_t count = rt_get_u32(f->bytes + at);
    if (count > (f->size - at - 4) / element_bytes) {
        rt_flat_fail(f, RT_EFORMAT, at, "%s: %u elements do not fit into the file", name,
                     (unsigned)count);
        return v;
    }
    v.at = at + 4;
    v.count = count;
    v.present = true;
    return v;
}

rt_table rt_flat_table(rt_flat *f, rt_table t, int slot, const char *name)
{
    return check_table(f, referred(f, t, slot, name), name);
}

const char *rt_flat_string(rt_flat *f, rt_table t, int slot, const char *name)
{
    rt_vector v = rt_flat_vector(f, t, slot, 1, name);
    if (!v.present)
        return "";
    if (!within(f, v.at, (size_t)v.count + 1) || f->bytes[v.at + v.count] != 0) {
        rt_flat_fail(f, RT_EFORMAT, v.at, "%s: string of %u bytes without its closing 0", name,
                     (unsigned)v.count);
        return "";
    }
    return (const char *)f->bytes + v.at;
}

rt_table rt_flat_element(rt_flat *f, rt_vector v, uint32_t i, const char *name)
{
    const rt_table none = { 0, 0, 0, 0 };
    if (i >= v.count)
        return none;
    return check_table(f, follow(f, v.at + (size_t)4 * i, name), name);
}

int32_t rt_flat_i32_at(const rt_flat *f, rt_vector v, uint32_t i)
{
    return rt_get_i32(f->bytes + v.at + (size_t)4 * i);
}
