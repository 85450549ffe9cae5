/* look - what an open model tells about itself. */
#include "runtime/op.h"

int rt_n_inputs(const rt_model *m)
{
    return m->n_inputs;
}

int rt_n_outputs(const rt_model *m)
{
    return m->n_outputs;
}

int rt_n_tensors(const rt_model *m)
{
    return m->n_tensors;
}

int rt_n_operators(const rt_model *m)
{
    return m->n_nodes;
}

int rt_input(const rt_model *m, int i)
{
    return i >= 0 && i < m->n_inputs ? m->inputs[i] : -1;
}

int rt_output(const rt_model *m, int i)
{
    return i >= 0 && i < m->n_outputs ? m->outputs[i] : -1;
}

const rt_tensor *rt_tensor_at(const rt_model *m, int t)
{
    return t >= 0 && t < m->n_tensors ? &m->tensors[t] : NULL;
}

const rt_operator *rt_operator_at(const rt_model *m, int op)
{
    return op >= 0 && op < m->n_nodes ? &m->nodes[op].info : NULL;
}

rt_cost rt_costs(const rt_model *m)
{
    return m->cost;
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *value_name(rt_field_kind kind, int v)
{
    static const char *const paddings[] = { "SAME", "VALID" };
    static const char *const activations[] = { "NONE",  "RELU", "RELU_N1_TO_1",
                                               "RELU6", "TANH", "SIGN_BIT" };
    static const char *const truths[] = { "false", "true" };
    if (kind == RT_FIELD_PADDING && v >= 0 && v < 2)
        return paddings[v];
    if (kind == RT_FIELD_ACTIVATION && v >= 0 && v < 6)
        return activations[v];
    if (kind == RT_FIELD_BOOL)
        return truths[v != 0];
    return kind == RT_FIELD_TYPE ? rt_type_name((rt_type)v) : NULL;
}

bool rt_option_at(const rt_model *m, int op, int k, rt_option *out)
{
    if (op < 0 || op >= m->n_nodes || k < 0 || m->nodes[op].op->fields == NULL)
        return false;
    const rt_node *n = &m->nodes[op];
    const rt_field *field = n->op->fields;
    for (; k > 0 && field->name != NULL; k--)
        field++;
    if (field->name == NULL)
        return false;
    rt_error unused = { RT_OK, 0, "" };
    rt_flat f = m->file;
    f.error = &unused;
    out->name = field->name;
    out->value = rt_field_value(&f, n, field);
    bool is_float = field->kind == RT_FIELD_FLOAT; /* any value: no enumeration, no int */
    out->text = is_float ? NULL : value_name(field->kind, (int)out->value);
    return true;
}

/* ---- description and metadata ---------------------------------------------------------------- */

const char *rt_description(const rt_model *m)
{
    return m->description;
}

const char *rt_metadata_at(const rt_model *m, int i, const void **bytes, size_t *size)
{
    if (i < 0 || (uint32_t)i >= m->metadata.count)
        return NULL;
    rt_error unused = { RT_OK, 0, "" };
    rt_flat f = m->file;
    f.error = &unused;
    rt_table entry = rt_flat_element(&f, m->metadata, (uint32_t)i, "metadata");
    uint32_t index = rt_flat_u32(&f, entry, TFL_SLOT_METADATA_BUFFER, 0, "buffer");
    rt_table buffer = rt_flat_element(&f, m->buffers, index, "buffer");
    rt_vector data = rt_flat_vector(&f, buffer, TFL_SLOT_BUFFER_DATA, 1, "data");
    *bytes = f.bytes + data.at;
    *size = data.count;
    return rt_flat_string(&f, entry, TFL_SLOT_METADATA_NAME, "name");
}

static bool same(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++)
        b++;
    return *a == *b;
}

const void *rt_metadata(const rt_model *m, const char *name, size_t *size)
{
    const void *bytes;
    const char *found;
    for (int i = 0; (found = rt_metadata_at(m, i, &bytes, size)) != NULL; i++)
        if (same(found, name))
            return bytes;
    *size = 0;
    return NULL;
}
