#include "optim/clip.h"

#include <math.h>

#include "nn/base/mem.h"
#include "optim/pieces.h"

struct opt_clip {
    nn_vector trained;
    opt_pieces pieces;
    double *sum; /* of squares, of each piece */
    double max_norm;
};

static nn_status allocate(opt_clip *c, const nn_params *ps)
{
    NN_TRY(opt_pieces_new(&c->pieces, ps, opt_is_trained, NULL));
    c->sum = nn_mem_alloc((size_t)c->pieces.n * sizeof(double));
    if (c->sum == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %d partial sums", c->pieces.n);
    return NN_OK;
}

nn_status opt_clip_new(opt_clip **out, nn_params *ps, double max_norm)
{
    if (!(max_norm >= 0))
        return nn_fail(NN_EINVAL, "clip: a norm of %g is not a number from 0 on", max_norm);
    opt_clip *c = nn_mem_alloc(sizeof *c);
    if (c == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", sizeof *c);
    *c = (opt_clip){ .trained = nn_params_trained(ps), .max_norm = max_norm };
    nn_status st = allocate(c, ps);
    if (st != NN_OK) {
        opt_clip_free(c);
        return st;
    }
    *out = c;
    return NN_OK;
}

void opt_clip_free(opt_clip *c)
{
    if (c == NULL)
        return;
    opt_pieces_free(&c->pieces);
    nn_mem_free(c->sum);
    nn_mem_free(c);
}

/* Eight sums side by side: a fixed order that still fills a vector register. */
static double sum_of_squares(const nn_real *x, size_t n)
{
    double lane[8] = { 0 };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            lane[k] += (double)x[i + k] * (double)x[i + k];
    for (size_t k = 0; i < n; i++, k++)
        lane[k] += (double)x[i] * (double)x[i];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
           ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

static double norm(opt_clip *c)
{
    double sum = 0;
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < c->pieces.n; i++) {
        const opt_piece *p = &c->pieces.piece[i];
        c->sum[i] = sum_of_squares(c->trained.grad + p->begin, p->count);
    }
    for (int i = 0; i < c->pieces.n; i++)
        sum += c->sum[i];
    return sqrt(sum);
}

static void scale(nn_real *x, size_t n, nn_real factor)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

double opt_clip_apply(opt_clip *c)
{
    double length = norm(c);
    if (c->max_norm == 0 || !isfinite(length) || length + 1e-6 <= c->max_norm)
        return length;
    nn_real factor = (nn_real)(c->max_norm / (length + 1e-6));
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < c->pieces.n; i++) {
        const opt_piece *p = &c->pieces.piece[i];
        scale(c->trained.grad + p->begin, p->count, factor);
    }
    return length;
}
