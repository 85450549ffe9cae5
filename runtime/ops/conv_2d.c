/* CONV_2D - x [N,H,W,C], weights [O,KH,KW,C/G], bias [O] -> y [N,OH,OW,O].
 *
 * G groups, if the weights have fewer channels than x (a divisor).  int8 with int8 or int4 weights (zero
 * point 0, scales per channel or one), or legacy uint8.  Arithmetic: runtime/kernels/conv_s8.h. */
#include "runtime/kernels/conv_s8.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/weights.h"

static rt_status geometry(rt_build *b, const rt_node *n, rt_conv_s8 *p)
{
    const rt_tensor *x = b->in[0], *w = b->in[1], *y = b->out[0];
    RT_TRY(rt_check_rank(b, n, x, 4, "input"));
    RT_TRY(rt_check_rank(b, n, w, 4, "weights"));
    rt_axis rows = { .in = x->dim[1],
                     .k = w->dim[1],
                     .stride = rt_opt(b, n, TFL_SLOT_CONV_STRIDE_H),
                     .dilation = rt_opt(b, n, TFL_SLOT_CONV_DILATION_H) };
    rt_axis columns = { .in = x->dim[2],
                        .k = w->dim[2],
                        .stride = rt_opt(b, n, TFL_SLOT_CONV_STRIDE_W),
                        .dilation = rt_opt(b, n, TFL_SLOT_CONV_DILATION_W) };
    int32_t padding = rt_opt(b, n, TFL_SLOT_CONV_PADDING);
    RT_TRY(rt_slide(b, n, &rows, padding, "height"));
    RT_TRY(rt_slide(b, n, &columns, padding, "width"));
    int32_t groups = w->dim[3] > 0 ? x->dim[3] / w->dim[3] : 0;
    if (groups < 1 || x->dim[3] % w->dim[3] != 0 || w->dim[0] < 1 || w->dim[0] % groups != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "%d input channels, weights for %d, %d outputs",
                         (int)x->dim[3], (int)w->dim[3], (int)w->dim[0]);
    const int32_t shape[4] = { x->dim[0], rows.out, columns.out, w->dim[0] };
    RT_TRY(rt_check_shape(b, n, y, 4, shape, "output"));
    *p = (rt_conv_s8){
        .n = x->dim[0],
        .in_h = rows.in,
        .in_w = columns.in,
        .in_c = x->dim[3],
        .out_h = rows.out,
        .out_w = columns.out,
        .out_c = w->dim[0],
        .k_h = rows.k,
        .k_w = columns.k,
        .stride_h = rows.stride,
        .stride_w = columns.stride,
        .dilation_h = rows.dilation,
        .dilation_w = columns.dilation,
        .pad_top = rows.pad,
        .pad_left = columns.pad,
        .groups = groups,
        .k = (int32_t)(w->count / (size_t)w->dim[0]),
    };
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(rt_check_present(b, n, b->in[0], "input"));
    RT_TRY(rt_check_present(b, n, b->in[1], "weights"));
    rt_conv_s8 p;
    RT_TRY(geometry(b, n, &p));
    RT_TRY(rt_weights_check(b, n, p.out_c, 0));
    const rt_tensor *w = b->in[1];
    for (int c = 0; w->type != RT_UINT8 && c < w->n_scales; c++)
        if (rt_zero_point(w, c) != 0)
            return RT_REFUSE(b, n, RT_EFORMAT, "weights \"%s\" have zero point %d", w->name,
                             (int)rt_zero_point(w, c));
    RT_TRY(rt_weights_requant(b, n, p.out_c, rt_opt(b, n, TFL_SLOT_CONV_ACTIVATION), &p.requant));
    return rt_use_conv(b, n, &p);
}

static const rt_field fields[] = {
    { "padding", TFL_SLOT_CONV_PADDING, RT_FIELD_PADDING, 0 },
    { "stride_h", TFL_SLOT_CONV_STRIDE_H, RT_FIELD_INT, 0 },
    { "stride_w", TFL_SLOT_CONV_STRIDE_W, RT_FIELD_INT, 0 },
    { "dilation_h", TFL_SLOT_CONV_DILATION_H, RT_FIELD_INT, 1 },
    { "dilation_w", TFL_SLOT_CONV_DILATION_W, RT_FIELD_INT, 1 },
    { "activation", TFL_SLOT_CONV_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { 0 },
};

const rt_op rt_op_conv_2d = {
    .name = "CONV_2D",
    .code = TFL_OP_CONV_2D,
    .max_version = 8,
    .options = TFL_OPTIONS_CONV_2D,
    .fields = fields,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1 | 1 << 2,
    .prepare = prepare,
};
