#include "quant/equalize.h"

#include <math.h>

#include "nn/base/mem.h"
#include "quant/layer.h"

enum { MOST_SWEEPS = 100 };
static const double near_one = 1e-4, ceiling = 6; /* relu6's */

/* Two layers of which the second alone reads the first. */
typedef struct link {
    quant_layer a, b;
    size_t channels; /* a's outputs */
    double *peak;    /* [channels] largest value behind a relu6; NULL: no relu6 */
    double *range_a, *range_b;
} link;

typedef struct links {
    link *link;
    int n;
    double *memory;
} links;

/* ---- which layers follow each other ---------------------------------------------------------- */

/* What alone reads the node, as its first input; NULL: nothing. */
static const nn_node *follower(const nn_graph *g, const nn_node *n)
{
    const nn_node *m = n->is_output ? NULL : nn_graph_only_reader(g, n);
    return m != NULL && m->in[0] == n ? m : NULL;
}

/* Each channel of the result depends on the same channel of x, and f(s x) = s f(x). */
static bool keeps_channels(const nn_node *n)
{
    if (n->id == NN_OP_pad) /* no channels of zeros */
        return nn_shape_channels(n->shape) == nn_shape_channels(n->in[0]->shape);
    return n->id == NN_OP_max_pool || n->id == NN_OP_avg_pool || n->id == NN_OP_gap ||
           n->id == NN_OP_reshape || n->id == NN_OP_dropout || n->id == NN_OP_relu;
}

static bool find_next(quant_layer *b, const nn_graph *g, const quant_layer *a)
{
    const nn_node *n = follower(g, a->last);
    while (n != NULL && keeps_channels(n))
        n = follower(g, n);
    return n != NULL && quant_layer_at(b, g, n->index) && quant_layer_reads(b, a->outputs);
}

static void free_links(links *l)
{
    nn_mem_free(l->link);
    nn_mem_free(l->memory);
}

static nn_status find_links(links *l, const nn_graph *g)
{
    size_t channels = 0;
    *l = (links){ .link = nn_mem_alloc((size_t)nn_graph_count(g) * sizeof(link)) };
    for (int i = 0; l->link != NULL && i < nn_graph_count(g); i++) {
        link *k = &l->link[l->n];
        if (!quant_layer_at(&k->a, g, i) || !find_next(&k->b, g, &k->a))
            continue;
        k->channels = k->a.outputs;
        channels += k->channels;
        l->n++;
    }
    l->memory = nn_mem_alloc((3 * channels + 1) * sizeof *l->memory);
    if (l->link == NULL || l->memory == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %d pairs of layers", l->n);
    double *at = l->memory;
    for (int i = 0; i < l->n; i++) {
        link *k = &l->link[i];
        const bool bounded = k->a.act != NULL && k->a.act->id == NN_OP_relu6;
        k->range_a = at;
        k->range_b = at + k->channels;
        k->peak = bounded ? at + 2 * k->channels : NULL;
        at += 3 * k->channels;
    }
    return NN_OK;
}

/* ---- how far channels reach behind a relu6 --------------------------------------------------- */

static nn_status see_peaks(void *ctx, const quant_run *r, int n)
{
    const links *l = ctx;
    for (int i = 0; i < l->n; i++) {
        const link *k = &l->link[i];
        if (k->peak == NULL)
            continue;
        const nn_node *node = nn_graph_find(r->graph, k->a.last->name);
        const nn_real *x = nn_exec_value(r->exec, node);
        const size_t rows = nn_shape_count_batch(node->shape, n) / k->channels;
        for (size_t row = 0; row < rows; row++)
            for (size_t c = 0; c < k->channels; c++)
                k->peak[c] = fmax(k->peak[c], (double)x[row * k->channels + c]);
    }
    return NN_OK;
}

static nn_status find_peaks(links *l, const nn_graph *from, const quant_config *config,
                            const quant_pictures *pictures)
{
    quant_run r = { 0 };
    nn_status st = quant_run_open(&r, from, config, QUANT_CALIBRATE, pictures->batch, true);
    if (st == NN_OK)
        st = quant_run_all(&r, pictures, false, NULL, see_peaks, l);
    quant_run_close(&r);
    return st;
}

/* ---- scaling --------------------------------------------------------------------------------- */

static void find_ranges(link *k)
{
    for (size_t i = 0; i < k->channels; i++)
        k->range_b[i] = 0;
    for (size_t o = 0; o < k->a.outputs; o++) {
        double largest = 0; /* not by fmax, over which gcc 12 stumbles on aarch64 */
        for (size_t j = 0; j < k->a.fan_in; j++) {
            const double w = fabs((double)k->a.weight->value[quant_layer_index(&k->a, o, j)]);
            largest = w > largest ? w : largest;
        }
        k->range_a[o] = largest * fabs((double)quant_layer_factor(&k->a, o));
    }
    for (size_t o = 0; o < k->b.outputs; o++) {
        const double factor = fabs((double)quant_layer_factor(&k->b, o));
        for (size_t j = 0; j < k->b.fan_in; j++) {
            const size_t i = quant_layer_input(&k->b, o, j, k->channels);
            const double w = (double)k->b.weight->value[quant_layer_index(&k->b, o, j)];
            k->range_b[i] = fmax(k->range_b[i], factor * fabs(w));
        }
    }
}

/* By what channel i is divided behind a. */
static double scale_of(const link *k, size_t i)
{
    if (!(k->range_a[i] > 0 && k->range_b[i] > 0))
        return 1;
    const double s = sqrt(k->range_a[i] / k->range_b[i]);
    if (k->peak == NULL)
        return s;
    return k->peak[i] < ceiling ? fmax(s, k->peak[i] / ceiling) : 1;
}

static void divide_output(const quant_layer *a, size_t o, double s)
{
    nn_real *shift = a->beta != NULL ? a->beta->value : a->bias != NULL ? a->bias->value : NULL;
    if (shift != NULL)
        shift[o] = (nn_real)((double)shift[o] / s);
    if (a->gamma != NULL) {
        a->gamma->value[o] = (nn_real)((double)a->gamma->value[o] / s);
        return;
    }
    for (size_t j = 0; j < a->fan_in; j++) {
        nn_real *w = &a->weight->value[quant_layer_index(a, o, j)];
        *w = (nn_real)((double)*w / s);
    }
}

/* scale: [channels] */
static void multiply_inputs(const quant_layer *b, const double *scale, size_t channels)
{
    for (size_t o = 0; o < b->outputs; o++)
        for (size_t j = 0; j < b->fan_in; j++) {
            nn_real *w = &b->weight->value[quant_layer_index(b, o, j)];
            *w = (nn_real)((double)*w * scale[quant_layer_input(b, o, j, channels)]);
        }
}

/* Returns how far the farthest s is from 1. */
static double equalize_link(link *k)
{
    double farthest = 0;
    find_ranges(k);
    for (size_t i = 0; i < k->channels; i++) {
        const double s = scale_of(k, i);
        k->range_a[i] = s; /* no longer needed as a range */
        farthest = fmax(farthest, fabs(s - 1));
        divide_output(&k->a, i, s);
        if (k->peak != NULL)
            k->peak[i] /= s;
    }
    multiply_inputs(&k->b, k->range_a, k->channels);
    return farthest;
}

nn_status quant_equalize(quant_equalized *out, const nn_graph *from, const quant_config *config,
                         const quant_pictures *pictures)
{
    links l;
    *out = (quant_equalized){ 0 };
    nn_status st = find_links(&l, from);
    for (int i = 0; st == NN_OK && i < l.n; i++)
        out->bounded += l.link[i].peak != NULL;
    if (st == NN_OK && out->bounded > 0)
        st = find_peaks(&l, from, config, pictures);
    out->pairs = l.n;
    for (bool moving = st == NN_OK; moving && out->sweeps < MOST_SWEEPS; out->sweeps++) {
        moving = false;
        for (int i = 0; i < l.n; i++)
            if (equalize_link(&l.link[i]) > near_one)
                moving = true;
    }
    free_links(&l);
    return st;
}

/* ---- high biases ----------------------------------------------------------------------------- */

static void gain(const quant_layer *b, size_t o, double d)
{
    if (b->mean != NULL) /* what the batch norm subtracts is less */
        b->mean->value[o] = (nn_real)((double)b->mean->value[o] - d);
    else
        b->bias->value[o] = (nn_real)((double)b->bias->value[o] + d);
}

static int absorb_link(link *k)
{
    int absorbed = 0;
    for (size_t i = 0; i < k->channels; i++) {
        const double beta = (double)k->a.beta->value[i], gamma = (double)k->a.gamma->value[i];
        const double c = fmax(0, beta - 3 * fabs(gamma));
        k->range_a[i] = c;
        k->a.beta->value[i] = (nn_real)(beta - c);
        absorbed += c > 0;
    }
    for (size_t o = 0; absorbed > 0 && o < k->b.outputs; o++) {
        double sum = 0;
        for (size_t j = 0; j < k->b.fan_in; j++)
            sum += (double)k->b.weight->value[quant_layer_index(&k->b, o, j)] *
                   k->range_a[quant_layer_input(&k->b, o, j, k->channels)];
        gain(&k->b, o, sum);
    }
    return absorbed;
}

nn_status quant_absorb_bias(int *absorbed, const nn_graph *from)
{
    links l;
    *absorbed = 0;
    nn_status st = find_links(&l, from);
    for (int i = 0; st == NN_OK && i < l.n; i++) {
        const link *k = &l.link[i];
        const bool relu = k->a.act != NULL && k->a.act->id == NN_OP_relu && k->a.bn != NULL;
        if (relu && (k->b.mean != NULL || k->b.bias != NULL))
            *absorbed += absorb_link(&l.link[i]);
    }
    free_links(&l);
    return st;
}
