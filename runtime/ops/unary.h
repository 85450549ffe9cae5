/* unary - functions of one value: an 8-bit operator is a table of its 256 results. */
#ifndef OCTET_RUNTIME_OPS_UNARY_H
#define OCTET_RUNTIME_OPS_UNARY_H

#include "runtime/op.h"

/* Input and output are 8-bit of one type (or of any, if types_differ), with one scale each and the same
 * shape. */
rt_status rt_unary_check(rt_build *b, const rt_node *n, bool types_differ);

/* The code that a byte of an 8-bit type stands for. */
static inline int32_t rt_code(rt_type type, int byte)
{
    return type == RT_INT8 ? (int8_t)byte : byte;
}

#endif
