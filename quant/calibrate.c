#include "quant/calibrate.h"

#include <string.h>

#include "nn/base/mem.h"
#include "nn/range.h"
#include "quant/weight_range.h"

/* The ranges that follow the pictures, and what their values are counted in. */
typedef struct observer {
    const quant_calibration *c;
    int n;
    const nn_node **point;       /* fakequant nodes of activations that lead their group */
    quant_histogram **histogram; /* of each; NULL if the extremes are all that is wanted */
    bool *finite;
} observer;

static bool is_observed(const nn_node *n)
{
    return n->id == NN_OP_fakequant && n->attr.fakequant.rule != NULL;
}

static bool is_activation(const nn_node *n)
{
    return is_observed(n) && n->attr.fakequant.rule != &quant_range_last;
}

/* Forgets what the observers of this graph have seen. */
static void forget_ranges(const nn_graph *g)
{
    for (int i = 0; i < nn_graph_count(g); i++) {
        const nn_node *n = nn_graph_node(g, i);
        for (int k = 1; is_observed(n) && k < n->n_in; k++)
            memset(n->in[k]->param->value, 0, n->in[k]->param->count * sizeof(nn_real));
    }
}

/* ---- values into histograms ------------------------------------------------------------------ */

static void close_observer(observer *o)
{
    for (int i = 0; o->histogram != NULL && i < o->n; i++)
        quant_histogram_free(o->histogram[i]);
    nn_mem_free(o->histogram);
    nn_mem_free(o->point);
    nn_mem_free(o->finite);
}

static nn_status open_observer(observer *o, const quant_calibration *c, const nn_graph *g)
{
    const size_t most = (size_t)nn_graph_count(g);
    *o = (observer){ .c = c,
                     .point = nn_mem_alloc(most * sizeof *o->point),
                     .histogram = nn_mem_alloc(most * sizeof *o->histogram),
                     .finite = nn_mem_alloc(most * sizeof *o->finite) };
    if (o->point == NULL || o->histogram == NULL || o->finite == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu histograms", most);
    for (int i = 0; i < nn_graph_count(g); i++) {
        if (!is_activation(nn_graph_node(g, i)))
            continue;
        if (c->how->choose != NULL)
            NN_TRY(quant_histogram_new(&o->histogram[o->n], c->options.bins));
        o->point[o->n++] = nn_graph_node(g, i);
    }
    return NN_OK;
}

/* Each tensor has its own histogram, and counts are whole: threads cannot change them. */
static nn_status see(void *ctx, const quant_run *r, int n)
{
    observer *o = ctx;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < o->n; i++)
        o->finite[i] = quant_histogram_add(o->histogram[i], nn_exec_value(r->exec, o->point[i]),
                                           nn_shape_count_batch(o->point[i]->shape, n));
    for (int i = 0; i < o->n; i++)
        if (!o->finite[i])
            return nn_fail(NN_EDIVERGED,
                           "%s: has a value that is infinite or not a number; the network has "
                           "diverged",
                           o->point[i]->in[0]->name);
    return NN_OK;
}

/* ---- histograms into ranges ------------------------------------------------------------------ */

static nn_status set_range(const observer *o, int i)
{
    const nn_fakequant_attr *a = &o->point[i]->attr.fakequant;
    const quant_histogram *h = o->histogram[i];
    nn_range_state s = nn_range_of(o->point[i]);
    quant_interval range = { 0, 0 };
    if (h->width > 0)
        NN_TRY(o->c->how->choose(&range, h, a, &o->c->options));
    s.min[0] = (nn_real)range.min;
    s.max[0] = (nn_real)range.max;
    nn_range_derive(&s, a);
    return NN_OK;
}

static nn_status set_ranges(const observer *o)
{
    bool failed = false;
#pragma omp parallel for schedule(dynamic) reduction(|| : failed)
    for (int i = 0; i < o->n; i++)
        failed = set_range(o, i) != NN_OK || failed;
    return failed ? nn_fail(NN_ENOMEM, "out of memory: histograms of %d bins", o->c->options.bins)
                  : NN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static nn_status observe(quant_run *r, const quant_calibration *c, const quant_pictures *pictures)
{
    observer o;
    const bool counts = c->how->choose != NULL;
    nn_status st = open_observer(&o, c, r->graph);
    forget_ranges(r->graph);
    if (st == NN_OK)
        st = quant_run_all(r, pictures, true, NULL, counts ? see : NULL, &o);
    if (st == NN_OK && counts)
        st = set_ranges(&o);
    close_observer(&o);
    return st;
}

nn_status quant_calibrate(const nn_graph *from, const quant_config *config,
                          const quant_calibration *c, const quant_pictures *pictures)
{
    quant_calibration filled = *c;
    quant_config followed = *config;
    quant_run r = { 0 };
    followed.act_rule = c->how->rule;
    followed.weight_rule = &quant_range_last;
    if (config->fold->keeps_codes)
        return nn_fail(NN_EINVAL,
                       "calibration: --bn-fold %s quantizes weights before batch norms are folded "
                       "into them, which needs training; use running",
                       config->fold->name);
    NN_TRY(
        quant_calibrator_check(c->how, &filled.options, nn_grid_signed(config->act_bits, false)));
    nn_status st = quant_run_open(&r, from, &followed, QUANT_CALIBRATE, pictures->batch,
                                  c->how->choose != NULL);
    if (st == NN_OK)
        st = observe(&r, &filled, pictures);
    quant_run_close(&r);
    if (st == NN_OK && c->weights == QUANT_WEIGHT_MSE)
        st = quant_weight_ranges(from, config);
    return st;
}
