#include "runtime/kernels/resize.h"

#include <string.h>

#include "runtime/real.h"

/* Floor and ceiling of what fits an int32. */
static int32_t floor_of(float x)
{
    int32_t i = (int32_t)x;
    return (float)i > x ? i - 1 : i;
}

static int32_t ceil_of(float x)
{
    return -floor_of(-x);
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static size_t image_bytes(const rt_resize *p, size_t each)
{
    return (size_t)p->in_h * (size_t)p->in_w * (size_t)p->c * each;
}

/* Input steps per output step. */
static float scale_of(const rt_resize *p, int32_t in, int32_t out)
{
    return p->align_corners && out > 1 ? (float)(in - 1) / (float)(out - 1)
                                       : (float)in / (float)out;
}

/* ---- nearest --------------------------------------------------------------------------------- */

static int32_t nearest(const rt_resize *p, int32_t i, int32_t in, int32_t out)
{
    float moved = (float)i + (p->half_pixel ? 0.5f : 0.0f);
    float at = moved * scale_of(p, in, out);
    int32_t index = p->align_corners ? (int32_t)rt_round((double)at) : floor_of(at);
    index = least(index, in - 1);
    return index < 0 ? 0 : index;
}

void rt_resize_nearest_row(const rt_resize *p, void *out, const void *in, int row)
{
    size_t each = rt_type_bytes(p->type), pixel = (size_t)p->c * each;
    int32_t y = nearest(p, row % p->out_h, p->in_h, p->out_h);
    const uint8_t *from = (const uint8_t *)in + (size_t)(row / p->out_h) * image_bytes(p, each) +
                          (size_t)y * (size_t)p->in_w * pixel;
    uint8_t *to = (uint8_t *)out + (size_t)row * (size_t)p->out_w * pixel;
    for (int32_t x = 0; x < p->out_w; x++, to += pixel)
        memcpy(to, from + (size_t)nearest(p, x, p->in_w, p->out_w) * pixel, pixel);
}

/* ---- bilinear -------------------------------------------------------------------------------- */

/* Two neighbours, and how far the place is from the first one. */
typedef struct between {
    int32_t first, second;
    float part;       /* binary32 form */
    int32_t part_q10; /* fixed-point form: 2^10 is a whole step */
} between;

static between between_real(const rt_resize *p, int32_t i, int32_t in, int32_t out)
{
    float scale = scale_of(p, in, out), at = (float)i * scale;
    if (p->half_pixel) {
        float moved = ((float)i + 0.5f) * scale;
        at = moved - 0.5f;
    }
    int32_t below = floor_of(at);
    between b = { below > 0 ? below : 0, least(ceil_of(at), in - 1), 0, 0 };
    b.part = at - (float)b.first;
    return b;
}

static between between_fixed(const rt_resize *p, int32_t i, int32_t in, int32_t out)
{
    const int64_t one = 1 << 10;
    int64_t scale = (one * in + out / 2) / out;
    if (p->align_corners && out > 1)
        scale = (one * (in - 1) + (out - 1) / 2) / (out - 1);
    int64_t at = i * scale + (p->half_pixel ? scale / 2 - (one >> 1) : 0);
    between b = { rt_clamp(at / one, 0, in - 1), rt_clamp((at + one - 1) / one, INT32_MIN, in - 1),
                  0, 0 };
    b.part_q10 = (int32_t)(at - one * b.first);
    return b;
}

/* The four pixels around a place. */
typedef struct corners {
    const void *p00, *p01, *p10, *p11; /* row, column */
    between y, x;
} corners;

static void mix_int8(int8_t *out, const corners *k, int32_t c)
{
    const int8_t *a = k->p00, *b = k->p01, *d = k->p10, *e = k->p11;
    int64_t y = k->y.part_q10, x = k->x.part_q10, one = 1 << 10;
    for (int32_t i = 0; i < c; i++) {
        int64_t v = a[i] * (one - y) * (one - x) + d[i] * y * (one - x) + b[i] * (one - y) * x +
                    e[i] * y * x;
        out[i] = (int8_t)((v + (v > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
    }
}

/* In the reference's order of operations, each rounded to binary32. */
static float mix(float p00, float p10, float p01, float p11, const corners *k)
{
    float y = k->y.part, x = k->x.part, z = 1 - y, w = 1 - x;
    float a = p00 * z * w, b = p10 * y * w, c = p01 * z * x, d = p11 * y * x;
    return a + b + c + d;
}

static void mix_uint8(uint8_t *out, const corners *k, int32_t c)
{
    const uint8_t *a = k->p00, *b = k->p01, *d = k->p10, *e = k->p11;
    for (int32_t i = 0; i < c; i++)
        out[i] = (uint8_t)(int32_t)(mix(a[i], d[i], b[i], e[i], k) + 0.5f);
}

static void mix_float(float *out, const corners *k, int32_t c)
{
    const float *a = k->p00, *b = k->p01, *d = k->p10, *e = k->p11;
    for (int32_t i = 0; i < c; i++)
        out[i] = mix(a[i], d[i], b[i], e[i], k);
}

static const uint8_t *pixel_at(const rt_resize *p, const uint8_t *image, size_t each, int32_t y,
                               int32_t x)
{
    return image + ((size_t)y * (size_t)p->in_w + (size_t)x) * (size_t)p->c * each;
}

void rt_resize_bilinear_row(const rt_resize *p, void *out, const void *in, int row)
{
    size_t each = rt_type_bytes(p->type);
    const uint8_t *image = (const uint8_t *)in + (size_t)(row / p->out_h) * image_bytes(p, each);
    uint8_t *to = (uint8_t *)out + (size_t)row * (size_t)p->out_w * (size_t)p->c * each;
    between (*find)(const rt_resize *, int32_t, int32_t, int32_t) =
        p->type == RT_INT8 ? between_fixed : between_real;
    corners k;
    k.y = find(p, row % p->out_h, p->in_h, p->out_h);
    for (int32_t x = 0; x < p->out_w; x++, to += (size_t)p->c * each) {
        k.x = find(p, x, p->in_w, p->out_w);
        k.p00 = pixel_at(p, image, each, k.y.first, k.x.first);
        k.p01 = pixel_at(p, image, each, k.y.first, k.x.second);
        k.p10 = pixel_at(p, image, each, k.y.second, k.x.first);
        k.p11 = pixel_at(p, image, each, k.y.second, k.x.second);
        if (p->type == RT_INT8)
            mix_int8((int8_t *)to, &k, p->c);
        else if (p->type == RT_UINT8)
            mix_uint8(to, &k, p->c);
        else
            mix_float((float *)(void *)to, &k, p->c);
    }
}
