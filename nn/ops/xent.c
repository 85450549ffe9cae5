/* xent - cross-entropy of softmax(logits) with a class, mean over the batch.
 *
 *   logits [N,C], label [N] (a class index as a real)     y []
 *   p = softmax(logits),  t = (1 - s) onehot(label) + s / C,  s = attr.xent.smoothing
 *   y = 1/N sum over items of  - sum_c t_c ln p_c
 *   dlogits = dy (p - t) / N
 *
 * Rows are shifted by their largest logit; losses are summed in double in the order of the items.
 * A label outside [0, C) counts as the nearest class.
 * Smoothing: Szegedy et al. 2015, arXiv 1512.00567 section 7. */
#include <string.h>

#include "nn/base/math.h"
#include "nn/ops/each.h"

enum { LOGITS, LABEL };
enum { COST = 16 }; /* an exponential, counted in plain elements */

static nn_status infer(nn_node *n)
{
    nn_shape logits = n->in[LOGITS]->shape, label = n->in[LABEL]->shape;
    double s = n->attr.xent.smoothing;
    char first[NN_SHAPE_TEXT], second[NN_SHAPE_TEXT];
    if (logits.rank != 2 || label.rank != 1 || logits.dim[0] != label.dim[0])
        return NN_NODE_FAIL(n, "logits are %s and labels %s, must be [N,C] and [N]",
                            nn_shape_text(logits, first), nn_shape_text(label, second));
    if (!(s >= 0 && s < 1))
        return NN_NODE_FAIL(n, "smoothing %g must be from 0 to below 1", s);
    n->shape = (nn_shape){ 0 };
    return NN_OK;
}

/* Saved: p.  Scratch: each item's loss. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    nn_shape logits = n->in[LOGITS]->shape;
    size_t count = nn_shape_count_batch(logits, batch);
    return (nn_need){ .saved = training ? count * sizeof(nn_real) : 0,
                      .scratch = count / (size_t)logits.dim[1] * sizeof(double) };
}

static size_t class_of(nn_real label, size_t classes)
{
    if (!(label >= 0)) /* NaN too */
        return 0;
    return label < (nn_real)classes ? (size_t)label : classes - 1;
}

/* The loss of one item, and p unless it is NULL. */
static double lose(nn_real *p, const nn_real *logits, nn_real label, size_t n, double smoothing)
{
    nn_real most = logits[0];
    double sum = 0, shifts = 0;
    for (size_t i = 1; i < n; i++)
        most = logits[i] > most ? logits[i] : most;
    for (size_t i = 0; i < n; i++) {
        double shifted = (double)logits[i] - (double)most, e = nn_exp(shifted);
        sum += e;
        shifts += shifted;
        if (p != NULL)
            p[i] = (nn_real)e;
    }
    for (size_t i = 0; i < n && p != NULL; i++)
        p[i] = (nn_real)((double)p[i] / sum);
    double right = (double)logits[class_of(label, n)] - (double)most;
    return nn_log(sum) - (1 - smoothing) * right - smoothing * shifts / (double)n;
}

static void forward_part(const nn_call *c, size_t begin, size_t end)
{
    size_t n = (size_t)c->node->in[LOGITS]->shape.dim[1];
    double *loss = c->scratch;
    for (size_t i = begin; i < end; i++)
        loss[i] = lose(c->saved != NULL ? (nn_real *)c->saved + i * n : NULL, c->x[LOGITS] + i * n,
                       c->x[LABEL][i], n, c->node->attr.xent.smoothing);
}

static void forward(const nn_call *c)
{
    size_t items = nn_call_count_in(c, LABEL);
    size_t n = (size_t)c->node->in[LOGITS]->shape.dim[1];
    const double *loss = c->scratch;
    double sum = 0;
    nn_each(c, items, n * COST, forward_part);
    for (size_t i = 0; i < items; i++)
        sum += loss[i];
    c->y[0] = (nn_real)(sum / (double)items);
}

static void backward_part(const nn_call *c, size_t begin, size_t end)
{
    const size_t n = (size_t)c->node->in[LOGITS]->shape.dim[1];
    const double smoothing = c->node->attr.xent.smoothing;
    const nn_real scale = c->dy[0] / (nn_real)nn_call_count_in(c, LABEL);
    const nn_real off = (nn_real)(smoothing / (double)n), on = (nn_real)(1 - smoothing);
    const bool add = c->add[LOGITS];
    for (size_t item = begin; item < end; item++) {
        const nn_real *p = (const nn_real *)c->saved + item * n;
        nn_real *dx = c->dx[LOGITS] + item * n;
        size_t right = class_of(c->x[LABEL][item], n);
        for (size_t i = 0; i < n; i++) {
            nn_real g = scale * (p[i] - off - (i == right ? on : 0));
            dx[i] = add ? dx[i] + g : g;
        }
    }
}

static void backward(const nn_call *c)
{
    size_t items = nn_call_count_in(c, LABEL);
    if (c->dx[LABEL] != NULL && !c->add[LABEL]) /* a class has no gradient */
        memset(c->dx[LABEL], 0, items * sizeof(nn_real));
    if (c->dx[LOGITS] != NULL)
        nn_each(c, items, (size_t)c->node->in[LOGITS]->shape.dim[1], backward_part);
}

const nn_op nn_op_xent = { .name = "xent",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .flags = NN_FLAG_TRAIN_ONLY,
                           .keeps = NN_KEEP_X(LABEL),
                           .infer = infer,
                           .need = need,
                           .forward = forward,
                           .backward = backward };
