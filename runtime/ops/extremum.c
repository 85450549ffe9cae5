/* MINIMUM and MAXIMUM - of two tensors, with broadcasting.
 *
 * Codes are compared as they are: inputs and output are quantized alike, as in the reference kernel
 * (maximum_minimum.cc), which does not check it. */
#include "runtime/ops/binary.h"

static void min_int8(void *out, const void *a, const void *b, size_t n, const void *params)
{
    (void)params;
    const int8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((int8_t *)out)[i] = x[i] < y[i] ? x[i] : y[i];
}

static void max_int8(void *out, const void *a, const void *b, size_t n, const void *params)
{
    (void)params;
    const int8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((int8_t *)out)[i] = x[i] > y[i] ? x[i] : y[i];
}

static void min_uint8(void *out, const void *a, const void *b, size_t n, const void *params)
{
    (void)params;
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = x[i] < y[i] ? x[i] : y[i];
}

static void max_uint8(void *out, const void *a, const void *b, size_t n, const void *params)
{
    (void)params;
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = x[i] > y[i] ? x[i] : y[i];
}

static void min_float(void *out, const void *a, const void *b, size_t n, const void *params)
{
    (void)params;
    const float *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = x[i] < y[i] ? x[i] : y[i];
}

static void max_float(void *out, const void *a, const void *b, size_t n, const void *params)
{
    (void)params;
    const float *x = a, *y = b;
    for (size_t i = 0; i < n; i++)
        ((float *)out)[i] = x[i] > y[i] ? x[i] : y[i];
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(rt_binary_check(b, n));
    bool least = n->op->code == TFL_OP_MINIMUM;
    rt_type type = b->out[0]->type;
    rt_binary_row *row = type == RT_INT8      ? (least ? min_int8 : max_int8)
                         : type == RT_UINT8   ? (least ? min_uint8 : max_uint8)
                         : type == RT_FLOAT32 ? (least ? min_float : max_float)
                                              : NULL;
    if (row == NULL)
        return RT_REFUSE(b, n, RT_ENOTSUP, "type %s", rt_type_name(type));
    return rt_use_binary(b, n, row, NULL, 0);
}

const rt_op rt_op_minimum = {
    .name = "MINIMUM",
    .code = TFL_OP_MINIMUM,
    .max_version = 4,
    .options = TFL_OPTIONS_MAXIMUM_MINIMUM,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};

const rt_op rt_op_maximum = {
    .name = "MAXIMUM",
    .code = TFL_OP_MAXIMUM,
    .max_version = 4,
    .options = TFL_OPTIONS_MAXIMUM_MINIMUM,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
