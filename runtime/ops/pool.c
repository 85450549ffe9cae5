#include "runtime/ops/pool.h"

typedef struct pool {
    rt_pool_s8 p;
    rt_pool_row *row;
} pool;

static void run_row(void *arg, int chunk, int worker)
{
    const rt_call *c = arg;
    const pool *p = c->params;
    uint8_t *scratch = c->scratch + (size_t)worker * c->scratch_bytes;
    p->row(&p->p, c->in[0], c->out[0], chunk, (int32_t *)(void *)scratch);
}

static void run(const rt_call *c)
{
    const pool *p = c->params;
    rt_call call = *c;
    rt_for(c, p->p.n * p->p.out_h, run_row, &call);
}

rt_status rt_use_pool(rt_build *b, rt_node *n, rt_pool_row *row)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_rank(b, n, x, 4, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    if (!rt_is_8bit(x))
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s", rt_type_name(x->type));
    RT_TRY(rt_check_affine(b, n, x, "input"));
    RT_TRY(rt_check_affine(b, n, y, "output"));
    rt_axis rows = { .in = x->dim[1],
                     .k = rt_opt(b, n, TFL_SLOT_POOL_FILTER_H),
                     .stride = rt_opt(b, n, TFL_SLOT_POOL_STRIDE_H),
                     .dilation = 1 };
    rt_axis columns = { .in = x->dim[2],
                        .k = rt_opt(b, n, TFL_SLOT_POOL_FILTER_W),
                        .stride = rt_opt(b, n, TFL_SLOT_POOL_STRIDE_W),
                        .dilation = 1 };
    int32_t padding = rt_opt(b, n, TFL_SLOT_POOL_PADDING);
    RT_TRY(rt_slide(b, n, &rows, padding, "height"));
    RT_TRY(rt_slide(b, n, &columns, padding, "width"));
    const int32_t shape[4] = { x->dim[0], rows.out, columns.out, x->dim[3] };
    RT_TRY(rt_check_shape(b, n, y, 4, shape, "output"));
    pool p = { .row = row };
    p.p = (rt_pool_s8){
        .n = x->dim[0],
        .in_h = rows.in,
        .in_w = columns.in,
        .c = x->dim[3],
        .out_h = rows.out,
        .out_w = columns.out,
        .k_h = rows.k,
        .k_w = columns.k,
        .stride_h = rows.stride,
        .stride_w = columns.stride,
        .pad_top = rows.pad,
        .pad_left = columns.pad,
        .unsigned_x = x->type == RT_UINT8,
    };
    RT_TRY(rt_activation_range(b, n, rt_opt(b, n, TFL_SLOT_POOL_ACTIVATION), y, &p.p.lo, &p.p.hi));
    int64_t taps_h = rows.k < rows.in ? rows.k : rows.in;
    int64_t taps_w = columns.k < columns.in ? columns.k : columns.in;
    n->work = (uint64_t)y->count * (uint64_t)(taps_h * taps_w);
    n->scratch_bytes = (size_t)x->dim[3] * sizeof(int32_t);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

const rt_field rt_pool_fields[] = {
    { "padding", TFL_SLOT_POOL_PADDING, RT_FIELD_PADDING, 0 },
    { "filter_h", TFL_SLOT_POOL_FILTER_H, RT_FIELD_INT, 0 },
    { "filter_w", TFL_SLOT_POOL_FILTER_W, RT_FIELD_INT, 0 },
    { "stride_h", TFL_SLOT_POOL_STRIDE_H, RT_FIELD_INT, 0 },
    { "stride_w", TFL_SLOT_POOL_STRIDE_W, RT_FIELD_INT, 0 },
    { "activation", TFL_SLOT_POOL_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { 0 },
};
