#include "tests/rt_text.h"

#include <ctype.h>
#include <math.h>

#include "export/flatbuf.h"
#include "runtime/cpu.h"
#include "runtime/kernels/kernels.h"
#include "runtime/model.h"
#include "runtime/schema.h"
#include "tests/testing.h"

enum { MOST_BYTES = 1 << 15, MOST_TENSORS = 2 * (RT_TEXT_IN + RT_TEXT_OUT) + 1, MOST_LIST = 16 };

typedef struct tensor {
    rt_type type;
    int rank, n_scales, n_zeros, axis;
    int32_t dim[MOST_LIST];
    float scale[MOST_LIST];
    int64_t zero[MOST_LIST];
    bool constant;
    size_t count, bytes;
    uint8_t data[MOST_BYTES];
} tensor;

/* ---- text to tensors ------------------------------------------------------------------------- */

static const char *skip_space(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static const char *read_type(const char *s, rt_type *type)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {
        { "f32", RT_FLOAT32 }, { "f16", RT_FLOAT16 },
        { "i64", RT_INT64 },   { "i32", RT_INT32 },
        { "i16", RT_INT16 },   { "i8", RT_INT8 },
        { "u8", RT_UINT8 },    { "i4", RT_INT4 },
        { "bool", RT_BOOL },   { "string", TFL_TYPE_STRING },
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t n = strlen(types[i].name);
        if (strncmp(s, types[i].name, n) == 0 && s[n] == ' ') {
            *type = (rt_type)types[i].type;
            return skip_space(s + n);
        }
    }
    fail_msg("\"%s\" begins with no type", s);
    return s;
}

static const char *read_shape(const char *s, tensor *t)
{
    t->count = 1;
    for (; *s != '\0' && *s != ' '; s += *s == 'x' || *s == '.') {
        if (*s == '.')
            continue;
        char *end;
        assert_true(t->rank < MOST_LIST);
        t->dim[t->rank] = (int32_t)strtol(s, &end, 10);
        t->count *= t->dim[t->rank] > 0 ? (size_t)t->dim[t->rank] : 0;
        t->rank++;
        s = end;
    }
    return skip_space(s);
}

/* Numbers with commas between. */
static const char *read_list(const char *s, double *v, int *n)
{
    char *end;
    do {
        assert_true(*n < MOST_LIST);
        v[*n] = strtod(s + 1, &end);
        *n += end > s + 1;
        s = end > s + 1 ? end : s + 1;
    } while (*s == ',');
    return skip_space(s);
}

static const char *read_affine(const char *s, tensor *t)
{
    double v[MOST_LIST];
    int n = 0;
    char kind = *s;
    s = read_list(s, v, &n);
    for (int i = 0; i < n && kind == '*'; i++)
        t->scale[i] = (float)v[i];
    for (int i = 0; i < n && kind == '@'; i++)
        t->zero[i] = (int64_t)v[i];
    if (kind == '*') /* zero points are 0 unless they follow */
        t->n_scales = t->n_zeros = n;
    else if (kind == '@')
        t->n_zeros = n;
    else
        t->axis = (int)v[0];
    return s;
}

static void put_value(tensor *t, size_t i, const char *s, char **end)
{
    size_t each = rt_type_bytes(t->type);
    if (t->type == RT_FLOAT32) {
        memcpy(t->data + 4 * i, &(float){ strtof(s, end) }, 4);
        return;
    }
    int64_t v = strtoll(s, end, 0);
    if (t->type == RT_INT4)
        t->data[i / 2] |= (uint8_t)((v & 15) << 4 * (i % 2));
    for (size_t k = 0; k < each; k++) /* as the file has it: the low byte first */
        t->data[each * i + k] = (uint8_t)((uint64_t)v >> 8 * k);
}

static void read_values(const char *s, tensor *t)
{
    char *end;
    size_t i = 0, each = rt_type_bytes(t->type);
    for (s = skip_space(s); *s != '\0' && (i < t->count || t->count == 0); s = skip_space(end))
        put_value(t, i++, s, &end);
    if (*s != '\0')
        fail_msg("more than %zu values: \"%s\"", t->count, s);
    if (t->count == 0)
        t->bytes = each * i;
    for (; i > 0 && i < t->count && each > 0; i++)
        memcpy(t->data + each * i, t->data + each * (i - 1), each);
}

static void read_tensor(const char *text, tensor *t)
{
    memset(t, 0, sizeof *t);
    const char *s = read_shape(read_type(text, &t->type), t);
    t->bytes = t->type == RT_INT4 ? (t->count + 1) / 2 : t->count * rt_type_bytes(t->type);
    while (*s == '*' || *s == '@' || *s == '/')
        s = read_affine(s, t);
    if (*s == '\0')
        return;
    if ((*s != ':' && *s != '=') || t->bytes > MOST_BYTES)
        fail_msg("tensor \"%s\"", text);
    t->constant = *s == '=';
    read_values(s + 1, t);
}

/* ---- tensors to a file ----------------------------------------------------------------------- */

/* A model on its way: operators and tensors in the order of the text. */
typedef struct model {
    fb_builder fb;
    tensor tensors[MOST_TENSORS];
    int n_tensors, n_ops;
    int32_t in[2][RT_TEXT_IN], out[2][RT_TEXT_OUT];
    int n_in[2], n_out[2];
    const rt_text *ops[2];
} model;

static const rt_op *find_op(const char *name)
{
    for (int i = 0; i < rt_n_ops; i++)
        if (strcmp(rt_ops[i]->name, name) == 0)
            return rt_ops[i];
    fail_msg("no operator %s", name);
    return NULL;
}

/* The result of the other of two operators. */
static bool is_result(const char *text)
{
    return text[0] == '<' || text[0] == '>';
}

static void add_operator(model *m, const rt_text *t)
{
    int at = m->n_ops++;
    m->ops[at] = t;
    for (; m->n_in[at] < RT_TEXT_IN && t->in[m->n_in[at]] != NULL; m->n_in[at]++) {
        const char *text = t->in[m->n_in[at]];
        m->in[at][m->n_in[at]] = text[0] == '-' ? -1 : text[0] == '<' ? m->out[0][0] : m->n_tensors;
        if (text[0] != '-' && !is_result(text))
            read_tensor(text, &m->tensors[m->n_tensors++]);
    }
    for (; m->n_out[at] < RT_TEXT_OUT && t->out[m->n_out[at]] != NULL; m->n_out[at]++) {
        const char *text = t->out[m->n_out[at]];
        m->out[at][m->n_out[at]] = text[0] == '<' ? m->out[0][0] : m->n_tensors;
        if (text[0] != '<')
            read_tensor(text, &m->tensors[m->n_tensors++]);
    }
}

/* The number behind "name=" among the options, or `otherwise`. */
static double option(const rt_text *t, const char *name, double otherwise)
{
    size_t n = strlen(name);
    for (const char *s = t->options; *s != '\0'; s++)
        if ((s == t->options || s[-1] == ' ') && strncmp(s, name, n) == 0 && s[n] == '=')
            return strtod(s + n + 1, NULL);
    return otherwise;
}

static void check_names(const rt_text *t, const rt_op *op)
{
    for (const char *s = skip_space(t->options); *s != '\0'; s = skip_space(s + strcspn(s, " "))) {
        size_t n = strcspn(s, "=");
        bool known = strncmp(s, "version=", 8) == 0 || strncmp(s, "table=", 6) == 0 ||
                     strncmp(s, "dims=", 5) == 0 || strncmp(s, "result=", 7) == 0;
        for (const rt_field *f = op->fields; f != NULL && f->name != NULL; f++)
            known = known || (strlen(f->name) == n && strncmp(f->name, s, n) == 0);
        if (!known)
            fail_msg("%s has no option \"%s\"", op->name, s);
    }
}

static fb_ref write_options(fb_builder *b, const rt_text *t, const rt_op *op)
{
    const char *list = strstr(t->options, "dims=");
    double v[MOST_LIST];
    int32_t dims[MOST_LIST];
    int n = 0;
    check_names(t, op);
    if (list != NULL && (list == t->options || list[-1] == ' '))
        read_list(list + 4, v, &n);
    for (int i = 0; i < n; i++)
        dims[i] = (int32_t)v[i];
    fb_ref vector = n > 0 ? fb_int32s(b, dims, (size_t)n) : 0;
    fb_table(b);
    fb_put_ref(b, 0, vector);
    for (const rt_field *f = op->fields; f != NULL && f->name != NULL; f++) {
        double x = option(t, f->name, f->otherwise);
        if (f->kind == RT_FIELD_INT)
            fb_put_int32(b, f->slot, (int32_t)x, f->otherwise);
        else if (f->kind == RT_FIELD_FLOAT)
            fb_put_float(b, f->slot, (float)x);
        else
            fb_put_byte(b, f->slot, (uint8_t)(int8_t)x, (unsigned)f->otherwise);
    }
    return fb_end(b);
}

static fb_ref write_operators(model *m)
{
    fb_ref refs[2];
    for (int i = 0; i < m->n_ops; i++) {
        const rt_op *op = find_op(m->ops[i]->op);
        fb_ref options = write_options(&m->fb, m->ops[i], op);
        fb_ref out = fb_int32s(&m->fb, m->out[i], (size_t)m->n_out[i]);
        fb_ref in = fb_int32s(&m->fb, m->in[i], (size_t)m->n_in[i]);
        fb_table(&m->fb);
        fb_put_byte(&m->fb, TFL_SLOT_OPERATOR_OPTIONS_TYPE,
                    (unsigned)option(m->ops[i], "table", op->options), 0);
        fb_put_ref(&m->fb, TFL_SLOT_OPERATOR_OPTIONS, options);
        fb_put_ref(&m->fb, TFL_SLOT_OPERATOR_OUTPUTS, out);
        fb_put_ref(&m->fb, TFL_SLOT_OPERATOR_INPUTS, in);
        fb_put_int32(&m->fb, TFL_SLOT_OPERATOR_OPCODE_INDEX, i, 0);
        refs[i] = fb_end(&m->fb);
    }
    return fb_refs(&m->fb, refs, (size_t)m->n_ops);
}

static fb_ref write_codes(model *m)
{
    fb_ref refs[2];
    for (int i = 0; i < m->n_ops; i++) {
        fb_table(&m->fb);
        fb_put_int32(&m->fb, TFL_SLOT_OPCODE_BUILTIN, find_op(m->ops[i]->op)->code, 0);
        fb_put_int32(&m->fb, TFL_SLOT_OPCODE_VERSION, (int32_t)option(m->ops[i], "version", 1), 1);
        refs[i] = fb_end(&m->fb);
    }
    return fb_refs(&m->fb, refs, (size_t)m->n_ops);
}

/* Buffer 0 is empty, buffer i + 1 is tensor i's. */
static fb_ref write_buffers(model *m)
{
    fb_ref refs[MOST_TENSORS + 1];
    for (int i = 0; i <= m->n_tensors; i++) {
        const tensor *t = i > 0 ? &m->tensors[i - 1] : NULL;
        fb_ref data = t != NULL && t->constant && t->bytes > 0
                          ? fb_bytes(&m->fb, t->data, t->bytes, TFL_BUFFER_ALIGN)
                          : 0;
        fb_table(&m->fb);
        fb_put_ref(&m->fb, TFL_SLOT_BUFFER_DATA, data);
        refs[i] = fb_end(&m->fb);
    }
    return fb_refs(&m->fb, refs, (size_t)m->n_tensors + 1);
}

static fb_ref write_tensors(model *m)
{
    fb_builder *b = &m->fb;
    fb_ref refs[MOST_TENSORS];
    for (int i = 0; i < m->n_tensors; i++) {
        const tensor *t = &m->tensors[i];
        char text[16];
        snprintf(text, sizeof text, "t%d", i);
        fb_ref zero = fb_int64s(b, t->zero, (size_t)t->n_zeros);
        fb_ref scale = fb_floats(b, t->scale, (size_t)t->n_scales);
        fb_table(b);
        fb_put_int32(b, TFL_SLOT_QUANT_DIMENSION, t->axis, 0);
        fb_put_ref(b, TFL_SLOT_QUANT_ZERO_POINT, zero);
        fb_put_ref(b, TFL_SLOT_QUANT_SCALE, scale);
        fb_ref quant = fb_end(b), name = fb_string(b, text);
        fb_ref shape = fb_int32s(b, t->dim, (size_t)t->rank);
        fb_table(b);
        fb_put_byte(b, TFL_SLOT_TENSOR_TYPE, (unsigned)t->type, 0);
        fb_put_ref(b, TFL_SLOT_TENSOR_QUANTIZATION, quant);
        fb_put_ref(b, TFL_SLOT_TENSOR_NAME, name);
        fb_put_int32(b, TFL_SLOT_TENSOR_BUFFER, t->constant ? i + 1 : 0, 0);
        fb_put_ref(b, TFL_SLOT_TENSOR_SHAPE, shape);
        refs[i] = fb_end(b);
    }
    return fb_refs(b, refs, (size_t)m->n_tensors);
}

/* Inputs of the model are all inputs of operators that are activations and no operator's result. */
static int list_inputs(const model *m, int32_t *list)
{
    int n = 0;
    for (int i = 0; i < m->n_ops; i++)
        for (int k = 0; k < m->n_in[i]; k++)
            if (m->in[i][k] >= 0 && !is_result(m->ops[i]->in[k]) &&
                !m->tensors[m->in[i][k]].constant)
                list[n++] = m->in[i][k];
    return n;
}

static void write_model(nn_bytes *file, model *m)
{
    fb_builder *b = &m->fb;
    int32_t inputs[2 * RT_TEXT_IN];
    int last = m->n_ops - 1;
    const int32_t result = (int32_t)option(m->ops[last], "result", -1);
    fb_start(b, 1 << 20);
    fb_ref buffers = write_buffers(m), tensors = write_tensors(m), operators = write_operators(m);
    int n_inputs = list_inputs(m, inputs);
    if (n_inputs == 0)
        inputs[n_inputs++] = m->n_tensors - 1;
    fb_ref codes = write_codes(m), in = fb_int32s(b, inputs, (size_t)n_inputs);
    fb_ref out =
        result >= 0 ? fb_int32s(b, &result, 1) : fb_int32s(b, m->out[last], (size_t)m->n_out[last]);
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_OPERATORS, operators);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_OUTPUTS, out);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_INPUTS, in);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_TENSORS, tensors);
    fb_ref graph = fb_end(b), graphs = fb_refs(b, &graph, 1);
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_MODEL_BUFFERS, buffers);
    fb_put_ref(b, TFL_SLOT_MODEL_SUBGRAPHS, graphs);
    fb_put_ref(b, TFL_SLOT_MODEL_OPERATOR_CODES, codes);
    fb_put_int32(b, TFL_SLOT_MODEL_VERSION, TFL_MODEL_VERSION, 0);
    assert_ok(fb_finish(b, fb_end(b), TFL_IDENTIFIER, file));
}

/* first: NULL for none. */
static model *model_of(const rt_text *first, const rt_text *t)
{
    static model m;
    memset(&m, 0, sizeof m);
    if (first != NULL)
        add_operator(&m, first);
    add_operator(&m, t);
    for (int k = 0; k < m.n_in[0]; k++)
        if (m.ops[0]->in[k][0] == '>')
            m.in[0][k] = m.out[1][0];
    int32_t unused[2 * RT_TEXT_IN];
    if (list_inputs(&m, unused) == 0) /* a model has an input, though nothing may read it */
        read_tensor("f32 1", &m.tensors[m.n_tensors++]);
    return &m;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool equal(const tensor *want, const uint8_t *got, size_t i)
{
    size_t each = rt_type_bytes(want->type);
    if (want->type != RT_FLOAT32)
        return memcmp(want->data + each * i, got + each * i, each) == 0;
    float a, b;
    memcpy(&a, want->data + 4 * i, 4);
    memcpy(&b, got + 4 * i, 4);
    return a == b || (isfinite(a) && fabsf(a - b) <= 1e-6f * fabsf(a));
}

static void compare(const rt_text *t, const char *kernels, const tensor *want, const uint8_t *got)
{
    for (size_t i = 0; i < want->count; i++) {
        if (equal(want, got, i))
            continue;
        char bits[17] = "";
        float real = 0;
        for (size_t k = rt_type_bytes(want->type), n = 0; k-- > 0; n += 2)
            snprintf(bits + n, 3, "%02x", got[rt_type_bytes(want->type) * i + k]);
        if (want->type == RT_FLOAT32)
            memcpy(&real, got + 4 * i, 4);
        fail_msg("%s %s of %s, %s: element %zu is %s (%g)", kernels, t->op, t->in[0], t->options, i,
                 bits, (double)real);
    }
}

static void run(const rt_text *t, const model *m, const nn_bytes *file, rt_options options)
{
    rt_error error;
    rt_model *opened = NULL;
    size_t need = 0;
    if (rt_measure(&need, file->data, file->size, &options, &error) != RT_OK)
        fail_msg("%s, %s: %s", t->op, t->options, error.text);
    void *block = test_guard_new(need, 0);
    if (rt_open(&opened, file->data, file->size, &options, block, need, &error) != RT_OK)
        fail_msg("%s, %s: %s", t->op, t->options, error.text);
    uint8_t *arena = test_guard_new(rt_arena_bytes(opened), 0);
    for (int i = 0; i < rt_n_inputs(opened); i++) {
        int at = rt_input(opened, i);
        if (rt_data(opened, arena, at) != NULL)
            memcpy(rt_data(opened, arena, at), m->tensors[at].data, m->tensors[at].bytes);
    }
    rt_run(opened, arena, NULL);
    for (int i = 0; i < rt_n_outputs(opened); i++) {
        int at = rt_output(opened, i);
        compare(t, options.kernels->name, &m->tensors[at], rt_data(opened, arena, at));
    }
    test_guard_check(block);
    test_guard_check(arena);
    test_guard_free(block);
    test_guard_free(arena);
}

void rt_text_check_after(const rt_text *first, const rt_text *t)
{
    static const unsigned limits[] = { 0, RT_CPU_AVX2, ~0u };
    nn_bytes file;
    model *m = model_of(first, t);
    write_model(&file, m);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        rt_options options = rt_options_default();
        nn_bytes copy = { test_guard_new(file.size, i), file.size }; /* a file may lie anywhere */
        memcpy(copy.data, file.data, file.size);
        rt_cpu_limit(limits[i]);
        options.kernels = rt_kernels_best();
        rt_cpu_limit(~0u);
        run(t, m, &copy, options);
        test_guard_free(copy.data);
    }
    nn_bytes_free(&file);
}

void rt_text_check(const rt_text *t)
{
    rt_text_check_after(NULL, t);
}

void rt_text_check_n(const rt_text *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rt_text_check(&t[i]);
}

static void check_refused(const rt_text *first, const rt_text *t, rt_status status,
                          const char *part)
{
    nn_bytes file;
    rt_error error = { RT_OK, 0, "" };
    size_t need = 0;
    write_model(&file, model_of(first, t));
    rt_status st = rt_measure(&need, file.data, file.size, NULL, &error);
    if (st == RT_OK) { /* what only the whole can show */
        rt_model *opened;
        void *block = test_guard_new(need, 0);
        st = rt_open(&opened, file.data, file.size, NULL, block, need, &error);
        test_guard_free(block);
    }
    if (st != status || strstr(error.text, part) == NULL)
        fail_msg("%s, %s: status %d, \"%s\"; wanted %d, \"%s\"", t->op, t->options, (int)st,
                 error.text, (int)status, part);
    nn_bytes_free(&file);
}

void rt_text_refused_n(const rt_text_refusal *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_refused(NULL, &r[i].model, r[i].status, r[i].part);
}

void rt_text_refused_after(const rt_text *first, const rt_text_refusal *r)
{
    check_refused(first, &r->model, r->status, r->part);
}
