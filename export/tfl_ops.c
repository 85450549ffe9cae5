#include "export/tfl_ops.h"

#include <string.h>

#define ROW(code, options, inputs, result, f, u, s, w, ...)                                        \
    {                                                                                              \
        TFL_OP_##code, #code, TFL_OPTIONS_##options, inputs, TFL_RESULT_##result, f, u, s, w,      \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* Versions: op_version.cc of TensorFlow Lite; releases: its runtime_version.cc.  DEPTHWISE_CONV_2D
 * with int4 weights is 7 there, which the reference kernels' resolver does not know, while the
 * kernel itself looks at the type alone: 3 is loaded everywhere. */
static const tfl_op_row rows[] = {
    /* operator, options, inputs, result; versions for float, uint8, int8, int4; releases */
    ROW(ADD, ADD, "xx", FREE, 1, 1, 2, 0, 1050, 1140),
    ROW(AVERAGE_POOL_2D, POOL_2D, "x", EQUAL, 1, 1, 2, 0, 1050, 1140),
    ROW(CONCATENATION, CONCATENATION, "x*", EQUAL, 1, 1, 2, 0, 1050, 1140),
    ROW(CONV_2D, CONV_2D, "xwb", FREE, 1, 1, 3, 7, 1050, 1140, 1140, 2030, 2040, 2090, 2110),
    ROW(DEPTHWISE_CONV_2D, DEPTHWISE_CONV_2D, "xwb", FREE, 1, 1, 3, 3, 1050, 1120, 1140),
    ROW(DEQUANTIZE, DEQUANTIZE, "x", FREE, 0, 1, 2, 6, 1131, 1140, 1150, 2020, 2070),
    ROW(FULLY_CONNECTED, FULLY_CONNECTED, "xwo", FREE, 1, 1, 4, 10, 1050, 1100, 1140, 1140, 2000,
        2010, 2030, 2030, 2030, 2110),
    ROW(LOGISTIC, NONE, "x", UNIT, 1, 1, 2, 0, 1140, 1140),
    ROW(MAX_POOL_2D, POOL_2D, "x", EQUAL, 1, 1, 2, 0, 1050, 1140),
    ROW(MUL, MUL, "xx", FREE, 1, 1, 2, 0, 1050, 1140, 1150),
    ROW(RELU, NONE, "x", FREE, 1, 2, 2, 0, 1050, 2010),
    ROW(RELU_N1_TO_1, NONE, "x", FREE, 1, 1, 1, 0, 1050),
    ROW(RELU6, NONE, "x", FREE, 1, 1, 2, 0, 1050, 1140),
    ROW(RESHAPE, RESHAPE, "xi", EQUAL, 1, 1, 1, 0, 1050),
    ROW(RESIZE_BILINEAR, RESIZE_BILINEAR, "xi", EQUAL, 1, 1, 2, 0, 1070, 1140, 2020),
    ROW(SOFTMAX, SOFTMAX, "x", UNIT, 1, 1, 2, 0, 1050, 1140),
    ROW(TANH, NONE, "x", TANH, 1, 1, 2, 0, 1140, 1140),
    ROW(PAD, PAD, "xi", EQUAL, 1, 1, 2, 0, 1050, 1140, 2040, 2060),
    ROW(TRANSPOSE, TRANSPOSE, "xi", EQUAL, 1, 1, 2, 0, 1060, 1140, 1150, 2030, 2040, 2120),
    ROW(MEAN, REDUCER, "xi", FREE, 1, 1, 2, 0, 1060, 1140),
    ROW(SUB, SUB, "xx", FREE, 1, 1, 2, 0, 1060, 1140, 2030),
    ROW(SQUEEZE, SQUEEZE, "x", EQUAL, 1, 1, 1, 0, 1060),
    ROW(STRIDED_SLICE, STRIDED_SLICE, "xiii", EQUAL, 1, 1, 2, 0, 1060, 1140, 2010, 2020),
    ROW(SPLIT, SPLIT, "ix", EQUAL, 1, 1, 2, 0, 1050, 1140),
    ROW(MAXIMUM, MAXIMUM_MINIMUM, "xx", EQUAL, 1, 1, 2, 0, 1140, 1140, 2030),
    ROW(ARG_MAX, ARG_MAX, "xi", FREE, 1, 1, 2, 0, 1090, 1140),
    ROW(MINIMUM, MAXIMUM_MINIMUM, "xx", EQUAL, 1, 1, 2, 0, 1140, 1140, 2030),
    ROW(PADV2, PADV2, "xix", EQUAL, 1, 1, 2, 0, 1090, 1140, 2040, 2060),
    ROW(RESIZE_NEAREST_NEIGHBOR, RESIZE_NEAREST_NEIGHBOR, "xi", EQUAL, 1, 1, 2, 0, 1131, 1140,
        2030),
    ROW(LEAKY_RELU, LEAKY_RELU, "x", FREE, 1, 1, 1, 0, 1131),
    ROW(QUANTIZE, QUANTIZE, "x", FREE, 1, 1, 1, 0, 1140, 1150, 2070),
    ROW(HARD_SWISH, HARD_SWISH, "x", FREE, 1, 1, 1, 0, 1150),
};

#undef ROW

enum { N_ROWS = sizeof rows / sizeof rows[0] };

const tfl_op_row *tfl_op_find(enum tfl_op code)
{
    for (int i = 0; i < N_ROWS; i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

const char *tfl_op_name(enum tfl_op code)
{
    const tfl_op_row *row = tfl_op_find(code);
    return row != NULL ? row->name : NULL;
}

char tfl_op_input_kind(const tfl_op_row *row, int i)
{
    int n = (int)strlen(row->inputs);
    if (row->inputs[n - 1] == '*')
        return row->inputs[i < n - 2 ? i : n - 2];
    return i < n ? row->inputs[i] : '\0';
}

bool tfl_op_takes(const tfl_op_row *row, int n)
{
    int most = (int)strlen(row->inputs), least = most;
    if (row->inputs[most - 1] == '*')
        return n >= most - 1;
    if (row->inputs[most - 1] == 'o')
        least--;
    return least <= n && n <= most;
}

const tfl_tensor *tfl_op_data(const tfl_model *m, const tfl_operator *op)
{
    const tfl_op_row *row = tfl_op_find(op->code);
    int i = 0;
    while (tfl_op_input_kind(row, i) != 'x')
        i++;
    return &m->tensors[op->in[i]];
}

/* ---- versions -------------------------------------------------------------------------------- */

static int type_version(const tfl_op_row *row, enum tfl_type data, enum tfl_type weights)
{
    if (weights == TFL_TYPE_INT4)
        return row->version_int4;
    if (data == TFL_TYPE_INT8)
        return row->version_int8;
    return data == TFL_TYPE_UINT8 ? row->version_uint8 : row->version_float;
}

static bool is_dilated(const tfl_conv *c)
{
    return c->dilation_h != 1 || c->dilation_w != 1;
}

/* Whether two tensors of more than four dimensions must be stretched to each other's shape. */
static bool broadcasts_large(const tfl_tensor *a, const tfl_tensor *b)
{
    bool same =
        a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
    return !same && (a->rank > 4 || b->rank > 4);
}

/* MUL: the product's scale may be so small that the real multiplier reaches 1. */
static bool scales_up(const tfl_tensor *a, const tfl_tensor *b, const tfl_tensor *y)
{
    return a->quant.n == 1 && b->quant.n == 1 && y->quant.n == 1 &&
           a->quant.scale[0] * b->quant.scale[0] / y->quant.scale[0] >= 1.0f;
}

/* What the options and shapes ask for, beyond the types; 1: nothing. */
static int feature_version(const tfl_model *m, const tfl_operator *op)
{
    const tfl_tensor *x = tfl_op_data(m, op), *y = &m->tensors[op->out[0]];
    const tfl_tensor *second = op->n_in > 1 ? &m->tensors[op->in[1]] : NULL;
    switch (op->code) {
    case TFL_OP_CONV_2D:
        return x->dim[3] != second->dim[3] ? 6 : 1; /* grouped */
    case TFL_OP_DEPTHWISE_CONV_2D:
        return is_dilated(&op->attr.conv) ? 2 : 1;
    case TFL_OP_FULLY_CONNECTED:
        return op->n_in == 2 ? 6 : op->attr.dense.keep_num_dims ? 5 : 1; /* no bias: 6 */
    case TFL_OP_MUL:
        return scales_up(x, second, y) ? 3 : 1;
    case TFL_OP_SUB:
    case TFL_OP_MAXIMUM:
    case TFL_OP_MINIMUM:
        return broadcasts_large(x, second) ? 3 : 1;
    case TFL_OP_PAD:
    case TFL_OP_PADV2:
    case TFL_OP_STRIDED_SLICE:
        return x->rank > 4 ? 4 : 1;
    case TFL_OP_TRANSPOSE:
        return x->rank > 6 ? 8 : x->rank > 5 ? 6 : x->rank > 4 ? 4 : 1;
    case TFL_OP_RESIZE_BILINEAR:
        return op->attr.resize.half_pixel_centers ? 3 : 1;
    case TFL_OP_RESIZE_NEAREST_NEIGHBOR:
        return op->attr.resize.half_pixel_centers || op->attr.resize.align_corners ? 3 : 1;
    case TFL_OP_QUANTIZE:
        return y->quant.n > 1 ? 3 : 1;
    case TFL_OP_DEQUANTIZE:
        return x->quant.n > 1 ? 5 : 1;
    default:
        return 1;
    }
}

int tfl_op_version(const tfl_model *m, const tfl_operator *op)
{
    const tfl_op_row *row = tfl_op_find(op->code);
    const tfl_tensor *x = tfl_op_data(m, op);
    bool has_weights = tfl_op_input_kind(row, 1) == 'w';
    enum tfl_type weights = has_weights ? m->tensors[op->in[1]].type : x->type;
    int types = type_version(row, x->type, weights), features = feature_version(m, op);
    return types > features ? types : features;
}
