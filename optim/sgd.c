/* sgd - stochastic gradient descent with momentum.
 *
 *   g = dw + decay w                                  decoupled: g = dw, w = (1 - lr decay) w
 *   v = momentum v + g
 *   w = w - lr v                                      Nesterov: w = w - lr (g + momentum v)
 *
 * The learning rate stands outside the momentum, as PyTorch's SGD has it (dampening 0).
 * Polyak 1964; Nesterov's form: Sutskever et al., ICML 2013; decoupled decay: Loshchilov & Hutter,
 * "Decoupled weight decay regularization", arXiv 1711.05101. */
#include "optim/rule.h"

static nn_status check(opt_config *c)
{
    if (!(c->momentum >= 0 && c->momentum < 1))
        return nn_fail(NN_EINVAL, "momentum %g is not in [0, 1)", c->momentum);
    if (c->nesterov && c->momentum == 0)
        return nn_fail(NN_EINVAL, "nesterov needs a momentum above 0");
    return NN_OK;
}

static int slots(const opt_config *c)
{
    return c->momentum > 0 ? 1 : 0;
}

/* The numbers of one step; `shrink` is 1 - lr decay if decay is decoupled, else 1. */
typedef struct factors {
    nn_real lr, momentum, decay, shrink;
} factors;

static void plain(nn_real *restrict w, const nn_real *restrict dw, size_t n, factors f)
{
    for (size_t i = 0; i < n; i++) {
        nn_real g = dw[i] + f.decay * w[i];
        w[i] = f.shrink * w[i] - f.lr * g;
    }
}

static void heavy_ball(nn_real *restrict w, const nn_real *restrict dw, nn_real *restrict v,
                       size_t n, factors f)
{
    for (size_t i = 0; i < n; i++) {
        nn_real g = dw[i] + f.decay * w[i];
        v[i] = f.momentum * v[i] + g;
        w[i] = f.shrink * w[i] - f.lr * v[i];
    }
}

static void nesterov(nn_real *restrict w, const nn_real *restrict dw, nn_real *restrict v, size_t n,
                     factors f)
{
    for (size_t i = 0; i < n; i++) {
        nn_real g = dw[i] + f.decay * w[i];
        v[i] = f.momentum * v[i] + g;
        w[i] = f.shrink * w[i] - f.lr * (g + f.momentum * v[i]);
    }
}

static void update(const opt_config *c, const opt_update *u)
{
    factors f = { .lr = (nn_real)u->lr,
                  .momentum = (nn_real)c->momentum,
                  .decay = (nn_real)(c->decoupled ? 0 : u->decay),
                  .shrink = (nn_real)(c->decoupled ? 1 - u->lr * u->decay : 1) };
    if (c->momentum == 0)
        plain(u->value, u->grad, u->count, f);
    else if (c->nesterov)
        nesterov(u->value, u->grad, u->slot[0], u->count, f);
    else
        heavy_ball(u->value, u->grad, u->slot[0], u->count, f);
}

const opt_rule opt_rule_sgd = {
    .name = "sgd",
    .slot = { "momentum" },
    .check = check,
    .slots = slots,
    .update = update,
};
