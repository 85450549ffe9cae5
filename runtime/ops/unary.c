#include "runtime/ops/unary.h"

rt_status rt_unary_check(rt_build *b, const rt_node *n, bool types_differ)
{
    const rt_tensor *x = b->in[0], *y = b->out[0];
    RT_TRY(rt_check_present(b, n, x, "input"));
    if (!rt_is_8bit(x) || !rt_is_8bit(y) || (x->type != y->type && !types_differ))
        return RT_REFUSE(b, n, RT_ENOTSUP, "types %s to %s", rt_type_name(x->type),
                         rt_type_name(y->type));
    RT_TRY(rt_check_affine(b, n, x, "input"));
    RT_TRY(rt_check_affine(b, n, y, "output"));
    return rt_check_same_shape(b, n, x, y);
}
