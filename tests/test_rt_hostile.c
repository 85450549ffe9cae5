/* runtime: files cut off at every byte and changed at every byte.  The cut files end where readable
 * memory does, so that a read outside is a fault in any build, not only under a sanitizer. */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/rt.h"
#include "runtime/schema.h"
#include "tests/exported.h"
#include "tests/testing.h"

/* Readable memory with room for a file at any place within its first page. */
typedef struct guarded {
    uint8_t *at;
    size_t page, bytes;
} guarded;

static guarded guard(size_t size)
{
    guarded g = { .page = (size_t)sysconf(_SC_PAGESIZE) };
    g.bytes = (size / g.page + 3) * g.page;
    g.at = mmap(NULL, g.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.at != MAP_FAILED);
    return g;
}

static void protect(const guarded *g, size_t from, int how)
{
    assert_int_equal(mprotect(g->at + from, g->bytes - from, how), 0);
}

static rt_status measure(const void *bytes, size_t size)
{
    rt_error error;
    size_t need = 0;
    rt_status st = rt_measure(&need, bytes, size, NULL, &error);
    if (st != RT_OK && (error.status != st || error.text[0] == '\0'))
        fail_msg("status %d without a message", (int)st);
    return st;
}

/* The file cut to size, size - page, ...: it lies so that each of them ends with a page, and the
 * pages behind are closed one after the other.  From `whole` bytes on it is a model. */
static void cut_by_pages(const guarded *g, const nn_bytes *file, size_t size, size_t whole)
{
    size_t begin = (g->page - size % g->page) % g->page;
    memcpy(g->at + begin, file->data, file->size);
    for (;; size -= g->page) {
        protect(g, begin + size, PROT_NONE);
        rt_status st = measure(g->at + begin, size);
        if ((st == RT_OK) != (size >= whole))
            fail_msg("%zu of %zu bytes: status %d", size, file->size, (int)st);
        if (size < g->page)
            break;
    }
    protect(g, 0, PROT_READ | PROT_WRITE);
}

/* The least size that is a model: behind it are padding and what others append. */
static size_t least_model(const nn_bytes *file)
{
    size_t no = 0, yes = file->size;
    while (yes - no > 1) {
        size_t middle = no + (yes - no) / 2;
        if (measure(file->data, middle) == RT_OK)
            yes = middle;
        else
            no = middle;
    }
    return yes;
}

/* Opened and run where reading one byte more is a fault. */
static void run_guarded(const guarded *g, const nn_bytes *file, size_t size)
{
    size_t begin = (g->page - size % g->page) % g->page, need = 0;
    const uint8_t *bytes = g->at + begin;
    rt_error error;
    rt_model *m = NULL;
    memcpy(g->at + begin, file->data, size);
    protect(g, begin + size, PROT_NONE);
    assert_int_equal(rt_measure(&need, bytes, size, NULL, &error), RT_OK);
    void *block = test_guard_new(need, 0);
    assert_int_equal(rt_open(&m, bytes, size, NULL, block, need, &error), RT_OK);
    void *arena = test_guard_new(rt_arena_bytes(m), 0);
    memset(arena, 0, rt_arena_bytes(m));
    rt_run(m, arena, NULL);
    test_guard_check(block);
    test_guard_check(arena);
    test_guard_free(block);
    test_guard_free(arena);
    protect(g, 0, PROT_READ | PROT_WRITE);
}

/* Returns the least size that is a model. */
static size_t cut_everywhere(const nn_bytes *file)
{
    guarded g = guard(file->size);
    size_t whole = least_model(file);
    assert_int_equal(measure(file->data, file->size), RT_OK);
    for (size_t size = file->size; size-- > 0 && size + g.page >= file->size;)
        cut_by_pages(&g, file, size, whole);
    run_guarded(&g, file, whole);
    munmap(g.at, g.bytes);
    return whole;
}

static nn_bytes read_shared(const char *name)
{
    const char *path = test_shared(name);
    if (path == NULL)
        test_skip("no shared models");
    nn_bytes file;
    assert_ok(nn_file_read(&file, path, 0));
    return file;
}

static void cut_resnet(void **state)
{
    (void)state;
    nn_bytes file = read_shared("models/mlperf_tiny_resnet8_int8.tflite");
    assert_in_range(file.size - cut_everywhere(&file), 0, TFL_BUFFER_ALIGN - 1);
    nn_bytes_free(&file);
}

/* A ZIP archive with the names of the classes is appended to this one. */
static void cut_mobilenet(void **state)
{
    (void)state;
    nn_bytes file = read_shared("models/mobilenet_v1_0.25_128_uint8.tflite");
    assert_memory_equal(file.data + cut_everywhere(&file), "PK\3\4", 4);
    nn_bytes_free(&file);
}

static void small_model(nn_bytes *file)
{
    test_exported(file, "mobilenet_v2",
                  &(model_config){ 16, 16, 1, .classes = 4, .width_multiplier = 0.05 });
}

static void cut_ours(void **state)
{
    (void)state;
    nn_bytes file;
    small_model(&file);
    assert_in_range(file.size - cut_everywhere(&file), 0, TFL_BUFFER_ALIGN - 1);
    nn_bytes_free(&file);
}

/* What a caller would do with a file of unknown origin, within limits. */
static void try_bytes(const void *bytes, size_t size, uint8_t *block, uint8_t *arena, size_t room)
{
    rt_options options = rt_options_default();
    rt_error error;
    rt_model *m;
    size_t need;
    options.limits = (rt_limits){ 1000000, room, 1000 };
    if (rt_measure(&need, bytes, size, &options, &error) != RT_OK)
        return;
    if (rt_open(&m, bytes, size, &options, block, need, &error) == RT_OK)
        rt_run(m, arena, NULL);
}

/* One byte changed, everywhere, in one of three ways. */
static void every_byte_changed(void **state)
{
    (void)state;
    enum { ROOM = 1 << 20 };
    static const uint8_t patterns[] = { 0x01, 0x80, 0xff };
    nn_bytes file;
    test_exported(&file, "lenet",
                  &(model_config){ 12, 12, 1, .classes = 3, .width_multiplier = 0.1 });
    uint8_t *block = test_guard_new(ROOM, 0), *arena = test_guard_new(ROOM, 0);
    for (size_t at = 0; at < file.size; at++)
        for (size_t k = 0; k < sizeof patterns; k++) {
            file.data[at] ^= patterns[k];
            try_bytes(file.data, file.size, block, arena, ROOM);
            file.data[at] ^= patterns[k];
        }
    test_guard_check(block);
    test_guard_check(arena);
    test_guard_free(block);
    test_guard_free(arena);
    nn_bytes_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_resnet),
        cmocka_unit_test(cut_mobilenet),
        cmocka_unit_test(cut_ours),
        cmocka_unit_test(every_byte_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
