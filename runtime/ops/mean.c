/* MEAN - the mean over some dimensions; int8 and uint8 (with rescaling), float, int32, int64.
 *
 * The sum of raw codes less n zero points is multiplied by the ratio of the scales over n, in fixed
 * point: the division by n is taken into the multiplier, with as many bits as there is room for.
 * reference/reduce.h, QuantizedMeanOrSum. */
#include <string.h>

#include "runtime/op.h"

typedef struct mean {
    int rank;
    int32_t dim[RT_MAX_RANK];
    size_t step[RT_MAX_RANK]; /* in the output; 0 for a reduced dimension */
    size_t outputs;
    int32_t reduced; /* elements behind one output */
    rt_multiplier m;
    int32_t zero_in, zero, lo, hi;
    rt_type type;
} mean;

/* A row of the innermost dimension, into one sum or side by side. */
static void add_row(int32_t *sum, const uint8_t *x, int32_t n, size_t step, bool unsigned_x)
{
    for (int32_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)(unsigned_x ? x[i] : (int8_t)x[i]);
        sum[(size_t)i * step] = (int32_t)((uint32_t)sum[(size_t)i * step] + v);
    }
}

/* Row r of the input (its innermost dimension): where its sums are.  `at` counts rows. */
static size_t next_row(const mean *p, int32_t at[RT_MAX_RANK])
{
    size_t to = 0;
    int last = p->rank - 1;
    for (int i = 0; i < last; i++)
        to += (size_t)at[i] * p->step[i];
    for (int i = last - 1; i >= 0 && ++at[i] == p->dim[i]; i--)
        at[i] = 0;
    return to;
}

static size_t rows_of(const mean *p)
{
    return p->outputs * (size_t)p->reduced / (size_t)p->dim[p->rank - 1];
}

/* Sums of all rows; those that follow each other into the same sums in one go. */
static void add_rows(const mean *p, const rt_kernels *kernels, int32_t *sums, const uint8_t *x)
{
    int32_t at[RT_MAX_RANK] = { 0 }, n = p->dim[p->rank - 1];
    size_t step = p->step[p->rank - 1], rows = rows_of(p), to = next_row(p, at);
    for (size_t done = 0; done < rows;) {
        size_t some = 0, next = to;
        for (; done + some < rows && next == to; some++)
            next = next_row(p, at);
        if (step == 1)
            kernels->sum(sums + to, x, some, (size_t)n, n, p->type == RT_UINT8);
        for (size_t r = 0; r < some && step != 1; r++)
            add_row(sums + to, x + r * (size_t)n, n, step, p->type == RT_UINT8);
        x += some * (size_t)n;
        done += some;
        to = next;
    }
}

/* Sums to codes, some at a time. */
static void finish(const mean *p, const rt_kernels *kernels, uint8_t *out, int32_t *sums)
{
    enum { SOME = 64 };
    int32_t mult[SOME], shift[SOME];
    for (int i = 0; i < SOME; i++) {
        mult[i] = p->m.mult;
        shift[i] = p->m.shift;
    }
    const rt_requant_rows q = { mult, shift, p->zero, p->lo, p->hi, false };
    const uint32_t zeros = (uint32_t)p->zero_in * (uint32_t)p->reduced;
    for (size_t i = 0; i < p->outputs; i++)
        sums[i] = (int32_t)((uint32_t)sums[i] - zeros);
    for (size_t i = 0; i < p->outputs; i += SOME)
        kernels->requant(out + i, sums + i, p->outputs - i < SOME ? (int)(p->outputs - i) : SOME,
                         &q);
}

static void run(const rt_call *c)
{
    const mean *p = c->params;
    int32_t *sums = (int32_t *)(void *)c->scratch;
    memset(sums, 0, p->outputs * sizeof *sums);
    add_rows(p, c->kernels, sums, c->in[0]);
    finish(p, c->kernels, c->out[0], sums);
}

/* Float: sums in double, as many terms may meet. */
static void run_float(const rt_call *c)
{
    const mean *p = c->params;
    double *sums = (double *)(void *)c->scratch;
    int32_t at[RT_MAX_RANK] = { 0 };
    const float *x = c->in[0];
    int last = p->rank - 1;
    for (size_t i = 0; i < p->outputs; i++)
        sums[i] = 0;
    for (size_t r = 0, rows = rows_of(p); r < rows; r++, x += p->dim[last]) {
        double *to = sums + next_row(p, at);
        for (int32_t i = 0; i < p->dim[last]; i++)
            to[(size_t)i * p->step[last]] += (double)x[i];
    }
    for (size_t i = 0; i < p->outputs; i++)
        ((float *)c->out[0])[i] = (float)(sums[i] / p->reduced);
}

static int64_t number_at(const void *x, size_t i, rt_type type)
{
    return type == RT_INT64 ? ((const int64_t *)x)[i] : ((const int32_t *)x)[i];
}

/* int32 and int64: a sum modulo 2^64, and the quotient toward zero. */
static void run_whole(const rt_call *c)
{
    const mean *p = c->params;
    int64_t *sums = (int64_t *)(void *)c->scratch;
    int32_t at[RT_MAX_RANK] = { 0 }, last = p->dim[p->rank - 1];
    memset(sums, 0, p->outputs * sizeof *sums);
    for (size_t r = 0, rows = rows_of(p); r < rows; r++) {
        int64_t *to = sums + next_row(p, at);
        for (int32_t i = 0; i < last; i++, to += p->step[p->rank - 1])
            *to = (int64_t)((uint64_t)*to +
                            (uint64_t)number_at(c->in[0], r * (size_t)last + (size_t)i, p->type));
    }
    for (size_t i = 0; i < p->outputs; i++) {
        int64_t v = sums[i] / p->reduced;
        if (p->type == RT_INT64)
            ((int64_t *)c->out[0])[i] = v;
        else
            ((int32_t *)c->out[0])[i] = (int32_t)v;
    }
}

/* Marks the dimensions that input 1 names. */
static rt_status read_axes(rt_build *b, const rt_node *n, bool reduce[RT_MAX_RANK])
{
    const rt_tensor *x = b->in[0], *axes = b->in[1];
    RT_TRY(rt_check_constant(b, n, axes, "axes"));
    for (size_t i = 0; i < axes->count; i++) {
        int64_t axis = rt_constant_at(axes, i);
        if (axis < -x->rank || axis >= x->rank)
            return RT_REFUSE(b, n, RT_EFORMAT, "axis %lld of rank %d", (long long)axis, x->rank);
        reduce[axis < 0 ? axis + x->rank : axis] = true;
    }
    return RT_OK;
}

/* Output shape, steps, and how many elements are behind one output. */
static rt_status reduce_shape(rt_build *b, const rt_node *n, mean *p)
{
    const rt_tensor *x = b->in[0];
    bool reduce[RT_MAX_RANK] = { false }, keep = rt_opt(b, n, TFL_SLOT_REDUCER_KEEP_DIMS) != 0;
    int32_t shape[RT_MAX_RANK];
    int rank = 0;
    RT_TRY(read_axes(b, n, reduce));
    size_t step = 1;
    p->reduced = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        p->dim[i] = x->dim[i];
        p->step[i] = reduce[i] ? 0 : step;
        if (reduce[i])
            p->reduced *= x->dim[i];
        else
            step *= (size_t)x->dim[i];
    }
    for (int i = 0; i < x->rank; i++)
        if (!reduce[i] || keep)
            shape[rank++] = reduce[i] ? 1 : x->dim[i];
    p->rank = x->rank;
    p->outputs = step;
    return rt_check_shape(b, n, b->out[0], rank, shape, "output");
}

static rt_status fold_count(rt_build *b, const rt_node *n, mean *p)
{
    double ratio = (double)b->in[0]->scale / (double)b->out[0]->scale;
    RT_TRY(rt_make_multiplier(b, n, ratio, &p->m, "output"));
    p->m = rt_multiplier_over(p->m, p->reduced);
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, y, x->type, "output"));
    bool whole = x->type == RT_INT32 || x->type == RT_INT64;
    if ((!rt_is_8bit(x) && x->type != RT_FLOAT32 && !whole) || x->rank < 1)
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s, rank %d", rt_type_name(x->type), x->rank);
    mean p;
    memset(&p, 0, sizeof p);
    RT_TRY(reduce_shape(b, n, &p));
    n->work = x->count;
    if (p.outputs > SIZE_MAX / 4 / sizeof(int64_t))
        return RT_REFUSE(b, n, RT_ELIMIT, "%zu sums", p.outputs);
    p.type = x->type;
    if (!rt_is_8bit(x)) {
        n->scratch_bytes = p.outputs * sizeof(int64_t); /* or double */
        n->params = rt_keep(b, &p, sizeof p);
        n->run = whole ? run_whole : run_float;
        return RT_OK;
    }
    RT_TRY(rt_check_affine(b, n, x, "input"));
    RT_TRY(rt_check_affine(b, n, y, "output"));
    RT_TRY(fold_count(b, n, &p));
    p.zero_in = x->zero_point;
    p.zero = y->zero_point;
    p.lo = rt_lowest(y->type);
    p.hi = rt_highest(y->type);
    n->scratch_bytes = p.outputs * sizeof(int32_t);
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "keep_dims", TFL_SLOT_REDUCER_KEEP_DIMS, RT_FIELD_BOOL, 0 },
    { 0 },
};

const rt_op rt_op_mean = {
    .name = "MEAN",
    .code = TFL_OP_MEAN,
    .max_version = 3,
    .options = TFL_OPTIONS_REDUCER,
    .fields = fields,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .consumed = 1 << 1,
    .prepare = prepare,
};
