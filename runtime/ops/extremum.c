/* MINIMUM and MAXIMUM - of two tensors, with broadcasting.
 *
 * Numbers and codes are compared as they are: inputs and output are quantized alike, as in the
 * reference kernel (maximum_minimum.cc), which does not check it. */
#include "runtime/ops/binary.h"

#define ROWS(name, type)                                                                           \
    static void min_##name(void *out, const void *a, const void *b, size_t n, const void *unused)  \
    {                                                                                              \
        (void)unused;                                                                              \
        const type *x = a, *y = b;                                                                 \
        for (size_t i = 0; i < n; i++)                                                             \
            ((type *)out)[i] = x[i] < y[i] ? x[i] : y[i];                                          \
    }                                                                                              \
    static void max_##name(void *out, const void *a, const void *b, size_t n, const void *unused)  \
    {                                                                                              \
        (void)unused;                                                                              \
        const type *x = a, *y = b;                                                                 \
        for (size_t i = 0; i < n; i++)                                                             \
            ((type *)out)[i] = x[i] > y[i] ? x[i] : y[i];                                          \
    }

ROWS(int8, int8_t)
ROWS(uint8, uint8_t)
ROWS(int16, int16_t)
ROWS(int32, int32_t)
ROWS(int64, int64_t)
ROWS(float, float)

static rt_binary_row *row_of(rt_type type, bool least)
{
    switch (type) {
    case RT_INT8:
        return least ? min_int8 : max_int8;
    case RT_UINT8:
        return least ? min_uint8 : max_uint8;
    case RT_INT16:
        return least ? min_int16 : max_int16;
    case RT_INT32:
        return least ? min_int32 : max_int32;
    case RT_INT64:
        return least ? min_int64 : max_int64;
    case RT_FLOAT32:
        return least ? min_float : max_float;
    default:
        return NULL;
    }
}

static rt_status prepare(rt_build *b, rt_node *n)
{
    RT_TRY(rt_binary_check(b, n, false));
    rt_type type = b->out[0]->type;
    rt_binary_row *row = row_of(type, n->op->code == TFL_OP_MINIMUM);
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
