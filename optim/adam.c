/* adam, adamw - steps scaled by running estimates of the gradient's first two moments.
 *
 *   m = beta1 m + (1 - beta1) g          mhat = m / (1 - beta1^t)
 *   v = beta2 v + (1 - beta2) g^2        vhat = v / (1 - beta2^t)          t = step + 1
 *   w = w - lr mhat / (sqrt(vhat) + epsilon)
 *
 * adam:  g = dw + decay w.    adamw: g = dw, and before the update w = (1 - lr decay) w.
 * The corrections are functions of the step's number, so nothing but m and v has to be saved.
 * Kingma & Ba, arXiv 1412.6980; Loshchilov & Hutter, arXiv 1711.05101. */
#include "optim/rule.h"

#include <math.h>
#include <tgmath.h>

#include "nn/base/math.h"

static nn_status check(opt_config *c)
{
    if (c->beta1 == 0)
        c->beta1 = 0.9;
    if (c->beta2 == 0)
        c->beta2 = 0.999;
    if (c->epsilon == 0)
        c->epsilon = 1e-8;
    if (!(c->beta1 > 0 && c->beta1 < 1 && c->beta2 > 0 && c->beta2 < 1))
        return nn_fail(NN_EINVAL, "betas %g, %g are not both in (0, 1)", c->beta1, c->beta2);
    if (!(c->epsilon > 0 && c->epsilon < 1))
        return nn_fail(NN_EINVAL, "epsilon %g is not in (0, 1)", c->epsilon);
    return NN_OK;
}

static int slots(const opt_config *c)
{
    (void)c;
    return 2;
}

/* The numbers of one step. */
typedef struct factors {
    nn_real rate;           /* lr / (1 - beta1^t) */
    nn_real root;           /* sqrt(1 - beta2^t) */
    nn_real fresh1, fresh2; /* 1 - beta1, 1 - beta2 */
    nn_real beta2, epsilon; /* as they are */
    nn_real decay, shrink;  /* coupled; 1 - lr decay */
} factors;

static factors factors_of(const opt_config *c, const opt_update *u, bool decoupled)
{
    double t = (double)u->step + 1;
    return (factors){ .rate = (nn_real)(u->lr / (1 - nn_pow(c->beta1, t))),
                      .root = (nn_real)sqrt(1 - nn_pow(c->beta2, t)),
                      .fresh1 = (nn_real)(1 - c->beta1),
                      .fresh2 = (nn_real)(1 - c->beta2),
                      .beta2 = (nn_real)c->beta2,
                      .epsilon = (nn_real)c->epsilon,
                      .decay = (nn_real)(decoupled ? 0 : u->decay),
                      .shrink = (nn_real)(decoupled ? 1 - u->lr * u->decay : 1) };
}

static void descend(nn_real *restrict w, const nn_real *restrict dw, nn_real *restrict m,
                    nn_real *restrict v, size_t n, factors f)
{
    for (size_t i = 0; i < n; i++) {
        nn_real g = dw[i] + f.decay * w[i];
        m[i] += f.fresh1 * (g - m[i]);
        v[i] = f.beta2 * v[i] + f.fresh2 * g * g;
        w[i] = f.shrink * w[i] - f.rate * m[i] / (sqrt(v[i]) / f.root + f.epsilon);
    }
}

static void update_adam(const opt_config *c, const opt_update *u)
{
    descend(u->value, u->grad, u->slot[0], u->slot[1], u->count, factors_of(c, u, false));
}

static void update_adamw(const opt_config *c, const opt_update *u)
{
    descend(u->value, u->grad, u->slot[0], u->slot[1], u->count, factors_of(c, u, true));
}

const opt_rule opt_rule_adam = {
    .name = "adam",
    .slot = { "m", "v" },
    .check = check,
    .slots = slots,
    .update = update_adam,
};

const opt_rule opt_rule_adamw = {
    .name = "adamw",
    .slot = { "m", "v" },
    .check = check,
    .slots = slots,
    .update = update_adamw,
};
