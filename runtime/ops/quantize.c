/* QUANTIZE and DEQUANTIZE - real numbers to codes and back, and codes to codes of another scale.
 *
 * Codes are int8, uint8, int16 or (between codes) int32, with one scale or one along a dimension;
 * half-precision numbers become single ones.  reference/quantize.h, requantize.h, dequantize.h. */
#include <string.h>

#include "runtime/ops/unary.h"

typedef struct affine {
    size_t count;
    rt_type type; /* of the codes */
    float scale;
    int32_t zero;
    /* Several scales: element i has number i / inner % channels. */
    size_t inner, channels;
    const float *scales;
    const int32_t *zeros;
} affine;

static float scale_at(const affine *p, size_t i, int32_t *zero)
{
    size_t c = p->channels > 1 ? i / p->inner % p->channels : 0;
    *zero = p->channels > 1 ? p->zeros[c] : p->zero;
    return p->channels > 1 ? p->scales[c] : p->scale;
}

static int32_t load(const void *codes, size_t i, rt_type type)
{
    if (type == RT_INT32)
        return ((const int32_t *)codes)[i];
    return type == RT_INT16 ? ((const int16_t *)codes)[i]
                            : rt_code(type, ((const uint8_t *)codes)[i]);
}

/* Clamped to the type. */
static void store(void *codes, size_t i, rt_type type, int64_t v)
{
    if (type == RT_INT32)
        ((int32_t *)codes)[i] = rt_clamp(v, INT32_MIN, INT32_MAX);
    else if (type == RT_INT16)
        ((int16_t *)codes)[i] = (int16_t)rt_clamp(v, INT16_MIN, INT16_MAX);
    else
        ((uint8_t *)codes)[i] = (uint8_t)rt_clamp(v, rt_lowest(type), rt_highest(type));
}

/* round(x / s) + z with a binary32 quotient, halves away from zero, clamped. */
static void quantize_piece(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const affine *p = c->params;
    const float *x = c->in[0];
    size_t begin = (size_t)chunk * RT_PIECE, end = rt_piece_end(p->count, begin);
    for (size_t i = begin; i < end; i++) {
        int32_t zero;
        float q = x[i] / scale_at(p, i, &zero);
        store(c->out[0], i, p->type, (int64_t)rt_round_code((double)q) + zero);
    }
}

static void dequantize(const affine *p, float *out, const void *codes, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        int32_t zero;
        float scale = scale_at(p, i, &zero);
        out[i] = scale * (float)(load(codes, i, p->type) - zero);
    }
}

/* binary16 as binary32: the same sign, fraction and exponent, less its other bias. */
static float half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7FFF, bits;
    if (rest >= 0x7C00) { /* infinite, or not a number */
        bits = sign | 0x7F800000u | (rest & 0x3FF) << 13;
    } else if (rest >= 0x400) {
        bits = sign | ((rest << 13) + ((127 - 15) << 23));
    } else {
        float v = (float)rest / 16777216.0f; /* fraction 2^-24: subnormal, or zero */
        return sign != 0 ? -v : v;
    }
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void widen(float *out, const uint16_t *x, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        out[i] = half(x[i]);
}

static void dequantize_piece(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const affine *p = c->params;
    size_t begin = (size_t)chunk * RT_PIECE, end = rt_piece_end(p->count, begin);
    if (p->type == RT_FLOAT16)
        widen(c->out[0], c->in[0], begin, end);
    else
        dequantize(p, c->out[0], c->in[0], begin, end);
}

static void run_quantize(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_pieces(((const affine *)c->params)->count), quantize_piece, &call);
}

static void run_dequantize(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_pieces(((const affine *)c->params)->count), dequantize_piece, &call);
}

/* The scales of a tensor of codes, copied where there are several. */
static rt_status read_affine(rt_build *b, const rt_node *n, const rt_tensor *codes, affine *p)
{
    *p = (affine){ .count = codes->count,
                   .type = codes->type,
                   .scale = codes->scale,
                   .zero = codes->zero_point,
                   .channels = codes->n_scales > 1 ? (size_t)codes->n_scales : 1 };
    if (codes->type == RT_FLOAT16)
        return RT_OK;
    if (codes->n_scales < 1)
        return rt_check_affine(b, n, codes, "tensor of codes");
    if (codes->n_scales == 1)
        return RT_OK;
    p->inner = 1;
    for (int i = codes->axis + 1; i < codes->rank; i++)
        p->inner *= (size_t)codes->dim[i];
    float *scales = rt_alloc(b, p->channels * sizeof *scales);
    int32_t *zeros = rt_alloc(b, p->channels * sizeof *zeros);
    for (int c = 0; zeros != NULL && c < codes->n_scales; c++) {
        scales[c] = rt_scale(codes, c);
        zeros[c] = rt_zero_point(codes, c);
    }
    p->scales = scales;
    p->zeros = zeros;
    return RT_OK;
}

static rt_status use_affine(rt_build *b, rt_node *n, const rt_tensor *codes,
                            void (*run)(const rt_call *))
{
    affine p;
    RT_TRY(rt_check_same_shape(b, n, b->in[0], b->out[0]));
    RT_TRY(read_affine(b, n, codes, &p));
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

/* ---- codes to codes -------------------------------------------------------------------------- */

typedef struct rescale {
    size_t count;
    rt_type from, to;
    int32_t zero_from, zero_to;
    rt_multiplier m;
} rescale;

static int64_t rescaled(const rescale *p, int32_t code)
{
    int32_t v = (int32_t)((uint32_t)code - (uint32_t)p->zero_from);
    return (int64_t)rt_requant(v, p->m, RT_ROUND_TWICE) + p->zero_to;
}

static void run_rescale(const rt_call *c)
{
    const rescale *p = c->params;
    for (size_t i = 0; i < p->count; i++)
        store(c->out[0], i, p->to, rescaled(p, load(c->in[0], i, p->from)));
}

static bool can_rescale(rt_type from, rt_type to)
{
    if (from == RT_INT32 || from == RT_INT16)
        return to == RT_INT8 || to == RT_INT16 || (from == RT_INT16 && to == RT_INT32);
    return (from == RT_INT8 || from == RT_UINT8) &&
           (to == RT_INT8 || to == RT_UINT8 || to == RT_INT16);
}

static rt_status prepare_rescale(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    if (!can_rescale(x->type, y->type))
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s to %s", rt_type_name(x->type),
                         rt_type_name(y->type));
    RT_TRY(rt_check_affine(b, n, x, "input"));
    RT_TRY(rt_check_affine(b, n, y, "output"));
    RT_TRY(rt_check_same_shape(b, n, x, y));
    rescale p = { x->count, x->type, y->type, x->zero_point, y->zero_point, { 0, 0 } };
    double ratio = y->scale > 0 ? (double)x->scale / (double)y->scale : -1;
    RT_TRY(rt_make_multiplier(b, n, ratio, &p.m, "output"));
    if (!rt_is_8bit(x) || !rt_is_8bit(y)) {
        n->params = rt_keep(b, &p, sizeof p);
        n->run = run_rescale;
        return RT_OK;
    }
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        store(table, (size_t)i, y->type, rescaled(&p, rt_code(x->type, i)));
    return rt_use_table(b, n, table);
}

static rt_status prepare_quantize(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    if (x->type == RT_FLOAT32 && (rt_is_8bit(y) || y->type == RT_INT16))
        return use_affine(b, n, y, run_quantize);
    return prepare_rescale(b, n);
}

/* ---- constants ------------------------------------------------------------------------------- */

static void run_nothing(const rt_call *c)
{
    (void)c;
}

/* A constant is made float32 once, when the model is opened, and is a constant from then on: this
 * is how files hold weights of 16 bits. */
static rt_status fold(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    affine p;
    RT_TRY(rt_check_same_shape(b, n, x, y));
    RT_TRY(read_affine(b, n, x, &p));
    n->run = run_nothing;
    n->consumed = 1;
    const void *codes = rt_ready(b, x);
    float *values = rt_alloc(b, y->bytes);
    if (values == NULL)
        return rt_flat_status(&b->f);
    if (p.type == RT_FLOAT16)
        widen(values, codes, 0, p.count);
    else
        dequantize(&p, values, codes, 0, p.count);
    b->m->tensors[n->info.out[0]].data = values;
    n->folded = true;
    return RT_OK;
}

static bool is_model_output(const rt_model *m, int t)
{
    bool found = false;
    for (int i = 0; m->outputs != NULL && i < m->n_outputs; i++)
        found = found || m->outputs[i] == t;
    return found;
}

static rt_status prepare_dequantize(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    bool codes = rt_is_8bit(x) || x->type == RT_INT16 || x->type == RT_FLOAT16;
    if (!codes || y->type != RT_FLOAT32)
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s to %s", rt_type_name(x->type),
                         rt_type_name(y->type));
    /* While measuring, the outputs are not known: room for both ways is counted then. */
    if (x->data != NULL && b->block == NULL)
        RT_TRY(use_affine(b, n, x, run_dequantize));
    if (x->data != NULL && (b->block == NULL || !is_model_output(b->m, n->info.out[0])))
        return fold(b, n);
    return use_affine(b, n, x, run_dequantize);
}

const rt_op rt_op_quantize = {
    .name = "QUANTIZE",
    .code = TFL_OP_QUANTIZE,
    .max_version = 6,
    .options = TFL_OPTIONS_QUANTIZE,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare_quantize,
};

const rt_op rt_op_dequantize = {
    .name = "DEQUANTIZE",
    .code = TFL_OP_DEQUANTIZE,
    .max_version = 9,
    .options = TFL_OPTIONS_DEQUANTIZE,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare_dequantize,
};
