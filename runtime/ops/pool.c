#include "runtime/ops/pool.h"

#include "runtime/kernels/pool_f32.h"

enum { MOST_TAPS = INT32_MAX / 255 }; /* of an average: their sum of codes fits an int32 */

typedef struct pool {
    rt_pool_s8 p;
    rt_pool_row *row;
} pool;

static void run_row(void *arg, int chunk, int worker)
{
    const rt_call *c = arg;
    const pool *p = c->params;
    uint8_t *scratch = c->scratch + (size_t)worker * c->scratch_bytes;
    p->row(&p->p, c->kernels, c->in[0], c->out[0], chunk, (int32_t *)(void *)scratch);
}

static void run(const rt_call *c)
{
    const pool *p = c->params;
    rt_call call = *c;
    rt_for(c, p->p.win.n * p->p.win.out_h, run_row, &call);
}

static void run_row_float(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    rt_pool_f32_run(c->params, c->in[0], c->out[0], chunk);
}

static void run_float(const rt_call *c)
{
    const rt_pool_f32 *p = c->params;
    rt_call call = *c;
    rt_for(c, p->win.n * p->win.out_h, run_row_float, &call);
}

static rt_status prepare_float(rt_build *b, rt_node *n, const rt_window *win, int32_t activation)
{
    rt_pool_f32 p = { .win = *win, .largest = n->op->code == TFL_OP_MAX_POOL_2D };
    RT_TRY(rt_activation_range_float(b, n, activation, &p.lo, &p.hi));
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run_float;
    return RT_OK;
}

rt_status rt_use_pool(rt_build *b, rt_node *n, rt_pool_row *row)
{
    static const rt_window_slots slots = { TFL_SLOT_POOL_PADDING, TFL_SLOT_POOL_STRIDE_H,
                                           TFL_SLOT_POOL_STRIDE_W, -1, -1 };
    const rt_tensor *x = b->in[0], *y = b->out[0];
    rt_window win;
    RT_TRY(rt_check_rank(b, n, x, 4, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    RT_TRY(rt_slide_window(b, n, &slots, rt_opt(b, n, TFL_SLOT_POOL_FILTER_H),
                           rt_opt(b, n, TFL_SLOT_POOL_FILTER_W), x->dim[3], &win));
    int64_t taps_h = win.k_h < win.in_h ? win.k_h : win.in_h;
    int64_t taps_w = win.k_w < win.in_w ? win.k_w : win.in_w;
    n->work = (uint64_t)y->count * (uint64_t)(taps_h * taps_w);
    int32_t activation = rt_opt(b, n, TFL_SLOT_POOL_ACTIVATION);
    if (x->type == RT_FLOAT32)
        return prepare_float(b, n, &win, activation);
    if (!rt_is_8bit(x))
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s", rt_type_name(x->type));
    RT_TRY(rt_check_whole(b, n, x, "input"));
    if (activation == TFL_ACT_NONE)
        RT_TRY(rt_check_whole(b, n, y, "output"));
    else
        RT_TRY(rt_check_affine(b, n, y, "output"));
    if (n->op->code == TFL_OP_AVERAGE_POOL_2D && taps_h * taps_w > MOST_TAPS)
        return RT_REFUSE(b, n, RT_ENOTSUP, "an average of %lld codes; at most %d",
                         (long long)(taps_h * taps_w), MOST_TAPS);
    pool p = { .row = row, .p = { .win = win, .unsigned_x = x->type == RT_UINT8 } };
    RT_TRY(rt_activation_range(b, n, activation, y, &p.p.lo, &p.p.hi));
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
