/* tflite - the tables of a .tflite file: what each must hold, read into tensors and operators. */
#include <string.h>

#include "runtime/model.h"

_Static_assert(RT_FLOAT32 == (int)TFL_TYPE_FLOAT32 && RT_FLOAT16 == (int)TFL_TYPE_FLOAT16 &&
                   RT_INT32 == (int)TFL_TYPE_INT32 && RT_UINT8 == (int)TFL_TYPE_UINT8 &&
                   RT_INT64 == (int)TFL_TYPE_INT64 && RT_BOOL == (int)TFL_TYPE_BOOL &&
                   RT_INT16 == (int)TFL_TYPE_INT16 && RT_INT8 == (int)TFL_TYPE_INT8 &&
                   RT_INT4 == (int)TFL_TYPE_INT4,
               "the file's types");

/* ---- the model's own table ------------------------------------------------------------------- */

/* Strings and indices that the runtime does not use itself, but others read. */
static void check_metadata(rt_build *b, rt_table model)
{
    rt_flat *f = &b->f;
    b->m->metadata = rt_flat_vector(f, model, TFL_SLOT_MODEL_METADATA, 4, "metadata");
    if (b->m->metadata.count > b->options.limits.tensors)
        rt_flat_fail(f, RT_ELIMIT, b->m->metadata.at, "%u metadata entries; the limit is %u",
                     (unsigned)b->m->metadata.count, (unsigned)b->options.limits.tensors);
    for (uint32_t i = 0; rt_flat_status(f) == RT_OK && i < b->m->metadata.count; i++) {
        f->where = "metadata";
        f->index = (int)i;
        rt_table t = rt_flat_element(f, b->m->metadata, i, "metadata");
        rt_flat_string(f, t, TFL_SLOT_METADATA_NAME, "name");
        uint32_t buffer = rt_flat_u32(f, t, TFL_SLOT_METADATA_BUFFER, 0, "buffer");
        if (buffer >= b->m->buffers.count)
            rt_flat_fail(f, RT_EFORMAT, t.at, "buffer %u of %u", (unsigned)buffer,
                         (unsigned)b->m->buffers.count);
        t = rt_flat_element(f, b->m->buffers, buffer, "buffer");
        rt_flat_vector(f, t, TFL_SLOT_BUFFER_DATA, 1, "buffer data");
    }
    f->where = NULL;
}

static void check_tensor_map(rt_build *b, rt_table signature, int slot, const char *name)
{
    rt_flat *f = &b->f;
    rt_vector maps = rt_flat_vector(f, signature, slot, 4, name);
    for (uint32_t i = 0; rt_flat_status(f) == RT_OK && i < maps.count; i++) {
        rt_table t = rt_flat_element(f, maps, i, name);
        rt_flat_string(f, t, TFL_SLOT_TENSOR_MAP_NAME, "name");
        uint32_t index = rt_flat_u32(f, t, TFL_SLOT_TENSOR_MAP_INDEX, 0, "tensor_index");
        if (index >= b->tensors.count)
            rt_flat_fail(f, RT_EFORMAT, t.at, "%s: tensor %u of %u", name, (unsigned)index,
                         (unsigned)b->tensors.count);
    }
}

static void check_signatures(rt_build *b, rt_table model)
{
    rt_flat *f = &b->f;
    rt_vector v = rt_flat_vector(f, model, TFL_SLOT_MODEL_SIGNATURES, 4, "signature_defs");
    if (v.count > 64)
        rt_flat_fail(f, RT_ENOTSUP, v.at, "%u signatures", (unsigned)v.count);
    for (uint32_t i = 0; rt_flat_status(f) == RT_OK && i < v.count; i++) {
        f->where = "signature";
        f->index = (int)i;
        rt_table t = rt_flat_element(f, v, i, "signature");
        rt_flat_string(f, t, TFL_SLOT_SIGNATURE_KEY, "signature_key");
        check_tensor_map(b, t, TFL_SLOT_SIGNATURE_INPUTS, "inputs");
        check_tensor_map(b, t, TFL_SLOT_SIGNATURE_OUTPUTS, "outputs");
        uint32_t subgraph = rt_flat_u32(f, t, TFL_SLOT_SIGNATURE_SUBGRAPH, 0, "subgraph_index");
        if (subgraph != 0)
            rt_flat_fail(f, RT_EFORMAT, t.at, "subgraph %u of 1", (unsigned)subgraph);
    }
    f->where = NULL;
}

static void limit(rt_build *b, rt_vector v, const char *what)
{
    if (v.count > b->options.limits.tensors)
        rt_flat_fail(&b->f, RT_ELIMIT, v.at, "%u %s; the limit is %u", (unsigned)v.count, what,
                     (unsigned)b->options.limits.tensors);
}

/* Inputs or outputs of the graph. */
static int32_t *read_indices(rt_build *b, rt_table graph, int slot, const char *name, int *count)
{
    rt_flat *f = &b->f;
    rt_vector v = rt_flat_vector(f, graph, slot, 4, name);
    limit(b, v, name);
    if (v.count == 0)
        rt_flat_fail(f, RT_EFORMAT, graph.at, "the graph has no %s", name);
    int32_t *index = rt_alloc(b, v.count * sizeof *index);
    for (uint32_t i = 0; rt_flat_status(f) == RT_OK && i < v.count; i++) {
        int32_t t = rt_flat_i32_at(f, v, i);
        if (t < 0 || (uint32_t)t >= b->tensors.count)
            rt_flat_fail(f, RT_EFORMAT, v.at + (size_t)4 * i, "%s %u: tensor %d of %u", name,
                         (unsigned)i, (int)t, (unsigned)b->tensors.count);
        if (index != NULL)
            index[i] = t;
    }
    *count = (int)v.count;
    return index;
}

rt_status rt_read_model(rt_build *b)
{
    rt_flat *f = &b->f;
    rt_model *m = b->m;
    rt_table model = rt_flat_root(f);
    uint32_t version = rt_flat_u32(f, model, TFL_SLOT_MODEL_VERSION, 0, "version");
    if (version != TFL_MODEL_VERSION)
        rt_flat_fail(f, RT_EFORMAT, model.at, "model version is %u, not %d", (unsigned)version,
                     TFL_MODEL_VERSION);
    m->description = rt_flat_string(f, model, TFL_SLOT_MODEL_DESCRIPTION, "description");
    b->codes = rt_flat_vector(f, model, TFL_SLOT_MODEL_OPERATOR_CODES, 4, "operator_codes");
    m->buffers = rt_flat_vector(f, model, TFL_SLOT_MODEL_BUFFERS, 4, "buffers");
    rt_vector graphs = rt_flat_vector(f, model, TFL_SLOT_MODEL_SUBGRAPHS, 4, "subgraphs");
    if (graphs.count != 1)
        rt_flat_fail(f, graphs.count == 0 ? RT_EFORMAT : RT_ENOTSUP, model.at,
                     "the model has %u subgraphs; one can be run", (unsigned)graphs.count);
    rt_table graph = rt_flat_element(f, graphs, 0, "subgraph");
    b->tensors = rt_flat_vector(f, graph, TFL_SLOT_SUBGRAPH_TENSORS, 4, "tensors");
    b->operators = rt_flat_vector(f, graph, TFL_SLOT_SUBGRAPH_OPERATORS, 4, "operators");
    rt_flat_string(f, graph, TFL_SLOT_SUBGRAPH_NAME, "subgraph name");
    limit(b, b->codes, "operator codes");
    limit(b, m->buffers, "buffers");
    limit(b, b->tensors, "tensors");
    limit(b, b->operators, "operators");
    m->inputs = read_indices(b, graph, TFL_SLOT_SUBGRAPH_INPUTS, "inputs", &m->n_inputs);
    m->outputs = read_indices(b, graph, TFL_SLOT_SUBGRAPH_OUTPUTS, "outputs", &m->n_outputs);
    check_metadata(b, model);
    check_signatures(b, model);
    m->n_tensors = (int)b->tensors.count;
    m->n_nodes = (int)b->operators.count;
    return rt_flat_status(f);
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* Dimensions and element count; the product of the non-zero dimensions fits int32. */
static void read_shape(rt_flat *f, rt_table table, rt_tensor *t)
{
    rt_vector v = rt_flat_vector(f, table, TFL_SLOT_TENSOR_SHAPE, 4, "shape");
    if (v.count > RT_MAX_RANK) {
        rt_flat_fail(f, RT_ENOTSUP, v.at, "shape has %u dimensions; at most %d", (unsigned)v.count,
                     RT_MAX_RANK);
        return;
    }
    t->rank = (int)v.count;
    int64_t product = 1;
    bool empty = false;
    for (uint32_t i = 0; i < v.count; i++) {
        t->dim[i] = rt_flat_i32_at(f, v, i);
        if (t->dim[i] < 0 || product * (t->dim[i] > 0 ? t->dim[i] : 1) > INT32_MAX) {
            rt_flat_fail(f, RT_EFORMAT, v.at + (size_t)4 * i,
                         "shape: dimension %u is %d, and the product must be below 2^31",
                         (unsigned)i, (int)t->dim[i]);
            return;
        }
        product *= t->dim[i] > 0 ? t->dim[i] : 1;
        empty = empty || t->dim[i] == 0;
    }
    t->count = empty ? 0 : (size_t)product;
    size_t each = rt_type_bytes(t->type);
    t->bytes = t->type == RT_INT4 ? (t->count + 1) / 2 : t->count * each;
    if (each != 0 && t->count > SIZE_MAX / 2 / each)
        rt_flat_fail(f, RT_ELIMIT, v.at, "shape: %zu elements", t->count);
}

static bool zero_point_fits(rt_type type, int64_t z)
{
    switch (type) {
    case RT_INT8:
        return z >= -128 && z <= 127;
    case RT_UINT8:
        return z >= 0 && z <= 255;
    case RT_INT4:
        return z >= -8 && z <= 7;
    case RT_INT16:
        return z >= -32768 && z <= 32767;
    default:
        return z >= INT32_MIN && z <= INT32_MAX;
    }
}

/* Each scale finite and positive (a bias, whose scale nobody uses, may have 0), each zero point a
 * value of the type. */
static void check_affine(rt_flat *f, const rt_tensor *t, rt_vector scale, rt_vector zero)
{
    for (uint32_t i = 0; i < scale.count; i++) {
        float s = rt_get_f32(f->bytes + scale.at + (size_t)4 * i);
        int64_t z = (int64_t)rt_get_u64(f->bytes + zero.at + (size_t)8 * i);
        if (!rt_is_finite(s) || s < 0 || (s == 0 && t->type != RT_INT32)) {
            rt_flat_fail(f, RT_EFORMAT, scale.at + (size_t)4 * i,
                         "scale %u (bits %x) is not finite and positive", (unsigned)i,
                         (unsigned)rt_get_u32(f->bytes + scale.at + (size_t)4 * i));
            return;
        }
        if (!zero_point_fits(t->type, z)) {
            rt_flat_fail(f, RT_EFORMAT, zero.at + (size_t)8 * i,
                         "zero point %u is %lld, outside type %s", (unsigned)i, (long long)z,
                         rt_type_name(t->type));
            return;
        }
    }
}

static void read_quantization(rt_flat *f, rt_table table, rt_tensor *t)
{
    rt_table q = rt_flat_table(f, table, TFL_SLOT_TENSOR_QUANTIZATION, "quantization");
    rt_vector scale = rt_flat_vector(f, q, TFL_SLOT_QUANT_SCALE, 4, "scale");
    rt_vector zero = rt_flat_vector(f, q, TFL_SLOT_QUANT_ZERO_POINT, 8, "zero_point");
    rt_flat_vector(f, q, TFL_SLOT_QUANT_MIN, 4, "min");
    rt_flat_vector(f, q, TFL_SLOT_QUANT_MAX, 4, "max");
    int32_t axis = (int32_t)rt_flat_u32(f, q, TFL_SLOT_QUANT_DIMENSION, 0, "quantized_dimension");
    if (rt_flat_u8(f, q, TFL_SLOT_QUANT_DETAILS_TYPE, 0, "details_type") != 0)
        rt_flat_fail(f, RT_ENOTSUP, q.at, "quantization: custom or blockwise details");
    if (rt_flat_status(f) != RT_OK || scale.count == 0 || t->type == RT_FLOAT32)
        return;
    if (zero.count != scale.count) {
        rt_flat_fail(f, RT_EFORMAT, q.at, "quantization: %u scales and %u zero points",
                     (unsigned)scale.count, (unsigned)zero.count);
        return;
    }
    if (scale.count > 1 && (axis < 0 || axis >= t->rank || scale.count != (uint32_t)t->dim[axis])) {
        rt_flat_fail(f, RT_EFORMAT, q.at, "quantization: %u scales along dimension %d of rank %d",
                     (unsigned)scale.count, (int)axis, t->rank);
        return;
    }
    check_affine(f, t, scale, zero);
    t->n_scales = (int)scale.count;
    t->axis = scale.count > 1 ? axis : 0;
    t->scales = f->bytes + scale.at;
    t->zero_points = f->bytes + zero.at;
    t->scale = rt_scale(t, 0);
    t->zero_point = rt_zero_point(t, 0);
}

/* A constant's bytes: in its buffer, or behind the FlatBuffer where the buffer says so. */
static void read_data(rt_build *b, rt_table table, rt_tensor *t)
{
    rt_flat *f = &b->f;
    uint32_t index = rt_flat_u32(f, table, TFL_SLOT_TENSOR_BUFFER, 0, "buffer");
    if (index >= b->m->buffers.count) {
        rt_flat_fail(f, RT_EFORMAT, table.at, "buffer %u of %u", (unsigned)index,
                     (unsigned)b->m->buffers.count);
        return;
    }
    if (index == TFL_BUFFER_NONE)
        return;
    rt_table buffer = rt_flat_element(f, b->m->buffers, index, "buffer");
    rt_vector data = rt_flat_vector(f, buffer, TFL_SLOT_BUFFER_DATA, 1, "buffer data");
    uint64_t at = data.at, size = data.count;
    uint64_t offset = rt_flat_u64(f, buffer, TFL_SLOT_BUFFER_OFFSET, 0, "buffer offset");
    if (!data.present && offset > 1) {
        at = offset;
        size = rt_flat_u64(f, buffer, TFL_SLOT_BUFFER_SIZE, 0, "buffer size");
        if (size > f->size || at > f->size - size) {
            rt_flat_fail(f, RT_EFORMAT, buffer.at, "buffer: %llu bytes at %llu of a file of %zu",
                         (unsigned long long)size, (unsigned long long)at, f->size);
            return;
        }
    }
    if (rt_flat_status(f) != RT_OK || size == 0)
        return;
    if (size < t->bytes)
        rt_flat_fail(f, RT_EFORMAT, buffer.at, "\"%s\" needs %zu bytes, buffer %u has %llu",
                     t->name, t->bytes, (unsigned)index, (unsigned long long)size);
    t->data = f->bytes + at;
}

rt_status rt_read_tensor(rt_build *b, int i, rt_tensor *t)
{
    rt_flat *f = &b->f;
    f->where = "tensor";
    f->index = i;
    memset(t, 0, sizeof *t);
    t->offset = RT_NOT_IN_ARENA;
    rt_table table = rt_flat_element(f, b->tensors, (uint32_t)i, "tensor");
    t->name = rt_flat_string(f, table, TFL_SLOT_TENSOR_NAME, "name");
    t->type = (rt_type)(int8_t)rt_flat_u8(f, table, TFL_SLOT_TENSOR_TYPE, 0, "type");
    read_shape(f, table, t);
    read_quantization(f, table, t);
    rt_flat_vector(f, table, TFL_SLOT_TENSOR_SHAPE_SIGNATURE, 4, "shape_signature");
    if (rt_flat_table(f, table, TFL_SLOT_TENSOR_SPARSITY, "sparsity").at != 0)
        rt_flat_fail(f, RT_ENOTSUP, table.at, "\"%s\" is sparse", t->name);
    if (rt_flat_vector(f, table, TFL_SLOT_TENSOR_VARIANT_TENSORS, 4, "variant_tensors").count !=
            0 ||
        rt_flat_u32(f, table, TFL_SLOT_TENSOR_EXTERNAL_BUFFER, 0, "external_buffer") != 0)
        rt_flat_fail(f, RT_ENOTSUP, table.at, "\"%s\" has data outside this file", t->name);
    if (rt_flat_status(f) == RT_OK)
        read_data(b, table, t);
    f->where = NULL;
    return rt_flat_status(f);
}

/* ---- operators ------------------------------------------------------------------------------- */

static const rt_op *find_op(int64_t code)
{
    for (int i = 0; i < rt_n_ops; i++)
        if (rt_ops[i]->code == code)
            return rt_ops[i];
    return NULL;
}

int rt_known_version(int builtin_code)
{
    const rt_op *op = find_op(builtin_code);
    return op != NULL ? op->max_version : 0;
}

/* The row of the operator's code, and its version. */
static void read_code(rt_build *b, rt_table table, rt_node *n)
{
    rt_flat *f = &b->f;
    uint32_t index = rt_flat_u32(f, table, TFL_SLOT_OPERATOR_OPCODE_INDEX, 0, "opcode_index");
    if (index >= b->codes.count) {
        rt_flat_fail(f, RT_EFORMAT, table.at, "opcode_index %u of %u", (unsigned)index,
                     (unsigned)b->codes.count);
        return;
    }
    rt_table code = rt_flat_element(f, b->codes, index, "operator code");
    int old = (int8_t)rt_flat_u8(f, code, TFL_SLOT_OPCODE_DEPRECATED_BUILTIN, 0, "builtin_code");
    int32_t new = (int32_t)rt_flat_u32(f, code, TFL_SLOT_OPCODE_BUILTIN, 0, "builtin_code");
    const char *custom = rt_flat_string(f, code, TFL_SLOT_OPCODE_CUSTOM, "custom_code");
    n->info.code = new > old ? new : old;
    n->info.version = (int32_t)rt_flat_u32(f, code, TFL_SLOT_OPCODE_VERSION, 1, "version");
    n->op = find_op(n->info.code);
    if (rt_flat_status(f) != RT_OK)
        return;
    if (n->op == NULL)
        rt_flat_fail(f, RT_ENOTSUP, code.at, "builtin operator %d%s%s is not one that octet runs",
                     n->info.code, custom[0] != '\0' ? " " : "", custom);
    else if (n->info.version < 1 || n->info.version > n->op->max_version)
        rt_flat_fail(f, RT_ENOTSUP, code.at, "%s version %d; octet knows 1 to %d", n->op->name,
                     n->info.version, n->op->max_version);
}

static int read_tensor_list(rt_build *b, rt_table table, int slot, const char *name, int32_t *list,
                            int lowest)
{
    rt_flat *f = &b->f;
    rt_vector v = rt_flat_vector(f, table, slot, 4, name);
    if (v.count > RT_MAX_OP_TENSORS) {
        rt_flat_fail(f, RT_ENOTSUP, v.at, "%u %s; at most %d", (unsigned)v.count, name,
                     RT_MAX_OP_TENSORS);
        return 0;
    }
    for (uint32_t i = 0; i < v.count; i++) {
        list[i] = rt_flat_i32_at(f, v, i);
        if (list[i] < lowest || list[i] >= (int64_t)b->tensors.count) {
            rt_flat_fail(f, RT_EFORMAT, v.at + (size_t)4 * i, "%s %u is tensor %d of %u", name,
                         (unsigned)i, (int)list[i], (unsigned)b->tensors.count);
            return 0;
        }
    }
    return (int)v.count;
}

static void check_counts(rt_flat *f, const rt_node *n)
{
    const rt_op *op = n->op;
    if (n->info.n_in < op->in_min || n->info.n_in > op->in_max || n->info.n_out < op->out_min ||
        n->info.n_out > op->out_max)
        rt_flat_fail(f, RT_EFORMAT, n->at,
                     "%s has %d inputs and %d outputs; it takes %d to %d and %d to %d", op->name,
                     n->info.n_in, n->info.n_out, op->in_min, op->in_max, op->out_min, op->out_max);
}

/* The table of the operator's options.  An operator whose options have no fields takes any. */
static void read_options(rt_flat *f, rt_table table, rt_node *n)
{
    int type = rt_flat_u8(f, table, TFL_SLOT_OPERATOR_OPTIONS_TYPE, 0, "builtin_options_type");
    rt_table options = rt_flat_table(f, table, TFL_SLOT_OPERATOR_OPTIONS, "builtin_options");
    if (n->op->fields == NULL || type == TFL_OPTIONS_NONE)
        return;
    if (type != n->op->options)
        rt_flat_fail(f, RT_EFORMAT, table.at, "builtin_options_type is %d; %s has %d", type,
                     n->op->name, n->op->options);
    n->options = options;
}

rt_status rt_read_operator(rt_build *b, int i, rt_node *n, int32_t *in, int32_t *out)
{
    rt_flat *f = &b->f;
    f->where = "operator";
    f->index = i;
    f->kind = NULL;
    memset(n, 0, sizeof *n);
    rt_table table = rt_flat_element(f, b->operators, (uint32_t)i, "operator");
    n->at = table.at;
    read_code(b, table, n);
    n->info.n_in =
        read_tensor_list(b, table, TFL_SLOT_OPERATOR_INPUTS, "inputs", in, TFL_OPTIONAL_TENSOR);
    n->info.n_out = read_tensor_list(b, table, TFL_SLOT_OPERATOR_OUTPUTS, "outputs", out, 0);
    if (rt_flat_vector(f, table, TFL_SLOT_OPERATOR_INTERMEDIATES, 4, "intermediates").count != 0)
        rt_flat_fail(f, RT_ENOTSUP, table.at, "intermediate tensors");
    if (rt_flat_status(f) == RT_OK) {
        n->info.name = f->kind = n->op->name;
        n->consumed = n->op->consumed;
        check_counts(f, n);
        read_options(f, table, n);
    }
    return rt_flat_status(f);
}
