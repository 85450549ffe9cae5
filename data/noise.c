/* noise - synthetic pictures for benchmarks and tests, a function of the seed.
 *
 * noise:HxWxC:CLASSES:N makes N training and max(1, N / 5) test pictures, labels 0, 1, 2, ... in
 * turn.  So that training on them can be tested, each class has a mild pattern: the picture is a
 * grid of 4x4 cells, and in each cell and channel class k is a little brighter or darker by the
 * toss of a coin:
 *
 *   pixel = 64 + u + 24 s(class, cell, channel)      u uniform in 0..127, s = -1 or 1 */
#include <stdio.h>
#include <stdlib.h>

#include "data/kind.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"

enum { CELLS = 4, FLOOR = 64, SIGNAL = 24 };

/* Reads a whole number of at most `most` and steps past it; 0 if there is none. */
static int number(const char **text, int most)
{
    int64_t n = 0;
    while (**text >= '0' && **text <= '9' && n <= most)
        n = n * 10 + *(*text)++ - '0';
    return n <= most ? (int)n : 0;
}

static int skip(const char **text, char c)
{
    if (**text != c)
        return 0;
    ++*text;
    return 1;
}

static nn_status parse(ds_set *set, const char *text, int *n)
{
    const char *p = text;
    int ok = (set->height = number(&p, 65535)) > 0 && skip(&p, 'x') &&
             (set->width = number(&p, 65535)) > 0 && skip(&p, 'x') &&
             (set->channels = number(&p, 3)) > 0 && skip(&p, ':') &&
             (set->classes = number(&p, DS_MAX_CLASSES)) > 0 && skip(&p, ':') &&
             (*n = number(&p, INT32_MAX)) > 0 && *p == '\0';
    if (!ok || set->channels == 2)
        return nn_fail(NN_EINVAL,
                       "data \"noise:%s\": is not noise:HxWxC:CLASSES:N (C is 1 or 3), as in "
                       "noise:32x32x3:10:1000",
                       text);
    return NN_OK;
}

/* -1 or 1 for a class, cell and channel. */
static int sign(uint64_t seed, int label, int cell, int channel)
{
    nn_rng r = nn_rng_stream(seed, "noise class", (uint64_t)label, (uint64_t)(cell * 3 + channel));
    return nn_rng_u32(&r) & 1 ? 1 : -1;
}

/* The pattern of one class: [CELLS, CELLS, channels] of FLOOR + SIGNAL s. */
static void draw_pattern(uint8_t *pattern, uint64_t seed, int label, int channels)
{
    for (int cell = 0; cell < CELLS * CELLS; cell++)
        for (int c = 0; c < channels; c++)
            pattern[cell * channels + c] = (uint8_t)(FLOOR + SIGNAL * sign(seed, label, cell, c));
}

static void draw(uint8_t *pixels, const ds_set *set, const uint8_t *pattern, nn_rng r)
{
    int H = set->height, W = set->width, C = set->channels;
    nn_rng_block block = { { 0 } }; /* 16 random bytes */
    uint64_t n = 0;
    for (int y = 0; y < H; y++) {
        const uint8_t *row = pattern + y * CELLS / H * CELLS * C;
        for (int x = 0; x < W; x++)
            for (int c = 0; c < C; c++, n++) {
                if (n % 16 == 0)
                    block = nn_rng_block_at(r.seed, r.stream, n / 16);
                uint32_t u = block.v[n / 4 % 4] >> (8 * (n % 4)) & 127;
                *pixels++ = (uint8_t)(row[x * CELLS / W * C + c] + u);
            }
    }
}

static nn_status fill_part(ds_set *set, ds_split split, int n, const uint8_t *patterns)
{
    ds_part *part = &set->part[split];
    size_t item = (size_t)set->height * (size_t)set->width * (size_t)set->channels;
    uint16_t *label = ds__labels(set, n);
    uint8_t *pixels = nn_mem_alloc((size_t)n * item);
    part->block = pixels;
    if (label == NULL || pixels == NULL)
        return nn_fail(NN_ENOMEM, "%s: out of memory: %d pictures of %zu bytes could not be had",
                       set->spec, n, item);
    for (int i = 0; i < n; i++) {
        label[i] = (uint16_t)(i % set->classes);
        draw(pixels + (size_t)i * item, set,
             patterns + (size_t)label[i] * CELLS * CELLS * (size_t)set->channels,
             nn_rng_stream(set->opt.seed, "noise picture", (uint64_t)split, (uint64_t)i));
    }
    part->pixels = pixels;
    part->label = label;
    part->n = n;
    return NN_OK;
}

static nn_status open_noise(ds_set *set, const char *argument)
{
    int n = 0;
    NN_TRY(ds__need_argument(&ds_kind_noise, argument));
    NN_TRY(parse(set, argument, &n));
    NN_TRY(ds_check_size(set->spec, (uint64_t)set->height, (uint64_t)set->width, set->opt.limits));
    size_t item = (size_t)set->height * (size_t)set->width * (size_t)set->channels;
    if ((size_t)n > set->opt.limits.max_file_bytes / item)
        return nn_fail(NN_EINVAL, "%s: needs more than the limit of %zu bytes; make it smaller",
                       set->spec, set->opt.limits.max_file_bytes);
    NN_TRY(ds__number_classes(set, set->classes));
    size_t pattern = (size_t)(CELLS * CELLS * set->channels);
    uint8_t *patterns = nn_arena_alloc(set->arena, (size_t)set->classes * pattern);
    if (patterns == NULL)
        return NN_ENOMEM;
    for (int k = 0; k < set->classes; k++)
        draw_pattern(patterns + (size_t)k * pattern, set->opt.seed, k, set->channels);
    NN_TRY(fill_part(set, DS_TRAIN, n, patterns));
    return fill_part(set, DS_TEST, n / 5 > 0 ? n / 5 : 1, patterns);
}

const ds_kind ds_kind_noise = {
    .name = "noise",
    .form = "noise:HxWxC:CLASSES:N",
    .about = "N synthetic pictures with a mild pattern for each class, for benchmarks and tests",
    .open = open_noise,
};
