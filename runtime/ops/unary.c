#include "runtime/ops/unary.h"

rt_status rt_unary_check(rt_build *b, const rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    if (!rt_is_8bit(x) || !rt_is_8bit(y) || x->type != y->type)
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s to %s", rt_type_name(x->type),
                         rt_type_name(y->type));
    RT_TRY(rt_check_affine(b, n, x, "input"));
    RT_TRY(rt_check_affine(b, n, y, "output"));
    return rt_check_same_shape(b, n, x, y);
}

typedef struct unary {
    size_t count;
    rt_unary_function *f;
    rt_unary_numbers numbers;
} unary;

static void run_piece(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const unary *p = c->params;
    const float *x = c->in[0];
    float *y = c->out[0];
    size_t begin = (size_t)chunk * RT_PIECE, end = rt_piece_end(p->count, begin);
    for (size_t i = begin; i < end; i++)
        y[i] = p->f(x[i], &p->numbers);
}

static void run(const rt_call *c)
{
    rt_call call = *c;
    rt_for(c, rt_pieces(((const unary *)c->params)->count), run_piece, &call);
}

rt_status rt_use_unary_float(rt_build *b, rt_node *n, rt_unary_function *f,
                             rt_unary_numbers numbers)
{
    RT_TRY(rt_check_type(b, n, b->out[0], RT_FLOAT32, "output"));
    RT_TRY(rt_check_same_shape(b, n, b->in[0], b->out[0]));
    unary p = { b->in[0]->count, f, numbers };
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    n->in_place = 1;
    return RT_OK;
}
