/* QUANTIZE and DEQUANTIZE - real numbers to codes and back, and codes to codes of another scale.
 * reference/quantize.h, requantize.h, dequantize.h. */
#include "runtime/ops/unary.h"

typedef struct affine {
    size_t count;
    float scale;
    int32_t zero;
    rt_type type;
} affine;

static size_t piece_end(const affine *p, size_t begin)
{
    return p->count - begin < RT_PIECE ? p->count : begin + RT_PIECE;
}

/* round(x / s) + z with a binary32 quotient, halves away from zero, clamped. */
static void quantize_piece(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const affine *p = c->params;
    const float *x = c->in[0];
    uint8_t *out = c->out[0];
    int32_t lo = rt_lowest(p->type), hi = rt_highest(p->type);
    size_t begin = (size_t)chunk * RT_PIECE, end = piece_end(p, begin);
    for (size_t i = begin; i < end; i++) {
        float q = x[i] / p->scale;
        int64_t v = q > 1e6f ? 1000000 : q < -1e6f ? -1000000 : rt_round((double)q);
        out[i] = (uint8_t)rt_clamp(v + p->zero, lo, hi);
    }
}

static void dequantize_piece(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const affine *p = c->params;
    const uint8_t *x = c->in[0];
    float *out = c->out[0];
    size_t begin = (size_t)chunk * RT_PIECE, end = piece_end(p, begin);
    for (size_t i = begin; i < end; i++)
        out[i] = p->scale * (float)(rt_code(p->type, x[i]) - p->zero);
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

static rt_status use_affine(rt_build *b, rt_node *n, const rt_tensor *codes,
                            void (*run)(const rt_call *))
{
    RT_TRY(rt_check_affine(b, n, codes, "8-bit tensor"));
    RT_TRY(rt_check_same_shape(b, n, b->in[0], b->out[0]));
    affine p = { codes->count, codes->scale, codes->zero_point, codes->type };
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static rt_status prepare_quantize(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    if (x->type == RT_FLOAT32 && rt_is_8bit(y))
        return use_affine(b, n, y, run_quantize);
    RT_TRY(rt_unary_check(b, n, true));
    rt_multiplier m;
    RT_TRY(rt_make_multiplier(b, n, (double)x->scale / (double)y->scale, &m, "output"));
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        int32_t v = rt_requant(rt_code(x->type, i) - x->zero_point, m, RT_ROUND_TWICE);
        table[i] =
            (uint8_t)rt_clamp((int64_t)v + y->zero_point, rt_lowest(y->type), rt_highest(y->type));
    }
    return rt_use_table(b, n, table);
}

static rt_status prepare_dequantize(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    if (!rt_is_8bit(x) || y->type != RT_FLOAT32)
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s to %s", rt_type_name(x->type),
                         rt_type_name(y->type));
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
