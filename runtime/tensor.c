/* tensor - a tensor by itself: its type, its scales, its codes as real numbers. */
#include <string.h>

#include "runtime/op.h"

const char *rt_type_name(rt_type type)
{
    static const char *const names[] = {
        "FLOAT32", "FLOAT16",   "INT32",  "UINT8",   "INT64",      "STRING", "BOOL",
        "INT16",   "COMPLEX64", "INT8",   "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE",
        "VARIANT", "UINT32",    "UINT16", "INT4",    "BFLOAT16",   "INT2",
    };
    unsigned i = (unsigned)type;
    return i < sizeof names / sizeof names[0] ? names[i] : "UNKNOWN";
}

size_t rt_type_bytes(rt_type type)
{
    switch (type) {
    case RT_FLOAT32:
    case RT_INT32:
        return 4;
    case RT_INT64:
        return 8;
    case RT_INT16:
    case RT_FLOAT16:
        return 2;
    case RT_UINT8:
    case RT_INT8:
    case RT_BOOL:
        return 1;
    case RT_INT4:
        break;
    }
    return 0;
}

float rt_scale(const rt_tensor *t, int c)
{
    return c >= 0 && c < t->n_scales ? rt_get_f32(t->scales + (size_t)4 * (size_t)c) : 0;
}

int32_t rt_zero_point(const rt_tensor *t, int c)
{
    return c >= 0 && c < t->n_scales ? rt_get_i32(t->zero_points + (size_t)8 * (size_t)c) : 0;
}

/* ---- codes and real numbers ------------------------------------------------------------------ */

static bool code_range(rt_type type, int64_t *lo, int64_t *hi)
{
    int bits = 8 * (int)rt_type_bytes(type);
    if (type == RT_UINT8) {
        *lo = 0;
        *hi = 255;
    } else if (type == RT_INT8 || type == RT_INT16 || type == RT_INT32) {
        *lo = -(INT64_C(1) << (bits - 1));
        *hi = (INT64_C(1) << (bits - 1)) - 1;
    } else {
        return false;
    }
    return true;
}

static void store(rt_type type, void *codes, size_t i, int64_t v)
{
    if (type == RT_INT32)
        ((int32_t *)codes)[i] = (int32_t)v;
    else if (type == RT_INT16)
        ((int16_t *)codes)[i] = (int16_t)v;
    else
        ((uint8_t *)codes)[i] = (uint8_t)v;
}

static int32_t load(rt_type type, const void *codes, size_t i)
{
    if (type == RT_INT32)
        return ((const int32_t *)codes)[i];
    if (type == RT_INT16)
        return ((const int16_t *)codes)[i];
    return type == RT_INT8 ? ((const int8_t *)codes)[i] : ((const uint8_t *)codes)[i];
}

bool rt_encode(const rt_tensor *t, void *codes, const float *x, size_t n)
{
    int64_t lo, hi;
    if (t->type == RT_FLOAT32) {
        memcpy(codes, x, n * sizeof *x);
        return true;
    }
    if (!code_range(t->type, &lo, &hi))
        return false;
    float scale = t->n_scales > 0 ? t->scale : 1;
    for (size_t i = 0; i < n; i++) {
        float q = x[i] / scale;
        int64_t v = q >= 3e9f ? hi : q <= -3e9f ? lo : rt_round((double)q) + t->zero_point;
        store(t->type, codes, i, v < lo ? lo : v > hi ? hi : v);
    }
    return true;
}

bool rt_decode(const rt_tensor *t, float *x, const void *codes, size_t n)
{
    int64_t lo, hi;
    if (t->type == RT_FLOAT32) {
        memcpy(x, codes, n * sizeof *x);
        return true;
    }
    if (!code_range(t->type, &lo, &hi))
        return false;
    double scale = t->n_scales > 0 ? (double)t->scale : 1;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * (double)((int64_t)load(t->type, codes, i) - t->zero_point));
    return true;
}
