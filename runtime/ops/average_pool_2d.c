/* AVERAGE_POOL_2D - x [N,H,W,C] -> y [N,OH,OW,C], the mean of the window's taps inside the image.
 *
 * Input and output share scale and zero point by convention; codes are not rescaled, as in the
 * reference kernel, which does not check it either.  Arithmetic: runtime/kernels/pool_s8.h. */
#include "runtime/ops/pool.h"

static rt_status prepare(rt_build *b, rt_node *n)
{
    return rt_use_pool(b, n, rt_average_pool_run);
}

const rt_op rt_op_average_pool_2d = {
    .name = "AVERAGE_POOL_2D",
    .code = TFL_OP_AVERAGE_POOL_2D,
    .max_version = 3,
    .options = TFL_OPTIONS_POOL_2D,
    .fields = rt_pool_fields,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .prepare = prepare,
};
