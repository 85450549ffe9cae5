#include "nn/chain.h"

#include <math.h>
#include <string.h>

#include "nn/base/mem.h"
#include "nn/kernels/kernels.h"
#include "nn/ops/bnorm.h"
#include "nn/ops/each.h"
#include "nn/ops/fakequant.h"
#include "nn/ops/linear.h"

/* ---- which nodes ----------------------------------------------------------------------------- */

static bool is_gate(const nn_node *n)
{
    if (n->id == NN_OP_fakequant)
        return n->attr.fakequant.axis < 0 && n->n_in == NN_FAKEQUANT_FIXED_INPUTS;
    return n->op->gate != NULL;
}

static bool is_sum(const nn_node *n)
{
    return n->id == NN_OP_add && n->in[0] != n->in[1];
}

static bool reads(const nn_node *n, const nn_node *x)
{
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] == x)
            return true;
    return false;
}

static bool is_state(const nn_node *n)
{
    return n->param != NULL && n->param->kind == NN_PARAM_STATE;
}

/* A chain runs where its last node stands.  That delays the others, and a node in between must not
 * read or write the state of one of them (ranges that several fakequants share). */
static bool may_be_delayed(const nn_chain *ch, const nn_graph *g, const nn_node *last)
{
    for (int i = ch->node[0]->index + 1; i < last->index; i++) {
        const nn_node *between = nn_graph_node(g, i);
        for (int m = 0; m < ch->n; m++)
            for (int k = 0; k < ch->node[m]->n_in && between != ch->node[m]; k++)
                if (i > ch->node[m]->index && is_state(ch->node[m]->in[k]) &&
                    reads(between, ch->node[m]->in[k]))
                    return false;
    }
    return true;
}

/* Whether a fakequant at the chain's end sees its range only when the strips are done. */
static bool ends_late(const nn_chain *ch)
{
    const nn_node *last = nn_chain_last(ch);
    return last->id == NN_OP_fakequant && last->attr.fakequant.rule != NULL &&
           (ch->sum >= 0 || ch->node[0]->id != NN_OP_bnorm);
}

static bool can_follow(const nn_chain *ch, const nn_graph *g, const nn_node *n)
{
    if (ch->n == NN_CHAIN_MOST || ends_late(ch) ||
        !nn_shape_equal(n->shape, nn_chain_last(ch)->shape))
        return false;
    if (is_sum(n))
        return ch->sum < 0 && may_be_delayed(ch, g, n);
    return is_gate(n) && n->in[0] == nn_chain_last(ch) && may_be_delayed(ch, g, n);
}

bool nn_chain_find(nn_chain *out, const nn_graph *g, const nn_node *head, const nn_node *loss,
                   const bool *taken)
{
    *out = (nn_chain){ .n = 1, .node = { head }, .sum = is_sum(head) ? 0 : -1 };
    if (taken[head->index] || !(head->id == NN_OP_bnorm || is_gate(head) || is_sum(head)))
        return false;
    for (const nn_node *n = head; !n->is_output && n != loss;) {
        n = nn_graph_only_reader(g, n);
        if (n == NULL || taken[n->index] || !can_follow(out, g, n))
            break;
        if (is_sum(n))
            out->sum = out->n;
        out->node[out->n++] = n;
    }
    return out->n > 1;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool has_norm(const nn_chain *ch)
{
    return ch->node[0]->id == NN_OP_bnorm;
}

/* Rows of channels for batch norm, else one long row is as good. */
static nn_rows cut_of(const nn_chain *ch, int batch)
{
    size_t count = nn_shape_count_batch(ch->node[0]->shape, batch);
    size_t channels = has_norm(ch) ? (size_t)nn_shape_channels(ch->node[0]->shape) : 1;
    return nn_rows_cut(count / channels, channels);
}

static bool may_stop_gradients(const nn_node *n)
{
    return n->id == NN_OP_fakequant ? n->attr.fakequant.mode == NN_FQ_QUANTIZE : is_gate(n);
}

/* The gates before the sum (side 0) and those behind it, or all of them if there is none. */
static bool has_gates(const nn_chain *ch, int side)
{
    int begin = side == 0 ? 0 : ch->sum + 1, end = side == 0 ? ch->sum : ch->n;
    for (int m = begin; m < end; m++)
        if (may_stop_gradients(ch->node[m]))
            return true;
    return false;
}

static size_t strip_count(nn_rows cut)
{
    return nn_align_up(nn_rows_strip(cut) * cut.channels * sizeof(nn_real)) / sizeof(nn_real);
}

/* What both passes work on. */
typedef struct work {
    const nn_chain *ch;
    const nn_call *call[NN_CHAIN_MOST], *last;
    nn_rows cut;
    nn_bnorm_work norm;
    unsigned char *pass[2]; /* bits of the gates of each side; NULL: none */
    nn_real *ends;          /* of the value before a late fakequant: two for each chunk */
    nn_real *strips;        /* one for each thread */
} work;

static work work_of(const nn_chain *ch, const nn_call *call)
{
    work w = { .ch = ch, .last = &call[nn_chain_last(ch)->index] };
    for (int m = 0; m < ch->n; m++)
        w.call[m] = &call[ch->node[m]->index];
    w.cut = cut_of(ch, w.last->batch);
    char *at = w.last->scratch;
    if (has_norm(ch)) {
        w.norm = nn_bnorm_begin(w.call[0]);
        nn_linear_carve(&at, nn_bnorm_scratch(ch->node[0], w.last->batch));
    }
    w.ends = nn_linear_carve(&at, 2 * NN_ROWS_MOST * sizeof(nn_real));
    w.strips = (nn_real *)(void *)at;
    char *bits = w.last->saved;
    for (int side = 0; side < 2 && bits != NULL; side++)
        if (has_gates(ch, side))
            w.pass[side] = nn_linear_carve(&bits, nn_bits_bytes(w.cut.rows * w.cut.channels));
    return w;
}

nn_need nn_chain_need(const nn_chain *ch, int batch, bool backward)
{
    nn_rows cut = cut_of(ch, batch);
    size_t bits = nn_align_up(nn_bits_bytes(cut.rows * cut.channels));
    size_t norm = has_norm(ch) ? nn_align_up(nn_bnorm_scratch(ch->node[0], batch)) : 0;
    return (nn_need){
        .saved = backward ? bits * (size_t)(has_gates(ch, 0) + has_gates(ch, 1)) : 0,
        .scratch = norm + nn_align_up(2 * NN_ROWS_MOST * sizeof(nn_real)) +
                   NN_SLOTS * strip_count(cut) * sizeof(nn_real),
    };
}

/* ---- strips ---------------------------------------------------------------------------------- */

/* Elements [at, at + n): rows of chunk `chunk`. */
typedef struct strip {
    int chunk;
    size_t at, n, rows;
} strip;

typedef void strip_function(const work *w, strip s);

/* Runs `each` over the strips of a chunk in their order. */
static void walk_chunk(const work *w, int chunk, strip_function *each)
{
    const size_t end = nn_rows_begin(w->cut, chunk + 1), most = nn_rows_strip(w->cut);
    for (size_t row = nn_rows_begin(w->cut, chunk), rows; row < end; row += rows) {
        rows = end - row < most ? end - row : most;
        each(w, (strip){ chunk, row * w->cut.channels, rows * w->cut.channels, rows });
    }
}

static void walk(const work *w, strip_function *each)
{
#pragma omp parallel for schedule(static) num_threads(nn_linear_threads(w->cut.chunks))
    for (int k = 0; k < w->cut.chunks; k++)
        walk_chunk(w, k, each);
}

/* The input of the sum that comes from outside the chain. */
static int side_input(const nn_chain *ch)
{
    return nn_chain_links(ch, ch->sum, 0) || ch->sum == 0 ? 1 : 0;
}

/* ---- forward --------------------------------------------------------------------------------- */

/* The node that cannot be run with the others, because it observes what they compute; ch->n if
 * there is none. */
static int late_node(const work *w)
{
    const int end = w->ch->n - 1;
    const nn_node *n = w->ch->node[end];
    const bool known = has_norm(w->ch) && w->ch->sum < 0;
    return n->id == NN_OP_fakequant && nn_fakequant_observes(w->last) && !known ? end : end + 1;
}

/* The first node of the chain writes the strip of y. */
static int begin_strip(const work *w, nn_real *y, strip s)
{
    const nn_real *x = w->call[0]->x[0] + s.at;
    if (has_norm(w->ch))
        nn_bnorm_apply(&w->norm, y, x, s.rows);
    else if (w->ch->sum == 0)
        nn_kernel.add(y, x, w->call[0]->x[1] + s.at, s.n);
    else if (y != x)
        memcpy(y, x, s.n * sizeof *y);
    return has_norm(w->ch) || w->ch->sum == 0 ? 1 : 0;
}

static unsigned char *bits_of(const work *w, int m, strip s)
{
    unsigned char *pass = w->pass[w->ch->sum >= 0 && m < w->ch->sum ? 0 : 1];
    return pass != NULL ? pass + s.at / 8 : NULL;
}

static void run_nodes(const work *w, int begin, int end, strip s)
{
    nn_real *y = w->last->y + s.at;
    for (int m = begin; m < end; m++)
        if (m == w->ch->sum)
            nn_kernel.add(y, y, w->call[m]->x[side_input(w->ch)] + s.at, s.n);
        else
            w->ch->node[m]->op->gate(w->call[m], y, bits_of(w, m, s), s.n);
}

static void forward_strip(const work *w, strip s)
{
    nn_real *y = w->last->y + s.at;
    const int late = late_node(w);
    for (int side = 0; side < 2; side++)
        if (w->pass[side] != NULL)
            memset(w->pass[side] + s.at / 8, 0xFF, nn_bits_bytes(s.n));
    run_nodes(w, begin_strip(w, y, s), late, s);
    if (late < w->ch->n)
        nn_kernel.min_max(y, s.n, &w->ends[2 * s.chunk], &w->ends[2 * s.chunk + 1]);
}

static void late_strip(const work *w, strip s)
{
    run_nodes(w, w->ch->n - 1, w->ch->n, s);
}

/* Ranges of the fakequants whose values' ends follow from those of batch norm. */
static void observe_early(const work *w, nn_real ends[2])
{
    const int end = w->ch->sum >= 0 ? w->ch->sum : w->ch->n;
    for (int m = 1; m < end; m++) {
        if (w->ch->node[m]->id == NN_OP_fakequant && nn_fakequant_observes(w->call[m]))
            nn_fakequant_observe(w->call[m], ends[0], ends[1]);
        w->ch->node[m]->op->gate(w->call[m], ends, NULL, 2);
    }
}

static bool observes_early(const work *w)
{
    const int end = w->ch->sum >= 0 ? w->ch->sum : w->ch->n;
    for (int m = 1; m < end; m++)
        if (w->ch->node[m]->id == NN_OP_fakequant && nn_fakequant_observes(w->call[m]))
            return true;
    return false;
}

static void observe_late(const work *w)
{
    nn_real ends[2] = { w->ends[0], w->ends[1] };
    for (int k = 1; k < w->cut.chunks; k++)
        nn_kernel.min_max(&w->ends[2 * k], 2, &ends[0], &ends[1]);
    nn_fakequant_observe(w->last, ends[0], ends[1]);
    if (!nn_fakequant_passes_on(w->last))
        walk(w, late_strip);
}

void nn_chain_forward(const nn_chain *ch, const nn_call *call)
{
    const work w = work_of(ch, call);
    nn_real ends[2];
    if (has_norm(ch)) {
        const bool early = observes_early(&w);
        nn_bnorm_find(w.call[0], &w.norm, early ? ends : NULL);
        if (early)
            observe_early(&w, ends);
    }
    for (int k = 0; k < w.cut.chunks; k++) {
        w.ends[2 * k] = (nn_real)INFINITY;
        w.ends[2 * k + 1] = (nn_real)-INFINITY;
    }
    walk(&w, forward_strip);
    if (late_node(&w) < ch->n)
        observe_late(&w);
}

/* ---- backward -------------------------------------------------------------------------------- */

static nn_real *thread_strip(const work *w)
{
    return w->strips + strip_count(w->cut) * (size_t)nn_thread_index();
}

static void keep_bits(nn_real *to, const nn_real *from, const unsigned char *pass, strip s)
{
    if (pass != NULL)
        nn_kernel.keep(to, from, pass + s.at / 8, false, s.n);
    else
        nn_each_pass(to, from, s.n, false);
}

/* The gradient of the first node's value, or of the sum if that comes first, into d; on the way the
 * sum's other input gets its own, if `give`. */
static void come_back(const work *w, nn_real *d, strip s, bool give)
{
    keep_bits(d, w->last->dy + s.at, w->pass[1], s);
    if (w->ch->sum < 0)
        return;
    const int side = side_input(w->ch);
    const nn_call *sum = w->call[w->ch->sum];
    if (give && sum->dx[side] != NULL)
        nn_each_pass(sum->dx[side] + s.at, d, s.n, sum->add[side]);
    if (w->pass[0] != NULL)
        nn_kernel.keep(d, d, w->pass[0] + s.at / 8, false, s.n);
}

static void add_sums(const work *w, strip s)
{
    nn_real *d = thread_strip(w);
    come_back(w, d, s, true);
    nn_bnorm_add(&w->norm, s.chunk, d, w->call[0]->x[0] + s.at, s.rows);
}

static void norm_strip(const work *w, strip s)
{
    nn_real *d = thread_strip(w);
    come_back(w, d, s, false);
    nn_bnorm_grad(&w->norm, w->call[0]->dx[0] + s.at, d, w->call[0]->x[0] + s.at,
                  w->call[0]->add[0], s.rows);
}

static void plain_strip(const work *w, strip s)
{
    nn_real *d = thread_strip(w), *dx = w->call[0]->dx[0];
    come_back(w, d, s, true);
    if (dx != NULL && !has_norm(w->ch))
        nn_each_pass(dx + s.at, d, s.n, w->call[0]->add[0]);
}

static bool wants_norm(const work *w)
{
    const nn_call *c = w->call[0];
    return has_norm(w->ch) && (c->dx[NN_BNORM_X] != NULL || c->dx[NN_BNORM_GAMMA] != NULL ||
                               c->dx[NN_BNORM_BETA] != NULL || c->dx[NN_BNORM_BIAS] != NULL);
}

void nn_chain_backward(const nn_chain *ch, const nn_call *call)
{
    const work w = work_of(ch, call);
    if (!wants_norm(&w)) {
        walk(&w, plain_strip);
        return;
    }
    for (int k = 0; k < w.cut.chunks; k++)
        nn_bnorm_clear(&w.norm, k);
    walk(&w, add_sums);
    nn_bnorm_solve(w.call[0], &w.norm);
    if (w.call[0]->dx[NN_BNORM_X] != NULL)
        walk(&w, norm_strip);
}
