#include "export/tfl_model.h"

#include <string.h>

#include "export/tfl_check.h"

/* The array with room for one more than n elements: it doubles whenever n reaches a power of
 * two. */
static void *with_room(nn_arena *arena, void *array, int n, size_t each)
{
    if (n > 0 && (n & (n - 1)) != 0)
        return array;
    void *larger = nn_arena_alloc(arena, (n > 0 ? 2 * (size_t)n : 1) * each);
    if (larger != NULL && n > 0)
        memcpy(larger, array, (size_t)n * each);
    return larger;
}

/* Replaces *p, which points to `bytes` bytes of somebody, by a copy; false if memory is out. */
static bool own(nn_arena *arena, const void **p, size_t bytes)
{
    if (*p == NULL || bytes == 0)
        return true;
    void *copy = nn_arena_alloc(arena, bytes);
    if (copy != NULL)
        memcpy(copy, *p, bytes);
    *p = copy;
    return copy != NULL;
}

static bool own_string(nn_arena *arena, const char **s)
{
    *s = nn_arena_strdup(arena, *s != NULL ? *s : "");
    return *s != NULL;
}

nn_status tfl_model_new(tfl_model **out, nn_arena *arena, const char *name, const char *description)
{
    tfl_model *m = nn_arena_alloc(arena, sizeof *m);
    if (m == NULL)
        return NN_ENOMEM;
    *m = (tfl_model){ .arena = arena, .name = name, .description = description };
    if (!own_string(arena, &m->name) || !own_string(arena, &m->description))
        return NN_ENOMEM;
    *out = m;
    return NN_OK;
}

static bool own_quant(nn_arena *arena, tfl_quant *q)
{
    size_t n = (size_t)q->n;
    const void *scale = q->scale, *zero = q->zero_point, *min = q->min, *max = q->max;
    bool ok = own(arena, &scale, n * sizeof *q->scale) &&
              own(arena, &zero, n * sizeof *q->zero_point) &&
              own(arena, &min, n * sizeof *q->min) && own(arena, &max, n * sizeof *q->max);
    if (ok && zero == NULL && n > 0) { /* all 0, as the arena gives it */
        zero = nn_arena_alloc(arena, n * sizeof *q->zero_point);
        ok = zero != NULL;
    }
    *q = (tfl_quant){ q->n, scale, zero, q->axis, min, max };
    return ok;
}

nn_status tfl_add_tensor(int32_t *index, tfl_model *m, const tfl_tensor *t)
{
    NN_TRY(tfl_check_tensor(t));
    tfl_tensor copy = *t;
    if (!own_string(m->arena, &copy.name) || !own_quant(m->arena, &copy.quant))
        return NN_ENOMEM;
    tfl_tensor *tensors = with_room(m->arena, m->tensors, m->n_tensors, sizeof *tensors);
    if (tensors == NULL)
        return NN_ENOMEM;
    m->tensors = tensors;
    m->tensors[m->n_tensors] = copy;
    *index = m->n_tensors++;
    return NN_OK;
}

/* Little-endian, whatever this machine is. */
static void store_ints(uint8_t *bytes, const int32_t *values, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 4; k++)
            bytes[4 * i + k] = (uint8_t)((uint32_t)values[i] >> (8 * k));
}

static nn_status add_ints(int32_t *index, tfl_model *m, const int32_t *values, tfl_tensor t)
{
    t.bytes = tfl_tensor_bytes(&t);
    uint8_t *data = nn_arena_alloc(m->arena, t.bytes);
    if (data == NULL)
        return NN_ENOMEM;
    store_ints(data, values, (int)(t.bytes / 4));
    t.data = data;
    return tfl_add_tensor(index, m, &t);
}

nn_status tfl_add_ints(int32_t *index, tfl_model *m, const char *name, const int32_t *values, int n)
{
    tfl_tensor t = { .name = name, .type = TFL_TYPE_INT32, .rank = n > 0, .dim = { n } };
    return add_ints(index, m, values, t);
}

nn_status tfl_add_pairs(int32_t *index, tfl_model *m, const char *name, const int32_t *values,
                        int n)
{
    tfl_tensor t = { .name = name, .type = TFL_TYPE_INT32, .rank = 2, .dim = { n, 2 } };
    return add_ints(index, m, values, t);
}

nn_status tfl_add_operator(tfl_model *m, const tfl_operator *op)
{
    NN_TRY(tfl_check_operator(m, op));
    tfl_operator copy = *op;
    const void *in = op->in, *out = op->out;
    if (!own(m->arena, &in, (size_t)op->n_in * sizeof *op->in) ||
        !own(m->arena, &out, (size_t)op->n_out * sizeof *op->out))
        return NN_ENOMEM;
    copy.in = in;
    copy.out = out;
    tfl_operator *operators = with_room(m->arena, m->operators, m->n_operators, sizeof *operators);
    if (operators == NULL)
        return NN_ENOMEM;
    m->operators = operators;
    m->operators[m->n_operators++] = copy;
    return NN_OK;
}

static nn_status add_port(tfl_model *m, tfl_port **ports, int *n, int32_t tensor, const char *name)
{
    if (tensor < 0 || tensor >= m->n_tensors)
        return nn_fail(NN_EINVAL, "input or output %d is tensor %d of %d", *n, tensor,
                       m->n_tensors);
    tfl_port port = { tensor, name != NULL ? name : m->tensors[tensor].name };
    tfl_port *larger = with_room(m->arena, *ports, *n, sizeof *larger);
    if (larger == NULL || !own_string(m->arena, &port.name))
        return NN_ENOMEM;
    *ports = larger;
    larger[(*n)++] = port;
    return NN_OK;
}

nn_status tfl_add_input(tfl_model *m, int32_t tensor, const char *name)
{
    return add_port(m, &m->inputs, &m->n_inputs, tensor, name);
}

nn_status tfl_add_output(tfl_model *m, int32_t tensor, const char *name)
{
    return add_port(m, &m->outputs, &m->n_outputs, tensor, name);
}

nn_status tfl_add_metadata(tfl_model *m, const char *name, const void *data, size_t bytes)
{
    tfl_metadata entry = { name, data, bytes };
    tfl_metadata *larger = with_room(m->arena, m->metadata, m->n_metadata, sizeof *larger);
    if (larger == NULL || !own_string(m->arena, &entry.name) || !own(m->arena, &entry.data, bytes))
        return NN_ENOMEM;
    m->metadata = larger;
    m->metadata[m->n_metadata++] = entry;
    return NN_OK;
}
