/* SOFTMAX - along the last dimension; int8 and uint8: runtime/kernels/softmax_s8.h; float. */
#include "runtime/kernels/softmax_s8.h"

#include "runtime/op.h"

typedef struct softmax {
    rt_softmax_s8 p;
    int rows;
} softmax;

static void run_row(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const softmax *p = c->params;
    size_t at = (size_t)chunk * (size_t)p->p.depth;
    rt_softmax_run(&p->p, (const uint8_t *)c->in[0] + at, (uint8_t *)c->out[0] + at);
}

static void run(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, ((const softmax *)c->params)->rows, run_row, &call);
}

typedef struct softmax_float {
    size_t depth;
    int rows;
    double beta;
} softmax_float;

/* e^(beta (x - max)), divided by their sum; in double, as the runtime's exp is. */
static void run_row_float(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const softmax_float *p = c->params;
    const float *x = (const float *)c->in[0] + (size_t)chunk * p->depth;
    float *y = (float *)c->out[0] + (size_t)chunk * p->depth;
    float most = x[0];
    for (size_t i = 1; i < p->depth; i++)
        most = x[i] > most ? x[i] : most;
    double sum = 0;
    for (size_t i = 0; i < p->depth; i++)
        sum += rt_exp(((double)x[i] - (double)most) * p->beta);
    for (size_t i = 0; i < p->depth; i++)
        y[i] = (float)(rt_exp(((double)x[i] - (double)most) * p->beta) / sum);
}

static void run_float(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, ((const softmax_float *)c->params)->rows, run_row_float, &call);
}

static rt_status prepare_float(rt_build *b, rt_node *n, double beta)
{
    const rt_tensor *x = b->in[0];
    softmax_float p = { (size_t)x->dim[x->rank - 1], 0, beta };
    p.rows = (int)(x->count / p.depth);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run_float;
    return RT_OK;
}

/* The kernel's results are codes of scale 1/256 from the lowest code on, whatever the file says. */
static rt_status check_output(rt_build *b, const rt_node *n)
{
    const rt_tensor *y = b->out[0];
    double off = (double)y->scale * 256 - 1;
    if (y->zero_point != rt_lowest(y->type) || off > 1e-3 || off < -1e-3)
        return RT_REFUSE(b, n, RT_ENOTSUP, "output \"%s\" must have scale 1/256 and zero point %d",
                         y->name, (int)rt_lowest(y->type));
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    double beta = (double)rt_opt_float(b, n, TFL_SLOT_SOFTMAX_BETA);
    if ((!rt_is_8bit(x) && x->type != RT_FLOAT32) || x->rank < 1)
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s, rank %d", rt_type_name(x->type), x->rank);
    RT_TRY(rt_check_same_shape(b, n, x, y));
    if (x->type == RT_FLOAT32)
        return prepare_float(b, n, beta);
    RT_TRY(rt_check_affine(b, n, x, "input"));
    RT_TRY(rt_check_affine(b, n, y, "output"));
    RT_TRY(check_output(b, n));
    softmax p = { .p = { .depth = x->dim[x->rank - 1],
                         .unsigned_x = x->type == RT_UINT8,
                         .unsigned_y = y->type == RT_UINT8 } };
    p.rows = (int)(x->count / (size_t)p.p.depth);
    if (p.p.depth > RT_SOFTMAX_MOST)
        return RT_REFUSE(b, n, RT_ENOTSUP, "rows of %d values; at most %d", (int)p.p.depth,
                         RT_SOFTMAX_MOST);
    if (!rt_softmax_set(&p.p, (double)x->scale, beta))
        return RT_REFUSE(b, n, RT_ENOTSUP, "beta times scale is below 2^-26");
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "beta", TFL_SLOT_SOFTMAX_BETA, RT_FIELD_FLOAT, 0 },
    { 0 },
};

const rt_op rt_op_softmax = {
    .name = "SOFTMAX",
    .code = TFL_OP_SOFTMAX,
    .max_version = 3,
    .options = TFL_OPTIONS_SOFTMAX,
    .fields = fields,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
