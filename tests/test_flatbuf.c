/* flatbuf: what is built is read back by the rules of the format, not by the builder's own. */
#include "export/flatbuf.h"
#include "nn/base/mem.h"
#include "tests/testing.h"

static uint32_t u16(const nn_bytes *f, size_t at)
{
    assert_true(at % 2 == 0 && at + 2 <= f->size);
    return (uint32_t)(f->data[at] | f->data[at + 1] << 8);
}

static uint32_t u32(const nn_bytes *f, size_t at)
{
    assert_true(at % 4 == 0 && at + 4 <= f->size);
    return u16(f, at) | u16(f, at + 2) << 16;
}

static size_t follow(const nn_bytes *f, size_t at)
{
    size_t to = at + u32(f, at);
    assert_true(to > at && to < f->size);
    return to;
}

/* Where the field of a table is, or 0. */
static size_t field(const nn_bytes *f, size_t table, int slot)
{
    size_t vtable = table - (size_t)(int32_t)u32(f, table);
    uint32_t bytes = u16(f, vtable), at = (uint32_t)(4 + 2 * slot);
    assert_true(bytes >= 4 && bytes % 2 == 0 && vtable + bytes <= f->size);
    uint32_t offset = at < bytes ? u16(f, vtable + at) : 0;
    assert_true(offset < u16(f, vtable + 2));
    return offset > 0 ? table + offset : 0;
}

static nn_status build(nn_bytes *out, size_t limit)
{
    static const int32_t ints[] = { -1, 2, INT32_MIN };
    static const int64_t longs[] = { -128, INT64_MAX };
    static const float floats[] = { 0.5f, -3.0f };
    fb_builder b;
    fb_start(&b, limit);
    fb_ref bytes = fb_bytes(&b, "12345", 5, 16);
    fb_ref text = fb_string(&b, "octet");
    fb_ref none = fb_string(&b, NULL);
    fb_ref vi = fb_int32s(&b, ints, 3), vl = fb_int64s(&b, longs, 2), vf = fb_floats(&b, floats, 2);
    fb_ref table[3];
    for (int i = 0; i < 3; i++) {
        fb_table(&b);
        fb_put_int32(&b, 1, 7 + i, 0);
        fb_put_bool(&b, 0, i != 1);
        table[i] = fb_end(&b);
    }
    fb_ref tables = fb_refs(&b, table, 3);
    fb_table(&b);
    fb_put_byte(&b, 0, 253, 0);
    fb_put_float(&b, 1, 1.5f);
    fb_put_ref(&b, 2, bytes);
    fb_put_ref(&b, 3, text);
    fb_put_ref(&b, 4, none);
    fb_put_ref(&b, 5, vi);
    fb_put_ref(&b, 6, vl);
    fb_put_ref(&b, 7, vf);
    fb_put_int32(&b, 8, 12, 12);
    fb_put_ref(&b, 9, tables);
    fb_put_bool(&b, 10, true);
    return fb_finish(&b, fb_end(&b), "TEST", out);
}

static void what_is_built_is_read(void **state)
{
    (void)state;
    nn_bytes f;
    assert_ok(build(&f, 1 << 20));
    assert_memory_equal(f.data + 4, "TEST", 4);
    size_t root = follow(&f, 0);
    assert_int_equal(f.data[field(&f, root, 0)], 253);
    assert_int_equal(u32(&f, field(&f, root, 1)), 0x3fc00000u);
    size_t bytes = follow(&f, field(&f, root, 2));
    assert_true(u32(&f, bytes) == 5 && (bytes + 4) % 16 == 0);
    assert_memory_equal(f.data + bytes + 4, "12345", 5);
    size_t text = follow(&f, field(&f, root, 3));
    assert_int_equal(u32(&f, text), 5);
    assert_string_equal((const char *)f.data + text + 4, "octet");
    assert_int_equal(field(&f, root, 4), 0);
    size_t vi = follow(&f, field(&f, root, 5)), vl = follow(&f, field(&f, root, 6));
    assert_true(u32(&f, vi) == 3 && u32(&f, vi + 12) == 0x80000000u);
    assert_true(u32(&f, vl) == 2 && (vl + 4) % 8 == 0 && u32(&f, vl + 4) == 0xffffff80u);
    size_t vf = follow(&f, field(&f, root, 7));
    assert_true(u32(&f, vf) == 2 && u32(&f, vf + 4) == 0x3f000000u);
    assert_int_equal(field(&f, root, 8), 0);
    assert_int_equal(f.data[field(&f, root, 10)], 1);
    assert_int_equal(field(&f, root, 11), 0);
    nn_bytes_free(&f);
}

static void tables_share_their_layout(void **state)
{
    (void)state;
    nn_bytes f;
    assert_ok(build(&f, 1 << 20));
    size_t tables = follow(&f, field(&f, follow(&f, 0), 9)), vtable[3];
    assert_int_equal(u32(&f, tables), 3);
    for (size_t i = 0; i < 3; i++) {
        size_t t = follow(&f, tables + 4 + 4 * i);
        vtable[i] = t - (size_t)(int32_t)u32(&f, t);
        assert_int_equal(u32(&f, field(&f, t, 1)), 7 + i);
        assert_int_equal(field(&f, t, 0) != 0, i != 1);
    }
    assert_true(vtable[0] == vtable[2] && vtable[0] != vtable[1]);
    nn_bytes_free(&f);
}

static void same_calls_give_the_same_bytes(void **state)
{
    (void)state;
    nn_bytes a, b;
    assert_ok(build(&a, 1 << 20));
    assert_ok(build(&b, 1 << 20));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    nn_bytes_free(&a);
    nn_bytes_free(&b);
}

static void limits_and_memory(void **state)
{
    (void)state;
    nn_bytes f;
    assert_ok(build(&f, 1 << 20));
    size_t size = f.size;
    nn_bytes_free(&f);
    for (size_t limit = 0; limit < size; limit++)
        assert_fails(build(&f, limit), NN_ENOTSUP, "larger than");
    assert_ok(build(&f, size));
    nn_bytes_free(&f);
    nn_mem_fail_after(1);
    nn_status st = build(&f, 1 << 20);
    nn_mem_fail_after(0);
    assert_true(st == NN_ENOMEM && f.data == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_read),
        cmocka_unit_test(tables_share_their_layout),
        cmocka_unit_test(same_calls_give_the_same_bytes),
        cmocka_unit_test(limits_and_memory),
    };
    return cmocka_run_group_tests_name("flatbuf", tests, NULL, NULL);
}
