#include "docs/tour/code/one_op.h"

#include <string.h>

#include "export/tflite.h"
#include "runtime/rt.h"

static nn_status add(int32_t *index, tfl_model *m, const char *name, const tour_codes *c, int rank)
{
    tfl_tensor t = { .name = name, .type = TFL_TYPE_INT8, .rank = rank, .dim = { 1, 1, 1, 1 } };
    t.dim[rank - 1] = c->n;
    t.quant = (tfl_quant){ .n = 1, .scale = &c->scale, .zero_point = &c->zero_point };
    return tfl_add_tensor(index, m, &t);
}

static nn_status add_constants(int32_t in[2], tfl_model *m, const tour_op *op)
{
    const tour_codes *w = op->weights;
    const float scale = op->x[0].scale * w->scale;
    tfl_tensor weights = { .name = "weights",
                           .type = TFL_TYPE_INT8,
                           .rank = 4,
                           .dim = { 1, 1, 1, w->n },
                           .data = w->code,
                           .bytes = (size_t)w->n,
                           .quant = { .n = 1, .scale = &w->scale } };
    tfl_tensor bias = { .name = "bias",
                        .type = TFL_TYPE_INT32,
                        .rank = 1,
                        .dim = { 1 },
                        .data = &op->bias,
                        .bytes = sizeof op->bias,
                        .quant = { .n = 1, .scale = &scale } };
    NN_TRY(tfl_add_tensor(&in[0], m, &weights));
    return tfl_add_tensor(&in[1], m, &bias);
}

static nn_status fill(tfl_model *m, const tour_op *op)
{
    static const char *const names[] = { "a", "b" };
    const int rank = op->weights != NULL ? 4 : 2;
    int32_t in[4], out;
    int n = 0;
    for (; n < op->n_x; n++) {
        NN_TRY(add(&in[n], m, names[n], &op->x[n], rank));
        NN_TRY(tfl_add_input(m, in[n], NULL));
    }
    if (op->weights != NULL) {
        NN_TRY(add_constants(&in[n], m, op));
        n += 2;
    }
    NN_TRY(add(&out, m, "y", &op->y, rank));
    NN_TRY(tfl_add_output(m, out, NULL));
    return tfl_add_operator(m, &(tfl_operator){ op->code, n, 1, in, &out, op->attr });
}

static nn_status run(int8_t *out, nn_arena *a, const nn_bytes *file, const tour_op *op)
{
    rt_error error;
    rt_model *m;
    size_t bytes;
    if (rt_measure(&bytes, file->data, file->size, NULL, &error) != RT_OK ||
        rt_open(&m, file->data, file->size, NULL, nn_arena_alloc(a, bytes), bytes, &error) != RT_OK)
        return nn_fail(NN_EFORMAT, "%s", error.text);
    void *arena = nn_arena_alloc(a, rt_arena_bytes(m));
    if (arena == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: an arena");
    for (int i = 0; i < op->n_x; i++)
        memcpy(rt_data(m, arena, rt_input(m, i)), op->x[i].code, (size_t)op->x[i].n);
    rt_run(m, arena, NULL);
    memcpy(out, rt_data(m, arena, rt_output(m, 0)), (size_t)op->y.n);
    return NN_OK;
}

nn_status tour_run_op(int8_t *out, const tour_op *op)
{
    nn_arena *a;
    tfl_model *m;
    nn_bytes file = { 0 };
    NN_TRY(nn_arena_new(&a));
    nn_status st = tfl_model_new(&m, a, "main", "one operator");
    if (st == NN_OK)
        st = fill(m, op);
    if (st == NN_OK)
        st = ex_tflite_write(&file, m);
    if (st == NN_OK)
        st = run(out, a, &file, op);
    nn_bytes_free(&file);
    nn_arena_free(a);
    return st;
}
