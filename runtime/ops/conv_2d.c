/* CONV_2D - x [N,H,W,C], weights [O,KH,KW,C/G], bias [O] -> y [N,OH,OW,O].
 *
 * G groups, if the weights have fewer channels than x (a divisor).  int8 with int8 or int4 weights
 * (zero point 0, scales per channel or one), or legacy uint8, or float.  Arithmetic:
 * runtime/kernels/conv_s8.h, conv_f32.h. */
#include "runtime/kernels/conv_s8.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/hybrid.h"
#include "runtime/ops/weights.h"

static rt_status geometry(rt_build *b, const rt_node *n, rt_window *w, int32_t *groups)
{
    static const rt_window_slots slots = { TFL_SLOT_CONV_PADDING, TFL_SLOT_CONV_STRIDE_H,
                                           TFL_SLOT_CONV_STRIDE_W, TFL_SLOT_CONV_DILATION_H,
                                           TFL_SLOT_CONV_DILATION_W };
    const rt_tensor *x = b->in[0], *f = b->in[1];
    RT_TRY(rt_check_rank(b, n, f, 4, "weights"));
    RT_TRY(rt_slide_window(b, n, &slots, f->dim[1], f->dim[2], f->dim[0], w));
    *groups = f->dim[3] > 0 ? x->dim[3] / f->dim[3] : 0;
    if (*groups < 1 || x->dim[3] % f->dim[3] != 0 || f->dim[0] < 1 || f->dim[0] % *groups != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "%d input channels, weights for %d, %d outputs",
                         (int)x->dim[3], (int)f->dim[3], (int)f->dim[0]);
    return RT_OK;
}

static rt_status check_zero_points(rt_build *b, const rt_node *n, const rt_tensor *f)
{
    for (int c = 0; f->type != RT_UINT8 && c < f->n_scales; c++)
        if (rt_zero_point(f, c) != 0)
            return RT_REFUSE(b, n, RT_EFORMAT, "weights \"%s\" have zero point %d", f->name,
                             (int)rt_zero_point(f, c));
    return RT_OK;
}

static rt_status prepare_float(rt_build *b, rt_node *n, const rt_window *win, int32_t groups,
                               int32_t activation)
{
    const rt_tensor *f = b->in[1];
    if (f->type == RT_INT4 && f->n_scales > 1)
        return RT_REFUSE(b, n, RT_ENOTSUP, "float input and INT4 weights \"%s\" of %d scales",
                         f->name, f->n_scales);
    RT_TRY(rt_use_conv_f32(b, n, win, groups, activation));
    bool asymmetric = f->n_scales > 1 || groups > 1;
    return rt_weights_hybrid(b) ? rt_use_hybrid(b, n, (size_t)win->n, asymmetric) : RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    rt_window win;
    int32_t groups, activation = rt_opt(b, n, TFL_SLOT_CONV_ACTIVATION);
    RT_TRY(rt_check_present(b, n, b->in[0], "input"));
    RT_TRY(rt_check_present(b, n, b->in[1], "weights"));
    RT_TRY(geometry(b, n, &win, &groups));
    if (b->in[0]->type == RT_FLOAT32)
        return prepare_float(b, n, &win, groups, activation);
    rt_conv_s8 p = { .win = win, .groups = groups, .k = win.k_h * win.k_w * (win.in_c / groups) };
    RT_TRY(rt_weights_check(b, n, win.out_c, 0));
    RT_TRY(check_zero_points(b, n, b->in[1]));
    RT_TRY(rt_weights_requant(b, n, win.out_c, activation, &p.requant));
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
