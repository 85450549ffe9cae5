/* RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR - x [N,H,W,C] -> y [N,OH,OW,C]; input 1 is (OH, OW).
 *
 * Codes are not rescaled: input and output are quantized alike by convention.  Arithmetic:
 * runtime/kernels/resize.h. */
#include "runtime/kernels/resize.h"

#include "runtime/op.h"

typedef struct resize {
    rt_resize p;
    void (*row)(const rt_resize *p, void *out, const void *in, int row);
} resize;

static void run_row(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const resize *p = c->params;
    p->row(&p->p, c->out[0], c->in[0], chunk);
}

static void run(const rt_call *c)
{
    const resize *p = c->params;
    rt_call call = *c;
    rt_for(c, p->p.n * p->p.out_h, run_row, &call);
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0], *size = b->in[1];
    bool nearest = n->op->code == TFL_OP_RESIZE_NEAREST_NEIGHBOR;
    RT_TRY(rt_check_rank(b, n, x, 4, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    RT_TRY(rt_check_constant(b, n, size, "size"));
    if (!nearest && !rt_is_8bit(x) && x->type != RT_FLOAT32)
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s", rt_type_name(x->type));
    if (size->count != 2 || y->rank != 4 || rt_constant_at(size, 0) != y->dim[1] ||
        rt_constant_at(size, 1) != y->dim[2] || y->dim[0] != x->dim[0] || y->dim[3] != x->dim[3])
        return RT_REFUSE(b, n, RT_EFORMAT, "output \"%s\" has not the shape that `size` says",
                         y->name);
    for (int i = 1; i < 3; i++) /* 2^20: the fixed-point positions stay exact */
        if (x->dim[i] > 1 << 20 || y->dim[i] > 1 << 20)
            return RT_REFUSE(b, n, RT_ENOTSUP, "sizes %d to %d", (int)x->dim[i], (int)y->dim[i]);
    resize p = { .row = nearest ? rt_resize_nearest_row : rt_resize_bilinear_row };
    p.p = (rt_resize){ x->dim[0], x->dim[1], x->dim[2],      y->dim[1],
                       y->dim[2], x->dim[3], .type = x->type };
    p.p.align_corners = rt_opt(b, n,
                               nearest ? TFL_SLOT_RESIZE_NEAREST_ALIGN_CORNERS
                                       : TFL_SLOT_RESIZE_BILINEAR_ALIGN_CORNERS) != 0;
    p.p.half_pixel = rt_opt(b, n,
                            nearest ? TFL_SLOT_RESIZE_NEAREST_HALF_PIXEL
                                    : TFL_SLOT_RESIZE_BILINEAR_HALF_PIXEL) != 0;
    if (p.p.align_corners && p.p.half_pixel)
        return RT_REFUSE(b, n, RT_EFORMAT, "both align_corners and half_pixel_centers");
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field nearest_fields[] = {
    { "align_corners", TFL_SLOT_RESIZE_NEAREST_ALIGN_CORNERS, RT_FIELD_BOOL, 0 },
    { "half_pixel_centers", TFL_SLOT_RESIZE_NEAREST_HALF_PIXEL, RT_FIELD_BOOL, 0 },
    { 0 },
};

static const rt_field bilinear_fields[] = {
    { "align_corners", TFL_SLOT_RESIZE_BILINEAR_ALIGN_CORNERS, RT_FIELD_BOOL, 0 },
    { "half_pixel_centers", TFL_SLOT_RESIZE_BILINEAR_HALF_PIXEL, RT_FIELD_BOOL, 0 },
    { 0 },
};

const rt_op rt_op_resize_nearest_neighbor = {
    .name = "RESIZE_NEAREST_NEIGHBOR",
    .code = TFL_OP_RESIZE_NEAREST_NEIGHBOR,
    .max_version = 4,
    .options = TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR,
    .fields = nearest_fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};

const rt_op rt_op_resize_bilinear = {
    .name = "RESIZE_BILINEAR",
    .code = TFL_OP_RESIZE_BILINEAR,
    .max_version = 4,
    .options = TFL_OPTIONS_RESIZE_BILINEAR,
    .fields = bilinear_fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};
