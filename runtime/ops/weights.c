#include "runtime/ops/weights.h"

static rt_status check_types(rt_build *b, const rt_node *n)
{
    const rt_tensor *x = b->in[0], *w = b->in[1], *y = b->out[0];
    bool fits = x->type == RT_INT8 ? w->type == RT_INT8 || w->type == RT_INT4
                                   : x->type == RT_UINT8 && w->type == RT_UINT8;
    if (!fits || y->type != x->type)
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s (input), %s (weights), %s (output)",
                         rt_type_name(x->type), rt_type_name(w->type), rt_type_name(y->type));
    return RT_OK;
}

static rt_status check_bias(rt_build *b, const rt_node *n, const rt_tensor *bias, int channels)
{
    if (bias == NULL)
        return RT_OK;
    RT_TRY(rt_check_type(b, n, bias, RT_INT32, "bias"));
    if (bias->data == NULL || bias->count != (size_t)channels)
        return RT_REFUSE(b, n, RT_EFORMAT, "bias \"%s\": %s of %zu elements for %d channels",
                         bias->name, bias->data == NULL ? "an activation" : "a constant",
                         bias->count, channels);
    for (int c = 0; c < bias->n_scales; c++)
        if (rt_zero_point(bias, c) != 0)
            return RT_REFUSE(b, n, RT_EFORMAT, "bias \"%s\" has zero point %d", bias->name,
                             (int)rt_zero_point(bias, c));
    return RT_OK;
}

rt_status rt_weights_check(rt_build *b, const rt_node *n, int channels, int axis)
{
    const rt_tensor *w = b->in[1];
    RT_TRY(check_types(b, n));
    RT_TRY(rt_check_affine(b, n, b->in[0], "input"));
    RT_TRY(rt_check_affine(b, n, b->out[0], "output"));
    if (w->data == NULL)
        return RT_REFUSE(b, n, RT_ENOTSUP, "weights \"%s\" are not a constant", w->name);
    if (w->n_scales != 1 && (w->n_scales != channels || w->axis != axis || w->type == RT_UINT8))
        return RT_REFUSE(b, n, RT_EFORMAT,
                         "weights \"%s\": %d scales along dimension %d, for %d channels", w->name,
                         w->n_scales, w->axis, channels);
    return check_bias(b, n, n->info.n_in > 2 ? b->in[2] : NULL, channels);
}

bool rt_weights_hybrid(const rt_build *b)
{
    return b->in[1]->type == RT_INT8 || b->in[1]->type == RT_INT4;
}

static rt_status check_hybrid(rt_build *b, const rt_node *n, int channels, int axis)
{
    const rt_tensor *w = b->in[1];
    bool fits = w->n_scales == 1 || (w->n_scales == channels && w->axis == axis);
    if (w->data == NULL || !fits)
        return RT_REFUSE(b, n, RT_ENOTSUP, "weights \"%s\": %s with %d scales for %d channels",
                         w->name, w->data == NULL ? "an activation" : "a constant", w->n_scales,
                         channels);
    for (int c = 0; c < w->n_scales; c++)
        if (rt_zero_point(w, c) != 0)
            return RT_REFUSE(b, n, RT_EFORMAT, "weights \"%s\" have zero point %d", w->name,
                             (int)rt_zero_point(w, c));
    return RT_OK;
}

rt_status rt_weights_check_float(rt_build *b, const rt_node *n, int channels, int axis)
{
    const rt_tensor *w = b->in[1], *bias = n->info.n_in > 2 ? b->in[2] : NULL;
    if (rt_weights_hybrid(b))
        RT_TRY(check_hybrid(b, n, channels, axis));
    else
        RT_TRY(rt_check_type(b, n, w, RT_FLOAT32, "weights"));
    RT_TRY(rt_check_type(b, n, b->out[0], RT_FLOAT32, "output"));
    if (bias != NULL)
        RT_TRY(rt_check_type(b, n, bias, RT_FLOAT32, "bias"));
    if (bias != NULL && bias->count != (size_t)channels)
        return RT_REFUSE(b, n, RT_EFORMAT, "bias \"%s\": %zu elements for %d channels", bias->name,
                         bias->count, channels);
    if (b->block != NULL && (w->data == NULL || (bias != NULL && bias->data == NULL)))
        return RT_REFUSE(b, n, RT_ENOTSUP, "weights \"%s\" or their bias are not a constant",
                         w->name);
    return RT_OK;
}

static int int4_at(const uint8_t *from, size_t i)
{
    int nibble = i % 2 == 0 ? from[i / 2] & 15 : from[i / 2] >> 4;
    return (nibble ^ 8) - 8;
}

float rt_weights_real(const rt_build *b, const rt_tensor *w, size_t i, int c)
{
    if (w->type == RT_FLOAT32)
        return rt_in_file(b, w) ? rt_get_f32((const uint8_t *)w->data + 4 * i)
                                : ((const float *)w->data)[i];
    int code = w->type == RT_INT4 ? int4_at(w->data, i) : ((const int8_t *)w->data)[i];
    return rt_scale(w, w->n_scales > 1 ? c : 0) * (float)code;
}

/* As a kernel sees it: int8. */
static int code_at(const rt_tensor *w, size_t i)
{
    const uint8_t *from = w->data;
    return w->type == RT_INT4    ? int4_at(from, i)
           : w->type == RT_UINT8 ? (int8_t)(from[i] ^ 0x80)
                                 : (int8_t)from[i];
}

int64_t rt_weights_most(const rt_tensor *w, const rt_tensor *bias, size_t rows, size_t k,
                        int32_t in_zero)
{
    int64_t largest = 0;
    for (size_t o = 0; o < rows; o++) {
        int64_t sum = 0, most = 0;
        for (size_t i = 0; i < k; i++) {
            int code = code_at(w, o * k + i);
            sum += code;
            most += code < 0 ? -code : code;
        }
        int64_t constant = bias != NULL ? rt_get_i32((const uint8_t *)bias->data + 4 * o) : 0;
        constant -= in_zero * sum;
        most = 255 * most + (constant < 0 ? -constant : constant);
        largest = most > largest ? most : largest;
    }
    return largest;
}

const int8_t *rt_weights_int8(rt_build *b, const rt_tensor *w)
{
    if (w->type == RT_INT8)
        return w->data;
    int8_t *to = rt_alloc(b, w->count);
    for (size_t i = 0; to != NULL && i < w->count; i++) {
        to[i] = (int8_t)code_at(w, i);
    }
    return to;
}

int32_t rt_weights_zero(const rt_tensor *w)
{
    return w->type == RT_UINT8 ? w->zero_point - 128 : w->zero_point;
}

int32_t *rt_weights_bias(rt_build *b, const rt_tensor *bias, int channels)
{
    int32_t *to = rt_alloc(b, (size_t)channels * sizeof *to);
    for (int c = 0; to != NULL && c < channels; c++)
        to[c] = bias != NULL ? rt_get_i32((const uint8_t *)bias->data + 4 * (size_t)c) : 0;
    return to;
}

double rt_weights_factor(const rt_build *b, int c, bool narrow)
{
    const rt_tensor *w = b->in[1];
    float in = b->in[0]->scale, scale = rt_scale(w, w->n_scales > 1 ? c : 0);
    double product = narrow ? (double)(in * scale) : (double)in * (double)scale;
    return product / (double)b->out[0]->scale;
}

rt_status rt_weights_requant(rt_build *b, const rt_node *n, int channels, int32_t activation,
                             rt_requant_rows *r)
{
    int32_t *mult = rt_alloc(b, (size_t)channels * sizeof *mult);
    int32_t *shift = rt_alloc(b, (size_t)channels * sizeof *shift);
    r->narrow = true;
    for (int c = 0; c < channels; c++) {
        rt_multiplier m;
        double factor = rt_weights_factor(b, c, b->in[0]->type == RT_UINT8);
        RT_TRY(rt_make_multiplier(b, n, factor, &m, "channel's multiplier"));
        r->narrow = r->narrow && m.shift <= 0;
        if (mult != NULL && shift != NULL) {
            mult[c] = m.mult;
            shift[c] = m.shift;
        }
    }
    r->mult = mult;
    r->shift = shift;
    r->zero = b->out[0]->zero_point;
    return rt_activation_range(b, n, activation, b->out[0], &r->lo, &r->hi);
}
