/* unary - functions of one value: an 8-bit operator is a table of its 256 results. */
#ifndef OCTET_RUNTIME_OPS_UNARY_H
#define OCTET_RUNTIME_OPS_UNARY_H

#include "runtime/op.h"

/* Input and output are 8-bit of one type, with one scale each and the same shape. */
rt_status rt_unary_check(rt_build *b, const rt_node *n);

/* The code that a byte of an 8-bit type stands for. */
static inline int32_t rt_code(rt_type type, int byte)
{
    return type == RT_INT8 ? (int8_t)byte : byte;
}

/* y = f(x, p) of a float tensor, with three numbers that f may need. */
typedef struct rt_unary_numbers {
    float a, b, c;
} rt_unary_numbers;
typedef float rt_unary_function(float x, const rt_unary_numbers *p);

/* Float input and output of one shape; makes f what the operator runs. */
rt_status rt_use_unary_float(rt_build *b, rt_node *n, rt_unary_function *f,
                             rt_unary_numbers numbers);

/* Whether input 0 is float. */
static inline bool rt_is_float(const rt_build *b)
{
    return b->in[0] != NULL && b->in[0]->type == RT_FLOAT32;
}

#endif
