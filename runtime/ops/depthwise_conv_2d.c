/* DEPTHWISE_CONV_2D - x [N,H,W,C], weights [1,KH,KW,C m], bias [C m] -> y [N,OH,OW,C m].
 *
 * m filters a channel, from the shapes (as the reference kernels; the option is informative).  int8 with
 * int8 or int4 weights, whose zero points are ignored, or legacy uint8. */
#include "runtime/kernels/dwconv_s8.h"
#include "runtime/ops/weights.h"

static void run_row(void *arg, int chunk, int worker)
{
    const rt_call *c = arg;
    rt_dwconv_run(c->params, c->kernels, c->in[0], c->out[0], chunk,
                  c->scratch + (size_t)worker * c->scratch_bytes);
}

static void run(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_dwconv_rows(c->params), run_row, &call);
}

static rt_status geometry(rt_build *b, const rt_node *n, rt_dwconv_s8 *p)
{
    const rt_tensor *x = b->in[0], *w = b->in[1];
    RT_TRY(rt_check_rank(b, n, x, 4, "input"));
    RT_TRY(rt_check_rank(b, n, w, 4, "weights"));
    rt_axis rows = { .in = x->dim[1],
                     .k = w->dim[1],
                     .stride = rt_opt(b, n, TFL_SLOT_DWCONV_STRIDE_H),
                     .dilation = rt_opt(b, n, TFL_SLOT_DWCONV_DILATION_H) };
    rt_axis columns = { .in = x->dim[2],
                        .k = w->dim[2],
                        .stride = rt_opt(b, n, TFL_SLOT_DWCONV_STRIDE_W),
                        .dilation = rt_opt(b, n, TFL_SLOT_DWCONV_DILATION_W) };
    int32_t padding = rt_opt(b, n, TFL_SLOT_DWCONV_PADDING);
    RT_TRY(rt_slide(b, n, &rows, padding, "height"));
    RT_TRY(rt_slide(b, n, &columns, padding, "width"));
    if (w->dim[0] != 1 || w->dim[3] < x->dim[3] || w->dim[3] % x->dim[3] != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "%d input channels, weights [%d,..,%d]", (int)x->dim[3],
                         (int)w->dim[0], (int)w->dim[3]);
    const int32_t shape[4] = { x->dim[0], rows.out, columns.out, w->dim[3] };
    RT_TRY(rt_check_shape(b, n, b->out[0], 4, shape, "output"));
    *p = (rt_dwconv_s8){
        .n = x->dim[0],
        .in_h = rows.in,
        .in_w = columns.in,
        .in_c = x->dim[3],
        .out_h = rows.out,
        .out_w = columns.out,
        .multiplier = w->dim[3] / x->dim[3],
        .k_h = rows.k,
        .k_w = columns.k,
        .stride_h = rows.stride,
        .stride_w = columns.stride,
        .dilation_h = rows.dilation,
        .dilation_w = columns.dilation,
        .pad_top = rows.pad,
        .pad_left = columns.pad,
        .unsigned_x = x->type == RT_UINT8,
        .in_zero = x->zero_point,
    };
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(rt_check_present(b, n, b->in[0], "input"));
    RT_TRY(rt_check_present(b, n, b->in[1], "weights"));
    rt_dwconv_s8 p;
    RT_TRY(geometry(b, n, &p));
    const rt_tensor *w = b->in[1];
    int channels = w->dim[3];
    RT_TRY(rt_weights_check(b, n, channels, 3));
    RT_TRY(
        rt_weights_requant(b, n, channels, rt_opt(b, n, TFL_SLOT_DWCONV_ACTIVATION), &p.requant));
    p.bias = rt_weights_bias(b, n->info.n_in > 2 ? b->in[2] : NULL, channels);
    const int8_t *from = rt_weights_int8(b, w);
    int16_t *to = rt_alloc(b, w->count * sizeof *to);
    int32_t zero = w->type == RT_UINT8 ? rt_weights_zero(w) : 0;
    for (size_t i = 0; to != NULL && i < w->count; i++)
        to[i] = (int16_t)(from[i] - zero);
    p.weights = to;
    n->info.macs = (uint64_t)b->out[0]->count * (uint64_t)p.k_h * (uint64_t)p.k_w;
    n->scratch_bytes = rt_dwconv_scratch(&p);
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
