/* pool - what AVERAGE_POOL_2D and MAX_POOL_2D have in common. */
#ifndef OCTET_RUNTIME_OPS_POOL_H
#define OCTET_RUNTIME_OPS_POOL_H

#include "runtime/kernels/pool_s8.h"
#include "runtime/op.h"

typedef void rt_pool_row(const rt_pool_s8 *p, const rt_kernels *kernels, const uint8_t *in,
                         uint8_t *out, int row, int32_t *scratch);

/* Checks the operator and lets it run `row` for every row of output pixels. */
rt_status rt_use_pool(rt_build *b, rt_node *n, rt_pool_row *row);

extern const rt_field rt_pool_fields[];

#endif
