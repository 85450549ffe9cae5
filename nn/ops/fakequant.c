/* fakequant - quantize and dequantize in one step, so that training sees the rounding.
 *
 *   x [any], min, max, scale, zero_point [C], memory [2C+1]     y [as x]
 *   q = clamp(round(x / scale) + zero_point, qmin, qmax),  y = scale * (q - zero_point)
 *   lo = scale * (qmin - zero_point), hi = scale * (qmax - zero_point)
 *   dx = dy where lo <= x <= hi, else 0                         (straight-through estimator)
 *
 * C is the extent of attr.axis, or 1.  The last five inputs are state: the rule attr.rule (NULL:
 * the range is fixed, or another node's, or scale is computed from one) moves min and max when a
 * pass observes, and scale and zero_point are derived from them there and nowhere else. While there
 * is no range (scale 0), and in mode NN_FQ_OBSERVE, y = x.
 *
 * With attr.learn there is the further input learned [k C], a trained parameter of which the range
 * is made after each step (quant_ranges_settle); what has a range in common has it in common, too.
 * The first pass of training gives it its first value; dlearned is the rule's (nn/range.h).
 *
 * With the further inputs x_scale [1] and w_scale [1] or [O], the scales of the layer whose result
 * x is, or with x_scale alone behind a mean over attr.mean_of values or an average pool, codes are
 * those that the integer network computes from its accumulators (nn/ops/requantize.h): for
 * evaluation, without a gradient of their own.  Likewise behind a sum or a product (attr.behind) of
 * a and b with the further inputs a_scale [1], b_scale [1], a [as x] and b [as x, or of a product
 * N,1,1,C], and behind a function of a with a_scale [1] and a [as x].
 *
 * Codes are those of nn_affine_code, in binary32, as TFLite's QUANTIZE computes them.
 * Jacob et al. 2017 (arXiv 1712.05877) section 3 and eq. 12; gradient as TensorFlow's
 * fake_quant_with_min_max_vars. */
#include "nn/ops/fakequant.h"

#include <string.h>

#include "nn/kernels/kernels.h"
#include "nn/ops/channels.h"
#include "nn/ops/each.h"
#include "nn/ops/fakequant_device.h"
#include "nn/ops/fakequant_learn.h"
#include "nn/ops/requantize.h"
#include "nn/ops/rows.h"
#include "nn/range.h"

enum { X, MIN, MAX, SCALE, ZERO_POINT, MEMORY, X_SCALE };
enum { LEARNED = X_SCALE }; /* a deployed network learns nothing */
enum { GRAIN = 16384, MOST_CHUNKS = 64 };

static nn_channels layout_of(const nn_node *n, int batch)
{
    return nn_channels_of(n->shape, n->attr.fakequant.axis, batch);
}

static nn_status check_learned(const nn_node *n, size_t channels)
{
    const nn_range_rule *learn = n->attr.fakequant.learn;
    if (learn == NULL)
        return NN_OK;
    const size_t want = (size_t)learn->learned * channels;
    if (n->n_in != LEARNED + 1 || n->in[LEARNED]->param == NULL ||
        n->in[LEARNED]->param->count != want)
        return NN_NODE_FAIL(n, "%s learns a parameter of %zu elements", learn->name, want);
    return NN_OK;
}

static nn_status infer(nn_node *n)
{
    nn_shape x = n->in[X]->shape;
    const nn_fakequant_attr *a = &n->attr.fakequant;
    if (a->axis >= x.rank || (a->axis == 0 && x.dim[0] == NN_BATCH))
        return NN_NODE_FAIL(n, "axis %d is not a channel dimension of a rank %d tensor", a->axis,
                            x.rank);
    size_t channels = a->axis < 0 ? 1 : (size_t)x.dim[a->axis];
    for (int i = MIN; i <= MEMORY; i++) {
        size_t want = i == MEMORY ? 2 * channels + 1 : channels;
        bool computed = i == SCALE && a->rule == NULL;
        if ((n->in[i]->param == NULL && !computed) || nn_shape_count(n->in[i]->shape) != want)
            return NN_NODE_FAIL(n, "input %d must be a parameter of %zu elements", i, want);
    }
    n->shape = x;
    NN_TRY(check_learned(n, channels));
    return nn_fakequant_check_device(n);
}

/* A channel's elements lie in runs of l.inner; the bits of each run begin at a byte. */
static size_t run_bytes(nn_channels l)
{
    return nn_bits_bytes(l.channels > 1 ? l.inner : l.outer * l.inner);
}

static size_t mask_bytes(nn_channels l)
{
    return run_bytes(l) * (l.channels > 1 ? l.outer * l.channels : 1);
}

/* saved: a bit an element, set where the gradient passes. */
static nn_need need(const nn_node *n, int batch, bool training)
{
    const nn_channels l = layout_of(n, batch);
    const bool masks = training && n->attr.fakequant.mode == NN_FQ_QUANTIZE;
    size_t saved = masks ? mask_bytes(l) : 0;
    size_t scratch = (2 * l.channels + 2 * MOST_CHUNKS) * sizeof(float); /* observing */
    size_t other = 0;
    if (masks && n->attr.fakequant.learn != NULL) {
        saved = nn_fakequant_learn_saved(nn_shape_count_batch(n->shape, batch));
        other = nn_fakequant_learn_scratch(l);
    } else if (n->n_in > X_SCALE) {
        other = nn_requantize_bytes((size_t)nn_shape_channels(n->shape));
    }
    return (nn_need){ .saved = saved, .scratch = scratch > other ? scratch : other };
}

/* ---- observing ------------------------------------------------------------------------------- */

static void widen(float *min, float *max, const nn_real *x, size_t n)
{
    nn_real lo = (nn_real)*min, hi = (nn_real)*max;
    nn_kernel.min_max(x, n, &lo, &hi);
    *min = (float)lo;
    *max = (float)hi;
}

/* One range of a large tensor: a slot for each chunk, then the slots. */
static void find_range_in_chunks(float *min, float *max, const nn_real *x, size_t n, float *slots)
{
    int chunks = nn_chunk_count(n, GRAIN, MOST_CHUNKS);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int c = 0; c < chunks; c++) {
        size_t begin = nn_chunk_begin(n, chunks, c), end = nn_chunk_begin(n, chunks, c + 1);
        slots[2 * c] = slots[2 * c + 1] = (float)x[begin];
        widen(&slots[2 * c], &slots[2 * c + 1], x + begin, end - begin);
    }
    *min = slots[0], *max = slots[1];
    for (int c = 1; c < chunks; c++) {
        *min = slots[2 * c] < *min ? slots[2 * c] : *min;
        *max = slots[2 * c + 1] > *max ? slots[2 * c + 1] : *max;
    }
}

static void find_ranges(float *min, float *max, const nn_real *x, nn_channels l, float *slots)
{
    if (l.channels == 1) {
        find_range_in_chunks(min, max, x, l.outer * l.inner, slots);
        return;
    }
    for (size_t c = 0; c < l.channels; c++)
        min[c] = max[c] = (float)x[c * l.inner];
    for (size_t o = 0; o < l.outer; o++)
        for (size_t c = 0; c < l.channels; c++)
            widen(&min[c], &max[c], x + (o * l.channels + c) * l.inner, l.inner);
}

/* The rule's new range from the batch's, and the grid from that. */
static void follow(const nn_call *c, const float *min, const float *max)
{
    const nn_fakequant_attr *a = &c->node->attr.fakequant;
    nn_range_state s = nn_range_of(c->node);
    a->rule->observe(&s, min, max);
    nn_range_derive(&s, a);
}

bool nn_fakequant_observes(const nn_call *c)
{
    const nn_fakequant_attr *a = &c->node->attr.fakequant;
    return c->run->observe && a->rule != NULL && (a->learn == NULL || a->mode == NN_FQ_OBSERVE);
}

void nn_fakequant_observe(const nn_call *c, nn_real min, nn_real max)
{
    const float lo = (float)min, hi = (float)max;
    follow(c, &lo, &hi);
}

static void observe(const nn_call *c, nn_channels l)
{
    float *min = c->scratch, *max = min + l.channels, *slots = max + l.channels;
    find_ranges(min, max, c->x[X], l, slots);
    follow(c, min, max);
}

/* A learned range begins where it was observed, if only in this batch. */
static void begin(const nn_call *c, nn_channels l)
{
    if (!(c->x[SCALE][0] > 0))
        observe(c, l);
    nn_fakequant_begin(c, l);
}

/* ---- quantizing ------------------------------------------------------------------------------ */

static nn_fq_grid grid_of(const nn_call *c, size_t channel)
{
    const nn_grid g = c->node->attr.fakequant.grid;
    return (nn_fq_grid){ (float)c->x[SCALE][channel], (float)c->x[ZERO_POINT][channel],
                         (float)g.qmin, (float)g.qmax };
}

/* y may be x, so the mask comes first; its bits are set before. */
static void quantize(nn_real *y, unsigned char *pass, const nn_real *x, size_t n, nn_fq_grid g)
{
    const nn_real lo = (nn_real)(g.scale * (g.qmin - g.zero_point));
    const nn_real hi = (nn_real)(g.scale * (g.qmax - g.zero_point));
    if (pass != NULL)
        nn_kernel.inside(pass, x, lo, hi, true, n);
    nn_kernel.fake_quant(y, x, &g, n);
}

bool nn_fakequant_passes_on(const nn_call *c)
{
    return c->node->attr.fakequant.mode == NN_FQ_OBSERVE || !(c->x[SCALE][0] > 0);
}

static void gate(const nn_call *c, nn_real *v, unsigned char *pass, size_t n)
{
    if (!nn_fakequant_passes_on(c))
        quantize(v, pass, v, n, grid_of(c, 0));
}

static void quantize_rows(const nn_call *c, nn_channels l, unsigned char *pass)
{
    for (size_t run = 0; run < l.outer * l.channels; run++) {
        const size_t at = run * l.inner;
        quantize(c->y + at, pass != NULL ? pass + run * run_bytes(l) : NULL, c->x[X] + at, l.inner,
                 grid_of(c, run % l.channels));
    }
}

/* Element e lies in byte e / 8 of one long run: chunks are cut at whole bytes. */
static nn_rows cut_run(nn_channels l)
{
    return nn_rows_cut(l.outer * l.inner, 1);
}

static void quantize_all(const nn_call *c, nn_channels l, unsigned char *pass)
{
    if (l.channels > 1) {
        quantize_rows(c, l, pass);
        return;
    }
    nn_rows cut = cut_run(l);
    nn_fq_grid g = grid_of(c, 0);
#pragma omp parallel for schedule(static) if (cut.chunks > 1)
    for (int k = 0; k < cut.chunks; k++) {
        size_t begin = nn_rows_begin(cut, k), end = nn_rows_begin(cut, k + 1);
        quantize(c->y + begin, pass != NULL ? pass + begin / 8 : NULL, c->x[X] + begin, end - begin,
                 g);
    }
}

/* Keeps for backward what it reads; the masks' bits are set as they are quantized. */
static unsigned char *prepare(const nn_call *c, nn_channels l)
{
    if (c->saved == NULL)
        return NULL;
    if (c->node->attr.fakequant.learn != NULL) {
        nn_fakequant_keep(c);
        return NULL;
    }
    return memset(c->saved, 0xFF, mask_bytes(l));
}

static void forward(const nn_call *c)
{
    nn_channels l = layout_of(c->node, c->batch);
    if (nn_fakequant_observes(c))
        observe(c, l);
    if (nn_fakequant_must_begin(c))
        begin(c, l);
    unsigned char *pass = prepare(c, l);
    if (!nn_fakequant_passes_on(c)) {
        if (!nn_fakequant_on_device(c))
            quantize_all(c, l, pass);
    } else if (c->y != c->x[X]) {
        memcpy(c->y, c->x[X], nn_call_count(c) * sizeof(nn_real));
    }
}

/* `n` elements from `at` on, whose bits begin at `pass`; NULL: all pass. */
static void pass_gradient(const nn_call *c, size_t at, const unsigned char *pass, size_t n)
{
    if (pass == NULL)
        nn_each_pass(c->dx[X] + at, c->dy + at, n, c->add[X]);
    else
        nn_kernel.keep(c->dx[X] + at, c->dy + at, pass, c->add[X], n);
}

static void backward(const nn_call *c)
{
    const unsigned char *pass = c->saved;
    nn_channels l = layout_of(c->node, c->batch);
    if (pass != NULL && c->node->attr.fakequant.learn != NULL) {
        nn_fakequant_learn_backward(c, l);
        return;
    }
    if (c->dx[X] == NULL)
        return;
    if (pass != NULL && l.channels > 1) {
        for (size_t run = 0; run < l.outer * l.channels; run++)
            pass_gradient(c, run * l.inner, pass + run * run_bytes(l), l.inner);
        return;
    }
    nn_rows cut = nn_rows_cut(nn_call_count(c), 1);
#pragma omp parallel for schedule(static) if (cut.chunks > 1)
    for (int k = 0; k < cut.chunks; k++) {
        size_t begin = nn_rows_begin(cut, k), end = nn_rows_begin(cut, k + 1);
        pass_gradient(c, begin, pass != NULL ? pass + begin / 8 : NULL, end - begin);
    }
}

const nn_op nn_op_fakequant = {
    .name = "fakequant",
    .n_in_min = 6,
    .n_in_max = 10,
    .flags = NN_FLAG_INPLACE | NN_FLAG_INPLACE_GRAD | NN_FLAG_STATEFUL,
    .infer = infer,
    .need = need,
    .forward = forward,
    .backward = backward,
    .gate = gate,
};
