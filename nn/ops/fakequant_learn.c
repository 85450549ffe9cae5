/* fakequant_learn - the passes of a fakequant whose range is learned (attr.learn).
 *
 * Forward leaves x to backward, which finds from it where the gradient passes and, for each range,
 * the sums of nn/range.h.  Those of one range are added up in float over a few lanes of a strip,
 * in double over the strips of a chunk, then over the chunks in their order. */
#include "nn/ops/fakequant_learn.h"

#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/each.h"
#include "nn/ops/fakequant.h"
#include "nn/ops/rows.h"
#include "nn/range.h"

enum { X, SCALE = 3, ZERO_POINT = 4, LEARNED = 6 };
enum { STRIP = NN_ROWS_STRIP, LANES = 8 };

/* At the head of `saved`: what is behind it are the values of x. */
typedef union header {
    bool passed_on; /* y = x: there was no range yet */
    char line[64];
} header;

size_t nn_fakequant_learn_saved(size_t count)
{
    return sizeof(header) + count * sizeof(nn_real);
}

size_t nn_fakequant_learn_scratch(nn_channels l)
{
    return (l.channels > 1 ? l.channels : NN_ROWS_MOST) * sizeof(nn_range_sums);
}

bool nn_fakequant_must_begin(const nn_call *c)
{
    const nn_fakequant_attr *a = &c->node->attr.fakequant;
    if (a->learn == NULL || a->rule == NULL || !c->run->training)
        return false;
    const nn_range_state s = nn_range_of(c->node);
    return !nn_range_has_begun(&s, a);
}

void nn_fakequant_begin(const nn_call *c, nn_channels l)
{
    const nn_fakequant_attr *a = &c->node->attr.fakequant;
    nn_range_state s = nn_range_of(c->node);
    a->learn->begin(&s, a, &(nn_range_values){ c->x[X], l.outer, l.channels, l.inner });
    for (int k = 0; k < s.channels; k++)
        s.scale[k] = 0; /* the first learned one need not be near to the observed one */
    nn_range_settle(&s, a);
}

void nn_fakequant_keep(const nn_call *c)
{
    header *h = c->saved;
    h->passed_on = nn_fakequant_passes_on(c);
    memcpy(h + 1, c->x[X], nn_call_count(c) * sizeof(nn_real));
}

/* ---- backward -------------------------------------------------------------------------------- */

/* One range's grid, and its ends. */
typedef struct range {
    nn_fq_grid grid;
    nn_real lo, hi;
} range;

static range range_of(const nn_call *c, size_t channel)
{
    const nn_grid g = c->node->attr.fakequant.grid;
    const float scale = (float)c->x[SCALE][channel], zero = (float)c->x[ZERO_POINT][channel];
    return (range){ .grid = { scale, zero, (float)g.qmin, (float)g.qmax },
                    .lo = (nn_real)(scale * ((float)g.qmin - zero)),
                    .hi = (nn_real)(scale * ((float)g.qmax - zero)) };
}

/* Lanes of partial sums, so that the compiler may use vectors without changing the order. */
typedef struct lanes {
    nn_real below[LANES], inside[LANES], above[LANES];
} lanes;

static inline void add_one(lanes *sums, int k, nn_real dy, nn_real x, nn_real y, const range *r)
{
    const nn_real low = x < r->lo ? dy : 0, high = x > r->hi ? dy : 0;
    sums->below[k] += low;
    sums->above[k] += high;
    sums->inside[k] += (dy - low - high) * (y - x);
}

/* Adds n <= STRIP elements. */
static void add_strip(nn_range_sums *to, const nn_real *dy, const nn_real *x, size_t n,
                      const range *r)
{
    nn_real y[STRIP];
    lanes sums = { { 0 }, { 0 }, { 0 } };
    size_t i = 0;
    nn_kernel.fake_quant(y, x, &r->grid, n);
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            add_one(&sums, k, dy[i + (size_t)k], x[i + (size_t)k], y[i + (size_t)k], r);
    for (int k = 0; i < n; i++, k++)
        add_one(&sums, k, dy[i], x[i], y[i], r);
    for (int k = 0; k < LANES; k++) {
        to->below += (double)sums.below[k];
        to->inside += (double)sums.inside[k] / (double)r->grid.scale;
        to->above += (double)sums.above[k];
    }
}

/* Elements [at, at + n) of one range; dx may be dy. */
static void back(const nn_call *c, nn_range_sums *to, size_t at, size_t n, const range *r)
{
    unsigned char pass[(STRIP + 7) / 8];
    const header *h = c->saved;
    const nn_real *x = (const nn_real *)(const void *)(h + 1) + at, *dy = c->dy + at;
    for (size_t i = 0, m; i < n; i += m) {
        m = n - i < STRIP ? n - i : STRIP;
        add_strip(to, dy + i, x + i, m, r);
        if (c->dx[X] == NULL)
            continue;
        memset(pass, 0xFF, sizeof pass);
        nn_kernel.inside(pass, x + i, r->lo, r->hi, true, m);
        nn_kernel.keep(c->dx[X] + at + i, dy + i, pass, c->add[X], m);
    }
}

/* One range: chunks in their order. */
static void back_all(const nn_call *c, nn_channels l, nn_range_sums *sums)
{
    const nn_rows cut = nn_rows_cut(l.outer * l.inner, 1);
    const range r = range_of(c, 0);
#pragma omp parallel for schedule(static) if (cut.chunks > 1)
    for (int k = 0; k < cut.chunks; k++) {
        const size_t begin = nn_rows_begin(cut, k), end = nn_rows_begin(cut, k + 1);
        sums[k] = (nn_range_sums){ 0, 0, 0, 0 };
        back(c, &sums[k], begin, end - begin, &r);
    }
    for (int k = 1; k < cut.chunks; k++) {
        sums[0].below += sums[k].below;
        sums[0].inside += sums[k].inside;
        sums[0].above += sums[k].above;
    }
}

static void back_channel(const nn_call *c, nn_channels l, nn_range_sums *sums, size_t channel)
{
    const range r = range_of(c, channel);
    sums[channel] = (nn_range_sums){ 0, 0, 0, 0 };
    for (size_t o = 0; o < l.outer; o++)
        back(c, &sums[channel], (o * l.channels + channel) * l.inner, l.inner, &r);
}

static void back_channels(const nn_call *c, nn_channels l, nn_range_sums *sums)
{
    const int parts = nn_each_parts(l.channels, l.outer * l.inner);
#pragma omp parallel for schedule(static) if (parts > 1)
    for (size_t k = 0; k < l.channels; k++)
        back_channel(c, l, sums, k);
}

/* Elements of one item that share a range; a weight has no batch. */
static double count_of(const nn_node *n, nn_channels l)
{
    return (double)nn_shape_count(n->shape) / (double)l.channels;
}

static void set_gradients(const nn_call *c, nn_channels l, nn_range_sums *sums)
{
    const nn_fakequant_attr *a = &c->node->attr.fakequant;
    const nn_range_state s = nn_range_of(c->node);
    for (size_t k = 0; k < l.channels; k++) {
        double grad[NN_RANGE_MOST_LEARNED] = { 0 };
        sums[k].count = count_of(c->node, l);
        if (c->run->observe)
            a->learn->gradient(grad, &s, a, (int)k, &sums[k]);
        for (int j = 0; j < a->learn->learned; j++) {
            nn_real *to = &c->dx[LEARNED][(size_t)j * l.channels + k];
            *to = (c->add[LEARNED] ? *to : 0) + (nn_real)grad[j];
        }
    }
}

static void pass_on(const nn_call *c)
{
    const int count = c->node->attr.fakequant.learn->learned * nn_range_of(c->node).channels;
    if (c->dx[X] != NULL)
        nn_each_pass(c->dx[X], c->dy, nn_call_count(c), c->add[X]);
    for (int i = 0; c->dx[LEARNED] != NULL && !c->add[LEARNED] && i < count; i++)
        c->dx[LEARNED][i] = 0;
}

void nn_fakequant_learn_backward(const nn_call *c, nn_channels l)
{
    const header *h = c->saved;
    nn_range_sums *sums = c->scratch;
    if (h->passed_on) {
        pass_on(c);
        return;
    }
    if (l.channels > 1)
        back_channels(c, l, sums);
    else
        back_all(c, l, sums);
    if (c->dx[LEARNED] != NULL)
        set_gradients(c, l, sums);
}
