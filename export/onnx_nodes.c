#include "export/onnx_nodes.h"

#include "export/onnx.pb-c.h"

enum { IR_VERSION = 8, OPSET = 17 };

nn_status ex_onnx_open(ex_onnx_writer *w)
{
    static const Onnx__GraphProto empty = ONNX__GRAPH_PROTO__INIT;
    *w = (ex_onnx_writer){ .m = { .st = NN_OK } };
    NN_TRY(nn_arena_new(&w->m.arena));
    w->graph = ex_message_new(&w->m, &empty, sizeof empty);
    return w->m.st;
}

void ex_onnx_close(ex_onnx_writer *w)
{
    nn_arena_free(w->m.arena);
    *w = (ex_onnx_writer){ .graph = NULL };
}

const char *ex_onnx_under(ex_onnx_writer *w, const char *name, const char *what)
{
    return ex_message_printf(&w->m, "%s/%s", name, what);
}

/* ---- operators ------------------------------------------------------------------------------- */

ex_onnx_node *ex_onnx_add(ex_onnx_writer *w, const char *type, const char *name,
                          const char *const in[], size_t n_in)
{
    static const Onnx__NodeProto empty = ONNX__NODE_PROTO__INIT;
    Onnx__GraphProto *g = w->graph;
    Onnx__NodeProto *n = ex_message_new(&w->m, &empty, sizeof empty);
    Onnx__NodeProto **list = ex_message_grow(&w->m, g->node, g->n_node);
    if (n == NULL || list == NULL)
        return NULL;
    for (size_t i = 0; i < n_in && w->m.st == NN_OK; i++) {
        n->input = ex_message_grow(&w->m, n->input, i);
        if (n->input != NULL)
            n->input[n->n_input++] = ex_message_text(&w->m, in[i]);
    }
    n->name = ex_message_text(&w->m, name);
    n->op_type = ex_message_text(&w->m, type);
    n->output = ex_message_grow(&w->m, NULL, 0);
    if (n->output == NULL)
        return NULL;
    n->output[n->n_output++] = n->name;
    g->node = list;
    g->node[g->n_node++] = n;
    return (ex_onnx_node *)n;
}

/* A new attribute, whose value the caller sets; NULL if memory is out or `to` is NULL. */
static Onnx__AttributeProto *add_attribute(ex_onnx_writer *w, ex_onnx_node *to, const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    static const Onnx__AttributeProto empty = ONNX__ATTRIBUTE_PROTO__INIT;
    Onnx__NodeProto *n = (Onnx__NodeProto *)to;
    Onnx__AttributeProto *a = ex_message_new(&w->m, &empty, sizeof empty);
    void *list = n != NULL ? ex_message_grow(&w->m, n->attribute, n->n_attribute) : NULL;
    if (a == NULL || list == NULL)
        return NULL;
    a->name = ex_message_text(&w->m, name);
    a->has_type = true;
    a->type = type;
    n->attribute = list;
    n->attribute[n->n_attribute++] = a;
    return a;
}

void ex_onnx_set_int(ex_onnx_writer *w, ex_onnx_node *n, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a == NULL)
        return;
    a->has_i = true;
    a->i = value;
}

void ex_onnx_set_ints(ex_onnx_writer *w, ex_onnx_node *n, const char *name, const int64_t *values,
                      size_t count)
{
    Onnx__AttributeProto *a =
        add_attribute(w, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (a == NULL)
        return;
    a->ints = ex_message_ints(&w->m, values, count);
    a->n_ints = count;
}

/* ---- constants ------------------------------------------------------------------------------- */

static size_t count_of(const int64_t *dims, size_t rank)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    return count;
}

/* The bytes are borrowed; NULL: memory is out. */
static const char *add_constant(ex_onnx_writer *w, const char *name,
                                Onnx__TensorProto__DataType type, const int64_t *dims, size_t rank,
                                uint8_t *data, size_t bytes)
{
    static const Onnx__TensorProto empty = ONNX__TENSOR_PROTO__INIT;
    if (data == NULL)
        w->m.st = NN_ENOMEM;
    if (w->m.st != NN_OK)
        return NULL;
    Onnx__GraphProto *g = w->graph;
    Onnx__TensorProto *t = ex_message_new(&w->m, &empty, sizeof empty);
    Onnx__TensorProto **list = ex_message_grow(&w->m, g->initializer, g->n_initializer);
    if (t == NULL || list == NULL)
        return NULL;
    t->name = ex_message_text(&w->m, name);
    t->dims = ex_message_ints(&w->m, dims, rank);
    t->n_dims = rank;
    t->has_data_type = t->has_raw_data = true;
    t->data_type = (int32_t)type;
    t->raw_data = (ProtobufCBinaryData){ bytes, data };
    g->initializer = list;
    g->initializer[g->n_initializer++] = t;
    return name;
}

const char *ex_onnx_floats(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                           const float *values)
{
    const size_t count = count_of(dims, rank);
    return add_constant(w, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, dims, rank,
                        ex_message_words(&w->m, values, count), count * sizeof *values);
}

const char *ex_onnx_int8s(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                          const int8_t *values)
{
    const size_t count = count_of(dims, rank);
    uint8_t *bytes = values != NULL ? ex_message_new(&w->m, values, count) : NULL;
    return add_constant(w, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, dims, rank, bytes, count);
}

const char *ex_onnx_int32s(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                           const int32_t *values)
{
    const size_t count = count_of(dims, rank);
    return add_constant(w, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, dims, rank,
                        ex_message_words(&w->m, values, count), count * sizeof *values);
}

const char *ex_onnx_int64s(ex_onnx_writer *w, const char *name, const int64_t *dims, size_t rank,
                           const int64_t *values)
{
    const size_t size = count_of(dims, rank) * sizeof *values;
    uint8_t *bytes = values != NULL ? ex_message_new(&w->m, values, size) : NULL;
    for (size_t i = 0; bytes != NULL && i < size; i++) /* little-endian, whatever the machine is */
        bytes[i] = (uint8_t)((uint64_t)values[i / 8] >> (8 * (i % 8)));
    return add_constant(w, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, dims, rank, bytes, size);
}

/* ---- input and output ------------------------------------------------------------------------ */

static void add_dim(ex_onnx_writer *w, Onnx__TensorShapeProto *to, int extent)
{
    static const Onnx__TensorShapeProto__Dimension empty =
        ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
    Onnx__TensorShapeProto__Dimension *d = ex_message_new(&w->m, &empty, sizeof empty);
    Onnx__TensorShapeProto__Dimension **list = ex_message_grow(&w->m, to->dim, to->n_dim);
    if (d == NULL || list == NULL)
        return;
    if (extent == NN_BATCH) {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        d->dim_param = ex_message_text(&w->m, "N");
    } else {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = extent;
    }
    to->dim = list;
    to->dim[to->n_dim++] = d;
}

static Onnx__ValueInfoProto *value_info(ex_onnx_writer *w, const char *name, nn_shape shape)
{
    static const Onnx__ValueInfoProto no_info = ONNX__VALUE_INFO_PROTO__INIT;
    static const Onnx__TypeProto no_type = ONNX__TYPE_PROTO__INIT;
    static const Onnx__TypeProto__Tensor no_tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
    static const Onnx__TensorShapeProto no_shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    Onnx__ValueInfoProto *info = ex_message_new(&w->m, &no_info, sizeof no_info);
    Onnx__TypeProto *type = ex_message_new(&w->m, &no_type, sizeof no_type);
    Onnx__TypeProto__Tensor *tensor = ex_message_new(&w->m, &no_tensor, sizeof no_tensor);
    Onnx__TensorShapeProto *dims = ex_message_new(&w->m, &no_shape, sizeof no_shape);
    if (w->m.st != NN_OK)
        return NULL;
    info->name = ex_message_text(&w->m, name);
    info->type = type;
    type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = dims;
    for (int i = 0; i < shape.rank; i++)
        add_dim(w, dims, shape.dim[i]);
    return info;
}

/* Appends it to the graph's inputs or outputs. */
static void add_info(ex_onnx_writer *w, Onnx__ValueInfoProto ***list, size_t *n, const char *name,
                     nn_shape shape)
{
    Onnx__ValueInfoProto *info = value_info(w, name, shape);
    Onnx__ValueInfoProto **grown = ex_message_grow(&w->m, *list, *n);
    if (info == NULL || grown == NULL)
        return;
    *list = grown;
    grown[(*n)++] = info;
}

void ex_onnx_input(ex_onnx_writer *w, const char *name, nn_shape shape)
{
    Onnx__GraphProto *g = w->graph;
    add_info(w, &g->input, &g->n_input, name, shape);
}

void ex_onnx_output(ex_onnx_writer *w, const char *name, nn_shape shape)
{
    Onnx__GraphProto *g = w->graph;
    add_info(w, &g->output, &g->n_output, name, shape);
}

/* ---- the model ------------------------------------------------------------------------------- */

static void add_metadata(ex_onnx_writer *w, Onnx__ModelProto *model, const tfl_metadata *from)
{
    static const Onnx__StringStringEntryProto empty = ONNX__STRING_STRING_ENTRY_PROTO__INIT;
    Onnx__StringStringEntryProto *entry = ex_message_new(&w->m, &empty, sizeof empty);
    void *list = ex_message_grow(&w->m, model->metadata_props, model->n_metadata_props);
    if (w->m.st != NN_OK)
        return;
    entry->key = ex_message_text(&w->m, from->name);
    entry->value = nn_arena_printf(w->m.arena, "%.*s", (int)from->bytes, (const char *)from->data);
    if (entry->value == NULL)
        w->m.st = NN_ENOMEM;
    model->metadata_props = list;
    model->metadata_props[model->n_metadata_props++] = entry;
}

nn_status ex_onnx_pack(nn_bytes *out, ex_onnx_writer *w, const ex_info *info)
{
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = { &opset };
    if (w->m.st != NN_OK)
        return w->m.st;
    model.graph = w->graph;
    model.graph->name = ex_message_text(&w->m, info->name);
    for (int i = 0; i < info->n_metadata; i++)
        add_metadata(w, &model, &info->metadata[i]);
    opset.domain = "";
    opset.has_version = model.has_ir_version = true;
    opset.version = OPSET;
    model.ir_version = IR_VERSION;
    model.producer_name = "octet";
    model.producer_version = OCTET_VERSION;
    model.doc_string = ex_message_text(&w->m, info->description);
    model.n_opset_import = 1;
    model.opset_import = opsets;
    return ex_message_pack(out, &w->m, &model);
}
