#include "optim/schedule.h"

#include <stddef.h>

#include "nn/base/math.h"

const char *const opt_schedule_names[] = { [OPT_CONSTANT] = "constant",
                                           [OPT_STEP] = "step",
                                           [OPT_COSINE] = "cosine",
                                           [OPT_ONECYCLE] = "onecycle",
                                           NULL };

opt_schedule opt_schedule_of(opt_schedule_kind kind, double lr, int64_t warmup)
{
    return (opt_schedule){ .kind = kind,
                           .lr = lr,
                           .warmup = warmup,
                           .factor = 0.1,
                           .n_milestones = 2,
                           .milestone = { 0.5, 0.75 },
                           .rise = 0.3,
                           .div = 25,
                           .final_div = 1e4 };
}

static nn_status check_milestones(const opt_schedule *s)
{
    if (!(s->factor > 0 && s->factor <= 1))
        return nn_fail(NN_EINVAL, "schedule step: factor %g is not in (0, 1]", s->factor);
    if (s->n_milestones < 0 || s->n_milestones > OPT_MAX_MILESTONES)
        return nn_fail(NN_EINVAL, "schedule step: %d milestones, at most %d are possible",
                       s->n_milestones, (int)OPT_MAX_MILESTONES);
    double last = 0;
    for (int i = 0; i < s->n_milestones; i++) {
        if (!(s->milestone[i] > last && s->milestone[i] < 1))
            return nn_fail(NN_EINVAL, "schedule step: milestone %g must be above %g and below 1",
                           s->milestone[i], last);
        last = s->milestone[i];
    }
    return NN_OK;
}

static nn_status check_cycle(const opt_schedule *s)
{
    if (!(s->rise > 0 && s->rise < 1))
        return nn_fail(NN_EINVAL, "schedule onecycle: rise %g is not in (0, 1)", s->rise);
    if (!(s->div >= 1 && s->div <= 1e12 && s->final_div >= 1 && s->final_div <= 1e12))
        return nn_fail(NN_EINVAL, "schedule onecycle: divisors %g, %g are not in [1, 1e12]", s->div,
                       s->final_div);
    return NN_OK;
}

nn_status opt_schedule_check(const opt_schedule *s, int64_t total)
{
    if (!(s->lr >= 0 && s->lr <= 1e6))
        return nn_fail(NN_EINVAL, "learning rate %g is not in [0, 1e6]", s->lr);
    if (s->warmup < 0 || (s->warmup > 0 && s->warmup >= total))
        return nn_fail(NN_EINVAL,
                       "warm-up of %lld steps does not fit a run of %lld; lower --warmup",
                       (long long)s->warmup, (long long)total);
    if (s->kind == OPT_STEP)
        return check_milestones(s);
    return s->kind == OPT_ONECYCLE ? check_cycle(s) : NN_OK;
}

/* From `a` at q = 0 to `b` at q = 1 along half a cosine. */
static double anneal(double a, double b, double q)
{
    const double pi = 3.14159265358979323846;
    return b + (a - b) * 0.5 * (1 + nn_cos(pi * q));
}

/* The peak is at step `top`, which need not be whole; the last step has the lowest rate. */
static double cycle(const opt_schedule *s, int64_t step, int64_t total)
{
    double low = s->lr / s->div, end = low / s->final_div, at = (double)step;
    double top = (s->warmup > 0 ? (double)s->warmup : s->rise * (double)total) - 1;
    double fall = (double)(total - 1) - top;
    if (at <= top && top > 0)
        return anneal(low, s->lr, at / top);
    return anneal(s->lr, end, fall > 0 ? (at - top) / fall : 1);
}

static double stairs(const opt_schedule *s, int64_t step, int64_t total)
{
    double lr = s->lr;
    for (int i = 0; i < s->n_milestones; i++)
        if ((double)step >= s->milestone[i] * (double)total)
            lr *= s->factor;
    return lr;
}

double opt_schedule_lr(const opt_schedule *s, int64_t step, int64_t total)
{
    if (s->kind == OPT_ONECYCLE)
        return cycle(s, step, total);
    if (step < s->warmup)
        return s->lr * (double)(step + 1) / (double)s->warmup;
    if (s->kind == OPT_STEP)
        return stairs(s, step, total);
    if (s->kind == OPT_COSINE)
        return anneal(s->lr, 0, (double)(step - s->warmup) / (double)(total - s->warmup));
    return s->lr;
}
