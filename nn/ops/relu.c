/* relu - y = max(0, x), elementwise.
 *
 *   x [any]   y [as x]
 *   dx = dy where y > 0             (the subgradient at 0 is taken as 0)
 *
 * NaN goes through, so that a diverged network is seen.  Nair & Hinton, "Rectified linear units
 * improve restricted Boltzmann machines", ICML 2010. */
#include <math.h>

#include "nn/kernels/kernels.h"
#include "nn/ops/each.h"

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    nn_kernel.clamp(c->y + begin, c->x[0] + begin, 0, (nn_real)INFINITY, end - begin);
}

static void forward(const nn_call *c)
{
    nn_each(c, nn_call_count(c), 1, forward_part);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    nn_kernel.clamp_grad(c->dx[0] + begin, c->dy + begin, c->y + begin, 0, (nn_real)INFINITY,
                         c->add[0], end - begin);
}

static void backward(const nn_call *c)
{
    if (c->dx[0] != NULL)
        nn_each(c, nn_call_count(c), 1, backward_part);
}

static void gate(const nn_call *c, nn_real *v, unsigned char *pass, size_t n)
{
    (void)c;
    if (pass != NULL)
        nn_kernel.inside(pass, v, 0, (nn_real)INFINITY, false, n);
    nn_kernel.clamp(v, v, 0, (nn_real)INFINITY, n);
}

const nn_op nn_op_relu = { .name = "relu",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD,
                           .keeps = NN_KEEP_Y,
                           .infer = nn_each_infer,
                           .forward = forward,
                           .backward = backward,
                           .gate = gate };
