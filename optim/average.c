#include "optim/average.h"

#include <string.h>

#include "nn/base/mem.h"
#include "optim/pieces.h"

/* One of the two vectors of the parameters, with its averages. */
typedef struct half {
    nn_real *value; /* the parameters' own */
    nn_real *mean;
    size_t count;
    opt_pieces pieces;
} half;

struct opt_average {
    half trained, state;
    double decay;
};

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static bool is_statistic(const nn_param *p, const void *ctx)
{
    (void)ctx;
    return p->kind == NN_PARAM_STATE && (ends_in(p->name, "/mean") || ends_in(p->name, "/var"));
}

bool opt_average_has(const nn_param *p)
{
    return nn_param_is_trained(p) || is_statistic(p, NULL);
}

static nn_status allocate(half *h, const nn_params *ps, nn_vector v, opt_wanted wanted)
{
    h->value = v.value;
    h->count = v.count;
    h->mean = nn_mem_alloc(v.count * sizeof(nn_real));
    if (h->mean == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: averages of %zu values", v.count);
    return opt_pieces_new(&h->pieces, ps, wanted, NULL);
}

nn_status opt_average_new(opt_average **out, nn_params *ps, double decay)
{
    if (!(decay > 0 && decay < 1))
        return nn_fail(NN_EINVAL, "weight averaging: decay %g is not in (0, 1)", decay);
    opt_average *a = nn_mem_alloc(sizeof *a);
    if (a == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", sizeof *a);
    a->decay = decay;
    nn_status st = allocate(&a->trained, ps, nn_params_trained(ps), opt_is_trained);
    if (st == NN_OK)
        st = allocate(&a->state, ps, nn_params_state(ps), is_statistic);
    if (st != NN_OK) {
        opt_average_free(a);
        return st;
    }
    opt_average_reset(a);
    *out = a;
    return NN_OK;
}

void opt_average_free(opt_average *a)
{
    if (a == NULL)
        return;
    nn_mem_free(a->trained.mean);
    nn_mem_free(a->state.mean);
    opt_pieces_free(&a->trained.pieces);
    opt_pieces_free(&a->state.pieces);
    nn_mem_free(a);
}

/* mean = (1 - fresh) mean + fresh value */
static void follow(nn_real *restrict mean, const nn_real *restrict value, size_t n, nn_real fresh)
{
    for (size_t i = 0; i < n; i++)
        mean[i] += fresh * (value[i] - mean[i]);
}

static void follow_half(half *h, nn_real fresh)
{
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < h->pieces.n; i++) {
        const opt_piece *p = &h->pieces.piece[i];
        follow(h->mean + p->begin, h->value + p->begin, p->count, fresh);
    }
}

static void copy_half(half *h)
{
    for (int i = 0; i < h->pieces.n; i++) {
        const opt_piece *p = &h->pieces.piece[i];
        memcpy(h->mean + p->begin, h->value + p->begin, p->count * sizeof(nn_real));
    }
}

static void swap_half(half *h)
{
    for (int i = 0; i < h->pieces.n; i++) {
        const opt_piece *p = &h->pieces.piece[i];
        for (size_t k = p->begin; k < p->begin + p->count; k++) {
            nn_real value = h->value[k];
            h->value[k] = h->mean[k];
            h->mean[k] = value;
        }
    }
}

void opt_average_reset(opt_average *a)
{
    copy_half(&a->trained);
    copy_half(&a->state);
}

void opt_average_update(opt_average *a, int64_t step)
{
    double ramp = (1 + (double)step) / (10 + (double)step);
    nn_real fresh = (nn_real)(1 - (ramp < a->decay ? ramp : a->decay));
    follow_half(&a->trained, fresh);
    follow_half(&a->state, fresh);
}

void opt_average_swap(opt_average *a)
{
    swap_half(&a->trained);
    swap_half(&a->state);
}

nn_vector opt_average_trained(const opt_average *a)
{
    return (nn_vector){ .value = a->trained.mean, .count = a->trained.count };
}

nn_vector opt_average_state(const opt_average *a)
{
    return (nn_vector){ .value = a->state.mean, .count = a->state.count };
}
