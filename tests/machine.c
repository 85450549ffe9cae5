/* machine - what this machine computes of .tflite files, as one line a file; needs the runtime
 * only.
 *
 *   machine FILE...
 *
 * A line is the file's name and a hash of all outputs on fixed inputs (and
 * whether all kernels give it), or the error; and a hash
 * over whether the file is still a model with bytes changed at fixed places.  tests/machines.sh
 * compares the lines of several machines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/rt.h"

typedef struct noise {
    uint64_t state;
} noise;

/* Steele, Lea and Flood 2014 (splitmix64). */
static uint32_t draw(noise *g)
{
    uint64_t z = g->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}

/* FNV-1a, over numbers of `each` bytes from the lowest byte to the highest. */
static uint64_t add_number(uint64_t hash, const uint8_t *p, size_t each)
{
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;
    for (size_t k = 0; k < each; k++)
        hash = (hash ^ p[little ? k : each - 1 - k]) * 0x100000001B3u;
    return hash;
}

static void fill(const rt_tensor *t, void *data, noise *g)
{
    size_t each = rt_type_bytes(t->type);
    for (size_t i = 0; i < t->count; i++) {
        uint32_t v = draw(g);
        float x = (float)(int32_t)(v & 0xFFFF) / 32768.0f - 1;
        int32_t wide = (int32_t)(v % 2001) - 1000;
        int64_t wider = wide;
        int16_t narrow = (int16_t)wide;
        const void *from = t->type == RT_FLOAT32 ? (const void *)&x
                           : each == 4           ? (const void *)&wide
                           : each == 8           ? (const void *)&wider
                                                 : (const void *)&narrow;
        uint8_t byte = (uint8_t)(t->type == RT_BOOL ? v & 1 : v);
        memcpy((uint8_t *)data + i * each, each == 1 ? &byte : from, each);
    }
}

static uint64_t run(const rt_model *m, void *arena)
{
    noise g = { 1 };
    uint64_t hash = 0xCBF29CE484222325u;
    for (int i = 0; i < rt_n_inputs(m); i++)
        fill(rt_tensor_at(m, rt_input(m, i)), rt_data(m, arena, rt_input(m, i)), &g);
    rt_run(m, arena, NULL);
    for (int i = 0; i < rt_n_outputs(m); i++) {
        const rt_tensor *t = rt_tensor_at(m, rt_output(m, i));
        const uint8_t *data = rt_data(m, arena, rt_output(m, i));
        size_t each = rt_type_bytes(t->type);
        for (size_t k = 0; k < t->count; k++)
            hash = add_number(hash, data + k * each, each);
    }
    return hash;
}

static void *blocks(size_t bytes)
{
    size_t whole = (bytes / RT_ALIGN + 1) * RT_ALIGN;
    void *p = aligned_alloc(RT_ALIGN, whole);
    return p != NULL ? memset(p, 0, whole) : NULL;
}

/* Opens the bytes and runs them; the status, and of a model the hash. */
static rt_status try_bytes(const void *bytes, size_t size, const rt_options *options,
                           rt_error *error, uint64_t *hash)
{
    size_t need = 0;
    rt_model *m = NULL;
    rt_status st = rt_measure(&need, bytes, size, options, error);
    if (st != RT_OK)
        return st;
    void *block = blocks(need), *arena = NULL;
    st = block == NULL ? RT_ENOMEM : rt_open(&m, bytes, size, options, block, need, error);
    if (st == RT_OK) {
        arena = blocks(rt_arena_bytes(m));
        if (arena != NULL)
            *hash = run(m, arena);
    }
    free(arena);
    free(block);
    return st;
}

static uint64_t try_damaged(uint8_t *bytes, size_t size)
{
    noise g = { 2 };
    uint64_t hash = 0;
    rt_options options = rt_options_default();
    options.limits = (rt_limits){ 100000, 1 << 20, 1000 };
    size_t reach = size < 20000 ? size : 20000;
    for (int i = 0; i < 200; i++) {
        size_t at = draw(&g) % reach;
        at = i % 2 == 0 ? at : size - 1 - at;
        uint8_t was = bytes[at];
        uint64_t unused;
        rt_error error;
        bytes[at] = (uint8_t)draw(&g);
        rt_status st = try_bytes(bytes, size, &options, &error, &unused);
        hash = hash * 31 + (st == RT_OK); /* the reason may be another where size_t is smaller */
        bytes[at] = was;
    }
    return hash;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = strrchr(argv[i], '/') != NULL ? strrchr(argv[i], '/') + 1 : argv[i];
        void *bytes = NULL;
        size_t size = 0;
        uint64_t hash = 0;
        rt_error error;
        rt_status st = rt_file_read(&bytes, &size, argv[i], 0, &error);
        if (st == RT_OK)
            st = try_bytes(bytes, size, NULL, &error, &hash);
        rt_options best = rt_options_default();
        uint64_t fast = hash;
        best.kernels = rt_kernels_best();
        if (st == RT_OK)
            st = try_bytes(bytes, size, &best, &error, &fast);
        if (st == RT_OK)
            printf("%s: %016llx%s", name, (unsigned long long)hash,
                   fast != hash ? ", another with this machine's kernels" : "");
        else
            printf("%s: %s", name, error.text);
        if (size > 0)
            printf(" %016llx", (unsigned long long)try_damaged(bytes, size));
        printf("\n");
        free(bytes);
    }
    return 0;
}
