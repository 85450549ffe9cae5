#include "runtime/ops/binary.h"

typedef struct binary {
    rt_broadcast shape;
    size_t bytes;
    rt_binary_row *row;
    const void *params;
} binary;

rt_status rt_binary_check(rt_build *b, const rt_node *n, bool scaled)
{
    const rt_tensor *t[3] = { b->in[0], b->in[1], b->out[0] };
    static const char *const names[3] = { "input 0", "input 1", "output" };
    for (int i = 0; i < 3; i++) {
        RT_TRY(rt_check_present(b, n, t[i], names[i]));
        RT_TRY(rt_check_type(b, n, t[i], t[0]->type, names[i]));
        if (rt_is_8bit(t[0]) && scaled)
            RT_TRY(rt_check_affine(b, n, t[i], names[i]));
    }
    return RT_OK;
}

/* A piece of a plain row. */
static void run_piece(void *arg, int chunk, int worker)
{
    (void)worker;
    const rt_call *c = arg;
    const binary *p = c->params;
    size_t begin = (size_t)chunk * RT_PIECE, end = rt_piece_end(p->shape.dim[0], begin);
    p->row((uint8_t *)c->out[0] + begin * p->bytes, (const uint8_t *)c->in[0] + begin * p->bytes,
           (const uint8_t *)c->in[1] + begin * p->bytes, end - begin, p->params);
}

static void run(const rt_call *c)
{
    const binary *p = c->params;
    rt_call call = *c;
    if (rt_broadcast_is_plain(&p->shape))
        rt_for(c, rt_pieces(p->shape.dim[0]), run_piece, &call);
    else
        rt_broadcast_run(&p->shape, c->out[0], c->in[0], c->in[1], p->bytes, p->row, p->params);
}

rt_status rt_use_binary(rt_build *b, rt_node *n, rt_binary_row *row, const void *params,
                        size_t params_bytes)
{
    const rt_tensor *x = b->in[0], *y = b->in[1], *out = b->out[0];
    int32_t shape[RT_MAX_RANK];
    binary p;
    if (x->count == 0 || y->count == 0 ||
        !rt_broadcast_of(&p.shape, x->rank, x->dim, y->rank, y->dim, shape))
        return RT_REFUSE(b, n, RT_EFORMAT, "shapes of \"%s\" and \"%s\" do not fit each other",
                         x->name, y->name);
    int rank = x->rank > y->rank ? x->rank : y->rank;
    RT_TRY(rt_check_shape(b, n, out, rank, shape, "output"));
    p.bytes = rt_type_bytes(out->type);
    p.row = row;
    p.params = rt_keep(b, params, params_bytes);
    n->in_place = rt_broadcast_is_plain(&p.shape) ? 3 : 0;
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

/* ---- float ----------------------------------------------------------------------------------- */

typedef struct bounds {
    float lo, hi;
} bounds;

static float clamp(float v, const bounds *p)
{
    return v < p->lo ? p->lo : v > p->hi ? p->hi : v;
}

static void add_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const float *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = clamp(x[i] + y[i], params);
}

static void sub_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const float *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = clamp(x[i] - y[i], params);
}

static void mul_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const float *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = clamp(x[i] * y[i], params);
}

rt_status rt_use_binary_float(rt_build *b, rt_node *n, char op, int32_t activation)
{
    bounds p;
    RT_TRY(rt_activation_range_float(b, n, activation, &p.lo, &p.hi));
    rt_binary_row *row = op == '+' ? add_row : op == '-' ? sub_row : mul_row;
    return rt_use_binary(b, n, row, &p, sizeof p);
}

/* ---- whole numbers --------------------------------------------------------------------------- */

typedef struct whole {
    int64_t lo, hi;
    char op;
} whole;

/* Modulo 2^64, of which the lower half is the result modulo 2^32. */
static uint64_t combine(uint64_t a, uint64_t b, char op)
{
    return op == '+' ? a + b : op == '-' ? a - b : a * b;
}

static int64_t limit(int64_t v, const whole *p)
{
    return v < p->lo ? p->lo : v > p->hi ? p->hi : v;
}

static void int32_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const uint32_t *x = a, *y = b;
    const whole *p = params;
    for (size_t i = 0; i < n; i++)
        ((int32_t *)out)[i] = (int32_t)limit((int32_t)combine(x[i], y[i], p->op), p);
}

static void int64_row(void *out, const void *a, const void *b, size_t n, const void *params)
{
    const uint64_t *x = a, *y = b;
    const whole *p = params;
    for (size_t i = 0; i < n; i++)
        ((int64_t *)out)[i] = limit((int64_t)combine(x[i], y[i], p->op), p);
}

rt_status rt_use_binary_whole(rt_build *b, rt_node *n, char op, int32_t activation)
{
    rt_type type = b->out[0]->type;
    float lo, hi;
    if (type != RT_INT32 && type != RT_INT64)
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s", rt_type_name(type));
    RT_TRY(rt_activation_range_float(b, n, activation, &lo, &hi));
    whole p = { lo < -1 ? INT64_MIN : (int64_t)lo, hi > 6 ? INT64_MAX : (int64_t)hi, op };
    return rt_use_binary(b, n, type == RT_INT32 ? int32_row : int64_row, &p, sizeof p);
}
