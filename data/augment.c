#include "data/augment.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/suggest.h"

enum { MOST = 1024 }; /* pixels a step may ask for */

/* ---- the list -------------------------------------------------------------------------------- */

static const char *const names[] = {
    [DS_CHANGE_CROP] = "crop",
    [DS_CHANGE_FLIP] = "flip",
    [DS_CHANGE_SHIFT] = "shift",
    [DS_CHANGE_CUTOUT] = "cutout",
};

enum { N_NAMES = sizeof names / sizeof names[0] };

static nn_status find(ds_change *out, const char *name)
{
    for (int i = 0; i < N_NAMES; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (ds_change)i;
            return NN_OK;
        }
    const char *near = nn_suggest(name, names, N_NAMES);
    if (near != NULL)
        return nn_fail(NN_EINVAL, "augment: \"%s\" is unknown; did you mean %s?", name, near);
    return nn_fail(NN_EINVAL,
                   "augment: \"%s\" is unknown; there are crop:P, flip, shift:K, cutout:S", name);
}

/* A whole number from 1 to MOST, or 0. */
static int number(const char *text)
{
    int n = 0;
    if (*text == '\0')
        return 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        n = n * 10 + *text - '0';
        if (n > MOST)
            return 0;
    }
    return n;
}

static nn_status parse_step(ds_augment *a, char *step)
{
    char *colon = strchr(step, ':');
    ds_change change = DS_CHANGE_FLIP;
    int by = 0;
    if (colon != NULL)
        *colon = '\0';
    NN_TRY(find(&change, step));
    if (change == DS_CHANGE_FLIP && colon != NULL)
        return nn_fail(NN_EINVAL, "augment: flip takes no number, not \"%s\"", colon + 1);
    if (change != DS_CHANGE_FLIP && colon == NULL)
        return nn_fail(NN_EINVAL, "augment: %s needs a number of pixels, as in %s:4", step, step);
    if (colon != NULL && (by = number(colon + 1)) == 0)
        return nn_fail(NN_EINVAL, "augment: %s:%s: it must be a whole number from 1 to %d", step,
                       colon + 1, MOST);
    if (a->n == DS_MAX_CHANGES)
        return nn_fail(NN_EINVAL, "augment: more than %d steps", DS_MAX_CHANGES);
    a->step[a->n].change = change;
    a->step[a->n++].by = by;
    return NN_OK;
}

nn_status ds_augment_parse(ds_augment *out, const char *list)
{
    *out = (ds_augment){ 0 };
    if (list[0] == '\0' || strcmp(list, "none") == 0)
        return NN_OK;
    for (const char *p = list;; p++) {
        char step[64];
        size_t n = strcspn(p, ",");
        if (n >= sizeof step)
            return nn_fail(NN_EINVAL, "augment: \"%.20s...\" is too long", p);
        memcpy(step, p, n);
        step[n] = '\0';
        NN_TRY(parse_step(out, step));
        p += n;
        if (*p == '\0')
            return NN_OK;
    }
}

nn_status ds_augment_check(const ds_augment *a, int height, int width)
{
    for (int i = 0; i < a->n; i++) {
        bool moves = a->step[i].change == DS_CHANGE_CROP || a->step[i].change == DS_CHANGE_SHIFT;
        if (moves && (a->step[i].by >= height || a->step[i].by >= width))
            return nn_fail(NN_EINVAL,
                           "augment: %s:%d moves pictures of %dx%d out of sight; lower it",
                           names[a->step[i].change], a->step[i].by, height, width);
    }
    return NN_OK;
}

/* ---- the changes ----------------------------------------------------------------------------- */

static int clamped(int x, int n)
{
    return x < 0 ? 0 : x < n ? x : n - 1;
}

static void paint(uint8_t *to, int n, const uint8_t *fill, int channels)
{
    for (int x = 0; x < n; x++)
        for (int c = 0; c < channels; c++)
            *to++ = fill[c];
}

/* to[x] = from[x + dx], the outside in the mean colour. */
static void move_row_padded(uint8_t *to, const uint8_t *from, int W, int C, int dx,
                            const uint8_t *fill)
{
    int begin = dx < 0 ? -dx : 0, end = dx > 0 ? W - dx : W;
    paint(to, begin, fill, C);
    memcpy(to + begin * C, from + (begin + dx) * C, (size_t)((end - begin) * C));
    paint(to + end * C, W - end, fill, C);
}

/* to[x] = from[x + dx], the outside as the pixel at the edge. */
static void move_row_repeated(uint8_t *to, const uint8_t *from, int W, int C, int dx)
{
    for (int x = 0; x < W; x++)
        memcpy(to + x * C, from + clamped(x + dx, W) * C, (size_t)C);
}

/* to[y, x] = from[y + dy, x + dx]; fill NULL repeats the edge. */
static void move(ds_image *im, int dy, int dx, const uint8_t *fill, uint8_t *copy)
{
    int H = im->height, W = im->width, C = im->channels;
    size_t pitch = (size_t)W * (size_t)C;
    memcpy(copy, im->pixels, (size_t)H * pitch);
    for (int y = 0; y < H; y++) {
        uint8_t *to = im->pixels + (size_t)y * pitch;
        const uint8_t *from = copy + (size_t)clamped(y + dy, H) * pitch;
        if (fill == NULL)
            move_row_repeated(to, from, W, C, dx);
        else if (y + dy < 0 || y + dy >= H)
            paint(to, W, fill, C);
        else
            move_row_padded(to, from, W, C, dx, fill);
    }
}

static void flip(ds_image *im)
{
    int C = im->channels;
    for (int y = 0; y < im->height; y++) {
        uint8_t *left = im->pixels + (size_t)y * (size_t)im->width * (size_t)C;
        uint8_t *right = left + (im->width - 1) * C;
        for (; left < right; left += C, right -= C)
            for (int c = 0; c < C; c++) {
                uint8_t swap = left[c];
                left[c] = right[c];
                right[c] = swap;
            }
    }
}

/* The square covers [y - side / 2, y - side / 2 + side) and what of it is inside. */
static void cut_out(ds_image *im, int side, int y, int x, const uint8_t *fill)
{
    int C = im->channels;
    int top = y - side / 2, bottom = top + side, left = x - side / 2, right = left + side;
    top = top < 0 ? 0 : top;
    left = left < 0 ? 0 : left;
    bottom = bottom < im->height ? bottom : im->height;
    right = right < im->width ? right : im->width;
    for (int i = top; i < bottom; i++)
        paint(im->pixels + ((size_t)i * (size_t)im->width + (size_t)left) * (size_t)C, right - left,
              fill, C);
}

static int random_offset(nn_rng *r, int most)
{
    return (int)nn_rng_below(r, 2 * (uint32_t)most + 1) - most;
}

void ds_augment_apply(const ds_augment *a, ds_image *im, const uint8_t *fill, uint8_t *copy,
                      nn_rng random)
{
    for (int i = 0; i < a->n; i++) {
        int by = a->step[i].by, y, x;
        switch (a->step[i].change) {
        case DS_CHANGE_CROP:
        case DS_CHANGE_SHIFT:
            y = random_offset(&random, by);
            x = random_offset(&random, by);
            move(im, y, x, a->step[i].change == DS_CHANGE_CROP ? fill : NULL, copy);
            break;
        case DS_CHANGE_FLIP:
            if (nn_rng_u32(&random) & 1)
                flip(im);
            break;
        case DS_CHANGE_CUTOUT:
            y = (int)nn_rng_below(&random, (uint32_t)im->height);
            x = (int)nn_rng_below(&random, (uint32_t)im->width);
            cut_out(im, by, y, x, fill);
            break;
        }
    }
}
