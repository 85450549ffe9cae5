/* DEPTHWISE_CONV_2D - x [N,H,W,C], weights [1,KH,KW,C m], bias [C m] -> y [N,OH,OW,C m].
 *
 * m filters a channel, from the shapes (as the reference kernels; the option is informative).  int8
 * with int8 or int4 weights, whose zero points are ignored, or legacy uint8. */
#include "runtime/kernels/dwconv_f32.h"
#include "runtime/kernels/dwconv_s8.h"
#include "runtime/ops/hybrid.h"
#include "runtime/ops/weights.h"

static void run_block(void *arg, int chunk, int worker)
{
    const rt_call *c = arg;
    rt_dwconv_run(c->params, c->kernels, c->in[0], c->out[0], chunk,
                  c->scratch + (size_t)worker * c->scratch_bytes);
}

static void run(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_dwconv_blocks(c->params), run_block, &call);
}

typedef struct dwconv_float {
    rt_dwconv_f32 p;
    const float *weights; /* NULL: input 1 */
} dwconv_float;

static void run_row_float(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const dwconv_float *p = c->params;
    const float *weights = p->weights != NULL ? p->weights : c->in[1];
    rt_dwconv_f32_run(&p->p, c->in[0], weights, c->in[2], c->out[0], chunk);
}

static void run_float(const rt_call *c)
{
    const rt_window *win = &((const dwconv_float *)c->params)->p.win;
    rt_call call = *c;
    rt_for(c, win->n * win->out_h, run_row_float, &call);
}

static const float *real_weights(rt_build *b, const rt_tensor *w, int32_t channels)
{
    float *to = rt_alloc(b, w->count * sizeof *to);
    for (size_t i = 0; to != NULL && i < w->count; i++)
        to[i] = rt_weights_real(b, w, i, (int)(i % (size_t)channels));
    return to;
}

static rt_status prepare_float(rt_build *b, rt_node *n, const rt_window *win, int32_t activation)
{
    dwconv_float p = { .p = { .win = *win } };
    bool hybrid = rt_weights_hybrid(b);
    RT_TRY(rt_weights_check_float(b, n, win->out_c, 3));
    RT_TRY(rt_activation_range_float(b, n, activation, &p.p.lo, &p.p.hi));
    n->consumed = hybrid ? 1 << 1 : 0; /* else weights and bias are read where they are */
    if (hybrid)
        p.weights = real_weights(b, b->in[1], win->out_c);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run_float;
    return hybrid ? rt_use_hybrid(b, n, (size_t)win->n, true) : RT_OK;
}

static rt_status geometry(rt_build *b, const rt_node *n, rt_window *w)
{
    static const rt_window_slots slots = { TFL_SLOT_DWCONV_PADDING, TFL_SLOT_DWCONV_STRIDE_H,
                                           TFL_SLOT_DWCONV_STRIDE_W, TFL_SLOT_DWCONV_DILATION_H,
                                           TFL_SLOT_DWCONV_DILATION_W };
    const rt_tensor *x = b->in[0], *f = b->in[1];
    RT_TRY(rt_check_rank(b, n, f, 4, "weights"));
    RT_TRY(rt_slide_window(b, n, &slots, f->dim[1], f->dim[2], f->dim[3], w));
    if (f->dim[0] != 1 || f->dim[3] < x->dim[3] || f->dim[3] % x->dim[3] != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "%d input channels, weights [%d,..,%d]", (int)x->dim[3],
                         (int)f->dim[0], (int)f->dim[3]);
    return RT_OK;
}

/* Weights of 16 bits, less their zero point. */
static const int16_t *widen(rt_build *b, const int8_t *from, size_t count, int32_t zero)
{
    int16_t *to = rt_alloc(b, count * sizeof *to);
    for (size_t i = 0; to != NULL && i < count; i++)
        to[i] = (int16_t)(from[i] - zero);
    return to;
}

/* No accumulator of a channel can leave (-2^30, 2^30), and no multiplier is 1 or more.  Asked of
 * the file, as rt_measure must know. */
static bool is_narrow(const rt_build *b, const rt_tensor *bias, const rt_window *win)
{
    for (int c = 0; c < win->out_c; c++) {
        rt_multiplier m;
        int64_t most = (int64_t)win->k_h * win->k_w * (255 * 255) * 2;
        int32_t v = bias != NULL ? rt_get_i32((const uint8_t *)bias->data + 4 * (size_t)c) : 0;
        most += v < 0 ? -(int64_t)v : v;
        bool legacy = b->in[0]->type == RT_UINT8;
        if (!rt_multiplier_of(rt_weights_factor(b, c, legacy), &m) || m.shift > 0 ||
            most >= INT64_C(1) << 30)
            return false;
    }
    return true;
}

/* bias[c] -= in_zero * sum of the filter's weights. */
static void fold(int32_t *bias, const int8_t *w, int channels, int taps, int32_t in_zero)
{
    for (int i = 0; i < channels * taps; i++)
        bias[i % channels] =
            (int32_t)((uint32_t)bias[i % channels] - (uint32_t)in_zero * (uint32_t)(int32_t)w[i]);
}

static void use_weights(rt_build *b, rt_dwconv_s8 *p, const rt_tensor *w, int32_t *bias)
{
    const rt_kernels *kernels = b->m->kernels;
    const rt_window *win = &p->win;
    const int8_t *weights = rt_weights_int8(b, w);
    int32_t zero = w->type == RT_UINT8 ? rt_weights_zero(w) : 0;
    p->bias = bias;
    if (zero != 0 || !rt_dwconv_by_row(p, kernels)) {
        p->weights = widen(b, weights, w->count, zero);
        return;
    }
    p->flip = kernels->unsigned_a == p->unsigned_x ? 0 : 0x80;
    void *packed = rt_alloc(b, rt_dwconv_packed_bytes(p, kernels));
    if (packed != NULL) {
        fold(bias, weights, win->in_c, win->k_h * win->k_w,
             p->in_zero + (p->flip == 0          ? 0
                           : kernels->unsigned_a ? 128
                                                 : -128));
        rt_dwconv_pack(p, kernels, packed, weights);
    }
    p->packed = packed;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    rt_window win;
    int32_t activation = rt_opt(b, n, TFL_SLOT_DWCONV_ACTIVATION);
    RT_TRY(rt_check_present(b, n, b->in[0], "input"));
    RT_TRY(rt_check_present(b, n, b->in[1], "weights"));
    RT_TRY(geometry(b, n, &win));
    const rt_tensor *x = b->in[0], *bias = n->info.n_in > 2 ? b->in[2] : NULL;
    n->info.macs = (uint64_t)b->out[0]->count * (uint64_t)win.k_h * (uint64_t)win.k_w;
    if (x->type == RT_FLOAT32)
        return prepare_float(b, n, &win, activation);
    rt_dwconv_s8 p = { .win = win,
                       .multiplier = win.out_c / win.in_c,
                       .in_zero = x->zero_point,
                       .unsigned_x = x->type == RT_UINT8 };
    RT_TRY(rt_weights_check(b, n, win.out_c, 3));
    RT_TRY(rt_weights_requant(b, n, win.out_c, activation, &p.requant));
    p.requant.narrow = is_narrow(b, bias, &win);
    use_weights(b, &p, b->in[1], rt_weights_bias(b, bias, win.out_c));
    rt_dwconv_plan(&p, b->options.workers);
    n->scratch_bytes = rt_dwconv_scratch(&p, b->m->kernels);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "padding", TFL_SLOT_DWCONV_PADDING, RT_FIELD_PADDING, 0 },
    { "stride_h", TFL_SLOT_DWCONV_STRIDE_H, RT_FIELD_INT, 0 },
    { "stride_w", TFL_SLOT_DWCONV_STRIDE_W, RT_FIELD_INT, 0 },
    { "depth_multiplier", TFL_SLOT_DWCONV_MULTIPLIER, RT_FIELD_INT, 0 },
    { "dilation_h", TFL_SLOT_DWCONV_DILATION_H, RT_FIELD_INT, 1 },
    { "dilation_w", TFL_SLOT_DWCONV_DILATION_W, RT_FIELD_INT, 1 },
    { "activation", TFL_SLOT_DWCONV_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { 0 },
};

const rt_op rt_op_depthwise_conv_2d = {
    .name = "DEPTHWISE_CONV_2D",
    .code = TFL_OP_DEPTHWISE_CONV_2D,
    .max_version = 7,
    .options = TFL_OPTIONS_DEPTHWISE_CONV_2D,
    .fields = fields,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1 | 1 << 2,
    .prepare = prepare,
};
