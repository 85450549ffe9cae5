#include "export/tflite.h"

#include <stdio.h>
#include <string.h>

#include "export/flatbuf.h"
#include "export/tfl_ops.h"

enum { RUNTIME_VERSION_BYTES = 16 };

typedef struct buffer {
    const void *data;
    size_t bytes;
    uint64_t hash;
} buffer;

typedef struct op_code {
    enum tfl_op code;
    int version;
} op_code;

typedef struct writer {
    const tfl_model *m;
    nn_arena *scratch;
    fb_builder fb;
    buffer *buffers; /* [0] is empty */
    int n_buffers;
    int32_t *tensor_buffer, *metadata_buffer; /* of each: its buffer */
    op_code *codes;
    int n_codes;
    int32_t *operator_code; /* of each: its code */
    char runtime_version[RUNTIME_VERSION_BYTES];
    fb_ref *refs;   /* of the list that is being written */
    int32_t *index; /* likewise, of numbers */
} writer;

/* ---- what the file holds beside the model's own lists ---------------------------------------- */

/* 64-bit FNV-1a. */
static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

/* The buffer with these bytes, which is made if there is none yet. */
static int32_t find_buffer(writer *w, const void *data, size_t bytes)
{
    if (bytes == 0)
        return TFL_BUFFER_NONE;
    uint64_t hash = hash_bytes(data, bytes);
    for (int i = 1; i < w->n_buffers; i++) {
        const buffer *b = &w->buffers[i];
        if (b->hash == hash && b->bytes == bytes && memcmp(b->data, data, bytes) == 0)
            return i;
    }
    w->buffers[w->n_buffers] = (buffer){ data, bytes, hash };
    return w->n_buffers++;
}

static void collect_buffers(writer *w)
{
    const tfl_model *m = w->m;
    w->n_buffers = 1;
    for (int i = 0; i < m->n_tensors; i++) {
        const tfl_tensor *t = &m->tensors[i];
        w->tensor_buffer[i] = t->data != NULL ? find_buffer(w, t->data, t->bytes) : TFL_BUFFER_NONE;
    }
    for (int i = 0; i < m->n_metadata; i++)
        w->metadata_buffer[i] = find_buffer(w, m->metadata[i].data, m->metadata[i].bytes);
    w->metadata_buffer[m->n_metadata] =
        find_buffer(w, w->runtime_version, sizeof w->runtime_version);
}

static int32_t find_code(writer *w, enum tfl_op code, int version)
{
    for (int i = 0; i < w->n_codes; i++)
        if (w->codes[i].code == code && w->codes[i].version == version)
            return i;
    w->codes[w->n_codes] = (op_code){ code, version };
    return w->n_codes++;
}

/* Operator codes, and the oldest TensorFlow release that has them all. */
static void collect_codes(writer *w)
{
    int release = 0;
    for (int i = 0; i < w->m->n_operators; i++) {
        const tfl_operator *op = &w->m->operators[i];
        int version = tfl_op_version(w->m, op);
        int since = tfl_op_find(op->code)->since[version - 1];
        w->operator_code[i] = find_code(w, op->code, version);
        release = since > release ? since : release;
    }
    if (release > 0)
        snprintf(w->runtime_version, sizeof w->runtime_version, "%d.%d.%d", release / 1000,
                 release / 10 % 100, release % 10);
}

/* ---- constants ------------------------------------------------------------------------------- */

static fb_ref write_buffer(fb_builder *b, const void *data, size_t bytes)
{
    fb_ref vector = bytes > 0 ? fb_bytes(b, data, bytes, TFL_BUFFER_ALIGN) : 0;
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_BUFFER_DATA, vector);
    return fb_end(b);
}

static fb_ref write_buffers(writer *w)
{
    for (int i = w->n_buffers; i-- > 0;)
        w->refs[i] = write_buffer(&w->fb, w->buffers[i].data, w->buffers[i].bytes);
    return fb_refs(&w->fb, w->refs, (size_t)w->n_buffers);
}

static fb_ref write_metadata(writer *w)
{
    fb_builder *b = &w->fb;
    int n = w->m->n_metadata + 1;
    for (int i = n; i-- > 0;) {
        fb_ref name = fb_string(b, i < n - 1 ? w->m->metadata[i].name : "min_runtime_version");
        fb_table(b);
        fb_put_ref(b, TFL_SLOT_METADATA_NAME, name);
        fb_put_int32(b, TFL_SLOT_METADATA_BUFFER, w->metadata_buffer[i], 0);
        w->refs[i] = fb_end(b);
    }
    return fb_refs(b, w->refs, (size_t)n);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static fb_ref write_floats(fb_builder *b, const float *v, int n)
{
    return v != NULL ? fb_floats(b, v, (size_t)n) : 0;
}

static fb_ref write_quant(fb_builder *b, const tfl_quant *q)
{
    if (q->n == 0)
        return 0;
    fb_ref zero_point = fb_int64s(b, q->zero_point, (size_t)q->n);
    fb_ref scale = write_floats(b, q->scale, q->n);
    fb_ref max = write_floats(b, q->max, q->n), min = write_floats(b, q->min, q->n);
    fb_table(b);
    fb_put_int32(b, TFL_SLOT_QUANT_DIMENSION, q->n > 1 ? q->axis : 0, 0);
    fb_put_ref(b, TFL_SLOT_QUANT_ZERO_POINT, zero_point);
    fb_put_ref(b, TFL_SLOT_QUANT_SCALE, scale);
    fb_put_ref(b, TFL_SLOT_QUANT_MAX, max);
    fb_put_ref(b, TFL_SLOT_QUANT_MIN, min);
    return fb_end(b);
}

static fb_ref write_tensor(writer *w, int i)
{
    fb_builder *b = &w->fb;
    const tfl_tensor *t = &w->m->tensors[i];
    fb_ref quant = write_quant(b, &t->quant);
    fb_ref name = fb_string(b, t->name);
    fb_ref shape = fb_int32s(b, t->dim, (size_t)t->rank);
    fb_table(b);
    fb_put_byte(b, TFL_SLOT_TENSOR_TYPE, t->type, 0);
    fb_put_ref(b, TFL_SLOT_TENSOR_QUANTIZATION, quant);
    fb_put_ref(b, TFL_SLOT_TENSOR_NAME, name);
    fb_put_int32(b, TFL_SLOT_TENSOR_BUFFER, w->tensor_buffer[i], 0);
    fb_put_ref(b, TFL_SLOT_TENSOR_SHAPE, shape);
    return fb_end(b);
}

static fb_ref write_tensors(writer *w)
{
    for (int i = w->m->n_tensors; i-- > 0;)
        w->refs[i] = write_tensor(w, i);
    return fb_refs(&w->fb, w->refs, (size_t)w->m->n_tensors);
}

/* ---- operators ------------------------------------------------------------------------------- */

static void put_conv(fb_builder *b, const tfl_conv *c)
{
    fb_put_int32(b, TFL_SLOT_CONV_STRIDE_W, c->stride_w, 0);
    fb_put_int32(b, TFL_SLOT_CONV_STRIDE_H, c->stride_h, 0);
    fb_put_int32(b, TFL_SLOT_CONV_DILATION_W, c->dilation_w, 1);
    fb_put_int32(b, TFL_SLOT_CONV_DILATION_H, c->dilation_h, 1);
    fb_put_byte(b, TFL_SLOT_CONV_PADDING, c->padding, TFL_PADDING_SAME);
    fb_put_byte(b, TFL_SLOT_CONV_ACTIVATION, c->activation, TFL_ACT_NONE);
}

static void put_depthwise(fb_builder *b, const tfl_conv *c)
{
    fb_put_int32(b, TFL_SLOT_DWCONV_STRIDE_W, c->stride_w, 0);
    fb_put_int32(b, TFL_SLOT_DWCONV_STRIDE_H, c->stride_h, 0);
    fb_put_int32(b, TFL_SLOT_DWCONV_MULTIPLIER, c->multiplier, 0);
    fb_put_int32(b, TFL_SLOT_DWCONV_DILATION_W, c->dilation_w, 1);
    fb_put_int32(b, TFL_SLOT_DWCONV_DILATION_H, c->dilation_h, 1);
    fb_put_byte(b, TFL_SLOT_DWCONV_PADDING, c->padding, TFL_PADDING_SAME);
    fb_put_byte(b, TFL_SLOT_DWCONV_ACTIVATION, c->activation, TFL_ACT_NONE);
}

static void put_pool(fb_builder *b, const tfl_pool *p)
{
    fb_put_int32(b, TFL_SLOT_POOL_STRIDE_W, p->stride_w, 0);
    fb_put_int32(b, TFL_SLOT_POOL_STRIDE_H, p->stride_h, 0);
    fb_put_int32(b, TFL_SLOT_POOL_FILTER_W, p->filter_w, 0);
    fb_put_int32(b, TFL_SLOT_POOL_FILTER_H, p->filter_h, 0);
    fb_put_byte(b, TFL_SLOT_POOL_PADDING, p->padding, TFL_PADDING_SAME);
    fb_put_byte(b, TFL_SLOT_POOL_ACTIVATION, p->activation, TFL_ACT_NONE);
}

static void put_strided_slice(fb_builder *b, const tfl_strided_slice *s)
{
    fb_put_int32(b, TFL_SLOT_STRIDED_SLICE_BEGIN_MASK, s->begin_mask, 0);
    fb_put_int32(b, TFL_SLOT_STRIDED_SLICE_END_MASK, s->end_mask, 0);
    fb_put_int32(b, TFL_SLOT_STRIDED_SLICE_SHRINK_MASK, s->shrink_mask, 0);
}

/* The fields of an options table but for vectors; operators without a case have none. */
static void put_options(fb_builder *b, enum tfl_options table, const tfl_attr *a)
{
    switch (table) {
    case TFL_OPTIONS_CONV_2D:
        put_conv(b, &a->conv);
        break;
    case TFL_OPTIONS_DEPTHWISE_CONV_2D:
        put_depthwise(b, &a->conv);
        break;
    case TFL_OPTIONS_POOL_2D:
        put_pool(b, &a->pool);
        break;
    case TFL_OPTIONS_FULLY_CONNECTED:
        fb_put_byte(b, TFL_SLOT_FC_ACTIVATION, a->dense.activation, TFL_ACT_NONE);
        fb_put_bool(b, TFL_SLOT_FC_KEEP_NUM_DIMS, a->dense.keep_num_dims);
        break;
    case TFL_OPTIONS_SOFTMAX:
        fb_put_float(b, TFL_SLOT_SOFTMAX_BETA, a->beta);
        break;
    case TFL_OPTIONS_CONCATENATION:
        fb_put_int32(b, TFL_SLOT_CONCAT_AXIS, a->concat.axis, 0);
        break;
    case TFL_OPTIONS_ADD: /* SUB's slot is the same */
    case TFL_OPTIONS_SUB:
        fb_put_byte(b, TFL_SLOT_ADD_ACTIVATION, a->activation, TFL_ACT_NONE);
        break;
    case TFL_OPTIONS_MUL:
        fb_put_byte(b, TFL_SLOT_MUL_ACTIVATION, a->activation, TFL_ACT_NONE);
        break;
    case TFL_OPTIONS_REDUCER:
        fb_put_bool(b, TFL_SLOT_REDUCER_KEEP_DIMS, a->keep_dims);
        break;
    case TFL_OPTIONS_SPLIT:
        fb_put_int32(b, TFL_SLOT_SPLIT_NUM_SPLITS, a->splits, 0);
        break;
    case TFL_OPTIONS_ARG_MAX:
        fb_put_byte(b, TFL_SLOT_ARG_MAX_OUTPUT_TYPE, a->output_type, 0);
        break;
    case TFL_OPTIONS_LEAKY_RELU:
        fb_put_float(b, TFL_SLOT_LEAKY_RELU_ALPHA, a->alpha);
        break;
    case TFL_OPTIONS_RESIZE_NEAREST_NEIGHBOR:
        fb_put_bool(b, TFL_SLOT_RESIZE_NEAREST_ALIGN_CORNERS, a->resize.align_corners);
        fb_put_bool(b, TFL_SLOT_RESIZE_NEAREST_HALF_PIXEL, a->resize.half_pixel_centers);
        break;
    case TFL_OPTIONS_RESIZE_BILINEAR:
        fb_put_bool(b, TFL_SLOT_RESIZE_BILINEAR_ALIGN_CORNERS, a->resize.align_corners);
        fb_put_bool(b, TFL_SLOT_RESIZE_BILINEAR_HALF_PIXEL, a->resize.half_pixel_centers);
        break;
    case TFL_OPTIONS_STRIDED_SLICE:
        put_strided_slice(b, &a->strided_slice);
        break;
    default:
        break;
    }
}

static fb_ref write_options(fb_builder *b, enum tfl_options table, const tfl_attr *a)
{
    if (table == TFL_OPTIONS_NONE)
        return 0;
    bool has_dims = table == TFL_OPTIONS_RESHAPE || table == TFL_OPTIONS_SQUEEZE;
    fb_ref dims = has_dims ? fb_int32s(b, a->dims.dim, (size_t)a->dims.n) : 0;
    fb_table(b);
    put_options(b, table, a);
    if (has_dims) /* both tables have it in slot 0 */
        fb_put_ref(b, TFL_SLOT_RESHAPE_NEW_SHAPE, dims);
    return fb_end(b);
}

static fb_ref write_operator(writer *w, int i)
{
    fb_builder *b = &w->fb;
    const tfl_operator *op = &w->m->operators[i];
    enum tfl_options table = tfl_op_find(op->code)->options;
    fb_ref options = write_options(b, table, &op->attr);
    fb_ref out = fb_int32s(b, op->out, (size_t)op->n_out);
    fb_ref in = fb_int32s(b, op->in, (size_t)op->n_in);
    fb_table(b);
    fb_put_byte(b, TFL_SLOT_OPERATOR_OPTIONS_TYPE, table, TFL_OPTIONS_NONE);
    fb_put_ref(b, TFL_SLOT_OPERATOR_OPTIONS, options);
    fb_put_ref(b, TFL_SLOT_OPERATOR_OUTPUTS, out);
    fb_put_ref(b, TFL_SLOT_OPERATOR_INPUTS, in);
    fb_put_int32(b, TFL_SLOT_OPERATOR_OPCODE_INDEX, w->operator_code[i], 0);
    return fb_end(b);
}

static fb_ref write_operators(writer *w)
{
    for (int i = w->m->n_operators; i-- > 0;)
        w->refs[i] = write_operator(w, i);
    return fb_refs(&w->fb, w->refs, (size_t)w->m->n_operators);
}

/* Codes from 127 on do not fit the first field that was made for them, which holds 127 then. */
static fb_ref write_codes(writer *w)
{
    fb_builder *b = &w->fb;
    for (int i = w->n_codes; i-- > 0;) {
        unsigned code = w->codes[i].code;
        unsigned old = code < TFL_OP_PLACEHOLDER ? code : TFL_OP_PLACEHOLDER;
        fb_table(b);
        fb_put_int32(b, TFL_SLOT_OPCODE_BUILTIN, (int32_t)code, 0);
        fb_put_int32(b, TFL_SLOT_OPCODE_VERSION, w->codes[i].version, 1);
        fb_put_byte(b, TFL_SLOT_OPCODE_DEPRECATED_BUILTIN, old, 0);
        w->refs[i] = fb_end(b);
    }
    return fb_refs(b, w->refs, (size_t)w->n_codes);
}

/* ---- subgraph, signature, model -------------------------------------------------------------- */

static fb_ref write_ports(writer *w, const tfl_port *ports, int n)
{
    for (int i = 0; i < n; i++)
        w->index[i] = ports[i].tensor;
    return fb_int32s(&w->fb, w->index, (size_t)n);
}

static fb_ref write_subgraph(writer *w)
{
    fb_builder *b = &w->fb;
    const tfl_model *m = w->m;
    fb_ref tensors = write_tensors(w), operators = write_operators(w);
    fb_ref out = write_ports(w, m->outputs, m->n_outputs);
    fb_ref in = write_ports(w, m->inputs, m->n_inputs);
    fb_ref name = fb_string(b, m->name);
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_NAME, name);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_OPERATORS, operators);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_OUTPUTS, out);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_INPUTS, in);
    fb_put_ref(b, TFL_SLOT_SUBGRAPH_TENSORS, tensors);
    fb_ref subgraph = fb_end(b);
    return fb_refs(b, &subgraph, 1);
}

static fb_ref write_tensor_maps(writer *w, const tfl_port *ports, int n)
{
    fb_builder *b = &w->fb;
    for (int i = n; i-- > 0;) {
        fb_ref name = fb_string(b, ports[i].name);
        fb_table(b);
        fb_put_int32(b, TFL_SLOT_TENSOR_MAP_INDEX, ports[i].tensor, 0);
        fb_put_ref(b, TFL_SLOT_TENSOR_MAP_NAME, name);
        w->refs[i] = fb_end(b);
    }
    return fb_refs(b, w->refs, (size_t)n);
}

static fb_ref write_signature(writer *w)
{
    fb_builder *b = &w->fb;
    fb_ref out = write_tensor_maps(w, w->m->outputs, w->m->n_outputs);
    fb_ref in = write_tensor_maps(w, w->m->inputs, w->m->n_inputs);
    fb_ref key = fb_string(b, TFL_SIGNATURE_KEY);
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_SIGNATURE_KEY, key);
    fb_put_ref(b, TFL_SLOT_SIGNATURE_OUTPUTS, out);
    fb_put_ref(b, TFL_SLOT_SIGNATURE_INPUTS, in);
    fb_ref signature = fb_end(b);
    return fb_refs(b, &signature, 1);
}

/* From the end of the file to its beginning: the constants lie last. */
static fb_ref write_model(writer *w)
{
    fb_builder *b = &w->fb;
    fb_ref buffers = write_buffers(w);
    fb_ref metadata = write_metadata(w);
    fb_ref signatures = write_signature(w);
    fb_ref subgraphs = write_subgraph(w);
    fb_ref codes = write_codes(w);
    fb_ref description = fb_string(b, w->m->description);
    fb_table(b);
    fb_put_ref(b, TFL_SLOT_MODEL_SIGNATURES, signatures);
    fb_put_ref(b, TFL_SLOT_MODEL_METADATA, metadata);
    fb_put_ref(b, TFL_SLOT_MODEL_BUFFERS, buffers);
    fb_put_ref(b, TFL_SLOT_MODEL_DESCRIPTION, description);
    fb_put_ref(b, TFL_SLOT_MODEL_SUBGRAPHS, subgraphs);
    fb_put_ref(b, TFL_SLOT_MODEL_OPERATOR_CODES, codes);
    fb_put_int32(b, TFL_SLOT_MODEL_VERSION, TFL_MODEL_VERSION, 0);
    return fb_end(b);
}

/* Lists as long as any can become: buffers are one for each constant and metadata entry, the empty
 * one, and the runtime version. */
static bool make_lists(writer *w)
{
    const tfl_model *m = w->m;
    size_t n = (size_t)m->n_tensors + (size_t)m->n_operators + (size_t)m->n_metadata + 2;
    w->buffers = nn_arena_alloc(w->scratch, n * sizeof *w->buffers);
    w->codes = nn_arena_alloc(w->scratch, n * sizeof *w->codes);
    w->refs = nn_arena_alloc(w->scratch, n * sizeof *w->refs);
    int32_t *numbers = nn_arena_alloc(w->scratch, 4 * n * sizeof *numbers);
    if (w->buffers == NULL || w->codes == NULL || w->refs == NULL || numbers == NULL)
        return false;
    w->tensor_buffer = numbers;
    w->metadata_buffer = numbers + n;
    w->operator_code = numbers + 2 * n;
    w->index = numbers + 3 * n;
    return true;
}

static nn_status write_file(nn_bytes *out, writer *w)
{
    if (!make_lists(w))
        return NN_ENOMEM;
    collect_codes(w);
    collect_buffers(w);
    fb_start(&w->fb, TFL_MAX_BYTES);
    fb_ref root = write_model(w);
    return fb_finish(&w->fb, root, TFL_IDENTIFIER, out);
}

nn_status ex_tflite_write(nn_bytes *out, const tfl_model *m)
{
    NN_TRY(tfl_model_check(m));
    writer w = { .m = m };
    NN_TRY(nn_arena_new(&w.scratch));
    nn_status st = write_file(out, &w);
    nn_arena_free(w.scratch);
    return st;
}
