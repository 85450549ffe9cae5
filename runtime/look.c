/* look - what an open model tells about itself. */
#include <string.h>

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

float rt_scale(const rt_tensor *t, int c)
{
    return c >= 0 && c < t->n_scales ? rt_get_f32(t->scales + (size_t)4 * (size_t)c) : 0;
}

int32_t rt_zero_point(const rt_tensor *t, int c)
{
    return c >= 0 && c < t->n_scales ? rt_get_i32(t->zero_points + (size_t)8 * (size_t)c) : 0;
}

rt_cost rt_costs(const rt_model *m)
{
    return m->cost;
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *rt_type_name(rt_type type)
{
    static const char *const names[] = {
        "FLOAT32", "FLOAT16",   "INT32",  "UINT8",   "INT64",      "STRING", "BOOL",
        "INT16",   "COMPLEX64", "INT8",   "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE",
        "VARIANT", "UINT32",    "UINT16", "INT4",    "BFLOAT16",   "INT2",
    };
    unsigned i = (unsigned)type;
    return i < sizeof names / sizeof names[0] ? names[i] : "UNKNOWN";
}

size_t rt_type_bytes(rt_type type)
{
    switch (type) {
    case RT_FLOAT32:
    case RT_INT32:
        return 4;
    case RT_INT64:
        return 8;
    case RT_INT16:
    case RT_FLOAT16:
        return 2;
    case RT_UINT8:
    case RT_INT8:
    case RT_BOOL:
        return 1;
    case RT_INT4:
        break;
    }
    return 0;
}

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

/* ---- codes and real numbers ------------------------------------------------------------------ */

static bool code_range(rt_type type, int64_t *lo, int64_t *hi)
{
    int bits = 8 * (int)rt_type_bytes(type);
    if (type == RT_UINT8) {
        *lo = 0;
        *hi = 255;
    } else if (type == RT_INT8 || type == RT_INT16 || type == RT_INT32) {
        *lo = -(INT64_C(1) << (bits - 1));
        *hi = (INT64_C(1) << (bits - 1)) - 1;
    } else {
        return false;
    }
    return true;
}

static void store(rt_type type, void *codes, size_t i, int64_t v)
{
    if (type == RT_INT32)
        ((int32_t *)codes)[i] = (int32_t)v;
    else if (type == RT_INT16)
        ((int16_t *)codes)[i] = (int16_t)v;
    else
        ((uint8_t *)codes)[i] = (uint8_t)v;
}

static int32_t load(rt_type type, const void *codes, size_t i)
{
    if (type == RT_INT32)
        return ((const int32_t *)codes)[i];
    if (type == RT_INT16)
        return ((const int16_t *)codes)[i];
    return type == RT_INT8 ? ((const int8_t *)codes)[i] : ((const uint8_t *)codes)[i];
}

bool rt_encode(const rt_tensor *t, void *codes, const float *x, size_t n)
{
    int64_t lo, hi;
    if (t->type == RT_FLOAT32) {
        memcpy(codes, x, n * sizeof *x);
        return true;
    }
    if (!code_range(t->type, &lo, &hi))
        return false;
    float scale = t->n_scales > 0 ? t->scale : 1;
    for (size_t i = 0; i < n; i++) {
        float q = x[i] / scale;
        int64_t v = q >= 3e9f ? hi : q <= -3e9f ? lo : rt_round((double)q) + t->zero_point;
        store(t->type, codes, i, v < lo ? lo : v > hi ? hi : v);
    }
    return true;
}

bool rt_decode(const rt_tensor *t, float *x, const void *codes, size_t n)
{
    int64_t lo, hi;
    if (t->type == RT_FLOAT32) {
        memcpy(x, codes, n * sizeof *x);
        return true;
    }
    if (!code_range(t->type, &lo, &hi))
        return false;
    double scale = t->n_scales > 0 ? (double)t->scale : 1;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * (double)((int64_t)load(t->type, codes, i) - t->zero_point));
    return true;
}
