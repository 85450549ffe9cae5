/* plan - where in the arena every activation and every operator's scratch lives, and whether the
 * operators stand in an order that can be executed.
 *
 * A span is a piece of memory and the time in which it must be kept: time 0 is before the first
 * operator, time i + 1 is operator i, time n + 1 is after the last.  An output that may be computed
 * in the place of an input which nobody reads later shares that input's span.  Spans are placed one
 * after the other, each into the smallest gap that is free during its time, and of a few orders the
 * best is kept.  Pisarchyk and Lee, "Efficient memory management for deep neural net inference"
 * (arXiv 2001.03288), who place the largest first. */
#include "runtime/model.h"

enum { NEVER = -1 };

typedef struct span {
    size_t bytes, offset;
    int first, last; /* time; NEVER if nothing writes it */
    int32_t share;   /* the span whose place this one takes; itself if it has one */
    int32_t next;    /* the placed span at the next higher offset; NEVER at the end */
    int32_t order;   /* slot k holds the k-th span to be placed */
    bool scratch;    /* of an operator, else a tensor */
    bool folded;     /* the operator has come that was folded into this constant */
} span;

/* Spans: the tensors, then the operators' scratch, and then as many places for the sums over
 * time. */
static size_t n_spans(const rt_model *m)
{
    return (size_t)m->n_tensors + (size_t)m->n_nodes;
}

size_t rt_plan_bytes(const rt_model *m)
{
    return n_spans(m) * sizeof(span) + ((size_t)m->n_nodes + 3) * sizeof(int64_t);
}

static size_t round_up(size_t bytes)
{
    return (bytes + RT_ALIGN - 1) / RT_ALIGN * RT_ALIGN;
}

/* ---- lifetimes ------------------------------------------------------------------------------- */

static void clear(const rt_model *m, span *s)
{
    for (size_t i = 0; i < n_spans(m); i++)
        s[i] = (span){ .first = NEVER,
                       .last = NEVER,
                       .share = (int32_t)i,
                       .next = NEVER,
                       .order = (int32_t)i,
                       .scratch = i >= (size_t)m->n_tensors };
    for (int t = 0; t < m->n_tensors; t++)
        s[t].bytes = round_up(m->tensors[t].bytes);
}

static rt_status begin_inputs(rt_build *b, span *s)
{
    const rt_model *m = b->m;
    for (int i = 0; i < m->n_inputs; i++) {
        const rt_tensor *t = &m->tensors[m->inputs[i]];
        if (t->data != NULL || t->count == 0 || rt_type_bytes(t->type) == 0)
            return rt_flat_fail(&b->f, RT_ENOTSUP, 0, "input %d \"%s\" is %s", i, t->name,
                                t->data != NULL ? "a constant" : "empty or of a type without size");
        s[m->inputs[i]].first = s[m->inputs[i]].last = 0;
    }
    return RT_OK;
}

/* Whether tensor t has its values: it was written, or is a constant of the file or one that an
 * earlier operator was folded into. */
static bool has_value(const rt_build *b, const span *s, int t)
{
    const rt_tensor *tensor = &b->m->tensors[t];
    if (tensor->data != NULL)
        return s[t].folded || rt_in_file(b, tensor);
    return tensor->count == 0 || s[t].first != NEVER;
}

/* Every input was written before, every output is written once. */
static rt_status follow_node(rt_build *b, span *s, int i)
{
    const rt_model *m = b->m;
    const rt_node *n = &m->nodes[i];
    for (int k = 0; k < n->info.n_in; k++) {
        int t = n->info.in[k];
        if (t < 0)
            continue;
        if (!has_value(b, s, t))
            return rt_flat_fail(&b->f, RT_EFORMAT, n->at,
                                "operator %d (%s) reads tensor %d \"%s\" before anything wrote it",
                                i, n->info.name, t, m->tensors[t].name);
        if (s[t].first != NEVER)
            s[t].last = i + 1;
    }
    for (int k = 0; k < n->info.n_out; k++) {
        int t = n->info.out[k];
        s[t].folded = n->folded;
        if (n->folded)
            continue;
        if (s[t].first != NEVER || m->tensors[t].data != NULL)
            return rt_flat_fail(
                &b->f, RT_EFORMAT, n->at,
                "operator %d (%s) writes tensor %d \"%s\", which already has a value", i,
                n->info.name, t, m->tensors[t].name);
        s[t].first = s[t].last = i + 1;
    }
    span *scratch = &s[m->n_tensors + i];
    if (n->scratch_bytes > SIZE_MAX / 4 / (size_t)b->options.workers)
        return rt_flat_fail(&b->f, RT_ELIMIT, n->at,
                            "operator %d (%s): %zu bytes of scratch for %d workers", i,
                            n->info.name, n->scratch_bytes, b->options.workers);
    scratch->bytes = round_up(n->scratch_bytes) * (size_t)b->options.workers;
    if (scratch->bytes != 0)
        scratch->first = scratch->last = i + 1;
    return RT_OK;
}

static rt_status find_lifetimes(rt_build *b, span *s, bool keep_all)
{
    const rt_model *m = b->m;
    clear(m, s);
    RT_TRY(begin_inputs(b, s));
    for (int i = 0; i < m->n_nodes; i++)
        RT_TRY(follow_node(b, s, i));
    for (int i = 0; i < m->n_outputs; i++) {
        int t = m->outputs[i];
        if (s[t].first == NEVER)
            return rt_flat_fail(&b->f, RT_EFORMAT, 0, "output %d \"%s\": nothing writes it", i,
                                m->tensors[t].name);
        s[t].last = m->n_nodes + 1;
    }
    for (int t = 0; keep_all && t < m->n_tensors; t++)
        if (s[t].first != NEVER) {
            s[t].first = 0;
            s[t].last = m->n_nodes + 1;
        }
    return RT_OK;
}

/* For several workers all operators have the same scratch: what a worker has in the cache of its
 * core then stays there, where another's tensors or scratch in its place would go to and fro. */
static void keep_scratch(rt_model *m, span *s, int workers)
{
    enum { LINE = 64 }; /* of a cache */
    size_t most = 0;
    span *kept = NULL;
    for (int i = m->n_nodes - 1; i >= 0; i--)
        if (m->nodes[i].scratch_bytes > 0) {
            kept = &s[m->n_tensors + i];
            if (m->nodes[i].scratch_bytes > most)
                most = m->nodes[i].scratch_bytes;
        }
    if (kept == NULL)
        return;
    most = (most + LINE - 1) / LINE * LINE;
    for (int i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].scratch_bytes > 0) {
            m->nodes[i].scratch_bytes = most;
            s[m->n_tensors + i].share = (int32_t)(kept - s);
        }
    kept->bytes = most * (size_t)workers;
    kept->first = 0;
    kept->last = m->n_nodes + 1;
}

/* Output 0 of each operator into the place of an input that ends there, where that is allowed. */
static void share_places(const rt_model *m, span *s)
{
    for (int i = 0; i < m->n_nodes; i++) {
        const rt_node *n = &m->nodes[i];
        for (int k = 0; k < n->info.n_in && k < 32; k++) {
            int t = n->info.in[k], out = n->info.out[0];
            if ((n->in_place >> k & 1) == 0 || t < 0 || m->tensors[t].data != NULL)
                continue;
            span *place = &s[s[t].share];
            if (place->last != i + 1 || s[out].first != i + 1 || s[out].bytes > place->bytes)
                continue;
            s[out].share = s[t].share;
            place->last = s[out].last;
            break;
        }
    }
}

/* ---- placing --------------------------------------------------------------------------------- */

/* In which order spans are placed; which one is best depends on the network. */
typedef enum order { BY_SIZE, TENSORS_FIRST, BY_TIME_ALIVE, BY_FIRST_USE, N_ORDERS } order;

/* Whether a comes after b; ties in the order of the file. */
static bool after(const span *s, int32_t a, int32_t b, order by)
{
    if (by == TENSORS_FIRST && s[a].scratch != s[b].scratch)
        return s[a].scratch;
    if (by == BY_FIRST_USE && s[a].first != s[b].first)
        return s[a].first > s[b].first;
    int32_t alive_a = s[a].last - s[a].first, alive_b = s[b].last - s[b].first;
    if (by == BY_TIME_ALIVE && alive_a != alive_b)
        return alive_a < alive_b;
    return s[a].bytes != s[b].bytes ? s[a].bytes < s[b].bytes : a > b;
}

static void sift(span *s, size_t root, size_t n, order by)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n)
            return;
        if (child + 1 < n && after(s, s[child + 1].order, s[child].order, by))
            child++;
        if (!after(s, s[child].order, s[root].order, by))
            return;
        int32_t swap = s[root].order;
        s[root].order = s[child].order;
        s[child].order = swap;
        root = child;
    }
}

/* Heap sort. */
static void sort(span *s, size_t n, order by)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(s, i, n, by);
    for (size_t i = n; i-- > 1;) {
        int32_t swap = s[0].order;
        s[0].order = s[i].order;
        s[i].order = swap;
        sift(s, 0, i, by);
    }
}

static bool meet(const span *a, const span *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The smallest gap between the spans that live at the same time; above them all if none is
 * enough.  *steps counts the spans that are looked at. */
static void place(span *s, int32_t *head, int32_t i, int64_t *steps)
{
    size_t end = 0, best = SIZE_MAX, best_at = 0;
    for (int32_t k = *head; k != NEVER; k = s[k].next) {
        (*steps)++;
        if (!meet(&s[k], &s[i]))
            continue;
        if (s[k].offset > end && s[k].offset - end >= s[i].bytes && s[k].offset - end < best) {
            best = s[k].offset - end;
            best_at = end;
        }
        if (s[k].offset + s[k].bytes > end)
            end = s[k].offset + s[k].bytes;
    }
    s[i].offset = best != SIZE_MAX ? best_at : end;
    int32_t *link = head;
    while (*link != NEVER && s[*link].offset < s[i].offset)
        link = &s[*link].next;
    s[i].next = *link;
    *link = i;
}

/* Looking for gaps takes half of the square of the number of spans: tens of seconds for the most
 * operators that a file may have.  Beyond so many steps, which 8,000 spans take, the rest lies
 * above everything else. */
enum { MOST_STEPS = 1 << 25 };

/* Places all in that order and returns the peak. */
static size_t place_all(const rt_model *m, span *s, order by)
{
    int32_t head = NEVER;
    int64_t steps = 0;
    size_t n = n_spans(m), peak = 0;
    sort(s, n, by);
    for (size_t k = 0; k < n; k++) {
        int32_t i = s[k].order;
        if (s[i].first == NEVER || s[i].share != i)
            continue;
        if (steps < MOST_STEPS)
            place(s, &head, i, &steps);
        else
            s[i].offset = peak;
        if (s[i].offset + s[i].bytes > peak)
            peak = s[i].offset + s[i].bytes;
    }
    return peak;
}

/* The least peak that one of the orders gives, with the offsets that belong to it. */
static size_t place_best(const rt_model *m, span *s, size_t bound)
{
    size_t least = SIZE_MAX;
    order best = BY_SIZE;
    for (order by = BY_SIZE; by < N_ORDERS && least > bound; by++) {
        size_t peak = place_all(m, s, by);
        if (peak < least) {
            least = peak;
            best = by;
        } else if (by + 1 == N_ORDERS) {
            place_all(m, s, best);
        }
    }
    return least;
}

/* The largest sum of spans that live at one time; `sums` has n_nodes + 3 places. */
static size_t lower_bound(const rt_model *m, const span *s, int64_t *sums)
{
    for (int t = 0; t < m->n_nodes + 3; t++)
        sums[t] = 0;
    for (size_t i = 0; i < n_spans(m); i++)
        if (s[i].first != NEVER && s[i].share == (int32_t)i) {
            sums[s[i].first] += (int64_t)s[i].bytes;
            sums[s[i].last + 1] -= (int64_t)s[i].bytes;
        }
    int64_t sum = 0, most = 0;
    for (int t = 0; t < m->n_nodes + 2; t++) {
        sum += sums[t];
        most = sum > most ? sum : most;
    }
    return (size_t)most;
}

/* So that sums of spans are exact, as size_t and as int64.  This one does not wrap before it is too
 * large: tensors have at most 2^34 bytes, an operator's scratch SIZE_MAX / 4 and a little. */
static rt_status check_sum(rt_build *b, const span *s)
{
    const uint64_t most = SIZE_MAX / 2;
    uint64_t sum = 0;
    for (size_t i = 0; sum <= most && i < n_spans(b->m); i++)
        sum += s[i].first != NEVER ? s[i].bytes : 0;
    if (sum > most)
        return rt_flat_fail(&b->f, RT_ELIMIT, 0, "the activations need more than %llu bytes",
                            (unsigned long long)most);
    return RT_OK;
}

rt_status rt_plan(rt_build *b, void *spans, bool keep_all)
{
    rt_model *m = b->m;
    int64_t *sums = spans;
    span *s = (span *)(void *)(sums + m->n_nodes + 3);
    RT_TRY(rt_flat_status(&b->f));
    RT_TRY(find_lifetimes(b, s, keep_all));
    if (b->options.workers > 1)
        keep_scratch(m, s, b->options.workers);
    RT_TRY(check_sum(b, s));
    if (!keep_all)
        share_places(m, s);
    m->cost.arena_bound = lower_bound(m, s, sums);
    m->cost.arena_bytes = place_best(m, s, m->cost.arena_bound);
    if (m->cost.arena_bytes > b->options.limits.bytes)
        return rt_flat_fail(&b->f, RT_ELIMIT, 0, "the arena needs %zu bytes; the limit is %llu",
                            m->cost.arena_bytes, (unsigned long long)b->options.limits.bytes);
    for (int t = 0; t < m->n_tensors; t++)
        if (s[t].first != NEVER && m->tensors[t].data == NULL)
            m->tensors[t].offset = s[s[t].share].offset;
    for (int i = 0; i < m->n_nodes; i++)
        m->nodes[i].scratch_offset = s[s[m->n_tensors + i].share].offset;
    return RT_OK;
}
