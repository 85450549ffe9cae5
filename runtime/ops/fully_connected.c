/* FULLY_CONNECTED - x [...], weights [O,I], bias [O] -> y [batch,O], or x's shape with O in place
 * of the last dimension (keep_num_dims).
 *
 * The accumulators are those of a convolution over one pixel; requantization is not.  The reference
 * kernel computes round(acc * (s_in s_w / s_out)) in double, halves away from zero, since LiteRT
 * 1.3 (before, and in the optimized kernels, in fixed point): about one code in 200 differs by
 * one. */
#include "runtime/ops/conv.h"
#include "runtime/ops/hybrid.h"
#include "runtime/ops/weights.h"

static rt_status check_output(rt_build *b, const rt_node *n, int32_t batch)
{
    const rt_tensor *x = b->in[0], *w = b->in[1], *y = b->out[0];
    if (rt_opt(b, n, TFL_SLOT_FC_KEEP_NUM_DIMS) == 0) {
        const int32_t shape[2] = { batch, w->dim[0] };
        return rt_check_shape(b, n, y, 2, shape, "output");
    }
    int32_t shape[RT_MAX_RANK];
    for (int i = 0; i < x->rank; i++)
        shape[i] = x->dim[i];
    if (x->rank < 1 || shape[x->rank - 1] != w->dim[1])
        return RT_REFUSE(b, n, RT_EFORMAT, "keep_num_dims: input \"%s\" does not end in %d",
                         x->name, (int)w->dim[1]);
    shape[x->rank - 1] = w->dim[0];
    return rt_check_shape(b, n, y, x->rank, shape, "output");
}

static rt_status factors(rt_build *b, const rt_node *n, rt_conv_s8 *p)
{
    double *factor = rt_alloc(b, (size_t)p->win.out_c * sizeof *factor);
    for (int c = 0; c < p->win.out_c; c++) {
        rt_multiplier unused;
        double d = rt_weights_factor(b, c, false);
        RT_TRY(rt_make_multiplier(b, n, d, &unused, "unit's multiplier"));
        if (factor != NULL)
            factor[c] = d;
    }
    p->factor = factor;
    p->requant.zero = b->out[0]->zero_point;
    return rt_activation_range(b, n, rt_opt(b, n, TFL_SLOT_FC_ACTIVATION), b->out[0],
                               &p->requant.lo, &p->requant.hi);
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *w = b->in[1];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_rank(b, n, w, 2, "weights"));
    if (w->dim[0] < 1 || w->dim[1] < 1 || x->count % (size_t)w->dim[1] != 0)
        return RT_REFUSE(b, n, RT_EFORMAT, "%zu inputs for weights [%d,%d]", x->count,
                         (int)w->dim[0], (int)w->dim[1]);
    if (rt_opt(b, n, TFL_SLOT_FC_ACTIVATION) > TFL_ACT_RELU6)
        return RT_REFUSE(b, n, RT_ENOTSUP, "fused activation %d",
                         (int)rt_opt(b, n, TFL_SLOT_FC_ACTIVATION));
    if (rt_opt(b, n, TFL_SLOT_FC_WEIGHTS_FORMAT) != 0)
        return RT_REFUSE(b, n, RT_ENOTSUP, "shuffled weights");
    /* A convolution of one tap over images of one pixel. */
    rt_window win = { .n = (int32_t)(x->count / (size_t)w->dim[1]),
                      .in_h = 1,
                      .in_w = 1,
                      .in_c = w->dim[1],
                      .out_h = 1,
                      .out_w = 1,
                      .out_c = w->dim[0],
                      .k_h = 1,
                      .k_w = 1,
                      .stride_h = 1,
                      .stride_w = 1,
                      .dilation_h = 1,
                      .dilation_w = 1 };
    RT_TRY(check_output(b, n, win.n));
    if (x->type == RT_FLOAT32) {
        RT_TRY(rt_use_conv_f32(b, n, &win, 1, rt_opt(b, n, TFL_SLOT_FC_ACTIVATION)));
        bool asymmetric = rt_opt(b, n, TFL_SLOT_FC_ASYMMETRIC) != 0;
        return rt_weights_hybrid(b) ? rt_use_hybrid(b, n, (size_t)win.n, asymmetric) : RT_OK;
    }
    RT_TRY(rt_weights_check(b, n, w->dim[0], 0));
    if (w->zero_point != 0 && w->type == RT_INT4)
        return RT_REFUSE(b, n, RT_EFORMAT, "INT4 weights with zero point %d", (int)w->zero_point);
    rt_conv_s8 p = { .win = win, .groups = 1, .k = win.in_c };
    RT_TRY(factors(b, n, &p));
    return rt_use_conv(b, n, &p);
}

static const rt_field fields[] = {
    { "activation", TFL_SLOT_FC_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { "weights_format", TFL_SLOT_FC_WEIGHTS_FORMAT, RT_FIELD_BOOL, 0 },
    { "keep_num_dims", TFL_SLOT_FC_KEEP_NUM_DIMS, RT_FIELD_BOOL, 0 },
    { "asymmetric_quantize_inputs", TFL_SLOT_FC_ASYMMETRIC, RT_FIELD_BOOL, 0 },
    { 0 },
};

const rt_op rt_op_fully_connected = {
    .name = "FULLY_CONNECTED",
    .code = TFL_OP_FULLY_CONNECTED,
    .max_version = 14,
    .options = TFL_OPTIONS_FULLY_CONNECTED,
    .fields = fields,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1 | 1 << 2,
    .prepare = prepare,
};
