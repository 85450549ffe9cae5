/* CONCATENATION - inputs that differ in one dimension, one behind the other along it; of any type.
 *
 * int8 inputs have the output's scale and zero point exactly; uint8 inputs that do not are rescaled
 * in binary32, by a table of all codes: reference/concatenation.h. */
#include <string.h>

#include "runtime/op.h"

typedef struct piece {
    size_t bytes;         /* that this input adds to each run of the output */
    const uint8_t *table; /* NULL: copy */
} piece;

typedef struct concat {
    int count;
    size_t runs, bytes; /* of the output: runs of `bytes` bytes */
    const piece *pieces;
} concat;

static void run(const rt_call *c)
{
    const concat *p = c->params;
    size_t at = 0;
    for (int i = 0; i < p->count; i++) {
        const piece *q = &p->pieces[i];
        for (size_t r = 0; r < p->runs; r++) {
            uint8_t *to = (uint8_t *)c->out[0] + r * p->bytes + at;
            const uint8_t *from = (const uint8_t *)c->in[i] + r * q->bytes;
            if (q->table == NULL)
                memcpy(to, from, q->bytes);
            for (size_t k = 0; q->table != NULL && k < q->bytes; k++)
                to[k] = q->table[from[k]];
        }
        at += q->bytes;
    }
}

/* Codes of one scale as codes of another, in binary32 like the reference. */
static const uint8_t *rescale_table(rt_build *b, const rt_tensor *x, const rt_tensor *y)
{
    uint8_t table[256];
    float inverse = 1.0f / y->scale, factor = x->scale * inverse;
    float bias = (float)-x->zero_point * factor;
    for (int q = 0; q < 256; q++) {
        float scaled = (float)q * factor;
        int64_t v = rt_round_code((double)(scaled + bias));
        table[q] = (uint8_t)rt_clamp(v + y->zero_point, 0, 255);
    }
    return rt_keep(b, table, sizeof table);
}

static rt_status check_input(rt_build *b, const rt_node *n, int i, int axis, int64_t *sum)
{
    const rt_tensor *x = b->in[i], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    RT_TRY(rt_check_type(b, n, x, y->type, "input"));
    RT_TRY(rt_check_rank(b, n, x, y->rank, "input"));
    for (int d = 0; d < y->rank; d++)
        if (x->dim[d] != y->dim[d] && d != axis)
            return RT_REFUSE(b, n, RT_EFORMAT,
                             "input %d \"%s\": dimension %d is %d, of the output %d", i, x->name, d,
                             (int)x->dim[d], (int)y->dim[d]);
    *sum += x->dim[axis];
    if (rt_is_8bit(y))
        RT_TRY(rt_check_whole(b, n, x, "input"));
    if (y->type == RT_INT8 && !rt_same_affine(x, y))
        return RT_REFUSE(b, n, RT_ENOTSUP, "int8 input %d \"%s\" is not quantized as the output", i,
                         x->name);
    return RT_OK;
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    const rt_tensor *y = b->out[0];
    if (rt_is_8bit(y))
        RT_TRY(rt_check_whole(b, n, y, "output"));
    if (rt_opt(b, n, TFL_SLOT_CONCAT_ACTIVATION) != TFL_ACT_NONE)
        return RT_REFUSE(b, n, RT_ENOTSUP, "fused activation");
    int axis = rt_opt(b, n, TFL_SLOT_CONCAT_AXIS);
    if (axis < -y->rank || axis >= y->rank)
        return RT_REFUSE(b, n, RT_EFORMAT, "axis %d of rank %d", axis, y->rank);
    axis += axis < 0 ? y->rank : 0;
    size_t inner = rt_type_bytes(y->type);
    for (int d = axis + 1; d < y->rank; d++)
        inner *= (size_t)y->dim[d];
    concat p = { .count = n->info.n_in, .bytes = inner * (size_t)y->dim[axis] };
    p.runs = y->bytes / p.bytes;
    piece *pieces = rt_alloc(b, (size_t)p.count * sizeof *pieces);
    int64_t sum = 0;
    for (int i = 0; i < p.count; i++) {
        RT_TRY(check_input(b, n, i, axis, &sum));
        bool other = y->type == RT_UINT8 && !rt_same_affine(b->in[i], y);
        if (other && (b->in[i]->n_scales == 0 || y->n_scales == 0))
            return RT_REFUSE(b, n, RT_EFORMAT, "input %d or the output has no scale", i);
        piece q = { inner * (size_t)b->in[i]->dim[axis],
                    other ? rescale_table(b, b->in[i], y) : NULL };
        if (pieces != NULL)
            pieces[i] = q;
    }
    if (sum != y->dim[axis])
        return RT_REFUSE(b, n, RT_EFORMAT, "inputs sum to %lld along axis %d, the output has %d",
                         (long long)sum, axis, (int)y->dim[axis]);
    p.pieces = pieces;
    n->params = rt_keep(b, &p, sizeof p);
    n->run = run;
    return RT_OK;
}

static const rt_field fields[] = {
    { "axis", TFL_SLOT_CONCAT_AXIS, RT_FIELD_INT, 0 },
    { "activation", TFL_SLOT_CONCAT_ACTIVATION, RT_FIELD_ACTIVATION, 0 },
    { 0 },
};

const rt_op rt_op_concatenation = {
    .name = "CONCATENATION",
    .code = TFL_OP_CONCATENATION,
    .max_version = 7,
    .options = TFL_OPTIONS_CONCATENATION,
    .fields = fields,
    .in_min = 1,
    .in_max = RT_MAX_OP_TENSORS,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
