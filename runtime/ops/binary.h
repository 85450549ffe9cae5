/* binary - operators with two inputs that are combined element by element, with broadcasting. */
#ifndef OCTET_RUNTIME_OPS_BINARY_H
#define OCTET_RUNTIME_OPS_BINARY_H

#include "runtime/kernels/broadcast.h"
#include "runtime/op.h"

/* Both inputs present, all three tensors of one type; 8-bit ones with one scale each, if codes are
 * scaled. */
rt_status rt_binary_check(rt_build *b, const rt_node *n, bool scaled);

/* Makes `row` what the operator runs, with a copy of `params`.  The shapes are checked here. */
rt_status rt_use_binary(rt_build *b, rt_node *n, rt_binary_row *row, const void *params,
                        size_t params_bytes);

/* ADD, SUB or MUL (op '+', '-', '*') of float tensors, clamped as the fused activation says. */
rt_status rt_use_binary_float(rt_build *b, rt_node *n, char op, int32_t activation);

/* The same of int32 or int64 numbers, modulo 2^32 or 2^64; any other type is refused. */
rt_status rt_use_binary_whole(rt_build *b, rt_node *n, char op, int32_t activation);

#endif
