#include "export/graphdef_nodes.h"

#include <string.h>

#include "export/graphdef.pb-c.h"

enum { PRODUCER = 27, MIN_CONSUMER = 12 }; /* of TensorFlow 1.14, which had all that is used here */

nn_status ex_tf_open(ex_tf *w)
{
    static const Tensorflow__GraphDef empty = TENSORFLOW__GRAPH_DEF__INIT;
    *w = (ex_tf){ .m = { .st = NN_OK } };
    NN_TRY(nn_arena_new(&w->m.arena));
    w->graph = ex_message_new(&w->m, &empty, sizeof empty);
    return w->m.st;
}

void ex_tf_close(ex_tf *w)
{
    nn_arena_free(w->m.arena);
    *w = (ex_tf){ .graph = NULL };
}

nn_status ex_tf_pack(nn_bytes *out, ex_tf *w)
{
    Tensorflow__VersionDef versions = TENSORFLOW__VERSION_DEF__INIT;
    Tensorflow__GraphDef *g = w->graph;
    versions.has_producer = versions.has_min_consumer = true;
    versions.producer = PRODUCER;
    versions.min_consumer = MIN_CONSUMER;
    g->versions = &versions;
    nn_status st = ex_message_pack(out, &w->m, g);
    g->versions = NULL;
    return st;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

ex_tf_node *ex_tf_add(ex_tf *w, const char *op, const char *name, const char *const in[],
                      size_t n_in)
{
    static const Tensorflow__NodeDef empty = TENSORFLOW__NODE_DEF__INIT;
    Tensorflow__GraphDef *g = w->graph;
    Tensorflow__NodeDef *n = ex_message_new(&w->m, &empty, sizeof empty);
    Tensorflow__NodeDef **list = ex_message_grow(&w->m, g->node, g->n_node);
    if (w->m.st != NN_OK)
        return NULL;
    for (size_t i = 0; i < n_in; i++) {
        n->input = ex_message_grow(&w->m, n->input, i);
        if (n->input == NULL)
            return NULL;
        n->input[n->n_input++] = ex_message_text(&w->m, in[i]);
    }
    n->op = ex_message_text(&w->m, op);
    n->name = ex_message_text(&w->m, name);
    g->node = list;
    g->node[g->n_node++] = n;
    return (ex_tf_node *)n;
}

ex_tf_node *ex_tf_add_op(ex_tf *w, const char *op, const char *name, const char *const in[],
                         size_t n_in)
{
    ex_tf_node *n = ex_tf_add(w, op, name, in, n_in);
    ex_tf_set_type(w, n, "T", EX_TF_FLOAT);
    return n;
}

const char *ex_tf_under(ex_tf *w, const char *name, const char *what)
{
    const char *full = ex_message_printf(&w->m, "%s/%s", name, what);
    return full != NULL ? full : "";
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* A new attribute, whose value the caller sets; NULL if memory is out or n is NULL. */
static Tensorflow__AttrValue *add_attr(ex_tf *w, ex_tf_node *to, const char *name)
{
    Tensorflow__NodeDef *n = (Tensorflow__NodeDef *)to;
    static const Tensorflow__NodeDef__AttrEntry no_entry = TENSORFLOW__NODE_DEF__ATTR_ENTRY__INIT;
    static const Tensorflow__AttrValue no_value = TENSORFLOW__ATTR_VALUE__INIT;
    Tensorflow__NodeDef__AttrEntry *entry = ex_message_new(&w->m, &no_entry, sizeof no_entry);
    Tensorflow__AttrValue *value = ex_message_new(&w->m, &no_value, sizeof no_value);
    void *list = n != NULL ? ex_message_grow(&w->m, n->attr, n->n_attr) : NULL;
    if (list == NULL || w->m.st != NN_OK)
        return NULL;
    entry->key = ex_message_text(&w->m, name);
    entry->value = value;
    n->attr = list;
    n->attr[n->n_attr++] = entry;
    return value;
}

void ex_tf_set_type(ex_tf *w, ex_tf_node *n, const char *name, ex_tf_type type)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_TYPE;
    a->type = (Tensorflow__DataType)type;
}

void ex_tf_set_bool(ex_tf *w, ex_tf_node *n, const char *name, bool value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_B;
    a->b = value;
}

void ex_tf_set_int(ex_tf *w, ex_tf_node *n, const char *name, int64_t value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_I;
    a->i = value;
}

void ex_tf_set_text(ex_tf *w, ex_tf_node *n, const char *name, const char *value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_S;
    a->s = (ProtobufCBinaryData){ strlen(value), (uint8_t *)ex_message_text(&w->m, value) };
}

void ex_tf_set_nhwc(ex_tf *w, ex_tf_node *n, const char *name, int height, int width)
{
    static const Tensorflow__AttrValue__ListValue empty = TENSORFLOW__ATTR_VALUE__LIST_VALUE__INIT;
    const int64_t values[] = { 1, height, width, 1 };
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    Tensorflow__AttrValue__ListValue *list = ex_message_new(&w->m, &empty, sizeof empty);
    if (a == NULL || list == NULL)
        return;
    list->n_i = sizeof values / sizeof values[0];
    list->i = ex_message_ints(&w->m, values, list->n_i);
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_LIST;
    a->list = list;
}

static Tensorflow__TensorShapeProto *shape_of(ex_tf *w, nn_shape s)
{
    static const Tensorflow__TensorShapeProto no_shape = TENSORFLOW__TENSOR_SHAPE_PROTO__INIT;
    static const Tensorflow__TensorShapeProto__Dim no_dim =
        TENSORFLOW__TENSOR_SHAPE_PROTO__DIM__INIT;
    Tensorflow__TensorShapeProto *shape = ex_message_new(&w->m, &no_shape, sizeof no_shape);
    for (int i = 0; shape != NULL && i < s.rank; i++) {
        Tensorflow__TensorShapeProto__Dim *dim = ex_message_new(&w->m, &no_dim, sizeof no_dim);
        shape->dim = ex_message_grow(&w->m, shape->dim, shape->n_dim);
        if (dim == NULL || shape->dim == NULL)
            return NULL;
        dim->has_size = true;
        dim->size = s.dim[i]; /* NN_BATCH is -1, which is TensorFlow's unknown size */
        shape->dim[shape->n_dim++] = dim;
    }
    return shape;
}

void ex_tf_set_shape(ex_tf *w, ex_tf_node *n, const char *name, nn_shape s)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_SHAPE;
    a->shape = shape_of(w, s);
}

void ex_tf_set_float(ex_tf *w, ex_tf_node *n, const char *name, float value)
{
    Tensorflow__AttrValue *a = add_attr(w, n, name);
    if (a == NULL)
        return;
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_F;
    a->f = value;
}

void ex_tf_set_result(ex_tf *w, ex_tf_node *n, nn_shape s)
{
    static const Tensorflow__AttrValue__ListValue empty = TENSORFLOW__ATTR_VALUE__LIST_VALUE__INIT;
    Tensorflow__AttrValue *a = add_attr(w, n, "_output_shapes");
    Tensorflow__AttrValue__ListValue *list = ex_message_new(&w->m, &empty, sizeof empty);
    if (a == NULL || list == NULL)
        return;
    list->shape = ex_message_grow(&w->m, list->shape, 0);
    if (list->shape == NULL)
        return;
    list->shape[list->n_shape++] = shape_of(w, s);
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_LIST;
    a->list = list;
}

/* ---- constants ------------------------------------------------------------------------------- */

/* A Const without values; NULL if memory is out. */
static Tensorflow__TensorProto *add_constant(ex_tf *w, const char *name, ex_tf_type type,
                                             nn_shape s)
{
    static const Tensorflow__TensorProto empty = TENSORFLOW__TENSOR_PROTO__INIT;
    ex_tf_node *n = ex_tf_add(w, "Const", name, NULL, 0);
    Tensorflow__TensorProto *t = ex_message_new(&w->m, &empty, sizeof empty);
    ex_tf_set_type(w, n, "dtype", type);
    Tensorflow__AttrValue *a = add_attr(w, n, "value");
    if (a == NULL || t == NULL)
        return NULL;
    t->has_dtype = true;
    t->dtype = (Tensorflow__DataType)type;
    t->tensor_shape = shape_of(w, s);
    a->value_case = TENSORFLOW__ATTR_VALUE__VALUE_TENSOR;
    a->tensor = t;
    return t;
}

/* A Const of words of 32 bits, which are copied; gives its name. */
static const char *add_words(ex_tf *w, const char *name, ex_tf_type type, nn_shape s,
                             const void *words)
{
    const size_t count = nn_shape_count(s);
    uint8_t *bytes = ex_message_words(&w->m, words, count);
    Tensorflow__TensorProto *t = add_constant(w, name, type, s);
    if (t == NULL || bytes == NULL)
        return NULL;
    t->has_tensor_content = true;
    t->tensor_content = (ProtobufCBinaryData){ 4 * count, bytes };
    return name;
}

const char *ex_tf_readable(ex_tf *w, const char *name, nn_shape s, const float *values)
{
    const size_t count = nn_shape_count(s);
    float *copy = ex_message_new(&w->m, values, count * sizeof *values);
    Tensorflow__TensorProto *t = add_constant(w, name, EX_TF_FLOAT, s);
    if (t == NULL || copy == NULL)
        return NULL;
    t->n_float_val = count;
    t->float_val = copy;
    return name;
}

const char *ex_tf_floats(ex_tf *w, const char *name, nn_shape s, const float *values)
{
    return add_words(w, name, EX_TF_FLOAT, s, values);
}

const char *ex_tf_ints(ex_tf *w, const char *name, nn_shape s, const int32_t *values)
{
    return add_words(w, name, EX_TF_INT32, s, values);
}
