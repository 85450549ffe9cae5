#include "export/outline.h"

#include <stdio.h>
#include <string.h>

#include "export/tfl_ops.h"
#include "runtime/flat.h"
#include "runtime/schema.h"

enum { MOST_LISTED = 65536 }; /* tensors, operators, metadata entries */

typedef struct reader {
    ex_outline *out;
    nn_arena *arena;
    rt_flat f;
    rt_vector codes, buffers;
    size_t left; /* bytes that may still be listed */
} reader;

/* ---- lists ----------------------------------------------------------------------------------- */

/* Counts `n` things of `each` bytes; false when there have been too many, or after an error. */
static bool spend(reader *r, size_t n, size_t each, size_t at)
{
    if (rt_flat_status(&r->f) != RT_OK)
        return false;
    if (n > r->left / each) {
        rt_flat_fail(&r->f, RT_ENOTSUP, at, "the lists of the file are longer than the file");
        return false;
    }
    r->left -= n * each;
    return true;
}

static void *list(reader *r, size_t n, size_t each)
{
    void *p = nn_arena_alloc(r->arena, (n + 1) * each);
    if (p == NULL)
        rt_flat_fail(&r->f, RT_ENOMEM, 0, "out of memory: a list of %zu", n);
    return p;
}

static rt_vector tables(reader *r, rt_table t, int slot, const char *name)
{
    rt_vector v = rt_flat_vector(&r->f, t, slot, 4, name);
    if (v.count > MOST_LISTED)
        rt_flat_fail(&r->f, RT_ENOTSUP, v.at, "%u %s; at most %d are listed", (unsigned)v.count,
                     name, MOST_LISTED);
    return v;
}

/* Tensor indices, from `lowest` on. */
static int32_t *indices(reader *r, rt_table t, int slot, const char *name, int lowest, int *count)
{
    rt_vector v = rt_flat_vector(&r->f, t, slot, 4, name);
    if (!spend(r, v.count, 4, v.at))
        return NULL;
    int32_t *index = list(r, v.count, sizeof *index);
    for (uint32_t i = 0; index != NULL && i < v.count; i++) {
        index[i] = rt_flat_i32_at(&r->f, v, i);
        if (index[i] < lowest || index[i] >= r->out->n_tensors) {
            rt_flat_fail(&r->f, RT_EFORMAT, v.at + (size_t)4 * i, "%s %u is tensor %d of %d", name,
                         (unsigned)i, (int)index[i], r->out->n_tensors);
            return NULL;
        }
    }
    *count = (int)v.count;
    return index;
}

static const char *text(reader *r, rt_table t, int slot, const char *name)
{
    const char *s = rt_flat_string(&r->f, t, slot, name);
    return spend(r, strlen(s), 1, t.at) ? s : "";
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void read_shape(reader *r, rt_table table, rt_tensor *t)
{
    rt_vector v = rt_flat_vector(&r->f, table, TFL_SLOT_TENSOR_SHAPE, 4, "shape");
    if (v.count > RT_MAX_RANK) {
        rt_flat_fail(&r->f, RT_ENOTSUP, v.at, "shape has %u dimensions; at most %d are listed",
                     (unsigned)v.count, RT_MAX_RANK);
        return;
    }
    t->rank = (int)v.count;
    t->count = 1;
    for (uint32_t i = 0; i < v.count; i++) {
        t->dim[i] = rt_flat_i32_at(&r->f, v, i);
        size_t extent = t->dim[i] > 0 ? (size_t)t->dim[i] : 0; /* -1: not known */
        t->count = extent == 0 || t->count <= SIZE_MAX / extent ? t->count * extent : SIZE_MAX;
    }
}

static void read_scales(reader *r, rt_table table, rt_tensor *t)
{
    rt_flat *f = &r->f;
    rt_table q = rt_flat_table(f, table, TFL_SLOT_TENSOR_QUANTIZATION, "quantization");
    rt_vector scale = rt_flat_vector(f, q, TFL_SLOT_QUANT_SCALE, 4, "scale");
    rt_vector zero = rt_flat_vector(f, q, TFL_SLOT_QUANT_ZERO_POINT, 8, "zero_point");
    if (scale.count == 0 || scale.count != zero.count || !spend(r, scale.count, 12, scale.at))
        return;
    t->n_scales = (int)scale.count;
    t->axis = (int32_t)rt_flat_u32(f, q, TFL_SLOT_QUANT_DIMENSION, 0, "quantized_dimension");
    t->scales = f->bytes + scale.at;
    t->zero_points = f->bytes + zero.at;
    t->scale = rt_scale(t, 0);
    t->zero_point = rt_zero_point(t, 0);
}

/* The bytes of a buffer: in it, or behind the FlatBuffer. */
static const void *read_buffer(reader *r, uint32_t index, size_t *size)
{
    rt_flat *f = &r->f;
    rt_table buffer = rt_flat_element(f, r->buffers, index, "buffer");
    rt_vector data = rt_flat_vector(f, buffer, TFL_SLOT_BUFFER_DATA, 1, "buffer data");
    uint64_t at = rt_flat_u64(f, buffer, TFL_SLOT_BUFFER_OFFSET, 0, "buffer offset");
    uint64_t n = rt_flat_u64(f, buffer, TFL_SLOT_BUFFER_SIZE, 0, "buffer size");
    *size = data.count;
    if (data.present || at <= 1)
        return data.count > 0 ? f->bytes + data.at : NULL;
    if (n > f->size || at > f->size - n) {
        rt_flat_fail(f, RT_EFORMAT, buffer.at, "buffer %u: %llu bytes at %llu of a file of %zu",
                     (unsigned)index, (unsigned long long)n, (unsigned long long)at, f->size);
        return NULL;
    }
    *size = (size_t)n;
    return n > 0 ? f->bytes + at : NULL;
}

static void read_tensor(reader *r, rt_vector v, int i)
{
    rt_flat *f = &r->f;
    rt_tensor *t = &r->out->tensors[i];
    rt_table table = rt_flat_element(f, v, (uint32_t)i, "tensor");
    t->name = text(r, table, TFL_SLOT_TENSOR_NAME, "name");
    t->type = (rt_type)(int8_t)rt_flat_u8(f, table, TFL_SLOT_TENSOR_TYPE, 0, "type");
    t->offset = RT_NOT_IN_ARENA;
    read_shape(r, table, t);
    read_scales(r, table, t);
    uint32_t buffer = rt_flat_u32(f, table, TFL_SLOT_TENSOR_BUFFER, 0, "buffer");
    if (buffer >= r->buffers.count && buffer != TFL_BUFFER_NONE)
        rt_flat_fail(f, RT_EFORMAT, table.at, "buffer %u of %u", (unsigned)buffer,
                     (unsigned)r->buffers.count);
    else if (buffer != TFL_BUFFER_NONE)
        t->data = read_buffer(r, buffer, &t->bytes);
}

/* ---- operators ------------------------------------------------------------------------------- */

/* What can be said against an operator by its code alone. */
static const char *refusal(reader *r, const rt_operator *op)
{
    int known = rt_known_version(op->code);
    if (known == 0)
        return "not an operator that octet runs";
    if (op->version >= 1 && op->version <= known)
        return NULL;
    return nn_arena_printf(r->arena, "version %d; octet knows 1 to %d", op->version, known);
}

static void read_code(reader *r, rt_table table, rt_operator *op)
{
    rt_flat *f = &r->f;
    uint32_t index = rt_flat_u32(f, table, TFL_SLOT_OPERATOR_OPCODE_INDEX, 0, "opcode_index");
    if (index >= r->codes.count) {
        rt_flat_fail(f, RT_EFORMAT, table.at, "opcode_index %u of %u", (unsigned)index,
                     (unsigned)r->codes.count);
        return;
    }
    rt_table code = rt_flat_element(f, r->codes, index, "operator code");
    int old = (int8_t)rt_flat_u8(f, code, TFL_SLOT_OPCODE_DEPRECATED_BUILTIN, 0, "builtin_code");
    int32_t builtin = (int32_t)rt_flat_u32(f, code, TFL_SLOT_OPCODE_BUILTIN, 0, "builtin_code");
    const char *custom = text(r, code, TFL_SLOT_OPCODE_CUSTOM, "custom_code");
    op->code = builtin > old ? builtin : old;
    op->version = (int32_t)rt_flat_u32(f, code, TFL_SLOT_OPCODE_VERSION, 1, "version");
    op->name = tfl_schema_name(op->code);
    if (op->code == TFL_OP_CUSTOM && custom[0] != '\0')
        op->name = custom;
    else if (op->name == NULL)
        op->name = nn_arena_printf(r->arena, "operator %d", op->code);
    if (op->name == NULL)
        rt_flat_fail(f, RT_ENOMEM, 0, "out of memory: a name");
}

static void read_operator(reader *r, rt_vector v, int i)
{
    rt_operator *op = &r->out->operators[i];
    rt_table table = rt_flat_element(&r->f, v, (uint32_t)i, "operator");
    read_code(r, table, op);
    op->in = indices(r, table, TFL_SLOT_OPERATOR_INPUTS, "input", TFL_OPTIONAL_TENSOR, &op->n_in);
    op->out = indices(r, table, TFL_SLOT_OPERATOR_OUTPUTS, "output", 0, &op->n_out);
    if (rt_flat_status(&r->f) == RT_OK)
        r->out->refused[i] = refusal(r, op);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Calls `read` for each of n things that messages call `what`. */
static void read_each(reader *r, rt_vector v, const char *what,
                      void (*read)(reader *r, rt_vector v, int i))
{
    r->f.where = what;
    for (int i = 0; i < (int)v.count && rt_flat_status(&r->f) == RT_OK; i++) {
        r->f.index = i;
        read(r, v, i);
    }
    r->f.where = NULL;
}

static void read_metadata(reader *r, rt_vector v, int i)
{
    ex_outline_metadata *m = &r->out->metadata[i];
    rt_table table = rt_flat_element(&r->f, v, (uint32_t)i, "metadata");
    m->name = text(r, table, TFL_SLOT_METADATA_NAME, "name");
    m->bytes =
        read_buffer(r, rt_flat_u32(&r->f, table, TFL_SLOT_METADATA_BUFFER, 0, "buffer"), &m->size);
}

static void read_graph(reader *r, rt_table graph)
{
    ex_outline *o = r->out;
    rt_vector tensors = tables(r, graph, TFL_SLOT_SUBGRAPH_TENSORS, "tensors");
    rt_vector operators = tables(r, graph, TFL_SLOT_SUBGRAPH_OPERATORS, "operators");
    if (rt_flat_status(&r->f) != RT_OK)
        return;
    o->n_tensors = (int)tensors.count;
    o->n_operators = (int)operators.count;
    o->tensors = list(r, tensors.count, sizeof *o->tensors);
    o->operators = list(r, operators.count, sizeof *o->operators);
    o->refused = list(r, operators.count, sizeof *o->refused);
    read_each(r, tensors, "tensor", read_tensor);
    read_each(r, operators, "operator", read_operator);
    o->inputs = indices(r, graph, TFL_SLOT_SUBGRAPH_INPUTS, "inputs", 0, &o->n_inputs);
    o->outputs = indices(r, graph, TFL_SLOT_SUBGRAPH_OUTPUTS, "outputs", 0, &o->n_outputs);
}

static void read_model(reader *r)
{
    rt_flat *f = &r->f;
    ex_outline *o = r->out;
    rt_table model = rt_flat_root(f);
    uint32_t version = rt_flat_u32(f, model, TFL_SLOT_MODEL_VERSION, 0, "version");
    if (version != TFL_MODEL_VERSION)
        rt_flat_fail(f, RT_EFORMAT, model.at, "model version is %u, not %d", (unsigned)version,
                     TFL_MODEL_VERSION);
    o->description = text(r, model, TFL_SLOT_MODEL_DESCRIPTION, "description");
    r->codes = tables(r, model, TFL_SLOT_MODEL_OPERATOR_CODES, "operator codes");
    r->buffers = rt_flat_vector(f, model, TFL_SLOT_MODEL_BUFFERS, 4, "buffers");
    rt_vector graphs = tables(r, model, TFL_SLOT_MODEL_SUBGRAPHS, "subgraphs");
    rt_vector metadata = tables(r, model, TFL_SLOT_MODEL_METADATA, "metadata entries");
    if (graphs.count == 0)
        rt_flat_fail(f, RT_EFORMAT, model.at, "the model has no subgraph");
    o->n_subgraphs = (int)graphs.count;
    read_graph(r, rt_flat_element(f, graphs, 0, "subgraph"));
    o->n_metadata = (int)metadata.count;
    o->metadata = list(r, metadata.count, sizeof *o->metadata);
    read_each(r, metadata, "metadata", read_metadata);
}

nn_status ex_outline_read(ex_outline *out, nn_arena *arena, const void *bytes, size_t size)
{
    enum { TIMES = 4, SMALL = 4096 };
    rt_error error = { RT_OK, 0, "" };
    *out = (ex_outline){ .description = "" };
    reader r = { .out = out,
                 .arena = arena,
                 .f = { .bytes = bytes, .size = size, .error = &error },
                 .left = SMALL + (size < SIZE_MAX / 8 ? TIMES * size : SIZE_MAX / 2) };
    read_model(&r);
    return error.status == RT_OK ? NN_OK : nn_fail((nn_status)error.status, "%s", error.text);
}

void ex_outline_blame(ex_outline *o, const char *message)
{
    int i;
    bool of_operator = sscanf(message, "operator %d", &i) == 1 && i >= 0 && i < o->n_operators;
    const char *reason = strstr(message, ": ");
    if (of_operator && o->refused[i] == NULL)
        o->refused[i] = reason != NULL ? reason + 2 : message;
}
